//! Whether memory grows with the number of messages that have gone through one isolate:
//! `BENCH_MESSAGES=1000000 cargo run --release -p bench --bin bench -- memory`.

use crate::contestant::{Contestant, Outside, Running};
use crate::load::{self, Pace, Until};
use crate::workload::{Requests, Workload};

/// How many times we look.
const LOOKS: usize = 10;

/// Messages so far, and workerd's memory then, in megabytes.
pub(crate) type Memory = Vec<(usize, f64)>;

/// Sends text messages of 200 customers, and looks at the memory as it goes.
pub(crate) async fn run(messages: usize) -> Memory {
    let nowhere = Outside {
        backend: String::new(),
        graph: String::new(),
    };
    let server = Running::start(Contestant::Transom, &nowhere, None).await;
    let mut requests = Requests::new(Workload::Text, Contestant::Transom.path());
    let mut memory = Vec::new();
    for look in 1..=LOOKS {
        let count = messages / LOOKS;
        let until = Until::Count(count);
        load::run(&server, &mut requests, 16, Pace::Saturate, until).await;
        memory.push((look * count, server.memory()));
    }
    memory
}
