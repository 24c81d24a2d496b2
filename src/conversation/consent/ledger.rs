//! What a customer said about being written to, when and how.
//!
//! What was said last holds, by the time at which it was said. So the order in which we are told of it does not matter.

use crate::{
    event::rfc3339,
    meta::json::Json,
    written::{Object, list, of_word, word_of},
};

/// How much is remembered of one customer.
const MOST: usize = 10;

/// How it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Standing {
    /// They have not said.
    Unknown,
    /// They want it.
    OptedIn,
    /// They do not want it.
    OptedOut,
}

const STANDINGS: [(Standing, &str); 3] = [
    (Standing::Unknown, "unknown"),
    (Standing::OptedIn, "opted_in"),
    (Standing::OptedOut, "opted_out"),
];

impl Standing {
    /// Its word.
    pub fn name(self) -> &'static str {
        word_of(&STANDINGS, self)
    }

    /// That of a word.
    pub fn read(name: &str) -> Self {
        of_word(&STANDINGS, name).unwrap_or(Self::Unknown)
    }
}

/// How we know.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum How {
    /// By a word that they wrote.
    Word,
    /// By a button that they pressed.
    Button,
    /// By WhatsApp's own switch (Meta: `user_preferences`).
    Preference,
    /// By Meta's refusing a message (131050).
    Refusal,
    /// By whoever asked the admin API.
    Api,
}

const HOWS: [(How, &str); 5] = [
    (How::Word, "word"),
    (How::Button, "button"),
    (How::Preference, "preference"),
    (How::Refusal, "refusal"),
    (How::Api, "api"),
];

/// One thing that was said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// They want it.
    pub opted_in: bool,
    /// How we know.
    pub how: How,
    /// When it was said, in unix seconds.
    pub at: i64,
    /// By what: one of our own words, Meta's, or what the admin API was told.
    pub note: Option<String>,
    /// The event that told it, or the send that was refused.
    pub by: Option<String>,
}

impl Entry {
    /// As whoever asks the admin API says, of this time (unix seconds).
    pub fn told(opted_in: bool, at: i64, note: Option<String>) -> Self {
        Self {
            opted_in,
            how: How::Api,
            at,
            note,
            by: None,
        }
    }

    /// Meta refused a message (131050): by this code, at this time (unix seconds), and the send's id.
    pub fn refusal(code: u32, at: i64, send: &str) -> Self {
        Self {
            opted_in: false,
            how: How::Refusal,
            at,
            note: Some(code.to_string()),
            by: Some(send.to_owned()),
        }
    }

    pub(super) fn standing(&self) -> Standing {
        if self.opted_in {
            Standing::OptedIn
        } else {
            Standing::OptedOut
        }
    }

    /// Of two things said in one second the stricter is taken for the last.
    fn order(&self) -> (i64, bool, How, Option<&str>) {
        (self.at, !self.opted_in, self.how, self.by.as_deref())
    }

    /// Whether the customer has just written or pressed it.
    pub(in crate::conversation) fn is_written(&self) -> bool {
        matches!(self.how, How::Word | How::Button)
    }

    fn read(json: Json<'_>) -> Option<Self> {
        let text = |name| Some(json.get(name)?.text()?.into_owned());
        Some(Self {
            opted_in: text("state")? == Standing::OptedIn.name(),
            how: of_word(&HOWS, &text("how")?)?,
            at: json.get("at")?.integer()?,
            note: text("note"),
            by: text("by"),
        })
    }

    fn write(&self) -> String {
        let mut entry = Object::default();
        entry
            .text("state", self.standing().name())
            .text("how", word_of(&HOWS, self.how))
            .number("at", self.at)
            .text_if("note", self.note.as_deref())
            .text_if("by", self.by.as_deref());
        entry.finish()
    }

    /// As events and the admin API tell it.
    pub fn view(&self) -> String {
        self.object().finish()
    }

    pub(super) fn object(&self) -> Object {
        let mut entry = Object::default();
        entry
            .text("state", self.standing().name())
            .text("how", word_of(&HOWS, self.how))
            .text_if("time", rfc3339(self.at).as_deref())
            .text_if("note", self.note.as_deref())
            .text_if("by", self.by.as_deref());
        entry
    }
}

/// What one customer said, as far as it is remembered: the last 10 things, oldest first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ledger(Vec<Entry>);

impl Ledger {
    /// Reads what [`Ledger::write`] wrote. What cannot be read is not remembered.
    pub(in crate::conversation) fn read(json: Json<'_>) -> Self {
        json.items().filter_map(Entry::read).collect()
    }

    /// As it is stored: a JSON list.
    pub(in crate::conversation) fn write(&self) -> String {
        list(&self.0.iter().map(Entry::write).collect::<Vec<_>>())
    }

    /// Whether nothing was said.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How it stands.
    pub fn standing(&self) -> Standing {
        self.last().map_or(Standing::Unknown, Entry::standing)
    }

