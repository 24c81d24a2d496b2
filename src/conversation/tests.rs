//! Rules and guards, by table.

use std::collections::HashMap;

use serde_json::{Value, json};

use super::{
    budget::Budget,
    closing::CLOSING,
    consent::{Entry, Standing},
    handover::{By, Handover},
    window::Windows,
    *,
};
use crate::{
    config::answering_of,
    event::{Effect, Event, Name},
};

/// Monday, 23 November 2026, 10:00 in Madrid.
const NOW: i64 = 1_795_424_400;

fn text(body: &str) -> Value {
    json!({ "type": "text", "text": { "body": body } })
}

fn policy(config: &Value) -> Policy {
    policy_with(config, None)
}

fn policy_with(config: &Value, consent: Option<&Value>) -> Policy {
    let consent = consent.and_then(|consent| {
        crate::checked::read("consent", consent, crate::config::Consent::read).unwrap()
    });
    let answering = answering_of(config);
    let budget = Budget::new(answering.per_day, HashMap::new(), NOW);
    let offset = |zone: &str, _| (zone == "Europe/Madrid").then_some(3600);
    let answers = Answers::new(answering, "1065", offset, budget);
    Policy::new(Some(answers), consent).unwrap()
}

fn said(message: &Value) -> Event {
    let mut message = message.clone();
    message["id"] = json!("wamid.A");
    Event {
        id: "a-1".to_owned(),
        kind: "whatsapp.message.received".to_owned(),
        time: Some(NOW - 5),
        names: vec![Name::User("US.1".to_owned())],
        effect: Effect::Opens { referral: false },
        data: json!({ "customer": { "user_id": "US.1", "name": "Ana" }, "message": message })
            .to_string(),
    }
}

fn wrote(body: &str) -> Event {
    said(&json!({ "kind": "text", "text": { "body": body } }))
}

fn known(state: State) -> Known {
    let open = Windows {
        customer_service: Some(NOW + 80_000),
        ..Windows::default()
    };
    Known {
        conversation: 7,
        before: open,
        windows: open,
        state,
    }
}

fn first() -> Known {
    Known {
        before: Windows::default(),
        ..known(State::default())
    }
}

/// What follows from an event of a conversation of which nothing is remembered.
fn conclude(config: &Value, event: &Event) -> Conclusion {
    policy(config).conclude(event, &known(State::default()), NOW * 1000)
}

fn in_a_group(event: Event) -> Event {
    Event {
        names: vec![Name::Group("G".to_owned())],
        ..event
    }
}

/// A window that is about to close.
fn closing() -> Event {
    Event {
        kind: CLOSING.to_owned(),
        effect: Effect::None,
        ..wrote("x")
    }
}

fn rule(concluded: &Conclusion) -> Value {
    let found = concluded.added.iter().find(|(name, _)| *name == "rule");
    found.map_or(Value::Null, |(_, json)| serde_json::from_str(json).unwrap())
}

/// What a rule with this condition does.
fn fires(when: &Value, event: &Event, known: &Known) -> bool {
    let config = json!({
        "answering": { "office_hours": { "time_zone": "Europe/Madrid", "open": ["mon-fri 09:00-18:00"] } },
        "replies": [ { "id": "it", "when": when, "tag": "x" } ] });
    let concluded = policy(&config).conclude(event, known, NOW * 1000);
    rule(&concluded)["tags"] == json!(["x"])
}

