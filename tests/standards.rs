//! What is forwarded is what the standards say: the libraries of npm verify the signature and read the event.
#![cfg(test)]

mod support;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::process::Stdio;

use serde_json::{Value, json};
use simulator::backend::Arrival;
use simulator::graph::Graph;
use simulator::local;
use simulator::webhook::{Customer, Message, Number, Status, Webhook};
use support::{
    DESTINATION_SECRET, PATIENCE, Transom, client, eventually, node, post, started, unix,
};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;

/// Reads a request with `standardwebhooks` and `cloudevents`: the event, or what they find wrong.
async fn read(
    secret: &str,
    headers: &BTreeMap<String, String>,
    body: &str,
) -> Result<Value, String> {
    let request = json!({ "secret": secret, "headers": headers, "body": body });
    let mut child = node("tests/node/read.mjs")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    input
        .write_all(request.to_string().as_bytes())
        .await
        .unwrap();
    drop(input);
    let output = tokio::time::timeout(PATIENCE, child.wait_with_output());
    let output = output.await.unwrap().unwrap();
    if output.status.success() {
        Ok(serde_json::from_slice(&output.stdout).unwrap())
    } else {
        Err(String::from_utf8_lossy(&output.stderr).into_owned())
    }
}

fn headers(arrival: &Arrival) -> BTreeMap<String, String> {
    let headers = arrival.headers.iter();
    headers
        .map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned()))
        .collect()
}

fn body(arrival: &Arrival) -> &str {
    std::str::from_utf8(&arrival.body).unwrap()
}

#[tokio::test]
async fn what_is_forwarded_is_verified_and_read_by_npms_libraries() {
    let (_transom, meta, backend) = started().await;
    let (number, ana) = (Number::local(), Customer::local());
    let webhook = Webhook::new()
        .message(&number, &ana, Message::text("¡Hola! 😀 \"a/b\" \u{2028}\n"))
        .message(
            &number,
            &Customer::without_phone("US.7"),
            Message::image("x"),
        )
        .status(&number, &ana, Status::failed("wamid.1", 131_047))
        .change("weather", json!({ "big": 1.5e300 }));
    post(&meta, &webhook).await;
    assert!(backend.wait_for(4, PATIENCE).await);
    for arrival in backend.arrivals() {
        let event = read(DESTINATION_SECRET, &headers(&arrival), body(&arrival))
            .await
            .unwrap();
        let sent = arrival.json();
        for name in [
            "id",
            "type",
            "source",
            "subject",
            "specversion",
            "datacontenttype",
            "data",
        ] {
            assert_eq!(event[name], sent[name], "{name}");
        }
        if let Some(time) = sent["time"].as_str() {
            assert_eq!(unix(event["time"].as_str().unwrap()), unix(time));
        }
        assert_eq!(arrival.header("webhook-id"), event["id"]);
        let kind = arrival.header("content-type");
        assert!(kind.starts_with("application/cloudevents+json"), "{kind}");
    }
    let first = backend.events_of(local::CUSTOMER_USER_ID);
    assert_eq!(first[0].text(), Some("¡Hola! 😀 \"a/b\" \u{2028}\n"));
}

#[tokio::test]
async fn what_is_not_as_it_was_sent_is_refused_by_npms_libraries() {
    let (_transom, meta, backend) = started().await;
    let webhook =
        Webhook::new().message(&Number::local(), &Customer::local(), Message::text("hola"));
    post(&meta, &webhook).await;
    assert!(backend.wait_for(1, PATIENCE).await);
    let arrival = &backend.arrivals()[0];
    let (whole, changed) = (body(arrival), body(arrival).replace("hola", "hello"));
    let other = "whsec_b3RoZXItc2VjcmV0LTEyMzQ1Njc4OTAxMjM0NTY3ODk=";
    let mut late = headers(arrival);
    late.insert("webhook-timestamp".into(), (arrival.unix - 600).to_string());
    for (secret, headers, body) in [
        (DESTINATION_SECRET, headers(arrival), changed.as_str()),
        (other, headers(arrival), whole),
        (DESTINATION_SECRET, late, whole),
    ] {
        let refused = read(secret, &headers, body).await.unwrap_err();
        assert!(refused.contains("WebhookVerificationError"), "{refused}");
    }
}

