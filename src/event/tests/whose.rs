//! Whose an item is, where it does not say so itself; and by what it is known again then.

use serde_json::{Value, json};

use super::{BUSINESS, change, data, events, messages, only, webhook};
use crate::event::{Effect, Event, Home, Name};

fn phone(number: &str) -> Vec<Name> {
    vec![Name::Phone(number.into())]
}

#[test]
fn two_customers_who_click_in_one_second_are_two_events() {
    for action in ["marketing_messages_link_click", "waved", ""] {
        let action = json!({"action_type": action, "timestamp": "1770000000",
            "marketing_messages_link_click_data": {"click_component": "cta"}});
        let by = |person: &str| {
            let contacts = json!([{"wa_id": person}]);
            only(&messages(
                json!({"contacts": contacts, "user_actions": [action]}),
            ))
            .1
        };
        let (one, other) = (by("16505551234"), by("16505550001"));
        assert_eq!(one.names, phone("16505551234"));
        assert_ne!(one.id, other.id);
        assert_eq!(one, by("16505551234"));
    }
}

#[test]
fn what_names_nobody_is_the_one_contacts_beside_it() {
    let item = |member: &str, value: Value| json!({"id": "wamid.A", "timestamp": "1770000000", member: value});
    let written = json!({"type": "text", "text": {"body": "answer by the owner app"}});
    let lists = [
        ("messages", item("type", json!("unsupported"))),
        ("messages", item("odd", json!(1))),
        ("statuses", item("status", json!("sent"))),
        ("message_echoes", item("message", written)),
    ];
    for (list, item) in lists {
        let of = |contacts: Value| {
            let standby = json!({"contacts": contacts, list: [item]});
            only(&change("standby", json!({"standby": standby}))).1
        };
        let ana = json!({"wa_id": "16505551234"});
        let event = of(json!([ana]));
        assert_eq!(event.names, phone("16505551234"), "{list}");
        let one_of_two = of(json!([ana, {"wa_id": "16505550001"}]));
        assert_eq!(one_of_two.names, []);
        if item.get("odd").is_none() {
            assert_eq!(
                one_of_two.id, event.id,
                "{list}: what has an id is known by it"
            );
        }
    }
}

#[test]
fn what_another_app_sent_is_the_conversation_of_whom_it_was_sent_to() {
    let echo = |mut sent: Value| {
        sent["messaging_product"] = json!("whatsapp");
        let echo = json!({"id": "wamid.S", "timestamp": "1770000000", "message": sent});
        let standby = json!({"standby": {"message_echoes": [echo]}});
        only(&change("standby", standby)).1
    };
    let text = json!({"body": "x"});
    let buttons =
        json!({"type": "button", "body": {"text": "Confirm?"}, "action": {"buttons": []}});
    let person = "phone:16505551234";
    let cases = json!([
        [person, "text", {"to": "+16505551234", "type": "text", "text": text}],
        [person, "text", {"to": "16505551234", "text": text}],
        ["user:US.1", "text", {"to": "US.1", "type": "text", "text": text}],
        ["user:US.1", "template", {"recipient": "US.1", "type": "template", "template": {"name": "t"}}],
        [person, "interactive", {"to": "16505551234", "type": "interactive", "interactive": buttons}],
        ["group:Y2F", "text", {"to": "Y2F", "recipient_type": "group", "type": "text", "text": text}],
    ]);
    for case in cases.as_array().unwrap() {
        let (kind, sent) = (case[1].as_str().unwrap(), &case[2]);
        let event = echo(sent.clone());
        assert_eq!(event.kind, "whatsapp.standby.echoed", "{sent}");
        let keys: Vec<_> = event.names.iter().map(Name::key).collect();
        assert_eq!(json!(keys), json!([case[0]]), "{sent}");
        let message = &data(&event)["message"];
        assert_eq!(message["kind"], kind);
        assert_eq!(message[kind], sent[kind]);
    }
    assert_eq!(echo(json!({"to": "16505551234"})).kind, "whatsapp.unknown");
}

