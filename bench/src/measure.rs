//! Rates, processor time and latencies: every contestant with every workload, in rounds of shuffled order, so that what
//! else the machine does falls on all of them alike.

use std::collections::BTreeMap;
use std::time::Duration;

use rand::seq::SliceRandom as _;
use simulator::backend::Backend;
use tokio::time::sleep;

use crate::Options;
use crate::contestant::{Contestant, Outside, Running};
use crate::load::{self, Pace, Until};
use crate::workload::{Requests, Workload};

/// How long it may take until all is forwarded.
const PATIENCE: Duration = Duration::from_mins(1);

/// A contestant with a workload.
pub(crate) type Cell = (Workload, Contestant);

/// What was measured of one cell, one value for each round.
#[derive(Debug, Default)]
pub(crate) struct Measured {
    /// Requests a second at saturation.
    pub(crate) rates: Vec<f64>,
    /// Processor time of the whole process for each request at saturation, in microseconds.
    pub(crate) cpu: Vec<f64>,
    /// The 50th and 99th percentile at half of the rate, in milliseconds.
    pub(crate) p50: Vec<f64>,
    pub(crate) p99: Vec<f64>,
    /// The length of a body, in bytes.
    pub(crate) body_length: usize,
}

/// Measures all cells.
pub(crate) async fn all(
    options: &Options,
    outside: &Outside,
    backend: &Backend,
) -> BTreeMap<Cell, Measured> {
    let cells = cells(options);
    let mut running = BTreeMap::new();
    for (_, contestant) in &cells {
        if !running.contains_key(contestant) {
            let started = Running::start(*contestant, outside, options.other.as_deref()).await;
            running.insert(*contestant, started);
        }
    }
    let mut measured: BTreeMap<Cell, Measured> = BTreeMap::new();
    let seconds = Duration::from_secs_f64(options.seconds);
    // In the first round the machine code is made; it only tells how long things take.
    for round in 0..=options.rounds {
        let mut order = cells.clone();
        order.shuffle(&mut rand::rng());
        eprintln!("round {round} of {}", options.rounds);
        for cell @ (workload, contestant) in order {
            let server = &running[&contestant];
            let cell = measured.entry(cell).or_default();
            let mut requests = Requests::new(workload, contestant.path());
            cell.body_length = requests.body().len();
            let before = server.cpu();
            let connections = workload.connections();
            let until = Until::Time(if round == 0 { seconds / 2 } else { seconds });
            let answers =
                load::run(server, &mut requests, connections, Pace::Saturate, until).await;
            settled(contestant, backend, answers.count()).await;
            let cpu = server.cpu() - before;
            if round == 0 {
                continue;
            }
            cell.rates.push(answers.per_second());
            cell.cpu.push(cpu * 1e6 / answers.count() as f64);
            // Half as often is enough for what is only shown.
            if round % 2 == 0 {
                let pace = Pace::PerSecond(median(&cell.rates) / 2.0);
                let until = Until::Time(seconds);
                let answers = load::run(server, &mut requests, connections, pace, until).await;
                settled(contestant, backend, answers.count()).await;
                cell.p50.push(answers.percentile(0.5) * 1e3);
                cell.p99.push(answers.percentile(0.99) * 1e3);
            }
        }
    }
    measured
}

fn cells(options: &Options) -> Vec<Cell> {
    let mut cells = Vec::new();
    for workload in Workload::ALL {
        for contestant in Contestant::of(workload, options.other.is_some()) {
            let name = format!("{}/{}$", workload.title(), contestant.title());
            let wanted = |only: &String| only.split('|').any(|part| name.contains(part));
            if options.only.as_ref().is_none_or(wanted) {
                cells.push((workload, contestant));
            }
        }
    }
    cells
}

/// Waits until the `stored` messages that were acknowledged are also forwarded.
async fn settled(contestant: Contestant, backend: &Backend, stored: usize) {
    if contestant != Contestant::TransomForwarding {
        return;
    }
    let all = backend.wait_for(stored, PATIENCE).await;
    assert!(all, "{} of {stored} were forwarded", backend.distinct());
    // What was taken is written down.
    sleep(Duration::from_millis(300)).await;
    backend.forget();
}

/// The middle of some values.
pub(crate) fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let at = |index: usize| sorted.get(index).copied().unwrap_or(f64::NAN);
    match sorted.len() {
        0 => f64::NAN,
        count => f64::midpoint(at((count - 1) / 2), at(count / 2)),
    }
}

/// The least and the most of some values.
pub(crate) fn spread(values: &[f64]) -> (f64, f64) {
    let least = values.iter().copied().fold(f64::INFINITY, f64::min);
    let most = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    (least, most)
}
