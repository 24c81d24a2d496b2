//! How many messages rules may send in a day: each may cost money.

use crate::{
    event::{self, Event, rfc3339},
    written::Object,
};

pub(super) const DAY_S: i64 = 24 * 60 * 60;

/// What is in the ids of sends that a rule asked for. They are counted by it when a mailbox opens.
pub const BY_RULE: &str = ".rule:";

/// What was spent of a number's budget today, by the calendar of UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Budget {
    per_day: u32,
    day: i64,
    spent: u32,
}

impl Budget {
    /// With so much spent since [`Budget::day_began`].
    pub fn new(per_day: u32, spent: u32, now: i64) -> Self {
        Self {
            per_day,
            day: now.div_euclid(DAY_S),
            spent,
        }
    }

    /// When the day of `now` began (both in unix seconds).
    pub fn day_began(now: i64) -> i64 {
        now.div_euclid(DAY_S) * DAY_S
    }

    /// Spends so many messages at `now` (unix seconds), all of them or, where there is not enough left, none.
    pub fn spend(&mut self, messages: usize, now: i64) -> bool {
        let day = now.div_euclid(DAY_S);
        if day > self.day {
            (self.day, self.spent) = (day, 0);
        }
        let after = u32::try_from(messages)
            .ok()
            .and_then(|messages| self.spent.checked_add(messages));
        let Some(after) = after.filter(|after| *after <= self.per_day) else {
            return false;
        };
        self.spent = after;
        true
    }

    /// Gives one message back that was asked for at `asked` (unix seconds), where that was today.
    pub fn give_back(&mut self, asked: i64) {
        if asked.div_euclid(DAY_S) == self.day {
            self.spent = self.spent.saturating_sub(1);
        }
    }

    /// The event that tells that it is spent: the same for the whole day.
    pub fn exhausted(&self, phone_number_id: &str, now: i64) -> Event {
        let business = Object::default()
            .text("phone_number_id", phone_number_id)
            .finish();
        let until = rfc3339((self.day + 1) * DAY_S);
        let budget = Object::default()
            .number("per_day", self.per_day.into())
            .text_if("until", until.as_deref())
            .finish();
        let data = Object::default()
            .json("business", &business)
            .json("budget", &budget)
            .finish();
        Event {
            id: event::ours(phone_number_id, "budget", self.day),
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

    #[test]
    fn what_is_spent_is_spent_until_the_next_day() {
        let mut budget = Budget::new(3, 0, NOW);
        assert!(budget.spend(2, NOW));
        assert!(!budget.spend(2, NOW), "all or none");
        assert!(budget.spend(1, NOW));
        assert!(!budget.spend(1, NOW + 3600));
        assert!(!budget.spend(1, NOW - DAY_S), "a clock that goes back");
        assert!(budget.spend(3, NOW + DAY_S));
        assert!(!Budget::new(3, 3, NOW).spend(1, NOW));
        assert!(!Budget::new(0, 0, NOW).spend(1, NOW));
    }

    #[test]
    fn what_is_given_back_may_be_spent_again_on_the_same_day() {
        let mut budget = Budget::new(1, 1, NOW);
        budget.give_back(NOW - DAY_S);
        assert!(!budget.spend(1, NOW));
        budget.give_back(NOW - 60);
        assert!(budget.spend(1, NOW));
        assert!(!budget.spend(1, NOW));
    }

    #[test]
    fn it_is_told_once_a_day() {
        let budget = Budget::new(3, 3, NOW);
        let event = budget.exhausted("1065", NOW);
        assert_eq!(event.id, budget.exhausted("1065", NOW + 60).id);
        assert_ne!(
            event.id,
            Budget::new(3, 3, NOW + DAY_S).exhausted("1065", NOW).id
        );
        assert_eq!(
            event.data,
            r#"{"business":{"phone_number_id":"1065"},"budget":{"per_day":3,"until":"2026-11-23T00:00:00Z"}}"#
        );
    }
}
