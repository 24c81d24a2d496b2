//! What bad input gets: a plain answer, and never a crash. What Meta has signed is never refused for its content.
#![cfg(test)]

mod support;

use reqwest::Method;
use serde_json::{Value, json};
use simulator::backend::{self, Backend};
use simulator::graph::Graph;
use simulator::local;
use simulator::meta::Answer;
use simulator::webhook::{Customer, Message, Number, Webhook};
use support::{PATIENCE, Settings, Transom, client, destination, set, started, texts};

/// The most that is taken, in bytes: Meta's 3 MB and some margin.
const LIMIT: usize = 3 * 1024 * 1024 + 256 * 1024;

fn message(text: &str) -> Webhook {
    Webhook::new().message(&Number::local(), &Customer::local(), Message::text(text))
}

/// Refused as too large. The answer comes before all is sent, and where the sender does not read meanwhile, it may see
/// no more than that the connection is closed.
#[track_caller]
fn assert_too_large(answer: &Answer) {
    let closed = answer.error.as_deref().is_some_and(|error| {
        [
            "Broken pipe",
            "reset by peer",
            "connection closed",
            "connection was not ready",
        ]
        .iter()
        .any(|words| error.contains(words))
    });
    assert!(
        answer.status == 413 || (answer.status == 0 && closed),
        "{answer:?}"
    );
}

#[tokio::test]
async fn what_is_too_large_is_refused_however_it_is_announced() {
    let (_transom, meta, backend) = started().await;
    let too_large = vec![b' '; LIMIT + 1];
    assert_too_large(&meta.request(too_large.clone()).send().await);
    assert_too_large(&meta.request(too_large).chunked().send().await);
    assert_too_large(&meta.request(vec![b' '; 20 * LIMIT]).chunked().send().await);
    // Nothing of it was stored, and the next webhook is taken.
    assert_eq!(meta.post(&message("marker")).await.status, 200);
    assert!(backend.wait_for(1, PATIENCE).await);
    assert_eq!(texts(&backend.events()), ["marker"]);
}

#[tokio::test]
async fn what_is_just_not_too_large_is_taken() {
    let (_transom, meta, backend) = started().await;
    let padded = |text: &str| {
        let mut body = message(text).body();
        body.resize(LIMIT, b' ');
        body
    };
    assert_eq!(meta.request(padded("at once")).send().await.status, 200);
    assert_eq!(
        meta.request(padded("in chunks"))
            .chunked()
            .send()
            .await
            .status,
        200
    );
    assert!(backend.wait_for(2, PATIENCE).await);
    assert_eq!(texts(&backend.events()), ["at once", "in chunks"]);
}

#[tokio::test]
async fn an_unsigned_body_is_refused_before_it_is_read() {
    let (transom, _meta, _backend) = started().await;
    // It promises a body that never comes.
    let mut stream = tokio::net::TcpStream::connect(transom.address())
        .await
        .unwrap();
    let head = "POST /webhook HTTP/1.1\r\nhost: x\r\ncontent-length: 1000000\r\n\r\n";
    let mut answer = [0; 12];
    let exchange = async {
        use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
        stream.write_all(head.as_bytes()).await.unwrap();
        stream.read_exact(&mut answer).await.unwrap();
    };
    tokio::time::timeout(PATIENCE, exchange).await.unwrap();
    assert_eq!(&answer, b"HTTP/1.1 401");
}

#[tokio::test]
async fn what_is_signed_and_not_metas_json_becomes_one_unknown_event_with_the_body() {
    let (_transom, meta, backend) = started().await;
    let bodies: Vec<&[u8]> = vec![
        b"hello",
        b"",
        b"{",
        b"[1, 2",
        b"{\"object\":\"whatsapp_business_account\"}garbage",
        b"\xff\xfe\x00binary",
        b"null",
        b"[]",
        b"{}",
        b"\"text\"",
        br#"{"object":"page","entry":[{"id":"1","messaging":[]}]}"#,
        br#"{"object":"whatsapp_business_account","entry":{}}"#,
        br#"{"object":"whatsapp_business_account","entry":"x"}"#,
        br#"{"object":"whatsapp_business_account","entry":[7]}"#,
        br#"{"object":"whatsapp_business_account","entry":[{"id":"1","changes":5}]}"#,
    ];
    for body in &bodies {
        let answer = meta.request(*body).send().await;
        assert_eq!(answer.status, 200, "{answer:?}");
    }
    assert!(backend.wait_for(bodies.len(), PATIENCE).await);
    let events = backend.events();
    assert_eq!(events.len(), bodies.len());
    assert!(events.iter().all(|event| event.kind == "whatsapp.unknown"));
    let carried: Vec<&Value> = events.iter().map(|event| &event.data).collect();
    assert!(
        carried.contains(&&json!({ "body": "hello" })),
        "{carried:?}"
    );
    assert!(
        carried.contains(&&json!({ "body_base64": "//4AYmluYXJ5" })),
        "{carried:?}"
    );
    assert!(
        carried.iter().any(|data| data["raw"]["object"] == "page"),
        "{carried:?}"
    );
}

