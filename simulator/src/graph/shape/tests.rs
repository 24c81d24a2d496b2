use serde_json::{Value, json};

use super::faults;

/// A request that sends `content` of type `kind` to a phone number.
fn send(kind: &str, content: Value) -> Value {
    let mut body = json!({ "messaging_product": "whatsapp", "to": "+16505551234", "type": kind });
    body[kind] = content;
    body
}

fn interactive(kind: &str, action: impl Into<Value>) -> Value {
    send(
        "interactive",
        json!({ "type": kind, "body": { "text": "Choose" }, "action": action.into() }),
    )
}

fn is_fine(body: &Value) {
    assert_eq!(faults(body), Vec::<String>::new(), "{body}");
}

fn is_wrong(body: &Value, with: &str) {
    let faults = faults(body);
    assert!(
        faults.iter().any(|fault| fault.contains(with)),
        "{with} not in {faults:?}"
    );
}

#[test]
fn every_documented_type_passes() {
    is_fine(&send(
        "text",
        json!({ "body": "hola", "preview_url": true }),
    ));
    is_fine(&send(
        "image",
        json!({ "link": "https://cdn.example/1.jpg", "caption": "one" }),
    ));
    is_fine(&send("video", json!({ "id": "1" })));
    is_fine(&send("audio", json!({ "id": "1", "voice": true })));
    is_fine(&send(
        "document",
        json!({ "id": "1", "filename": "a.pdf", "caption": "a" }),
    ));
    is_fine(&send("sticker", json!({ "id": "1" })));
    is_fine(&send(
        "location",
        json!({ "latitude": 37.7, "longitude": "-122.4", "name": "HQ" }),
    ));
    is_fine(&send(
        "contacts",
        json!([{ "name": { "formatted_name": "J", "first_name": "J" },
        "phones": [{ "phone": "+1 650 555 1234", "type": "WORK" }] }]),
    ));
    is_fine(&send(
        "reaction",
        json!({ "message_id": "wamid.A", "emoji": "" }),
    ));
    is_fine(&send(
        "pin",
        json!({ "type": "pin", "message_id": "wamid.A", "expiration_days": 7 }),
    ));
}

#[test]
fn every_documented_interactive_passes() {
    is_fine(&interactive(
        "button",
        json!({ "buttons": [
        { "type": "reply", "reply": { "id": "yes", "title": "Yes" } },
        { "type": "reply", "reply": { "id": "no", "title": "No" } } ] }),
    ));
    is_fine(&interactive(
        "list",
        json!({ "button": "Options", "sections": [
        { "title": "Sales", "rows": [{ "id": "r1", "title": "Prices", "description": "Current" }] } ] }),
    ));
    is_fine(&interactive(
        "cta_url",
        json!({ "name": "cta_url",
        "parameters": { "display_text": "Book", "url": "https://example.com" } }),
    ));
    is_fine(&interactive(
        "location_request_message",
        json!({ "name": "send_location" }),
    ));
    is_fine(&interactive(
        "flow",
        json!({ "name": "flow", "parameters": { "flow_message_version": "3", "flow_id": "1",
        "flow_cta": "Open", "flow_action": "navigate", "flow_action_payload": { "screen": "A", "data": { "k": 1 } } } }),
    ));
    is_fine(&interactive(
        "flow",
        json!({ "name": "flow", "parameters": { "flow_message_version": "3", "flow_name": "n",
        "flow_cta": "Open", "flow_action_payload": { "screen": "A", "data": "{\"k\":1}" } } }),
    ));
    is_fine(&interactive(
        "product",
        json!({ "catalog_id": "1", "product_retailer_id": "sku" }),
    ));
    is_fine(&interactive(
        "catalog_message",
        json!({ "name": "catalog_message" }),
    ));
    is_fine(&interactive(
        "call_permission_request",
        json!({ "name": "call_permission_request" }),
    ));
    is_fine(&send(
        "interactive",
        json!({ "type": "call_permission_request", "action": { "name": "call_permission_request" } }),
    ));
    is_fine(&interactive(
        "request_contact_info",
        json!({ "name": "request_contact_info" }),
    ));
    is_fine(&interactive(
        "voice_call",
        json!({ "name": "voice_call", "parameters": { "ttl_minutes": 100 } }),
    ));
    is_fine(&interactive(
        "order_status",
        json!({ "name": "review_order",
        "parameters": { "reference_id": "o", "order": { "status": "processing", "description": "" } } }),
    ));
    let card = |index| {
        json!({ "card_index": index, "type": "cta_url",
        "header": { "type": "image", "image": { "link": "https://cdn.example/1.jpg" } }, "body": { "text": "A" },
        "action": { "name": "cta_url", "parameters": { "display_text": "Buy", "url": "https://example.com" } } })
    };
    is_fine(&interactive(
        "carousel",
        json!({ "cards": [card(0), card(1)] }),
    ));
    let choice = |index| {
        json!({ "card_index": index, "type": "cta_url",
        "header": { "type": "image", "image": { "link": "https://cdn.example/1.jpg" } },
        "action": { "buttons": [{ "type": "quick_reply", "quick_reply": { "id": "a", "title": "A" } }] } })
    };
    is_fine(&interactive(
        "carousel",
        json!({ "cards": [choice(0), choice(1)] }),
    ));
    is_fine(&send(
        "interactive",
        json!({ "type": "product_list", "header": { "type": "text", "text": "Menu" },
        "body": { "text": "Pick" }, "action": { "catalog_id": "1",
        "sections": [{ "title": "Mains", "product_items": [{ "product_retailer_id": "sku" }] }] } }),
    ));
    let sum = json!({ "value": 1, "offset": 100 });
    is_fine(&interactive(
        "order_details",
        json!({ "name": "review_and_pay", "parameters": { "reference_id": "o",
        "type": "digital-goods", "currency": "INR", "total_amount": sum, "order": { "status": "pending",
        "items": [{ "retailer_id": "1", "name": "bread", "amount": sum, "quantity": 1 }],
        "subtotal": sum, "tax": sum } } }),
    ));
}

