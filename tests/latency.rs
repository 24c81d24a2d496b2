//! How long Meta waits for its 200: a measurement, not a test, as what a busy machine needs says nothing.
//!
//! `cargo test --test latency -- --ignored --nocapture`
#![cfg(test)]

mod support;

use std::time::Duration;

use simulator::backend::Backend;
use simulator::webhook::{Customer, Message, Number, Webhook};
use support::{DESTINATION_SECRET, PATIENCE, Transom, destination};

/// Webhooks a second, one message each, and for how many seconds.
const RATE: usize = 20;
const SECONDS: usize = 10;

#[tokio::test]
#[ignore = "a measurement"]
async fn how_long_an_acknowledgement_takes_under_light_load() {
    let backend = Backend::start(DESTINATION_SECRET).await;
    let settings = Transom::builder().destinations([destination("crm", &backend)]);
    let transom = settings.start().await;
    let meta = transom.meta();
    let mut ticks = tokio::time::interval(Duration::from_secs(1) / u32::try_from(RATE).unwrap());
    let mut posts = Vec::new();
    for n in 0..RATE * SECONDS {
        ticks.tick().await;
        let meta = meta.clone();
        let message = Message::text("hola");
        let webhook = Webhook::new().message(&Number::local(), &Customer::nth(n % 50), message);
        posts.push(tokio::spawn(async move { meta.post(&webhook).await }));
    }
    let mut latencies = Vec::new();
    for post in posts {
        let answer = post.await.unwrap();
        assert_eq!(answer.status, 200, "{answer:?}");
        latencies.push(answer.latency);
    }
    assert!(backend.wait_for(RATE * SECONDS, PATIENCE).await);
    latencies.sort_unstable();
    let at = |percent: usize| latencies[(latencies.len() - 1) * percent / 100];
    println!("p50 {:?}, p99 {:?}, most {:?}", at(50), at(99), at(100));
}
