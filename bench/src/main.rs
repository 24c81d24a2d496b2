//! Measures Transom beside what people would use instead, all under `workerd serve` on this machine: `make bench`.
//!
//! - [`contestant`]: who takes part, and how each is run
//! - [`workload`]: what is sent
//! - [`load`]: how it is sent
//! - [`measure`]: rates, processor time and latencies, in interleaved rounds
//! - [`cost`]: rows, requests and alarms, counted one by one, and what Cloudflare asks for them
//! - [`throughput`]: taking in and delivering at the same time
//! - [`memory`], [`startup`]: whether it grows, and how it starts
//! - [`report`], [`aims`], [`chart`]: docs/performance.md and its chart

mod aims;
mod chart;
mod contestant;
mod cost;
mod load;
mod measure;
mod memory;
mod report;
mod startup;
mod throughput;
mod workload;

use clap::{Parser, Subcommand};
use simulator::backend::Backend;
use simulator::graph::Graph;

use contestant::Outside;

/// Measures Transom beside what people would use instead, and writes docs/performance.md.
#[derive(Debug, Parser)]
struct Options {
    /// How long one measurement takes.
    #[arg(long, env = "BENCH_SECONDS", default_value_t = 0.8)]
    seconds: f64,
    /// How often everything is measured.
    #[arg(long, env = "BENCH_ROUNDS", default_value_t = 4)]
    rounds: usize,
    /// How many messages go through one isolate to see whether its memory grows.
    #[arg(long, env = "BENCH_MESSAGES", default_value_t = 50_000)]
    messages: usize,
    /// Measure only workloads and contestants whose names contain this, and write no file.
    #[arg(long, env = "BENCH_ONLY")]
    only: Option<String>,
    /// Measure this build of Transom beside the others (a directory with routes for measuring).
    #[arg(long, env = "BENCH_OTHER")]
    other: Option<String>,
    #[command(subcommand)]
    part: Option<Part>,
}

/// What is measured apart from the rest.
#[derive(Debug, Subcommand)]
enum Part {
    /// How many messages of one number are taken in and delivered at the same time.
    Throughput,
    /// Whether memory grows with the number of messages.
    Memory,
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let options = Options::parse();
    match options.part {
        Some(Part::Throughput) => {
            let Options {
                seconds, rounds, ..
            } = options;
            let (only, other) = (options.only.as_deref(), options.other.as_deref());
            let measuring = throughput::run(seconds, rounds, only, other);
            return tokio::task::LocalSet::new().run_until(measuring).await;
        }
        Some(Part::Memory) => {
            return print!("{}", report::memory(&memory::run(options.messages).await));
        }
        None => {}
    }
    let backend = Backend::start().await;
    let graph = Graph::start().await;
    let outside = Outside {
        backend: backend.url(),
        graph: graph.url(),
    };
    let measured = measure::all(&options, &outside, &backend).await;
    if options.only.is_some() {
        print!("{}", report::tables(&measured));
        return;
    }
    let costs = cost::count(&outside, &backend).await;
    let memory = memory::run(options.messages).await;
    let report = report::Report {
        measured,
        costs,
        memory,
        startup: startup::read(),
        options: format!(
            "{} rounds of {} s for each measurement.",
            options.rounds, options.seconds
        ),
    };
    report.write();
}