#[test]
fn templates_and_receipts_pass() {
    is_fine(&send(
        "template",
        json!({ "name": "order_update", "language": { "code": "en_US" }, "components": [
        { "type": "header", "parameters": [{ "type": "image", "image": { "id": "1" } }] },
        { "type": "body", "parameters": [
            { "type": "text", "parameter_name": "name_of_the_1st_guest", "text": "Ana" },
            { "type": "currency", "parameter_name": "total",
              "currency": { "fallback_value": "$1", "code": "USD", "amount_1000": 1000 } } ] },
        { "type": "button", "sub_type": "quick_reply", "index": "0",
          "parameters": [{ "type": "payload", "payload": "P" }] },
        { "type": "limited_time_offer", "parameters": [{ "type": "limited_time_offer",
          "limited_time_offer": { "expiration_time_ms": 1_770_086_400_000_i64 } }] } ] }),
    ));
    is_fine(&send(
        "template",
        json!({ "name": "call_us", "language": { "code": "en_US" }, "components": [
        { "type": "button", "sub_type": "voice_call", "parameters": [{ "type": "ttl_minutes", "ttl_minutes": 100 }] } ] }),
    ));
    is_fine(
        &json!({ "messaging_product": "whatsapp", "status": "read", "message_id": "wamid.A",
        "typing_indicator": { "type": "text" } }),
    );
    is_fine(
        &json!({ "messaging_product": "whatsapp", "recipient": "US.1", "text": { "body": "hola" } }),
    );
}

#[test]
fn direct_send_takes_links_before_replies_and_more_buttons() {
    let direct = |links, replies| {
        let link = json!({ "type": "cta_url",
            "cta_url": { "display_text": "Track", "url": "https://shop.example/1" } });
        let reply = |n| json!({ "type": "reply", "reply": { "id": format!("{n}"), "title": format!("No. {n}") } });
        let mut buttons = vec![link; links];
        buttons.extend((0..replies).map(reply));
        let mut body = interactive("button", json!({ "buttons": buttons }));
        body["interactive"]["header"] = json!({ "type": "image",
            "image": { "id": "1", "link": "https://cdn.example/1.jpg" } });
        body["category"] = json!("utility");
        body
    };
    is_fine(&direct(2, 8));
    is_fine(&direct(0, 4));
    is_wrong(&direct(3, 1), "interactive.action.buttons[2]");
    is_wrong(&direct(2, 9), "interactive.action.buttons");
    let mut late = direct(1, 1);
    let buttons = &mut late["interactive"]["action"]["buttons"];
    buttons.as_array_mut().unwrap().reverse();
    is_wrong(&late, "interactive.action.buttons[1]");
    let mut other = direct(1, 1);
    other.as_object_mut().unwrap().remove("category");
    is_wrong(&other, "interactive.action.buttons[0]");
    is_wrong(&other, "interactive.header.image.id");
}

#[test]
fn what_is_not_documented_is_a_fault() {
    let mut body = send("text", json!({ "body": "hola", "bold": true }));
    body["surprise"] = json!(1);
    assert_eq!(
        faults(&body),
        [
            "text.bold: is not documented",
            "surprise: is not documented"
        ]
    );
}