#[test]
fn each_condition_holds_for_what_it_is_about() {
    let button = said(
        &json!({ "kind": "interactive", "interactive": { "button_reply": { "id": "yes", "title": "Sí" } } }),
    );
    let quick = said(&json!({ "kind": "button", "button": { "payload": "yes", "text": "Sí" } }));
    let list = said(
        &json!({ "kind": "interactive", "interactive": { "list_reply": { "id": "l1", "title": "One" } } }),
    );
    let photo =
        said(&json!({ "kind": "image", "image": { "id": "1", "caption": "Mi PEDIDO 77" } }));
    let ad = said(
        &json!({ "kind": "text", "text": { "body": "info" }, "referral": { "source_id": "77" } }),
    );
    let hours = wrote("¿Cuál es su HORÁRIO?");
    for (when, event, expected) in [
        (json!({}), &hours, true),
        (json!({ "text": "hours|horario" }), &hours, true),
        (json!({ "text": "hora" }), &hours, false),
        (json!({ "text": { "matches": "hor[aá]ri" } }), &hours, true),
        (json!({ "text": "pedido" }), &photo, true),
        (
            json!({ "text": { "matches": "pedido \\d+$" } }),
            &photo,
            true,
        ),
        (json!({ "text": { "matches": "^pedido" } }), &hours, false),
        (json!({ "text": { "matches": ".*" } }), &button, false),
        (json!({ "text": "si" }), &button, false),
        (json!({ "kind": "image" }), &photo, true),
        (json!({ "kind": ["text", "image"] }), &photo, true),
        (json!({ "kind": "text" }), &photo, false),
        (json!({ "button": "yes" }), &button, true),
        (json!({ "button": ["no", "yes"] }), &quick, true),
        (json!({ "button": "no" }), &button, false),
        (json!({ "button": "yes" }), &hours, false),
        (json!({ "list": "l1" }), &list, true),
        (json!({ "list": "l2" }), &list, false),
        (json!({ "referral": true }), &ad, true),
        (json!({ "referral": true }), &hours, false),
        (json!({ "referral": false }), &ad, false),
        (json!({ "referral": "77" }), &ad, true),
        (json!({ "referral": ["78"] }), &ad, false),
        (json!({ "office_hours": "inside" }), &hours, true),
        (json!({ "office_hours": "outside" }), &hours, false),
        (json!({ "text": "horario", "kind": "image" }), &hours, false),
        (json!({ "window": "closing" }), &hours, false),
        (json!({ "first_contact": false }), &hours, true),
        (json!({ "first_contact": true }), &hours, false),
    ] {
        let fires = fires(&when, event, &known(State::default()));
        assert_eq!(fires, expected, "{when}");
    }
    assert!(fires(&json!({ "first_contact": true }), &hours, &first()));
    assert!(!fires(&json!({ "first_contact": false }), &hours, &first()));
    let known = known(State::default());
    assert!(fires(&json!({ "window": "closing" }), &closing(), &known));
    assert!(!fires(&json!({}), &closing(), &known));
}

#[test]
fn what_meta_answers_in_a_customers_name_is_answered_by_no_rule() {
    let config = json!({ "replies": [{ "when": {}, "reply": text("A") }] });
    for (source, replies) in [("automatic", 0), ("user_action", 1)] {
        let reply = json!({ "response": "accept", "response_source": source });
        let interactive =
            json!({ "type": "call_permission_reply", "call_permission_reply": reply });
        let event = said(&json!({ "kind": "interactive", "interactive": interactive }));
        assert_eq!(conclude(&config, &event).replies.len(), replies, "{source}");
    }
}

#[test]
fn the_first_rule_that_fits_fires_and_no_other() {
    let config = json!({ "replies": [
        { "id": "a", "when": { "text": "a" }, "reply": text("A") },
        { "id": "b", "when": { "text": "b" }, "reply": [text("Hi {{customer.name}}"), text("{{customer.username|you}}")] },
        { "id": "c", "when": {}, "reply": text("C") },
    ] });
    let concluded = conclude(&config, &wrote("b c"));
    let sent = concluded.replies.iter().map(|reply| {
        let body = &reply.message.members()["text"]["body"];
        (reply.id.as_str(), body.as_str(), reply.answers.as_deref())
    });
    let expected = [
        ("a-1.rule:b.0", Some("Hi Ana"), Some("wamid.A")),
        ("a-1.rule:b.1", Some("you"), None),
    ];
    assert_eq!(sent.collect::<Vec<_>>(), expected);
    assert_eq!(
        rule(&concluded),
        json!({ "id": "b", "sends": ["1065.a-1.rule:b.0", "1065.a-1.rule:b.1"] })
    );
    assert_eq!(concluded.replies[0].conversation, 7);
    assert_eq!(concluded.state, State::default(), "it may fire again");
    let concluded = conclude(&json!({ "replies": [] }), &wrote("b"));
    assert_eq!(rule(&concluded), Value::Null);
}

