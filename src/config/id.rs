//! The names that a team gives to its destinations and rules.

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
