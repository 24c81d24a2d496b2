//! The names that a team gives to its destinations and rules, and Meta's ids.

use crate::checked::Node;

/// Whether it is a name that may be given: 1 to 64 of `a-z`, `0-9`, `_`, `-`.
pub fn is_id(text: &str) -> bool {
    let fits = |b: u8| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-');
    (1..=64).contains(&text.len()) && text.bytes().all(fits)
}

/// Reads such a name.
pub(super) fn read(node: &Node<'_>) -> Option<String> {
    let id = node.text()?;
    if is_id(id) {
        Some(id.to_owned())
    } else {
        node.refuse("must be 1 to 64 of a-z, 0-9, _ and -")
    }
}

/// Reads an id of Meta's: digits. What is none is refused for this reason.
pub(super) fn of_meta(node: &Node<'_>, reason: &str) -> Option<String> {
    let id = node.text()?;
    let fits = (1..=32).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_digit());
    if fits {
        Some(id.to_owned())
    } else {
        node.refuse(reason)
    }
}