#[test]
fn errors_beside_several_calls_that_ended_are_those_of_the_one_that_failed() {
    let ended = |statuses: &[&str]| {
        let call = |(n, status)| json!({"id": format!("wacid.{n}"), "from": "16505551234", "event": "terminate", "timestamp": "1770000000", "status": status});
        let calls: Vec<Value> = statuses.iter().enumerate().map(call).collect();
        let told = change(
            "calls",
            json!({"calls": calls, "errors": [{"code": 138_007}]}),
        );
        let with = |(_, event): (Home, Event)| data(&event)["call"].get("errors").is_some();
        events(&told).into_iter().map(with).collect::<Vec<_>>()
    };
    assert_eq!(ended(&["COMPLETED"]), [true]);
    assert_eq!(ended(&["COMPLETED", "Failed"]), [false, true]);
    assert_eq!(ended(&["COMPLETED", "COMPLETED"]), [false, false]);
    assert_eq!(ended(&["FAILED", "FAILED"]), [false, false]);
}

#[test]
fn a_call_is_never_the_conversation_of_our_own_number() {
    for (from, to, direction) in [
        (BUSINESS, "16505551234", "USER_INITIATED"),
        ("16505551234", BUSINESS, "BUSINESS_INITIATED"),
    ] {
        let call = json!({"id": "wacid.A", "from": from, "to": to, "event": "terminate",
            "timestamp": "1770000000", "direction": direction});
        let (_, event) = only(&change("calls", json!({"calls": [call]})));
        assert_eq!(event.names, phone("16505551234"));
    }
}

#[test]
fn a_call_of_our_own_opens_no_window_however_its_direction_is_written() {
    for (from, to, direction) in [
        ("16505550000", "16505551234", "business_initiated"),
        (BUSINESS, "16505551234", "USER_INITIATED"),
        (BUSINESS, "16505551234", "outbound"),
        (BUSINESS, "16505551234", ""),
    ] {
        let call = json!({"id": "wacid.A", "from": from, "to": to, "event": "connect",
            "timestamp": "1770000000", "direction": direction});
        let (_, event) = only(&change("calls", json!({"calls": [call]})));
        assert_eq!(event.effect, Effect::None, "{direction}");
        assert_eq!(event.names, phone("16505551234"), "{direction}");
    }
}

#[test]
fn an_error_of_the_number_is_nobodys_whoever_stands_beside_it() {
    for error in [json!({"code": 130_429, "title": "slow down"}), json!("x")] {
        let contacts = json!([{"wa_id": "16505551234"}]);
        let (_, event) = only(&messages(json!({"contacts": contacts, "errors": [error]})));
        assert_eq!(event.names, []);
    }
}

#[test]
fn what_the_business_did_and_cannot_be_read_is_the_customers_conversation() {
    let ended = json!({"id": "wacid.A", "event": "call_parked", "from": BUSINESS, "to": "16505551234",
        "direction": "BUSINESS_INITIATED", "timestamp": "1770000000"});
    let (_, call) = only(&change("calls", json!({"calls": [ended]})));
    let sent = json!({"id": "wamid.A", "from": BUSINESS, "to": "16505551234", "timestamp": "1770000000",
        "type": "text", "text": "flat"});
    let (_, bare) = only(&change("history", json!({"messages": [sent]})));
    let threads = json!([{"id": "16505551234", "messages": [sent, {"odd": 1}]}]);
    let chunk = json!({"metadata": {"phase": 0}, "threads": threads});
    let in_thread = events(&change("history", json!({"history": [chunk]})));
    for event in [&call, &bare, &in_thread[0].1, &in_thread[1].1] {
        assert_eq!(event.kind, "whatsapp.unknown");
        assert_eq!(event.names, phone("16505551234"));
    }
}

