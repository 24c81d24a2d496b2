//! `interactive` with something to choose: `button`, `list`, `carousel`.

use super::{
    catalog,
    interactive::{body, cta_url, header},
    unique,
};
use crate::checked::Node;

/// Source: "Interactive reply buttons messages".
pub(super) fn buttons(action: &Node<'_>) {
    let Some(buttons) = action.need("buttons") else {
        return;
    };
    let replies: Vec<_> = buttons
        .items(1..=3, "buttons")
        .iter()
        .filter_map(|button| reply(button, "reply"))
        .collect();
    different(&replies, "id");
    different(&replies, "title");
}

fn reply<'a>(button: &Node<'a>, kind: &'static str) -> Option<Node<'a>> {
    button.need("type").and_then(|node| node.one_of(&[kind]));
    let reply = button.need(kind)?;
    reply.need("id").and_then(|id| id.short_text(256));
    reply.need("title").and_then(|title| title.short_text(20));
    Some(reply)
}

fn different(nodes: &[Node<'_>], key: &str) {
    unique(
        &nodes
            .iter()
            .filter_map(|node| node.get(key))
            .collect::<Vec<_>>(),
    );
}

/// Source: "Interactive list messages".
pub(super) fn list(action: &Node<'_>) {
    action.need("button").and_then(|text| text.short_text(20));
    let Some(list) = action.need("sections") else {
        return;
    };
    let sections = list.items(1..=10, "sections");
    let mut rows = Vec::new();
    for section in &sections {
        section_title(section, sections.len());
        rows.extend(
            section
                .need("rows")
                .into_iter()
                .flat_map(|rows| rows.items(1..=10, "rows")),
        );
    }
    if rows.len() > 10 {
        list.fault("at most 10 rows in all sections together");
    }
    for row in &rows {
        row.need("id").and_then(|id| id.short_text(200));
        row.need("title").and_then(|title| title.short_text(24));
        row.get("description").and_then(|text| text.short_text(72));
    }
    different(&rows, "id");
}

/// With more than one section each needs a title.
pub(super) fn section_title(section: &Node<'_>, sections: usize) {
    let title = if sections > 1 {
        section.need("title")
    } else {
        section.get("title")
    };
    title.and_then(|title| title.short_text(24));
}

/// Source: "Interactive media carousel messages" and its neighbour for products.
pub(super) fn carousel(action: &Node<'_>) {
    let Some(list) = action.need("cards") else {
        return;
    };
    let cards = list.items(2..=10, "cards");
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
    card.need("card_index")
        .and_then(|index| index.whole(&(0..=9), "(its place among the cards)"));
    let Some(action) = card.need("action") else {
        return;
    };
    if card.value().get("type").and_then(serde_json::Value::as_str) == Some("product") {
        return catalog::product(&action);
    }
    card.need("header")
        .iter()
        .for_each(|node| header(node, &["image", "video"]));
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
