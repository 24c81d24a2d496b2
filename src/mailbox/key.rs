//! An event's id as the database keeps it: 20 bytes in place of 41 characters, since what is written with every event is
//! the part of the table in which its id comes to lie.
//!
//! It is handed to a statement as 40 hex digits, for `unhex()`: there is no array of bytes in JSON.

use sha2::{Digest, Sha256};

/// The id of an event ([`crate::event::Event::id`]): 8 bytes for what it is about, 12 for what happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Key([u8; 20]);

impl Key {
    pub(super) fn of(id: &str) -> Self {
        let (about, what) = id.split_once('-').unwrap_or((id, ""));
        let mut key = [0; 20];
        let (first, second) = key.split_at_mut(ABOUT);
        fill(first, about);
        fill(second, what);
        Self(key)
    }

    pub(super) fn digits(self) -> String {
        hex::encode(self.0)
    }
}

/// How many bytes stand for what an event is about.
const ABOUT: usize = 8;

/// The digits with which the keys of all events about one thing begin, by what their ids begin with.
pub(super) fn about_digits(about: &str) -> String {
    let mut bytes = [0; ABOUT];
    fill(&mut bytes, about);
    hex::encode(bytes)
}

/// Fills in what the digits say. What is not written like our ids is as good as its digest.
fn fill(bytes: &mut [u8], text: &str) {
    let is_ours = text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    if !is_ours || hex::decode_to_slice(text, bytes).is_err() {
        let digest = Sha256::digest(text);
        for (byte, digested) in bytes.iter_mut().zip(digest) {
            *byte = digested;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_kept_by_the_bytes_that_its_digits_say() {
        let id = "a8bcee09bf9845ba-43f17a19e165ac79862b636e";
        assert_eq!(Key::of(id).digits(), id.replace('-', ""));
        assert_eq!(about_digits("a8bcee09bf9845ba"), "a8bcee09bf9845ba");
    }

    #[test]
    fn ids_of_another_form_are_told_apart_and_begin_alike_where_they_are_about_the_same() {
        let ids = [
            "a-1",
            "a-2",
            "b-1",
            "a",
            "",
            "A8BCEE09BF9845BA-43f17a19e165ac79862b636e",
            "a8bcee09bf9845ba-43f17a19e165ac79862b636e",
            "a8bcee09bf9845ba-43f17a19e165ac79862b636e00",
            "a8bcee09bf9845ba43f17a19e165ac79862b636e",
        ];
        for (index, id) in ids.iter().enumerate() {
            for other in ids.iter().skip(index + 1) {
                assert_ne!(Key::of(id), Key::of(other), "{id} {other}");
            }
            let about = id.split_once('-').map_or(*id, |(about, _)| about);
            assert!(Key::of(id).digits().starts_with(&about_digits(about)));
        }
    }
}