#[test]
fn a_message_of_the_past_says_who_wrote_it() {
    let of = |list: &str, members: Value| {
        let mut item = json!({"id": "wamid.A", "type": "text", "text": {"body": "hola"}});
        for (name, value) in members.as_object().unwrap() {
            item[name] = value.clone();
        }
        let value = match list {
            "threads" => json!({"history": [{"metadata": {"phase": 0},
                "threads": [{"id": "16505551234", "messages": [item]}]}]}),
            _ => json!({list: [item]}),
        };
        let (_, event) = events(&change("history", value)).remove(0);
        assert_eq!(event.kind, "whatsapp.message.history");
        data(&event)["message"]["direction"].clone()
    };
    let ana = json!({"from": "16505551234"});
    let ours = json!({"from": BUSINESS});
    let to_ana = json!({"from": BUSINESS, "to": "16505551234"});
    let to_her_id = json!({"to_user_id": "US.1"});
    for (list, members, expected) in [
        ("threads", &ana, json!("inbound")),
        ("messages", &ana, json!("inbound")),
        ("threads", &to_ana, json!("outbound")),
        ("threads", &ours, json!("outbound")),
        ("message_echoes", &to_her_id, json!("outbound")),
        ("threads", &json!({}), Value::Null),
    ] {
        let direction = of(list, members.clone());
        assert_eq!(direction, expected, "{list} {members}");
    }
}

#[test]
fn a_change_of_names_says_what_they_were_before() {
    let system = |system: &Value| {
        let item = json!({"id": "wamid.A", "from": "16505551234", "timestamp": "1770000000", "type": "system", "system": system});
        messages(json!({"messages": [item]}))
    };
    let cases = json!([
        [{"type": "user_changed_number", "wa_id": "12195555358", "user_id": "US.2", "previous_user_id": "US.1"},
            {"phone": "16505551234", "user_id": "US.1"}],
        [{"type": "customer_changed_number", "new_wa_id": "12195555358", "customer": "16505551234"},
            {"phone": "16505551234"}],
        [{"type": "user_changed_user_id", "user_id": "US.2", "previous_user_id": "US.1",
            "parent_user_id": "US.ENT.1", "previous_parent_user_id": "US.ENT.1"}, {"user_id": "US.1"}],
        // Meta's page about user ids: the number changed, and with it the id.
        [{"type": "user_changed_user_id", "wa_id": "12195555358", "user_id": "US.2"}, {"phone": "16505551234"}],
        [{"type": "customer_identity_changed", "customer": "16505551234"}, null],
    ]);
    let told = |case: &Value| (system(&case[0]), case[1].clone());
    let cases = cases.as_array().unwrap().iter().map(told);
    let update = json!({"wa_id": "16505551234", "timestamp": "1770000000",
        "user_id": {"previous": "US.1", "current": "US.2"}});
    let update = change("user_id_update", json!({"user_id_update": [update]}));
    for (webhook, expected) in cases.chain([(update, json!({"user_id": "US.1"}))]) {
        let (_, event) = only(&webhook);
        assert_eq!(event.kind, "whatsapp.customer.changed");
        assert_eq!(data(&event)["change"]["previous"], expected, "{webhook}");
    }
}

#[test]
fn a_change_that_is_not_as_documented_is_known_again_by_its_time_too() {
    let at = |time: i64| {
        let change = json!({"field": "campaign_status_update", "value": "PAUSED"});
        let entry = json!({"id": "102290129340398", "time": time, "changes": [change]});
        only(&json!({"object": "whatsapp_business_account", "entry": [entry]})).1
    };
    assert_eq!(at(1_770_000_000).time, Some(1_770_000_000));
    assert_eq!(at(1_770_000_000), at(1_770_000_000));
    assert_ne!(at(1_770_000_000).id, at(1_770_000_060).id);
    // Milliseconds are no time that a calendar has, and tell two changes apart nevertheless.
    assert_eq!(at(1_770_000_000_000).time, None);
    assert_ne!(at(1_770_000_000_000).id, at(1_770_000_060_000).id);
}

