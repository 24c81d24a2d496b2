use serde_json::{Value, json};

use super::*;
use crate::{clock, local, signature};

const SOON: Duration = Duration::from_secs(5);

fn event(id: &str, subject: &str) -> Value {
    json!({
        "specversion": "1.0", "id": id, "type": "whatsapp.message.received", "source": "/whatsapp/1",
        "subject": subject, "time": "2026-11-22T08:00:00Z", "datacontenttype": "application/json",
        "data": { "message": { "kind": "text", "text": { "body": "hola" } } },
    })
}

/// Posts as a gateway would that signs under `secret`.
async fn tell(
    backend: &Backend,
    secret: &str,
    id: &str,
    kind: &str,
    body: &Value,
) -> reqwest::Result<u16> {
    let body = body.to_string();
    let now = clock::unix_now();
    let signature = standardwebhooks::Webhook::new(secret)
        .unwrap()
        .sign(id, now, body.as_bytes())
        .unwrap();
    let client = reqwest::Client::builder()
        .no_proxy()
        .timeout(Duration::from_millis(500))
        .build()?;
    let request = client
        .post(backend.url())
        .header("content-type", kind)
        .header("webhook-id", id);
    let request = request
        .header("webhook-timestamp", now.to_string())
        .header("webhook-signature", signature);
    let response = request.body(body).send().await?;
    let status = response.status().as_u16();
    response.bytes().await?;
    Ok(status)
}

async fn tell_one(backend: &Backend, id: &str) -> reqwest::Result<u16> {
    tell(
        backend,
        local::DESTINATION_SECRET,
        id,
        "application/cloudevents+json",
        &event(id, "US.1"),
    )
    .await
}

#[tokio::test]
async fn a_signed_event_is_taken_and_recorded() {
    let backend = Backend::start().await;
    assert_eq!(tell_one(&backend, "e1").await.unwrap(), 204);
    assert!(backend.wait_for(1, SOON).await);
    let event = &backend.events_of("US.1")[0];
    assert_eq!((event.id.as_str(), event.text()), ("e1", Some("hola")));
    assert_eq!(event.time.as_deref(), Some("2026-11-22T08:00:00Z"));
    assert_eq!(backend.arrivals()[0].format, Format::CloudEvent);
}

#[tokio::test]
async fn a_wrong_signature_and_a_wrong_event_are_refused() {
    let backend = Backend::start().await;
    backend.expect_faults();
    let other = "whsec_b3RoZXItc2VjcmV0LTEyMzQ1Njc4OTAxMjM0NTY3ODk=";
    let kind = "application/cloudevents+json";
    assert_eq!(
        tell(&backend, other, "e1", kind, &event("e1", "a"))
            .await
            .unwrap(),
        400
    );
    assert_eq!(
        tell(
            &backend,
            local::DESTINATION_SECRET,
            "e2",
            kind,
            &json!({ "id": "e2" })
        )
        .await
        .unwrap(),
        400
    );
    let faults = backend.faults();
    assert_eq!(faults[0], "request 1: signature invalid");
    assert!(
        faults[1].starts_with("request 2: body: is not a CloudEvent"),
        "{faults:?}"
    );
    assert_eq!(backend.distinct(), 0);
}

#[tokio::test]
#[should_panic(expected = "request 2: signature invalid")]
async fn a_fault_that_no_test_expects_fails_it() {
    let backend = Backend::start().await;
    tell_one(&backend, "e1").await.unwrap();
    let event = event("e2", "US.1");
    let other = "whsec_b3RoZXItc2VjcmV0LWluLWEtdGVzdC0xMjM0NTY3ODk=";
    let kind = "application/cloudevents+json";
    tell(&backend, other, "e2", kind, &event).await.unwrap();
    backend.forget();
}

#[tokio::test]
async fn it_fails_as_often_as_it_was_told_and_counts_the_tries() {
    let backend = Backend::start().await;
    backend.next_n(2, Answer::status(500));
    let mut statuses = Vec::new();
    for _ in 0..3 {
        statuses.push(tell_one(&backend, "e1").await.unwrap());
    }
    assert_eq!(statuses, [500, 500, 204]);
    let attempts: Vec<_> = backend
        .attempts("e1")
        .iter()
        .map(|a| (a.attempt, a.answered()))
        .collect();
    assert_eq!(attempts, [(1, 500), (2, 500), (3, 204)]);
    assert_eq!(backend.events().len(), 1);
}

