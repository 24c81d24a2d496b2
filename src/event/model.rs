//! The event: one thing that happened, in the form in which it is stored and forwarded.

use std::fmt;

use crate::written::{Object, word_of};

/// One thing that happened: a message came, a status changed, a template was rejected. `Debug` does not show its data.
#[derive(Clone, PartialEq, Eq)]
pub struct Event {
    /// Stable: the same thing, told again by Meta in another batch or another order, has the same id. Safe in a
    /// header and in a URL (lower-case hex digits and `-`).
    pub id: String,
    /// CloudEvents' `type`: `whatsapp.<thing>.<what happened>`.
    pub kind: String,
    /// Unix time in seconds by Meta's clock; `None` where Meta gave none.
    pub time: Option<i64>,
    /// By which names Meta called the one whose conversation this belongs to, best first. Empty: nobody's.
    pub names: Vec<Name>,
    /// What it does to its conversation.
    pub effect: Effect,
    /// The JSON object that CloudEvents calls `data`, but for what only the mailbox knows: its `window`, and the like.
    pub data: String,
}

impl fmt::Debug for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Event")
            .field("id", &self.id)
            .field("kind", &self.kind)
            .field("time", &self.time)
            .field("effect", &self.effect)
            .finish_non_exhaustive()
    }
}

impl Event {
    /// An event that says no more of somebody than the names.
    pub fn named(names: Vec<Name>) -> Self {
        Self {
            id: String::new(),
            kind: String::new(),
            time: None,
            names,
            effect: Effect::None,
            data: String::new(),
        }
    }

    /// This event, with no more of it than whose it is.
    #[must_use]
    pub fn names_alone(&self) -> Self {
        Self {
            effect: match &self.effect {
                Effect::Renames { from } => Effect::Renames { from: from.clone() },
                _ => Effect::None,
            },
            ..Self::named(self.names.clone())
        }
    }

    /// This event but for its data.
    #[must_use]
    pub fn without_data(&self) -> Self {
        Self {
            id: self.id.clone(),
            kind: self.kind.clone(),
            time: self.time,
            names: self.names.clone(),
            effect: self.effect.clone(),
            data: String::new(),
        }
    }

    /// Whether its conversation is a group's.
    pub fn is_of_a_group(&self) -> bool {
        matches!(self.names.first(), Some(Name::Group(_)))
    }
}

/// A name by which Meta calls a person, a group or a thing. A person may have several, and each of them may change.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Name {
    /// A business-scoped user id (`US.13491208655302741918`).
    User(String),
    /// A business-scoped user id of a linked portfolio (`US.ENT.11815799212886844830`).
    Parent(String),
    /// A phone number: digits only, country code first.
    Phone(String),
    /// A group.
    Group(String),
    /// Not a person: what a row of events must stay in order about (`template/1689556908129835`).
    Topic(String),
}

impl Name {
    /// The name itself, as Meta writes it.
    pub fn value(&self) -> &str {
        match self {
            Self::User(value)
            | Self::Parent(value)
            | Self::Phone(value)
            | Self::Group(value)
            | Self::Topic(value) => value,
        }
    }

    /// The name with what it is in front, so that no phone number is ever taken for a group.
    pub fn key(&self) -> String {
        let what = match self {
            Self::User(_) => "user",
            Self::Parent(_) => "parent",
            Self::Phone(_) => "phone",
            Self::Group(_) => "group",
            Self::Topic(_) => "topic",
        };
        format!("{what}:{}", self.value())
    }

    /// Reads what [`Name::key`] wrote.
    pub fn of_key(key: &str) -> Option<Self> {
        let (what, value) = key.split_once(':')?;
        let name = match what {
            "user" => Self::User,
            "parent" => Self::Parent,
            "phone" => Self::Phone,
            "group" => Self::Group,
            "topic" => Self::Topic,
            _ => return None,
        };
        Some(name(value.to_owned()))
    }

    /// The member of `data.customer` that has it; `None` where it is no person's.
    pub fn member(&self) -> Option<&'static str> {
        match self {
            Self::User(_) => Some("user_id"),
            Self::Parent(_) => Some("parent_user_id"),
            Self::Phone(_) => Some("phone"),
            Self::Group(_) | Self::Topic(_) => None,
        }
    }

    /// Reads several that [`Name::key`] wrote. What cannot be read is left out.
    pub fn of_keys(keys: &[String]) -> impl Iterator<Item = Self> {
        keys.iter().filter_map(|key| Self::of_key(key))
    }
}

/// `data.business` of an event that Transom itself tells of a business number, if it is of one.
pub fn business(phone_number_id: Option<&str>) -> String {
    Object::default()
        .text_if("phone_number_id", phone_number_id)
        .finish()
}

/// What an event does to the conversation it belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// Nothing.
    None,
    /// The customer wrote or called: the customer service window opens, or stays open for longer.
    Opens {
        /// The customer came by an advertisement that clicks to WhatsApp.
        referral: bool,
    },
    /// The business wrote, from its app or through another system.
    Answers,
    /// Meta tells how one of our messages is doing.
    Status {
        /// The message's id (`wamid.…`).
        message: String,
        /// How far it has come.
        status: MessageStatus,
        /// Until when the free entry point is open, in unix seconds, where Meta says so.
        free_until: Option<i64>,
    },
    /// The person's names changed; these were theirs before.
    Renames {
        /// The names that are no longer theirs.
        from: Vec<Name>,
    },
}

/// How far a message of the business has come, in the order in which it goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum MessageStatus {
    /// Meta has sent it.
    Sent,
    /// It is on the customer's device.
    Delivered,
    /// The customer has opened the chat.
    Read,
    /// The customer has played the voice message.
    Played,
    /// It will never arrive.
    Failed,
}

const STATUSES: [(MessageStatus, &str); 5] = [
    (MessageStatus::Sent, "sent"),
    (MessageStatus::Delivered, "delivered"),
    (MessageStatus::Read, "read"),
    (MessageStatus::Played, "played"),
    (MessageStatus::Failed, "failed"),
];

impl MessageStatus {
    /// Its word.
    pub fn name(self) -> &'static str {
        word_of(&STATUSES, self)
    }

    /// That of a word, whatever the case that it is in.
    pub fn of_word(word: &str) -> Option<Self> {
        let mut all = STATUSES.iter();
        let found = all.find(|(_, known)| word.eq_ignore_ascii_case(known));
        found.map(|(status, _)| *status)
    }

    /// Its place in the order in which a message goes, from 0 on. It is stored, and crosses between objects.
    pub fn place(self) -> u8 {
        self as u8
    }

    /// The one at this place.
    pub fn at(place: u8) -> Option<Self> {
        let (status, _) = STATUSES.get(usize::from(place))?;
        Some(*status)
    }
}

/// Which mailbox keeps an event.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Home {
    /// The business number's, by its `phone_number_id`.
    Number(String),
    /// What concerns no number: the WhatsApp Business Account's, by its id, or the business portfolio's where Meta named
    /// no account. Empty where Meta named neither.
    Account(String),
}
