use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use super::Meta;
use crate::webhook::{Customer, Message, Number, Webhook};
use crate::{local, signature};

/// Answers with each of these statuses in turn, and hands over each request as it came.
fn endpoint(statuses: &'static [u16], body: &'static str) -> (String, Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/webhook", listener.local_addr().unwrap());
    let (tell, told) = channel();
    std::thread::spawn(move || {
        for status in statuses {
            let (mut stream, _) = listener.accept().unwrap();
            tell.send(read(&mut stream)).unwrap();
            let head =
                format!("HTTP/1.1 {status} X\r\nconnection: close\r\ncontent-type: text/plain\r\n");
            write!(stream, "{head}content-length: {}\r\n\r\n{body}", body.len()).unwrap();
        }
    });
    (url, told)
}

fn read(stream: &mut impl Read) -> String {
    let mut request = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        let size = stream.read(&mut buffer).unwrap();
        request.extend_from_slice(&buffer[..size]);
        let text = String::from_utf8_lossy(&request);
        let Some((head, body)) = text.split_once("\r\n\r\n") else {
            continue;
        };
        let length = head.lines().find_map(|line| {
            line.to_lowercase()
                .strip_prefix("content-length: ")?
                .parse()
                .ok()
        });
        let whole = match length {
            Some(length) => body.len() >= length,
            None => head.starts_with("GET") || body.ends_with("0\r\n\r\n"),
        };
        if whole || size == 0 {
            return text.into_owned();
        }
    }
}

fn hola() -> Webhook {
    Webhook::new().message(&Number::local(), &Customer::local(), Message::text("hola"))
}

#[tokio::test]
async fn a_webhook_is_signed_over_what_is_sent() {
    let (url, told) = endpoint(&[200], "");
    let webhook = hola();
    let answer = Meta::new(local::APP_SECRET, url).post(&webhook).await;
    assert_eq!((answer.status, answer.error), (200, None));
    let request = told.recv().unwrap();
    let (head, body) = request.split_once("\r\n\r\n").unwrap();
    assert_eq!(body.as_bytes(), webhook.body());
    let signature = signature::sha256(local::APP_SECRET, &webhook.body());
    assert!(
        head.contains(&format!("x-hub-signature-256: {signature}")),
        "{head}"
    );
    assert!(head.contains("content-type: application/json"));
}

#[tokio::test]
async fn a_webhook_is_repeated_until_it_gets_200() {
    let (url, told) = endpoint(&[503, 204, 200], "");
    let delivery = Meta::new("s", url)
        .retrying(9, Duration::from_millis(1))
        .deliver(&hola())
        .await;
    let statuses: Vec<_> = delivery
        .answers
        .iter()
        .map(|answer| answer.status)
        .collect();
    assert!(delivery.taken());
    assert_eq!(statuses, [503, 204, 200]);
    assert_eq!(told.recv().unwrap(), told.recv().unwrap());
}

#[tokio::test]
async fn repeating_ends_and_silence_is_told() {
    let delivery = Meta::new("s", "http://127.0.0.1:1/")
        .retrying(3, Duration::from_millis(1))
        .deliver(&hola())
        .await;
    assert_eq!(
        (
            delivery.answers.len(),
            delivery.taken(),
            delivery.last().status
        ),
        (3, false, 0)
    );
    assert!(delivery.last().error.is_some());
}

#[tokio::test]
async fn the_handshake_holds_only_for_the_challenge() {
    let (url, told) = endpoint(&[200], "not the challenge");
    let handshake = Meta::new("s", url).verify("a token").await;
    assert!(!handshake.held());
    let request = told.recv().unwrap();
    let query = format!(
        "GET /webhook?hub.mode=subscribe&hub.verify_token=a+token&hub.challenge={}",
        handshake.challenge
    );
    assert!(request.starts_with(&query), "{request}");
}

#[tokio::test]
async fn a_request_can_be_bent() {
    let (url, told) = endpoint(&[401; 5], "");
    let meta = Meta::new("s", url);
    meta.request("{}").unsigned().send().await;
    assert!(!told.recv().unwrap().contains("x-hub-signature"));
    meta.request("{}").sha1_only().send().await;
    let request = told.recv().unwrap();
    assert!(request.contains("x-hub-signature: sha1=") && !request.contains("signature-256"));
    meta.request("{}").signed_under("other").send().await;
    assert!(
        told.recv()
            .unwrap()
            .contains(&signature::sha256("other", b"{}"))
    );
    meta.request("{}")
        .signed_over("[]")
        .method("PUT")
        .send()
        .await;
    let request = told.recv().unwrap();
    assert!(request.starts_with("PUT") && request.contains(&signature::sha256("s", b"[]")));
    meta.request(vec![b' '; 100_000]).chunked().send().await;
    let request = told.recv().unwrap();
    assert!(request.contains("transfer-encoding: chunked") && !request.contains("content-length"));
}
