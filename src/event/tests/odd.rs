//! Webhooks that are not as Meta writes them: nothing is refused, nothing is lost, no neighbour suffers.

use serde_json::{Value, json};

use super::{BUSINESS, change, data, events, events_of, messages, only, only_of, text, webhook};
use crate::event::{Effect, Event, Home, Name};

/// Three messages, of which the second cannot be read.
const ONE_UNKNOWN: [&str; 3] = [
    "whatsapp.message.received",
    "whatsapp.unknown",
    "whatsapp.message.received",
];

fn kinds(events: &[(Home, Event)]) -> Vec<&str> {
    let kinds = events.iter().map(|(_, event)| event.kind.as_str());
    kinds.collect()
}

fn deep(levels: usize) -> String {
    format!("{}{}", "[".repeat(levels), "]".repeat(levels))
}

#[test]
fn an_edit_or_a_revocation_that_meta_does_not_show_is_one_nevertheless() {
    for (what, kind, effect) in [
        ("edit", "whatsapp.message.edited", Effect::None),
        ("revoke", "whatsapp.message.revoked", Effect::None),
        (
            "poll_update",
            "whatsapp.message.received",
            Effect::Opens { referral: false },
        ),
    ] {
        let unsupported = json!({"from": "16505551234", "id": "wamid.U", "timestamp": "1770000000",
            "type": "unsupported", "unsupported": {"type": what}, "errors": [{"code": 131_051}]});
        let (_, event) = only(&messages(json!({"messages": [unsupported]})));
        assert_eq!((event.kind.as_str(), &event.effect), (kind, &effect));
        assert_eq!(data(&event)["message"]["unsupported"]["type"], what);
    }
}

#[test]
fn an_edit_or_a_revocation_of_the_businesss_own_that_meta_does_not_show_answers_nobody() {
    for (what, effect) in [
        ("edit", Effect::None),
        ("revoke", Effect::None),
        ("poll_update", Effect::Answers),
    ] {
        let echo = json!({"from": BUSINESS, "to": "16505551234", "id": "wamid.U", "timestamp": "1770000000",
            "type": "unsupported", "unsupported": {"type": what}});
        let webhook = change("smb_message_echoes", json!({"message_echoes": [echo]}));
        assert_eq!(only(&webhook).1.effect, effect, "{what}");
    }
}

#[test]
fn what_meta_rejects_in_a_customers_name_opens_no_window() {
    let opens = Effect::Opens { referral: false };
    for (response, source, effect) in [
        ("reject", "automatic", &Effect::None),
        ("accept", "automatic", &opens),
        ("reject", "user_action", &opens),
    ] {
        let reply = json!({"response": response, "response_source": source});
        let item = json!({"from": "16505551234", "id": "wamid.P", "timestamp": "1770000000", "type": "interactive",
            "interactive": {"type": "call_permission_reply", "call_permission_reply": reply}});
        let (_, event) = only(&messages(json!({"messages": [item]})));
        assert_eq!(&event.effect, effect, "{response} {source}");
    }
}

#[test]
fn who_changes_names_while_another_app_has_the_conversation_is_known_by_the_new_ones() {
    let note = json!({"id": "wamid.S", "timestamp": "1770000000", "type": "system",
        "system": {"type": "user_changed_user_id", "user_id": "US.2", "previous_user_id": "US.1"}});
    let (_, event) = only(&change("standby", json!({"standby": {"messages": [note]}})));
    assert_eq!(event.kind, "whatsapp.customer.changed");
    let user = |id: &str| vec![Name::User(id.to_owned())];
    assert_eq!(event.names, user("US.2"));
    assert_eq!(event.effect, Effect::Renames { from: user("US.1") });
}

