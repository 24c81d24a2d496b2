//! How much a destination took lately. It is counted in memory, so that no message costs a row for it; what is known of
//! the last hour is written along where the cursor is written anyway.

use std::collections::VecDeque;

use crate::mailbox::count;

const MINUTE_MS: i64 = 60_000;

/// How many minutes there are in the last hour.
const MINUTES: i64 = 60;

/// What was counted since the mailbox was opened.
#[derive(Debug, Default)]
pub(super) struct Tally {
    /// Events that were taken.
    pub(super) delivered: i64,
    /// Tries that failed.
    pub(super) failed: i64,
    /// Answers whose replies were refused.
    pub(super) refused_replies: i64,
    /// Minutes since 1970 with the events that were taken in them, oldest first.
    minutes: VecDeque<(i64, i64)>,
}

impl Tally {
    /// Goes on where [`Tally::written`] was written.
    pub(super) fn read(written: Option<&str>) -> Self {
        let minute = |text: &str| {
            let (minute, count) = text.split_once(':')?;
            Some((minute.parse().ok()?, count.parse().ok()?))
        };
        Self {
            minutes: written
                .unwrap_or_default()
                .split(' ')
                .filter_map(minute)
                .collect(),
            ..Self::default()
        }
    }

    /// The minutes of the last hour, in short.
    pub(super) fn written(&self) -> String {
        let minutes = self.minutes.iter();
        let minutes: Vec<String> = minutes
            .map(|(minute, count)| format!("{minute}:{count}"))
            .collect();
        minutes.join(" ")
    }

    /// Counts events that were taken.
    pub(super) fn took(&mut self, events: usize, now_ms: i64) {
        let events = count(events);
        self.delivered += events;
        let now = now_ms.div_euclid(MINUTE_MS);
        // If the clock goes back, no older minute is begun behind newer ones.
        match self.minutes.back_mut() {
            Some((minute, count)) if *minute >= now => *count += events,
            _ => self.minutes.push_back((now, events)),
        }
        while self
            .minutes
            .front()
            .is_some_and(|(minute, _)| *minute <= now - MINUTES)
        {
            self.minutes.pop_front();
        }
    }

    /// How many events were taken within the last hour, as far as is known.
    pub(super) fn last_hour(&self, now_ms: i64) -> i64 {
        let first = now_ms.div_euclid(MINUTE_MS) - MINUTES;
        let minutes = self.minutes.iter();
        minutes
            .filter(|(minute, _)| *minute > first)
            .map(|(_, count)| count)
            .sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_770_000_000_000;

    #[test]
    fn what_was_taken_counts_for_an_hour() {
        let mut tally = Tally::default();
        for minute in 0..90 {
            tally.took(2, NOW + minute * MINUTE_MS);
        }
        let now = NOW + 89 * MINUTE_MS;
        assert_eq!((tally.delivered, tally.last_hour(now)), (180, 120));
        assert_eq!(tally.last_hour(now + 30 * MINUTE_MS), 60);
        assert_eq!(tally.last_hour(now + 60 * MINUTE_MS), 0);
        assert!(tally.written().len() < 1_000, "{}", tally.written());
    }

    #[test]
    fn the_last_hour_is_known_again_and_what_was_counted_begins_anew() {
        let mut tally = Tally::default();
        tally.took(3, NOW);
        tally.took(4, NOW + MINUTE_MS);
        let again = Tally::read(Some(&tally.written()));
        assert_eq!((again.delivered, again.last_hour(NOW)), (0, 7));
        assert_eq!(Tally::read(None).last_hour(NOW), 0);
        assert_eq!(Tally::read(Some("nonsense")).last_hour(NOW), 0);
    }

    #[test]
    fn a_clock_that_goes_back_loses_no_count() {
        let mut tally = Tally::default();
        tally.took(1, NOW);
        tally.took(1, NOW - 10 * MINUTE_MS);
        assert_eq!(tally.last_hour(NOW), 2);
    }
}
