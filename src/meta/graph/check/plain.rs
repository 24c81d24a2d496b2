//! `text`, `location`, `contacts`, `reaction`, `pin`.

use serde_json::Value;

use super::{filled, short};
use crate::checked::Node;

/// Source: "Text messages".
pub(super) fn text(node: &Node<'_>) {
    short(node, "body", 4_096);
    node.get("preview_url").and_then(|preview| preview.flag());
}

/// Source: "Location messages". Its examples write degrees as strings, its schema as numbers; both are taken.
pub(super) fn location(node: &Node<'_>) {
    for (key, most) in [("latitude", 90), ("longitude", 180)] {
        let Some(degrees) = node.need(key) else {
            continue;
        };
        let number = match degrees.value() {
            // `str::parse` brings tables of 10 KB; these are read by what reads JSON.
            Value::String(text) => serde_json::from_str::<Value>(text).ok(),
            value => Some(value.clone()),
        };
        let number = number.and_then(|number| number.as_f64());
        if !number.is_some_and(|number| number.abs() <= f64::from(most)) {
            degrees.fault(format!("must be -{most} to {most} degrees"));
        }
    }
}

/// Source: "Contacts messages".
pub(super) fn contacts(node: &Node<'_>) {
    for contact in node.items(1..=257, "contacts") {
        let Some(name) = contact.need("name") else {
            continue;
        };
        filled(&name, "formatted_name");
        let parts = ["first_name", "last_name", "middle_name", "suffix", "prefix"];
        if !parts.iter().any(|part| name.get(part).is_some()) {
            name.fault(format!(
                "needs one of {} beside formatted_name",
                parts.join(", ")
            ));
        }
    }
}

/// Source: "Reaction messages". An empty emoji takes a reaction back.
pub(super) fn reaction(node: &Node<'_>) {
    filled(node, "message_id");
    node.need("emoji").and_then(|emoji| emoji.text());
}

/// Source: "Groups API", pinned messages.
pub(super) fn pin(node: &Node<'_>) {
    node.need("type")
        .and_then(|kind| kind.one_of(&["pin", "unpin"]));
    filled(node, "message_id");
    node.get("expiration_days")
        .and_then(|days| days.whole(&(1..=30), "days"));
}
