//! Fills a rule's message with what is known of the customer.

use serde_json::Value;

use super::said::Said;
use crate::{config::filled, meta::graph::Message};

/// A message with its placeholders filled in; `None` where it no longer fits Meta's limits then.
pub(super) fn message(message: &Message, said: &Said<'_>) -> Option<Message> {
    let mut filled = Value::Object(message.members().clone());
    if !fill(&mut filled, false, said) {
        return Some(message.clone());
    }
    Message::check(&filled).ok()
}

/// Fills in all strings of a value, which is or is not a link; gives whether there was anything to fill in.
fn fill(value: &mut Value, is_link: bool, said: &Said<'_>) -> bool {
    match value {
        Value::String(text) if text.contains("{{") => {
            *text = filled(text, is_link, |name| said.value(name));
            true
        }
        Value::Array(items) => {
            let mut any = false;
            for item in items {
                any |= fill(item, false, said);
            }
            any
        }
        Value::Object(members) => {
            let mut any = false;
            for (name, member) in members.iter_mut() {
                any |= fill(member, matches!(name.as_str(), "link" | "url"), said);
            }
            any
        }
        _ => false,
    }
}
