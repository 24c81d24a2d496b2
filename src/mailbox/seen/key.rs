//! The key by which an event is recognised: its id, and in front of that what puts it where it is cheap to write.
//!
//! A commit writes whole pages, and ids are digests: sorted by them alone, a webhook's thousand events would lie on a
//! thousand pages. So an event lies beside those of the same second, which a repetition tells again. A status lies
//! beside the other statuses of its message, which are found by what their ids begin with.
//!
//! Keys are handed to a statement as hex digits, for `unhex()`, since there is no array of bytes in JSON.

use sha2::{Digest, Sha256};

use crate::event::{Effect, Event, OWN};

/// With which digits the keys of statuses begin.
const STATUS: &str = "01";

/// How many digits of an id tell what it is about, and how many what happened.
const ABOUT: usize = 16;
const WHAT: usize = 24;

/// The digits of an event's key.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Key(String);

impl Key {
    pub(super) fn of(event: &Event) -> Self {
        let mut digits = match event.effect {
            Effect::Status { .. } => STATUS.to_owned(),
            _ => format!("00{:08x}", second(event)),
        };
        let (about, what) = event.id.split_once('-').unwrap_or((&event.id, ""));
        push(&mut digits, about, ABOUT);
        push(&mut digits, what, WHAT);
        Self(digits)
    }

    pub(super) fn digits(&self) -> &str {
        &self.0
    }

    pub(super) fn is_status(&self) -> bool {
        self.0.starts_with(STATUS)
    }

    /// The part that the keys of all statuses of its message have in common.
    pub(super) fn message(&self) -> &str {
        self.0.get(..MESSAGE).unwrap_or_default()
    }
}

/// How many digits the keys of a message's statuses begin with.
pub(super) const MESSAGE: usize = STATUS.len() + ABOUT;

/// Sorts behind everything that may follow those digits.
pub(super) const LAST: &str = "ffffffffffffffffffffffffff";

/// What the keys of all statuses of a message begin with; their ids begin with `about`.
pub(super) fn message(about: &str) -> String {
    let mut digits = STATUS.to_owned();
    push(&mut digits, about, ABOUT);
    digits
}

/// How many keys are handed to one statement: some 500 KB, where the platform allows 2 MB.
pub(super) const AT_ONCE: usize = 10_000;

/// A JSON array of the digits of keys.
pub(super) fn array(keys: &[Key]) -> String {
    let mut array = String::from("[");
    for Key(digits) in keys {
        let open = if array.len() == 1 { "\"" } else { ",\"" };
        array.push_str(open);
        array.push_str(digits);
        array.push('"');
    }
    array.push(']');
    array
}

/// The second by which an event is placed. Transom's own events have none: told again, they may have another time.
fn second(event: &Event) -> u32 {
    if event.kind.starts_with(OWN) {
        return 0;
    }
    let time = event.time.and_then(|time| u32::try_from(time).ok());
    time.unwrap_or_default()
}

/// Adds the digits of an id, or of its digest if it is not written like our ids.
fn push(digits: &mut String, text: &str, length: usize) {
    let is_digit = |b: u8| matches!(b, b'0'..=b'9' | b'a'..=b'f');
    if text.len() == length && text.bytes().all(is_digit) {
        digits.push_str(text);
    } else {
        let digest = hex::encode(Sha256::digest(text));
        digits.extend(digest.chars().take(length));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::MessageStatus;

    const ID: &str = "a8bcee09bf9845ba-43f17a19e165ac79862b636e";

    fn event(id: &str) -> Event {
        Event {
            id: id.to_owned(),
            kind: "whatsapp.message.received".to_owned(),
            time: Some(0x6000_0001),
            names: Vec::new(),
            effect: Effect::None,
            data: String::new(),
        }
    }

    fn status(id: &str) -> Event {
        Event {
            effect: Effect::Status {
                message: "wamid.A".to_owned(),
                status: MessageStatus::Read,
                free_until: None,
            },
            ..event(id)
        }
    }

    #[test]
    fn an_event_lies_in_its_second_and_a_status_beside_those_of_its_message() {
        let digits = "a8bcee09bf9845ba43f17a19e165ac79862b636e";
        let ours = Event {
            kind: "transom.budget.exhausted".to_owned(),
            ..event(ID)
        };
        for (event, key) in [
            (event(ID), format!("0060000001{digits}")),
            (
                Event {
                    time: None,
                    ..event(ID)
                },
                format!("0000000000{digits}"),
            ),
            (
                Event {
                    time: Some(-1),
                    ..event(ID)
                },
                format!("0000000000{digits}"),
            ),
            (ours, format!("0000000000{digits}")),
            (status(ID), format!("01{digits}")),
        ] {
            assert_eq!(Key::of(&event).digits(), key);
        }
    }

    #[test]
    fn ids_of_another_form_are_told_apart_and_statuses_of_one_message_are_found() {
        let ids = [
            "a-1",
            "a-2",
            "b-1",
            "a",
            "",
            "A8BCEE09BF9845BA-43f17a19e165ac79862b636e",
            ID,
            "a8bcee09bf9845ba-43f17a19e165ac79862b636e00",
            "a8bcee09bf9845ba43f17a19e165ac79862b636e",
        ];
        for (index, id) in ids.iter().enumerate() {
            for other in ids.iter().skip(index + 1) {
                assert_ne!(Key::of(&event(id)), Key::of(&event(other)), "{id} {other}");
            }
            let about = id.split_once('-').map_or(*id, |(about, _)| about);
            let (key, message) = (Key::of(&status(id)), message(about));
            let last = format!("{message}{LAST}");
            assert_eq!(key.message(), message, "{id}");
            assert!((message.as_str()..=last.as_str()).contains(&key.digits()));
        }
    }
}
