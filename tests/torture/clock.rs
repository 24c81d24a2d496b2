//! The clock jumps: no event is lost, and the windows are right.
//!
//! workerd takes the time from the C library; `clock.c` stands before it and adds what a file says.

use std::collections::HashMap;
use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::json;
use simulator::backend::Backend;
use simulator::clock::unix_now;
use simulator::webhook::{self, Customer, Number, Webhook};
use tempfile::TempDir;
use tokio::time::sleep;

use crate::ledger::{Conversation, Ledger};
use crate::load::post;
use crate::scale::{seed, short_or, turn};
use crate::support::{PATIENCE, Settings, Transom, destination, unix, with};

const HOUR_MS: i64 = 3_600_000;

/// How far the clock is set from the right time, at most: more than a window lasts.
const FAR_MS: i64 = 26 * HOUR_MS;

/// The clock of a Transom.
struct Clock {
    directory: TempDir,
}

impl Clock {
    /// `None` where there is no C compiler, or where nothing can be put before the C library.
    fn build() -> Option<Self> {
        let clock = Self {
            directory: tempfile::tempdir().unwrap(),
        };
        let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/torture/clock.c");
        let built = Command::new("cc")
            .args(["-O2", "-shared", "-fPIC", source, "-o"])
            .arg(clock.library())
            .status();
        clock.set(0);
        (cfg!(target_os = "linux") && built.is_ok_and(|status| status.success())).then_some(clock)
    }

    fn before(&self, settings: Settings) -> Settings {
        settings
            .environment("LD_PRELOAD", &self.library())
            .environment("CLOCK_OFFSET", &self.offset())
    }

    fn set(&self, ms: i64) {
        // Not by way of a new file: the old one is what is mapped.
        let file = fs::File::options()
            .write(true)
            .create(true)
            .truncate(false)
            .open(self.offset())
            .unwrap();
        std::os::unix::fs::FileExt::write_all_at(&file, &ms.to_ne_bytes(), 0).unwrap();
    }

    fn library(&self) -> PathBuf {
        self.directory.path().join("clock.so")
    }

    fn offset(&self) -> PathBuf {
        self.directory.path().join("offset")
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_clock_that_jumps_loses_no_event_and_moves_no_window() {
    let _turn = turn().await;
    let Some(clock) = Clock::build() else {
        println!("skipped: it takes Linux and a C compiler to set the clock of one program");
        return;
    };
    let seed = seed();
    let mut random = StdRng::seed_from_u64(seed);
    let ledger = Arc::new(Ledger::default());
    let backends = [
        ("prompt", Backend::start().await),
        ("paced", Backend::start().await),
    ];
    for (name, backend) in &backends {
        backend.accept_any_time();
        ledger.watch(name, backend);
    }
    let patient = json!({ "retry": { "first_ms": 50, "max_ms": 500, "total_ms": 604_800_000 } });
    let [prompt, paced] = backends
        .each_ref()
        .map(|(name, backend)| with(destination(name, backend), patient.clone()));
    let paced = with(paced, json!({ "max_per_second": 200 }));
    let settings = Transom::builder().destinations([prompt, paced]);
    let mut transom = clock.before(settings).start().await;
    let meta = transom.meta();
    let mut places: HashMap<Conversation, usize> = HashMap::new();
    let jumps = short_or(16, 160);
    for jump in 0..jumps {
        // Now many, now one alone: they are let go of in different ways.
        for _ in 0..random.random_range(1..12) {
            let messages: Vec<_> = (0..random.random_range(1..4))
                .map(|_| {
                    let conversation = (random.random_range(0..2), random.random_range(0..10));
                    let place = places.entry(conversation).or_default();
                    *place += 1;
                    (conversation, *place)
                })
                .collect();
            post(&meta, &ledger, &messages).await;
        }
        sleep(Duration::from_millis(random.random_range(0..200))).await;
        clock.set(random.random_range(-FAR_MS..FAR_MS));
        // While an object lives, the runtime lets no clock of its go back: set back it is by the next start.
        if jump % 4 != 0 {
            transom.restart().await;
        }
    }
    // What waits for a time waits for it by the clock, so that at the latest time that there was all must come.
    clock.set(FAR_MS);
    transom.restart().await;
    ledger.settle(PATIENCE).await;
    println!("the clock jumped {jumps} times");
    for (name, _) in &backends {
        let counts = ledger.counts(name);
        println!("{name}: {counts}");
        assert_eq!((counts.lost, counts.out_of_order), (0, 0), "{name}");
    }

    // A window is open until 24 hours after the last that the customer wrote, by Meta's clock, whatever ours says.
    let (customer, written) = (Customer::nth(7), unix_now() + 60);
    let last = webhook::Message::text("the last").at(written);
    let webhook = Webhook::new().message(&Number::nth(0), &customer, last);
    assert!(transom.meta().deliver(&webhook).await.taken());
    let number = Number::nth(0).phone_number_id;
    let path = format!("/v1/conversations/{number}/{}", customer.phone.unwrap());
    for (ms, open) in [(FAR_MS, false), (0, true), (-FAR_MS, true)] {
        clock.set(ms);
        transom.restart().await;
        let (_, told) = transom.admin(&path).await;
        let window = &told["window"]["customer_service"];
        assert_eq!(
            unix(window["closes_at"].as_str().unwrap()),
            written + 24 * 3_600,
            "{told}"
        );
        assert_eq!(window["open"], open, "{ms}: {told}");
    }
}
