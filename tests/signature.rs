//! Only what Meta has signed is taken, and whoever tries learns nothing.
#![cfg(test)]

mod support;

use serde_json::json;
use simulator::backend::Backend;
use simulator::meta::{Answer, Meta};
use simulator::signature;
use simulator::webhook::{Customer, Message, Number, Webhook, escape};
use support::{APP_SECRET, PATIENCE, Transom, set, started, texts};

fn message(text: &str) -> Webhook {
    Webhook::new().message(&Number::local(), &Customer::local(), Message::text(text))
}

/// Refused, in the same words whatever was wrong.
#[track_caller]
fn assert_refused(answer: &Answer) {
    assert_eq!(answer.status, 401, "{answer:?}");
    let body = r#"{"status":401,"title":"Unauthorized","type":"about:blank"}"#;
    assert_eq!(
        serde_json::from_str::<serde_json::Value>(&answer.body).unwrap(),
        serde_json::from_str::<serde_json::Value>(body).unwrap()
    );
    for (name, value) in &answer.headers {
        assert!(
            !value.to_str().unwrap().contains("sha256"),
            "{name}: {value:?}"
        );
    }
}

/// After what was refused, a webhook that is not: it is the only one that arrives.
async fn assert_nothing_was_stored(transom: &Transom, backend: &Backend) {
    assert_eq!(transom.meta().post(&message("marker")).await.status, 200);
    assert!(backend.wait_for(1, PATIENCE).await);
    assert_eq!(texts(&backend.events()), ["marker"]);
    assert_eq!(backend.arrivals().len(), 1);
}

#[tokio::test]
async fn the_bytes_as_they_came_may_be_what_is_signed() {
    let (_transom, meta, backend) = started().await;
    let ascii = message("¡Hola! 😀 a/b").body();
    let utf8 = message("¡Hola! 😀 a/b").body_utf8();
    assert!(ascii.is_ascii() && !utf8.is_ascii());
    assert_eq!(meta.request(ascii).send().await.status, 200);
    assert_eq!(meta.request(utf8).send().await.status, 200);
    assert!(backend.wait_for(2, PATIENCE).await);
    assert_eq!(texts(&backend.events()), ["¡Hola! 😀 a/b", "¡Hola! 😀 a/b"]);
}

#[tokio::test]
async fn the_escaped_form_may_be_what_is_signed_where_the_body_is_not_ascii() {
    let (_transom, meta, backend) = started().await;
    for slashes in [false, true] {
        let utf8 = message("¡Hola! 😀 a/b").body_utf8();
        let signed = escape(&utf8, slashes);
        assert_eq!(
            meta.request(utf8).signed_over(signed).send().await.status,
            200
        );
    }
    assert!(backend.wait_for(2, PATIENCE).await);
}

#[tokio::test]
async fn an_ascii_body_is_signed_as_it_is_and_in_no_other_form() {
    let (transom, meta, backend) = started().await;
    let plain = message("a/b").body_utf8();
    let signed = escape(&plain, true);
    assert_ne!(plain, signed);
    assert_refused(&meta.request(plain).signed_over(signed).send().await);
    assert_nothing_was_stored(&transom, &backend).await;
}

#[tokio::test]
async fn upper_case_escapes_are_not_what_meta_signs() {
    let (transom, meta, backend) = started().await;
    let utf8 = message("é").body_utf8();
    let signed = escape(&utf8, false).replace("\\u00e9", "\\u00E9");
    assert_refused(&meta.request(utf8).signed_over(signed).send().await);
    assert_nothing_was_stored(&transom, &backend).await;
}

async fn with_two_secrets() -> (Transom, Meta, Backend) {
    set(json!({}), |settings| {
        settings.secret("META_APP_SECRET", "new, old")
    })
    .await
}

#[tokio::test]
async fn a_large_body_is_verified_like_a_small_one() {
    let (_transom, meta, backend) = with_two_secrets().await;
    let large = message(&"¡Hola! 😀 a/b ".repeat(10_000));
    for secret in ["new", "old"] {
        let meta = meta.clone().with_secret(secret);
        assert_eq!(meta.request(large.body()).send().await.status, 200);
        let utf8 = large.body_utf8();
        let signed = escape(&utf8, true);
        let escaped = meta.request(utf8).signed_over(signed).send().await;
        assert_eq!(escaped.status, 200);
    }
    let stranger = meta.clone().with_secret("another");
    for body in [large.body(), large.body_utf8().into()] {
        assert_refused(&stranger.request(body).send().await);
    }
    assert!(backend.wait_for(1, PATIENCE).await);
}