/// Meta's ids of messages have the ids of the group and of the member in them, which may have 128 characters themselves.
#[test]
fn an_id_may_be_as_long_as_meta_makes_it_but_one_that_names_a_mailbox_stays_short() {
    let long = "x".repeat(512);
    let status =
        json!({"id": long, "status": "read", "timestamp": "1770000000", "recipient_id": "1"});
    let call = json!({"id": long, "event": "connect", "from": "1", "timestamp": "1770000000"});
    for (webhook, kind) in [
        (
            messages(json!({"messages": [text(&long, "1")]})),
            "whatsapp.message.received",
        ),
        (
            messages(json!({"statuses": [status]})),
            "whatsapp.status.read",
        ),
        (
            change("calls", json!({"calls": [call]})),
            "whatsapp.call.connect",
        ),
    ] {
        assert_eq!(only(&webhook).1.kind, kind);
    }
    let mut webhook = messages(json!({"messages": [text(&"x".repeat(513), "1")]}));
    assert_eq!(only(&webhook).1.kind, "whatsapp.unknown");
    let value = &mut webhook["entry"][0]["changes"][0]["value"];
    value["metadata"]["phone_number_id"] = json!("x".repeat(129));
    let (home, _) = only(&webhook);
    assert_eq!(home, Home::Account("102290129340398".into()));
    webhook["entry"][0]["id"] = json!("x".repeat(129));
    assert_eq!(only(&webhook).0, Home::Account(String::new()));
}

#[test]
fn what_is_not_json_is_one_event_with_the_body() {
    for body in ["", "not json", "{\"a\":", "\0"] {
        let (home, event) = only_of(body.as_bytes());
        assert_eq!(home, Home::Account(String::new()));
        assert_eq!(event.kind, "whatsapp.unknown");
        assert_eq!(data(&event), json!({"body": body}));
    }
    let (_, event) = only_of(b"\xff{}");
    assert_eq!(data(&event), json!({"body_base64": "/3t9"}));
}

#[test]
fn json_of_another_shape_is_one_event_with_the_json() {
    for webhook in [
        json!(1),
        json!([]),
        json!({}),
        json!({"object": "whatsapp_business_account"}),
        json!({"object": "whatsapp_business_account", "entry": {}}),
        json!({"object": "whatsapp_business_account", "entry": [], "more": 1}),
        json!({"object": "page", "entry": [{"id": "1", "changes": []}]}),
        json!({"entry": [{"id": "1", "changes": [{"field": "messages", "value": {}}]}]}),
    ] {
        let (home, event) = only(&webhook);
        assert_eq!(home, Home::Account(String::new()));
        assert_eq!(event.kind, "whatsapp.unknown");
        assert_eq!(data(&event), json!({"raw": webhook}));
    }
}

#[test]
fn a_webhook_without_entries_has_no_event() {
    assert_eq!(
        events(&json!({"object": "whatsapp_business_account", "entry": []})),
        []
    );
}

#[test]
fn a_list_that_gives_no_event_is_an_event_itself() {
    for entry in [
        json!(1),
        json!({"id": "1"}),
        json!({"id": "1", "changes": {}}),
        json!({"id": "1", "changes": []}),
        json!({"id": "1", "changes": "x"}),
        json!({"id": "1", "changes": [7]}),
        json!({"id": "1", "changes": [{"field": "messages"}]}),
        json!({"id": "1", "changes": [{"value": {}}]}),
        json!({"id": "1", "changes": [{"field": "messages", "value": "x"}]}),
    ] {
        let webhook = json!({"object": "whatsapp_business_account", "entry": [entry]});
        let (_, event) = only(&webhook);
        assert_eq!(event.kind, "whatsapp.unknown");
        assert_eq!(data(&event)["raw"], webhook);
    }
    for members in [
        json!({}),
        json!({"messages": []}),
        json!({"messages": "x"}),
        json!({"contacts": [{"wa_id": "1"}]}),
    ] {
        let webhook = messages(members);
        let (home, event) = only(&webhook);
        assert_eq!(home, Home::Number("106540352242922".into()));
        assert_eq!(event.kind, "whatsapp.unknown");
        assert_eq!(data(&event)["raw"], webhook);
    }
}

