//! `interactive` with something to choose: `button`, `list`, `carousel`.

use serde_json::Value;

use super::{
    card_index, catalog,
    interactive::{body, cta_url, header, titled_link},
    short, short_if, unique,
};
use crate::checked::Node;

/// Sources: "Interactive reply buttons messages"; "Supported message types" of Direct Send, which takes up to two links
/// before the replies.
pub(super) fn buttons(action: &Node<'_>, direct: bool) {
    let most = if direct { 10 } else { 3 };
    let buttons = action.need_items("buttons", 1..=most, "buttons");
    let mut links = if direct { 2 } else { 0 };
    let mut replies = Vec::new();
    for button in &buttons {
        let kind = button.value().get("type").and_then(Value::as_str);
        if kind == Some("cta_url") && links > 0 && replies.is_empty() {
            links -= 1;
            button.need("cta_url").iter().for_each(titled_link);
        } else {
            replies.extend(reply(button, "reply"));
        }
    }
    different(&replies, "id");
    different(&replies, "title");
}

fn reply<'a>(button: &Node<'a>, kind: &'static str) -> Option<Node<'a>> {
    button.need("type").and_then(|node| node.one_of(&[kind]));
    let reply = button.need(kind)?;
    short(&reply, "id", 256);
    short(&reply, "title", 20);
    Some(reply)
}

fn different(nodes: &[Node<'_>], key: &str) {
    let members: Vec<_> = nodes.iter().filter_map(|node| node.get(key)).collect();
    unique(&members);
}

/// Source: "Interactive list messages".
pub(super) fn list(action: &Node<'_>) {
    short(action, "button", 20);
    let Some(list) = action.need("sections") else {
        return;
    };
    let sections = list.items(1..=10, "sections");
    let mut rows = Vec::new();
    for section in &sections {
        section_title(section, sections.len());
        rows.extend(section.need_items("rows", 1..=10, "rows"));
    }
    if rows.len() > 10 {
        list.fault("at most 10 rows in all sections together");
    }
    for row in &rows {
        short(row, "id", 200);
        short(row, "title", 24);
        short_if(row, "description", 72);
    }
    different(&rows, "id");
}

/// With more than one section each needs a title.
pub(super) fn section_title(section: &Node<'_>, sections: usize) {
    if sections > 1 {
        short(section, "title", 24);
    } else {
        short_if(section, "title", 24);
    }
}

/// Source: "Interactive media carousel messages" and its neighbour for products.
pub(super) fn carousel(action: &Node<'_>) {
    let cards = action.need_items("cards", 2..=10, "cards");
    for card in &cards {
        self::card(card);
    }
    let header = |card: &Node<'_>| card.value().pointer("/header/type").cloned();
    let buttons = |card: &Node<'_>| {
        card.value()
            .pointer("/action/buttons")?
            .as_array()
            .map(Vec::len)
    };
    for pair in cards.windows(2) {
        let [a, b] = pair else { continue };
        if header(a) != header(b) || buttons(a) != buttons(b) {
            b.fault("must have the same kind of header and as many buttons as the card before it");
        }
    }
}

fn card(card: &Node<'_>) {
    card_index(card);
    let Some(action) = card.need("action") else {
        return;
    };
    if card.value().get("type").and_then(Value::as_str) == Some("product") {
        return catalog::product(&action);
    }
    card.need("header")
        .iter()
        .for_each(|node| header(node, &["image", "video"], false));
    body(card, 160, false);
    if let Some(text) = card.get("body").and_then(|body| body.get("text"))
        && text
            .value()
            .as_str()
            .is_some_and(|text| text.matches('\n').count() > 2)
    {
        text.fault("at most 2 line breaks");
    }
    match action.get("buttons") {
        Some(buttons) => {
            for button in buttons.items(1..=3, "buttons") {
                reply(&button, "quick_reply");
            }
        }
        None => cta_url(&action),
    }
}