    /// What was said last.
    pub fn last(&self) -> Option<&Entry> {
        self.0.last()
    }

    /// How many things the customer wrote or pressed after a time (unix seconds), as far as is remembered.
    pub(in crate::conversation) fn since(&self, at: i64) -> usize {
        let written = |entry: &&Entry| entry.at > at && entry.is_written();
        self.0.iter().filter(written).count()
    }

    /// Whether the customer does not want to be written to, and has written or pressed that since a time (unix seconds).
    pub fn is_stopped_since(&self, at: i64) -> bool {
        let stop = |entry: &Entry| entry.is_written() && !entry.opted_in && entry.at >= at;
        self.standing() == Standing::OptedOut && self.0.iter().any(stop)
    }

    /// What is left of it when the person is forgotten: if they have opted out, when and how they said so.
    pub(in crate::conversation) fn forgotten(&self) -> Self {
        let stands = self.standing() == Standing::OptedOut;
        let stops = self.0.iter().filter(|entry| stands && !entry.opted_in);
        stops
            .map(|stop| Entry {
                how: stop.how,
                ..Entry::told(false, stop.at, None)
            })
            .collect()
    }

    /// With one thing more that was said.
    #[must_use]
    pub fn with(self, entry: Entry) -> Self {
        self.0.into_iter().chain([entry]).collect()
    }

    /// What was said by one person whom we knew as two.
    #[must_use]
    pub fn joined(self, other: Self) -> Self {
        self.0.into_iter().chain(other.0).collect()
    }

    /// As the admin API tells it, newest first.
    pub fn view(&self) -> String {
        list(&self.0.iter().rev().map(Entry::view).collect::<Vec<_>>())
    }
}

impl FromIterator<Entry> for Ledger {
    fn from_iter<T: IntoIterator<Item = Entry>>(entries: T) -> Self {
        let mut entries: Vec<Entry> = entries.into_iter().collect();
        entries.sort_by(|one, other| one.order().cmp(&other.order()));
        entries.dedup();
        entries.drain(..entries.len().saturating_sub(MOST));
        Self(entries)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{super::tests::entry, *};
    use crate::meta::json::Document;

    #[test]
    fn of_two_things_said_in_one_second_the_stricter_holds() {
        for order in [[true, false], [false, true]] {
            let ledger: Ledger = order
                .map(|opted_in| entry(opted_in, 7))
                .into_iter()
                .collect();
            assert_eq!(ledger.standing(), Standing::OptedOut);
        }
    }

    #[test]
    fn the_stored_form_does_not_change() {
        let written = Entry {
            note: Some("stop".into()),
            by: Some("e-1".into()),
            ..entry(false, 5)
        };
        let ledger = Ledger::default().with(entry(true, 1)).with(written);
        let stored = r#"[{"state":"opted_in","how":"word","at":1},{"state":"opted_out","how":"word","at":5,"note":"stop","by":"e-1"}]"#;
        assert_eq!(ledger.write(), stored);
        assert_eq!(
            Ledger::read(Document::parse(stored).unwrap().root()),
            ledger
        );
        assert_eq!(
            ledger.view(),
            r#"[{"state":"opted_out","how":"word","time":"1970-01-01T00:00:05Z","note":"stop","by":"e-1"},{"state":"opted_in","how":"word","time":"1970-01-01T00:00:01Z"}]"#
        );
        for nonsense in ["7", "{}", "[7]", r#"[{"how":"guess","at":1}]"#] {
            assert!(Ledger::read(Document::parse(nonsense).unwrap().root()).is_empty());
        }
    }

    fn entries() -> impl Strategy<Value = Vec<Entry>> {
        prop::collection::vec((any::<bool>(), 0_i64..30), 0..20).prop_map(|said| {
            said.into_iter()
                .map(|(opted_in, at)| entry(opted_in, at))
                .collect()
        })
    }

    proptest! {
        /// Webhooks come late, twice and in any order.
        #[test]
        fn the_order_in_which_it_is_told_does_not_matter(said in entries(), other in entries()) {
            let one_by_one = said.iter().cloned().fold(Ledger::default(), Ledger::with);
            let backwards = said.iter().rev().cloned().fold(Ledger::default(), Ledger::with);
            prop_assert_eq!(&one_by_one, &backwards);
            let twice = said.iter().cloned().fold(one_by_one.clone(), Ledger::with);
            prop_assert_eq!(&one_by_one, &twice);
            prop_assert!(one_by_one.0.len() <= MOST);
            let other: Ledger = other.into_iter().collect();
            prop_assert_eq!(one_by_one.clone().joined(other.clone()), other.joined(one_by_one.clone()));
            let last = said.iter().max_by_key(|entry| entry.order());
            prop_assert_eq!(one_by_one.last(), last);
        }
    }
}
