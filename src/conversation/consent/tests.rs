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

fn preferred(preference: &Value) -> Event {
    event(
        "whatsapp.customer.preference",
        &json!({ "preference": preference }),
    )
}

fn failed(codes: &[u32]) -> Event {
    let errors: Vec<_> = codes.iter().map(|code| json!({ "code": code })).collect();
    let status = json!({ "id": "wamid.B", "errors": errors });
    event("whatsapp.status.failed", &json!({ "status": status }))
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
        preferred(&preference)
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
        (
            preferred(&json!({ "value": "stop" })),
            Some((false, How::Preference, "stop")),
        ),
        (
            preferred(&json!({ "category": "service_updates", "value": "stop" })),
            None,
        ),
        (failed(&[131_050]), Some((false, How::Refusal, "131050"))),
        (
            failed(&[131_026, 131_050]),
            Some((false, How::Refusal, "131050")),
        ),
        (failed(&[131_026]), None),
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
fn what_one_of_a_group_wants_is_not_what_the_group_wants() {
    for event in [wrote("stop"), failed(&[131_050])] {
        let event = Event {
            names: vec![Name::Group("G".to_owned())],
            ..event
        };
        assert_eq!(said(&event, &Ledger::default()), None, "{}", event.kind);
    }
}

#[test]
fn a_change_that_no_event_of_theirs_told_names_the_customer() {
    let names = vec![
        Name::User("US.1".to_owned()),
        Name::Parent("US.ENT.2".to_owned()),
        Name::Phone("1650".to_owned()),
    ];
    let whose = Whose::person("send-1".to_owned(), names.clone(), "1065");
    let ledger = Ledger::default().with(entry(false, NOW));
    let told = whose.changed(Standing::Unknown, &ledger).unwrap();
    let data: Value = serde_json::from_str(&told.data).unwrap();
    assert_eq!(told.names, names);
    assert_eq!(data["business"], json!({ "phone_number_id": "1065" }));
    assert_eq!(
        data["customer"],
        json!({ "user_id": "US.1", "parent_user_id": "US.ENT.2", "phone": "1650" })
    );
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
fn a_word_for_leaving_stops_where_it_is_written_and_leaves_a_menu_where_it_is_pressed() {
    let stopped = |event| said(&event, &Ledger::default());
    assert!(stopped(wrote("Sair")).is_some_and(|(opted_in, ..)| !opted_in));
    let quick = json!({ "button": { "payload": "Sair", "text": "Sair" } });
    assert!(stopped(pressed(&quick)).is_some_and(|(opted_in, ..)| !opted_in));
    for kind in ["button_reply", "list_reply"] {
        let reply = json!({ "id": "menu:0", "title": "Sair" });
        let menu = pressed(&json!({ "interactive": { "type": kind, kind: reply } }));
        assert_eq!(stopped(menu.clone()), None);
        let own = settings(&json!({ "stop": ["sair"] }));
        assert!(heard(&menu, &own, &Ledger::default(), NOW).is_some_and(|entry| !entry.opted_in));
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