#[test]
fn a_change_without_a_number_is_unknown_and_its_neighbour_is_not() {
    let mut webhook = messages(json!({"messages": [text("wamid.A", "16505551234")]}));
    let lost =
        json!({"field": "messages", "value": {"messages": [text("wamid.B", "16505551234")]}});
    webhook["entry"][0]["changes"]
        .as_array_mut()
        .unwrap()
        .insert(0, lost);
    let events = events(&webhook);
    assert_eq!(events[0].0, Home::Account("102290129340398".into()));
    assert_eq!(events[0].1.kind, "whatsapp.unknown");
    assert_eq!(events[1].1.kind, "whatsapp.message.received");
}

#[test]
fn a_broken_item_is_unknown_and_its_neighbours_are_not() {
    let broken = [
        json!(null),
        json!("x"),
        json!({"from": "16505551234", "timestamp": "1770000000", "type": "text", "text": {"body": "no id"}}),
        json!({"from": "16505551234", "timestamp": "1770000000", "id": "wamid.B"}),
        json!({"from": "16505551234", "timestamp": "1770000000", "id": "wamid.B", "type": "text", "text": "flat"}),
        json!({"from": "16505551234", "timestamp": "1770000000", "id": "wamid.B", "type": "contacts", "contacts": {}}),
    ];
    for item in broken {
        let items = [text("wamid.A", "1"), item.clone(), text("wamid.C", "2")];
        let events = events(&messages(json!({"messages": items})));
        assert_eq!(kinds(&events), ONE_UNKNOWN, "{item}");
        assert_eq!(
            data(&events[1].1)["raw"]["entry"][0]["changes"][0]["value"]["messages"],
            json!([item])
        );
        if item.is_object() {
            assert_eq!(events[1].1.names, [Name::Phone("16505551234".into())]);
            assert_eq!(events[1].1.effect, Effect::Opens { referral: false });
        }
    }
    let status = json!({"id": "wamid.S", "status": "failed", "timestamp": "1", "recipient_id": "16505551234", "errors": "x"});
    let all = events(&messages(
        json!({"messages": "x", "statuses": [status], "errors": null}),
    ));
    assert_eq!(all.len(), 2);
    assert_eq!(all[0].1.names, [Name::Phone("16505551234".into())]);
    assert_eq!(all[0].1.effect, Effect::None);
    assert_eq!(
        data(&all[1].1)["raw"]["entry"][0]["changes"][0]["value"]["messages"],
        json!("x")
    );
}

