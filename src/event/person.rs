//! Who it was: the names by which an item, or the contact beside it, calls a person.

use std::borrow::Cow;

use super::Name;
use crate::meta::json::Json;
use crate::meta::shape::digits;
use crate::written::{begin_member, push_string};

/// Names are ids, numbers and what fits a line of a screen. What is longer is none of them, and stays in `raw`.
const LONGEST: usize = 512;

/// Under which members an item names a person.
pub(super) struct Keys {
    user: &'static [&'static str],
    parent: &'static [&'static str],
    phone: &'static [&'static str],
}

/// The sender of a message or a call.
pub(super) const FROM: Keys = Keys {
    user: &["from_user_id"],
    parent: &["from_parent_user_id"],
    phone: &["from"],
};

/// The addressee of an echo or a call.
pub(super) const TO: Keys = Keys {
    user: &["to_user_id"],
    parent: &["to_parent_user_id"],
    phone: &["to"],
};

/// The addressee of a message, as its sender names them.
pub(super) const SENT_TO: Keys = Keys {
    user: &["recipient"],
    parent: &[],
    phone: &["to"],
};

/// The addressee of a message whose status is told. Meta's own pages spell the parent in three ways.
pub(super) const RECIPIENT: Keys = Keys {
    user: &["recipient_user_id"],
    parent: &[
        "recipient_parent_user_id",
        "parent_recipient_user_id",
        "parent_user_id",
    ],
    phone: &["recipient_id"],
};

/// The member of a group for whom a status is told.
pub(super) const PARTICIPANT: Keys = Keys {
    user: &["recipient_participant_user_id"],
    parent: &["recipient_participant_parent_user_id"],
    phone: &["recipient_participant_id", "participant_recipient_id"],
};

/// A contact, a participant of a group, and whoever else has an object of their own.
pub(super) const CONTACT: Keys = Keys {
    user: &["user_id"],
    parent: &["parent_user_id"],
    phone: &["wa_id", "phone_number", "new_wa_id"],
};

/// The names that a change of names leaves behind.
pub(super) const PREVIOUS: Keys = Keys {
    user: &["previous_user_id"],
    parent: &["previous_parent_user_id"],
    phone: &["customer"],
};

/// A person, as far as one webhook tells.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Person<'a> {
    pub(super) user: Option<Cow<'a, str>>,
    pub(super) parent: Option<Cow<'a, str>>,
    pub(super) phone: Option<Cow<'a, str>>,
    pub(super) username: Option<Cow<'a, str>>,
    pub(super) name: Option<Cow<'a, str>>,
}

impl<'a> Person<'a> {
    /// Reads the ids of a person from the members named by `keys`.
    pub(super) fn read(item: Json<'a>, keys: &Keys) -> Self {
        let id = |names: &[&str]| item.any(names).and_then(line);
        let mut person = Self {
            user: id(keys.user),
            parent: id(keys.parent),
            ..Self::default()
        };
        match id(keys.phone) {
            // Meta says that it never does this; others have seen it.
            Some(id) if is_user_id(&id) => person.user = person.user.or(Some(id)),
            Some(text) => person.phone = phone(text),
            None => {}
        }
        person
    }

    /// Reads a contact.
    pub(super) fn contact(contact: Json<'a>) -> Self {
        let profile = |name: &str| contact.get("profile")?.get(name);
        Self {
            username: profile("username")
                .or_else(|| contact.get("username"))
                .and_then(line)
                .map(username),
            name: profile("name").and_then(line),
            ..Self::read(contact, &CONTACT)
        }
    }

    /// Whether there is no name by which a conversation goes.
    pub(super) fn is_nobody(&self) -> bool {
        self.user.is_none() && self.parent.is_none() && self.phone.is_none()
    }

    /// This person, with what the other adds.
    pub(super) fn or(self, other: Self) -> Self {
        Self {
            user: self.user.or(other.user),
            parent: self.parent.or(other.parent),
            phone: self.phone.or(other.phone),
            username: self.username.or(other.username),
            name: self.name.or(other.name),
        }
    }

