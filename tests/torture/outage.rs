//! A backend is back after an outage: what waits for it comes in order, and no faster than it was said to take.

use std::sync::Arc;

use serde_json::json;
use simulator::backend::Backend;
use simulator::clock;
use tokio::task::JoinSet;

use crate::ledger::{Ledger, Message};
use crate::load::post;
use crate::scale::{short_or, turn};
use crate::support::{PATIENCE, Transom, destination, with};

/// One customer in so many wrote twice meanwhile.
const TWICE: usize = 5;

/// How many customers' messages Meta puts into one webhook.
const BATCH: usize = 20;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backend_that_is_back_gets_what_waits_in_order_and_never_faster_than_its_limit() {
    let _turn = turn().await;
    let conversations = short_or(300, 10_000);
    let limit = short_or(100, 120);
    let backend = Backend::start().await;
    let ledger = Arc::new(Ledger::default());
    ledger.watch("crm", &backend);
    backend.down();
    let paced = with(
        destination("crm", &backend),
        json!({
            "max_per_second": limit, "max_in_flight": 50,
            "retry": { "first_ms": 50, "max_ms": 1_000, "total_ms": 3_600_000 },
        }),
    );
    let transom = Transom::builder().destinations([paced]).start().await;
    let meta = transom.meta();
    for (place, customers) in [(1, conversations), (2, conversations / TWICE)] {
        let mut posts = JoinSet::new();
        for first in (0..customers).step_by(BATCH) {
            let (meta, ledger) = (meta.clone(), Arc::clone(&ledger));
            let batch: Vec<Message> = (first..first + BATCH)
                .map(|customer| ((0, customer), place))
                .collect();
            posts.spawn(async move { post(&meta, &ledger, &batch).await });
            if posts.len() >= 4 {
                posts.join_next().await;
            }
        }
        posts.join_all().await;
    }
    let before = ledger.counts("crm");
    assert_eq!(
        (before.acknowledged, before.delivered),
        (conversations + conversations / TWICE, 0)
    );
    backend.up().await;
    let back = clock::instant();
    ledger.settle(PATIENCE).await;

    let (counts, most) = (ledger.counts("crm"), ledger.most_in_a_second("crm"));
    println!(
        "{conversations} conversations waited: {counts}; at most {most} in a second (limit {limit}), drained in {:?}",
        back.elapsed()
    );
    assert_eq!(
        (counts.lost, counts.out_of_order, counts.repeated),
        (0, 0, 0)
    );
    assert!(most <= limit, "{most} in one second");
}
