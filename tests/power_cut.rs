//! 200 means stored: whenever the power goes after it, all that Meta was told is stored arrives.
#![cfg(test)]

mod support;

use std::time::Duration;

use simulator::backend::{Answer, Backend};
use simulator::local;
use simulator::webhook::{Customer, Message, Number, Webhook};
use support::{PATIENCE, started, texts};

/// Message `n`, of one of five customers.
fn message(n: usize) -> Webhook {
    let message = Message::text(&n.to_string());
    Webhook::new().message(&Number::local(), &Customer::nth(n % 5), message)
}

/// The texts of a customer's events, each where it was taken first.
fn first_taken(backend: &Backend, customer: usize) -> Vec<usize> {
    let events = backend.events_of(&Customer::nth(customer).user_id.unwrap());
    let mut all = Vec::new();
    for text in texts(&events) {
        let n = text.parse().unwrap();
        if !all.contains(&n) {
            all.push(n);
        }
    }
    all
}

fn assert_in_order(backend: &Backend, messages: usize) {
    for customer in 0..5 {
        let expected: Vec<usize> = (0..messages).filter(|n| n % 5 == customer).collect();
        assert_eq!(first_taken(backend, customer), expected);
    }
}

#[tokio::test]
async fn what_is_stored_is_delivered_by_itself_after_a_power_cut() {
    let (mut transom, meta, backend) = started().await;
    backend.always(Answer::Stall);
    for n in 0..20 {
        assert_eq!(meta.post(&message(n)).await.status, 200);
    }
    transom.kill().await;
    assert_eq!(backend.distinct(), 0);
    backend.behave();
    // Nobody asks it for anything: it wakes by itself.
    transom.restart().await;
    assert!(backend.wait_for(20, PATIENCE).await);
    assert_in_order(&backend, 20);
}

#[tokio::test]
async fn what_waits_for_its_next_try_still_waits_after_a_power_cut() {
    let (mut transom, meta, backend) = started().await;
    backend.down();
    for n in 0..20 {
        assert_eq!(meta.post(&message(n)).await.status, 200);
    }
    transom
        .wait_for_waiting(local::PHONE_NUMBER_ID, "crm", |waiting| {
            waiting["waiting_events"] != 0
        })
        .await;
    transom.kill().await;
    backend.up().await;
    transom.restart().await;
    assert!(backend.wait_for(20, PATIENCE).await);
    assert_in_order(&backend, 20);
}

#[tokio::test]
async fn nothing_is_lost_however_often_the_power_goes() {
    let (mut transom, meta, backend) = started().await;
    backend.always(Answer::slow(Duration::from_millis(5)));
    for round in 0..6 {
        for n in round * 20..(round + 1) * 20 {
            assert_eq!(meta.post(&message(n)).await.status, 200);
        }
        // At once, and in the midst of delivering.
        tokio::time::sleep(Duration::from_millis(15 * round as u64)).await;
        transom.restart().await;
    }
    assert!(backend.wait_for(120, PATIENCE).await);
    assert_in_order(&backend, 120);
}

#[tokio::test]
async fn what_meta_was_not_told_is_stored_meta_sends_again_and_it_arrives_once() {
    let (mut transom, meta, backend) = started().await;
    let meta = meta.retrying(12, Duration::from_millis(50));
    let posts: Vec<_> = (0..40)
        .map(|n| {
            let meta = meta.clone();
            tokio::spawn(async move { meta.deliver(&message(n)).await.taken() })
        })
        .collect();
    tokio::time::sleep(Duration::from_millis(10)).await;
    transom.restart().await;
    for taken in posts {
        assert!(taken.await.unwrap());
    }
    assert!(backend.wait_for(40, PATIENCE).await);
    assert_eq!(backend.distinct(), 40);
}