#[tokio::test]
async fn each_of_two_secrets_is_good_while_one_is_rotated() {
    let (_transom, meta, backend) = with_two_secrets().await;
    for secret in ["new", "old"] {
        let taken = meta.clone().with_secret(secret);
        assert_eq!(taken.post(&message(secret)).await.status, 200);
    }
    for secret in ["new, old", "new,", "", " ", APP_SECRET] {
        let refused = meta.clone().with_secret(secret);
        assert_refused(&refused.post(&message(secret)).await);
    }
    assert!(backend.wait_for(2, PATIENCE).await);
    assert_eq!(texts(&backend.events()), ["new", "old"]);
}

#[tokio::test]
async fn why_webhooks_are_refused_is_logged_for_who_runs_transom_once_a_minute() {
    let (transom, meta, _backend) = started().await;
    let body = message("hola").body();
    for _ in 0..2 {
        assert_refused(&meta.request(body.clone()).unsigned().send().await);
        assert_refused(
            &meta
                .request(body.clone())
                .signature("sha256=0")
                .send()
                .await,
        );
        assert_refused(
            &meta
                .clone()
                .with_secret("another")
                .post(&message("hola"))
                .await,
        );
    }
    for why in [
        "it has no signature",
        "its signature is malformed",
        "its signature is not of META_APP_SECRET",
    ] {
        let line = json!({ "error": why, "event": "webhook.refused" }).to_string();
        let times = support::eventually(async || {
            let times = transom.log().matches(&line).count();
            (times > 0).then_some(times)
        });
        assert_eq!(times.await, 1, "{why}");
    }
}

#[tokio::test]
async fn one_flipped_byte_is_enough_to_be_refused() {
    let (transom, meta, backend) = started().await;
    let body = message("hola").body();
    for at in [0, 1, body.len() / 3, body.len() / 2, body.len() - 1] {
        let mut flipped = body.clone();
        flipped[at] ^= 1;
        assert_refused(&meta.request(flipped).signed_over(&body).send().await);
    }
    for other in [&body[..body.len() - 1], &[&body[..], b" "].concat(), b""] {
        assert_refused(&meta.request(other).signed_over(&body).send().await);
    }
    let mut digits = signature::sha256(APP_SECRET, &body).into_bytes();
    let last = digits.len() - 1;
    digits[last] = if digits[last] == b'0' { b'1' } else { b'0' };
    let flipped = String::from_utf8(digits).unwrap();
    assert_refused(&meta.request(body).signature(flipped).send().await);
    assert_nothing_was_stored(&transom, &backend).await;
}

#[tokio::test]
async fn what_is_not_a_signature_is_refused() {
    let (transom, meta, backend) = started().await;
    let body = message("hola").body();
    let right = signature::sha256(APP_SECRET, &body);
    let digits = right.strip_prefix("sha256=").unwrap();
    let one_less = digits.get(1..).unwrap();
    assert_refused(&meta.request(body.clone()).unsigned().send().await);
    let malformed = [
        String::new(),
        "sha256=".to_owned(),
        digits.to_owned(),
        format!("SHA256={digits}"),
        format!("sha1={digits}"),
        format!("sha256={one_less}"),
        format!("sha256={digits}0"),
        format!("sha256= {digits}"),
        format!("sha256={one_less}g"),
        format!("{right},{right}"),
        format!("sha256={right}"),
    ];
    for header in malformed {
        let request = meta.request(body.clone()).signature(header.as_str());
        assert_refused(&request.send().await);
    }
    assert_nothing_was_stored(&transom, &backend).await;
}

#[tokio::test]
async fn a_sha_1_signature_is_never_enough() {
    let (transom, meta, backend) = started().await;
    let body = message("hola").body();
    assert_refused(&meta.request(body.clone()).sha1_only().send().await);
    let sha1 = signature::sha1(APP_SECRET, &body);
    assert_refused(&meta.request(body).signature(sha1).send().await);
    assert_nothing_was_stored(&transom, &backend).await;
}
