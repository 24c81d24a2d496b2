//! Which object keeps what: the names of mailboxes, and of the directory of a number that has several.
//!
//! Nothing above this knows of partitions, except what asks all of them.

use crate::{
    event::Home,
    mailbox::sql::{Result, Sql},
};

const ACCOUNT: &str = "account/";

/// What an object keeps, and for whom: both follow from its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Address {
    /// All of a number or an account: the number's id; `account/` and the account's.
    Whole(Home),
    /// A part of a number's conversations: `{number}/{partition}of{partitions}`.
    Partition {
        /// The number's id.
        number: String,
        /// Which, from 0 on.
        partition: u32,
        /// How many the number has.
        partitions: u32,
    },
    /// Which partition each person's conversation is in: `{number}/of{partitions}`.
    Directory {
        /// The number's id.
        number: String,
        /// How many partitions the number has.
        partitions: u32,
    },
}

impl Address {
    /// The mailboxes of a number that has so many partitions.
    pub fn mailboxes(number: &str, partitions: u32) -> Vec<Self> {
        if partitions <= 1 {
            return vec![Self::Whole(Home::Number(number.to_owned()))];
        }
        let partition = |partition| Self::Partition {
            number: number.to_owned(),
            partition,
            partitions,
        };
        (0..partitions).map(partition).collect()
    }

    /// The object's name.
    pub fn name(&self) -> String {
        match self {
            Self::Whole(Home::Number(id)) => id.clone(),
            Self::Whole(Home::Account(id)) => format!("{ACCOUNT}{id}"),
            Self::Partition {
                number,
                partition,
                partitions,
            } => format!("{number}/{partition}of{partitions}"),
            Self::Directory { number, partitions } => format!("{number}/of{partitions}"),
        }
    }

    /// Reads an object's name.
    pub fn read(name: &str) -> Self {
        if let Some(id) = name.strip_prefix(ACCOUNT) {
            return Self::Whole(Home::Account(id.to_owned()));
        }
        let part = name.rsplit_once('/').and_then(|(number, part)| {
            let (partition, partitions) = part.split_once("of")?;
            let (number, partitions) = (number.to_owned(), partitions.parse().ok()?);
            if partition.is_empty() {
                return Some(Self::Directory { number, partitions });
            }
            let partition = partition.parse().ok()?;
            Some(Self::Partition {
                number,
                partition,
                partitions,
            })
        });
        part.unwrap_or_else(|| Self::Whole(Home::Number(name.to_owned())))
    }

    /// Whose mailbox it is, or is part of.
    pub fn home(&self) -> Home {
        match self {
            Self::Whole(home) => home.clone(),
            Self::Partition { number, .. } | Self::Directory { number, .. } => {
                Home::Number(number.clone())
            }
        }
    }

    /// What the ids of its sends begin with: the number, and what keeps partitions apart.
    pub fn sends_as(&self) -> String {
        match self {
            Self::Partition {
                number, partition, ..
            } => format!("{number}.{partition}"),
            Self::Whole(Home::Number(number)) | Self::Directory { number, .. } => number.clone(),
            Self::Whole(Home::Account(_)) => String::new(),
        }
    }

    /// Its share of what the number may use: the shares of all partitions make up the whole.
    pub fn share_of(&self, all: u32) -> u32 {
        match self {
            Self::Partition {
                partition,
                partitions,
                ..
            } if *partitions > 0 => all / partitions + u32::from(*partition < all % partitions),
            _ => all,
        }
    }

    /// The id by which users know one of its conversations: no other partition uses it.
    pub fn public_id(&self, conversation: i64) -> i64 {
        match self {
            Self::Partition {
                partition,
                partitions,
                ..
            } => conversation
                .saturating_mul((*partitions).into())
                .saturating_add((*partition).into()),
            _ => conversation,
        }
    }

    /// Which of its conversations has this id among users; `None` if none can have it.
    pub fn own_id(&self, public_id: i64) -> Option<i64> {
        match self {
            Self::Partition {
                partition,
                partitions,
                ..
            } => {
                let is_here = partition_of_conversation(public_id, *partitions) == *partition;
                is_here.then(|| public_id.checked_div((*partitions).into()))?
            }
            _ => Some(public_id),
        }
    }

    /// Which partition it is, where it is one.
    pub fn partition(&self) -> Option<u32> {
        match self {
            Self::Partition { partition, .. } => Some(*partition),
            _ => None,
        }
    }
}

/// The partition of the conversation that has this id among users ([`Address::public_id`]).
pub fn partition_of_conversation(public_id: i64, partitions: u32) -> u32 {
    let partition = public_id.checked_rem_euclid(partitions.into()).unwrap_or(0);
    u32::try_from(partition).unwrap_or(0)
}

