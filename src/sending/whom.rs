//! To whom a message goes: as a request says it, as a name in the mailbox, as an address at Meta.

use super::phone;
use crate::{checked::Node, event::Name, meta::graph::Recipient};

/// To whom.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Whom {
    /// A person, known or not.
    Person(Recipient),
    /// Any of the names of one who is known.
    Conversation(String),
}

impl Whom {
    /// Reads it from what stands beside a message.
    pub(super) fn read(node: &Node<'_>) -> Option<Self> {
        let given = ["to", "recipient", "conversation"].map(|key| node.get(key));
        match given {
            [Some(to), None, None] => {
                let Some(digits) = phone::read(to.text()?) else {
                    return to.refuse(
                    "must be a phone number: a country code and the rest, 5 to 15 digits, + may be in front",
                );
                };
                Some(Self::Person(Recipient::Phone(digits.to_owned())))
            }
            [None, Some(recipient), None] => {
                let id = recipient.text()?;
                if !is_user(id) {
                    return recipient.refuse(
                    "must be a business-scoped user id: two capital letters, a dot, and 1 to 128 letters and digits",
                );
                }
                Some(Self::Person(Recipient::User(id.to_owned())))
            }
            [None, None, Some(name)] => Some(Self::Conversation(name.short_text(512)?.to_owned())),
            [None, None, None] => {
                node.need("to")?;
                None
            }
            _ => node.refuse("needs one of to, recipient and conversation, and no more"),
        }
    }
}

/// The name by which a recipient is known.
pub fn name_of(to: &Recipient) -> Name {
    match to {
        Recipient::Phone(digits) => Name::Phone(digits.clone()),
        Recipient::User(id) if is_parent(id) => Name::Parent(id.clone()),
        Recipient::User(id) => Name::User(id.clone()),
        Recipient::Group(id) => Name::Group(id.clone()),
    }
}

/// Who is written to by a name; `None` where it is nobody's.
pub fn recipient_of(name: &Name) -> Option<Recipient> {
    match name {
        Name::Phone(digits) => Some(Recipient::Phone(digits.clone())),
        Name::User(id) | Name::Parent(id) => Some(Recipient::User(id.clone())),
        Name::Group(id) => Some(Recipient::Group(id.clone())),
        Name::Topic(_) => None,
    }
}

const PARENT: &str = "ENT.";

fn after_country(id: &str) -> Option<&str> {
    let (country, rest) = id.split_once('.')?;
    let is_country = country.len() == 2 && country.bytes().all(|byte| byte.is_ascii_uppercase());
    is_country.then_some(rest)
}

fn is_parent(id: &str) -> bool {
    after_country(id).is_some_and(|rest| rest.starts_with(PARENT))
}

/// Whether it is a business-scoped user id. Meta, "Business-scoped user IDs": the country, a dot, `ENT.` for those of
/// linked portfolios, up to 128 letters and digits.
pub fn is_user(id: &str) -> bool {
    after_country(id).is_some_and(|rest| {
        let rest = rest.strip_prefix(PARENT).unwrap_or(rest);
        (1..=128).contains(&rest.len()) && rest.bytes().all(|byte| byte.is_ascii_alphanumeric())
    })
}
