//! What an item says, before it is written down as an event.

use std::borrow::Cow;

use super::person::Person;
use super::{Effect, Name, UNKNOWN};
use crate::meta::json::Json;
use crate::meta::shape::{Shape, write_members};

/// What an item says, as the reader of its field understood it.
pub(super) struct Draft<'a> {
    pub(super) kind: Cow<'static, str>,
    pub(super) time: Option<i64>,
    pub(super) person: Person<'a>,
    /// The conversation's names, where they are not the person's.
    pub(super) names: Vec<Name>,
    pub(super) effect: Effect,
    /// What the event is about; the first half of its id.
    pub(super) about: Cow<'a, str>,
    /// The natural key: by what a repetition is known. The second half of its id.
    pub(super) key: Vec<Cow<'a, str>>,
    /// The event's payload: its member's name, and the JSON.
    pub(super) payload: Option<(&'static str, String)>,
}

impl<'a> Draft<'a> {
    /// An event about `about`, known again by `key`, that does nothing to anybody's conversation.
    pub(super) fn new(
        kind: impl Into<Cow<'static, str>>,
        about: impl Into<Cow<'a, str>>,
        key: impl Into<Vec<Cow<'a, str>>>,
    ) -> Self {
        Self {
            kind: kind.into(),
            time: None,
            person: Person::default(),
            names: Vec::new(),
            effect: Effect::None,
            about: about.into(),
            key: key.into(),
            payload: None,
        }
    }

    /// What we do not model. It is known again by all that it says.
    pub(super) fn unknown(item: Json<'a>) -> Self {
        Self::unknown_text(item.canonical())
    }

    pub(super) fn unknown_text(text: impl Into<Cow<'a, str>>) -> Self {
        Self::by_text(UNKNOWN, "unknown", text.into())
    }

    /// An event that is known again by all that it says, and is about nothing else.
    pub(super) fn by_text(kind: &'static str, what: &'static str, text: Cow<'a, str>) -> Self {
        Self::new(kind, text.clone(), [what.into(), text])
    }

    /// With the members of `shape` that `item` has, as the payload `name`.
    pub(super) fn with_payload(
        self,
        name: &'static str,
        shape: &Shape,
        item: Json<'a>,
    ) -> Option<Self> {
        self.with_payload_of(name, &[(shape, item)])
    }

    /// With the members of several pieces, as the payload `name`.
    pub(super) fn with_payload_of(
        self,
        name: &'static str,
        pieces: &[(&Shape, Json<'a>)],
    ) -> Option<Self> {
        let size = pieces
            .iter()
            .map(|(_, item)| item.raw().len())
            .sum::<usize>();
        let mut json = String::with_capacity(size + 16);
        json.push('{');
        for (shape, item) in pieces {
            if !item.is_object() {
                return None;
            }
            write_members(shape.members(), *item, &mut json).ok()?;
        }
        json.push('}');
        Some(Self {
            payload: Some((name, json)),
            ..self
        })
    }

    /// Writes a further member into the payload, where there is one.
    pub(super) fn add(&mut self, write: &dyn Fn(&mut String)) {
        if let Some((_, json)) = &mut self.payload {
            json.pop();
            write(json);
            json.push('}');
        }
    }
}

/// Unix time in seconds, written as a number or as a string; `None` where no calendar has it.
pub(super) fn seconds(json: Json<'_>) -> Option<i64> {
    const YEAR_10000: i64 = 253_402_300_800;
    json.integer()
        .filter(|seconds| (0..YEAR_10000).contains(seconds))
}
