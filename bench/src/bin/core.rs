//! The pure core alone, natively: from a webhook's bytes to its events. What it costs can be counted to the instruction:
//!
//! ```text
//! CARGO_PROFILE_RELEASE_DEBUG=1 cargo build --release -p bench --bin core
//! valgrind --tool=callgrind target/release/core text 100
//! ```

use std::hint::black_box;
use std::time::Instant;

use transom::event::split;
use workload::{Requests, Workload};

#[path = "../workload.rs"]
#[allow(dead_code, reason = "what is sent is all that is wanted of it")]
mod workload;

fn main() {
    let mut arguments = std::env::args().skip(1);
    let name = arguments.next().unwrap_or_else(|| "text".to_owned());
    let count: u32 = arguments
        .next()
        .and_then(|count| count.parse().ok())
        .unwrap_or(1);
    let workload = Workload::ALL
        .into_iter()
        .find(|workload| workload.title().contains(&name));
    let body = Requests::new(workload.expect("a workload is called so"), "").body();
    let start = Instant::now();
    let mut events = 0;
    for _ in 0..count {
        let homes = black_box(split(black_box(&body)));
        events = homes.iter().map(|(_, events)| events.len()).sum();
    }
    let each = start.elapsed() / count;
    println!("{} bytes, {events} events: {each:?}", body.len());
}