#[test]
fn a_rule_for_another_number_is_none() {
    let config = json!({ "replies": [ { "numbers": ["2"], "when": {}, "tag": "x" } ] });
    assert_eq!(conclude(&config, &wrote("b")), Conclusion::default());
    let config = json!({ "replies": [ { "numbers": ["2", "1065"], "when": {}, "tag": "x" } ] });
    assert_eq!(rule(&conclude(&config, &wrote("b")))["tags"], json!(["x"]));
}

#[test]
fn a_rule_that_may_fire_once_in_a_while_is_passed_by_until_then() {
    let config = json!({ "replies": [
        { "id": "welcome", "once_in_s": 3600, "when": {}, "reply": text("Welcome") },
        { "id": "again", "when": {}, "reply": text("Again") },
    ] });
    let mut policy = policy(&config);
    let mut state = State {
        fired: [("gone".to_owned(), NOW)].into(),
        ..State::default()
    };
    for (after, expected) in [
        (0, "welcome"),
        (10, "again"),
        (3599, "again"),
        (3600, "welcome"),
    ] {
        let now = NOW + after;
        let event = Event {
            time: Some(now),
            ..wrote("x")
        };
        let concluded = policy.conclude(&event, &known(state.clone()), now * 1000);
        assert_eq!(rule(&concluded)["id"], expected, "after {after} s");
        state = concluded.state;
    }
    assert_eq!(state.fired, [("welcome".to_owned(), NOW + 3600)]);
}

#[test]
fn what_one_rule_may_do_once_in_a_while_is_not_forgotten_for_another() {
    let config = json!({ "replies": [
        { "id": "a", "once_in_s": 3600, "when": { "text": "a" }, "reply": text("A") },
        { "id": "b", "once_in_s": 60, "when": { "text": "b" }, "reply": text("B") },
    ] });
    let mut policy = policy(&config);
    let mut state = State::default();
    for (after, word, fires) in [
        (0, "a", true),
        (10, "b", true),
        (20, "a", false),
        (69, "b", false),
        (70, "b", true),
        (3599, "a", false),
        (3600, "b", true),
    ] {
        let now = NOW + after;
        let event = Event {
            time: Some(now),
            ..wrote(word)
        };
        let concluded = policy.conclude(&event, &known(state), now * 1000);
        assert_eq!(concluded.replies.len() == 1, fires, "after {after} s");
        state = concluded.state;
    }
    assert_eq!(state.fired, [("b".to_owned(), NOW + 3600)]);
}