/// The partition of the person to whom a directory gave this id. Ids are given in turn, so that all partitions
/// get equally many persons. What is nobody's (0) goes to the first.
pub fn partition_of(person: i64, partitions: u32) -> u32 {
    let turn = person.saturating_sub(1).max(0);
    let partition = turn.checked_rem(partitions.into()).unwrap_or(0);
    u32::try_from(partition).unwrap_or(0)
}

/// Keeps an object's name, if it is not kept yet. The platform tells the name only to an object that was woken by it:
/// one that was woken by its id, as by Cloudflare's Data Studio, has none for as long as it is awake.
pub fn keep(sql: &dyn Sql, name: &str) -> Result<()> {
    sql.run(
        "CREATE TABLE IF NOT EXISTS named (one INTEGER PRIMARY KEY CHECK (one = 1), name TEXT NOT NULL) STRICT",
        &[],
    )?;
    sql.run(
        "INSERT INTO named SELECT 1, ?1 WHERE NOT EXISTS (SELECT 1 FROM named)",
        &[name.into()],
    )
}

/// The name that was kept. Where none was, there is no table either.
pub fn kept(sql: &dyn Sql) -> Option<String> {
    let rows = sql.exec("SELECT name FROM named", &[]).ok()?;
    rows.first()?.get(0).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::mailbox::native::Native;

    const NUMBER: &str = "106540352242922";

    #[test]
    fn names_are_as_they_always_were() {
        let number = NUMBER.to_owned();
        for (address, name) in [
            (Address::Whole(Home::Number(number.clone())), NUMBER),
            (
                Address::Whole(Home::Account("102290129340398".to_owned())),
                "account/102290129340398",
            ),
            (
                Address::Partition {
                    number: number.clone(),
                    partition: 3,
                    partitions: 8,
                },
                "106540352242922/3of8",
            ),
            (
                Address::Directory {
                    number,
                    partitions: 8,
                },
                "106540352242922/of8",
            ),
        ] {
            assert_eq!(address.name(), name);
            assert_eq!(Address::read(name), address);
        }
    }

    #[test]
    fn an_object_that_was_called_by_its_name_once_knows_it_from_then_on() {
        let sql = Native::new();
        assert_eq!(kept(&*sql), None);
        keep(&*sql, NUMBER).unwrap();
        let written = sql.changes();
        keep(&*sql, NUMBER).unwrap();
        assert_eq!(kept(&*sql).as_deref(), Some(NUMBER));
        assert_eq!(sql.changes(), written);
    }

    #[test]
    fn without_partitions_a_number_has_the_mailbox_that_it_always_had() {
        let names = |partitions| -> Vec<String> {
            let all = Address::mailboxes(NUMBER, partitions);
            all.iter().map(Address::name).collect()
        };
        assert_eq!(names(1), [NUMBER]);
        assert_eq!(names(2), ["106540352242922/0of2", "106540352242922/1of2"]);
    }

    #[test]
    fn a_person_stays_where_they_are_and_all_partitions_get_as_many() {
        let of_four: Vec<u32> = (0..10).map(|person| partition_of(person, 4)).collect();
        assert_eq!(of_four, [0, 0, 1, 2, 3, 0, 1, 2, 3, 0]);
        assert_eq!((partition_of(7, 1), partition_of(-7, 4)), (0, 0));
    }

    #[test]
    fn no_two_partitions_give_a_send_the_same_id() {
        let partitions = Address::mailboxes(NUMBER, 2);
        let ids: Vec<String> = partitions.iter().map(Address::sends_as).collect();
        assert_eq!(ids, ["106540352242922.0", "106540352242922.1"]);
        assert_eq!(Address::read(NUMBER).sends_as(), NUMBER);
    }

    #[test]
    fn no_two_partitions_tell_a_conversation_by_the_same_number() {
        let mut ids = std::collections::BTreeSet::new();
        for address in Address::mailboxes(NUMBER, 3) {
            for conversation in 0..10 {
                let id = address.public_id(conversation);
                assert!(ids.insert(id), "{id}");
                assert_eq!(address.own_id(id), Some(conversation));
                assert_eq!(Some(partition_of_conversation(id, 3)), address.partition());
                assert_eq!(address.own_id(id + 1), None);
            }
        }
        let whole = Address::read(NUMBER);
        assert_eq!((whole.public_id(7), whole.own_id(7)), (7, Some(7)));
    }

    proptest! {
        #[test]
        fn the_shares_of_all_partitions_are_the_whole(all in 0u32..100_000, partitions in 2u32..=16) {
            let partitions = Address::mailboxes(NUMBER, partitions);
            let shares: Vec<u32> = partitions.iter().map(|address| address.share_of(all)).collect();
            prop_assert_eq!(shares.iter().sum::<u32>(), all);
            prop_assert!(shares.iter().max().unwrap() - shares.iter().min().unwrap() <= 1);
            prop_assert_eq!(Address::read(NUMBER).share_of(all), all);
        }
    }
}
