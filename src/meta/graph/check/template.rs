//! `template`: whether its parameters are well formed. Whether they fit the template, Meta alone knows.

use serde_json::Value;

use super::{card_index, filled, media, short};
use crate::checked::Node;

/// Source: "Template messages".
pub(super) fn template(node: &Node<'_>) {
    filled(node, "name");
    let language = node.need("language");
    language.inspect(|language| filled(language, "code"));
    if let Some(list) = node.get("components") {
        components(&list);
    }
}

fn components(list: &Node<'_>) {
    for node in list.items(0..=usize::MAX, "components") {
        let Some(kind) = node.need("type").and_then(|kind| kind.filled_text()) else {
            continue;
        };
        // Meta's pages write these words in lower case, its schema some of them in capitals.
        match kind.to_ascii_lowercase().as_str() {
            "header" => parameters(&node, 60),
            "body" => parameters(&node, usize::MAX),
            "button" => button(&node),
            "carousel" => {
                for card in node.need_items("cards", 1..=10, "cards") {
                    card_index(&card);
                    card.need("components").iter().for_each(components);
                }
            }
            _ => {}
        }
    }
}

/// The index may be a number or one in a string. A button that calls, which is the only one of its
/// template, is sent without it on Meta's page about calling.
fn button(node: &Node<'_>) {
    let kind = node.need("sub_type").and_then(|kind| kind.filled_text());
    let index = if kind.is_some_and(|kind| kind.eq_ignore_ascii_case("voice_call")) {
        node.get("index")
    } else {
        node.need("index")
    };
    if let Some(index) = index {
        let number = match index.value() {
            Value::String(text) => text.parse().ok(),
            value => value.as_u64(),
        };
        if number.is_none_or(|number: u64| number > 9) {
            index.fault("must be 0 to 9");
        }
    }
}

fn parameters(component: &Node<'_>, max: usize) {
    let Some(list) = component.get("parameters") else {
        return;
    };
    let parameters = list.items(0..=usize::MAX, "parameters");
    for parameter in &parameters {
        let Some(kind) = parameter.need("type").and_then(|kind| kind.filled_text()) else {
            continue;
        };
        match kind {
            "text" => short(parameter, "text", max),
            "image" | "video" | "document" => {
                let content = parameter.need(kind);
                content.inspect(|content| media::media(kind, content, false));
            }
            "currency" | "date_time" => {
                let content = parameter.need(kind);
                content.inspect(|content| filled(content, "fallback_value"));
            }
            _ => {}
        }
        parameter.get("parameter_name").inspect(parameter_name);
    }
    let named = parameters
        .iter()
        .filter(|parameter| parameter.get("parameter_name").is_some())
        .count();
    if named != 0 && named != parameters.len() {
        list.fault("must all have a parameter_name, or none");
    }
}

/// Meta's pages say 20 of `a-z` and `_`; its own manager of templates takes digits too, and 32.
fn parameter_name(node: &Node<'_>) {
    let Some(name) = node.short_text(32) else {
        return;
    };
    if !name
        .bytes()
        .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
    {
        node.fault("must be of a-z, 0-9 and _");
    }
}
