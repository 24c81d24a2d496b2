//! How fast the messages of one number may go out: in a second and in a minute.
//!
//! Source: "Throughput" of the WhatsApp Cloud API (80 messages a second, 20 or 1,000 for some numbers).

use super::pace::{MARGIN, Pace};
use crate::config::Sending;

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
        let Sending {
            per_second,
            per_minute,
            ..
        } = Sending::default();
        Self {
            per_second,
            per_minute,
        }
    }
}

/// The pace of one number: that of each of its limits.
#[derive(Debug)]
pub struct Pacing(Vec<Pace>);

impl Pacing {
    /// The last message went at `last_ms`; how many went before it is not known. Where that may still matter, messages
    /// count as sent at the full rate until then.
    pub fn new(rates: Rates, last_ms: i64, now_ms: i64) -> Self {
        let pace = |(most, period_ms)| {
            let busy = now_ms.saturating_sub(last_ms) <= period_ms + period_ms * MARGIN / 1_000;
            Pace::new(most, period_ms, busy.then_some(now_ms))
        };
        let a_minute = rates.per_minute.map(|most| (most, 60_000));
        let limits = [(rates.per_second, 1_000)].into_iter().chain(a_minute);
        Self(limits.map(pace).collect())
    }

    /// When the next message may go (unix milliseconds).
    pub fn at(&self, now_ms: i64) -> i64 {
        self.latest(|pace| pace.at(now_ms))
    }

    /// When the message may go that has so many before it.
    pub fn expected(&self, ahead: usize, now_ms: i64) -> i64 {
        let ahead = i64::try_from(ahead).unwrap_or(i64::MAX);
        self.latest(|pace| {
            let first = pace.at(now_ms).max(now_ms);
            first.saturating_add(pace.interval_us(now_ms).saturating_mul(ahead) / 1_000)
        })
    }

    fn latest(&self, at: impl Fn(&Pace) -> i64) -> i64 {
        self.0.iter().map(at).max().unwrap_or(i64::MIN)
    }

    /// A message goes now.
    pub fn took(&mut self, now_ms: i64) {
        self.0.iter_mut().for_each(|pace| pace.took(now_ms));
    }

    /// Begins with one in a second, and comes back to the limit as after a refusal.
    pub fn start_slowly(&mut self, now_ms: i64) {
        if let Some(a_second) = self.0.first_mut() {
            a_second.start_slowly(now_ms);
        }
    }

    /// The message that was to go at `left_ms` did not.
    pub fn give_back(&mut self, left_ms: i64) {
        self.0.iter_mut().for_each(|pace| pace.give_back(left_ms));
    }

    /// Meta refused a message because there were too many.
    pub fn slow_down(&mut self, now_ms: i64) {
        self.0.iter_mut().for_each(|pace| pace.slow_down(now_ms));
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::sending::pace::PUNCTUAL_US;

    /// Sends as fast as it may for so long; every wake is as late as `lateness` says in turn.
    fn saturate(pacing: &mut Pacing, from: i64, length: i64, lateness: &[i64]) -> Vec<i64> {
        let mut went = Vec::new();
        let mut late = lateness.iter().cycle();
        let mut now = from;
        while now < from + length {
            if pacing.at(now) <= now {
                pacing.took(now);
                went.push(now);
            } else {
                now = pacing.at(now) + late.next().unwrap();
            }
        }
        went
    }

    fn most_within(went: &[i64], window: i64) -> usize {
        let mut first = 0;
        let mut most = 0;
        for (index, at) in went.iter().enumerate() {
            while at - went[first] >= window {
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
        let went = saturate(&mut pacing, 0, 180_000, &[0, 1, 2]);
        assert!(most_within(&went, 60_000) <= 500);
        assert!(went.len() >= 3 * 490, "{}", went.len());
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
    fn a_slow_start_is_over_after_some_hundred_seconds() {
        let rates = Rates {
            per_second: 80,
            per_minute: Some(60_000),
        };
        let mut pacing = Pacing::new(rates, i64::MIN, 0);
        pacing.start_slowly(0);
        for (from, rate) in [
            (0, 5..=15),
            (10_000, 80..=105),
            (50_000, 400..=430),
            (110_000, 784..=800),
        ] {
            let went = saturate(&mut pacing, from, 10_000, &[0]).len();
            assert!(rate.contains(&went), "{went} from {from}");
        }
    }

    #[test]
    fn a_clock_that_goes_back_holds_nothing_up() {
        const BACK: i64 = 7_200_000;
        let mut pacing = Pacing::new(Rates::default(), i64::MIN, 0);
        saturate(&mut pacing, BACK, 2_000, &[0]);
        pacing.slow_down(BACK + 2_000);
        let went = saturate(&mut pacing, 0, 180_000, &[0]);
        assert!(most_within(&went, 1_000) <= 80 + 1);
        let last = went.partition_point(|at| *at < 170_000);
        assert!(went.len() - last >= 784, "{}", went.len() - last);
    }

    proptest! {
        #[test]
        fn never_above_the_rate_in_any_one_second_and_within_2_percent_of_it(
            per_second in prop_oneof![Just(20_u32), Just(80), Just(1_000), 2_u32..1_200],
            lateness in prop::collection::vec(0_i64..6, 1..20),
        ) {
            let rates = Rates { per_second, per_minute: None };
            let went = saturate(&mut Pacing::new(rates, i64::MIN, 0), 0, 20_000, &lateness);
            let limit = per_second as usize;
            prop_assert!(most_within(&went, 1_000) <= limit);
            let least = limit * 20 * 98 / 100;
            prop_assert!(went.len() >= least, "{} of {}", went.len(), limit * 20);
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
            let mut went = saturate(&mut Pacing::new(rates, i64::MIN, 0), 0, stop, &lateness);
            went.extend(saturate(&mut Pacing::new(rates, stop, stop), stop, 3_000, &lateness));
            prop_assert!(most_within(&went, 1_000) <= per_second as usize);
        }

        #[test]
        fn what_did_not_leave_costs_no_time_and_gives_room_for_no_more_than_itself(
            per_second in 1_u32..200,
            leaves in prop::collection::vec(any::<bool>(), 1..600),
        ) {
            let rates = Rates { per_second, per_minute: None };
            let mut pacing = Pacing::new(rates, i64::MIN, 0);
            let (mut now, mut went) = (0, Vec::new());
            for leaves in leaves {
                now = now.max(pacing.at(now));
                pacing.took(now);
                if leaves {
                    went.push(now);
                } else {
                    pacing.give_back(now);
                }
            }
            prop_assert!(most_within(&went, 1_000) <= per_second as usize);
            let even = i64::try_from(went.len()).unwrap() * (1_000 + MARGIN) / i64::from(per_second);
            prop_assert!(now <= even + 1, "{now} for {}", went.len());
        }

        #[test]
        fn what_is_expected_is_what_comes(per_second in 1_u32..200, ahead in 0_usize..500) {
            let rates = Rates { per_second, per_minute: None };
            let mut pacing = Pacing::new(rates, i64::MIN, 0);
            let expected = pacing.expected(ahead, 0);
            let went = saturate(&mut pacing, 0, expected + 3_000, &[0]);
            let off = (went[ahead] - expected).abs();
            prop_assert!(off <= 25 + 2_000 / i64::from(per_second), "{off}");
        }
    }
}
