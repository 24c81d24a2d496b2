//! How many replies destinations may ask for in a day, where that is bounded.

use std::collections::HashMap;

use super::Outbox;
use crate::{
    config::Destination,
    conversation::{
        budget::{Budget, Exhausted},
        send_id::Asker,
    },
    event::Event,
    mailbox::sql::Result,
};

/// What is left for the destinations of a mailbox that have a bound, by their ids.
#[derive(Debug, Default)]
pub struct ReplyBudgets(HashMap<String, Budget>);

impl ReplyBudgets {
    /// With what they have asked for on the day of `now` (unix seconds) in this partition, where there are any; and the
    /// budget of rules, of so many messages a day. One walk through the sends of today counts for all.
    pub fn open<'d>(
        outbox: &Outbox,
        destinations: impl Iterator<Item = &'d Destination>,
        rules_per_day: u32,
        partition: Option<u32>,
        now: i64,
    ) -> Result<(Self, Budget)> {
        let budget = |per_day| Budget::new(per_day, HashMap::new(), now).of_partition(partition);
        let mut rules = budget(rules_per_day);
        let mut budgets = HashMap::new();
        for Destination {
            id,
            replies_per_day,
            ..
        } in destinations
        {
            if let Some(per_day) = *replies_per_day {
                budgets.insert(id.clone(), budget(per_day));
            }
        }
        if !rules.is_none() || budgets.values().any(|budget| !budget.is_none()) {
            outbox.answers(Budget::day_began(now) * 1000, &mut |id, conversation| {
                let spender = match Asker::of(id) {
                    Asker::Rule { .. } => Some(&mut rules),
                    Asker::Destination(destination) => budgets.get_mut(destination),
                    _ => None,
                };
                if let Some(budget) = spender {
                    budget.spent_one(conversation);
                }
            })?;
        }
        Ok((Self(budgets), rules))
    }

    /// Spends so many replies in a conversation at `now` (unix seconds), all or none: see [`Budget::spend`].
    pub fn spend(
        &mut self,
        destination: &str,
        conversation: i64,
        replies: usize,
        now: i64,
    ) -> std::result::Result<(), Exhausted> {
        match self.0.get_mut(destination) {
            Some(budget) => budget.spend(conversation, replies, now),
            None => Ok(()),
        }
    }

    /// Gives back what the send of this id cost, which was asked for in a conversation at `asked` (unix seconds).
    pub fn give_back(&mut self, send: &str, conversation: i64, asked: i64) {
        if let Asker::Destination(destination) = Asker::of(send)
            && let Some(budget) = self.0.get_mut(destination)
        {
            budget.give_back(conversation, asked);
        }
    }

    /// Whether the send of this id was asked for by a destination that may ask for none.
    pub fn forbid(&self, send: &str) -> bool {
        let Asker::Destination(destination) = Asker::of(send) else {
            return false;
        };
        self.0.get(destination).is_some_and(Budget::is_none)
    }

    /// The event that tells that a destination may ask for no more today; `None` where it never may.
    pub fn exhausted(&self, destination: &str, phone_number_id: &str, now: i64) -> Option<Event> {
        let budget = self.0.get(destination).filter(|it| !it.is_none())?;
        Some(budget.exhausted(phone_number_id, Some(destination), now))
    }
}

#[cfg(test)]
mod tests {
    use std::rc::Rc;

    use serde_json::json;

    use super::*;
    use crate::{
        config::CheckedUrl,
        mailbox::native::Native,
        meta::graph::{Class, Message},
        sending::{Draft, Happened, Rates, Send},
    };

    const NOW: i64 = 1_795_334_400;

    struct Bench {
        sql: Rc<Native>,
        outbox: Outbox,
        destinations: Vec<Destination>,
    }

    impl Bench {
        /// One destination that is not bounded, and these.
        fn new(bounded: &[(&str, u32)]) -> Self {
            let destination = |id: &str, replies_per_day| {
                let url = CheckedUrl::parse("https://crm.example").unwrap();
                Destination {
                    replies_per_day,
                    ..Destination::new(id.to_owned(), url, Vec::new())
                }
            };
            let bounded = bounded
                .iter()
                .map(|(id, most)| destination(id, Some(*most)));
            let sql: Rc<Native> = Native::new();
            let rates = Rates::default();
            Self {
                outbox: Outbox::open(sql.clone(), rates, String::new(), NOW * 1000).unwrap(),
                sql,
                destinations: bounded.chain([destination("free", None)]).collect(),
            }
        }

        fn budgets(&self) -> ReplyBudgets {
            self.with_rules(0).0
        }

        fn with_rules(&self, per_day: u32) -> (ReplyBudgets, Budget) {
            let destinations = self.destinations.iter();
            ReplyBudgets::open(&self.outbox, destinations, per_day, None, NOW).unwrap()
        }

        fn asked(&mut self, id: &str, conversation: i64) {
            let message = json!({ "type": "text", "text": { "body": "x" } });
            let send = Send {
                id: id.to_owned(),
                conversation,
                draft: Draft::reply(None, Message::check(&message).unwrap(), None),
            };
            self.outbox.add(send, NOW * 1000).unwrap().unwrap();
        }
    }

