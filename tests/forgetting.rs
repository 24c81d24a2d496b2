//! A person who asks for it is forgotten.
#![cfg(test)]

mod support;

use reqwest::Method;
use serde_json::{Value, json};
use simulator::backend::{Answer, Backend};
use simulator::graph::Graph;
use simulator::local;
use simulator::webhook::{Customer, Message, Number, Webhook};
use support::{Transom, eventually, hasty, post, template};

const NUMBER: &str = local::PHONE_NUMBER_ID;

/// Transom, whose number has so many partitions, and a destination that gives everything up at once.
async fn start(partitions: u32) -> (Transom, Backend) {
    let crm = Backend::start().await;
    let settings = Transom::builder().config(json!({
        "destinations": [hasty("crm", &crm)],
        "numbers": [{ "phone_number_id": NUMBER, "partitions": partitions }],
        "consent": {},
    }));
    (settings.start().await, crm)
}

async fn write(transom: &Transom, customers: &[&Customer]) {
    let webhook = customers.iter().fold(Webhook::new(), |webhook, customer| {
        webhook.message(&Number::local(), customer, Message::text("hola"))
    });
    post(&transom.meta(), &webhook).await;
}

/// Waits until there are so many dead letters.
async fn died(transom: &Transom, count: usize) {
    let path = format!("/v1/dead-letters/{NUMBER}");
    eventually(async || {
        let (_, page) = transom.admin(&path).await;
        (page["dead_letters"].as_array().unwrap().len() == count).then_some(())
    })
    .await;
}

async fn forget(transom: &Transom, person: &str) -> (u16, Value) {
    let path = format!("/v1/conversations/{NUMBER}/{person}");
    transom.ask(Method::DELETE, &path, &Value::Null).await
}

/// Ana, who is known by two names, and has opted out and a dead letter, is forgotten by one of them.
async fn is_forgotten(transom: &Transom, crm: &Backend, names: &[&Customer]) {
    let bob = Customer::nth(3);
    crm.always(Answer::status(422));
    write(transom, names).await;
    write(transom, &[&Customer::local(), &bob]).await;
    died(transom, names.len() + 2).await;
    crm.behave();
    let consent = format!("/v1/consent/{NUMBER}/{}", local::CUSTOMER_PHONE);
    let opted_out = json!({ "state": "opted_out" });
    let (status, _) = transom.ask(Method::PUT, &consent, &opted_out).await;
    assert_eq!(status, 200);
    let before = transom.conversation(local::CUSTOMER_PHONE).await;

    let (status, forgotten) = forget(transom, local::CUSTOMER_PHONE).await;
    let mut told = vec![
        format!("phone:{}", local::CUSTOMER_PHONE),
        format!("user:{}", local::CUSTOMER_USER_ID),
    ];
    told.sort();
    assert_eq!((status, &forgotten), (200, &json!({ "names": told })));
    for name in [local::CUSTOMER_PHONE, local::CUSTOMER_USER_ID] {
        let path = format!("/v1/conversations/{NUMBER}/{name}");
        assert_eq!(transom.admin(&path).await.0, 404);
        assert_eq!(forget(transom, name).await.0, 404);
    }
    died(transom, 1).await;
    transom.conversation(&bob.phone.unwrap()).await;

    write(transom, &[&Customer::local()]).await;
    let after = transom.conversation(local::CUSTOMER_USER_ID).await;
    assert_ne!(after["conversation"], before["conversation"]);
    let (_, said) = transom.admin(&consent).await;
    assert_eq!(
        (&said["state"], &said["history"]),
        (&json!("unknown"), &json!([]))
    );
}

#[tokio::test]
async fn who_is_forgotten_is_known_by_no_name_and_comes_again_as_somebody_new() {
    let (transom, crm) = start(1).await;
    is_forgotten(&transom, &crm, &[]).await;
}

#[tokio::test]
async fn who_is_forgotten_is_so_in_all_partitions_also_where_they_were_before() {
    let (transom, crm) = start(4).await;
    let by_phone = Customer::new(local::CUSTOMER_PHONE);
    let by_user_id = Customer::without_phone(local::CUSTOMER_USER_ID);
    is_forgotten(&transom, &crm, &[&by_phone, &by_user_id]).await;
}

