//! How long a run is, by what chance it draws, and whose turn it is.

use tokio::sync::{Mutex, MutexGuard};

/// One fault at a time: they would be each other's load.
static TURN: Mutex<()> = Mutex::const_new(());

/// Waits until no other fault is at work.
pub(crate) async fn turn() -> MutexGuard<'static, ()> {
    TURN.lock().await
}

/// The first in the short form, the second in the long one (`TORTURE=long`).
pub(crate) fn short_or<T>(short: T, long: T) -> T {
    if std::env::var("TORTURE").is_ok_and(|form| form == "long") {
        long
    } else {
        short
    }
}

/// What all chance of a run follows from: `TORTURE_SEED`, or another number each time.
pub(crate) fn seed() -> u64 {
    let given = std::env::var("TORTURE_SEED");
    let seed = given.map_or_else(
        |_| rand::random(),
        |seed| seed.parse().expect("TORTURE_SEED is a number"),
    );
    println!("TORTURE_SEED={seed}");
    seed
}
