//! Users learn of what Meta has begun to send before their software does.
#![cfg(test)]

mod support;

use serde_json::{Value, json};
use simulator::webhook::{Customer, Message, Number, Webhook};
use support::{Transom, eventually};

async fn drift(transom: &Transom) -> Value {
    let (status, drift) = transom.admin("/v1/drift").await;
    assert_eq!(status, 200, "{drift}");
    drift
}

fn paths(drift: &Value) -> Vec<String> {
    let unknown = drift["unknown"].as_array().unwrap();
    let mut paths: Vec<String> = unknown
        .iter()
        .map(|seen| seen["path"].as_str().unwrap().to_owned())
        .collect();
    paths.sort();
    paths
}

#[tokio::test]
async fn what_is_unknown_is_counted_by_path_and_never_by_value() {
    let transom = Transom::builder().start().await;
    let secret = "the seventh floor";
    let message = Message::location(1.0, 2.0).with(
        "location",
        json!({ "latitude": 1.0, "longitude": 2.0, "floor": secret }),
    );
    let webhook = Webhook::new()
        .message(&Number::local(), &Customer::local(), message)
        .message(&Number::local(), &Customer::local(), Message::text("hola"))
        .change_of(&Number::local(), "new_things", json!({ "thing": secret }));
    assert_eq!(transom.meta().post(&webhook).await.status, 200);
    let drift = eventually(async || {
        let drift = drift(&transom).await;
        let all = ["field:new_things", "messages[].location.floor"];
        (paths(&drift) == all).then_some(drift)
    })
    .await;
    assert!(!drift.to_string().contains(secret));
    assert!(drift["unknown"][0]["count"].as_i64().unwrap() >= 1);
    assert!(drift["unknown"][0]["first"].as_i64().unwrap() > 1_700_000_000);
}

#[tokio::test]
async fn the_radar_is_for_the_team_alone() {
    let transom = Transom::builder().start().await;
    let answer = transom.get("/v1/drift").await;
    assert_eq!(answer.status(), 401);
}
