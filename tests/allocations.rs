//! How often memory is asked for on the way from a webhook to its events, and how much. In WASM each time is dear, and a
//! Worker has 128 MB.
#![cfg(test)]

use simulator::webhook::{Customer, Message, Number, Status, Update, Webhook};
use transom::event::split;

/// So many for a message alone, and so many for each update of a batch.
const MESSAGE: u64 = 45;
const UPDATE: u64 = 22;

/// How much a body of 3 MB may take, whatever is in it.
const MOST: u64 = 90 * 1024 * 1024;

fn allocations(webhook: &Webhook) -> u64 {
    let body = webhook.body();
    allocation_counter::measure(|| drop(split(&body))).count_total
}

/// Half messages and half statuses.
fn updates(count: usize) -> Webhook {
    let number = Number::local();
    Webhook::of((0..count).map(|n| {
        let customer = Customer::nth(n);
        let id = format!("wamid.HBgLMTY1MDU1NTEyMzQVAgASGBQz{n:020}AA==");
        if n % 2 == 0 {
            Update::message(&number, &customer, Message::text("hola").id(id))
        } else {
            Update::status(&number, &customer, Status::delivered(&id))
        }
    }))
}

#[test]
fn a_message_becomes_an_event_with_few_allocations() {
    let one = allocations(&updates(1));
    assert!(one <= MESSAGE, "{one}");
}

#[test]
fn what_a_further_update_takes_does_not_grow_with_their_number() {
    let (some, many) = (allocations(&updates(100)), allocations(&updates(1000)));
    let more = many - some;
    assert!(more <= 900 * UPDATE, "{more} for 900 updates");
}

#[test]
fn no_body_takes_more_memory_than_a_worker_has() {
    let full = |begin: &str, item: &str, end: &str| {
        let many = 3 * 1024 * 1024 / (item.len() + 1);
        format!("{begin}{}{end}", vec![item; many].join(","))
    };
    let root = r#"{"object":"whatsapp_business_account","entry":["#;
    let carried = format!(r#""x":"{}","#, "x".repeat(4000));
    let changes = format!(r#"{root}{{"id":"1",{carried}"changes":["#);
    let value = format!(
        r#"{changes}{{"field":"messages","value":{{"metadata":{{"phone_number_id":"1"}},{carried}"messages":["#
    );
    let thread = r#"{"id":"1","messages":[{}]}"#;
    let threads = format!(
        r#"{root}{{"changes":[{{"field":"history","value":{{"metadata":{{"phone_number_id":"1"}},"history":[{{"metadata":{{}},"threads":["#
    );
    for body in [
        full(root, "{}", "]}"),
        full(root, r#"{"changes":[{}]}"#, "]}"),
        full(&changes, "{}", "]}]}"),
        full(&value, "{}", "]}}]}]}"),
        full(&value, r#"{"id":"1","type":"text"}"#, "]}}]}]}"),
        full(&threads, thread, "]}]}}]}]}"),
    ] {
        let mut events = 0;
        let taken = allocation_counter::measure(|| {
            let homes = split(body.as_bytes());
            events = homes.iter().map(|(_, events)| events.len()).sum();
        });
        let start: String = body.chars().take(60).collect();
        assert!(taken.bytes_max <= MOST, "{} for {start}", taken.bytes_max);
        assert_eq!(events, 1, "{start}");
    }
}
