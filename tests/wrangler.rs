//! Under `wrangler dev`, with the settings of wrangler.toml, it works as it does in the tests that run workerd alone.
#![cfg(test)]

mod support;

use serde_json::json;
use simulator::backend::{Answer, Backend};
use simulator::graph::Graph;
use simulator::local::{BACKEND_PORT, GRAPH_PORT};
use simulator::meta::Meta;
use simulator::webhook::{Customer, Message, Number, Webhook};
use support::{
    APP_SECRET, PATIENCE, Settings, Transom, VERIFY_TOKEN, Wrangler, destination, texts,
};
use tokio::process::Command;

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

/// The settings of `.dev.vars.example`, but for the ports of the backend and the Graph API.
fn example(backend_port: u16, graph_port: u16) -> Settings {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/.dev.vars.example");
    let text = std::fs::read_to_string(path).unwrap();
    let ports = [(BACKEND_PORT, backend_port), (GRAPH_PORT, graph_port)];
    let text = ports.into_iter().fold(text, |text, (written, free)| {
        text.replace(&format!(":{written}"), &format!(":{free}"))
    });
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    let values = lines.filter_map(|line| line.split_once('='));
    values.fold(Settings::none(), |settings, (name, value)| {
        settings.var(name, value.trim_matches('\''))
    })
}

/// The simulator by hand.
async fn simulator() -> Command {
    let mut build = Command::new(env!("CARGO"));
    build.args(["build", "--quiet", "--workspace", "--bin", "simulator"]);
    assert!(build.status().await.unwrap().success());
    // Tests are in a directory below.
    let own = std::env::current_exe().unwrap();
    Command::new(own.ancestors().nth(2).unwrap().join("simulator"))
}

fn free_port() -> u16 {
    let socket = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    socket.local_addr().unwrap().port()
}

#[tokio::test]
async fn the_demo_holds_under_the_settings_that_everybody_begins_with() {
    let (backend_port, graph_port) = (free_port(), free_port());
    let wrangler = Wrangler::start(example(backend_port, graph_port)).await;
    let mut demo = simulator().await;
    demo.args(["demo", "--url", &wrangler.url("/webhook")])
        .args(["--backend-port", &backend_port.to_string()])
        .args(["--graph-port", &graph_port.to_string()])
        .kill_on_drop(true);
    let ended = demo.output().await.unwrap();
    let told = String::from_utf8_lossy(&ended.stdout);
    assert!(ended.status.success(), "{ended:?}");
    assert!(told.contains("Every step held."), "{told}");
}
