//! A team's other Workers read from KV how long a customer may be written to.
#![cfg(test)]

mod support;

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};
use simulator::clock::unix_now;
use simulator::kv::Kv;
use simulator::local;
use simulator::webhook::{Customer, Message, Number, Webhook};
use support::{PATIENCE, Transom, client, post, unix, writes};

const DAY: i64 = 24 * 3600;

fn hola(at: i64) -> Message {
    Message::text("hola").at(at)
}

fn key(name: &str) -> String {
    format!("{}/{name}", local::PHONE_NUMBER_ID)
}

/// When the customer service window closes, as it was told.
fn closes_at(value: &str) -> i64 {
    let value: Value = serde_json::from_str(value).unwrap();
    unix(value["customer_service"]["closes_at"].as_str().unwrap())
}

#[tokio::test]
async fn another_worker_knows_whether_a_customer_may_be_written_to() {
    let kv = Kv::start().await;
    let transom = Transom::builder().windows(&kv).start().await;
    let (meta, ana, now) = (transom.meta(), Customer::local(), unix_now());
    let free = async |customer: &str| {
        let url = transom.team_url(&format!("/?customer={customer}"));
        let answer = client().get(url).send().await.unwrap();
        answer.json::<Value>().await.unwrap()["free"].clone()
    };
    assert_eq!(free(local::CUSTOMER_PHONE).await, false);
    writes(&meta, &ana, hola(now)).await;
    assert!(kv.wait_for(2, PATIENCE).await);
    assert_eq!(free(local::CUSTOMER_PHONE).await, true);
    assert_eq!(free(local::CUSTOMER_USER_ID).await, true);
    assert_eq!(free("4915112345678").await, false);

    let told = kv.writes();
    let keys: Vec<_> = told.iter().map(|write| write.key.as_str()).collect();
    let expected = [local::CUSTOMER_USER_ID, local::CUSTOMER_PHONE].map(key);
    assert_eq!(keys, expected);
    assert!(told.iter().all(|write| write.expires_at == Some(now + DAY)));
    assert_eq!(closes_at(&told[0].value), now + DAY);

    let path = format!(
        "/v1/conversations/{}/{}",
        local::PHONE_NUMBER_ID,
        local::CUSTOMER_PHONE
    );
    let (status, forgotten) = transom.ask(Method::DELETE, &path, &Value::Null).await;
    assert_eq!(status, 200, "{forgotten}");
    assert!(kv.wait_for(4, PATIENCE).await);
    for name in [local::CUSTOMER_PHONE, local::CUSTOMER_USER_ID] {
        assert_eq!(free(name).await, false, "who was forgotten is not");
    }
}

#[tokio::test]
async fn it_is_written_when_a_window_opens_and_when_it_moved_by_a_step() {
    let kv = Kv::start().await;
    let config = json!({ "windows": { "step_s": 100 } });
    let settings = Transom::builder().windows(&kv).config(config);
    let transom = settings.start().await;
    let (meta, ana) = (transom.meta(), Customer::new("16505551234"));
    // The end of the first window is just behind a step.
    let first = unix_now() / 100 * 100 - 1_000;
    for at in [
        first,
        first + 1,
        first + 98,
        first + 100,
        first + 5,
        first + 199,
    ] {
        writes(&meta, &ana, hola(at)).await;
    }
    // Nor by a message that is too old to open anything.
    writes(&meta, &Customer::nth(1), hola(first - 2 * DAY)).await;
    assert!(kv.wait_for(2, PATIENCE).await);
    tokio::time::sleep(Duration::from_millis(300)).await;
    let told: Vec<_> = kv
        .writes()
        .iter()
        .map(|write| closes_at(&write.value) - DAY)
        .collect();
    assert_eq!(told, [first, first + 100]);
}

#[tokio::test]
async fn what_could_not_be_written_is_written_with_the_next_message() {
    next_message_writes(async |_| {}).await;
}

#[tokio::test]
async fn what_could_not_be_written_is_written_with_the_next_message_after_a_restart() {
    next_message_writes(async |transom| {
        // What is written down is committed soon after it is told.
        tokio::time::sleep(Duration::from_millis(500)).await;
        transom.restart().await;
    })
    .await;
}

#[tokio::test]
async fn what_could_not_be_written_is_logged_under_the_conversation_that_the_admin_api_tells() {
    let kv = Kv::start().await;
    let numbers = json!([{ "phone_number_id": local::PHONE_NUMBER_ID, "partitions": 3 }]);
    let settings = Transom::builder().windows(&kv);
    let settings = settings.config(json!({ "numbers": numbers }));
    let transom = settings.start().await;
    let ana = Customer::new("16505551234");
    kv.fail_next(1);
    writes(&transom.meta(), &ana, hola(unix_now())).await;
    let told = transom.conversation("16505551234").await;
    let line = format!(
        r#""source":"/whatsapp/{}","conversation":{}}}"#,
        local::PHONE_NUMBER_ID,
        told["conversation"]
    );
    support::eventually(async || transom.log().contains(&line).then_some(())).await;
}

/// The same, whatever happens in the meantime.
async fn next_message_writes(meanwhile: impl AsyncFnOnce(&mut Transom)) {
    let kv = Kv::start().await;
    let mut transom = Transom::builder().windows(&kv).start().await;
    let (ana, now) = (Customer::new("16505551234"), unix_now());
    let meta = transom.meta();
    kv.fail_next(1);
    writes(&meta, &ana, hola(now - 2)).await;
    let refused = format!(
        r#""window.not_told","source":"/whatsapp/{}""#,
        local::PHONE_NUMBER_ID
    );
    support::eventually(async || transom.log().contains(&refused).then_some(())).await;
    meanwhile(&mut transom).await;
    let meta = transom.meta();
    writes(&meta, &ana, hola(now - 1)).await;
    assert!(kv.wait_for(1, PATIENCE).await);
    writes(&meta, &ana, hola(now)).await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(kv.writes().len(), 1);
    assert_eq!(closes_at(&kv.writes()[0].value), now - 1 + DAY);
}

#[tokio::test]
async fn many_windows_at_once_are_all_told_and_meta_does_not_wait_for_it() {
    let kv = Kv::start().await;
    let transom = Transom::builder().windows(&kv).start().await;
    let (meta, now) = (transom.meta(), unix_now());
    let mut webhook = Webhook::new();
    for index in 0..300 {
        let message = Message::text("hola").at(now);
        webhook = webhook.message(&Number::local(), &Customer::nth(index), message);
    }
    post(&meta, &webhook).await;
    assert!(kv.wait_for(300, PATIENCE).await, "{}", kv.writes().len());
}