#[tokio::test]
async fn one_event_may_be_refused_for_ever_while_others_pass() {
    let backend = Backend::start().await;
    backend.when_event(|event| event.id == "bad", Answer::status(422));
    assert_eq!(tell_one(&backend, "bad").await.unwrap(), 422);
    assert_eq!(tell_one(&backend, "good").await.unwrap(), 204);
    assert_eq!(tell_one(&backend, "bad").await.unwrap(), 422);
    backend.behave();
    assert_eq!(tell_one(&backend, "bad").await.unwrap(), 204);
}

#[tokio::test]
async fn it_can_stall_break_off_and_be_gone() {
    let backend = Backend::start().await;
    let late = Answer::After(Duration::from_millis(10), Box::new(Answer::CloseHalfWay));
    for answer in [Answer::Stall, Answer::Close, Answer::CloseHalfWay, late] {
        backend.next(answer.clone());
        assert!(tell_one(&backend, "e1").await.is_err(), "{answer:?}");
    }
    assert_eq!(backend.distinct(), 0);
    backend.down();
    assert!(tell_one(&backend, "e1").await.is_err());
    backend.up().await;
    assert_eq!(tell_one(&backend, "e1").await.unwrap(), 204);
    assert_eq!(backend.attempts("e1").len(), 5);
}

#[tokio::test]
async fn it_answers_with_replies_redirects_and_waits() {
    let backend = Backend::start().await;
    backend.expect_faults();
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    backend.always(Answer::reply("hi"));
    assert_eq!(tell_one(&backend, "e1").await.unwrap(), 200);
    backend.behave();
    backend.next(Answer::retry_after(503, "2"));
    assert_eq!(tell_one(&backend, "e2").await.unwrap(), 503);
    // What is not signed never reaches the script.
    backend.always(Answer::status(410));
    assert_eq!(
        client
            .post(backend.url())
            .body("{}")
            .send()
            .await
            .unwrap()
            .status(),
        400
    );
    assert_eq!(tell_one(&backend, "e3").await.unwrap(), 410);
}

#[tokio::test]
async fn batches_and_metas_own_format_are_understood() {
    let backend = Backend::start().await;
    let batch = json!([event("a", "US.1"), event("b", "US.1")]);
    let kind = "application/cloudevents-batch+json";
    assert_eq!(
        tell(&backend, local::DESTINATION_SECRET, "x", kind, &batch)
            .await
            .unwrap(),
        204
    );
    let ana = crate::webhook::Customer::local();
    let webhook = crate::webhook::Webhook::new().message(
        &crate::webhook::Number::local(),
        &ana,
        crate::webhook::Message::text("hola").id("wamid.A"),
    );
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let request = client
        .post(backend.url())
        .header("content-type", "application/json");
    let request = request.header(
        "x-hub-signature-256",
        signature::sha256(local::DESTINATION_SECRET, &webhook.body()),
    );
    assert_eq!(
        request.body(webhook.body()).send().await.unwrap().status(),
        204
    );
    let ids: Vec<_> = backend.events().into_iter().map(|event| event.id).collect();
    assert_eq!(ids, ["a", "b", "wamid.A"]);
    assert_eq!(
        backend.events()[2].subject.as_deref(),
        Some(local::CUSTOMER_USER_ID)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn it_copes_with_thousands() {
    let backend = Backend::start().await;
    let backend = Arc::new(backend);
    let senders = (0..50).map(|sender| {
        let backend = Arc::clone(&backend);
        tokio::spawn(async move {
            for n in 0..40 {
                tell_one(&backend, &format!("{sender}-{n}")).await.unwrap();
            }
        })
    });
    let senders: Vec<_> = senders.collect();
    assert!(backend.wait_for(2000, Duration::from_mins(1)).await);
    for sender in senders {
        sender.await.unwrap();
    }
}