#[test]
fn an_item_that_other_parsers_refuse_is_handed_on_as_text() {
    for odd in [r#""\ud83d""#, &deep(99), &deep(100_000)] {
        let mut item = text("wamid.B", "2");
        item["text"]["body"] = json!("odd");
        let items = [text("wamid.A", "1"), item, text("wamid.C", "3")];
        let body = messages(json!({"messages": items})).to_string();
        let events = events_of(body.replace(r#""odd""#, odd).as_bytes());
        assert_eq!(kinds(&events), ONE_UNKNOWN);
        let event = &events[1].1;
        let data = data(event);
        let body = data["body"].as_str().unwrap();
        assert!(body.contains(&format!(r#""body":{odd}"#)));
        assert_eq!(data["customer"], json!({"phone": "2"}));
        assert_eq!((data.get("message"), data.get("raw")), (None, None));
        assert_eq!(event.effect, Effect::Opens { referral: false });
    }
}

#[test]
fn what_other_parsers_refuse_beside_a_message_costs_neither_its_type_nor_its_payload() {
    let contacts = json!([{"wa_id": "1", "profile": {"name": "Ana"}}]);
    let items = [text("wamid.A", "1"), text("wamid.B", "2")];
    let body = messages(json!({"contacts": contacts, "messages": items})).to_string();
    for (written, with, as_text) in [
        (r#""Ana""#, "ODD", [true, false]),
        (r#""contacts":["#, r#""contacts":[ODD,"#, [true, false]),
        (r#""from":"2""#, r#""from":"2","new":ODD"#, [false, true]),
        (r#""metadata""#, r#""new":ODD,"metadata""#, [true, true]),
        (r#""field""#, r#""new":ODD,"field""#, [true, true]),
        (r#""changes""#, r#""new":ODD,"changes""#, [true, true]),
        (r#""object""#, r#""new":ODD,"object""#, [true, true]),
    ] {
        assert!(body.contains(written), "{written}");
        let body = body.replace(written, with);
        let tame = events_of(body.replace("ODD", r#""Ana""#).as_bytes());
        for odd in [r#""Ana \ud83d""#, "1e999", &deep(100)] {
            let events = events_of(body.replace("ODD", odd).as_bytes());
            assert_eq!(kinds(&events), ["whatsapp.message.received"; 2], "{with}");
            for (((_, event), (_, tame)), as_text) in events.iter().zip(&tame).zip(as_text) {
                assert_eq!((&event.id, &event.effect), (&tame.id, &tame.effect));
                let (data, tame) = (data(event), data(tame));
                assert_eq!(data["message"], tame["message"]);
                assert_eq!(data.get("raw").is_none(), as_text, "{with}");
                if as_text {
                    let raw = data["body"].as_str().unwrap().replace(odd, r#""Ana""#);
                    assert_eq!(serde_json::from_str::<Value>(&raw).unwrap(), tame["raw"]);
                }
            }
        }
    }
}

#[test]
fn what_is_odd_but_json_costs_nothing() {
    let body = messages(json!({"messages": [text("wamid.A", "1")]})).to_string();
    for (written, odd) in [
        ("hola", "nul\\u0000 and \\u202e"),
        (r#""hola""#, "123456789012345678901234567890"),
        (r#"{"body":"hola"}"#, r#"{"body":"hola","body":"hi"}"#),
        (r#""1770000000""#, r#""9999999999999999999999""#),
    ] {
        assert!(body.contains(written), "{written}");
        let events = events_of(body.replace(written, odd).as_bytes());
        assert_eq!(events.len(), 1);
        assert_eq!(events[0].1.kind, "whatsapp.message.received");
        assert!(events[0].1.data.contains(odd));
    }
}

#[test]
fn repeated_members_are_all_read() {
    let body = r#"{"object":"whatsapp_business_account","entry":[{"id":"1","changes":[{"field":"messages","value":
        {"metadata":{"phone_number_id":"2"},"messages":[{"id":"a","type":"text"}],"messages":[{"id":"b","type":"text"}]}}]}],
        "entry":[{"id":"3","changes":[{"field":"nothing","value":{}}]}]}"#;
    assert_eq!(
        kinds(&events_of(body.as_bytes())),
        [
            "whatsapp.message.received",
            "whatsapp.message.received",
            "whatsapp.unknown"
        ]
    );
}

#[test]
fn members_that_are_large_are_stored_once() {
    let large = "x".repeat(10_000);
    let items: Vec<Value> = (0..100).map(|n| text(&format!("wamid.{n}"), "1")).collect();
    let contacts = json!([{"wa_id": "1", "profile": {"name": large}}]);
    let mut webhook = messages(json!({"messages": items, "contacts": contacts, "more": large}));
    webhook["more"] = json!(large);
    webhook["entry"][0]["more"] = json!(large);
    webhook["entry"][0]["changes"][0]["more"] = json!(large);
    let all = events(&webhook);
    let unknown = kinds(&all).into_iter();
    let unknown = unknown.filter(|kind| *kind == "whatsapp.unknown").count();
    assert_eq!((all.len(), unknown), (104, 4));
    let bytes: usize = all.iter().map(|(_, event)| event.data.len()).sum();
    assert!(bytes < 150_000, "{bytes}");
}

#[test]
fn a_field_that_we_do_not_know_is_one_event_at_its_number_or_account() {
    let value = json!({"metadata": {"phone_number_id": "5"}, "things": [1, 2]});
    let (home, event) = only(&webhook(&json!([{"field": "new_things", "value": value}])));
    assert_eq!(home, Home::Number("5".into()));
    assert_eq!(event.kind, "whatsapp.unknown");
    let business = json!({"account_id": "102290129340398", "phone_number_id": "5"});
    assert_eq!(data(&event)["business"], business);
}