#[test]
fn nothing_is_answered_where_nobody_should_be() {
    let handover = Handover {
        by: By::Api,
        since: NOW - 9,
        until: None,
    };
    let state = |until| State {
        handover: Some(Handover { until, ..handover }),
        ..State::default()
    };
    let at = |time| Event { time, ..wrote("x") };
    for (event, state, expected) in [
        (wrote("x"), State::default(), Value::Null),
        (in_a_group(wrote("x")), State::default(), json!("group")),
        (at(Some(NOW - 600)), State::default(), Value::Null),
        (at(Some(NOW - 601)), State::default(), json!("late")),
        (at(None), State::default(), json!("late")),
        (wrote("x"), state(None), json!("handover")),
        (wrote("x"), state(Some(NOW + 1)), json!("handover")),
        (wrote("x"), state(Some(NOW)), Value::Null),
    ] {
        let config = json!({ "replies": [ { "id": "it", "when": {}, "reply": text("A"), "tag": "x", "hand_over": true } ] });
        let concluded = policy(&config).conclude(&event, &known(state.clone()), NOW * 1000);
        assert_eq!(rule(&concluded)["withheld"], expected);
        if expected != Value::Null {
            let told = json!({ "id": "it", "withheld": expected });
            assert_eq!(rule(&concluded), told);
            assert_eq!((concluded.replies.len(), concluded.state), (0, state));
        }
    }
    for kind in [
        "whatsapp.message.echoed",
        "whatsapp.message.history",
        "whatsapp.message.edited",
        "whatsapp.message.revoked",
        "whatsapp.standby.received",
        "whatsapp.status.sent",
        "whatsapp.unknown",
        "whatsapp.call.connect",
    ] {
        let event = Event {
            kind: kind.to_owned(),
            ..wrote("x")
        };
        let fires = fires(&json!({}), &event, &known(State::default()));
        assert!(!fires, "{kind}");
    }
}

#[test]
fn groups_are_answered_where_that_is_set() {
    let config =
        json!({ "answering": { "groups": true }, "replies": [ { "when": {}, "tag": "x" } ] });
    let concluded = conclude(&config, &in_a_group(wrote("x")));
    assert_eq!(rule(&concluded)["tags"], json!(["x"]));
}

#[test]
fn a_group_is_not_answered_with_what_meta_takes_in_none() {
    let button = json!({ "type": "reply", "reply": { "id": "yes", "title": "Yes" } });
    let reply = json!({ "type": "interactive", "interactive": {
        "type": "button", "body": { "text": "Well?" }, "action": { "buttons": [button] } } });
    let config =
        json!({ "answering": { "groups": true }, "replies": [ { "when": {}, "reply": reply } ] });
    let group = said(&json!({ "group_id": "G", "kind": "text", "text": { "body": "x" } }));
    let plain = json!({ "answering": { "groups": true }, "replies": [ { "when": {}, "reply": text("A") } ] });
    for (config, event, replies, withheld) in [
        (&config, wrote("x"), 1, Value::Null),
        (&config, group.clone(), 0, json!("unfit")),
        (&plain, group, 1, Value::Null),
    ] {
        let concluded = conclude(config, &event);
        assert_eq!(concluded.replies.len(), replies);
        assert_eq!(rule(&concluded)["withheld"], withheld);
    }
}

#[test]
fn a_rule_hands_over_and_a_customer_who_has_enough_of_rules_gets_no_more() {
    for (action, until) in [
        (json!({ "hand_over": true }), Some(NOW + 43_200)),
        (json!({ "hand_over": { "for_s": 60 } }), Some(NOW + 60)),
        (json!({ "stop": true }), None),
    ] {
        let mut it = action.clone();
        it["when"] = json!({});
        let concluded = conclude(&json!({ "replies": [it] }), &wrote("x"));
        let handover = Handover {
            by: By::Rule,
            since: NOW,
            until,
        };
        assert_eq!(concluded.state.handover, Some(handover), "{action}");
    }
}

#[test]
fn what_a_customer_says_stays_one_piece_of_a_link() {
    let card = json!({ "type": "image", "image": {
        "link": "https://cdn.example/cards/{{message.text}}.png?for={{customer.name|no one}}", "caption": "{{message.text}}" } });
    let config = json!({ "replies": [ { "id": "it", "when": {}, "reply": card } ] });
    for (said, link) in [
        (
            "../all?x=ñ &y#",
            "..%2Fall%3Fx%3D%C3%B1%20%26y%23.png?for=Ana",
        ),
        ("..", ".png?for=Ana"),
    ] {
        let concluded = conclude(&config, &wrote(said));
        let image = &concluded.replies[0].message.members()["image"];
        let link = format!("https://cdn.example/cards/{link}");
        assert_eq!(*image, json!({ "link": link, "caption": said }));
    }
}

