//! The formats in which events go out, and what goes along with them.
#![cfg(test)]

mod support;

use std::time::Duration;

use serde_json::json;
use simulator::backend::{Answer, Backend, Format};
use simulator::webhook::{Customer, Message, Number, Status, Webhook};
use support::{
    PATIENCE, Settings, Transom, destination, post, set, started_with, texts, with, writes,
};

fn text(body: &str, id: &str) -> Webhook {
    Webhook::new().message(
        &Number::local(),
        &Customer::local(),
        Message::text(body).id(id),
    )
}

#[tokio::test]
async fn a_batch_is_a_list_of_cloudevents_under_one_signature() {
    let (_transom, meta, backend) = started_with(json!({ "format": "cloudevents-batch" })).await;
    backend.next(Answer::status(500));
    post(&meta, &text("hola", "wamid.A")).await;
    assert!(backend.wait_for(1, PATIENCE).await);
    let arrivals = backend.arrivals();
    assert!(
        arrivals
            .iter()
            .all(|arrival| arrival.format == Format::Batch)
    );
    assert_eq!(
        arrivals[0].header("content-type"),
        "application/cloudevents-batch+json; charset=utf-8"
    );
    assert_eq!(
        arrivals[0].webhook_id, arrivals[1].webhook_id,
        "the same when it is tried again"
    );
    assert_eq!(backend.events()[0].text(), Some("hola"));
}

#[tokio::test]
async fn what_a_customer_writes_in_a_row_comes_in_one_batch_once_it_is_quiet() {
    let quiet = json!({ "format": "cloudevents-batch", "quiet_ms": 1_000 });
    let (_transom, meta, backend) = started_with(quiet).await;
    for body in ["one", "two"] {
        writes(&meta, &Customer::local(), body).await;
    }
    let written = simulator::clock::instant();
    writes(&meta, &Customer::local(), "three").await;
    assert!(backend.wait_for(3, PATIENCE).await);
    assert!(written.elapsed() > Duration::from_millis(900));
    assert_eq!(
        texts(&backend.arrivals()[0].events),
        ["one", "two", "three"]
    );
}

#[tokio::test]
async fn software_for_metas_webhooks_can_be_put_behind_it_unchanged() {
    let (_transom, meta, backend) = started_with(json!({ "format": "meta" })).await;
    let (number, ana) = (Number::local(), Customer::local());
    let both = text("hola", "wamid.A").status(&number, &ana, Status::delivered("wamid.B"));
    post(&meta, &both).await;
    assert!(backend.wait_for(2, PATIENCE).await);
    for arrival in backend.arrivals() {
        assert_eq!(arrival.format, Format::Meta);
        assert_eq!(arrival.events.len(), 1, "each event on its own");
        assert!(!arrival.webhook_id.is_empty());
        assert_eq!(arrival.header("webhook-signature"), "");
        assert_eq!(arrival.json()["object"], "whatsapp_business_account");
    }
    let mut kinds: Vec<_> = backend
        .events()
        .into_iter()
        .map(|event| event.kind)
        .collect();
    kinds.sort();
    assert_eq!(kinds, ["messages", "statuses"]);
}

#[tokio::test]
async fn software_for_metas_webhooks_hears_of_a_stop_as_meta_tells_it_and_no_more() {
    let backend = Backend::start().await;
    let crm = with(destination("crm", &backend), json!({ "format": "meta" }));
    let transom = Transom::builder()
        .config(json!({ "consent": {}, "destinations": [crm] }))
        .start()
        .await;
    let meta = transom.meta();
    post(&meta, &text("STOP", "wamid.A")).await;
    // It would wait behind what the software refuses.
    post(&meta, &text("hola", "wamid.B")).await;
    assert!(backend.wait_for(2, PATIENCE).await);
    let said = |nth: usize| {
        let value = &backend.arrivals()[nth].json()["entry"][0]["changes"][0]["value"];
        value["messages"][0]["text"]["body"].clone()
    };
    assert_eq!([said(0), said(1)], ["STOP", "hola"]);
}

#[tokio::test]
async fn headers_that_are_set_go_along() {
    let headers = json!({ "headers": { "Authorization": "env:CRM_KEY", "X-Team": "sales" } });
    let with_key = |settings: Settings| settings.secret("CRM_KEY", "Bearer k3y");
    let (transom, meta, backend) = set(headers, with_key).await;
    post(&meta, &text("hola", "wamid.A")).await;
    assert!(backend.wait_for(1, PATIENCE).await);
    let arrival = backend.arrivals().remove(0);
    assert_eq!(arrival.header("authorization"), "Bearer k3y");
    assert_eq!(arrival.header("x-team"), "sales");
    assert_eq!(arrival.header("user-agent"), "Transom");
    assert!(arrival.signed);
    assert!(!transom.log().contains("k3y"));
}
