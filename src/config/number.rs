//! What is set for one business number.

use super::{Sending, id};
use crate::checked::Node;

/// A business number that `CONFIG` names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Number {
    /// Meta's id of it.
    pub phone_number_id: String,
    /// Over how many objects its conversations are spread.
    pub partitions: u32,
}

/// How many partitions a number may have: one webhook may go to all of them at once.
const MOST_PARTITIONS: u32 = 16;

/// What is said if there are more partitions than messages for them to share.
const PARTITIONS: &str = "partitions, and no more than sending.per_second or per_minute";

/// Reads `[{"phone_number_id": "106540352242922", "partitions": 4}]`. Each partition has its share of what the number may
/// send, one message at least.
pub(super) fn read_all(node: &Node<'_>, sending: &Sending) -> Vec<Number> {
    let rate = sending
        .per_minute
        .unwrap_or(u32::MAX)
        .min(sending.per_second);
    let most = MOST_PARTITIONS.min(rate);
    let mut numbers: Vec<Number> = Vec::new();
    for item in node.items(0..=usize::MAX, "numbers") {
        if item.object().is_none() {
            continue;
        }
        item.only(&["phone_number_id", "partitions"]);
        let partitions = item
            .get("partitions")
            .and_then(|node| node.whole(&(1..=most), PARTITIONS));
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

/// Reads a list of ids.
pub(super) fn read_ids(node: &Node<'_>) -> Vec<String> {
    node.items(1..=1000, "phone_number_ids")
        .iter()
        .filter_map(read_id)
        .collect()
}

/// A `phone_number_id`: digits, as Meta shows it beside the number.
fn read_id(node: &Node<'_>) -> Option<String> {
    id::of_meta(
        node,
        "must be a phone_number_id: digits, such as 106540352242922",
    )
}