#[test]
fn a_picture_goes_without_the_caption_that_nothing_was_filled_into() {
    let picture =
        json!({ "type": "image", "image": { "id": "1", "caption": "{{customer.username}}" } });
    let config = json!({ "replies": [ { "when": {}, "reply": picture } ] });
    let concluded = conclude(&config, &wrote("x"));
    let image = &concluded.replies[0].message.members()["image"];
    assert_eq!(*image, json!({ "id": "1" }));
}

#[test]
fn what_no_longer_fits_or_may_not_go_is_not_sent() {
    let long = json!({ "replies": [ { "id": "it", "when": {}, "tag": "x", "reply": { "type": "interactive", "interactive": {
        "type": "button", "body": { "text": "?" },
        "action": { "buttons": [ { "type": "reply", "reply": { "id": "1", "title": "{{message.text}}" } } ] } } } } ] });
    let concluded = conclude(&long, &wrote(&"x".repeat(21)));
    assert_eq!(
        rule(&concluded),
        json!({ "id": "it", "withheld": "unfit", "tags": ["x"] })
    );
}

#[test]
fn in_a_closed_window_a_rule_sends_templates_alone() {
    let template =
        json!({ "type": "template", "template": { "name": "n", "language": { "code": "de" } } });
    let closed = Windows {
        customer_service: Some(NOW + 60),
        ..Windows::default()
    };
    let known = Known {
        windows: closed,
        ..known(State::default())
    };
    for (reply, replies, withheld) in [
        (json!([text("A")]), 0, json!("window")),
        (json!([template]), 1, Value::Null),
        (json!([template, text("A")]), 0, json!("window")),
    ] {
        let config = json!({ "replies": [ { "id": "it", "when": {}, "reply": reply } ] });
        let concluded = policy(&config).conclude(&wrote("x"), &known, NOW * 1000);
        assert_eq!(rule(&concluded)["withheld"], withheld);
        assert_eq!(concluded.replies.len(), replies);
    }
}

#[test]
fn what_is_beyond_the_budget_is_not_sent_and_told_once() {
    let config = json!({ "answering": { "per_day": 1 }, "replies": [ { "id": "it", "when": {}, "reply": text("A"), "tag": "x" } ] });
    let mut policy = policy(&config);
    let mut conclude = || policy.conclude(&wrote("x"), &known(State::default()), NOW * 1000);
    assert_eq!(conclude().replies.len(), 1);
    let (second, third) = (conclude(), conclude());
    assert_eq!(
        rule(&second),
        json!({ "id": "it", "withheld": "budget", "tags": ["x"] })
    );
    assert_eq!(second.replies, []);
    assert_eq!(second.raised[0].kind, "transom.budget.exhausted");
    assert_eq!(
        second.raised[0].id, third.raised[0].id,
        "so that it is stored once"
    );
}

#[test]
fn a_customer_who_has_had_their_share_does_not_exhaust_the_budget() {
    let config = json!({ "answering": { "per_day": 100 }, "replies": [ { "id": "it", "when": {}, "reply": text("A") } ] });
    let mut policy = policy(&config);
    let conclude =
        |policy: &mut Policy| policy.conclude(&wrote("x"), &known(State::default()), NOW * 1000);
    for _ in 0..20 {
        assert_eq!(conclude(&mut policy).replies.len(), 1);
    }
    let withheld = conclude(&mut policy);
    let told = json!({ "id": "it", "withheld": "share" });
    assert_eq!((rule(&withheld), withheld.raised), (told, Vec::new()));
    policy.unsent(7, NOW);
    assert_eq!(conclude(&mut policy).replies.len(), 1, "one was not sent");
}

#[test]
fn who_writes_in_the_app_silences_the_rules() {
    let config = json!({ "replies": [ { "when": {}, "reply": text("A") } ] });
    let mut policy = policy(&config);
    let echo = Event {
        kind: "whatsapp.message.echoed".to_owned(),
        effect: Effect::Answers,
        ..wrote("x")
    };
    let state = policy
        .conclude(&echo, &known(State::default()), NOW * 1000)
        .state;
    let concluded = policy.conclude(&wrote("x"), &known(state), NOW * 1000);
    assert_eq!(rule(&concluded)["withheld"], "handover");
}

