//! When to try again what failed.

/// A schedule: wait `first_ms`, twice as long after each further failure up to `max_ms`, and give up when `total_ms`
/// have passed since the first failure. All in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retry {
    /// The first wait.
    pub first_ms: u64,
    /// The longest wait.
    pub max_ms: u64,
    /// How long it is tried, from the first failure on.
    pub total_ms: u64,
}

impl Default for Retry {
    /// 5 s, doubling to 1 h, for 72 h: long enough for a weekend.
    fn default() -> Self {
        Self {
            first_ms: 5_000,
            max_ms: 3_600_000,
            total_ms: 259_200_000,
        }
    }
}

impl Retry {
    /// When to try again, in unix milliseconds; `None` when it is time to give up.
    ///
    /// `attempts` counts the tries that failed, so it is 1 after the first; `random` is from 0 to 1. The wait is
    /// drawn from 80 % to 120 % of the schedule. That is enough to pull apart what failed together, and an operator
    /// can still tell when the next try comes; the full range from zero would let some hit a dead backend again at
    /// once. The last try comes no later than the end, so that a long wait does not cut the schedule short.
    pub fn next(
        &self,
        attempts: u32,
        first_failed_at_ms: i64,
        now_ms: i64,
        random: f64,
    ) -> Option<i64> {
        let ends_at = first_failed_at_ms.saturating_add_unsigned(self.total_ms);
        if now_ms >= ends_at {
            return None;
        }
        let doublings = attempts.saturating_sub(1).min(63);
        let wait = self
            .first_ms
            .saturating_mul(1 << doublings)
            .min(self.max_ms);
        // Thousandths, so that all that follows is whole numbers. A `NaN` becomes 0.
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        let spread = 800 + (random.clamp(0.0, 1.0) * 400.0) as u64;
        let wait = (wait / 1000)
            .saturating_mul(spread)
            .saturating_add(wait % 1000 * spread / 1000);
        Some(now_ms.saturating_add_unsigned(wait.max(1)).min(ends_at))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn five_seconds_double_to_an_hour() {
        let waits: Vec<_> = (1..=12)
            .filter_map(|n| Retry::default().next(n, 0, 0, 0.5))
            .map(|ms| ms / 1000)
            .collect();
        assert_eq!(
            waits,
            [5, 10, 20, 40, 80, 160, 320, 640, 1280, 2560, 3600, 3600]
        );
    }

    #[test]
    fn the_last_try_is_at_the_end_and_then_it_is_over() {
        let retry = Retry::default();
        let end = 259_200_000;
        assert_eq!(retry.next(80, 0, end - 1_000, 0.5), Some(end));
        assert_eq!(retry.next(81, 0, end, 0.5), None);
    }

    #[test]
    fn a_total_of_zero_means_one_try() {
        assert_eq!(
            Retry {
                total_ms: 0,
                ..Retry::default()
            }
            .next(1, 7, 7, 0.0),
            None
        );
    }

    proptest! {
        #[test]
        fn a_wait_is_never_negative_and_never_over_the_cap_and_its_jitter(
            first_ms: u64, max_ms: u64, total_ms: u64, attempts: u32, failed: i64, now: i64, random: f64,
        ) {
            let retry = Retry { first_ms, max_ms, total_ms };
            if let Some(at) = retry.next(attempts, failed, now, random) {
                prop_assert!(at > now);
                let wait = u128::from(at.abs_diff(now));
                prop_assert!(wait <= (u128::from(max_ms) * 6 / 5).max(1));
                prop_assert!(at <= failed.saturating_add_unsigned(total_ms));
            }
        }

        #[test]
        fn any_schedule_comes_to_an_end(
            first_ms in 100_u64..10_000, max_ms in 10_000_u64..3_600_000, total_ms in 0_u64..604_800_000, random in 0.0..1.0,
        ) {
            let retry = Retry { first_ms, max_ms, total_ms };
            let (mut now, mut attempts) = (0, 1);
            while let Some(at) = retry.next(attempts, 0, now, random) {
                (now, attempts) = (at, attempts + 1);
                prop_assert!(attempts < 100_000);
            }
        }
    }
}