    /// This person, without the names that the other has as well.
    pub(super) fn without(self, other: &Self) -> Self {
        Self {
            user: self.user.filter(|id| other.user.as_ref() != Some(id)),
            parent: self.parent.filter(|id| other.parent.as_ref() != Some(id)),
            phone: self.phone.filter(|id| other.phone.as_ref() != Some(id)),
            ..self
        }
    }

    /// The names that a conversation goes by, best first.
    pub(super) fn names(&self) -> Vec<Name> {
        let owned = |id: &Option<Cow<'a, str>>| id.as_deref().map(str::to_owned);
        let mut names = Vec::new();
        names.extend(owned(&self.user).map(Name::User));
        names.extend(owned(&self.parent).map(Name::Parent));
        names.extend(owned(&self.phone).map(Name::Phone));
        names
    }

    /// Writes this person as the member `of` an object, where anything is known.
    pub(super) fn write(&self, of: &str, out: &mut String) {
        let members = [
            ("user_id", &self.user),
            ("parent_user_id", &self.parent),
            ("phone", &self.phone),
            ("username", &self.username),
            ("name", &self.name),
        ];
        if members.iter().all(|(_, value)| value.is_none()) {
            return;
        }
        begin_member(out, of);
        out.push('{');
        for (name, value) in members {
            if let Some(value) = value {
                begin_member(out, name);
                push_string(out, value);
            }
        }
        out.push('}');
    }
}

/// The group that an item is of, if it is of one: a message by its `group_id`, a status by its recipient.
pub(super) fn group(item: Json<'_>) -> Vec<Name> {
    let is_of_one = || {
        let to = item.get("recipient_type").and_then(Json::text);
        to.as_deref() == Some("group") || Person::read(item, &PARTICIPANT) != Person::default()
    };
    let group = group_id(item);
    let group = group.or_else(|| item.get("recipient_id").filter(|_| is_of_one()));
    let group = group.and_then(id).map(Cow::into_owned);
    group.map(Name::Group).into_iter().collect()
}

/// What an item says of its group; an empty text is as if it were not there.
pub(super) fn group_id(item: Json<'_>) -> Option<Json<'_>> {
    let group = item.get("group_id");
    group.filter(|group| group.text().as_deref() != Some(""))
}

/// A text that can be a name.
pub(super) fn line(json: Json<'_>) -> Option<Cow<'_, str>> {
    json.text()
        .filter(|text| !text.is_empty() && text.len() <= LONGEST)
}

/// An id that can be part of an address: no longer than 128 characters, none of them blank or beyond ASCII.
pub(super) fn id(json: Json<'_>) -> Option<Cow<'_, str>> {
    long_id(json).filter(|id| id.len() <= 128)
}

/// The id of a person, a message or a call, which is part of no address. A message's has those of its group and of the
/// member in it, and a person's alone may have more than 128 characters.
pub(super) fn long_id(json: Json<'_>) -> Option<Cow<'_, str>> {
    line(json).filter(|id| id.bytes().all(|b| b.is_ascii_graphic()))
}

/// `US.13491208655302741918`, by its beginning.
fn is_user_id(text: &str) -> bool {
    matches!(text.as_bytes(), [a, b, b'.', ..] if a.is_ascii_uppercase() && b.is_ascii_uppercase())
}

/// The digits of a phone number, however it is written; `None` where it is none.
pub(super) fn phone(text: Cow<'_, str>) -> Option<Cow<'_, str>> {
    match text {
        Cow::Borrowed(text) => digits(text),
        Cow::Owned(text) => digits(&text).map(|digits| Cow::Owned(digits.into_owned())),
    }
}

fn username(text: Cow<'_, str>) -> Cow<'_, str> {
    match text {
        Cow::Borrowed(text) => Cow::Borrowed(text.trim_start_matches('@')),
        Cow::Owned(text) => Cow::Owned(text.trim_start_matches('@').to_owned()),
    }
}
