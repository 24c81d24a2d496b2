//! `interactive`: buttons, lists, links, products, flows and the rest.

use std::collections::BTreeSet;

use serde_json::Map;

use super::members::Members;
use super::{id_and_link, id_or_link};

const KINDS: &[&str] = &[
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

/// What is `direct` goes by Direct Send. Sources: its "Supported message types" and "Media message headers".
pub(super) fn check(interactive: &Members<'_>, direct: bool) {
    let kind = interactive.word("type", KINDS).unwrap_or_default();
    header(interactive, kind, direct);
    let most = if kind == "button" { 1024 } else { 4096 };
    let body = |body: &Members<'_>| {
        body.text("text", 1..=most);
    };
    // A product shows itself, and WhatsApp asks for the permission in its own words.
    if matches!(kind, "product" | "call_permission_request") {
        interactive.maybe_object("body", body);
    } else {
        interactive.object("body", body);
    }
    interactive.maybe_object("footer", |footer| {
        footer.text("text", 1..=60);
    });
    interactive.object("action", |action| match kind {
        "button" => buttons(action, direct),
        "list" => list(action),
        "cta_url" => link(action),
        "location_request_message" => named(action, "send_location"),
        "flow" => flow(action),
        "product" => {
            action.text("catalog_id", 1..=256);
            action.text("product_retailer_id", 1..=256);
        }
        "product_list" => product_list(action),
        "catalog_message" => {
            named(action, "catalog_message");
            action.maybe_object("parameters", |parameters| {
                parameters.maybe_text("thumbnail_product_retailer_id", 1..=256);
            });
        }
        "carousel" => carousel(action),
        "voice_call" => {
            named(action, "voice_call");
            action.maybe_object("parameters", |parameters| {
                parameters.maybe_text("display_text", 1..=20);
                parameters.maybe_number("ttl_minutes", 1..=43_200);
                parameters.maybe_text("payload", 1..=512);
            });
        }
        "address_message" => {
            named(action, "address_message");
            action.object("parameters", |parameters| {
                parameters.text("country", 2..=2);
                parameters.maybe_free_object("values");
                parameters.maybe_list("saved_addresses", |saved| {
                    saved.text("id", 1..=256);
                    saved.maybe_free_object("value");
                });
                parameters.maybe_free_object("validation_errors");
            });
        }
        "order_details" => {
            named(action, "review_and_pay");
            action.object("parameters", order_details);
        }
        "order_status" => {
            named(action, "review_order");
            action.object("parameters", |parameters| {
                parameters.text("reference_id", 1..=35);
                parameters.object("order", |order| {
                    order.text("status", 1..=64);
                    order.maybe_text("description", 0..=120);
                });
            });
        }
        "call_permission_request" => named(action, "call_permission_request"),
        "request_contact_info" => named(action, "request_contact_info"),
        _ => {}
    });
}

fn named(action: &Members<'_>, name: &str) {
    action.word("name", &[name]);
}

fn header(interactive: &Members<'_>, kind: &str, direct: bool) {
    let source = if direct { id_and_link } else { id_or_link };
    let rules = |header: &Members<'_>| {
        let words: &[&str] = if matches!(kind, "list" | "product_list") {
            &["text"]
        } else {
            &["text", "image", "video", "document"]
        };
        match header.word("type", words) {
            Some("text") => {
                header.text("text", 1..=60);
            }
            Some("image") => header.object("image", source),
            Some("video") => header.object("video", source),
            Some("document") => header.object("document", |document| {
                source(document);
                document.maybe_text("caption", 0..=1024);
                document.maybe_text("filename", 1..=1024);
            }),
            _ => {}
        }
    };
    if kind == "product_list" {
        interactive.object("header", rules);
    } else {
        interactive.maybe_object("header", rules);
    }
}

fn buttons(action: &Members<'_>, direct: bool) {
    let (mut ids, mut titles) = (BTreeSet::new(), BTreeSet::new());
    let (most, most_links) = if direct { (10, 2) } else { (3, 0) };
    let mut links = 0;
    action.list("buttons", 1..=most, |button| {
        if button.has("cta_url") {
            links += 1;
            button.word("type", &["cta_url"]);
            button.object("cta_url", titled_link);
            if links > most_links || !ids.is_empty() {
                button.fault(
                    "cta_url",
                    "must be one of two at most, before all replies, and by Direct Send",
                );
            }
            return;
        }
        button.word("type", &["reply"]);
        button.object("reply", |reply| {
            let id = reply.text("id", 1..=256);
            let title = reply.text("title", 1..=20);
            if !ids.insert(id) || !titles.insert(title) {
                reply.fault(
                    "id",
                    "and title must differ from those of the other buttons",
                );
            }
        });
    });
}

fn list(action: &Members<'_>) {
    action.text("button", 1..=20);
    let (mut sections, mut untitled, mut rows) = (0, 0, 0);
    let mut ids = BTreeSet::new();
    action.list("sections", 1..=10, |section| {
        sections += 1;
        untitled += usize::from(section.maybe_text("title", 1..=24).is_none());
        section.list("rows", 1..=10, |row| {
            rows += 1;
            if !ids.insert(row.text("id", 1..=200)) {
                row.fault("id", "must differ from those of the other rows");
            }
            row.text("title", 1..=24);
            row.maybe_text("description", 1..=72);
        });
    });
    if rows > 10 {
        action.fault("sections", "have more than 10 rows together");
    }
    if sections > 1 && untitled > 0 {
        action.fault(
            "sections",
            "must all have a title where there is more than one",
        );
    }
}

