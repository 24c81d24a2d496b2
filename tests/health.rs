//! Transom starts, and says how it is.
#![cfg(test)]

mod support;

use support::{Transom, Wrangler};

#[tokio::test]
async fn it_is_healthy_in_the_real_runtime() {
    let transom = Transom::builder().start().await;
    let answer = reqwest::get(transom.url("/health")).await.unwrap();
    assert_eq!(answer.status(), 200, "{}", answer.text().await.unwrap());
}

#[tokio::test]
async fn it_comes_back_after_a_power_cut() {
    let mut transom = Transom::builder().start().await;
    transom.kill().await;
    assert!(reqwest::get(transom.url("/health")).await.is_err());
    transom.restart().await;
    assert_eq!(
        reqwest::get(transom.url("/health")).await.unwrap().status(),
        200
    );
}

#[tokio::test]
async fn it_is_healthy_under_wrangler_dev() {
    let wrangler = Wrangler::start(Transom::builder()).await;
    let answer = reqwest::get(wrangler.url("/health")).await.unwrap();
    assert_eq!(answer.status(), 200, "{}", answer.text().await.unwrap());
}