#[test]
fn what_stands_beside_one_item_goes_with_it_and_beside_several_is_told_for_itself() {
    let context = json!({"type": "summary", "summary": {"text": "x".repeat(10_000)}});
    let contacts = json!([{"wa_id": "16505551234"}]);
    let of = |texts: &[Value]| {
        let beside =
            json!({"contacts": contacts, "messages": texts, "conversation_context": context});
        events(&messages(beside))
    };
    let [one, two] = ["wamid.A", "wamid.B"].map(|id| super::text(id, "16505551234"));
    let alone = of(std::slice::from_ref(&one));
    let (_, event) = &alone[0];
    assert_eq!(alone.len(), 1);
    let raw = &data(event)["raw"]["entry"][0]["changes"][0]["value"];
    assert_eq!(raw["conversation_context"], context);
    let both = of(&[one, two]);
    let [.., (_, beside)] = &both[..] else {
        panic!("{both:?}")
    };
    assert_eq!(both.len(), 3);
    assert_eq!(beside.kind, "whatsapp.unknown");
    assert_eq!(beside.names, phone("16505551234"));
}

#[test]
fn what_is_of_a_group_and_unknown_is_the_groups() {
    let group = vec![Name::Group("Y2F".into())];
    let contacts = json!([{"wa_id": "16505551234"}]);
    let wrote = |id: &str, kind: &str| json!({"id": id, "type": kind, "from": "16505551234", "group_id": "Y2F", "system": {"type": "waved"}});
    let status = json!({"id": "wamid.S", "status": "seen", "recipient_id": "Y2F", "recipient_type": "group",
        "recipient_participant_id": "16505551234"});
    let of = |beside: Value| {
        let mut value = beside;
        value["contacts"] = contacts.clone();
        messages(value)
    };
    let joined =
        json!({"groups": [{"type": "group_waved", "group_id": "Y2F", "wa_id": "16505551234"}]});
    for webhook in [
        of(json!({"messages": [wrote("wamid.A", "dance")]})),
        of(json!({"messages": [wrote("wamid.A", "system")]})),
        of(json!({"statuses": [status]})),
        of(json!({"user_actions": [wrote("", "odd")]})),
        change("group_participants_update", joined),
    ] {
        let (_, event) = only(&webhook);
        assert_eq!(event.kind, "whatsapp.unknown", "{webhook}");
        assert_eq!(event.names, group, "{webhook}");
    }
    let both = [wrote("wamid.A", "text"), wrote("wamid.B", "text")];
    let many = of(json!({"messages": both, "beside": "x".repeat(10_000)}));
    let all = events(&many);
    assert_eq!(all.len(), 3);
    assert!(all.iter().all(|(_, event)| event.names == group), "{all:?}");
}

#[test]
fn members_of_a_group_are_told_apart_by_whatever_names_them() {
    let read = |member: Value, contacts: Value| {
        let mut status = json!({"id": "wamid.S", "status": "read", "timestamp": "1770000000",
            "recipient_id": "Y2F", "recipient_type": "group"});
        for (key, value) in member.as_object().unwrap() {
            status[key] = value.clone();
        }
        only(&messages(
            json!({"statuses": [status], "contacts": contacts}),
        ))
        .1
    };
    let of_parent = |id: &str| {
        let contact =
            json!([{"parent_user_id": id, "user_id": "US.7", "profile": {"name": "Ana"}}]);
        read(json!({"recipient_participant_parent_user_id": id}), contact)
    };
    let beside = |phone: &str| read(json!({}), json!([{"wa_id": phone}]));
    let two = json!([{"wa_id": "16505551234"}, {"wa_id": "16505550001"}]);
    let of_nobody = [read(json!({}), json!([])), read(json!({}), two)];
    let [one, other] = ["US.ENT.1", "US.ENT.2"].map(of_parent);
    let [near, far] = ["16505551234", "16505550001"].map(beside);
    let mut ids: Vec<_> = [&one, &other, &near, &far, &of_nobody[0]]
        .map(|event| event.id.clone())
        .into();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 5);
    assert_eq!(near, beside("16505551234"), "a repetition is one");
    let known = json!({"parent_user_id": "US.ENT.1", "user_id": "US.7", "name": "Ana"});
    assert_eq!(data(&one)["customer"], known);
    assert_eq!(data(&near)["customer"], json!({"phone": "16505551234"}));
    for event in &of_nobody {
        assert_eq!(data(event).get("customer"), None);
    }
    assert_eq!(of_nobody[0].id, of_nobody[1].id);
    for event in [one, other, near, far] {
        assert_eq!(event.names, [Name::Group("Y2F".into())]);
    }
}

