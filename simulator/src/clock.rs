//! The one place that reads the clock.
#![allow(clippy::disallowed_methods)] // Runs natively only, where the clock is there.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

/// The time now, in seconds since 1970.
pub fn unix_now() -> i64 {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}

/// A moment to measure from.
pub fn instant() -> Instant {
    Instant::now()
}
