//! What Meta sends becomes events, each once, whatever is in it and however it is split.
#![cfg(test)]

mod support;

use std::collections::BTreeSet;
use std::fs;

use serde_json::{Value, json};
use simulator::backend::{Backend, Event};
use simulator::local;
use simulator::meta::Meta;
use simulator::webhook::{Customer, Message, Number, Status, Update, Webhook, rebatch, shuffled};
use support::{PATIENCE, post, started, texts};

/// Three entries of two accounts, for two numbers and five customers.
fn batch() -> Webhook {
    let (one, two) = (Number::nth(1), Number::nth(2).account("555"));
    let who: Vec<Customer> = (0..5).map(Customer::nth).collect();
    Webhook::new()
        .message(&one, &who[0], Message::text("a1"))
        .message(&one, &who[1], Message::image("a2"))
        .status(&one, &who[2], Status::delivered("wamid.OUT1"))
        .next_entry()
        .message(&two, &who[3], Message::text("b1"))
        .message(&two, &who[4], Message::location(1.5, -2.5))
        .next_entry()
        .message(&one, &who[0], Message::text("a3"))
        .status(&one, &who[2], Status::read("wamid.OUT1"))
        .change_of(&one, "weather", json!({ "sunny": true }))
}

/// Who an event is about, by the customer's user id.
fn user(event: &Event) -> &str {
    event.data["customer"]["user_id"]
        .as_str()
        .unwrap_or_default()
}

#[tokio::test]
async fn every_item_of_a_batch_becomes_an_event_of_its_number_and_customer() {
    let (_transom, meta, backend) = started().await;
    post(&meta, &batch()).await;
    assert!(backend.wait_for(8, PATIENCE).await);

    let (one, two) = (Number::nth(1), Number::nth(2).account("555"));
    let source = |number: &Number| format!("/whatsapp/{}", number.phone_number_id);
    let who = |index: usize| Customer::nth(index).user_id.unwrap();
    let found: BTreeSet<_> = backend
        .events()
        .iter()
        .map(|event| {
            (
                event.source.clone(),
                event.kind.clone(),
                user(event).to_owned(),
            )
        })
        .collect();
    let received = "whatsapp.message.received".to_owned();
    let expected = BTreeSet::from([
        (source(&one), received.clone(), who(0)),
        (source(&one), received.clone(), who(1)),
        (source(&one), "whatsapp.status.delivered".to_owned(), who(2)),
        (source(&one), "whatsapp.status.read".to_owned(), who(2)),
        (source(&one), "whatsapp.unknown".to_owned(), String::new()),
        (source(&two), received.clone(), who(3)),
        (source(&two), received, who(4)),
    ]);
    assert_eq!(found, expected);
    // In order within the conversation, across the entries.
    let of_first: Vec<_> = backend.events_of(&who(0));
    assert_eq!(texts(&of_first), ["a1", "a3"]);
}

#[tokio::test]
async fn an_event_tells_business_customer_content_window_and_what_came() {
    let (_transom, meta, backend) = started().await;
    let written = simulator::clock::unix_now() - 3600;
    let message = Message::text("hola").id("wamid.A").at(written);
    let webhook = Webhook::new().message(
        &Number::local(),
        &Customer::local().username("ana"),
        message,
    );
    post(&meta, &webhook).await;
    assert!(backend.wait_for(1, PATIENCE).await);
    let event = &backend.events()[0];
    assert_eq!(event.kind, "whatsapp.message.received");
    assert_eq!(
        event.source,
        format!("/whatsapp/{}", local::PHONE_NUMBER_ID)
    );
    assert_eq!(event.subject.as_deref(), Some(local::CUSTOMER_USER_ID));
    assert_eq!(
        event.data["business"],
        json!({
            "account_id": local::ACCOUNT, "phone_number_id": local::PHONE_NUMBER_ID,
            "display_phone_number": local::DISPLAY_PHONE_NUMBER,
        })
    );
    assert_eq!(
        event.data["customer"],
        json!({
            "user_id": local::CUSTOMER_USER_ID, "phone": local::CUSTOMER_PHONE, "username": "ana",
            "name": local::CUSTOMER_NAME,
        })
    );
    assert_eq!(event.data["message"]["id"], "wamid.A");
    assert_eq!(event.data["message"]["kind"], "text");
    let window = &event.data["window"]["customer_service"];
    assert_eq!(window["open"], true);
    let closes_at = support::unix(window["closes_at"].as_str().unwrap());
    assert_eq!(closes_at, written + 24 * 3600);
    assert_eq!(support::unix(event.time.as_deref().unwrap()), written);
    // What came travels along as Meta wrote it.
    let came: Value = serde_json::from_slice(&webhook.body()).unwrap();
    assert_eq!(event.data["raw"], came);
}

#[tokio::test]
async fn a_retry_of_the_same_body_is_delivered_once() {
    let (_transom, meta, backend) = started().await;
    let webhook = batch();
    for _ in 0..4 {
        post(&meta, &webhook).await;
    }
    assert!(backend.wait_for(8, PATIENCE).await);
    post(&meta, &webhook).await;
    assert_only_these_arrived(&meta, &backend, 8).await;
}

