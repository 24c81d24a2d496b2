//! How long Meta waits for its 200, and how long it takes from a webhook until its answer leaves for the Graph API: a
//! measurement, not a test, as what a busy machine needs says nothing.
//!
//! `cargo test --test latency -- --ignored --nocapture --test-threads 1`
#![cfg(test)]

mod support;

use std::collections::HashMap;
use std::time::{Duration, Instant};

use serde_json::json;
use simulator::backend::Answer;
use simulator::graph::Graph;
use simulator::webhook::{Customer, Message, Number, Webhook};
use support::{PATIENCE, Transom, set, started};

/// Webhooks a second, one message each, and for how many seconds.
const RATE: usize = 20;
const SECONDS: usize = 10;

/// Has each of so many customers write once, and gives when each webhook was posted, by the customer's phone number.
async fn customers_write(transom: &Transom) -> HashMap<String, Instant> {
    let meta = transom.meta();
    let mut ticks = tokio::time::interval(Duration::from_secs(1) / u32::try_from(RATE).unwrap());
    let mut posts = Vec::new();
    for n in 0..RATE * SECONDS {
        ticks.tick().await;
        let (meta, customer) = (meta.clone(), Customer::nth(n));
        let webhook = Webhook::new().message(&Number::local(), &customer, Message::text("hola"));
        posts.push(tokio::spawn(async move {
            let posted = simulator::clock::instant();
            (customer.phone.unwrap(), posted, meta.post(&webhook).await)
        }));
    }
    let (mut posted, mut latencies) = (HashMap::new(), Vec::new());
    for post in posts {
        let (phone, at, answer) = post.await.unwrap();
        assert_eq!(answer.status, 200, "{answer:?}");
        latencies.push(answer.latency);
        posted.insert(phone, at);
    }
    told("webhook in to 200 out", latencies);
    posted
}

fn told(what: &str, mut times: Vec<Duration>) {
    times.sort_unstable();
    let at = |percent: usize| times[(times.len() - 1) * percent / 100];
    let (half, most, all) = (at(50), at(99), at(100));
    println!("{what}: p50 {half:.1?}, p99 {most:.1?}, most {all:.1?}");
}

/// How long it took until a message to each customer had left.
async fn answers_leave(graph: &Graph, posted: &HashMap<String, Instant>) {
    assert!(graph.wait_for(posted.len(), PATIENCE).await);
    let requests = graph.requests();
    let times = requests
        .iter()
        .map(|request| request.at - posted[request.to().trim_start_matches('+')]);
    told("webhook in to Graph request out", times.collect());
}

#[tokio::test]
#[ignore = "a measurement"]
async fn how_long_an_acknowledgement_takes_under_light_load() {
    let (transom, _meta, backend) = started().await;
    let posted = customers_write(&transom).await;
    assert!(backend.wait_for(posted.len(), PATIENCE).await);
    let arrivals = backend.arrivals();
    let times = arrivals.iter().map(|arrival| {
        let phone = arrival.events[0].data["customer"]["phone"].as_str();
        arrival.at - posted[phone.unwrap()]
    });
    told("webhook in to request out", times.collect());
}

#[tokio::test]
#[ignore = "a measurement"]
async fn how_long_an_answer_of_a_destination_takes_to_leave() {
    let graph = Graph::start().await;
    let (transom, _, backend) = set(json!({}), |settings| settings.graph(&graph)).await;
    backend.always(Answer::reply("hola"));
    let posted = customers_write(&transom).await;
    answers_leave(&graph, &posted).await;
}

#[tokio::test]
#[ignore = "a measurement"]
async fn how_long_an_answer_by_a_rule_takes_to_leave() {
    let graph = Graph::start().await;
    let reply = json!({ "type": "text", "text": { "body": "hola" } });
    let rule = json!({ "id": "hi", "when": { "text": "hola" }, "reply": reply });
    let settings = Transom::builder().graph(&graph);
    let transom = settings.config(json!({ "replies": [rule] })).start().await;
    let posted = customers_write(&transom).await;
    answers_leave(&graph, &posted).await;
}
