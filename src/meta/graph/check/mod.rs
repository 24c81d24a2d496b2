//! Meta's documented limits of each type of message, so that what would be refused, or cut off, is never sent.
//!
//! Members that are not known here pass: Meta adds them more often than we look. A limit that its documents give in
//! two ways is taken the wider way.

mod catalog;
mod choices;
mod interactive;
mod media;
mod plain;
mod template;

use serde_json::Value;

use crate::checked::Node;

/// The values of `type`.
pub(super) const KINDS: [&str; 12] = [
    "text",
    "image",
    "video",
    "audio",
    "document",
    "sticker",
    "location",
    "contacts",
    "reaction",
    "interactive",
    "template",
    "pin",
];

/// Checks the member that is named like its `kind`. What is `direct` goes by Direct Send, which takes more.
pub(super) fn content(kind: &str, node: &Node<'_>, direct: bool) {
    match kind {
        "text" => plain::text(node),
        "location" => plain::location(node),
        "contacts" => plain::contacts(node),
        "reaction" => plain::reaction(node),
        "pin" => plain::pin(node),
        "interactive" => interactive::interactive(node, direct),
        "template" => template::template(node),
        _ => media::media(kind, node, false),
    }
}

/// A member that must be an address which Meta can fetch or a customer can open.
fn link(node: &Node<'_>) {
    let Some(text) = node.filled_text() else {
        return;
    };
    // `url` refuses a host with other than ASCII letters, as it is built here. Meta and browsers know such hosts.
    let text = text.replace(|c: char| !c.is_ascii(), "x");
    let is_web = url::Url::parse(&text).is_ok_and(|url| matches!(url.scheme(), "https" | "http"));
    if !is_web {
        node.fault("must be an http or https URL");
    }
}

/// Whether a caption counts as one that is not there.
pub(super) fn is_no_caption(value: &Value) -> bool {
    value.is_null() || value.as_str().is_some_and(|text| text.trim().is_empty())
}

/// A member that must be there, and not be blank.
fn filled(node: &Node<'_>, key: &str) {
    node.need(key).and_then(|text| text.filled_text());
}

/// A member that must be there, not be blank, and have at most `max` characters.
fn short(node: &Node<'_>, key: &str, max: usize) {
    node.need(key).and_then(|text| text.short_text(max));
}

/// Like [`short`], where it is there.
fn short_if(node: &Node<'_>, key: &str, max: usize) {
    node.get(key).and_then(|text| text.short_text(max));
}

/// The place of a card among the others.
fn card_index(card: &Node<'_>) {
    let index = card.need("card_index");
    index.and_then(|index| index.whole(&(0..=9), "(its place among the cards)"));
}

/// Of these no two may be equal.
fn unique(nodes: &[Node<'_>]) {
    for (index, node) in nodes.iter().enumerate() {
        if nodes
            .iter()
            .take(index)
            .any(|before| before.value() == node.value())
        {
            node.fault("is there twice");
        }
    }
}

#[cfg(test)]
mod tests;
