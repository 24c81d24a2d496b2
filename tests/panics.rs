//! A panic, should one ever happen, is a 500 for its own request alone. The build that these tests run has routes which
//! panic on purpose.
#![cfg(test)]

mod support;

use std::time::Duration;

use simulator::backend::Backend;
use simulator::webhook::{Customer, Message, Number, Webhook};
use support::{DESTINATION_SECRET, PATIENCE, Transom, destination, texts};

/// Where it panics: when a request comes in, when its body is there, in an object.
const PLACES: [&str; 3] = ["/panic/fetch", "/panic/body", "/panic/object"];

/// The mailbox whose object panics on request has this as its number.
fn number() -> Number {
    Number::new("panic")
}

fn message(n: usize) -> Webhook {
    Webhook::new().message(
        &number(),
        &Customer::nth(n % 3),
        Message::text(&n.to_string()),
    )
}

/// Has it panic; gives the status and how long that took.
async fn panic(transom: &Transom, place: &str) -> (u16, Duration) {
    let began = simulator::clock::instant();
    let client = reqwest::Client::builder()
        .timeout(PATIENCE)
        .build()
        .unwrap();
    let request = client.post(transom.url(place));
    // What claims no signature does not come so far as to have its body read.
    let signature = format!("sha256={}", "0".repeat(64));
    let request = request.header("x-hub-signature-256", signature);
    let answer = request.send().await.unwrap();
    (answer.status().as_u16(), began.elapsed())
}

async fn started() -> (Transom, Backend) {
    let backend = Backend::start(DESTINATION_SECRET).await;
    let settings = Transom::builder().destinations([destination("crm", &backend)]);
    (settings.with_panic_routes().start().await, backend)
}

#[tokio::test]
async fn a_panic_is_a_500_at_once_and_the_next_request_is_answered() {
    let (transom, backend) = started().await;
    for place in [PLACES, PLACES].concat() {
        let (status, took) = panic(&transom, place).await;
        assert_eq!(status, 500, "{place}");
        // Milliseconds, were it not for the other tests. Without unwinding it would be the time limit.
        assert!(took < Duration::from_secs(2), "{place}: {took:?}");
        let answer = transom.meta().post(&message(0)).await;
        assert_eq!(answer.status, 200, "{place}: {answer:?}");
    }
    assert!(backend.wait_for(6, PATIENCE).await);
}

#[tokio::test]
async fn requests_beside_a_panic_do_not_notice_it() {
    let (transom, backend) = started().await;
    let meta = transom.meta();
    for place in PLACES {
        let webhooks: Vec<_> = (0..30)
            .map(|n| {
                let meta = meta.clone();
                tokio::spawn(async move { meta.post(&message(n)).await.status })
            })
            .collect();
        for _ in 0..10 {
            assert_eq!(panic(&transom, place).await.0, 500);
        }
        for webhook in webhooks {
            assert_eq!(webhook.await.unwrap(), 200, "{place}");
        }
    }
    assert!(backend.wait_for(90, PATIENCE).await);
    assert_eq!(backend.faults(), Vec::<String>::new());
}

/// Three messages of each of three customers, which the backend takes so long to answer (milliseconds).
async fn with_nine_on_their_way(answered_after: u64) -> (Transom, Backend) {
    let (transom, backend) = started().await;
    let slow = simulator::backend::Answer::slow(Duration::from_millis(answered_after));
    backend.always(slow);
    for n in 0..9 {
        assert_eq!(transom.meta().post(&message(n)).await.status, 200);
    }
    assert!(backend.wait_for_requests(1, PATIENCE).await);
    (transom, backend)
}

/// What a customer wrote, in order.
fn written_by(customer: usize) -> Vec<String> {
    (0..3).map(|n| (customer + 3 * n).to_string()).collect()
}

#[tokio::test]
async fn what_a_mailbox_has_on_its_way_outlives_a_panic_in_it() {
    let (transom, backend) = with_nine_on_their_way(200).await;
    assert_eq!(panic(&transom, "/panic/object").await.0, 500);
    assert!(backend.wait_for(9, PATIENCE).await);
    for customer in 0..3 {
        let events = backend.events_of(&Customer::nth(customer).user_id.unwrap());
        assert_eq!(texts(&events), written_by(customer));
    }
    // Each was sent once: nothing had to begin anew.
    assert_eq!(backend.arrivals().len(), 9);
}

#[tokio::test]
async fn what_a_mailbox_has_on_its_way_is_delivered_though_a_run_of_its_alarm_panics() {
    let (transom, backend) = with_nine_on_their_way(500).await;
    assert_eq!(panic(&transom, "/panic/alarm").await.0, 200);
    backend.behave();
    assert!(backend.wait_for(9, PATIENCE).await);
    for customer in 0..3 {
        let events = backend.events_of(&Customer::nth(customer).user_id.unwrap());
        let mut first = texts(&events);
        first.dedup();
        assert_eq!(first, written_by(customer));
    }
}

#[tokio::test]
async fn what_is_deployed_has_no_such_routes() {
    let transom = Transom::builder().start().await;
    for place in PLACES {
        assert_eq!(panic(&transom, place).await.0, 404);
    }
}
