//! Meta's handshake: it asks once, when the callback URL is entered, whether the endpoint is ours.
#![cfg(test)]

mod support;

use simulator::meta::Answer;
use support::{Transom, VERIFY_TOKEN};

/// What is answered to a handshake with these parameters.
async fn ask(transom: &Transom, query: &[(&str, &str)]) -> Answer {
    transom.meta().get(query).await
}

fn handshake<'a>(token: &'a str, challenge: &'a str) -> [(&'a str, &'a str); 3] {
    [
        ("hub.mode", "subscribe"),
        ("hub.verify_token", token),
        ("hub.challenge", challenge),
    ]
}

/// Refused, in words that help nobody who guesses.
#[track_caller]
fn assert_refused(answer: &Answer) {
    assert_eq!(answer.status, 403, "{answer:?}");
    assert_eq!(answer.headers["content-type"], "application/problem+json");
    for word in ["token", "mode", "challenge", VERIFY_TOKEN] {
        assert!(!answer.body.contains(word), "{}", answer.body);
    }
}

#[tokio::test]
async fn the_challenge_comes_back_untouched_as_plain_text() {
    let transom = Transom::builder().start().await;
    for challenge in [
        "1158201444",
        "007",
        "1e3",
        " spaced out ",
        "a+b&c=%20",
        "é😀",
        "<script>",
    ] {
        let answer = ask(&transom, &handshake(VERIFY_TOKEN, challenge)).await;
        assert_eq!(
            (answer.status, answer.body.as_str()),
            (200, challenge),
            "{answer:?}"
        );
        let kind = answer.headers["content-type"].to_str().unwrap();
        assert!(kind.starts_with("text/plain"), "{kind}");
    }
}

#[tokio::test]
async fn each_of_several_tokens_opens() {
    let settings = Transom::builder().secret("META_VERIFY_TOKEN", "first one, second+two");
    let transom = settings.start().await;
    for token in ["first one", "second+two"] {
        assert!(transom.meta().verify(token).await.held(), "{token}");
    }
    for token in ["first one, second+two", "first one,", "second two"] {
        assert_refused(&transom.meta().verify(token).await.answer);
    }
}

#[tokio::test]
async fn another_token_is_refused() {
    let transom = Transom::builder().start().await;
    let (upper, longer) = (VERIFY_TOKEN.to_uppercase(), format!("{VERIFY_TOKEN}x"));
    for token in ["wrong", "", " ", "test-verify-toke", &upper, &longer] {
        assert_refused(&ask(&transom, &handshake(token, "1")).await);
    }
    assert_refused(
        &ask(
            &transom,
            &[("hub.mode", "subscribe"), ("hub.challenge", "1")],
        )
        .await,
    );
}

#[tokio::test]
async fn a_token_that_is_blank_or_not_set_opens_to_nobody() {
    for blank in [None, Some(""), Some("  "), Some(" , ")] {
        let settings = Transom::builder().without("META_VERIFY_TOKEN");
        let settings = match blank {
            Some(blank) => settings.secret("META_VERIFY_TOKEN", blank),
            None => settings,
        };
        let transom = settings.start().await;
        for token in ["", " ", " , ", "undefined", "null", VERIFY_TOKEN] {
            assert_refused(&ask(&transom, &handshake(token, "1")).await);
        }
    }
}

#[tokio::test]
async fn another_mode_is_refused() {
    let transom = Transom::builder().start().await;
    for mode in ["unsubscribe", "Subscribe", "subscribe ", ""] {
        let mut query = handshake(VERIFY_TOKEN, "1");
        query[0].1 = mode;
        assert_refused(&ask(&transom, &query).await);
    }
    assert_refused(&ask(&transom, &handshake(VERIFY_TOKEN, "1")[1..]).await);
}

#[tokio::test]
async fn without_a_challenge_there_is_nothing_to_answer() {
    let transom = Transom::builder().start().await;
    assert_refused(&ask(&transom, &handshake(VERIFY_TOKEN, "1")[..2]).await);
    assert_refused(&ask(&transom, &handshake(VERIFY_TOKEN, "")).await);
    assert_refused(&ask(&transom, &[]).await);
}

#[tokio::test]
async fn a_parameter_given_twice_is_refused() {
    let transom = Transom::builder().start().await;
    let query = handshake(VERIFY_TOKEN, "1");
    for doubled in query {
        let twice: Vec<_> = query.into_iter().chain([doubled]).collect();
        assert_refused(&ask(&transom, &twice).await);
    }
    // What is not of the handshake does not disturb it.
    let more: Vec<_> = query
        .into_iter()
        .chain([("other", "1"), ("other", "2")])
        .collect();
    assert_eq!(ask(&transom, &more).await.status, 200);
}