#[tokio::test]
async fn the_same_events_split_and_ordered_otherwise_are_delivered_once() {
    let (_transom, meta, backend) = started().await;
    let updates: Vec<Update> = (0..40)
        .flat_map(|n| {
            let (number, customer) = (Number::nth(1 + n % 2), Customer::nth(n % 5));
            let message = Message::text(&n.to_string());
            let status = Status::delivered(&format!("wamid.OUT{n}"));
            [
                Update::message(&number, &customer, message),
                Update::status(&number, &customer, status),
            ]
        })
        .collect();
    for seed in 0..4 {
        for webhook in rebatch(&shuffled(&updates, seed), 17, seed) {
            post(&meta, &webhook).await;
        }
    }
    assert!(backend.wait_for(80, PATIENCE).await);
    assert_only_these_arrived(&meta, &backend, 80).await;
}

#[tokio::test]
async fn webhooks_that_come_at_the_same_time_are_delivered_once() {
    let (_transom, meta, backend) = started().await;
    let webhook = batch();
    let posts: Vec<_> = (0..8)
        .map(|_| {
            let (meta, webhook) = (meta.clone(), webhook.clone());
            tokio::spawn(async move { meta.post(&webhook).await.status })
        })
        .collect();
    for answer in posts {
        assert_eq!(answer.await.unwrap(), 200);
    }
    assert!(backend.wait_for(8, PATIENCE).await);
    assert_only_these_arrived(&meta, &backend, 8).await;
}

/// Sends one more message to each number; when they have arrived, nothing else has besides `n` events, once each.
async fn assert_only_these_arrived(meta: &Meta, backend: &Backend, n: usize) {
    for (number, customer) in [(1, 90), (2, 91)] {
        let marker = Message::text("marker");
        let webhook =
            Webhook::new().message(&Number::nth(number), &Customer::nth(customer), marker);
        post(meta, &webhook).await;
    }
    assert!(backend.wait_for(n + 2, PATIENCE).await);
    assert_eq!(backend.distinct(), n + 2);
    assert_eq!(backend.arrivals().len(), n + 2);
}

#[tokio::test]
async fn what_is_not_known_or_broken_costs_its_neighbours_nothing() {
    let (_transom, meta, backend) = started().await;
    let (number, ana) = (Number::local(), Customer::local());
    let webhook = Webhook::new()
        .message(&number, &ana, Message::text("first"))
        .message(&number, &ana, Message::of("hologram", json!({ "id": 7 })))
        .message(&number, &ana, Message::raw(json!(42)))
        .message(
            &number,
            &ana,
            Message::raw(json!({ "type": "text", "text": [] })),
        )
        .status(&number, &ana, Status::of("wamid.X", "teleported"))
        .change("weather", json!({ "sunny": true }))
        .message(&number, &ana, Message::text("last"));
    post(&meta, &webhook).await;
    assert!(backend.wait_for(7, PATIENCE).await);
    let (known, unknown): (Vec<_>, Vec<_>) = backend
        .events()
        .into_iter()
        .partition(|event| event.kind != "whatsapp.unknown");
    assert_eq!(texts(&known), ["first", "last"]);
    assert_eq!(unknown.len(), 5);
    let raw: Vec<String> = unknown
        .iter()
        .map(|event| event.data["raw"].to_string())
        .collect();
    for part in ["hologram", ":[42]", r#""text":[]"#, "teleported", "sunny"] {
        assert_eq!(
            raw.iter().filter(|raw| raw.contains(part)).count(),
            1,
            "{part}: {raw:?}"
        );
    }
}

#[tokio::test]
async fn a_mailbox_that_is_broken_costs_the_others_of_a_webhook_nothing() {
    let (mut transom, meta, backend) = started().await;
    let to = |number: Number, text: &str| {
        Update::message(&number, &Customer::local(), Message::text(text))
    };
    post(&meta, &Webhook::of([to(Number::nth(0), "first")])).await;
    assert!(backend.wait_for(1, PATIENCE).await);
    transom.kill().await;
    for file in transom.mailbox_files() {
        fs::write(file, "no database").unwrap();
    }
    transom.restart().await;
    let all = (0..10).map(|n| to(Number::nth(n), &format!("to {n}")));
    assert_eq!(meta.post(&Webhook::of(all)).await.status, 503);
    assert!(backend.wait_for(1 + 9, PATIENCE).await);
}

#[tokio::test]
async fn a_message_of_three_megabytes_arrives_whole() {
    let (_transom, meta, backend) = started().await;
    let text = "añb😀".repeat(250_000);
    let webhook =
        Webhook::new().message(&Number::local(), &Customer::local(), Message::text(&text));
    let body = webhook.body_utf8();
    assert!(
        (2_000_000..3 * 1024 * 1024).contains(&body.len()),
        "{}",
        body.len()
    );
    assert_eq!(meta.request(body).send().await.status, 200);
    assert!(backend.wait_for(1, PATIENCE).await);
    assert!(backend.events()[0].text() == Some(&text));
}

#[tokio::test]
async fn a_batch_of_a_thousand_updates_arrives_whole_and_in_order() {
    let (_transom, meta, backend) = started().await;
    let webhook = (0..1000).fold(Webhook::new(), |webhook, n| {
        let message = Message::text(&n.to_string());
        webhook.message(&Number::local(), &Customer::nth(n % 20), message)
    });
    post(&meta, &webhook).await;
    assert!(backend.wait_for(1000, PATIENCE).await);
    for n in 0..20 {
        let events = backend.events_of(&Customer::nth(n).user_id.unwrap());
        let expected: Vec<String> = (0..50).map(|i| (n + 20 * i).to_string()).collect();
        assert_eq!(texts(&events), expected);
    }
}
