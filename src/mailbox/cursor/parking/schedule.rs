//! When each of the conversations that wait for one destination is to be tried again.
//!
//! What comes first is a look-up, however many wait: after an outage there may be a hundred thousand, and it is asked for
//! with every request.

use std::collections::{BTreeSet, HashMap};

/// A conversation that waits. Times are unix milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Parked {
    pub(super) attempts: u32,
    pub(super) first_failed_ms: i64,
    pub(super) next_ms: i64,
}

/// The conversations that wait, each under its id.
#[derive(Debug, Default)]
#[cfg_attr(test, derive(PartialEq))]
pub(super) struct Schedule {
    parked: HashMap<i64, Parked>,
    times: BTreeSet<Time>,
}

/// When a conversation is to be tried, since when it fails, and its id.
type Time = (i64, i64, i64);

fn time(conversation: i64, parked: &Parked) -> Time {
    (parked.next_ms, parked.first_failed_ms, conversation)
}

impl Schedule {
    pub(super) fn is_empty(&self) -> bool {
        self.parked.is_empty()
    }

    pub(super) fn contains(&self, conversation: i64) -> bool {
        self.parked.contains_key(&conversation)
    }

    pub(super) fn get(&self, conversation: i64) -> Option<Parked> {
        self.parked.get(&conversation).copied()
    }

    /// Those that were tried so many times at least, in vain.
    pub(super) fn refused(&self, times: u32) -> impl Iterator<Item = i64> {
        let parked = self.parked.iter();
        parked
            .filter(move |(_, parked)| parked.attempts >= times)
            .map(|(one, _)| *one)
    }

    /// Has a conversation wait, in place of how it waited before.
    pub(super) fn insert(&mut self, conversation: i64, parked: Parked) {
        self.remove(conversation);
        self.parked.insert(conversation, parked);
        self.times.insert(time(conversation, &parked));
    }

    pub(super) fn remove(&mut self, conversation: i64) {
        if let Some(parked) = self.parked.remove(&conversation) {
            self.times.remove(&time(conversation, &parked));
        }
    }

    /// The first that is to be tried after a time (unix milliseconds) and is not busy, and when.
    pub(super) fn first(&self, after: i64, busy: impl Fn(i64) -> bool) -> Option<(i64, i64)> {
        let later = (after.saturating_add(1), i64::MIN, i64::MIN)..;
        let mut later = self.times.range(later);
        let (at, _, one) = later.find(|(.., one)| !busy(*one))?;
        Some((*at, *one))
    }

    /// Has all be tried by a time at the latest (unix milliseconds).
    pub(super) fn all_due(&mut self, at: i64) {
        for parked in self.parked.values_mut() {
            parked.next_ms = parked.next_ms.min(at);
        }
        let parked = self.parked.iter();
        self.times = parked.map(|(one, parked)| time(*one, parked)).collect();
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parked(next_ms: i64) -> Parked {
        Parked {
            attempts: 1,
            first_failed_ms: 0,
            next_ms,
        }
    }

    proptest! {
        /// Whatever happens, it finds what a walk over all of it would find.
        #[test]
        fn it_gives_what_a_walk_would_give(
            steps in proptest::collection::vec((0..4u8, 0..6i64, 0..9i64), 0..60),
            after in -1..9i64,
            busy in 0..6i64,
        ) {
            let mut schedule = Schedule::default();
            let mut walked: HashMap<i64, i64> = HashMap::new();
            for (step, one, at) in steps {
                match step {
                    0 | 1 => {
                        schedule.insert(one, parked(at));
                        walked.insert(one, at);
                    }
                    2 => {
                        schedule.remove(one);
                        walked.remove(&one);
                    }
                    _ => {
                        schedule.all_due(at);
                        for time in walked.values_mut() {
                            *time = at.min(*time);
                        }
                    }
                }
                let times = walked.iter().map(|(one, at)| (*at, *one));
                let expected = times.filter(|(at, one)| *at > after && *one != busy).min();
                prop_assert_eq!(schedule.first(after, |one| one == busy), expected);
                prop_assert_eq!(schedule.parked.len(), walked.len());
            }
        }
    }
}
