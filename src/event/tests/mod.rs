//! What holds for every webhook, whatever is in it.

mod laws;
mod odd;
mod payments;
mod speed;
mod whose;

use serde_json::{Value, json};

use super::{Event, Home, split};

/// The events of a webhook, with the mailbox of each.
fn events(webhook: &Value) -> Vec<(Home, Event)> {
    events_of(webhook.to_string().as_bytes())
}

fn events_of(body: &[u8]) -> Vec<(Home, Event)> {
    let homes = split(body).into_iter();
    homes
        .flat_map(|(home, events)| events.into_iter().map(move |event| (home.clone(), event)))
        .collect()
}

/// The one event of a webhook.
#[track_caller]
fn only(webhook: &Value) -> (Home, Event) {
    only_of(webhook.to_string().as_bytes())
}

#[track_caller]
fn only_of(body: &[u8]) -> (Home, Event) {
    let [(home, event)] = &events_of(body)[..] else {
        panic!("{}", String::from_utf8_lossy(body))
    };
    (home.clone(), event.clone())
}

fn data(event: &Event) -> Value {
    serde_json::from_str(&event.data).unwrap()
}

/// A webhook of one change of the field `messages`.
fn messages(mut members: Value) -> Value {
    members["messaging_product"] = json!("whatsapp");
    change("messages", members)
}

/// The number of the business, as its customers see it.
const BUSINESS: &str = "15550783881";

/// A webhook of one change of a number's.
fn change(field: &str, mut members: Value) -> Value {
    members["metadata"] =
        json!({"display_phone_number": BUSINESS, "phone_number_id": "106540352242922"});
    webhook(&json!([{"field": field, "value": members}]))
}

fn webhook(changes: &Value) -> Value {
    json!({"object": "whatsapp_business_account", "entry": [{"id": "102290129340398", "changes": changes}]})
}

fn text(id: &str, from: &str) -> Value {
    json!({"id": id, "from": from, "timestamp": "1770000000", "type": "text", "text": {"body": "hola"}})
}
