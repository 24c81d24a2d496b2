//! A mailbox that does not answer lets Meta wait for a few seconds at most, and nobody else.
#![cfg(test)]

mod support;

use serde_json::json;
use simulator::backend::Backend;
use simulator::local;
use simulator::meta::Meta;
use simulator::webhook::{Customer, Message, Number, Update, Webhook};
use support::{PATIENCE, Scene, Settings, called, post, set, texts, writes};

const NUMBER: &str = local::PHONE_NUMBER_ID;

fn says(number: &Number, customer: &Customer, text: &str) -> Update {
    Update::message(number, customer, Message::text(text))
}

/// Posts one event that is held up and one of somebody else: 503 after so many seconds, and the other is delivered. When
/// Meta repeats them, both are, once.
async fn holds_up_one_of_two(meta: &Meta, backend: &Backend, webhook: &Webhook, seconds: u64) {
    backend.forget();
    let answer = meta.post(webhook).await;
    assert_eq!(answer.status, 503);
    assert!((seconds..seconds + 2).contains(&answer.latency.as_secs()));
    assert!(backend.wait_for(1, PATIENCE).await);
    assert_eq!(texts(&backend.events()), ["another"]);
    post(meta, webhook).await;
    assert!(backend.wait_for(2, PATIENCE).await);
    assert_eq!(backend.arrivals().len(), 2);
}

#[tokio::test]
async fn a_number_whose_mailbox_hangs_costs_meta_four_seconds_and_others_nothing() {
    let (transom, meta, backend) = set(json!({}), Settings::hanging).await;
    let ana = Customer::local();
    let webhook = Webhook::of([
        says(&Number::local(), &ana, "one"),
        says(&Number::nth(1), &ana, "another"),
    ]);
    transom.hang("append", NUMBER).await;
    holds_up_one_of_two(&meta, &backend, &webhook, 4).await;
}

#[tokio::test]
async fn who_has_moved_from_a_partition_that_hangs_costs_meta_two_seconds_and_others_nothing() {
    let partitions = json!({ "numbers": [{ "phone_number_id": NUMBER, "partitions": 4 }] });
    let Scene {
        transom,
        meta,
        backend,
        ..
    } = &Scene::set(partitions, Settings::hanging).await;
    let [phone, user, both] = called(7);
    writes(meta, &phone, "as a phone number").await;
    writes(meta, &user, "as a user").await;
    assert!(backend.wait_for(2, PATIENCE).await);
    let number = Number::local();
    let webhook = Webhook::of([
        says(&number, &both, "one"),
        says(&number, &Customer::nth(8), "another"),
    ]);
    transom.hang("cede", NUMBER).await;
    holds_up_one_of_two(meta, backend, &webhook, 2).await;
}
