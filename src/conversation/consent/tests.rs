//! What follows for a customer's consent from what they say.

use serde_json::{Value, json};

use super::*;
use crate::{checked, event::Effect};

const NOW: i64 = 1_795_334_400;

fn settings(value: &Value) -> Consent {
    checked::read("", value, Consent::read).unwrap().unwrap()
}

fn event(kind: &str, data: &Value) -> Event {
    Event {
        id: "e-1".into(),
        kind: kind.into(),
        time: Some(NOW - 5),
        names: Vec::new(),
        effect: Effect::None,
        data: data.to_string(),
    }
}

fn wrote(text: &str) -> Event {
    let message = json!({ "id": "wamid.A", "kind": "text", "text": { "body": text } });
    event("whatsapp.message.received", &json!({ "message": message }))
}

fn pressed(message: &Value) -> Event {
    event("whatsapp.message.received", &json!({ "message": message }))
}

pub(super) fn entry(opted_in: bool, at: i64) -> Entry {
    Entry {
        opted_in,
        how: How::Word,
        at,
        note: None,
        by: None,
    }
}

fn said(event: &Event, ledger: &Ledger) -> Option<(bool, How, String)> {
    let entry = heard(event, &settings(&json!({ "start": ["join"] })), ledger, NOW)?;
    assert_eq!((entry.at, entry.by.as_deref()), (NOW - 5, Some("e-1")));
    Some((entry.opted_in, entry.how, entry.note.unwrap()))
}

#[test]
fn who_says_stop_while_another_app_has_the_conversation_is_heard() {
    let standby = Event {
        kind: STANDBY.to_owned(),
        ..wrote("STOP")
    };
    let heard = said(&standby, &Ledger::default());
    assert_eq!(heard, Some((false, How::Word, "stop".to_owned())));
}

#[test]
fn a_word_a_button_whatsapps_switch_and_a_refusal_are_heard() {
    let preference = |value: &str| {
        let preference = json!({ "category": "marketing_messages", "value": value });
        event(
            "whatsapp.customer.preference",
            &json!({ "preference": preference }),
        )
    };
    let failed = |code: u32| {
        let status = json!({ "id": "wamid.B", "errors": [{ "code": code }] });
        event("whatsapp.status.failed", &json!({ "status": status }))
    };
    let reply = json!({ "id": "STOP", "title": "No more" });
    for (event, expected) in [
        (wrote("¡STOP!"), Some((false, How::Word, "stop"))),
        (wrote("Join"), Some((true, How::Word, "join"))),
        (wrote("stop it"), None),
        (
            pressed(&json!({ "button": { "payload": "X", "text": "Stop promotions" } })),
            Some((false, How::Button, "stop promotions")),
        ),
        (
            pressed(&json!({ "interactive": { "type": "button_reply", "button_reply": reply } })),
            Some((false, How::Button, "stop")),
        ),
        (
            pressed(&json!({ "interactive": { "type": "list_reply", "list_reply": reply } })),
            Some((false, How::Button, "stop")),
        ),
        (preference("stop"), Some((false, How::Preference, "stop"))),
        (
            preference("resume"),
            Some((true, How::Preference, "resume")),
        ),
        (
            preference("signup"),
            Some((true, How::Preference, "signup")),
        ),
        (preference("other"), None),
        (failed(131_050), Some((false, How::Refusal, "131050"))),
        (failed(131_026), None),
        (
            pressed(&json!({ "group_id": "G", "text": { "body": "stop" } })),
            None,
        ),
        (
            event(
                "whatsapp.message.echoed",
                &json!({ "message": { "text": { "body": "stop" } } }),
            ),
            None,
        ),
        (event("whatsapp.message.received", &json!(7)), None),
    ] {
        let heard = said(&event, &Ledger::default());
        let expected = expected.map(|(opted_in, how, note)| (opted_in, how, note.to_owned()));
        assert_eq!(heard, expected, "{}", event.data);
    }
}

#[test]
fn a_common_word_takes_a_stop_back_and_says_nothing_otherwise() {
    let stopped = Ledger::default().with(entry(false, 1));
    assert_eq!(said(&wrote("start"), &Ledger::default()), None);
    assert_eq!(
        said(&wrote("start"), &stopped.clone().with(entry(true, 2))),
        None
    );
    assert!(said(&wrote("start"), &stopped).is_some_and(|(opted_in, ..)| opted_in));
    // On the button of a menu it says where the menu goes.
    for title in ["Start", "Voltar"] {
        let reply = json!({ "id": "menu:7", "title": title });
        let menu =
            pressed(&json!({ "interactive": { "type": "button_reply", "button_reply": reply } }));
        assert_eq!(said(&menu, &stopped), None);
    }
}

#[test]
fn who_stopped_gets_no_advertising_and_who_has_not_agreed_gets_what_is_allowed() {
    use Category::{Authentication, Marketing, Utility};
    use Objection::{NotOptedIn, OptedOut};
    let (unknown, opted_in, opted_out) = (Standing::Unknown, Standing::OptedIn, Standing::OptedOut);
    for (opt_in, standing, category, open, expected) in [
        ("none", unknown, Marketing, false, None),
        ("none", opted_out, Marketing, true, Some(OptedOut)),
        ("none", opted_out, Marketing, false, Some(OptedOut)),
        ("none", opted_out, Utility, false, None),
        ("none", opted_in, Marketing, false, None),
        ("marketing", unknown, Marketing, true, Some(NotOptedIn)),
        ("marketing", unknown, Utility, false, None),
        ("marketing", opted_in, Marketing, false, None),
        ("marketing", opted_out, Authentication, false, None),
        ("all", unknown, Utility, false, Some(NotOptedIn)),
        ("all", unknown, Utility, true, None),
        ("all", unknown, Marketing, true, Some(NotOptedIn)),
        ("all", opted_out, Authentication, false, Some(OptedOut)),
        ("all", opted_in, Utility, false, None),
    ] {
        let settings = settings(&json!({ "opt_in": opt_in }));
        let found = objection(&settings, standing, category, open);
        assert_eq!(found, expected, "{opt_in} {standing:?} {category:?} {open}");
    }
}
