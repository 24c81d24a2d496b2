//! Schemathesis asks everything that the description of the routes allows, and much that it does not, and finds nothing.
#![cfg(test)]

mod support;

use serde_json::json;
use simulator::backend::{Answer, Backend};
use simulator::graph::Graph;
use simulator::local;
use simulator::webhook::{Customer, Message, Number, Webhook};
use support::{ADMIN_TOKEN, Transom, hasty};
use tokio::process::Command;

const NUMBER: &str = local::PHONE_NUMBER_ID;

/// All is asked of one number, where there is something to be told of. What a message must be is Meta's to say, at such
/// length that the description leaves it at that.
const SETTINGS: &str = r#"
[parameters]
"path.phone_number_id" = "106540352242922"
"path.person" = "{person}"

[[operations]]
include-name = "POST /v1/messages"
checks.positive_data_acceptance.expected-statuses = ["2xx", "401", "403", "404", "409", "422", "5xx"]
"#;

#[tokio::test]
#[ignore = "takes minutes and needs schemathesis (PyPI), or its path in SCHEMATHESIS"]
async fn schemathesis_finds_nothing() {
    run(1).await;
}

#[tokio::test]
#[ignore = "takes minutes and needs schemathesis (PyPI), or its path in SCHEMATHESIS"]
async fn schemathesis_finds_nothing_where_a_number_has_partitions() {
    run(3).await;
}

async fn run(partitions: u32) {
    let program = std::env::var("SCHEMATHESIS").unwrap_or_else(|_| "schemathesis".to_owned());
    let (crm, graph) = (Backend::start().await, Graph::start().await);
    let transom = Transom::builder()
        .graph(&graph)
        .config(json!({
            "destinations": [hasty("crm", &crm)],
            "numbers": [{ "phone_number_id": NUMBER, "partitions": partitions }],
            "keep_hours": 1,
            "consent": {},
        }))
        .start()
        .await;
    // So that there is something to be told of.
    crm.next_n(3, Answer::status(422));
    for n in 0..6 {
        let message = Message::text("hola");
        let webhook = Webhook::new().message(&Number::local(), &Customer::nth(n), message);
        assert_eq!(transom.meta().post(&webhook).await.status, 200);
    }
    let directory = tempfile::tempdir().unwrap();
    let person = Customer::nth(1).user_id.unwrap();
    let settings = SETTINGS.replace("{person}", &person);
    std::fs::write(directory.path().join("schemathesis.toml"), settings).unwrap();
    let examples = std::env::var("EXAMPLES").unwrap_or_else(|_| "30".to_owned());
    let status = Command::new(program)
        .arg("run")
        .arg(transom.url("/v1/openapi.json"))
        .args(["--header", &format!("Authorization: Bearer {ADMIN_TOKEN}")])
        .args([
            "--max-examples",
            &examples,
            "--phases",
            "examples,coverage,fuzzing,stateful",
        ])
        .args([
            "--workers",
            "1",
            "--max-time",
            "150",
            "--continue-on-failure",
            "--no-color",
        ])
        .current_dir(directory.path())
        .kill_on_drop(true)
        .status();
    assert!(status.await.unwrap().success());
}
