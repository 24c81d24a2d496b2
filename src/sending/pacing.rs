//! How fast messages may go out: of one number in a second and in a minute, and to one customer.
//!
//! Sources: "Throughput" (80 messages a second, 20 or 1,000 for some numbers) and "Pair rate limits" (1 message in 6 s
//! to one customer, 45 at once, borrowed from what follows) of the WhatsApp Cloud API.

use std::collections::VecDeque;

/// How fast a number may send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rates {
    /// Messages in any one second.
    pub per_second: u32,
    /// Messages in any one minute; `None`: as many as the seconds allow.
    pub per_minute: Option<u32>,
}

impl Default for Rates {
    /// What Meta gives a number at first.
    fn default() -> Self {
        Self {
            per_second: 80,
            per_minute: None,
        }
    }
}

/// How much longer than its nominal time a period is taken to be, in thousandths: messages that leave evenly do not
/// arrive evenly, and the limit is one of arrivals.
const MARGIN: i64 = 15;

/// How late a message may be without those behind it being held back for that, in microseconds.
const LATENESS_US: i64 = 25_000;

/// How late a timer may be that says nothing of a stall, in microseconds.
const PUNCTUAL_US: i64 = 5_000;

/// By how much a message may leave late, in microseconds: where nothing waited, the next one says nothing of that.
const LONGEST_STALL_US: i64 = 500_000;

/// After a refusal the rate is halved, at most once in this time (milliseconds): what was on its way at the same time
/// is refused as well, and that says no more.
const HALVED_ONCE_IN_MS: i64 = 1_000;

/// Every so often (milliseconds) a tenth of the limit is added again.
const RECOVERS_EVERY_MS: i64 = 10_000;

/// The pace of one number.
#[derive(Debug)]
pub struct Pacing {
    second: Pace,
    minute: Option<Pace>,
}

impl Pacing {
    /// The last message went at `last_ms`, and how many went before is not known: where that may still matter, it
    /// begins as if they had gone all the time and at the full rate.
    pub fn new(rates: Rates, last_ms: i64, now_ms: i64) -> Self {
        let pace = |most, period_ms| {
            let busy = now_ms.saturating_sub(last_ms) <= period_ms + period_ms * MARGIN / 1_000;
            Pace::new(most, period_ms, busy.then_some(now_ms))
        };
        Self {
            second: pace(rates.per_second, 1_000),
            minute: rates.per_minute.map(|most| pace(most, 60_000)),
        }
    }

    /// When the next message may go (unix milliseconds).
    pub fn at(&self, now_ms: i64) -> i64 {
        let minute = self
            .minute
            .as_ref()
            .map_or(i64::MIN, |pace| pace.at(now_ms));
        self.second.at(now_ms).max(minute)
    }

    /// When the message may go that has so many before it.
    pub fn expected(&self, ahead: usize, now_ms: i64) -> i64 {
        let ahead = i64::try_from(ahead).unwrap_or(i64::MAX);
        let after = |pace: &Pace| {
            let first = pace.at(now_ms).max(now_ms);
            first.saturating_add(pace.interval_us(now_ms).saturating_mul(ahead) / 1_000)
        };
        after(&self.second).max(self.minute.as_ref().map_or(i64::MIN, after))
    }

    /// A message goes now.
    pub fn took(&mut self, now_ms: i64) {
        for pace in std::iter::once(&mut self.second).chain(&mut self.minute) {
            pace.took(now_ms);
        }
    }

    /// Meta refused a message because there were too many.
    pub fn slow_down(&mut self, now_ms: i64) {
        for pace in std::iter::once(&mut self.second).chain(&mut self.minute) {
            pace.slow_down(now_ms);
        }
    }
}

/// So many in any period: evenly by GCRA (ITU-T I.371), and counted, so that lateness which is made up for never adds
/// up to more.
///
/// A message may leave later than it was taken, as the machine may stall in between, and then it leaves with what
/// follows. Such a stall makes the next one late: by about so much those before it count as late, too.
#[derive(Debug)]
struct Pace {
    most: u32,
    period_us: i64,
    /// When the next one would go if all went evenly.
    due_us: i64,
    /// When the last ones left, as many as may go in a period.
    gone: VecDeque<i64>,
    /// How many of those were taken at the last moment at which any was.
    leaving: usize,
    /// What the rate was lowered to, and when (unix milliseconds).
    slowed: Option<(u32, i64)>,
}

