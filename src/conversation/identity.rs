//! Whose conversation an event belongs to, where a person has several names and Meta gives any of them.
//!
//! A business-scoped user id belongs to one person for good: Meta makes a new one when the phone number changes, and
//! never gives an old one to somebody else. A phone number is a person's for as long as they keep it: carriers give it
//! on. So a user id always decides, and a phone number decides only where no user id speaks against it.
//! (Meta: "Business-scoped user IDs".)

use crate::event::Name;

/// What is known about a name: the conversation it leads to, and whose user id that conversation goes by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KnownName<'a> {
    /// The conversation's number in its mailbox.
    pub conversation: i64,
    /// The user id of the person it is with, once one was seen.
    pub user: Option<&'a str>,
}

/// Where an event belongs, and what that teaches about names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Belonging {
    /// The conversation it belongs to; `None`: a new one.
    pub conversation: Option<i64>,
    /// Conversations that turn out to be with the same person: they become part of it.
    pub joins: Vec<i64>,
    /// Names that lead to it from now on and did not before.
    pub learnt: Vec<Name>,
    /// The user id that the conversation goes by from now on, where that changes.
    pub user: Option<String>,
}

/// Decides where an event with these `names` belongs. `former` are names that Meta says were the same person's before;
/// `known` tells what a name led to so far.
pub fn belonging<'a>(
    names: &[Name],
    former: &[Name],
    known: impl Fn(&Name) -> Option<KnownName<'a>>,
) -> Belonging {
    let users: Vec<&str> = names.iter().chain(former).filter_map(user).collect();
    let theirs = |name: &Name, found: &KnownName<'_>| match (found.user, lasting(name)) {
        (_, true) | (None, _) => true,
        (Some(user), false) => users.is_empty() || users.contains(&user),
    };
    let all: Vec<(&Name, Option<KnownName<'a>>)> = names
        .iter()
        .chain(former)
        .map(|name| (name, known(name)))
        .collect();
    let found = all
        .iter()
        .filter_map(|(name, known)| Some((name, (*known)?)));
    let found = found.filter(|(name, found)| theirs(name, found));
    let mut found: Vec<KnownName<'a>> = found.map(|(_, found)| found).collect();
    found.sort_by_key(|found| found.conversation);
    found.dedup_by_key(|found| found.conversation);

    let oldest = found.first();
    let conversation = oldest.map(|found| found.conversation);
    let joins: Vec<i64> = found
        .iter()
        .skip(1)
        .map(|other| other.conversation)
        .collect();
    let learnt = all.iter().filter(|(_, known)| {
        known.is_none_or(|known| {
            Some(known.conversation) != conversation && !joins.contains(&known.conversation)
        })
    });
    let learnt = learnt.map(|(name, _)| (*name).clone()).collect();
    let current = oldest.and_then(|found| found.user);
    // A late event under a former user id does not make that id current again; a change of names does.
    let user = names
        .iter()
        .find_map(user)
        .or_else(|| found.iter().find_map(|other| other.user))
        .filter(|user| current != Some(*user) && (current.is_none() || !former.is_empty()))
        .map(str::to_owned);
    Belonging {
        conversation,
        joins,
        learnt,
        user,
    }
}

fn user(name: &Name) -> Option<&str> {
    match name {
        Name::User(user) => Some(user),
        _ => None,
    }
}

