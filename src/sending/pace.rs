//! So many messages in any period, evenly.

use std::collections::VecDeque;

/// How much longer than its nominal time a period is taken to be, in thousandths: messages that leave evenly do not
/// arrive evenly, and the limit is one of arrivals.
pub(super) const MARGIN: i64 = 15;

/// How late a message may be without those behind it being held back for that, in microseconds.
const LATENESS_US: i64 = 25_000;

/// How late a timer may be without a stall of the machine, in microseconds.
pub(super) const PUNCTUAL_US: i64 = 5_000;

/// The longest stall that is reckoned with, in microseconds: if no message was waiting, the next one is late for
/// another reason.
const LONGEST_STALL_US: i64 = 500_000;

/// After a refusal the rate is halved, at most once in this time (milliseconds): what was on its way at the same time
/// is refused as well, and that says no more.
const HALVED_ONCE_IN_MS: i64 = 1_000;

/// Every so often (milliseconds) a tenth of the limit is added again.
const RECOVERS_EVERY_MS: i64 = 10_000;

/// At most so many messages in any period: spread evenly by GCRA (ITU-T I.371), and also counted, so that catching up
/// never exceeds the limit.
///
/// If the machine stalls after a message was taken, it leaves later, with those that follow. The stall shows in the
/// next message, which is late; those before it are taken to be about as late.
#[derive(Debug)]
pub(super) struct Pace {
    most: u32,
    period_us: i64,
    /// When the next one would go if all went evenly.
    due_us: i64,
    /// When the last ones left, as many as may go in a period.
    went: VecDeque<i64>,
    /// How many of those were taken at the same moment as the last one.
    leaving: usize,
    /// What the rate was lowered to, and when (unix milliseconds).
    slowed: Option<(u32, i64)>,
}

impl Pace {
    pub(super) fn new(most: u32, period_ms: i64, busy_until_ms: Option<i64>) -> Self {
        let most = most.max(1);
        let mut pace = Self {
            most,
            period_us: period_ms * (1_000 + MARGIN),
            due_us: i64::MIN,
            went: VecDeque::new(),
            leaving: 0,
            slowed: None,
        };
        if let Some(now_ms) = busy_until_ms {
            let last = now_ms * 1_000 + LATENESS_US;
            let interval = pace.interval_us(now_ms);
            pace.due_us = last + interval;
            pace.went
                .extend((0..i64::from(most)).rev().map(|ago| last - ago * interval));
        }
        pace
    }

    /// How many may go in a period as things are.
    fn most_at(&self, now_ms: i64) -> u32 {
        let Some((lowered, since_ms)) = self.slowed else {
            return self.most;
        };
        let steps = u32::try_from((now_ms - since_ms) / RECOVERS_EVERY_MS).unwrap_or(0);
        let regained = steps.saturating_mul(self.most.div_ceil(10));
        lowered.saturating_add(regained).min(self.most)
    }

    pub(super) fn interval_us(&self, now_ms: i64) -> i64 {
        self.period_us / i64::from(self.most_at(now_ms))
    }

    pub(super) fn at(&self, now_ms: i64) -> i64 {
        // Rounded up: at the millisecond that is named it may go.
        let at_us = self.at_us(now_ms);
        at_us.div_euclid(1_000) + i64::from(at_us.rem_euclid(1_000) > 0)
    }

    /// Whether the clock has gone back since the last one: when that was is not known any more.
    fn is_ahead(&self, now_ms: i64) -> bool {
        let soon = now_ms * 1_000 + self.period_us;
        self.went.back().is_some_and(|last| *last > soon)
    }

    fn at_us(&self, now_ms: i64) -> i64 {
        if self.is_ahead(now_ms) {
            return now_ms * 1_000;
        }
        let most = self.most_at(now_ms) as usize;
        let before = self.went.len().checked_sub(most);
        let counted = before
            .and_then(|index| self.went.get(index))
            .map_or(i64::MIN, |went| went + self.period_us);
        counted.max(self.due_us.saturating_sub(LATENESS_US))
    }

    pub(super) fn took(&mut self, now_ms: i64) {
        if self.is_ahead(now_ms) {
            let period_ms = self.period_us / (1_000 + MARGIN);
            let slowed = self.slowed.map(|(rate, since)| (rate, since.min(now_ms)));
            *self = Self {
                slowed,
                ..Self::new(self.most, period_ms, Some(now_ms))
            };
        }
        let at = now_ms * 1_000;
        if self.went.back().is_some_and(|last| *last < at) {
            let late = at.saturating_sub(self.at_us(now_ms));
            let late = (late - PUNCTUAL_US).clamp(0, LONGEST_STALL_US);
            for taken in self.went.iter_mut().rev().take(self.leaving) {
                *taken += late;
            }
            self.leaving = 0;
        }
        self.due_us = self.due_us.max(at) + self.interval_us(now_ms);
        if self.went.len() == self.most as usize {
            self.went.pop_front();
        }
        self.went.push_back(at);
        self.leaving += 1;
    }

    /// One that was taken at `at_ms` did not leave. Where a stall was reckoned with since, it counts as if it had.
    pub(super) fn give_back(&mut self, at_ms: i64) {
        let taken = self.went.iter().rposition(|went| *went == at_ms * 1_000);
        if let Some(index) = taken {
            self.went.remove(index);
            if index + self.leaving > self.went.len() {
                self.leaving -= 1;
            }
            self.due_us -= self.interval_us(at_ms);
        }
    }

    pub(super) fn start_slowly(&mut self, now_ms: i64) {
        self.slowed = Some((1, now_ms));
    }

    pub(super) fn slow_down(&mut self, now_ms: i64) {
        if self
            .slowed
            .is_some_and(|(_, since_ms)| (0..HALVED_ONCE_IN_MS).contains(&(now_ms - since_ms)))
        {
            return;
        }
        self.slowed = Some(((self.most_at(now_ms) / 2).max(1), now_ms));
    }
}
