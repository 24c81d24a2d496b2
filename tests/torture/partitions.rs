//! Killed without warning (SIGKILL) while a number has partitions, and people turn out to be one whose events went to
//! different ones.

use std::sync::Arc;

use serde_json::json;
use simulator::backend::Backend;
use simulator::webhook::{Customer, Number};

use crate::kills::{moody, survive};
use crate::ledger::{Ledger, Message};
use crate::load::Shape;
use crate::scale::{seed, short_or, turn};
use crate::support::{Transom, destination, with};

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
    let backends = [("prompt", Backend::start().await), ("moody", moody().await)];
    let ledger = Arc::new(Ledger::default());
    for (name, backend) in &backends {
        ledger.watch(name, backend);
    }
    let patient = json!({ "retry": { "first_ms": 50, "max_ms": 500, "total_ms": 3_600_000 } });
    let destinations = backends
        .iter()
        .map(|(name, backend)| with(destination(name, backend), patient.clone()));
    let transom = Transom::builder()
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
    let times = short_or(8, 80);
    survive(transom, ledger, &backends, shape, times, in_order).await;
}