/// Whether a name stays with the one it was given to.
fn lasting(name: &Name) -> bool {
    match name {
        Name::User(_) | Name::Group(_) | Name::Topic(_) => true,
        Name::Phone(_) | Name::Parent(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use proptest::prelude::*;

    use super::*;

    /// A mailbox's memory of names, kept as the mailbox keeps it.
    #[derive(Default)]
    struct Memory {
        names: HashMap<Name, i64>,
        users: HashMap<i64, Option<String>>,
    }

    impl Memory {
        fn sees(&mut self, names: &[Name], former: &[Name]) -> i64 {
            let belonging = belonging(names, former, |name| {
                self.names.get(name).map(|conversation| KnownName {
                    conversation: *conversation,
                    user: self.users[conversation].as_deref(),
                })
            });
            let conversation = belonging
                .conversation
                .unwrap_or_else(|| i64::try_from(self.users.len()).unwrap() + 1);
            let user = self.users.entry(conversation).or_default();
            *user = belonging.user.or_else(|| user.take());
            for to in self.names.values_mut() {
                if belonging.joins.contains(to) {
                    *to = conversation;
                }
            }
            for name in belonging.learnt {
                self.names.insert(name, conversation);
            }
            conversation
        }

        fn conversation(&self, name: &Name) -> i64 {
            self.names[name]
        }
    }

    fn u(id: &str) -> Name {
        Name::User(id.to_owned())
    }

    fn p(number: &str) -> Name {
        Name::Phone(number.to_owned())
    }

    #[test]
    fn a_phone_and_a_user_id_seen_together_are_one_person() {
        let mut memory = Memory::default();
        let first = memory.sees(&[p("1650")], &[]);
        assert_eq!(memory.sees(&[u("US.1"), p("1650")], &[]), first);
        assert_eq!(memory.sees(&[u("US.1")], &[]), first);
    }

    #[test]
    fn two_conversations_become_one_once_both_names_are_seen_together() {
        let mut memory = Memory::default();
        let by_user = memory.sees(&[u("US.1")], &[]);
        let by_phone = memory.sees(&[p("1650")], &[]);
        assert_ne!(by_user, by_phone);
        assert_eq!(memory.sees(&[u("US.1"), p("1650")], &[]), by_user);
        assert_eq!(memory.sees(&[p("1650")], &[]), by_user);
    }

    #[test]
    fn a_phone_number_that_was_given_on_does_not_bring_its_former_owner_along() {
        let mut memory = Memory::default();
        let former = memory.sees(&[u("US.1"), p("1650")], &[]);
        let owner = memory.sees(&[u("US.2"), p("1650")], &[]);
        assert_ne!(former, owner);
        assert_eq!(memory.sees(&[p("1650")], &[]), owner);
        assert_eq!(memory.sees(&[u("US.1")], &[]), former);
    }

    #[test]
    fn a_change_of_number_carries_the_conversation_over() {
        let mut memory = Memory::default();
        let before = memory.sees(&[u("US.1"), p("1650")], &[]);
        assert_eq!(
            memory.sees(&[u("US.2"), p("1219")], &[u("US.1"), p("1650")]),
            before
        );
        assert_eq!(memory.sees(&[u("US.2")], &[]), before);
        assert_eq!(memory.sees(&[p("1219")], &[]), before);
        assert_eq!(memory.sees(&[u("US.1")], &[]), before, "a late message");
    }

    #[test]
    fn a_change_of_number_told_by_phone_numbers_alone_carries_it_over_too() {
        let mut memory = Memory::default();
        let before = memory.sees(&[u("US.1"), p("1650")], &[]);
        assert_eq!(memory.sees(&[p("1219")], &[p("1650")]), before);
    }

    #[test]
    fn a_message_under_the_new_names_before_the_change_is_told_joins_later() {
        let mut memory = Memory::default();
        let before = memory.sees(&[u("US.1"), p("1650")], &[]);
        let early = memory.sees(&[u("US.2"), p("1650")], &[]);
        assert_ne!(before, early);
        assert_eq!(memory.sees(&[u("US.2")], &[u("US.1")]), before);
        assert_eq!(memory.conversation(&u("US.2")), before);
        assert_eq!(memory.conversation(&p("1650")), before);
    }

    proptest! {
        /// Whatever Meta tells of a person under the names it has for them, in whatever order, ends up in one
        /// conversation, and never in somebody else's.
        #[test]
        fn every_interleaving_ends_in_one_conversation_a_person(
            order in Just((0usize..12).collect::<Vec<_>>()).prop_shuffle(),
        ) {
            let mut stories = Vec::new();
            for person in ["A", "B"] {
                let (old, new) = (format!("{person}.OLD"), format!("{person}.NEW"));
                let (from, to) = (format!("1{person}"), format!("2{person}"));
                stories.extend([
                    (vec![p(&from)], vec![]),
                    (vec![u(&old)], vec![]),
                    (vec![u(&old), p(&from)], vec![]),
                    (vec![u(&new), p(&to)], vec![u(&old), p(&from)]),
                    (vec![u(&new)], vec![]),
                    (vec![p(&to)], vec![]),
                ]);
            }
            let mut memory = Memory::default();
            for index in order {
                let (names, former) = &stories[index];
                memory.sees(names, former);
            }
            for person in ["A", "B"] {
                let mut of = ["OLD", "NEW"].map(|which| memory.conversation(&u(&format!("{person}.{which}")))).to_vec();
                of.extend(["1", "2"].map(|which| memory.conversation(&p(&format!("{which}{person}")))));
                prop_assert!(of.iter().all(|conversation| *conversation == of[0]));
            }
            prop_assert_ne!(memory.conversation(&u("A.NEW")), memory.conversation(&u("B.NEW")));
        }
    }
}
