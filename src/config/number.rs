//! What is set for one business number.

use crate::checked::Node;

/// A business number that `CONFIG` names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Number {
    /// Meta's id of it.
    pub phone_number_id: String,
    /// Over how many mailboxes its conversations are spread: 1 to 64.
    pub partitions: u32,
}

/// Reads `[{"phone_number_id": "106540352242922", "partitions": 4}]`.
pub(super) fn read_all(node: &Node<'_>) -> Vec<Number> {
    let mut numbers: Vec<Number> = Vec::new();
    for item in node.items(0..=usize::MAX, "numbers") {
        if item.object().is_none() {
            continue;
        }
        item.only(&["phone_number_id", "partitions"]);
        let partitions = item
            .get("partitions")
            .and_then(|node| node.whole(&(1..=64), "partitions"))
            .and_then(|number| u32::try_from(number).ok());
        let Some(node) = item.need("phone_number_id") else {
            continue;
        };
        let Some(id) = read_id(&node) else { continue };
        if numbers.iter().any(|number| number.phone_number_id == id) {
            node.fault("is taken by a number above");
        }
        numbers.push(Number {
            phone_number_id: id,
            partitions: partitions.unwrap_or(1),
        });
    }
    numbers
}

/// A `phone_number_id`: digits, as Meta shows it beside the number.
pub(super) fn read_id(node: &Node<'_>) -> Option<String> {
    let id = node.text()?;
    let fits = (1..=32).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_digit());
    if fits {
        Some(id.to_owned())
    } else {
        node.refuse("must be a phone_number_id: digits, such as 106540352242922")
    }
}
