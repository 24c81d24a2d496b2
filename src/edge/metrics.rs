//! Figures in Prometheus' text format, version 0.0.4.

use std::fmt::Write as _;

use serde_json::Value;

/// The `content-type`.
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// What a destination can be, as `GET /v1/destinations` tells it.
const STATES: [&str; 4] = ["active", "paused", "down", "gone"];

/// A figure of a destination: its name there, its name here, and what it is.
const FIGURES: [(&str, &str, &str); 3] = [
    (
        "waiting_conversations",
        "transom_waiting_conversations",
        "Conversations that wait because the destination did not take an event.",
    ),
    (
        "waiting_events",
        "transom_waiting_events",
        "Events in the conversations that wait.",
    ),
    (
        "dead_letters",
        "transom_dead_letters",
        "Events that were given up and neither deleted nor replayed.",
    ),
];

/// How the destinations of one mailbox stand.
#[derive(Debug)]
pub struct Standing {
    /// The mailbox, by its `phone_number_id`.
    pub mailbox: String,
    /// What `GET /v1/destinations` answers for it; `None` where it gave no answer.
    pub destinations: Option<Value>,
}

/// Writes the figures of these mailboxes. There are as many series as there are mailboxes times destinations times
/// figures, all of them named in the settings, so that no label ever takes values that a customer chooses.
pub fn render(standings: &[Standing]) -> String {
    let mut out = String::new();
    head(
        &mut out,
        "transom_mailbox_up",
        "Whether the mailbox answered.",
    );
    for Standing {
        mailbox,
        destinations,
    } in standings
    {
        let up = u8::from(destinations.is_some());
        // Writing to a string does not fail.
        let _ = writeln!(
            out,
            "transom_mailbox_up{{phone_number_id=\"{mailbox}\"}} {up}"
        );
    }
    for (member, name, help) in FIGURES {
        head(&mut out, name, help);
        each(standings, |labels, destination| {
            if let Some(value) = destination.get(member).and_then(Value::as_i64) {
                let _ = writeln!(out, "{name}{{{labels}}} {value}");
            }
        });
    }
    let name = "transom_destination_state";
    head(
        &mut out,
        name,
        "1 for the state that the destination is in.",
    );
    each(standings, |labels, destination| {
        for state in STATES {
            let is = u8::from(destination.get("state").and_then(Value::as_str) == Some(state));
            let _ = writeln!(out, "{name}{{{labels},state=\"{state}\"}} {is}");
        }
    });
    out
}

fn head(out: &mut String, name: &str, help: &str) {
    let _ = writeln!(out, "# HELP {name} {help}\n# TYPE {name} gauge");
}

/// Every destination with its labels. Nothing in those needs escapes: they are ids, which were checked.
fn each(standings: &[Standing], mut write: impl FnMut(&str, &Value)) {
    for standing in standings {
        let all = standing.destinations.as_ref();
        let list = all.and_then(|all| all.get("destinations")?.as_array());
        for destination in list.into_iter().flatten() {
            let id = destination
                .get("id")
                .and_then(Value::as_str)
                .unwrap_or_default();
            let number = &standing.mailbox;
            write(
                &format!("phone_number_id=\"{number}\",destination=\"{id}\""),
                destination,
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn figures_are_told_for_each_destination_of_each_mailbox() {
        let crm = json!({
            "id": "crm", "state": "paused", "waiting_conversations": 2, "waiting_events": 30, "dead_letters": 0,
        });
        let text = render(&[
            Standing {
                mailbox: "1".to_owned(),
                destinations: Some(json!({ "destinations": [crm] })),
            },
            Standing {
                mailbox: "2".to_owned(),
                destinations: None,
            },
        ]);
        let expected = r#"# HELP transom_mailbox_up Whether the mailbox answered.
# TYPE transom_mailbox_up gauge
transom_mailbox_up{phone_number_id="1"} 1
transom_mailbox_up{phone_number_id="2"} 0
# HELP transom_waiting_conversations Conversations that wait because the destination did not take an event.
# TYPE transom_waiting_conversations gauge
transom_waiting_conversations{phone_number_id="1",destination="crm"} 2
# HELP transom_waiting_events Events in the conversations that wait.
# TYPE transom_waiting_events gauge
transom_waiting_events{phone_number_id="1",destination="crm"} 30
# HELP transom_dead_letters Events that were given up and neither deleted nor replayed.
# TYPE transom_dead_letters gauge
transom_dead_letters{phone_number_id="1",destination="crm"} 0
# HELP transom_destination_state 1 for the state that the destination is in.
# TYPE transom_destination_state gauge
transom_destination_state{phone_number_id="1",destination="crm",state="active"} 0
transom_destination_state{phone_number_id="1",destination="crm",state="paused"} 1
transom_destination_state{phone_number_id="1",destination="crm",state="down"} 0
transom_destination_state{phone_number_id="1",destination="crm",state="gone"} 0
"#;
        assert_eq!(text, expected);
    }
}
