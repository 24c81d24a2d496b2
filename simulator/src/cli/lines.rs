//! What happened, in one line each: who wrote what, and how long the window is open.

use chrono::{DateTime, Local};
use serde_json::Value;
use simulator::backend::{Arrival, Event};
use simulator::graph;

/// One line for each event in a request to the backend.
pub(crate) fn of_arrival(arrival: &Arrival) -> Vec<String> {
    let at = clock_time(arrival.unix);
    if !arrival.faults.is_empty() {
        let faults = arrival.faults.join("; ");
        let hint = if faults.contains("signature") {
            " (this backend checks with BACKEND_SECRET of .dev.vars)"
        } else {
            ""
        };
        return vec![format!("{at}  REFUSED  {}{hint}", visible(&faults))];
    }
    let again = if arrival.attempt > 1 {
        format!("  (try {})", arrival.attempt)
    } else {
        String::new()
    };
    arrival
        .events
        .iter()
        .map(|event| format!("{at}  {}{again}", of_event(event)))
        .collect()
}

/// What came, from whom, until when the window is open, which rule fitted, and why a message did not go.
pub(crate) fn of_event(event: &Event) -> String {
    let data = &event.data;
    let columns = [
        event.kind.trim_start_matches("whatsapp.").to_owned(),
        visible(data["message"]["kind"].as_str().unwrap_or_default()),
        who(event),
        what(&data["message"]),
        window(&data["window"]["customer_service"]),
        rule(&data["rule"]),
        error(&data["send"]["error"]),
    ];
    columns
        .into_iter()
        .filter(|column| !column.is_empty())
        .collect::<Vec<_>>()
        .join("  ")
}

/// A request to the Graph API.
pub(crate) fn of_request(request: &graph::Request, unix: i64) -> String {
    let mut columns = vec![
        clock_time(unix),
        "Graph API".into(),
        visible(request.kind()),
    ];
    if !request.to().is_empty() {
        columns.push(format!("to {}", visible(request.to())));
    }
    columns.push(what(&request.body));
    if !request.faults.is_empty() {
        columns.push(format!("REFUSED: {}", visible(&request.faults.join("; "))));
    }
    columns.retain(|column| !column.is_empty());
    columns.join("  ")
}

fn who(event: &Event) -> String {
    let customer = &event.data["customer"];
    let known = |name: &str| customer[name].as_str().map(visible);
    let address = known("phone")
        .or(known("user_id"))
        .or(event.subject.as_deref().map(visible));
    match (known("name").or(known("username")), address) {
        (Some(name), Some(address)) => format!("{name} ({address})"),
        (name, address) => name.or(address).unwrap_or_default(),
    }
}

/// The words in a message, wherever its type has them.
fn what(message: &Value) -> String {
    let places = [
        "/text/body",
        "/image/caption",
        "/video/caption",
        "/document/caption",
        "/document/filename",
        "/button/text",
        "/interactive/button_reply/title",
        "/interactive/list_reply/title",
        "/interactive/body/text",
        "/reaction/emoji",
        "/location/name",
        "/template/name",
    ];
    let words = places
        .into_iter()
        .find_map(|place| message.pointer(place)?.as_str());
    words.map(quoted).unwrap_or_default()
}

fn window(window: &Value) -> String {
    let closes = window["closes_at"]
        .as_str()
        .and_then(|time| DateTime::parse_from_rfc3339(time).ok());
    match (window["open"].as_bool(), closes) {
        (Some(true), Some(closes)) => format!(
            "window open until {}",
            closes.with_timezone(&Local).format("%a %H:%M")
        ),
        (Some(true), None) => "window open".into(),
        (Some(false), _) => "window closed".into(),
        (None, _) => String::new(),
    }
}

/// The rule that fitted and, where it did nothing or sent nothing, why.
fn rule(rule: &Value) -> String {
    let Some(id) = rule["id"].as_str() else {
        return String::new();
    };
    let withheld = rule["withheld"]
        .as_str()
        .map(|why| format!(" withheld: {why}"));
    visible(&format!("rule {id}{}", withheld.unwrap_or_default()))
}

fn error(error: &Value) -> String {
    let why = error["meaning"].as_str().or(error["class"].as_str());
    why.map(visible).unwrap_or_default()
}

fn clock_time(unix: i64) -> String {
    let time = DateTime::from_timestamp(unix, 0).unwrap_or_default();
    time.with_timezone(&Local).format("%H:%M:%S").to_string()
}

fn quoted(text: &str) -> String {
    const MOST: usize = 60;
    let mut short: String = text.chars().take(MOST).collect();
    if text.chars().nth(MOST).is_some() {
        short.push('…');
    }
    format!("{short:?}")
}

/// What came from outside must not steer the terminal.
fn visible(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_control() { '\u{fffd}' } else { c })
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn event(kind: &str, data: Value) -> Event {
        Event {
            id: "e".into(),
            kind: kind.into(),
            source: "/whatsapp/1".into(),
            subject: Some("US.1".into()),
            time: None,
            json: data.clone(),
            data,
        }
    }

    #[test]
    fn a_message_says_what_came_from_whom_and_how_long_the_window_is_open() {
        let closes = DateTime::from_timestamp(1_770_086_400, 0).unwrap();
        let line = of_event(&event(
            "whatsapp.message.received",
            json!({
                "customer": { "name": "Ana", "phone": "16505551234" },
                "message": { "kind": "text", "text": { "body": "hola" } },
                "window": { "customer_service": { "open": true, "closes_at": closes.to_rfc3339() } },
            }),
        ));
        let until = closes.with_timezone(&Local).format("%a %H:%M");
        assert_eq!(
            line,
            format!(
                "message.received  text  Ana (16505551234)  \"hola\"  window open until {until}"
            )
        );
    }

    #[test]
    fn a_message_says_which_rule_fitted_and_why_it_was_silent() {
        let line = |rule| of_event(&event("whatsapp.message.received", json!({ "rule": rule })));
        assert_eq!(
            line(json!({ "id": "agent", "sends": [] })),
            "message.received  US.1  rule agent"
        );
        assert_eq!(
            line(json!({ "id": "hours", "withheld": "handover" })),
            "message.received  US.1  rule hours withheld: handover"
        );
    }

    #[test]
    fn a_message_that_did_not_go_says_why() {
        let line = |error| {
            let data = json!({ "customer": { "phone": "1650" }, "send": { "error": error } });
            of_event(&event("transom.send.failed", data))
        };
        assert_eq!(
            line(json!({ "class": "window", "meaning": "the window is closed" })),
            "transom.send.failed  1650  the window is closed"
        );
        assert_eq!(
            line(json!({ "code": null, "class": "late" })),
            "transom.send.failed  1650  late"
        );
    }

    #[test]
    fn what_is_not_known_is_left_out() {
        assert_eq!(
            of_event(&event("whatsapp.status.read", json!({}))),
            "status.read  US.1"
        );
    }

    #[test]
    fn a_message_cannot_steer_the_terminal() {
        let line = of_event(&event(
            "whatsapp.message.received",
            json!({
                "customer": { "name": "A\u{1b}[2Jna" }, "message": { "text": { "body": "\u{1b}[31m" } },
            }),
        ));
        assert!(!line.chars().any(char::is_control), "{line:?}");
    }
}