/// What is remembered of a customer who said this.
fn who_said(opted_in: bool) -> State {
    State {
        consent: [consent::Entry::told(opted_in, NOW - 60, None)]
            .into_iter()
            .collect(),
        ..State::default()
    }
}

#[test]
fn rules_are_silent_for_an_opt_out_and_where_a_confirmation_goes() {
    let config = json!({ "replies": [ { "when": {}, "reply": text("A") } ] });
    let consent = json!({ "start": ["join"] });
    let confirmed = json!({ "start": ["join"], "confirm_stop": text("No more."), "confirm_start": text("Welcome.") });
    for (settings, said, opted_in, replies) in [
        (&consent, "stop", None, [].as_slice()),
        (&consent, "stop", Some(false), &[]),
        (&consent, "join", None, &["a-1.rule:0.0"]),
        (&consent, "join", Some(true), &["a-1.rule:0.0"]),
        (&confirmed, "stop", None, &["a-1.consent"]),
        (&confirmed, "stop", Some(false), &[]),
        (&confirmed, "join", None, &["a-1.consent"]),
        (&confirmed, "join", Some(true), &["a-1.rule:0.0"]),
    ] {
        let mut policy = policy_with(&config, Some(settings));
        let state = opted_in.map(who_said).unwrap_or_default();
        let concluded = policy.conclude(&wrote(said), &known(state), NOW * 1000);
        let sent: Vec<_> = concluded.replies.iter().map(|it| it.id.as_str()).collect();
        assert_eq!(sent, replies, "{settings} {said} {opted_in:?}");
    }
}

#[test]
fn who_stops_and_starts_all_day_is_confirmed_five_times() {
    let consent = json!({ "confirm_stop": text("No more."), "confirm_start": text("Welcome.") });
    let mut policy = policy_with(&json!({ "replies": [] }), Some(&consent));
    let mut known = known(State::default());
    let mut confirmed = |now: i64, word: &str| {
        let event = Event {
            time: Some(now),
            ..wrote(word)
        };
        let concluded = policy.conclude(&event, &known, now * 1000);
        let standing = concluded.state.consent.standing();
        assert_eq!(standing == Standing::OptedOut, word == "stop", "{now}");
        known.state = concluded.state;
        concluded.replies.len()
    };
    let words = (0..20).zip(["stop", "start"].into_iter().cycle());
    let sent: usize = words.map(|(n, word)| confirmed(NOW + 6 * n, word)).sum();
    assert_eq!(sent, 5);
    assert_eq!(confirmed(NOW + 90_000, "stop"), 1, "a day later");
}

#[test]
fn what_others_say_of_a_customer_all_day_takes_no_confirmation_from_them() {
    let consent = json!({ "confirm_stop": text("No more.") });
    let mut policy = policy_with(&json!({ "replies": [] }), Some(&consent));
    let told = (1..10).map(|n| Entry::told(true, NOW - 3_600 * n, None));
    let state = State {
        consent: told.collect(),
        ..State::default()
    };
    let concluded = policy.conclude(&wrote("stop"), &known(state), NOW * 1000);
    assert_eq!(concluded.replies.len(), 1);
}

#[test]
fn the_window_closes_silently_for_who_has_opted_out() {
    let config =
        json!({ "replies": [ { "when": { "window": "closing" }, "reply": text("Sorry") } ] });
    for (opted_in, replies) in [(true, 1), (false, 0)] {
        let mut policy = policy_with(&config, Some(&json!({})));
        let concluded = policy.conclude(&closing(), &known(who_said(opted_in)), NOW * 1000);
        assert_eq!(concluded.replies.len(), replies, "{opted_in}");
    }
}