/// A promotion waits for Ana, who is forgotten, and says then that she wants none.
async fn a_later_stop_is_heard(partitions: u32) {
    let graph = Graph::start().await;
    graph.expect_faults();
    let config = json!({
        "numbers": [{ "phone_number_id": NUMBER, "partitions": partitions }],
        "consent": {},
    });
    let settings = || Transom::builder().config(config.clone()).graph(&graph);
    let expired = settings().secret("GRAPH_ACCESS_TOKEN", "expired");
    let mut transom = expired.start().await;
    let to = local::CUSTOMER_PHONE;
    let promotion =
        json!({ "phone_number_id": NUMBER, "to": to, "message": template("promotion") });
    let (status, asked) = transom.ask(Method::POST, "/v1/messages", &promotion).await;
    assert_eq!(status, 202, "{asked}");
    eventually(async || transom.log().contains("number.blocked").then_some(())).await;
    assert_eq!(forget(&transom, to).await.0, 200);
    let consent = format!("/v1/consent/{NUMBER}/{to}");
    let opted_out = json!({ "state": "opted_out" });
    let (status, _) = transom.ask(Method::PUT, &consent, &opted_out).await;
    assert_eq!(status, 200);
    transom.restart_with(settings()).await;
    // Whoever asks wakes it.
    transom.admin(&format!("/v1/destinations/{NUMBER}")).await;
    let path = format!(
        "/v1/messages/{}",
        asked["messages"][0]["id"].as_str().unwrap()
    );
    let sent = eventually(async || {
        let (_, sent) = transom.admin(&path).await;
        (sent["state"] != "queued").then_some(sent)
    })
    .await;
    assert_eq!(sent["error"]["class"], "opt_out", "{sent}");
    let messages = graph.messages();
    assert!(messages.iter().all(|message| message.wamid.is_none()));
}

#[tokio::test]
async fn a_stop_that_is_said_after_they_were_forgotten_is_heard_by_what_waits_for_them() {
    a_later_stop_is_heard(1).await;
}

#[tokio::test]
async fn a_stop_that_is_said_after_they_were_forgotten_is_heard_in_every_partition() {
    a_later_stop_is_heard(3).await;
}

#[tokio::test]
async fn who_had_the_phone_number_before_is_not_forgotten_with_its_owner_of_now() {
    let (transom, crm) = start(4).await;
    crm.always(Answer::status(422));
    let before = Customer::nth(1).user_id.unwrap();
    write(&transom, &[&Customer::local().user_id(&before)]).await;
    write(&transom, &[&Customer::local()]).await;
    died(&transom, 2).await;
    assert_eq!(forget(&transom, local::CUSTOMER_PHONE).await.0, 200);
    died(&transom, 1).await;
    transom.conversation(&before).await;
    let path = format!("/v1/conversations/{NUMBER}/{}", local::CUSTOMER_USER_ID);
    assert_eq!(transom.admin(&path).await.0, 404);
}

#[tokio::test]
async fn nobody_is_forgotten_while_their_dead_letters_may_be_replayed() {
    let (transom, crm) = start(1).await;
    let ana = Customer::local();
    crm.always(Answer::status(422));
    write(&transom, &[&ana]).await;
    died(&transom, 1).await;
    crm.always(Answer::status(503));
    let replays = format!("/v1/replays/{NUMBER}");
    let all = json!({ "destination": "crm" });
    let (status, replay) = transom.ask(Method::POST, &replays, &all).await;
    assert_eq!(status, 202, "{replay}");
    let (status, problem) = forget(&transom, local::CUSTOMER_PHONE).await;
    assert_eq!(status, 409, "{problem}");
    let stop = format!("{replays}/{}/stop", replay["id"].as_str().unwrap());
    assert_eq!(transom.ask(Method::POST, &stop, &json!({})).await.0, 200);
    let (status, forgotten) = forget(&transom, local::CUSTOMER_PHONE).await;
    assert_eq!(status, 200, "{forgotten}");
}
