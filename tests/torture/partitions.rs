//! Killed without warning (SIGKILL) while a number has partitions, and people turn out to be one whose events went to
//! different ones.

use std::sync::Arc;
use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::json;
use simulator::backend::Backend;
use simulator::clock;
use simulator::webhook::{Customer, Number};

use crate::kills::{LIVES, moody};
use crate::ledger::{Ledger, Message};
use crate::load::{Load, Shape};
use crate::scale::{seed, short_or, turn};
use crate::support::{DESTINATION_SECRET, PATIENCE, Transom, destination, with};

/// The message in which Meta tells both names of a customer for the first time.
const BOTH: usize = 5;

/// Until then it takes a customer for two, one known by phone number and one by user id; from then on it gives either,
/// or both.
fn called(((_, customer), place): Message) -> Customer {
    let both = Customer::nth(customer);
    let is_told = place >= BOTH && (place - BOTH).is_multiple_of(3);
    match (&both.phone, &both.user_id) {
        (Some(phone), _) if !is_told && place.is_multiple_of(2) => Customer::new(phone.clone()),
        (_, Some(user)) if !is_told => Customer::without_phone(user.clone()),
        _ => both,
    }
}

/// Whether one of a customer's messages is to come before a later one: Meta has told that they are one person's.
fn in_order(early: usize, late: usize) -> bool {
    late >= BOTH || early % 2 == late % 2
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn people_who_turn_out_to_be_one_lose_nothing_and_keep_their_order_whatever_is_killed() {
    let _turn = turn().await;
    let seed = seed();
    let mut random = StdRng::seed_from_u64(seed);
    let backends = [
        ("prompt", Backend::start(DESTINATION_SECRET).await),
        ("moody", moody().await),
    ];
    let ledger = Arc::new(Ledger::default());
    for (name, backend) in &backends {
        ledger.watch(name, backend);
    }
    let patient = json!({ "retry": { "first_ms": 50, "max_ms": 500, "total_ms": 3_600_000 } });
    let destinations = backends
        .iter()
        .map(|(name, backend)| with(destination(name, backend), patient.clone()));
    let mut transom = Transom::builder()
        .secret("DESTINATION_SECRET", DESTINATION_SECRET)
        .config(json!({
            "destinations": destinations.collect::<Vec<_>>(),
            "numbers": [{ "phone_number_id": Number::nth(0).phone_number_id, "partitions": 4 }],
        }))
        .start()
        .await;
    let shape = Shape {
        numbers: 1,
        customers: short_or(20, 100),
        lines: 10,
        most: 4,
        rest_ms: 0..100,
        called,
        seed,
    };
    let load = Load::start(&transom.meta(), &ledger, &shape);
    let mut kills: Vec<Instant> = Vec::new();
    for _ in 0..short_or(8, 80) {
        let ms = 10f64.powf(random.random_range(LIVES));
        tokio::time::sleep(Duration::from_secs_f64(ms / 1000.0)).await;
        transom.kill().await;
        kills.push(clock::instant());
        transom.restart().await;
    }
    load.stop().await;
    ledger.settle(PATIENCE).await;

    println!("killed {} times", kills.len());
    for (name, _) in &backends {
        let counts = ledger.counts_of(name, in_order);
        println!("{name}: {counts}");
        assert_eq!(counts.acknowledged, counts.sent);
        assert_eq!((counts.lost, counts.out_of_order), (0, 0), "{name}");
        assert_eq!(ledger.repeated_without(name, &kills), 0, "{name}");
    }
    assert_eq!(ledger.unstable_ids(), 0);
    assert_eq!(ledger.faults(), Vec::<String>::new());
}
