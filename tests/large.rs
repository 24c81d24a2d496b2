//! Large webhooks are acknowledged and delivered like small ones.
#![cfg(test)]

mod support;

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};
use simulator::backend::Backend;
use simulator::webhook::{Customer, Message, Number, Webhook};
use simulator::{clock, local};
use support::{Settings, Transom, eventually, set, started_with, template, with};

/// Long enough for a thousand requests on a busy machine.
const LONG: Duration = Duration::from_secs(30);

async fn started() -> (Transom, Backend) {
    let (transom, _, backend) = started_with(json!({ "max_in_flight": 50 })).await;
    (transom, backend)
}

fn to_customers(number: &Number, customers: usize) -> Webhook {
    (0..customers).fold(Webhook::new(), |webhook, n| {
        webhook.message(number, &Customer::nth(n), Message::text(&format!("to {n}")))
    })
}

#[tokio::test]
async fn a_thousand_updates_for_a_thousand_customers_are_acknowledged_in_time_and_delivered() {
    let (transom, backend) = started().await;
    let meta = transom.meta();
    let number = Number::local();
    assert_eq!(meta.post(&to_customers(&number, 1)).await.status, 200);
    let one = meta.post(&to_customers(&number, 1)).await.latency;
    let began = clock::instant();
    let thousand = meta.post(&to_customers(&number, 1_000)).await;
    assert_eq!(thousand.status, 200, "{thousand:?}");
    assert!(
        backend.wait_for(1_002, LONG).await,
        "{} arrived",
        backend.distinct()
    );
    println!(
        "one message: 200 after {one:?}; 1,000: 200 after {:?}, delivered after {:?}",
        thousand.latency,
        began.elapsed()
    );
}

#[tokio::test]
async fn a_full_mailbox_takes_nothing_new_until_what_is_there_has_been_delivered() {
    // In this build a mailbox is full at 2 MB.
    let (transom, meta, backend) = set(json!({}), Settings::with_panic_routes).await;
    backend.down();
    let writes = async |n| {
        let long = Message::text(&"x".repeat(4_000));
        let webhook = Webhook::new().message(&Number::local(), &Customer::nth(n), long);
        meta.post(&webhook).await.status
    };
    let mut taken = 0;
    while writes(taken).await == 200 {
        taken += 1;
        assert!(taken < 1_000, "it takes more and more");
    }
    let template = json!({ "to": "+16505551234", "message": template("hello") });
    let number = json!({ "phone_number_id": local::PHONE_NUMBER_ID });
    let asked = with(template, number);
    let (status, answer) = transom.ask(Method::POST, "/v1/messages", &asked).await;
    assert_eq!(status, 503, "{answer}");
    backend.up().await;
    assert!(
        backend.wait_for(taken, LONG).await,
        "{taken}, {}",
        backend.distinct()
    );
    eventually(async || (writes(taken).await == 200).then_some(())).await;
    assert!(backend.wait_for(taken + 1, LONG).await);
}

/// A webhook that concerns more mailboxes than are called at once: some of them hand on what is for others.
fn to_sixty_numbers(text: &str) -> Webhook {
    (0..60).fold(Webhook::new(), |webhook, n| {
        webhook.message(&Number::nth(n), &Customer::local(), Message::text(text))
    })
}

#[tokio::test]
async fn one_webhook_for_sixty_numbers_reaches_them_all() {
    let (transom, backend) = started().await;
    let answer = transom.meta().post(&to_sixty_numbers("hola")).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert!(
        backend.wait_for(60, LONG).await,
        "{} arrived",
        backend.distinct()
    );
    let mut sources: Vec<String> = backend
        .events()
        .into_iter()
        .map(|event| event.source)
        .collect();
    sources.sort();
    sources.dedup();
    assert_eq!(sources.len(), 60);
}

#[tokio::test]
async fn webhooks_for_many_numbers_and_for_one_do_not_hinder_each_other() {
    let (transom, backend) = started().await;
    let to_one = |n: usize| {
        let text = Message::text(&format!("to one {n}"));
        Webhook::new().message(&Number::nth(n % 3), &Customer::local(), text)
    };
    let to_all = (0..5).map(|n| to_sixty_numbers(&format!("to all {n}")));
    let webhooks = to_all.chain((0..15).map(to_one));
    let posts = webhooks.map(|webhook| {
        let meta = transom.meta().clone();
        tokio::spawn(async move { meta.post(&webhook).await.status })
    });
    for post in posts.collect::<Vec<_>>() {
        assert_eq!(post.await.unwrap(), 200);
    }
    let all = 5 * 60 + 15;
    assert!(
        backend.wait_for(all, LONG).await,
        "{} arrived",
        backend.distinct()
    );
}

/// A history sync, as large as Meta sends one.
fn history(bytes: usize) -> Value {
    let text = "la historia de siempre ".repeat(40);
    let threads: Vec<Value> = (0..bytes / 1_200)
        .map(|n| {
            json!({ "id": format!("1650555{n:04}"), "messages": [
                { "from": format!("1650555{n:04}"), "id": format!("wamid.H{n}"), "timestamp": "1739230955",
                  "type": "text", "text": { "body": text }, "history_context": { "status": "READ" } } ] })
        })
        .collect();
    json!([{ "metadata": { "phase": 0, "chunk_order": 1, "progress": 55 }, "threads": threads }])
}

#[tokio::test]
async fn a_history_of_three_megabytes_is_acknowledged_and_delivered() {
    let (transom, backend) = started().await;
    let history = history(3_000_000);
    let messages = history[0]["threads"].as_array().unwrap().len();
    let webhook =
        Webhook::new().change_of(&Number::local(), "history", json!({ "history": history }));
    let size = webhook.body().len();
    assert!((2_500_000..3_200_000).contains(&size), "{size}");
    let answer = transom.meta().post(&webhook).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert!(
        backend.wait_for(messages, LONG).await,
        "{} arrived",
        backend.distinct()
    );
    println!("{size} bytes: 200 after {:?}", answer.latency);
}

#[tokio::test]
async fn one_event_of_three_megabytes_is_kept_and_delivered_whole() {
    let (transom, backend) = started().await;
    let thing = "ñ".repeat(500_000);
    let webhook =
        Webhook::new().change_of(&Number::local(), "new_thing", json!({ "thing": thing }));
    let answer = transom.meta().post(&webhook).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert!(backend.wait_for(1, LONG).await);
    let events = backend.events();
    assert_eq!(events[0].kind, "whatsapp.unknown");
    assert!(
        events[0].data.to_string().contains(&thing),
        "nothing is cut off"
    );
}
