//! How evenly messages reach the Graph API: a measurement, not a test, as the machine must have nothing else to do.
//!
//! `cargo test --test pacing -- --ignored --nocapture --test-threads 1`
//!
//! Counted is when each request has been read, by a Graph API that has a thread of its own and, where that is allowed,
//! goes before all else: what is late then was late when it left.
#![cfg(test)]

mod support;

use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use simulator::graph::{Answer, Graph};
use simulator::local;
use simulator::pace::most_within;
use simulator::webhook::Customer;
use support::{ADMIN_TOKEN, Transom, client, go_first};

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_mins(1);

/// How long the Graph API takes to answer: about as long as Meta's.
const ANSWERS_AFTER: Duration = Duration::from_millis(100);

/// A Graph API on a thread of its own, which ends with the test.
fn punctual_graph() -> Graph {
    let (give, take) = mpsc::channel();
    thread::spawn(move || {
        if let Ok(thread) = std::fs::read_link("/proc/thread-self") {
            go_first(&thread.file_name().unwrap_or_default().to_string_lossy());
        }
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build();
        runtime.unwrap().block_on(async {
            give.send(Graph::start().await).unwrap();
            std::future::pending::<()>().await;
        });
    });
    take.recv().unwrap()
}

/// Has so many messages sent to as many people, under these settings, and gives when each arrived.
async fn arrivals(sending: Value, count: usize, patience: Duration) -> Vec<Instant> {
    let graph = punctual_graph();
    graph.always(Answer::Slow(ANSWERS_AFTER));
    let settings = Transom::builder().graph(&graph);
    let transom = settings.config(json!({ "sending": sending })).start().await;
    let client = client();
    let message =
        json!({ "type": "template", "template": { "name": "n", "language": { "code": "de" } } });
    for first in (0..count).step_by(1_000) {
        let sends: Vec<_> = (first..count.min(first + 1_000))
            .map(|index| json!({ "to": Customer::nth(index).phone, "message": message }))
            .collect();
        let body = json!({ "phone_number_id": local::PHONE_NUMBER_ID, "sends": sends });
        let request = client.post(transom.url("/v1/messages"));
        let answer = request.bearer_auth(ADMIN_TOKEN).json(&body).send().await;
        assert_eq!(answer.unwrap().status(), 202);
    }
    let came = graph.wait_for(count, patience).await;
    let requests = graph.requests();
    assert!(came, "{} came", requests.len());
    let mut arrivals: Vec<_> = requests.iter().map(|request| request.at).collect();
    arrivals.sort_unstable();
    arrivals
}

/// How much of the limit was used, from the first to the last, and the most that came in any one period.
fn told(arrivals: &[Instant], limit: u32, period: Duration) -> (f64, usize) {
    let (first, last) = (arrivals[0], arrivals[arrivals.len() - 1]);
    let gaps = u32::try_from(arrivals.len() - 1).unwrap();
    let periods = (last - first).as_secs_f64() / period.as_secs_f64();
    let used = f64::from(gaps) / periods / f64::from(limit);
    let most = most_within(period, arrivals.iter().copied());
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    println!(
        "{} messages, limit {limit} in {period:?}: {:.2} % of it, at most {most} in one; load {load}",
        arrivals.len(),
        used * 100.0
    );
    (used, most)
}

#[tokio::test]
#[ignore = "takes two minutes"]
async fn ten_thousand_messages_at_80_a_second() {
    let arrivals = arrivals(json!({}), 10_000, Duration::from_secs(160)).await;
    let (used, most) = told(&arrivals, 80, SECOND);
    assert!(most <= 80, "{most}");
    assert!(used > 0.98, "{used}");
}

#[tokio::test]
#[ignore = "a measurement"]
async fn twenty_thousand_messages_at_1000_a_second() {
    let arrivals = arrivals(
        json!({ "per_second": 1_000 }),
        20_000,
        Duration::from_secs(90),
    )
    .await;
    let (used, most) = told(&arrivals, 1_000, SECOND);
    assert!(most <= 1_000, "{most}");
    assert!(used > 0.98, "{used}");
}

#[tokio::test]
#[ignore = "takes two and a half minutes"]
async fn twelve_hundred_messages_at_500_a_minute() {
    let sending = json!({ "per_minute": 500 });
    let arrivals = arrivals(sending, 1_200, Duration::from_secs(170)).await;
    let (used, most) = told(&arrivals, 500, MINUTE);
    assert!(most <= 500, "{most}");
    assert!(used > 0.98, "{used}");
    told(&arrivals, 80, SECOND);
}