    #[test]
    fn each_destination_has_its_own_and_one_without_a_bound_has_no_end() {
        let mut budgets = Bench::new(&[("crm", 2), ("bot", 1), ("archive", 0)]).budgets();
        let mut spend = |destination, replies| budgets.spend(destination, 1, replies, NOW);
        assert_eq!(spend("crm", 2), Ok(()));
        assert_eq!(spend("crm", 1), Err(Exhausted::Budget));
        assert_eq!(spend("bot", 1), Ok(()));
        assert_eq!(spend("archive", 1), Err(Exhausted::Budget));
        assert_eq!(spend("free", 10_000), Ok(()));
    }

    #[test]
    fn what_waits_does_not_go_once_its_destination_may_ask_for_none() {
        let budgets = Bench::new(&[("crm", 2), ("archive", 0), ("19b5c0e2f31-2a", 0), ("1", 0)]);
        let budgets = budgets.budgets();
        assert!(budgets.forbid("1065.e-1.archive.0"));
        for id in [
            "1065.e-1.crm.0",
            "1065.e-1.free.0",
            "1065.e-1.rule:archive.0",
            "1065.e-1.consent",
            "1065.19b5c0e2f31-2a",
            "1065.1.19b5c0e2f31-2a",
        ] {
            assert!(!budgets.forbid(id), "{id}");
        }
    }

    #[test]
    fn what_was_asked_for_today_counts_after_a_restart_by_whoever_asked() {
        let mut bench = Bench::new(&[("crm", 3), ("crm2", 3)]);
        for id in [
            "1065.e-1.crm.0",
            "1065.e-1.crm.1",
            "1065.e-2.rule:crm.0",
            "1065.18f-1",
        ] {
            bench.asked(id, 1);
        }
        let mut budgets = bench.budgets();
        assert_eq!(budgets.spend("crm", 2, 2, NOW), Err(Exhausted::Budget));
        assert_eq!(budgets.spend("crm2", 2, 3, NOW), Ok(()));
        let started = bench.outbox.next(NOW * 1000).unwrap().unwrap();
        let id = started.send.id.clone();
        let refused = Happened::Refuse(Class::Window);
        bench.outbox.done(started, refused, NOW * 1000).unwrap();
        budgets.give_back(&id, 1, NOW);
        assert_eq!(budgets.spend("crm", 2, 2, NOW), Ok(()));
        let mut opened_again = bench.budgets();
        assert_eq!(opened_again.spend("crm", 2, 2, NOW), Ok(()));
    }

    #[test]
    fn what_a_partition_was_asked_for_by_the_api_is_no_reply_of_a_destination_of_its_name() {
        let mut bench = Bench::new(&[("1", 1), ("19b5c0e2f31-2a", 1)]);
        bench.asked("1065.1.19b5c0e2f31-2a", 1);
        let mut budgets = bench.budgets();
        assert_eq!(budgets.spend("1", 2, 1, NOW), Ok(()));
        assert_eq!(budgets.spend("19b5c0e2f31-2a", 2, 1, NOW), Ok(()));
        bench.asked("1065.e-1.1.0", 1);
        assert_eq!(
            bench.budgets().spend("1", 2, 1, NOW),
            Err(Exhausted::Budget)
        );
    }

    #[test]
    fn where_nothing_may_be_asked_for_nothing_is_counted() {
        let mut bench = Bench::new(&[("archive", 0)]);
        bench.asked("1065.e-1.crm.0", 1);
        let before = bench.sql.steps();
        bench.budgets();
        assert_eq!(bench.sql.steps(), before);
    }

    #[test]
    fn what_rules_answered_today_counts_for_them_alone_after_a_restart() {
        let mut bench = Bench::new(&[("crm", 3)]);
        for id in ["1065.e-1.rule:crm.0", "1065.e-2.rule:a.0", "1065.e-3.crm.0"] {
            bench.asked(id, 1);
        }
        let (mut destinations, mut rules) = bench.with_rules(3);
        assert_eq!(rules.spend(1, 2, NOW), Err(Exhausted::Budget));
        assert_eq!(rules.spend(1, 1, NOW), Ok(()));
        assert_eq!(destinations.spend("crm", 1, 2, NOW), Ok(()));
    }

    #[test]
    fn ten_destinations_are_counted_for_as_fast_as_one() {
        let names: Vec<String> = (0..10).map(|number| format!("crm{number}")).collect();
        let steps = |bounded: usize| {
            let names = names.iter().take(bounded);
            let bounded: Vec<_> = names.map(|name| (name.as_str(), 10_000)).collect();
            let mut bench = Bench::new(&bounded);
            for number in 0..1_000 {
                bench.asked(&format!("1065.e-{number}.crm0.0"), number);
            }
            let before = bench.sql.steps();
            bench.budgets();
            bench.sql.steps() - before
        };
        assert!(steps(10) < 2 * steps(1));
    }

    #[test]
    fn its_end_is_told_where_it_had_a_beginning() {
        let budgets = Bench::new(&[("crm", 2), ("archive", 0)]).budgets();
        let told = |destination| budgets.exhausted(destination, "1065", NOW);
        let budget = r#""budget":{"destination":"crm","per_day":2,"#;
        assert!(told("crm").unwrap().data.contains(budget));
        assert!(told("archive").is_none() && told("free").is_none());
    }
}
