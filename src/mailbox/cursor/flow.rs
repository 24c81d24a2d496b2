//! How fast a destination may be written to: not at all while it is down, but for one try now and then; ever faster
//! after it came back; and never faster than it was said to take.

use std::collections::{HashMap, HashSet};

use crate::config::Retry;

/// After failures of so many conversations in a row a destination counts as down: it is not about one of them.
const FAILURES: usize = 5;

/// After so many failures of one conversation, while events of others are taken, it is the conversation's own events
/// that fail.
pub(super) const BROKEN: u32 = 2;

/// A destination that is down is tried this often at least (milliseconds), unless its own schedule begins more slowly:
/// for as long as nobody notices that it is back, its customers wait.
const NOTICED_WITHIN_MS: u64 = 300_000;

/// How many requests a second it gets in the first second after it came back. Twice as many in each that follows.
const FIRST_RATE: f64 = 4.0;

/// From this rate on (requests a second) it counts as back for good.
const FULL_RATE: f64 = 1024.0;

/// How a destination does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Health {
    /// It answers.
    Up,
    /// It answers nothing.
    Down(Down),
    /// It took something after it was down, first at `since_ms` (unix milliseconds).
    Recovering { since_ms: i64 },
}

/// A destination that answers nothing. Written down, so that it is still spared after the object was evicted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Down {
    /// Since when, in unix milliseconds.
    pub(super) since_ms: i64,
    /// How many tries it got since, with the one that is on its way.
    pub(super) tries: u32,
    /// When it gets the next, in unix milliseconds.
    pub(super) next_ms: i64,
}

/// What may be started.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum May {
    /// Whatever can go.
    Go,
    /// One request, to see whether the destination is back.
    Try,
    /// Nothing before this time (unix milliseconds).
    Wait(i64),
}

/// Paces one destination.
#[derive(Debug)]
pub(super) struct Flow {
    health: Health,
    /// The conversations that failed since it last took something; none while it is down.
    failed: HashSet<i64>,
    /// How often each conversation failed while it took what others wrote. Once may be the beginning of an outage; from
    /// [`BROKEN`] times on its next failures say nothing of the destination. Forgotten when it goes down.
    failures: HashMap<i64, u32>,
    /// Whether it was seen to take anything since it was opened or went down.
    seen: bool,
    retry: Retry,
    max_per_second: Option<u32>,
    /// When the next request may go, in unix milliseconds with fractions.
    slot_ms: f64,
}

impl Flow {
    /// One that answered when it was last looked at, unless it is `down`.
    pub(super) fn new(retry: Retry, max_per_second: Option<u32>, down: Option<Down>) -> Self {
        Self {
            health: down.map_or(Health::Up, Health::Down),
            failed: HashSet::new(),
            failures: HashMap::new(),
            seen: false,
            retry,
            max_per_second,
            slot_ms: 0.0,
        }
    }

    /// How it is down, if it is.
    pub(super) fn down(&self) -> Option<Down> {
        match self.health {
            Health::Down(down) => Some(down),
            Health::Up | Health::Recovering { .. } => None,
        }
    }

    /// What may be started at `now_ms`, with so many requests under way.
    pub(super) fn may(&self, now_ms: i64, in_flight: usize) -> May {
        if let Some(down) = self.down() {
            return match (in_flight, down.next_ms <= now_ms) {
                (0, true) => May::Try,
                (0, false) => May::Wait(down.next_ms),
                // Its end decides how it goes on.
                _ => May::Wait(i64::MAX),
            };
        }
        let slot_ms = ceil(self.slot_ms);
        if self.rate(now_ms).is_some() && slot_ms > now_ms {
            May::Wait(slot_ms)
        } else {
            May::Go
        }
    }

    /// Takes note that a request was started.
    pub(super) fn started(&mut self, now_ms: i64) {
        if let Health::Down(down) = &mut self.health {
            down.tries = down.tries.saturating_add(1);
        }
        if let Some(rate) = self.rate(now_ms) {
            self.slot_ms = self.slot_ms.max(float(now_ms)) + 1000.0 / rate;
        }
    }

