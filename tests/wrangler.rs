//! Under `wrangler dev`, with the settings of wrangler.toml, it works as it does in the tests that run workerd alone.
#![cfg(test)]

mod support;

use serde_json::json;
use simulator::backend::{Answer, Backend};
use simulator::graph::Graph;
use simulator::meta::Meta;
use simulator::webhook::{Customer, Message, Number, Webhook};
use support::{APP_SECRET, PATIENCE, Transom, VERIFY_TOKEN, Wrangler, destination, texts};

#[tokio::test]
async fn a_message_comes_in_once_and_its_answer_goes_out_under_wrangler_dev() {
    let backend = Backend::start().await;
    let graph = Graph::start().await;
    let settings = Transom::builder().destinations([destination("crm", &backend)]);
    let wrangler = Wrangler::start(settings.graph(&graph)).await;
    let meta = Meta::new(APP_SECRET, wrangler.url("/webhook"));
    assert!(meta.verify(VERIFY_TOKEN).await.held());

    backend.next(Answer::reply("hi"));
    let (number, ana) = (Number::local(), Customer::local());
    let webhook = Webhook::new().message(&number, &ana, Message::text("hola"));
    for _ in 0..3 {
        assert_eq!(meta.post(&webhook).await.status, 200);
    }
    assert_eq!(meta.request("{}").unsigned().send().await.status, 401);
    let marker = Webhook::new().message(&number, &ana, Message::text("marker"));
    assert_eq!(meta.post(&marker).await.status, 200);
    assert!(backend.wait_for(2, PATIENCE).await);
    assert_eq!(texts(&backend.events()), ["hola", "marker"]);
    assert!(graph.wait_for(1, PATIENCE).await);
    assert_eq!(graph.messages()[0].text(), Some("hi"));
}

#[tokio::test]
async fn what_is_too_long_for_one_variable_is_read_from_several() {
    let backend = Backend::start().await;
    let graph = Graph::start().await;
    let rules = |word: &str, body: &str| {
        let reply = json!({ "type": "text", "text": { "body": body } });
        json!({ "replies": [ { "when": { "text": word }, "reply": reply } ] }).to_string()
    };
    let settings = Transom::builder()
        .destinations([destination("crm", &backend)])
        .var("CONFIG_2", &rules("hola", "first"))
        .var("CONFIG_3", &rules("hola|adios", "second"));
    let wrangler = Wrangler::start(settings.graph(&graph)).await;
    let meta = Meta::new(APP_SECRET, wrangler.url("/webhook"));
    let (number, ana) = (Number::local(), Customer::local());
    for (n, text) in ["hola", "adios"].into_iter().enumerate() {
        let webhook = Webhook::new().message(&number, &ana, Message::text(text));
        assert_eq!(meta.post(&webhook).await.status, 200);
        assert!(graph.wait_for(n + 1, PATIENCE).await);
    }
    let messages = graph.messages();
    let sent: Vec<_> = messages.iter().filter_map(|it| it.text()).collect();
    assert_eq!(sent, ["first", "second"]);
}
