//! How many messages rules may send in a day, or a destination may ask for: each may cost money.

use std::collections::HashMap;

use crate::{
    event::{self, Event, rfc3339},
    written::Object,
};

pub(super) const DAY_S: i64 = 24 * 60 * 60;

/// At least so many messages a day may go to one customer, where `per_day` has room for them.
const LEAST_SHARE: u32 = 20;

/// What there is not enough left of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exhausted {
    /// The budget.
    Budget,
    /// The customer's share of it.
    Share,
}

/// What was spent of a number's budget today, by the calendar of UTC.
#[derive(Debug)]
pub struct Budget {
    partition: Option<u32>,
    per_day: u32,
    day: i64,
    spent: u32,
    /// What of it each conversation had.
    shares: HashMap<i64, u32>,
}

impl Budget {
    /// With what each conversation had of it since [`Budget::day_began`].
    pub fn new(per_day: u32, shares: HashMap<i64, u32>, now: i64) -> Self {
        Self {
            partition: None,
            per_day,
            day: now.div_euclid(DAY_S),
            spent: shares.values().copied().fold(0, u32::saturating_add),
            shares,
        }
    }

    /// The part of it that this partition of the number may spend, where the number has any.
    #[must_use]
    pub fn of_partition(self, partition: Option<u32>) -> Self {
        Self { partition, ..self }
    }

    /// Whether nothing may ever be spent.
    pub fn is_none(&self) -> bool {
        self.per_day == 0
    }

    /// When the day of `now` began (both in unix seconds).
    pub fn day_began(now: i64) -> i64 {
        now.div_euclid(DAY_S) * DAY_S
    }

    /// Spends so many messages in a conversation at `now` (unix seconds): all of them or, where there is not enough left,
    /// none. A customer's share is a tenth of the budget: one customer, or somebody's bot that answers every message, leaves
    /// the others enough.
    pub fn spend(&mut self, conversation: i64, messages: usize, now: i64) -> Result<(), Exhausted> {
        let day = now.div_euclid(DAY_S);
        if day > self.day {
            (self.day, self.spent) = (day, 0);
            self.shares.clear();
        }
        let messages = u32::try_from(messages).unwrap_or(u32::MAX);
        let spent = self.spent.saturating_add(messages);
        if spent > self.per_day {
            return Err(Exhausted::Budget);
        }
        let share = self.shares.entry(conversation).or_default();
        let had = share.saturating_add(messages);
        if had > LEAST_SHARE.max(self.per_day / 10) {
            return Err(Exhausted::Share);
        }
        (self.spent, *share) = (spent, had);
        Ok(())
    }

    /// Takes note of one message that was spent in a conversation today.
    pub fn spent_one(&mut self, conversation: i64) {
        self.spent = self.spent.saturating_add(1);
        *self.shares.entry(conversation).or_default() += 1;
    }

    /// Gives one message back that was asked for in a conversation at `asked` (unix seconds), where that was today.
    pub fn give_back(&mut self, conversation: i64, asked: i64) {
        if asked.div_euclid(DAY_S) == self.day {
            self.spent = self.spent.saturating_sub(1);
            if let Some(share) = self.shares.get_mut(&conversation) {
                *share = share.saturating_sub(1);
            }
        }
    }

