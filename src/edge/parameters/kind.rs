//! What a parameter may be.

use chrono::DateTime;

use crate::{config::is_id, mailbox::LetterPlace};

/// How many items there may be on a page.
const LIMIT: std::ops::RangeInclusive<i64> = 1..=100;

/// JavaScript's `Number.MAX_SAFE_INTEGER`.
const LARGEST: i64 = (1 << 53) - 1;

/// What a parameter may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A `phone_number_id`, or `account/` and the id of an account, or none: what names no account has a mailbox too.
    Mailbox,
    /// A destination's id.
    Destination,
    /// 1 to 128 characters.
    Text,
    /// Any of a person's names: as long as one may be that is kept.
    Person,
    /// A whole number that is not negative.
    Whole,
    /// How many items a page may have.
    Limit,
    /// Where the page before ended, of dead letters ([`LetterPlace`]).
    Place,
    /// Where the page before ended: a number, a colon and a path.
    Seen,
    /// One of two words, as it is said where it is neither: `opted_in or opted_out`.
    OneOf(&'static str),
    /// `true` or `false`.
    Flag,
    /// A time as RFC 3339 writes it.
    Time,
}

impl Kind {
    /// The value in the form in which it is handed on (a time as unix milliseconds), or what it must be.
    pub(super) fn read(self, text: &str) -> Result<String, &'static str> {
        let (fits, expected) = match self {
            Self::Mailbox => {
                let id = text.strip_prefix("account/").unwrap_or(text);
                (
                    text == "account/" || is_word(id),
                    "a phone_number_id, or account/ and the id of an account",
                )
            }
            Self::Destination => (is_id(text), "the id of a destination"),
            Self::Text => (has_up_to(128, text), "1 to 128 characters"),
            Self::Person => (has_up_to(512, text), "1 to 512 characters"),
            Self::Whole => (whole(text).is_some(), "a whole number"),
            Self::Limit => {
                let fits = whole(text).is_some_and(|number| LIMIT.contains(&number));
                (fits, "1 to 100")
            }
            Self::Place => {
                let fits = LetterPlace::read(text)
                    .is_some_and(|place| is_id(&place.destination) && place.seq <= LARGEST);
                (fits, NEXT)
            }
            Self::Seen => {
                let first = text.split_once(':').and_then(|(first, _)| whole(first));
                (first.is_some(), NEXT)
            }
            Self::OneOf(words) => (words.split(" or ").any(|word| word == text), words),
            Self::Flag => (matches!(text, "true" | "false"), "true or false"),
            Self::Time => {
                return DateTime::parse_from_rfc3339(text)
                    .map(|time| time.timestamp_millis().to_string())
                    .map_err(|_| "a time such as 2026-11-22T08:00:00Z");
            }
        };
        fits.then(|| text.to_owned()).ok_or(expected)
    }
}

/// What leads to the next page.
const NEXT: &str = "`next` of the page before, as it was";

fn has_up_to(most: usize, text: &str) -> bool {
    !text.is_empty() && text.chars().nth(most).is_none()
}

fn is_word(text: &str) -> bool {
    let fits = |b: u8| b == b'_' || b == b'-' || b.is_ascii_alphanumeric();
    (1..=64).contains(&text.len()) && text.bytes().all(fits)
}

fn whole(text: &str) -> Option<i64> {
    if text.is_empty() || !text.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    text.parse().ok().filter(|number| *number <= LARGEST)
}
