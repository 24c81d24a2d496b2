//! What is set for one business number.

use crate::checked::Node;

/// A business number that `CONFIG` names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Number {
    /// Meta's id of it.
    pub phone_number_id: String,
}

/// Reads `[{"phone_number_id": "106540352242922"}]`.
pub(super) fn read_all(node: &Node<'_>) -> Vec<Number> {
    let mut numbers: Vec<Number> = Vec::new();
    for item in node.items(0..=usize::MAX, "numbers") {
        if item.object().is_none() {
            continue;
        }
        item.only(&["phone_number_id"]);
        let Some(node) = item.need("phone_number_id") else {
            continue;
        };
        let Some(id) = read_id(&node) else { continue };
        if numbers.iter().any(|number| number.phone_number_id == id) {
            node.fault("is taken by a number above");
        }
        numbers.push(Number {
            phone_number_id: id,
        });
    }
    numbers
}

/// Reads a list of ids.
pub(super) fn read_ids(node: &Node<'_>) -> Vec<String> {
    node.items(1..=1000, "phone_number_ids")
        .iter()
        .filter_map(read_id)
        .collect()
}

/// A `phone_number_id`: digits, as Meta shows it beside the number.
fn read_id(node: &Node<'_>) -> Option<String> {
    let id = node.text()?;
    let fits = (1..=32).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_digit());
    if fits {
        Some(id.to_owned())
    } else {
        node.refuse("must be a phone_number_id: digits, such as 106540352242922")
    }
}
