//! Which events a destination wants, by their type.

use thiserror::Error;

/// A type (`whatsapp.message.received`), all that begin alike (`whatsapp.message.*`), or all (`*`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pattern(Form);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Form {
    Exactly(String),
    /// With the dot at its end; empty for all.
    Prefix(String),
}

/// Why a text is no pattern.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("must be an event type, or the beginning of one and .*, or *")]
pub struct NotAPattern;

impl Pattern {
    /// The pattern that every type matches.
    pub fn all() -> Self {
        Self(Form::Prefix(String::new()))
    }

    /// Reads a pattern. `*` stands for all that may follow, and only at the end.
    pub fn parse(text: &str) -> Result<Self, NotAPattern> {
        let (name, wild) = match text.strip_suffix('*') {
            Some("") => return Ok(Self::all()),
            Some(prefix) => (prefix.strip_suffix('.').ok_or(NotAPattern)?, true),
            None => (text, false),
        };
        let is_word = |word: &str| {
            !word.is_empty()
                && word
                    .bytes()
                    .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
        };
        if !name.split('.').all(is_word) {
            return Err(NotAPattern);
        }
        Ok(Self(if wild {
            Form::Prefix(format!("{name}."))
        } else {
            Form::Exactly(name.to_owned())
        }))
    }

    /// Whether an event of this type is wanted.
    pub fn matches(&self, kind: &str) -> bool {
        match &self.0 {
            Form::Exactly(name) => kind == name,
            Form::Prefix(prefix) => kind.starts_with(prefix),
        }
    }
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
            assert_eq!(Pattern::parse(text), Err(NotAPattern), "{text}");
        }
    }
}
