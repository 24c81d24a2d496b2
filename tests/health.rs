//! Transom starts, and says how it is.
#![cfg(test)]

mod support;

use serde_json::{Value, json};
use simulator::backend::Backend;
use support::{Settings, Transom, Wrangler, client, destination};

#[tokio::test]
async fn it_says_that_nothing_is_kept_where_there_is_no_destination() {
    let says = async |settings: Settings| -> Value {
        let transom = settings.start().await;
        let answer = transom.get("/health").await;
        assert_eq!(answer.status(), 200);
        answer.json().await.unwrap()
    };
    assert_eq!(
        says(Transom::builder()).await,
        json!({ "status": "ok", "note": "CONFIG has no destination: what Meta sends gets 200 and is not kept" })
    );
    let backend = Backend::start().await;
    let settings = Transom::builder().destinations([destination("crm", &backend)]);
    assert_eq!(says(settings).await, json!({ "status": "ok" }));
    let reply = json!({ "type": "text", "text": { "body": "Hi" } });
    let rules = json!({ "replies": [ { "when": {}, "reply": reply } ] });
    let note = says(Transom::builder().config(rules)).await["note"].clone();
    assert!(
        note.as_str().unwrap().contains("GRAPH_ACCESS_TOKEN"),
        "{note}"
    );
}

#[tokio::test]
async fn it_is_healthy_under_wrangler_dev() {
    let wrangler = Wrangler::start(Transom::builder()).await;
    let answer = client().get(wrangler.url("/health")).send().await.unwrap();
    assert_eq!(answer.status(), 200, "{}", answer.text().await.unwrap());
}
