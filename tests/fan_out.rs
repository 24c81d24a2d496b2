//! A busy number delivers more at the same time than the platform lets one object.
#![cfg(test)]

mod support;

use std::time::Duration;

use serde_json::json;
use simulator::backend::{Answer, Arrival, Backend};
use simulator::meta::Meta;
use simulator::webhook::{Customer, Message, Number, Webhook};
use support::{PATIENCE, Transom, client, destination, started_with, texts, with};

/// How many requests a mailbox makes itself.
const ITSELF: usize = 4;

fn user(n: usize) -> String {
    Customer::nth(n).user_id.unwrap()
}

/// Customer `n` writes.
fn message(n: usize, text: &str) -> Webhook {
    Webhook::new().message(&Number::local(), &Customer::nth(n), Message::text(text))
}

/// A Transom whose mailbox has no request of its own to spare, so that all that comes now goes by couriers: its first
/// customers are never answered.
async fn busy(timeout_ms: u32) -> (Transom, Meta, Backend) {
    let members = json!({ "max_in_flight": 60, "timeout_ms": timeout_ms });
    let (transom, meta, backend) = started_with(members).await;
    backend.when_event(|event| event.text() == Some("stall"), Answer::Stall);
    for n in 0..ITSELF {
        assert_eq!(meta.post(&message(n, "stall")).await.status, 200);
    }
    assert!(backend.wait_for_requests(ITSELF, PATIENCE).await);
    (transom, meta, backend)
}

#[tokio::test]
async fn sixty_requests_are_under_way_at_the_same_time() {
    let (transom, meta, backend) = busy(30_000).await;
    backend.always(Answer::Stall);
    for n in ITSELF..70 {
        assert_eq!(meta.post(&message(n, "hola")).await.status, 200);
    }
    assert!(backend.wait_for_requests(60, PATIENCE).await);
    // No more than the destination is said to take.
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(backend.arrivals().len(), 60);
    // The mailbox itself made four of them; nine couriers of six each and one of two the others.
    assert_eq!(transom.objects("courier"), 10);
}

#[tokio::test]
async fn one_that_is_not_answered_holds_back_nobody_who_went_by_the_same_courier() {
    let (_transom, meta, backend) = busy(30_000).await;
    let stalled = 10;
    backend.when_event(
        move |event| event.subject == Some(user(stalled)),
        Answer::Stall,
    );
    let others = stalled + 1..stalled + 6;
    for text in ["one", "two"] {
        let customers = stalled..others.end;
        let posts = customers.map(|n| {
            let (meta, webhook) = (meta.clone(), message(n, text));
            tokio::spawn(async move { meta.post(&webhook).await.status })
        });
        for post in posts.collect::<Vec<_>>() {
            assert_eq!(post.await.unwrap(), 200);
        }
    }
    let all = ITSELF + 1 + 2 * others.len();
    // The time limit is half a minute.
    assert!(
        backend
            .wait_for_requests(all, Duration::from_secs(10))
            .await
    );
    for n in others {
        assert_eq!(texts(&backend.events_of(&user(n))), ["one", "two"]);
    }
}

#[tokio::test]
async fn what_fails_by_a_courier_is_tried_again_in_order_under_the_same_id() {
    let (transom, meta, backend) = busy(1_000).await;
    for answer in [
        Answer::status(500),
        Answer::Close,
        Answer::CloseHalfWay,
        Answer::status(302).header("location", "http://127.0.0.1:9/"),
        Answer::status(503).header("retry-after", "1"),
        Answer::Stall,
    ] {
        backend.next(answer);
    }
    let (ana, user) = (50, user(50));
    for text in ["one", "two", "three"] {
        assert_eq!(meta.post(&message(ana, text)).await.status, 200);
    }
    let of_ana = |arrival: &&std::sync::Arc<Arrival>| {
        arrival
            .events
            .iter()
            .any(|event| event.subject.as_deref() == Some(&user))
    };
    let came = |arrivals: &[std::sync::Arc<Arrival>]| arrivals.iter().filter(of_ana).count() >= 9;
    assert!(backend.wait_until(PATIENCE, came).await);
    let arrivals = backend.arrivals();
    let arrivals: Vec<_> = arrivals.iter().filter(of_ana).collect();
    assert!(
        arrivals[..7]
            .iter()
            .all(|arrival| arrival.webhook_id == arrivals[0].webhook_id)
    );
    assert_eq!(texts(&backend.events_of(&user)), ["one", "two", "three"]);
    let log = transom.log();
    assert!(
        log.contains(r#""error":"status 500""#),
        "the first failure is told"
    );
}

#[tokio::test]
async fn couriers_can_be_switched_off() {
    let backend = Backend::start().await;
    let crm = with(destination("crm", &backend), json!({ "max_in_flight": 20 }));
    let settings = Transom::builder().config(json!({ "destinations": [crm], "couriers": false }));
    let transom = settings.start().await;
    backend.always(Answer::Stall);
    for n in 0..20 {
        assert_eq!(transom.meta().post(&message(n, "hola")).await.status, 200);
    }
    assert!(backend.wait_for_requests(20, PATIENCE).await);
    assert_eq!(transom.objects("courier"), 0);
}

#[tokio::test]
async fn nobody_outside_can_have_a_courier_make_a_request() {
    let (transom, _meta, backend) = busy(30_000).await;
    for path in ["/", "/courier", "/hooks", "/v1/courier", "/v1/couriers/0"] {
        let request = client()
            .post(transom.url(path))
            .header(
                "host",
                backend
                    .url()
                    .trim_start_matches("http://")
                    .trim_end_matches("/events"),
            )
            .header("transom-timeout-ms", "1000")
            .bearer_auth(support::ADMIN_TOKEN)
            .body("{}");
        assert_eq!(request.send().await.unwrap().status(), 404, "{path}");
    }
    assert_eq!(backend.arrivals().len(), ITSELF);
}
