//! `interactive`: what all its types share, and those that are little more than that.

use super::{catalog, choices, filled, link, media, short, short_if};
use crate::checked::Node;

const KINDS: [&str; 15] = [
    "button",
    "list",
    "cta_url",
    "location_request_message",
    "flow",
    "product",
    "product_list",
    "catalog_message",
    "carousel",
    "call_permission_request",
    "voice_call",
    "request_contact_info",
    "address_message",
    "order_details",
    "order_status",
];

/// Source: "Interactive messages" and its pages for each type.
pub(super) fn interactive(node: &Node<'_>, direct: bool) {
    let Some(kind) = node.need("type").and_then(|kind| kind.one_of(&KINDS)) else {
        return;
    };
    body(
        node,
        if kind == "button" { 1_024 } else { 4_096 },
        !matches!(kind, "product" | "call_permission_request"),
    );
    node.get("footer")
        .and_then(|footer| footer.need("text")?.short_text(60));
    match (node.get("header"), kind) {
        (Some(node), "list" | "product_list") => header(&node, &["text"], direct),
        (Some(node), _) => header(&node, &["text", "image", "video", "document"], direct),
        (None, "product_list") => drop(node.need("header")),
        (None, _) => {}
    }
    let Some(action) = node.need("action") else {
        return;
    };
    match kind {
        "button" => choices::buttons(&action, direct),
        "list" => choices::list(&action),
        "carousel" => choices::carousel(&action),
        "product" => catalog::product(&action),
        "product_list" => catalog::product_list(&action),
        "cta_url" => cta_url(&action),
        "flow" => flow(&action),
        "voice_call" => voice_call(&action),
        "location_request_message" => named(&action, "send_location"),
        "order_details" => order(&action, "review_and_pay"),
        "order_status" => order(&action, "review_order"),
        "address_message" => {
            named(&action, kind);
            let parameters = action.need("parameters");
            parameters.inspect(|parameters| filled(parameters, "country"));
        }
        _ => named(&action, kind),
    }
}

pub(super) fn body(node: &Node<'_>, max: usize, required: bool) {
    let body = if required {
        node.need("body")
    } else {
        node.get("body")
    };
    body.and_then(|body| body.need("text")?.short_text(max));
}

pub(super) fn header(node: &Node<'_>, kinds: &[&'static str], direct: bool) {
    let Some(kind) = node.need("type").and_then(|kind| kind.one_of(kinds)) else {
        return;
    };
    let Some(content) = node.need(kind) else {
        return;
    };
    match kind {
        "text" => drop(content.short_text(60)),
        _ => media::media(kind, &content, direct),
    }
}

pub(super) fn cta_url(action: &Node<'_>) {
    named(action, "cta_url");
    action.need("parameters").iter().for_each(titled_link);
}

pub(super) fn titled_link(node: &Node<'_>) {
    short(node, "display_text", 20);
    node.need("url").iter().for_each(link);
}

fn named(action: &Node<'_>, name: &'static str) {
    action.need("name").and_then(|node| node.one_of(&[name]));
}

fn flow(action: &Node<'_>) {
    named(action, "flow");
    let Some(parameters) = action.need("parameters") else {
        return;
    };
    filled(&parameters, "flow_message_version");
    if parameters.get("flow_id").is_some() == parameters.get("flow_name").is_some() {
        parameters.fault("needs either flow_id or flow_name");
    }
    // Meta's pages say 20 and 30.
    short(&parameters, "flow_cta", 30);
    parameters
        .get("mode")
        .and_then(|mode| mode.one_of(&["draft", "published"]));
    parameters
        .get("flow_action")
        .and_then(|action| action.one_of(&["navigate", "data_exchange"]));
    let data = parameters
        .get("flow_action_payload")
        .and_then(|payload| payload.get("data"));
    // Or the same as JSON in a string.
    if let Some(data) = data
        && !data.value().is_string()
        && data.object().is_some_and(serde_json::Map::is_empty)
    {
        data.fault("must be left out or have a member");
    }
}

fn voice_call(action: &Node<'_>) {
    named(action, "voice_call");
    let Some(parameters) = action.get("parameters") else {
        return;
    };
    short_if(&parameters, "display_text", 20);
    parameters
        .get("ttl_minutes")
        .and_then(|ttl| ttl.whole(&(1..=43_200), "minutes"));
    short_if(&parameters, "payload", 512);
}

fn order(action: &Node<'_>, name: &'static str) {
    named(action, name);
    if let Some(parameters) = action.need("parameters") {
        parameters.need("order");
        filled(&parameters, "reference_id");
    }
}
