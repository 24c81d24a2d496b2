//! How quickly webhooks follow each other: whether a run of the alarm that has nothing left to do should wait a moment
//! for the next one.
//!
//! If a run is still at work when the next event comes, no alarm has to be set, which spares a row. And what is
//! delivered goes with its table, which costs nothing; deleted one by one, each event would cost a row. But waiting
//! keeps the object awake: 200 ms cost $0.32 for a million times, a row $1. So a run does not wait behind an event that
//! came alone.

/// How long a run waits for the next webhook, in milliseconds, where the last two were no further apart.
const LINGER_MS: i64 = 200;

/// When webhooks came (unix milliseconds).
#[derive(Debug, Clone, Copy, Default)]
pub struct Pulse {
    last_ms: i64,
    before_ms: i64,
}

impl Pulse {
    /// The pulse after one more webhook.
    #[must_use]
    pub fn after(self, now_ms: i64) -> Self {
        Self {
            last_ms: now_ms,
            before_ms: self.last_ms,
        }
    }

    /// Until when the next one is to be waited for (unix milliseconds), if it is.
    pub fn lingers_until(self, now_ms: i64) -> Option<i64> {
        let dense = (0..=LINGER_MS).contains(&(self.last_ms - self.before_ms));
        let until = self.last_ms.saturating_add(LINGER_MS);
        (dense && self.last_ms <= now_ms && now_ms < until).then_some(until)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pulse(times: &[i64]) -> Pulse {
        times
            .iter()
            .fold(Pulse::default(), |pulse, time| pulse.after(*time))
    }

    #[test]
    fn nothing_waits_behind_what_came_alone() {
        assert_eq!(Pulse::default().lingers_until(10_000), None);
        assert_eq!(pulse(&[10_000]).lingers_until(10_001), None);
        assert_eq!(pulse(&[10_000, 10_201]).lingers_until(10_202), None);
    }

    #[test]
    fn behind_what_came_quickly_the_next_is_waited_for_and_not_for_long() {
        let pulse = pulse(&[10_000, 10_200]);
        assert_eq!(pulse.lingers_until(10_201), Some(10_400));
        assert_eq!(pulse.lingers_until(10_399), Some(10_400));
        assert_eq!(pulse.lingers_until(10_400), None);
    }

    #[test]
    fn a_clock_that_jumps_makes_nobody_wait() {
        assert_eq!(pulse(&[10_000, 9_000]).lingers_until(9_001), None);
        assert_eq!(pulse(&[10_000, 10_001]).lingers_until(9_000), None);
    }
}
