//! How often memory is asked for on the way from a webhook to its events. In WASM each time is dear.
#![cfg(test)]

use simulator::webhook::{Customer, Message, Number, Status, Update, Webhook};
use transom::event::split;

/// So many for a message alone, and so many for each update of a batch.
const MESSAGE: u64 = 45;
const UPDATE: u64 = 22;

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