impl Pace {
    fn new(most: u32, period_ms: i64, busy_until_ms: Option<i64>) -> Self {
        let most = most.max(1);
        let mut pace = Self {
            most,
            period_us: period_ms * (1_000 + MARGIN),
            due_us: i64::MIN,
            gone: VecDeque::new(),
            leaving: 0,
            slowed: None,
        };
        if let Some(now_ms) = busy_until_ms {
            let last = now_ms * 1_000 + LATENESS_US;
            let interval = pace.interval_us(now_ms);
            pace.due_us = last + interval;
            pace.gone
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

    fn interval_us(&self, now_ms: i64) -> i64 {
        self.period_us / i64::from(self.most_at(now_ms))
    }

    fn at(&self, now_ms: i64) -> i64 {
        // Rounded up: at the millisecond that is named it may go.
        let at_us = self.at_us(now_ms);
        at_us.div_euclid(1_000) + i64::from(at_us.rem_euclid(1_000) > 0)
    }

    fn at_us(&self, now_ms: i64) -> i64 {
        let most = self.most_at(now_ms) as usize;
        let before = self.gone.len().checked_sub(most);
        let counted = before
            .and_then(|index| self.gone.get(index))
            .map_or(i64::MIN, |gone| gone + self.period_us);
        counted.max(self.due_us.saturating_sub(LATENESS_US))
    }

    fn took(&mut self, now_ms: i64) {
        let at = now_ms * 1_000;
        if self.gone.back().is_some_and(|last| *last < at) {
            let late = at.saturating_sub(self.at_us(now_ms));
            let late = (late - PUNCTUAL_US).clamp(0, LONGEST_STALL_US);
            for taken in self.gone.iter_mut().rev().take(self.leaving) {
                *taken += late;
            }
            self.leaving = 0;
        }
        self.due_us = self.due_us.max(at) + self.interval_us(now_ms);
        if self.gone.len() == self.most as usize {
            self.gone.pop_front();
        }
        self.gone.push_back(at);
        self.leaving += 1;
    }

    fn slow_down(&mut self, now_ms: i64) {
        if self
            .slowed
            .is_some_and(|(_, since_ms)| now_ms - since_ms < HALVED_ONCE_IN_MS)
        {
            return;
        }
        self.slowed = Some(((self.most_at(now_ms) / 2).max(1), now_ms));
    }
}

/// How often one customer may be written to, in milliseconds.
const PAIR_INTERVAL_MS: i64 = 6_000;

/// How many messages may go to one customer at once.
const PAIR_BURST: i64 = 45;

/// The longest wait after 131056, as a power of four seconds: a little over an hour.
const LONGEST_PAIR_WAIT: u32 = 6;

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
    /// The pace to a customer to whom so many messages went lately: as if they had all gone now.
    pub fn after(messages: i64, now_ms: i64) -> Self {
        Self {
            due_ms: now_ms + messages * PAIR_INTERVAL_MS,
        }
    }

    /// When the message may go that has so many before it (unix milliseconds).
    pub fn at(self, ahead: usize, now_ms: i64) -> i64 {
        let ahead = i64::try_from(ahead).unwrap_or(i64::MAX);
        let due = self.due_ms.max(now_ms);
        let due = due.saturating_add(ahead.saturating_mul(PAIR_INTERVAL_MS));
        due - (PAIR_BURST - 1) * PAIR_INTERVAL_MS
    }

    /// A message goes now.
    #[must_use]
    pub fn took(self, now_ms: i64) -> Self {
        Self {
            due_ms: self.due_ms.max(now_ms) + PAIR_INTERVAL_MS,
        }
    }

    /// Whether it is as if nothing had ever gone.
    pub fn is_rested(self, now_ms: i64) -> bool {
        self.due_ms <= now_ms
    }
}

/// For how long it can still matter what went to a customer, in milliseconds.
pub const PAIR_MEMORY_MS: i64 = PAIR_BURST * PAIR_INTERVAL_MS;

/// How long a message waits that was refused with 131056 so many times before: 1 s, 4 s, 16 s, … (milliseconds).
pub fn pair_wait_ms(times: u32) -> i64 {
    4_i64.pow(times.min(LONGEST_PAIR_WAIT)) * 1_000
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Sends as fast as it may for so long; every wake is as late as `lateness` says in turn.
    fn saturate(pacing: &mut Pacing, from: i64, length: i64, lateness: &[i64]) -> Vec<i64> {
        let mut gone = Vec::new();
        let mut late = lateness.iter().cycle();
        let mut now = from;
        while now < from + length {
            if pacing.at(now) <= now {
                pacing.took(now);
                gone.push(now);
            } else {
                now = pacing.at(now) + late.next().unwrap();
            }
        }
        gone
    }

    fn most_within(gone: &[i64], window: i64) -> usize {
        let mut first = 0;
        let mut most = 0;
        for (index, at) in gone.iter().enumerate() {
            while at - gone[first] >= window {
                first += 1;
            }
            most = most.max(index + 1 - first);
        }
        most
    }

    #[test]
    fn the_first_message_of_a_number_that_has_rested_goes_at_once() {
        assert!(Pacing::new(Rates::default(), i64::MIN, 5).at(5) <= 5);
    }

    #[test]
    fn a_limit_a_minute_holds_beside_that_of_a_second() {
        let rates = Rates {
            per_second: 80,
            per_minute: Some(500),
        };
        let mut pacing = Pacing::new(rates, i64::MIN, 0);
        let gone = saturate(&mut pacing, 0, 180_000, &[0, 1, 2]);
        assert!(most_within(&gone, 60_000) <= 500);
        assert!(gone.len() >= 3 * 490, "{}", gone.len());
    }

    #[test]
    fn a_refusal_halves_the_rate_and_it_comes_back() {
        let mut pacing = Pacing::new(Rates::default(), i64::MIN, 0);
        saturate(&mut pacing, 0, 2_000, &[0]);
        for _ in 0..30 {
            pacing.slow_down(2_000);
        }
        let slow = saturate(&mut pacing, 3_000, 5_000, &[0]);
        assert!((195..=205).contains(&slow.len()), "{}", slow.len());
        saturate(&mut pacing, 8_000, 60_000, &[0]);
        let again = saturate(&mut pacing, 68_000, 10_000, &[0]);
        assert!(again.len() >= 784, "{}", again.len());
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
        assert!(pair.at(44, now + PAIR_MEMORY_MS) <= now + PAIR_MEMORY_MS);
        assert!(pair.is_rested(now + PAIR_MEMORY_MS));
    }

    #[test]
    fn waits_after_131056_grow_by_four() {
        let waits: Vec<_> = [0, 1, 2, 3, 6, 99].map(pair_wait_ms).to_vec();
        assert_eq!(waits, [1_000, 4_000, 16_000, 64_000, 4_096_000, 4_096_000]);
    }

    proptest! {
        #[test]
        fn never_above_the_rate_in_any_one_second_and_within_2_percent_of_it(
            per_second in prop_oneof![Just(20_u32), Just(80), Just(1_000), 2_u32..1_200],
            lateness in prop::collection::vec(0_i64..6, 1..20),
        ) {
            let rates = Rates { per_second, per_minute: None };
            let gone = saturate(&mut Pacing::new(rates, i64::MIN, 0), 0, 20_000, &lateness);
            let limit = per_second as usize;
            prop_assert!(most_within(&gone, 1_000) <= limit);
            let least = limit * 20 * 98 / 100;
            prop_assert!(gone.len() >= least, "{} of {}", gone.len(), limit * 20);
        }

        #[test]
        fn not_even_where_what_was_taken_leaves_only_after_a_stall(
            per_second in prop_oneof![Just(80_u32), Just(1_000), 20_u32..1_200],
            stalls in prop::collection::vec((20_usize..200, 30_i64..400), 1..8),
        ) {
            let rates = Rates { per_second, per_minute: None };
            let mut pacing = Pacing::new(rates, i64::MIN, 0);
            let between = 1_000 / i64::from(per_second) + 1;
            let (mut now, mut left) = (0, Vec::new());
            for (count, stall) in stalls {
                for _ in 0..count {
                    now = now.max(pacing.at(now));
                    pacing.took(now);
                    left.push(now);
                }
                // The last ones leave with what follows. While none is to follow soon nobody can tell.
                let taken = now;
                now += stall;
                if pacing.at(taken) - taken <= between {
                    for at in left.iter_mut().filter(|at| **at == taken) {
                        *at = now;
                    }
                }
            }
            let untold = between + PUNCTUAL_US / 1_000;
            prop_assert!(most_within(&left, 1_000 + MARGIN - untold) <= per_second as usize);
        }

        #[test]
        fn not_even_where_the_object_begins_anew(
            per_second in 1_u32..200,
            lateness in prop::collection::vec(0_i64..30, 1..20),
            stop in 0_i64..5_000,
        ) {
            let rates = Rates { per_second, per_minute: None };
            let mut gone = saturate(&mut Pacing::new(rates, i64::MIN, 0), 0, stop, &lateness);
            gone.extend(saturate(&mut Pacing::new(rates, stop, stop), stop, 3_000, &lateness));
            prop_assert!(most_within(&gone, 1_000) <= per_second as usize);
        }

        #[test]
        fn what_is_expected_is_what_comes(per_second in 1_u32..200, ahead in 0_usize..500) {
            let rates = Rates { per_second, per_minute: None };
            let mut pacing = Pacing::new(rates, i64::MIN, 0);
            let expected = pacing.expected(ahead, 0);
            let gone = saturate(&mut pacing, 0, expected + 3_000, &[0]);
            let off = (gone[ahead] - expected).abs();
            prop_assert!(off <= 25 + 2_000 / i64::from(per_second), "{off}");
        }
    }
}
