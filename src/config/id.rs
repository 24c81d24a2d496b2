//! The names that a team gives to its destinations and rules, and Meta's ids.

use crate::checked::Node;

/// Reads one: 1 to 64 of `a-z`, `0-9`, `_`, `-`.
pub(super) fn read(node: &Node<'_>) -> Option<String> {
    let id = node.text()?;
    let fits = (1..=64).contains(&id.len())
        && id
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_' || b == b'-');
    if fits {
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
