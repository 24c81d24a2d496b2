//! Which events a destination wants, by their type.

use thiserror::Error;

use crate::{checked, event::TYPES};

/// A type (`whatsapp.message.received`), all that begin alike (`whatsapp.message.*`), or all (`*`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pattern(String);

/// Why a text is no pattern.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum NotAPattern {
    /// It is not written as one.
    #[error("must be an event type, or the beginning of one and .*, or *")]
    Form,
    /// It is written as one, but there is no such event: nothing would ever come.
    #[error("no event has such a type{hint}: docs/events.md lists them")]
    NoSuchType {
        /// What was probably meant, where there is something like it.
        hint: String,
    },
}

impl Pattern {
    /// The pattern that every type matches.
    pub fn all() -> Self {
        Self("*".to_owned())
    }

    /// Reads a pattern. `*` stands for all that may follow, and only at the end.
    pub fn parse(text: &str) -> Result<Self, NotAPattern> {
        let name = match text.strip_suffix('*') {
            Some("") => return Ok(Self::all()),
            Some(prefix) => prefix.strip_suffix('.').ok_or(NotAPattern::Form)?,
            None => text,
        };
        let is_of_a_word = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_';
        let is_word = |word: &str| !word.is_empty() && word.bytes().all(is_of_a_word);
        if !name.split('.').all(is_word) {
            return Err(NotAPattern::Form);
        }
        let pattern = Self(text.to_owned());
        if TYPES.iter().any(|kind| pattern.matches(kind)) {
            Ok(pattern)
        } else {
            let hint = hint(text);
            Err(NotAPattern::NoSuchType { hint })
        }
    }

    /// Whether an event of this type is wanted.
    pub fn matches(&self, kind: &str) -> bool {
        match self.0.strip_suffix('*') {
            Some(prefix) => kind.starts_with(prefix),
            None => kind == self.0,
        }
    }
}

fn hint(text: &str) -> String {
    let known = TYPES.iter().map(|kind| match kind.rsplit_once('.') {
        Some((family, _)) if text.ends_with('*') => format!("{family}.*"),
        _ => (*kind).to_owned(),
    });
    checked::hint(text, known)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_are_matched() {
        for (pattern, kind, wanted) in [
            ("*", "whatsapp.message.received", true),
            ("*", "unknown", true),
            ("whatsapp.*", "whatsapp.message.received", true),
            ("whatsapp.message.*", "whatsapp.message.received", true),
            ("whatsapp.message.*", "whatsapp.message", false),
            ("whatsapp.message.*", "whatsapp.messages.received", false),
            ("whatsapp.status.failed", "whatsapp.status.failed", true),
            (
                "whatsapp.status.failed",
                "whatsapp.status.failed_twice",
                false,
            ),
        ] {
            assert_eq!(
                Pattern::parse(pattern).unwrap().matches(kind),
                wanted,
                "{pattern} {kind}"
            );
        }
    }

    #[test]
    fn what_could_never_match_is_refused() {
        for text in [
            "",
            ".",
            "whatsapp.",
            "whatsapp..x",
            "*.received",
            "whatsapp.mess*",
            "whatsapp.**",
            "WhatsApp.*",
            "a b",
        ] {
            assert_eq!(Pattern::parse(text), Err(NotAPattern::Form), "{text}");
        }
    }

    #[test]
    fn what_no_event_is_called_is_refused_and_the_nearest_is_told() {
        for (text, near) in [
            (
                "whatsapp.message.recieved",
                ", did you mean whatsapp.message.received?",
            ),
            ("whatsapp.mesage.*", ", did you mean whatsapp.message.*?"),
            ("transom.window.closed", ""),
            ("whatsapp.message", ""),
            ("whatsapp.message.received.*", ""),
            ("message.*", ""),
        ] {
            let reason = Pattern::parse(text).unwrap_err().to_string();
            let expected = format!("no event has such a type{near}: docs/events.md lists them");
            assert_eq!(reason, expected, "{text}");
        }
    }
}