#[test]
fn a_portfolio_is_not_told_as_an_account() {
    let told = |field: &str, value: Value| {
        data(&only(&webhook(&json!([{"field": field, "value": value}]))).1)["business"].clone()
    };
    let portfolio = json!({"portfolio_id": "102290129340398"});
    let solution = json!({"event": "SOLUTION_CREATED", "solution_id": "1"});
    assert_eq!(told("partner_solutions", solution), portfolio);
    let added = json!({"event": "PARTNER_ADDED", "waba_info": {"owner_business_id": "2"}});
    assert_eq!(told("account_update", added), portfolio);
    let added = json!({"event": "PARTNER_ADDED", "waba_info": {"waba_id": "3"}});
    let both = json!({"account_id": "3", "portfolio_id": "102290129340398"});
    assert_eq!(told("account_update", added), both);
    let account = json!({"account_id": "102290129340398"});
    let moved = json!({"event": "BUSINESS_PRIMARY_LOCATION_COUNTRY_UPDATE", "country": "IN"});
    assert_eq!(told("account_update", moved), account);
}

#[test]
fn what_another_app_took_back_is_told_with_what_it_was() {
    let content = json!({"type": "revoke", "revoke": {"original_message_id": "wamid.A"}});
    let echo = json!({"id": "wamid.B", "timestamp": "1770000000", "to": "16505551234", "message": content});
    let (_, event) = only(&change(
        "standby",
        json!({"standby": {"message_echoes": [echo]}}),
    ));
    assert_eq!(event.kind, "whatsapp.standby.echoed");
    assert_eq!(
        data(&event)["message"],
        json!({"id": "wamid.B", "kind": "revoke", "revoke": {"original_message_id": "wamid.A"}})
    );
}

#[test]
fn what_a_customer_writes_to_another_app_opens_the_window_of_the_number() {
    let said = json!({"from": "16505551234", "id": "wamid.S", "timestamp": "1770000000",
        "type": "text", "text": {"body": "hi"}});
    let with = |member: &str, value: Value| {
        let mut said = said.clone();
        said[member] = value;
        said
    };
    let opens = |referral| Effect::Opens { referral };
    for (said, effect) in [
        (said.clone(), opens(false)),
        (with("referral", json!({"source_id": "7"})), opens(true)),
        (with("type", json!("poll")), opens(false)),
        (with("type", json!("revoke")), Effect::None),
        (with("group_id", json!("not a group")), Effect::None),
    ] {
        let standby = json!({"standby": {"messages": [said]}});
        let (_, event) = only(&change("standby", standby));
        assert_eq!(event.effect, effect, "{said}");
    }
}

#[test]
fn an_empty_group_is_none() {
    let said = json!({"from": "16505551234", "id": "wamid.A", "timestamp": "1770000000", "group_id": "",
        "type": "text", "text": {"body": "hi"}});
    let (_, event) = only(&messages(json!({"messages": [said]})));
    assert_eq!(event.effect, Effect::Opens { referral: false });
    assert_eq!(event.names, phone("16505551234"));
    assert_eq!(data(&event)["message"].get("group_id"), None);
}
