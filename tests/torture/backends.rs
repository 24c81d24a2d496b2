//! One backend of three fails for as long as the run lasts: the other two are as much on time as without it, and so is
//! Meta's 200.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use simulator::backend::{Answer, Backend};
use simulator::clock;
use tokio::time::sleep;

use crate::ledger::{Latencies, Ledger};
use crate::load::{Load, Shape, by_all_names};
use crate::scale::{seed, short_or, turn};
use crate::support::{PATIENCE, Transom, destination, with};

/// By how much a median may grow, and a p99. The machine is shared: what holds a run up for a moment shows in its p99.
const MEDIAN_GROWS: u32 = 3;
const P99_GROWS: u32 = 6;

/// After how many rounds the medians are what counts.
const MOST_ROUNDS: usize = 4;

/// What the third backend does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Fault {
    None,
    Down,
    Stalls,
    AnswersSlowly,
    ClosesHalfWay,
    AnswersGarbage,
}

const FAULTS: [Fault; 5] = [
    Fault::Down,
    Fault::Stalls,
    Fault::AnswersSlowly,
    Fault::ClosesHalfWay,
    Fault::AnswersGarbage,
];

impl Fault {
    fn befalls(self, backend: &Backend) {
        match self {
            Self::None => {}
            Self::Down => backend.down(),
            Self::Stalls => backend.always(Answer::Stall),
            Self::AnswersSlowly => backend.always(Answer::slow(Duration::from_millis(700))),
            Self::ClosesHalfWay => backend.always(Answer::CloseHalfWay),
            Self::AnswersGarbage => backend.always(Answer::garbage()),
        }
    }
}

/// How long things took in one run: Meta's 200s, and until each of the two good backends had the event.
type Run = [Latencies; 3];

/// A run of its own, since what a fault leaves waiting would be the next one's load.
async fn run(fault: Fault, seed: u64) -> Run {
    let good = [
        ("one", Backend::start().await),
        ("two", Backend::start().await),
    ];
    let bad = Backend::start().await;
    fault.befalls(&bad);
    let ledger = Arc::new(Ledger::default());
    let mut destinations = vec![with(
        destination("bad", &bad),
        json!({ "timeout_ms": 1_000 }),
    )];
    for (name, backend) in &good {
        ledger.watch(name, backend);
        destinations.push(destination(name, backend));
    }
    bad.keep_nothing();
    let transom = Transom::builder().destinations(destinations).start().await;
    let shape = Shape {
        numbers: 2,
        customers: 200,
        lines: 4,
        most: 1,
        rest_ms: 40..100,
        called: by_all_names,
        seed,
    };
    let load = Load::start(&transom.meta(), &ledger, &shape);
    // What is compiled and opened at first is no matter of the fault.
    sleep(Duration::from_secs(1)).await;
    let since = clock::instant();
    sleep(Duration::from_millis(short_or(1_500, 3_000))).await;
    load.stop().await;
    ledger.settle(PATIENCE).await;
    for (name, _) in &good {
        let counts = ledger.counts(name);
        assert_eq!(
            (counts.lost, counts.out_of_order, counts.repeated),
            (0, 0, 0),
            "{fault:?}, {name}: {counts}"
        );
    }
    let [one, two] = good.map(|(name, _)| ledger.delays(name, since));
    let meta = ledger.latencies(since);
    println!("{fault:?}: Meta's 200 {meta}; good backends {one} and {two}");
    [meta, one, two]
}

/// What took longer with a fault than it may, by the medians of the runs; each ratio is printed.
fn delayed(with: &BTreeMap<Fault, Vec<Run>>, without: &[Run]) -> Vec<String> {
    let mut delayed = Vec::new();
    for (fault, runs) in with {
        for (of, name) in ["Meta's 200", "one", "two"].into_iter().enumerate() {
            for (percent, grows) in [(50, MEDIAN_GROWS), (99, P99_GROWS)] {
                let times = |runs: &[Run]| -> Vec<Duration> {
                    let mut times: Vec<_> =
                        runs.iter().map(|run| run[of].percentile(percent)).collect();
                    times.sort_unstable();
                    times
                };
                let (with, without) = (times(runs), times(without));
                let (with, middle) = (with[with.len() / 2], without[without.len() / 2]);
                let ratio = with.as_secs_f64() / middle.as_secs_f64();
                println!(
                    "{fault:?}: {name}, p{percent} {ratio:.2} of what it is without a fault ({middle:?})"
                );
                // The slowest without any fault says how even this machine is.
                let most = without[without.len() - 1];
                if with > most * grows {
                    delayed.push(format!(
                        "{fault:?}: {name}, p{percent} {with:?}, without {most:?}"
                    ));
                }
            }
        }
    }
    delayed
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backend_that_fails_delays_neither_the_others_nor_meta() {
    let _turn = turn().await;
    let seed = seed();
    let mut without = vec![run(Fault::None, seed).await];
    let mut with: BTreeMap<Fault, Vec<Run>> = BTreeMap::new();
    // Where the machine itself stood still for a moment, more rounds tell that from a delay.
    for round in 1..=MOST_ROUNDS {
        for fault in FAULTS {
            with.entry(fault).or_default().push(run(fault, seed).await);
        }
        without.push(run(Fault::None, seed).await);
        let delayed = delayed(&with, &without);
        if round >= short_or(1, MOST_ROUNDS) && delayed.is_empty() {
            return;
        }
        assert!(round < MOST_ROUNDS, "{delayed:#?}");
    }
}