    /// Takes note that the destination answered as it should, or refused one event for what is in it, at an event of this
    /// conversation. Conversations that it had `refused` [`BROKEN`] times until then are broken as well. Gives whether that
    /// ends an outage.
    pub(super) fn answered(
        &mut self,
        now_ms: i64,
        conversation: i64,
        refused: impl Iterator<Item = i64>,
    ) -> bool {
        for one in self.failed.drain() {
            *self.failures.entry(one).or_default() += 1;
        }
        if !std::mem::replace(&mut self.seen, true) {
            self.failures.extend(refused.map(|one| (one, BROKEN)));
        }
        self.failures.remove(&conversation);
        match self.health {
            Health::Up => false,
            Health::Down(_) => {
                self.health = Health::Recovering { since_ms: now_ms };
                true
            }
            Health::Recovering { .. } => {
                if self
                    .recovering_rate(now_ms)
                    .is_some_and(|rate| rate >= FULL_RATE)
                {
                    self.health = Health::Up;
                }
                false
            }
        }
    }

    /// Takes note that the destination failed as a whole, at an event of this conversation. Gives whether it counts as
    /// down from now on and did not before.
    pub(super) fn failed(&mut self, now_ms: i64, conversation: i64, random: f64) -> bool {
        if let Health::Down(down) = &mut self.health {
            // What was started before it was down was no try.
            if now_ms >= down.next_ms {
                down.next_ms = next(&self.retry, *down, now_ms, random);
            }
            return false;
        }
        // While it comes back, too, one event may break it every time.
        let failures = self.failures.get(&conversation);
        if failures.is_none_or(|failures| *failures < BROKEN) {
            self.failed.insert(conversation);
        }
        if self.failed.len() < FAILURES {
            return false;
        }
        let mut down = Down {
            since_ms: now_ms,
            tries: 1,
            next_ms: now_ms,
        };
        down.next_ms = next(&self.retry, down, now_ms, random);
        self.health = Health::Down(down);
        self.failed.clear();
        self.failures.clear();
        self.seen = false;
        true
    }

    /// The destination said when it wants to be tried again, in unix milliseconds.
    pub(super) fn not_before(&mut self, at_ms: i64) {
        if let Health::Down(down) = &mut self.health {
            down.next_ms = down.next_ms.max(at_ms);
        }
    }

    /// Though it is down, it is tried by this time at the latest (unix milliseconds).
    pub(super) fn hurry(&mut self, at_ms: i64) {
        if let Health::Down(down) = &mut self.health {
            down.next_ms = down.next_ms.min(at_ms);
        }
    }

    fn rate(&self, now_ms: i64) -> Option<f64> {
        let most = self.max_per_second.map(f64::from);
        match (self.recovering_rate(now_ms), most) {
            (Some(rate), Some(most)) => Some(rate.min(most)),
            (rate, most) => rate.or(most),
        }
    }

    fn recovering_rate(&self, now_ms: i64) -> Option<f64> {
        let Health::Recovering { since_ms } = self.health else {
            return None;
        };
        let seconds = now_ms.saturating_sub(since_ms).clamp(0, 60_000) / 1000;
        let doublings = i32::try_from(seconds).unwrap_or(60);
        Some((FIRST_RATE * 2f64.powi(doublings)).min(FULL_RATE))
    }
}

/// When a destination that is down is tried again: by the schedule of its events, but sooner and without an end.
fn next(retry: &Retry, down: Down, now_ms: i64, random: f64) -> i64 {
    let endless = Retry {
        max_ms: retry.max_ms.min(NOTICED_WITHIN_MS.max(retry.first_ms)),
        total_ms: u64::MAX,
        ..*retry
    };
    endless
        .next(down.tries, down.since_ms, now_ms, random)
        .unwrap_or(now_ms)
}

#[allow(clippy::cast_precision_loss, reason = "unix milliseconds fit")]
fn float(ms: i64) -> f64 {
    ms as f64
}

