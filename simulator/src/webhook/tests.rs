use serde_json::{Value, json};

use super::*;

fn json_of(webhook: &Webhook) -> Value {
    serde_json::from_slice(&webhook.body()).unwrap()
}

#[test]
fn one_message_is_written_as_meta_writes_it() {
    let ana = Customer::new("16505551234").user_id("US.1").named("José");
    let webhook = Webhook::new().message(
        &Number::local(),
        &ana,
        Message::text("a/b").id("wamid.A").at(1_770_000_000),
    );
    let expected = concat!(
        r#"{"object":"whatsapp_business_account","entry":[{"id":"102290129340398","changes":[{"value":"#,
        r#"{"messaging_product":"whatsapp","metadata":{"display_phone_number":"15550783881","#,
        r#""phone_number_id":"106540352242922"},"contacts":[{"profile":{"name":"Jos\u00e9"},"user_id":"US.1","#,
        r#""wa_id":"16505551234"}],"messages":[{"from":"16505551234","from_user_id":"US.1","id":"wamid.A","#,
        r#""text":{"body":"a\/b"},"timestamp":"1770000000","type":"text"}]},"field":"messages"}]}]}"#
    );
    assert_eq!(String::from_utf8(webhook.body()).unwrap(), expected);
}

#[test]
fn what_belongs_together_shares_a_change_and_a_contact() {
    let (one, two) = (Number::nth(1), Number::nth(2));
    let ana = Customer::local();
    let webhook = Webhook::new()
        .message(&one, &ana, Message::text("1"))
        .message(&one, &ana, Message::text("2"))
        .status(&one, &ana, Status::read("wamid.X"))
        .message(&two, &ana, Message::text("3"))
        .change("flows", json!({ "event": "X" }))
        .message(&two.clone().account("999"), &ana, Message::text("4"))
        .next_entry()
        .message(&two.account("999"), &ana, Message::text("5"));
    let body = json_of(&webhook);
    let shape: Vec<Vec<(usize, usize)>> = body["entry"]
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| {
            let changes = entry["changes"].as_array().unwrap().iter();
            let count = |list: &Value| list.as_array().map_or(0, Vec::len);
            changes
                .map(|change| {
                    (
                        count(&change["value"]["messages"]),
                        count(&change["value"]["contacts"]),
                    )
                })
                .collect()
        })
        .collect();
    assert_eq!(
        shape,
        [
            vec![(2, 1), (0, 1), (1, 1), (0, 0)],
            vec![(1, 1)],
            vec![(1, 1)]
        ]
    );
}

#[test]
fn rebatching_keeps_every_update_once() {
    let ana = Customer::local();
    let updates: Vec<_> = (0..50)
        .map(|n| Update::message(&Number::local(), &ana, Message::text(&n.to_string())))
        .collect();
    let webhooks = rebatch(&updates, 7, 3);
    assert!(webhooks.len() >= 8);
    let again: Vec<_> = webhooks.iter().flat_map(Webhook::updates).collect();
    assert_eq!(again, updates);
    let other = shuffled(&updates, 4);
    assert_ne!(other, updates);
    assert!(updates.iter().all(|update| other.contains(update)));
}

#[test]
fn a_customer_without_a_phone_is_told_without_one() {
    let webhook = Webhook::new().message(
        &Number::local(),
        &Customer::without_phone("US.1"),
        Message::text("hola").id("wamid.A"),
    );
    let value = &json_of(&webhook)["entry"][0]["changes"][0]["value"];
    assert_eq!(value["contacts"], json!([{ "user_id": "US.1" }]));
    assert_eq!(value["messages"][0].get("from"), None);
    assert_eq!(value["messages"][0]["from_user_id"], "US.1");
}

#[test]
fn a_sent_status_tells_no_username() {
    let ana = Customer::without_phone("US.1").username("@ana");
    let contact_of = |status| {
        let webhook = Webhook::new().status(&Number::local(), &ana, status);
        json_of(&webhook)["entry"][0]["changes"][0]["value"]["contacts"][0].clone()
    };
    assert_eq!(
        contact_of(Status::sent("wamid.X")),
        json!({ "user_id": "US.1" })
    );
    let all = json!({ "user_id": "US.1", "profile": { "username": "@ana" } });
    assert_eq!(contact_of(Status::delivered("wamid.X")), all);
}

#[test]
fn a_failed_status_names_its_error_and_of_the_customer_the_phone_alone() {
    let webhook = Webhook::new().status(
        &Number::local(),
        &Customer::local().parent_user_id("US.ENT.1"),
        Status::failed("wamid.X", 131_047),
    );
    let value = &json_of(&webhook)["entry"][0]["changes"][0]["value"];
    assert_eq!(
        value["statuses"][0]["errors"][0]["title"],
        "Re-engagement message"
    );
    let names = value["statuses"][0].as_object().unwrap().keys();
    assert!(names.eq(["errors", "id", "recipient_id", "status", "timestamp"]));
    assert_eq!(value.get("contacts"), None);
}

#[test]
fn an_empty_webhook_has_no_entries_and_a_raw_one_no_envelope() {
    assert_eq!(
        json_of(&Webhook::new()),
        json!({ "object": "whatsapp_business_account", "entry": [] })
    );
    assert_eq!(Webhook::raw("[").body(), b"[");
}

#[test]
fn a_change_about_a_number_names_it() {
    let webhook = Webhook::new().change_of(&Number::local(), "calls", json!({ "calls": [] }));
    let change = &json_of(&webhook)["entry"][0]["changes"][0];
    assert_eq!(change["field"], "calls");
    assert_eq!(
        change["value"]["metadata"]["phone_number_id"],
        crate::local::PHONE_NUMBER_ID
    );
}
