//! Killed without warning (SIGKILL) at any moment under load, and started again on the same disk.

use std::sync::Arc;
use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::json;
use simulator::backend::{Answer, Arrival, Backend};
use simulator::clock;

use crate::ledger::Ledger;
use crate::load::{Load, Shape, by_all_names};
use crate::scale::{seed, short_or, turn};
use crate::support::{PATIENCE, Transom, destination, with};

/// Up to how long it may live, in milliseconds, as a power of ten: mostly shortly, so that beginnings are hit as well.
const LIVES: std::ops::Range<f64> = 0.7..3.5;

/// How long a backend may take to read what had left when Transom was killed. What is read later would count as sent after
/// the kill, and its repetition as one that no kill explains.
const ARRIVES_WITHIN: Duration = Duration::from_millis(50);

/// One request in `n`, the same ones each time.
fn one_in(n: usize, of: usize) -> impl Fn(&Arrival) -> bool {
    move |arrival| {
        let id = arrival.webhook_id.bytes().map(usize::from).sum::<usize>();
        id % n == of
    }
}

/// Takes everything, in batches, some of them late.
async fn slow() -> Backend {
    let backend = Backend::start().await;
    for (of, ms) in [1, 10, 60].into_iter().enumerate() {
        let late = Answer::slow(Duration::from_millis(ms));
        backend.when(one_in(4, of), late);
    }
    backend
}

/// Takes everything in the end, and refuses some of it at first, in every way there is.
pub(crate) async fn moody() -> Backend {
    let backend = Backend::start().await;
    let answers = [
        Answer::status(422),
        Answer::status(500),
        Answer::Close,
        Answer::CloseHalfWay,
        Answer::garbage(),
    ];
    for (of, answer) in answers.into_iter().enumerate() {
        let chosen = one_in(40, of);
        backend.when(
            move |arrival| arrival.attempt < 3 && chosen(arrival),
            answer,
        );
    }
    backend
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_at_any_moment_it_loses_nothing_and_keeps_the_order() {
    let _turn = turn().await;
    let seed = seed();
    let backends = [
        ("prompt", Backend::start().await),
        ("slow", slow().await),
        ("moody", moody().await),
    ];
    let ledger = Arc::new(Ledger::default());
    for (name, backend) in &backends {
        ledger.watch(name, backend);
    }
    let patient = json!({ "retry": { "first_ms": 50, "max_ms": 500, "total_ms": 3_600_000 } });
    let destinations = backends.iter().map(|(name, backend)| {
        let format = if *name == "slow" {
            "cloudevents-batch"
        } else {
            "cloudevents"
        };
        let patient = with(destination(name, backend), patient.clone());
        with(patient, json!({ "format": format }))
    });
    let transom = Transom::builder().destinations(destinations).start().await;
    let shape = Shape {
        numbers: 3,
        customers: short_or(90, 300),
        lines: 15,
        most: 4,
        rest_ms: 0..150,
        called: by_all_names,
        seed,
    };
    let times = short_or(12, 120);
    survive(transom, ledger, &backends, shape, times, |_, _| true).await;
}

/// Has the load go on while Transom is killed so many times, and sees that then the books balance at every backend.
/// `in_order` is what [`Ledger::counts_of`] asks for.
pub(crate) async fn survive(
    mut transom: Transom,
    ledger: Arc<Ledger>,
    backends: &[(&str, Backend)],
    shape: Shape,
    times: usize,
    in_order: fn(usize, usize) -> bool,
) {
    let mut random = StdRng::seed_from_u64(shape.seed);
    let load = Load::start(&transom.meta(), &ledger, &shape);
    let mut kills: Vec<Instant> = Vec::new();
    for _ in 0..times {
        let ms = 10f64.powf(random.random_range(LIVES));
        tokio::time::sleep(Duration::from_secs_f64(ms / 1000.0)).await;
        transom.kill().await;
        // What had left by then comes first.
        tokio::time::sleep(ARRIVES_WITHIN).await;
        kills.push(clock::instant());
        transom.restart().await;
    }
    load.stop().await;
    ledger.settle(PATIENCE).await;

    println!("killed {} times", kills.len());
    for (name, _) in backends {
        let counts = ledger.counts_of(name, in_order);
        println!("{name}: {counts}");
        assert_eq!((counts.lost, counts.out_of_order), (0, 0), "{name}");
        assert_eq!(
            ledger.repeated_without(name, &kills),
            Vec::<String>::new(),
            "{name}"
        );
    }
    assert_eq!(ledger.unstable_ids(), 0);
}
