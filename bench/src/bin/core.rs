//! The pure core alone, natively: from a webhook's bytes to its events. What it costs can be counted to the instruction:
//!
//! ```text
//! CARGO_PROFILE_RELEASE_DEBUG=1 cargo build --release -p bench --bin core
//! valgrind --tool=callgrind target/release/core text 100
//! ```

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::hint::black_box;
use tokio::time::Instant;

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
    let requests = Requests::new(workload.expect("a workload is called so"), "");
    let body = requests.body();
    let start = Instant::now();
    let mut events = 0;
    for _ in 0..count {
        let homes = black_box(split(black_box(body)));
        events = homes.iter().map(|(_, events)| events.len()).sum();
    }
    let each = start.elapsed() / count;
    // Whoever makes it faster sees whether it still makes the same.
    let mut same = DefaultHasher::new();
    for (home, events) in split(body) {
        home.hash(&mut same);
        for event in events {
            (event.id, event.kind, event.time, event.names, event.data).hash(&mut same);
        }
    }
    println!(
        "{} bytes, {events} events ({:016x}): {each:?}",
        body.len(),
        same.finish()
    );
}