    /// The event that tells that it is spent, by this destination or, with none, by rules: the same for the whole day.
    pub fn exhausted(&self, phone_number_id: &str, destination: Option<&str>, now: i64) -> Event {
        let until = rfc3339((self.day + 1) * DAY_S);
        let budget = Object::default()
            .text_if("destination", destination)
            .number("per_day", self.per_day.into())
            .text_if("until", until.as_deref())
            .finish();
        let data = Object::default()
            .json("business", &event::business(Some(phone_number_id)))
            .json("budget", &budget)
            .finish();
        let whose = destination.map_or_else(|| "budget".to_owned(), |id| format!("budget.{id}"));
        let whose = match self.partition {
            Some(partition) => format!("{whose}/{partition}"),
            None => whose,
        };
        Event {
            id: event::ours(phone_number_id, &whose, self.day),
            kind: "transom.budget.exhausted".to_owned(),
            time: Some(now),
            data,
            ..Event::named(Vec::new())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_795_334_400;

    /// One of which another conversation has spent so much.
    fn with(per_day: u32, spent: u32) -> Budget {
        Budget::new(per_day, HashMap::from([(0, spent)]), NOW)
    }

    #[test]
    fn what_is_spent_is_spent_until_the_next_day() {
        let mut budget = with(3, 0);
        let exhausted = Err(Exhausted::Budget);
        assert_eq!(budget.spend(1, 2, NOW), Ok(()));
        assert_eq!(budget.spend(2, 2, NOW), exhausted, "all or none");
        assert_eq!(budget.spend(2, 1, NOW), Ok(()));
        assert_eq!(budget.spend(3, 1, NOW + 3600), exhausted);
        let earlier = budget.spend(3, 1, NOW - DAY_S);
        assert_eq!(earlier, exhausted, "a clock that goes back");
        assert_eq!(budget.spend(3, 3, NOW + DAY_S), Ok(()));
        assert_eq!(with(3, 3).spend(1, 1, NOW), exhausted);
        assert_eq!(with(0, 0).spend(1, 1, NOW), exhausted);
    }

    #[test]
    fn what_counts_for_today_is_what_was_asked_for_since_midnight() {
        let midnight = NOW - NOW % DAY_S;
        for now in [midnight, midnight + 1, midnight + DAY_S - 1] {
            assert_eq!(Budget::day_began(now), midnight);
        }
        assert_eq!(Budget::day_began(midnight - 1), midnight - DAY_S);
    }

    #[test]
    fn one_customer_gets_a_tenth_of_it_and_twenty_at_least() {
        for (per_day, share) in [(1_000, 100), (100, 20), (20, 20)] {
            let mut budget = with(per_day, 0);
            let mut spend = |conversation, now| budget.spend(conversation, 1, now);
            assert!((0..share).all(|_| spend(1, NOW) == Ok(())));
            let exhausted = if share == per_day {
                Exhausted::Budget
            } else {
                Exhausted::Share
            };
            assert_eq!(spend(1, NOW), Err(exhausted), "{per_day}");
            assert_eq!(spend(2, NOW).is_ok(), share < per_day, "{per_day}");
            assert_eq!(spend(1, NOW + DAY_S), Ok(()));
        }
        let mut opened_again = Budget::new(100, HashMap::from([(1, 20), (2, 19)]), NOW);
        assert_eq!(opened_again.spend(1, 1, NOW), Err(Exhausted::Share));
        assert_eq!(opened_again.spend(2, 1, NOW), Ok(()));
    }

    #[test]
    fn what_is_given_back_may_be_spent_again_on_the_same_day() {
        let mut budget = with(1, 1);
        budget.give_back(1, NOW - DAY_S);
        assert_eq!(budget.spend(1, 1, NOW), Err(Exhausted::Budget));
        budget.give_back(1, NOW - 60);
        assert_eq!(budget.spend(1, 1, NOW), Ok(()));
        assert_eq!(budget.spend(1, 1, NOW), Err(Exhausted::Budget));
        let mut budget = with(100, 0);
        assert_eq!(budget.spend(1, 20, NOW), Ok(()));
        budget.give_back(2, NOW);
        assert_eq!(budget.spend(1, 1, NOW), Err(Exhausted::Share), "of another");
        budget.give_back(1, NOW);
        assert_eq!(budget.spend(1, 1, NOW), Ok(()));
        assert_eq!(budget.spend(1, 1, NOW), Err(Exhausted::Share));
    }

    #[test]
    fn it_is_told_once_a_day() {
        let budget = with(3, 3);
        let event = budget.exhausted("1065", None, NOW);
        assert_eq!(event.id, budget.exhausted("1065", None, NOW + 60).id);
        let tomorrow = Budget::new(3, HashMap::new(), NOW + DAY_S);
        assert_ne!(event.id, tomorrow.exhausted("1065", None, NOW).id);
        assert_eq!(
            event.data,
            r#"{"business":{"phone_number_id":"1065"},"budget":{"per_day":3,"until":"2026-11-23T00:00:00Z"}}"#
        );
        let in_partition = |partition| {
            let budget = with(3, 3).of_partition(Some(partition));
            budget.exhausted("1065", None, NOW).id
        };
        assert_ne!(in_partition(0), event.id, "each tells of its own");
        assert_ne!(in_partition(0), in_partition(1));
        let whole = with(3, 3).of_partition(None);
        assert_eq!(whole.exhausted("1065", None, NOW).id, event.id);
        let of = |destination| budget.exhausted("1065", Some(destination), NOW);
        assert_ne!(of("crm").id, event.id);
        assert_ne!(of("crm").id, of("bot").id);
        assert_eq!(
            of("crm").data,
            r#"{"business":{"phone_number_id":"1065"},"budget":{"destination":"crm","per_day":3,"until":"2026-11-23T00:00:00Z"}}"#
        );
    }
}