/// The receiver of docs/destinations.md, and where it listens.
async fn receiver() -> (tokio::process::Child, SocketAddr) {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let at = free.local_addr().unwrap();
    drop(free);
    let page = std::fs::read_to_string("docs/destinations.md").unwrap();
    let (_, code) = page.split_once("```js\n").unwrap();
    let (code, _) = code.split_once("```").unwrap();
    let receiver = node("--input-type=module")
        .args(["--eval", &code.replace("8790", &at.port().to_string())])
        .env("CRM_SECRET", DESTINATION_SECRET)
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    eventually(async || TcpStream::connect(at).await.ok()).await;
    (receiver, at)
}

#[tokio::test]
async fn neither_half_a_request_nor_a_signed_list_ends_the_receiver_of_the_docs() {
    let (_receiver, at) = receiver().await;
    let tell = async |body: Value| {
        let (body, now) = (body.to_string(), simulator::clock::unix_now());
        let webhook = standardwebhooks::Webhook::new(DESTINATION_SECRET).unwrap();
        let signature = webhook.sign("1", now, body.as_bytes()).unwrap();
        let request = client()
            .post(format!("http://{at}/"))
            .header("webhook-id", "1")
            .header("webhook-timestamp", now.to_string())
            .header("webhook-signature", signature);
        let response = request.body(body).send().await;
        response.ok().map(|response| response.status().as_u16())
    };
    let event = json!({ "type": "whatsapp.message.received", "data": {} });
    let half = b"POST / HTTP/1.1\r\nhost: crm\r\ncontent-length: 9\r\n\r\nhalf";
    let mut socket = TcpStream::connect(at).await.unwrap();
    socket.write_all(half).await.unwrap();
    drop(socket);
    assert_eq!(tell(event.clone()).await, Some(200));
    assert_eq!(tell(json!([event.clone()])).await, Some(500));
    assert_eq!(tell(event).await, Some(200));
}

#[tokio::test]
async fn the_receiver_of_the_docs_answers_what_nothing_else_answers_and_nobody_has_in_hand() {
    let (_receiver, at) = receiver().await;
    let graph = Graph::start().await;
    let reply = |text: &str| json!({ "type": "text", "text": { "body": text } });
    let transom = Transom::builder()
        .graph(&graph)
        .secret("CRM_SECRET", DESTINATION_SECRET)
        .config(json!({
            "destinations": [
                { "id": "crm", "url": format!("http://{at}/"), "secret": "env:CRM_SECRET" },
            ],
            "replies": [
                { "when": { "text": "hours" }, "reply": reply("9 to 18.") },
                { "when": { "text": "agent" }, "reply": reply("Soon."), "hand_over": true },
            ],
            "consent": { "confirm_stop": reply("No more.") },
        }))
        .start()
        .await;
    let (number, ana, zoe, eve) = (
        Number::local(),
        Customer::local(),
        Customer::local().named("Zoe"),
        Customer::nth(8).named("Eve"),
    );
    // By her name it is seen what was answered: messages to one person go in their order.
    for (n, (who, text)) in [
        (&ana, "hours"),
        (&zoe, "hola"),
        (&ana, "agent"),
        (&eve, "STOP"),
    ]
    .iter()
    .enumerate()
    {
        let webhook = Webhook::new().message(&number, who, Message::text(text));
        post(&transom.meta(), &webhook).await;
        assert!(graph.wait_for(n + 1, PATIENCE).await);
    }
    for (who, text) in [(&ana, "hola"), (&Customer::nth(7).named("Ben"), "hola")] {
        let webhook = Webhook::new().message(&number, who, Message::text(text));
        post(&transom.meta(), &webhook).await;
    }
    assert!(graph.wait_for(5, PATIENCE).await);
    let messages = graph.messages();
    let texts: Vec<_> = messages.iter().filter_map(|it| it.text()).collect();
    assert_eq!(
        texts,
        ["9 to 18.", "Hi Zoe!", "Soon.", "No more.", "Hi Ben!"]
    );
}
