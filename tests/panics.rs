//! A panic, should one ever happen, is a 500 for its own request alone; a trap costs what is on its way, and is repeated.
//! The build that these tests run has routes which panic and trap on purpose.
#![cfg(test)]

mod support;

use std::time::Duration;

use serde_json::json;
use simulator::backend::Backend;
use simulator::webhook::{Customer, Message, Number, Webhook};
use support::{PATIENCE, Settings, Transom, client, set, texts};

/// Where it panics: when a request comes in, when its body is there, in an object.
const PLACES: [&str; 3] = ["/panic/fetch", "/panic/body", "/panic/object"];

/// Milliseconds, were it not for the other tests. Without unwinding it would be the time limit.
const AT_ONCE: Duration = Duration::from_secs(5);

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
    let request = client().post(transom.url(place));
    // What claims no signature does not come so far as to have its body read.
    let signature = format!("sha256={}", "0".repeat(64));
    let request = request.header("x-hub-signature-256", signature);
    let answer = request.send().await.unwrap();
    (answer.status().as_u16(), began.elapsed())
}

async fn started() -> (Transom, Backend) {
    let (transom, _, backend) = set(json!({}), Settings::with_panic_routes).await;
    (transom, backend)
}

#[tokio::test]
async fn a_panic_is_a_500_at_once_and_the_next_request_is_answered() {
    let (transom, backend) = started().await;
    for place in [PLACES, PLACES].concat() {
        let (status, took) = panic(&transom, place).await;
        assert_eq!(status, 500, "{place}");
        assert!(took < AT_ONCE, "{place}: {took:?}");
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

/// So many messages that a customer wrote, in order.
fn written_by(customer: usize, count: usize) -> Vec<String> {
    (0..count).map(|n| (customer + 3 * n).to_string()).collect()
}

#[tokio::test]
async fn what_a_mailbox_has_on_its_way_outlives_a_panic_in_it() {
    let (transom, backend) = with_nine_on_their_way(200).await;
    assert_eq!(panic(&transom, "/panic/object").await.0, 500);
    assert!(backend.wait_for(9, PATIENCE).await);
    for customer in 0..3 {
        let events = backend.events_of(&Customer::nth(customer).user_id.unwrap());
        assert_eq!(texts(&events), written_by(customer, 3));
    }
    // Each was sent once: nothing had to begin anew.
    assert_eq!(backend.arrivals().len(), 9);
}

#[tokio::test]
async fn what_a_mailbox_has_on_its_way_is_delivered_though_a_run_of_its_alarm_panics() {
    let (transom, backend) = with_nine_on_their_way(500).await;
    assert_eq!(panic(&transom, "/panic/alarm").await.0, 200);
    backend.behave();
    assert!(arrive(&backend, 9).await);
}

/// Where the WASM traps, as it does when no memory is left, and nothing unwinds: when a request comes in, when its body is
/// there, in an object, in a run of the alarm, and where the next webhook is appended.
const TRAPS: [&str; 5] = [
    "/trap/fetch",
    "/trap/body",
    "/trap/object",
    "/trap/alarm",
    "/trap/append",
];

/// Has it trap. The caller may be answered before that, or not.
async fn trap(transom: &Transom, place: &str) {
    let (status, took) = panic(transom, place).await;
    assert!([200, 500].contains(&status), "{place}: {status}");
    assert!(took < AT_ONCE, "{place}: {took:?}");
}

/// Posts a message as Meta does, which repeats what was not taken: once, and by then it is.
async fn is_taken(transom: &Transom, n: usize) -> bool {
    let (meta, webhook) = (transom.meta(), message(n));
    meta.post(&webhook).await.status == 200 || meta.post(&webhook).await.status == 200
}

/// Whether so many messages arrive, and each customer's in the order in which they were written.
async fn arrive(backend: &Backend, count: usize) -> bool {
    let all_came = backend.wait_for(count, PATIENCE).await;
    all_came
        && (0..3).all(|customer| {
            let events = backend.events_of(&Customer::nth(customer).user_id.unwrap());
            let mut first = Vec::new();
            for text in texts(&events) {
                if !first.contains(&text) {
                    first.push(text);
                }
            }
            first == written_by(customer, count / 3)
        })
}

#[tokio::test]
async fn after_a_trap_webhooks_are_taken_again_and_what_waits_is_delivered() {
    let [fetch, body, object, alarm, append] = TRAPS.map(async |place| {
        let (transom, backend) = with_nine_on_their_way(500).await;
        for traps in 1..=3 {
            trap(&transom, place).await;
            for n in 9 * traps..9 * (traps + 1) {
                assert!(is_taken(&transom, n).await, "{place} {traps}: {n}");
            }
        }
        backend.behave();
        assert!(arrive(&backend, 36).await, "{place}");
    });
    tokio::join!(fetch, body, object, alarm, append);
}

#[tokio::test]
async fn what_waits_is_delivered_after_a_trap_though_nothing_comes_any_more() {
    let [fetch, body, object, alarm, _] = TRAPS.map(async |place| {
        let (transom, backend) = with_nine_on_their_way(500).await;
        trap(&transom, place).await;
        assert!(arrive(&backend, 9).await, "{place}");
    });
    tokio::join!(fetch, body, object, alarm);
}

#[tokio::test]
async fn what_is_deployed_has_no_such_routes() {
    let transom = Transom::builder().start().await;
    for place in [&PLACES[..], &TRAPS].concat() {
        assert_eq!(panic(&transom, place).await.0, 404);
    }
}
