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

/// The name of a recipient who can say what they want; `None` where it is a group, of which no member speaks for all.
pub fn who_speaks(to: &Recipient) -> Option<Name> {
    Some(name_of(to)).filter(|name| name.member().is_some())
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

/// The names that a text may mean: it is a name alone, or with its kind, as Transom tells it. In a query a `+` is read
/// as a space.
pub fn names(person: &str) -> [Name; 4] {
    let told = Name::of_key(person);
    let person = told.as_ref().map_or(person, Name::value);
    let digits = person.trim_start_matches(['+', ' ']).to_owned();
    [
        Name::User(person.to_owned()),
        Name::Phone(digits),
        Name::Group(person.to_owned()),
        Name::Parent(person.to_owned()),
    ]
}

/// The group that a text means even if it is not known yet: `group:` and its id.
pub fn group(text: &str) -> Option<Name> {
    let id = text.strip_prefix("group:")?;
    let is_id = (1..=128).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_graphic());
    is_id.then(|| Name::Group(id.to_owned()))
}

/// The name of somebody who is not known yet, if it is a phone number, a user id or a group's name with its kind.
pub fn stranger(person: &str) -> Option<Name> {
    if let Some(group) = group(person) {
        return Some(group);
    }
    let told = Name::of_key(person);
    let told = told.filter(|name| !matches!(name, Name::Group(_) | Name::Topic(_)));
    let person = told.as_ref().map_or(person, Name::value);
    if is_user(person) {
        return Some(name_of(&Recipient::User(person.to_owned())));
    }
    phone::read(person).map(|digits| Name::Phone(digits.to_owned()))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_may_mean_any_name_that_is_written_so_and_a_plus_is_read_as_a_space() {
        let user = |id: &str| Name::User(id.to_owned());
        for (text, value, digits) in [
            ("16505551234", "16505551234", "16505551234"),
            ("+16505551234", "+16505551234", "16505551234"),
            (" 16505551234", " 16505551234", "16505551234"),
            ("US.1", "US.1", "US.1"),
        ] {
            let [first, phone, group, parent] = names(text);
            assert_eq!(first, user(value));
            assert_eq!(phone, Name::Phone(digits.to_owned()));
            assert_eq!(group, Name::Group(value.to_owned()));
            assert_eq!(parent, Name::Parent(value.to_owned()));
        }
        let told = user("US.1").key();
        assert_eq!(names(&told), names("US.1"), "with its kind: {told}");
    }

    #[test]
    fn no_group_says_that_it_wants_no_messages() {
        let ana = Recipient::Phone("16505551234".to_owned());
        assert_eq!(who_speaks(&ana), Some(name_of(&ana)));
        assert_eq!(who_speaks(&Recipient::Group("G".to_owned())), None);
    }

    #[test]
    fn a_stranger_is_a_phone_number_or_a_user_id_or_a_group_that_is_called_one() {
        let phone = Name::Phone("16505551234".to_owned());
        let user = Name::User("US.1".to_owned());
        let parent = Name::Parent("US.ENT.1".to_owned());
        let group = Name::Group("16505551234".to_owned());
        for (text, name) in [
            ("16505551234", Some(&phone)),
            ("+16505551234", Some(&phone)),
            (&phone.key(), Some(&phone)),
            ("US.1", Some(&user)),
            (&user.key(), Some(&user)),
            ("US.ENT.1", Some(&parent)),
            (&group.key(), Some(&group)),
            ("group:", None),
            ("group:two words", None),
            ("ana", None),
            ("", None),
        ] {
            assert_eq!(stranger(text).as_ref(), name, "{text}");
        }
    }
}