#[tokio::test]
async fn a_webhook_without_an_entry_is_taken_and_has_no_event() {
    let (_transom, meta, backend) = started().await;
    assert_eq!(meta.post(&Webhook::new()).await.status, 200);
    assert_eq!(meta.post(&message("marker")).await.status, 200);
    assert!(backend.wait_for(1, PATIENCE).await);
    assert_eq!(texts(&backend.events()), ["marker"]);
    assert_eq!(backend.arrivals().len(), 1);
}

/// A webhook with this item, as it is written here, before a message that is as it should be.
fn beside(item: &str) -> String {
    let good = message("good").body_utf8();
    let (before, after) = good.split_once(r#""messages":["#).unwrap();
    format!(r#"{before}"messages":[{item},{after}"#)
}

#[tokio::test]
async fn strange_json_is_taken_and_its_neighbour_too() {
    let (_transom, meta, backend) = started().await;
    let text = |body: &str| {
        format!(
            r#"{{"id":"wamid.{}","from":"1","timestamp":"1770000000","type":"text","text":{{"body":{body}}}}}"#,
            body.len()
        )
    };
    let items = [
        ("deep lists", text(&format!("{}{}", "[".repeat(100_000), "]".repeat(100_000)))),
        ("deep objects", text(&format!("{}1{}", r#"{"a":"#.repeat(50_000), "}".repeat(50_000)))),
        ("huge exponent", text("1e999999999")),
        ("many digits", text(&"9".repeat(10_000))),
        ("huge timestamp", r#"{"id":"wamid.T","from":"1","timestamp":99999999999999999999999,"type":"text","text":{"body":"x"}}"#.to_owned()),
        ("lone surrogate", text(r#""\ud83d""#)),
        ("surrogates the wrong way round", text(r#""\ude00\ud83d.""#)),
        ("NUL", text(r#""a\u0000b""#)),
        ("duplicate keys", r#"{"id":"wamid.D","id":"wamid.E","from":"1","timestamp":"1770000000","type":"text","type":"image","text":{"body":"1"},"text":{"body":"2"}}"#.to_owned()),
        ("odd keys", r#"{"id":"wamid.K","from":"1","timestamp":"1","type":"text","text":{"body":"x"},"__proto__":{},"\u0000":1,"":2}"#.to_owned()),
        ("not an item", "null".to_owned()),
        ("a list", "[[[]]]".to_owned()),
    ];
    let mut expected = 0;
    for (what, item) in &items {
        let answer = meta.request(beside(item)).send().await;
        assert_eq!(answer.status, 200, "{what}: {answer:?}");
        expected += 2;
        assert!(backend.wait_for(expected, PATIENCE).await, "{what}");
    }
    assert_eq!(
        texts(&backend.events())
            .iter()
            .filter(|text| **text == "good")
            .count(),
        items.len()
    );
}

#[tokio::test]
async fn other_paths_and_methods_are_told_so() {
    let (transom, _meta, _backend) = started().await;
    let client = client();
    let ask = async |method: &str, path: &str| {
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        let answer = client
            .request(method, transom.url(path))
            .send()
            .await
            .unwrap();
        let allow = answer.headers().get("allow");
        let allow = allow.map(|allow| allow.to_str().unwrap().to_owned());
        (answer.status().as_u16(), allow.unwrap_or_default())
    };
    for path in [
        "/",
        "/webhook/",
        "/webhooks",
        "/Webhook",
        "//webhook",
        "/append",
        "/panic/fetch",
        "/v2",
        "/favicon.ico",
    ] {
        for method in ["GET", "POST"] {
            assert_eq!(
                ask(method, path).await,
                (404, String::new()),
                "{method} {path}"
            );
        }
    }
    for method in ["PUT", "DELETE", "PATCH", "OPTIONS", "HEAD"] {
        assert_eq!(
            ask(method, "/webhook").await,
            (405, "GET, POST".to_owned()),
            "{method}"
        );
    }
    assert_eq!(ask("POST", "/health").await, (405, "GET, HEAD".to_owned()));
}

#[tokio::test]
async fn without_its_settings_it_takes_nothing_and_says_what_to_set_and_no_value() {
    let backend = Backend::start().await;
    let whole = || Transom::builder().destinations([destination("crm", &backend)]);
    let other = |members: Value| {
        Transom::builder().config(
            json!({ "destinations": [support::with(destination("crm", &backend), members)] }),
        )
    };
    let cases: Vec<(Settings, &str)> = vec![
        (whole().without("META_APP_SECRET"), "META_APP_SECRET"),
        (whole().secret("META_APP_SECRET", " , "), "META_APP_SECRET"),
        (whole().without("META_VERIFY_TOKEN"), "META_VERIFY_TOKEN"),
        (whole().without("DESTINATION_SECRET"), "DESTINATION_SECRET"),
        (
            whole().secret("DESTINATION_SECRET", "whsec_c2hvcnQ="),
            "DESTINATION_SECRET",
        ),
        (
            other(json!({ "url": "http://crm.example/hooks" })),
            "destinations[0].url",
        ),
        (
            other(json!({ "secret": "whsec_c3VwZXItc2VjcmV0LWluLWNvbmZpZy0xMjM=" })),
            "destinations[0].secret",
        ),
        (other(json!({ "colour": "green" })), "destinations[0]"),
        (whole().var("CONFIG", "{\"destinations\": [hush"), "CONFIG"),
        (whole().var("GRAPH_VERSION", "latest"), "GRAPH_VERSION"),
    ];
    for (settings, name) in cases {
        let transom = settings.start().await;
        let answer = transom.meta().post(&message("hola")).await;
        assert_eq!(answer.status, 503, "{name}");
        let log = support::eventually(async || {
            Some(transom.log()).filter(|log| log.contains("webhook.not_stored"))
        });
        assert!(log.await.contains("the settings are wrong: see /health"));
        let answer = transom.get("/health").await;
        assert_eq!(answer.status(), 503, "{name}");
        let health: Value = answer.json().await.unwrap();
        let faults = health["faults"].as_array().unwrap();
        assert!(
            faults
                .iter()
                .any(|fault| fault.as_str().unwrap().contains(name)),
            "{name}: {health}"
        );
        for value in [
            "c2hvcnQ",
            "c3VwZXI",
            "hush",
            "test-app-secret",
            "test-verify-token",
            "test-admin-token",
        ] {
            assert!(!health.to_string().contains(value), "{name}: {health}");
        }
    }
    assert_eq!(backend.arrivals().len(), 0);
}

#[tokio::test]
async fn what_was_refused_for_want_of_settings_is_taken_once_they_are_there() {
    let backend = Backend::start().await;
    let settings = Transom::builder().destinations([destination("crm", &backend)]);
    let mut transom = settings.clone().without("DESTINATION_SECRET").start().await;
    let webhook = message("hola");
    assert_eq!(transom.meta().post(&webhook).await.status, 503);
    transom.restart_with(settings).await;
    assert_eq!(transom.meta().post(&webhook).await.status, 200);
    assert!(backend.wait_for(1, PATIENCE).await);
}

#[tokio::test]
async fn neither_secrets_nor_what_customers_write_stand_in_the_log() {
    let retry = json!({ "retry": { "first_ms": 10, "max_ms": 10, "total_ms": 50 } });
    let graph = Graph::start().await;
    let (transom, meta, backend) = set(retry, |settings| settings.graph(&graph)).await;
    backend.always(backend::Answer::status(500).body("a backend's confidence"));
    let writes = async || meta.post(&message("a customer's confidence")).await.status;
    assert_eq!(writes().await, 200);
    transom
        .wait_for_waiting(local::PHONE_NUMBER_ID, "crm", |waiting| {
            waiting["dead_letters"] == 1
        })
        .await;
    assert_eq!(
        meta.request("{confidence")
            .signed_under("guess")
            .send()
            .await
            .status,
        401
    );
    assert_eq!(meta.verify("guess").await.answer.status, 403);

    // What is asked for ends with a refusal of Meta's, or with one of ours.
    graph.fail_all(131_026);
    backend.behave();
    let unfit = json!({ "type": "confidence", "confidence": "confidence", "to": "confidence" });
    backend.next(backend::Answer::replies([unfit]));
    backend.next(backend::Answer::reply("a backend's confidence"));
    for _ in 0..2 {
        assert_eq!(writes().await, 200);
    }
    let asked = json!({
        "phone_number_id": local::PHONE_NUMBER_ID, "to": local::CUSTOMER_PHONE,
        "message": { "type": "text", "text": { "body": "a team's confidence" } },
    });
    let (status, answer) = transom.ask(Method::POST, "/v1/messages", &asked).await;
    assert_eq!(status, 202, "{answer}");
    let log = support::eventually(async || {
        let log = transom.log();
        let ended = log.matches("send.ended").count() == 2;
        (ended && log.contains("replies.refused")).then_some(log)
    });
    let log = log.await;
    assert!(log.contains("event.dead"), "{log}");
    for secret in [
        "confidence",
        "guess",
        "whsec_",
        support::APP_SECRET,
        support::VERIFY_TOKEN,
        support::ADMIN_TOKEN,
        local::GRAPH_TOKEN,
        local::CUSTOMER_PHONE,
        local::CUSTOMER_USER_ID,
    ] {
        assert!(!log.contains(secret), "{secret} is in:\n{log}");
    }
}
