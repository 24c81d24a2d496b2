//! How fast messages may go to one customer.
//!
//! Source: "Pair rate limits" of the WhatsApp Cloud API (1 message in 6 s, 45 at once, borrowed from what follows).

/// How often one customer may be written to, in milliseconds.
const INTERVAL_MS: i64 = 6_000;

/// How many messages may go to one customer at once.
const BURST: i64 = 45;

/// The longest wait after 131056, as a power of four seconds: a little over an hour.
const LONGEST_WAIT: u32 = 6;

/// The pace to one customer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pair {
    due_ms: i64,
}

impl Default for Pair {
    fn default() -> Self {
        Self { due_ms: i64::MIN }
    }
}

impl Pair {
    /// When the message may go that has so many before it (unix milliseconds).
    pub fn at(self, ahead: usize, now_ms: i64) -> i64 {
        let ahead = i64::try_from(ahead).unwrap_or(i64::MAX);
        // No further than it can be, unless the clock has gone back.
        let due = self.due_ms.clamp(now_ms, now_ms.saturating_add(MEMORY_MS));
        let due = due.saturating_add(ahead.saturating_mul(INTERVAL_MS));
        due - (BURST - 1) * INTERVAL_MS
    }

    /// Two customers turned out to be one: what went to either went to both.
    #[must_use]
    pub fn joined(self, other: Self, now_ms: i64) -> Self {
        let owed_ms = other.due_ms.saturating_sub(now_ms).max(0);
        Self {
            due_ms: self.due_ms.max(now_ms) + owed_ms,
        }
    }

    /// A message goes now.
    #[must_use]
    pub fn took(self, now_ms: i64) -> Self {
        Self {
            due_ms: self.due_ms.max(now_ms) + INTERVAL_MS,
        }
    }

    /// One that was to go did not.
    #[must_use]
    pub fn gave_back(self) -> Self {
        Self {
            due_ms: self.due_ms.saturating_sub(INTERVAL_MS),
        }
    }

    /// Whether it is as if nothing had ever gone.
    pub fn is_rested(self, now_ms: i64) -> bool {
        self.due_ms <= now_ms
    }
}

/// For how long it can still matter what went to a customer, in milliseconds.
pub const MEMORY_MS: i64 = BURST * INTERVAL_MS;

/// How long a message waits that was refused with 131056 so many times before: 1 s, 4 s, 16 s, … (milliseconds).
pub fn wait_ms(times: u32) -> i64 {
    4_i64.pow(times.min(LONGEST_WAIT)) * 1_000
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The pace to a customer to whom so many messages have just gone.
    fn after(messages: usize) -> Pair {
        (0..messages).fold(Pair::default(), |pair, _| pair.took(1_000))
    }

    #[test]
    fn a_customer_gets_45_at_once_and_then_one_in_6_seconds() {
        let mut pair = Pair::default();
        let mut now = 1_000;
        for _ in 0..45 {
            assert!(pair.at(0, now) <= now);
            pair = pair.took(now);
        }
        for _ in 0..3 {
            assert_eq!(pair.at(0, now), now + 6_000);
            now += 6_000;
            pair = pair.took(now);
        }
        assert_eq!(pair.at(2, now), now + 18_000);
        assert!(pair.at(44, now + MEMORY_MS) <= now + MEMORY_MS);
        assert!(pair.is_rested(now + MEMORY_MS));
    }

    #[test]
    fn what_did_not_go_after_all_is_as_if_it_had_never_been_taken() {
        let pair = after(44);
        assert_eq!(pair.took(1_000).gave_back(), pair);
        let rested = Pair::default().took(1_000).gave_back();
        assert!(rested.is_rested(1_000));
    }

    #[test]
    fn what_went_to_two_who_turned_out_to_be_one_counts_together() {
        assert_eq!(after(3).joined(after(4), 1_000), after(7));
        assert_eq!(after(3).joined(Pair::default(), 1_000), after(3));
        assert_eq!(Pair::default().joined(after(3), 1_000), after(3));
    }

    #[test]
    fn waits_after_131056_grow_by_four() {
        let waits: Vec<_> = [0, 1, 2, 3, 6, 99].map(wait_ms).to_vec();
        assert_eq!(waits, [1_000, 4_000, 16_000, 64_000, 4_096_000, 4_096_000]);
    }
}