#[test]
fn limits_are_kept_by_character() {
    is_fine(&send("text", json!({ "body": "ñ".repeat(4096) })));
    is_wrong(
        &send("text", json!({ "body": "ñ".repeat(4097) })),
        "text.body: has 4097 characters",
    );
    is_wrong(
        &send("text", json!({ "body": "" })),
        "text.body: has 0 characters",
    );
    let button = |n: usize| json!({ "type": "reply", "reply": { "id": n.to_string(), "title": n.to_string() } });
    is_wrong(
        &interactive("button", json!({ "buttons": ([0, 1, 2, 3].map(button)) })),
        "has 4 items",
    );
    is_wrong(
        &interactive("button", json!({ "buttons": ([0, 0].map(button)) })),
        "must differ",
    );
    let rows: Vec<_> = (0..6)
        .map(|n| json!({ "id": n.to_string(), "title": "T" }))
        .collect();
    let more: Vec<_> = (6..12)
        .map(|n| json!({ "id": n.to_string(), "title": "T" }))
        .collect();
    let list =
        json!({ "button": "B", "sections": [{ "title": "A", "rows": rows }, { "rows": more }] });
    is_wrong(&interactive("list", list.clone()), "more than 10 rows");
    is_wrong(&interactive("list", list), "must all have a title");
}

#[test]
fn the_recipient_has_to_be_one() {
    let mut body = send("text", json!({ "body": "hola" }));
    body.as_object_mut().unwrap().remove("to");
    is_wrong(&body, "to: is missing, and so is recipient");
    body["to"] = json!("US.1");
    is_wrong(&body, "to: must be a phone number");
    body["recipient_type"] = json!("group");
    body["to"] = json!("Y2FwaV9ncm91cDoxNzA1");
    is_fine(&body);
    for to in [
        "16505551234",
        "+1650",
        "+1650555123456789",
        "+1 650 555 1234",
    ] {
        let mut body = send("text", json!({ "body": "hola" }));
        body["to"] = json!(to);
        is_wrong(&body, "to: must be a phone number");
    }
    let recipient = |id: &str| json!({ "messaging_product": "whatsapp", "recipient": id, "text": { "body": "x" } });
    let long = "1".repeat(129);
    for id in ["US.1", "US.ENT.1a", &format!("US.{}", &long[1..])] {
        is_fine(&recipient(id));
    }
    for id in [
        "16505551234",
        "US.",
        "US.ENT.",
        "US.!!",
        "US.1.2",
        "us.1",
        &format!("US.{long}"),
    ] {
        is_wrong(&recipient(id), "recipient");
    }
}

#[test]
fn the_cards_of_a_carousel_are_alike() {
    let card = |header: &str, buttons: usize| {
        let reply = json!({ "type": "quick_reply", "quick_reply": { "id": "a", "title": "A" } });
        let mut card = json!({ "card_index": 0, "type": "cta_url", "header": { "type": header },
        "action": { "buttons": vec![reply; buttons] } });
        card["header"][header] = json!({ "id": "1" });
        card
    };
    let carousel = |cards: [Value; 2]| interactive("carousel", json!({ "cards": cards }));
    is_fine(&carousel([card("video", 2), card("video", 2)]));
    is_wrong(
        &carousel([card("video", 1), card("video", 2)]),
        "as many buttons",
    );
    is_wrong(
        &carousel([card("video", 1), card("image", 1)]),
        "same kind of header",
    );
}

#[test]
fn what_a_flow_begins_with_is_not_empty() {
    for data in [json!({}), json!("{}"), json!("k"), json!([1])] {
        let parameters = json!({ "flow_message_version": "3", "flow_id": "1", "flow_cta": "Open",
        "flow_action_payload": { "screen": "A", "data": data } });
        let body = interactive("flow", json!({ "name": "flow", "parameters": parameters }));
        is_wrong(&body, "data: must be an object that is not empty");
    }
}

#[test]
fn media_is_named_once_and_what_does_not_go_together_is_seen() {
    is_wrong(
        &send("image", json!({ "id": "1", "link": "https://a.example" })),
        "not both",
    );
    is_wrong(&send("image", json!({})), "or else link");
    is_wrong(&send("text", json!("hola")), "text: must be an object");
    is_wrong(&json!([]), "must be an object");
    is_wrong(&send("hologram", json!({})), "type: is none of");
    let mut reaction = send(
        "reaction",
        json!({ "message_id": "wamid.A", "emoji": "👍" }),
    );
    reaction["context"] = json!({ "message_id": "wamid.A" });
    is_wrong(&reaction, "context: does not go with a reaction");
    let mixed = json!({ "name": "t", "language": { "code": "es" }, "components": [{ "type": "body", "parameters": [
        { "type": "text", "text": "a" }, { "type": "text", "parameter_name": "b", "text": "b" } ] }] });
    is_wrong(&send("template", mixed), "all named or all by position");
}