fn link(action: &Members<'_>) {
    named(action, "cta_url");
    action.object("parameters", titled_link);
}

fn titled_link(link: &Members<'_>) {
    link.text("display_text", 1..=20);
    link.text("url", 1..=2000);
}

fn flow(action: &Members<'_>) {
    named(action, "flow");
    action.object("parameters", |parameters| {
        parameters.word("flow_message_version", &["3"]);
        parameters.maybe_text("flow_id", 1..=256);
        parameters.maybe_text("flow_name", 1..=256);
        if parameters.has("flow_id") == parameters.has("flow_name") {
            parameters.fault("flow_id", "must be there, or else flow_name, and not both");
        }
        parameters.text("flow_cta", 1..=30);
        parameters.maybe_text("flow_token", 1..=512);
        parameters.maybe_word("mode", &["draft", "published"]);
        parameters.maybe_word("flow_action", &["navigate", "data_exchange"]);
        parameters.maybe_object("flow_action_payload", |payload| {
            payload.maybe_text("screen", 1..=256);
            if let Some(data) = payload.any("data") {
                let text = data.as_str();
                let read = text.and_then(|text| serde_json::from_str(text).ok());
                let data = read.as_ref().unwrap_or(data).as_object();
                if data.is_none_or(Map::is_empty) {
                    let what = "must be an object that is not empty, or one as JSON in a string";
                    payload.fault("data", what);
                }
            }
        });
    });
}

fn product_list(action: &Members<'_>) {
    action.text("catalog_id", 1..=256);
    let mut products = 0;
    action.list("sections", 1..=10, |section| {
        section.maybe_text("title", 1..=24);
        section.list("product_items", 1..=30, |item| {
            products += 1;
            item.text("product_retailer_id", 1..=256);
        });
    });
    if products > 30 {
        action.fault("sections", "have more than 30 products together");
    }
}

fn carousel(action: &Members<'_>) {
    let mut kinds = BTreeSet::new();
    action.list("cards", 2..=10, |card| {
        card.number("card_index", 0..=9);
        let kind = card.maybe_word("type", &["cta_url", "button", "product"]);
        let (mut header_kind, mut buttons) = (None, 0);
        card.maybe_object("header", |header| {
            header_kind = header.word("type", &["image", "video"]);
            match header_kind {
                Some("image") => header.object("image", id_or_link),
                Some("video") => header.object("video", id_or_link),
                _ => {}
            }
        });
        card.maybe_object("body", |body| {
            if body
                .text("text", 1..=160)
                .is_some_and(|text| text.matches('\n').count() > 2)
            {
                body.fault("text", "has more than 2 line breaks");
            }
        });
        card.object("action", |action| match kind {
            Some("product") => {
                action.text("product_retailer_id", 1..=256);
                action.text("catalog_id", 1..=256);
            }
            // Meta gives this type to cards with quick replies too.
            Some("cta_url") if !action.has("buttons") => link(action),
            _ => action.list("buttons", 1..=3, |button| {
                buttons += 1;
                button.word("type", &["quick_reply"]);
                button.object("quick_reply", |reply| {
                    reply.text("id", 1..=256);
                    reply.text("title", 1..=20);
                });
            }),
        });
        kinds.insert((kind, header_kind, buttons));
    });
    if kinds.len() > 1 {
        let what = "must have the same type, the same kind of header and as many buttons";
        action.fault("cards", what);
    }
}

fn order_details(parameters: &Members<'_>) {
    parameters.text("reference_id", 1..=35);
    parameters.word("type", &["digital-goods", "physical-goods"]);
    parameters.maybe_text("payment_type", 1..=64);
    parameters.maybe_text("payment_configuration", 1..=60);
    if let Some(settings) = parameters.any("payment_settings")
        && !settings.is_array()
    {
        parameters.fault("payment_settings", "must be a list");
    }
    parameters.text("currency", 3..=3);
    parameters.object("total_amount", amount);
    parameters.object("order", |order| {
        order.text("status", 1..=64);
        order.list("items", 1..=999, |item| {
            item.text("retailer_id", 1..=256);
            item.text("name", 1..=60);
            item.object("amount", amount);
            item.maybe_object("sale_amount", amount);
            item.number("quantity", 1..=i64::MAX);
        });
        order.object("subtotal", amount);
        order.object("tax", described);
        order.maybe_object("shipping", described);
        order.maybe_object("discount", |discount| {
            described(discount);
            discount.maybe_text("discount_program_name", 0..=60);
        });
    });
}

fn amount(amount: &Members<'_>) {
    amount.number("value", 0..=i64::MAX);
    amount.number("offset", 1..=1000);
}

fn described(sum: &Members<'_>) {
    amount(sum);
    sum.maybe_text("description", 0..=60);
}
