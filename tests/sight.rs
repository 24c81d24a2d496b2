//! What a team sees: how its destinations stand, and a line in the log for each change of that.
#![cfg(test)]

mod support;

use std::time::Duration;

use serde_json::{Value, json};
use simulator::backend::{Answer, Backend};
use simulator::graph::Graph;
use simulator::local;
use simulator::webhook::Customer;
use support::{PATIENCE, Transom, destination, eventually, set, started_with, unix, with, writes};

const NUMBER: &str = local::PHONE_NUMBER_ID;

/// What the log says of a destination's state, in its order.
fn changes(transom: &Transom) -> Vec<Value> {
    let log = transom.log();
    let lines = log
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok());
    lines.filter(|line| line["destination"] == "crm").collect()
}

async fn wait_for_change(transom: &Transom, event: &str) -> Value {
    eventually(async || {
        changes(transom)
            .into_iter()
            .find(|line| line["event"] == event)
    })
    .await
}

fn now() -> i64 {
    chrono::Utc::now().timestamp()
}

#[tokio::test]
async fn how_a_destination_stands_is_told() {
    let began = now();
    let slow = json!({ "retry": { "first_ms": 200, "max_ms": 400, "total_ms": 600_000 } });
    let (transom, meta, backend) = started_with(slow).await;
    let (ana, bob) = (Customer::nth(1), Customer::nth(2));
    let told = transom.waiting(NUMBER, "crm").await;
    assert_eq!(
        (
            &told["state"],
            &told["waiting_events"],
            &told["tries"],
            &told["delivered_last_hour"]
        ),
        (&json!("active"), &json!(0), &json!(0), &json!(0))
    );
    assert!(
        told.get("oldest_waiting").is_none() && told.get("last_error").is_none(),
        "{told}"
    );

    backend.when_event(|event| event.text() == Some("poison"), Answer::status(422));
    for text in ["poison", "after"] {
        writes(&meta, &ana, text).await;
    }
    writes(&meta, &bob, "hola").await;
    let told = transom
        .wait_for_waiting(NUMBER, "crm", |told| {
            told["tries"].as_i64() >= Some(2) && told["delivered"] == 1
        })
        .await;
    assert_eq!(
        (&told["waiting_conversations"], &told["waiting_events"]),
        (&json!(1), &json!(2))
    );
    assert_eq!(told["last_error"]["class"], "status 422");
    assert_eq!(told["delivered_last_hour"], 1);
    assert!(
        told["failed_tries"].as_i64() >= told["tries"].as_i64(),
        "{told}"
    );
    for time in [
        &told["oldest_waiting"],
        &told["last_error"]["time"],
        &told["counted_since"],
    ] {
        let time = unix(time.as_str().unwrap());
        assert!((began..=now()).contains(&time), "{told}");
    }

    backend.behave();
    let told = transom
        .wait_for_waiting(NUMBER, "crm", |told| told["waiting_events"] == 0)
        .await;
    assert_eq!((&told["tries"], &told["delivered"]), (&json!(0), &json!(3)));
    assert!(told.get("oldest_waiting").is_none(), "{told}");
}

#[tokio::test]
async fn what_waits_in_the_log_is_counted_as_well() {
    let (transom, meta, _backend) = started_with(json!({ "paused": true })).await;
    for n in 0..5 {
        writes(&meta, &Customer::nth(n), "hola").await;
    }
    let told = transom.waiting(NUMBER, "crm").await;
    assert_eq!(
        (&told["state"], &told["waiting_events"]),
        (&json!("paused"), &json!(5))
    );
    assert!(told["oldest_waiting"].is_string());
}

#[tokio::test]
async fn a_destination_that_was_down_when_it_was_paused_is_paused() {
    let backend = Backend::start().await;
    backend.always(Answer::status(503));
    let settings = |paused: bool| {
        let retry = json!({ "first_ms": 50, "max_ms": 100, "total_ms": 600_000 });
        let more = json!({ "paused": paused, "retry": retry });
        Transom::builder().destinations([with(destination("crm", &backend), more)])
    };
    let mut transom = settings(false).start().await;
    for n in 0..9 {
        writes(&transom.meta(), &Customer::nth(n), "hola").await;
    }
    transom
        .wait_for_waiting(NUMBER, "crm", |told| told["state"] == "down")
        .await;
    transom.restart_with(settings(true)).await;
    let told = transom.waiting(NUMBER, "crm").await;
    assert_eq!(told["state"], "paused");
    assert!(told["down_since"].is_string(), "{told}");
}

#[tokio::test]
async fn each_change_of_state_is_a_line_in_the_log() {
    let retry = json!({ "retry": { "first_ms": 50, "max_ms": 100, "total_ms": 1_500 } });
    let (transom, meta, backend) = started_with(retry).await;
    backend.when_event(|event| event.text() == Some("no"), Answer::status(422));
    backend.next(Answer::status(422));
    writes(&meta, &Customer::nth(1), "later").await;
    let parked = wait_for_change(&transom, "conversation.parked").await;
    assert_eq!(parked["error"], "status 422");
    assert_eq!(parked["source"], format!("/whatsapp/{NUMBER}"));
    assert!(parked["id"].is_string() && parked["conversation"].is_i64());
    let resumed = wait_for_change(&transom, "conversation.resumed").await;
    assert_eq!(resumed["id"], parked["id"]);

    writes(&meta, &Customer::nth(2), "no").await;
    let dead = wait_for_change(&transom, "event.dead").await;
    assert_eq!(dead["error"], "status 422");

    backend.always(Answer::status(503));
    for n in 3..12 {
        writes(&meta, &Customer::nth(n), "hola").await;
    }
    assert_eq!(
        wait_for_change(&transom, "destination.down").await["error"],
        "status 503"
    );
    let told = transom.waiting(NUMBER, "crm").await;
    assert_eq!(told["state"], "down");
    assert!(told["down_since"].is_string());
    backend.behave();
    wait_for_change(&transom, "destination.up").await;

    backend.next(Answer::status(410));
    writes(&meta, &Customer::nth(20), "hola").await;
    let gone = wait_for_change(&transom, "destination.gone").await;
    assert_eq!(gone["error"], "status 410");
    let told = transom.waiting(NUMBER, "crm").await;
    assert_eq!(
        (&told["state"], &told["last_error"]["class"]),
        (&json!("gone"), &json!("status 410"))
    );
}

/// A time limit that went on after the answer would keep the mailbox and its couriers awake, and Cloudflare has that paid.
#[tokio::test]
async fn a_mailbox_sleeps_once_everything_is_answered_however_long_that_might_have_taken() {
    let graph = Graph::start().await;
    let patient = json!({ "timeout_ms": 30_000 });
    let (transom, meta, backend) = set(patient, |settings| settings.graph(&graph)).await;
    backend.always(Answer::reply("hola"));
    writes(&meta, &Customer::local(), "hola").await;
    assert!(graph.wait_for(1, PATIENCE).await);
    transom
        .wait_for_waiting(NUMBER, "crm", |told| told["delivered"] == 1)
        .await;
    // The runtime lets go of an object that has had nothing to do for ten seconds.
    tokio::time::sleep(Duration::from_secs(14)).await;
    // To ask wakes it, and it counts anew. It may have had something to do late, so that it is given the time once more.
    if transom.waiting(NUMBER, "crm").await["delivered"] != 0 {
        tokio::time::sleep(Duration::from_secs(12)).await;
        assert_eq!(transom.waiting(NUMBER, "crm").await["delivered"], 0);
    }
}
