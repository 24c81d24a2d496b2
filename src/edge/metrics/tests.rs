use std::{
    collections::BTreeSet,
    io::Write as _,
    process::{Command, Stdio},
};

use serde_json::json;

use super::*;

/// One mailbox with a destination in trouble, one that gives no answer, and a partition of a number.
fn figures() -> String {
    let crm = json!({
        "id": "crm", "state": "down", "waiting_conversations": 2, "waiting_events": 30, "tries": 7,
        "oldest_waiting": "2026-02-02T02:40:00Z", "dead_letters": 0, "delivered_last_hour": 5, "delivered": 1200,
        "failed_tries": 31, "refused_replies": 4, "last_error": { "class": "status 500", "time": "2026-02-02T02:41:00Z" },
    });
    let bot = json!({ "id": "bot", "state": "paused", "waiting_events": 0 });
    render(&[
        MailboxAnswer {
            mailbox: "1".to_owned(),
            partition: None,
            answer: Some(
                json!({ "destinations": [crm, bot], "waiting_sends": 12, "failed_sends": 3, "number_blocked": { "code": 190 },
                    "graph_silent_since": "2026-02-02T02:40:00Z" }),
            ),
        },
        MailboxAnswer {
            mailbox: "2".to_owned(),
            partition: None,
            answer: None,
        },
        MailboxAnswer {
            mailbox: "3".to_owned(),
            partition: Some(0),
            answer: Some(
                json!({ "destinations": [{ "id": "crm", "tries": 1 }], "waiting_sends": 0 }),
            ),
        },
    ])
}

#[test]
fn figures_are_told_for_each_destination_of_each_mailbox() {
    let text = figures();
    for line in [
        r#"transom_mailbox_up{phone_number_id="1"} 1"#,
        r#"transom_mailbox_up{phone_number_id="2"} 0"#,
        r#"transom_mailbox_up{phone_number_id="3",partition="0"} 1"#,
        r#"transom_waiting_sends{phone_number_id="1"} 12"#,
        r#"transom_number_blocked{phone_number_id="1"} 1"#,
        r#"transom_graph_silent{phone_number_id="1"} 1"#,
        r#"transom_graph_silent{phone_number_id="3",partition="0"} 0"#,
        r#"transom_waiting_sends{phone_number_id="3",partition="0"} 0"#,
        r#"transom_number_blocked{phone_number_id="3",partition="0"} 0"#,
        r#"transom_waiting_tries{phone_number_id="3",partition="0",destination="crm"} 1"#,
        r#"transom_waiting_conversations{phone_number_id="1",destination="crm"} 2"#,
        r#"transom_waiting_events{phone_number_id="1",destination="crm"} 30"#,
        r#"transom_waiting_events{phone_number_id="1",destination="bot"} 0"#,
        r#"transom_oldest_waiting_timestamp_seconds{phone_number_id="1",destination="crm"} 1770000000"#,
        r#"transom_waiting_tries{phone_number_id="1",destination="crm"} 7"#,
        r#"transom_dead_letters{phone_number_id="1",destination="crm"} 0"#,
        r#"transom_last_error_timestamp_seconds{phone_number_id="1",destination="crm"} 1770000060"#,
        r#"transom_delivered_last_hour{phone_number_id="1",destination="crm"} 5"#,
        "# TYPE transom_delivered_total counter",
        r#"transom_delivered_total{phone_number_id="1",destination="crm"} 1200"#,
        r#"transom_failed_tries_total{phone_number_id="1",destination="crm"} 31"#,
        r#"transom_refused_replies_total{phone_number_id="1",destination="crm"} 4"#,
        r#"transom_failed_sends_total{phone_number_id="1"} 3"#,
        r#"transom_destination_state{phone_number_id="1",destination="crm",state="active"} 0"#,
        r#"transom_destination_state{phone_number_id="1",destination="crm",state="down"} 1"#,
        r#"transom_destination_state{phone_number_id="1",destination="bot",state="paused"} 1"#,
    ] {
        assert!(text.lines().any(|other| other == line), "{line} in {text}");
    }
    assert!(
        !text.contains(r#"oldest_waiting_timestamp_seconds{phone_number_id="1",destination="bot""#)
    );
    assert!(!text.contains("status 500"));
}

/// Each family stands together behind its own head, as the format asks, and no series is there twice.
#[test]
fn the_text_has_the_form_that_prometheus_reads() {
    let text = figures();
    assert!(text.ends_with('\n'));
    let mut families = BTreeSet::new();
    let mut series = BTreeSet::new();
    let mut lines = text.lines().peekable();
    while let Some(help) = lines.next() {
        let family = help
            .strip_prefix("# HELP ")
            .unwrap()
            .split(' ')
            .next()
            .unwrap();
        let kind = lines
            .next()
            .unwrap()
            .strip_prefix(&format!("# TYPE {family} "))
            .unwrap();
        assert!(families.insert(family), "{family} is there twice");
        assert_eq!(family.ends_with("_total"), kind == "counter", "{family}");
        while let Some(line) = lines.next_if(|line| !line.starts_with('#')) {
            let (name, value) = line.rsplit_once(' ').unwrap();
            assert!(
                name.starts_with(&format!("{family}{{")) && name.ends_with('}'),
                "{line}"
            );
            assert!(value.parse::<i64>().is_ok(), "{line}");
            assert!(series.insert(name), "{name} is there twice");
        }
    }
}

#[test]
fn promtool_finds_nothing() {
    let promtool = std::env::var("PROMTOOL").unwrap_or_else(|_| "promtool".to_owned());
    let child = Command::new(&promtool)
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let Ok(mut child) = child else {
        eprintln!(
            "skipped: there is no {promtool} here (Debian: prometheus); PROMTOOL names another"
        );
        return;
    };
    child
        .stdin
        .take()
        .unwrap()
        .write_all(figures().as_bytes())
        .unwrap();
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned()
        + &String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && said.trim().is_empty(), "{said}");
}