#[allow(clippy::cast_possible_truncation, reason = "unix milliseconds fit")]
fn ceil(ms: f64) -> i64 {
    ms.ceil() as i64
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const NOW: i64 = 1_770_000_000_000;

    fn flow(max_per_second: Option<u32>) -> Flow {
        let retry = Retry {
            first_ms: 1_000,
            max_ms: 8_000,
            total_ms: 10_000,
        };
        Flow::new(retry, max_per_second, None)
    }

    fn goes_down(flow: &mut Flow) {
        for conversation in 1..=5 {
            assert_eq!(flow.failed(NOW, conversation, 0.5), conversation == 5);
        }
    }

    fn down() -> Flow {
        let mut flow = flow(None);
        goes_down(&mut flow);
        flow
    }

    fn answered(flow: &mut Flow, now_ms: i64, conversation: i64) -> bool {
        flow.answered(now_ms, conversation, std::iter::empty())
    }

    #[test]
    fn one_conversation_that_fails_again_and_again_is_no_outage() {
        let mut flow = flow(None);
        assert!((0..100).all(|_| !flow.failed(NOW, 7, 0.5)));
        assert_eq!(flow.may(NOW, 0), May::Go);
    }

    #[test]
    fn who_was_refused_throughout_an_outage_makes_none_once_it_is_over() {
        for was_well_before in [false, true] {
            let mut flow = flow(None);
            if was_well_before {
                answered(&mut flow, NOW, 6);
            }
            goes_down(&mut flow);
            for now in [NOW, NOW + 60_000] {
                flow.answered(now, 6, 1..=5);
                assert!((0..100).all(|n| !flow.failed(NOW, 1 + n % 5, 0.5)));
            }
        }
    }

    #[test]
    fn five_that_fail_alone_again_and_again_are_no_outage_until_they_are_taken_or_there_is_one() {
        let broken = || {
            let mut flow = flow(None);
            for conversation in 1..=5 {
                for _ in 0..2 {
                    assert!(!flow.failed(NOW, conversation, 0.5));
                    answered(&mut flow, NOW, 7);
                }
            }
            flow
        };
        let fail = |flow: &mut Flow| (1..=5).any(|one| flow.failed(NOW, one, 0.5));
        assert!(!fail(&mut broken()));
        let mut taken = broken();
        for conversation in 1..=5 {
            answered(&mut taken, NOW, conversation);
        }
        assert!(fail(&mut taken));
        let mut back = broken();
        assert!((11..=15).any(|one| back.failed(NOW, one, 0.5)));
        answered(&mut back, NOW, 7);
        assert!(fail(&mut back));
    }

    #[test]
    fn it_is_tried_sooner_where_somebody_asks_and_never_later_for_that() {
        let mut flow = down();
        for (by, next) in [(NOW + 400, NOW + 400), (NOW + 5_000, NOW + 400)] {
            flow.hurry(by);
            assert_eq!(flow.may(NOW, 0), May::Wait(next));
        }
    }

    #[test]
    fn an_outage_that_begins_with_a_few_failures_among_successes_is_one() {
        let mut flow = flow(None);
        for conversation in 0..4 {
            assert!(!flow.failed(NOW, conversation, 0.5));
        }
        answered(&mut flow, NOW, 7);
        let mut all = (0..8).map(|conversation| flow.failed(NOW, conversation, 0.5));
        assert_eq!(all.position(|is_down| is_down), Some(4));
    }

    #[test]
    fn that_a_destination_is_back_is_noticed_within_minutes_however_long_it_was_down() {
        let mut flow = Flow::new(Retry::default(), None, None);
        let mut now = NOW;
        let mut waits = Vec::new();
        for conversation in 1..=12 {
            flow.failed(now, conversation, 0.5);
            if let May::Wait(at) = flow.may(now, 0) {
                waits.push((at - now) / 1000);
                now = at;
                flow.started(now);
            }
        }
        assert_eq!(waits, [5, 10, 20, 40, 80, 160, 300, 300]);
    }

    #[test]
    fn five_conversations_in_a_row_are_unless_something_was_taken_in_between() {
        assert_eq!(down().may(NOW, 0), May::Wait(NOW + 1_000));
        let mut flow = flow(None);
        for conversation in 0..100 {
            assert!(!flow.failed(NOW, conversation, 0.5));
            answered(&mut flow, NOW, conversation);
        }
    }

    #[test]
    fn while_it_is_down_there_is_one_try_at_a_time_ever_more_seldom_and_without_end() {
        let mut flow = down();
        let mut now = NOW;
        let mut waits = Vec::new();
        for _ in 0..6 {
            let May::Wait(next) = flow.may(now, 0) else {
                panic!("it may not go")
            };
            waits.push(next - now);
            now = next;
            assert_eq!(flow.may(now, 0), May::Try);
            flow.started(now);
            assert_eq!(flow.may(now, 1), May::Wait(i64::MAX));
            assert!(!flow.failed(now, 1, 0.5));
        }
        assert_eq!(waits, [1_000, 2_000, 4_000, 8_000, 8_000, 8_000]);
    }

    #[test]
    fn what_was_on_its_way_when_it_went_down_makes_the_outage_no_longer() {
        let mut flow = down();
        for conversation in 6..50 {
            assert!(!flow.failed(NOW + 500, conversation, 0.5));
        }
        assert_eq!(flow.may(NOW, 0), May::Wait(NOW + 1_000));
        flow.not_before(NOW + 60_000);
        assert_eq!(flow.may(NOW, 0), May::Wait(NOW + 60_000));
    }

    #[test]
    fn after_an_outage_the_rate_grows_until_it_is_free() {
        let mut flow = down();
        assert!(answered(&mut flow, NOW, 1));
        let mut now = NOW;
        let mut a_second = vec![0; 9];
        while now < NOW + 9_000 {
            if flow.may(now, 0) == May::Go {
                flow.started(now);
                assert!(!answered(&mut flow, now, 1));
                if let Some(count) = a_second.get_mut(usize::try_from((now - NOW) / 1000).unwrap())
                {
                    *count += 1;
                }
            }
            if !matches!(flow.health, Health::Recovering { .. }) {
                break;
            }
            if let May::Wait(next) = flow.may(now, 0) {
                now = next;
            }
        }
        assert_eq!(flow.may(now, 0), May::Go);
        assert_eq!(a_second.first(), Some(&4));
        assert!(
            a_second
                .windows(2)
                .take(6)
                .all(|pair| pair[1] * 2 >= pair[0] * 3),
            "{a_second:?}"
        );
    }

    #[test]
    fn while_it_comes_back_one_that_fails_is_no_outage_and_five_in_a_row_are() {
        let mut flow = down();
        answered(&mut flow, NOW, 0);
        assert!((0..100).all(|_| !flow.failed(NOW, 7, 0.5)));
        answered(&mut flow, NOW, 0);
        let mut others = (1..=5).map(|conversation| flow.failed(NOW, conversation, 0.5));
        assert_eq!(others.position(|is_down| is_down), Some(4));
    }

    #[test]
    fn it_has_come_back_though_some_fail_as_always() {
        let mut flow = down();
        answered(&mut flow, NOW, 0);
        for n in 0..90 {
            flow.failed(NOW + n * 100, n, 0.5);
            answered(&mut flow, NOW + n * 100, 0);
        }
        assert!(matches!(flow.health, Health::Up));
    }

    proptest! {
        #[test]
        fn it_never_gets_more_in_a_second_than_it_was_said_to_take(
            most in 1u32..200, was_down in any::<bool>(), gaps in proptest::collection::vec(0i64..50, 1..400),
        ) {
            let mut flow = flow(Some(most));
            let mut now = NOW;
            let mut starts = Vec::new();
            if was_down {
                goes_down(&mut flow);
                now += 1_000;
                prop_assert_eq!(flow.may(now, 0), May::Try);
                flow.started(now);
                starts.push(now);
                prop_assert!(answered(&mut flow, now, 1));
            }
            for gap in gaps {
                now += gap;
                if let May::Wait(next) = flow.may(now, 0) {
                    now = next;
                }
                flow.started(now);
                starts.push(now);
            }
            for (index, start) in starts.iter().enumerate() {
                let within = starts[index..].iter().take_while(|other| **other < start + 1000).count();
                prop_assert!(within <= usize::try_from(most).unwrap());
            }
        }
    }
}
