use serde_json::{Value, json};

use crate::meta::graph::Message;

#[track_caller]
fn taken(message: &Value) {
    assert_eq!(Message::check(message).map(drop), Ok(()), "{message}");
}

#[track_caller]
fn refused(message: &Value, expected: &[&str]) {
    let faults = Message::check(message).unwrap_err();
    assert_eq!(
        faults.iter().map(ToString::to_string).collect::<Vec<_>>(),
        expected,
        "{message}"
    );
}

fn of(kind: &str, content: &Value) -> Value {
    json!({ "type": kind, kind: content })
}

fn interactive(kind: &str, body: &str, action: &Value) -> Value {
    of(
        "interactive",
        &json!({ "type": kind, "body": { "text": body }, "action": action }),
    )
}

fn buttons(titles: &[&str]) -> Value {
    let button = |title: &&str| json!({ "type": "reply", "reply": { "id": format!("id-{title}"), "title": title } });
    interactive(
        "button",
        "Confirm?",
        &json!({ "buttons": titles.iter().map(button).collect::<Vec<_>>() }),
    )
}

fn sections(rows: &[usize]) -> Value {
    let section = |(s, count): (usize, &usize)| {
        let rows: Vec<_> = (0..*count)
            .map(|r| json!({ "id": format!("{s}.{r}"), "title": "Row" }))
            .collect();
        json!({ "title": "Part", "rows": rows })
    };
    json!({ "button": "Options", "sections": rows.iter().enumerate().map(section).collect::<Vec<_>>() })
}

fn card(index: usize, kind: &str) -> Value {
    json!({ "card_index": index, "type": "cta_url", "header": { "type": kind, kind: { "link": "https://cdn.example/1" } },
        "body": { "text": "A" },
        "action": { "name": "cta_url", "parameters": { "display_text": "Buy", "url": "https://shop.example" } } })
}

fn body_parameters(parameters: &Value) -> Value {
    of(
        "template",
        &json!({ "name": "order_update", "language": { "code": "en_US" },
        "components": [ { "type": "body", "parameters": parameters } ] }),
    )
}

#[test]
#[allow(clippy::too_many_lines)]
fn every_type_is_taken_as_documented() {
    let products = json!({ "catalog_id": "1", "sections": [ { "title": "Mains", "product_items": [ { "product_retailer_id": "a" } ] } ] });
    for message in [
        of(
            "text",
            &json!({ "preview_url": true, "body": "See https://example.com" }),
        ),
        of(
            "image",
            &json!({ "link": "https://cdn.example/i.png", "caption": "An image" }),
        ),
        of("video", &json!({ "id": "123" })),
        of("audio", &json!({ "id": "123", "voice": true })),
        of(
            "document",
            &json!({ "link": "https://cdn.example/i.pdf", "filename": "i.pdf", "caption": "Invoice" }),
        ),
        of("sticker", &json!({ "id": "123" })),
        of(
            "location",
            &json!({ "latitude": 37.758_056, "longitude": "-122.425332", "name": "HQ" }),
        ),
        of(
            "contacts",
            &json!([ { "name": { "formatted_name": "Ana Lima", "first_name": "Ana" } } ]),
        ),
        of(
            "reaction",
            &json!({ "message_id": "wamid.IN", "emoji": "" }),
        ),
        of(
            "pin",
            &json!({ "type": "pin", "message_id": "wamid.IN", "expiration_days": 7 }),
        ),
        buttons(&["Yes", "No", "Later"]),
        interactive("list", "Choose", &sections(&[5, 5])),
        interactive(
            "cta_url",
            "Book",
            &json!({ "name": "cta_url", "parameters": { "display_text": "Book", "url": "https://b.example" } }),
        ),
        interactive(
            "location_request_message",
            "Where?",
            &json!({ "name": "send_location" }),
        ),
        interactive(
            "flow",
            "Sign up",
            &json!({ "name": "flow", "parameters": { "flow_message_version": "3", "flow_id": "1",
            "flow_cta": "Open", "mode": "published", "flow_action": "navigate", "flow_action_payload": { "screen": "S", "data": { "k": 1 } } } }),
        ),
        interactive(
            "flow",
            "Sign up",
            &json!({ "name": "flow", "parameters": { "flow_message_version": "3", "flow_name": "n", "flow_cta": "Open",
            "flow_action_payload": { "screen": "S", "data": "{\"k\":1}" } } }),
        ),
        of(
            "interactive",
            &json!({ "type": "product", "action": { "catalog_id": "1", "product_retailer_id": "a" } }),
        ),
        of(
            "interactive",
            &json!({ "type": "product_list", "header": { "type": "text", "text": "Menu" }, "body": { "text": "Pick" }, "action": products }),
        ),
        interactive(
            "catalog_message",
            "Browse",
            &json!({ "name": "catalog_message" }),
        ),
        interactive(
            "carousel",
            "Deals",
            &json!({ "cards": [ card(0, "image"), card(1, "image") ] }),
        ),
        interactive(
            "call_permission_request",
            "May we call?",
            &json!({ "name": "call_permission_request" }),
        ),
        of(
            "interactive",
            &json!({ "type": "call_permission_request", "action": { "name": "call_permission_request" } }),
        ),
        interactive(
            "voice_call",
            "Call us",
            &json!({ "name": "voice_call", "parameters": { "display_text": "Call", "ttl_minutes": 100 } }),
        ),
        interactive(
            "request_contact_info",
            "Your number?",
            &json!({ "name": "request_contact_info" }),
        ),
        interactive(
            "address_message",
            "Where to?",
            &json!({ "name": "address_message", "parameters": { "country": "IN" } }),
        ),
        interactive(
            "order_details",
            "Your order",
            &json!({ "name": "review_and_pay", "parameters": { "reference_id": "1", "order": {} } }),
        ),
        interactive(
            "order_status",
            "Update",
            &json!({ "name": "review_order", "parameters": { "reference_id": "1", "order": {} } }),
        ),
        of(
            "template",
            &json!({ "name": "hello_world", "language": { "code": "en_US" } }),
        ),
        of(
            "template",
            &json!({ "name": "call_us", "language": { "code": "en_US" }, "components": [
                { "type": "button", "sub_type": "voice_call", "parameters": [ { "type": "ttl_minutes", "ttl_minutes": 100 } ] } ] }),
        ),
        body_parameters(
            &json!([ { "type": "text", "parameter_name": "address_line_2", "text": "Flat 7" },
            { "type": "text", "parameter_name": "estimated_time_of_arrival_1", "text": "noon" } ]),
        ),
        body_parameters(
            &json!([ { "type": "text", "parameter_name": "first_name", "text": "Ana" },
            { "type": "currency", "parameter_name": "total", "currency": { "fallback_value": "$1", "code": "USD", "amount_1000": 1000 } } ]),
        ),
    ] {
        taken(&message);
    }
}

#[test]
fn a_message_has_a_known_type_and_its_member() {
    refused(&json!([]), &["must be an object"]);
    refused(&json!({ "text": { "body": "x" } }), &["type: is required"]);
    refused(&json!({ "type": "text" }), &["text: is required"]);
    refused(
        &json!({ "type": "text", "text": "x" }),
        &["text.body: is required"],
    );
    refused(
        &json!({ "type": "text", "text": { "body": "x" }, "image": {}, "contxt": {} }),
        &[
            "contxt: is not known here, did you mean context?",
            "image: is not known here",
        ],
    );
    let faults = Message::check(&json!({ "type": "system" })).unwrap_err();
    assert!(
        faults[0]
            .to_string()
            .starts_with("type: must be text or image or "),
        "{faults:?}"
    );
}

#[test]
fn a_reply_does_not_choose_to_whom_it_goes() {
    let message = json!({ "type": "text", "text": { "body": "x" }, "to": "+15550001111", "recipient_type": "individual",
        "biz_opaque_callback_data": "mine" });
    refused(
        &message,
        &[
            "to: must be left out: the conversation says to whom it goes",
            "biz_opaque_callback_data: must be left out: it is how a send is found again",
        ],
    );
    taken(
        &json!({ "type": "text", "text": { "body": "x" }, "to": null, "context": { "message_id": "wamid.IN" } }),
    );
}

#[test]
fn a_message_can_be_printed_without_its_text() {
    let message = Message::check(&of("text", &json!({ "body": "Your code is 1234" }))).unwrap();
    assert_eq!(format!("{message:?}"), "Message(text)");
}

#[test]
fn limits_of_text_are_kept() {
    taken(&of("text", &json!({ "body": "é".repeat(4096) })));
    refused(
        &of("text", &json!({ "body": "é".repeat(4097) })),
        &["text.body: at most 4096 characters"],
    );
    refused(
        &of("text", &json!({ "body": " " })),
        &["text.body: must not be blank"],
    );
}

#[test]
fn media_have_one_source_and_a_caption_where_there_is_one() {
    refused(
        &of("image", &json!({})),
        &["image: needs either id or link"],
    );
    refused(
        &of("image", &json!({ "id": "1", "link": "https://a.example" })),
        &["image: needs either id or link"],
    );
    refused(
        &of("video", &json!({ "link": "file:///etc/passwd" })),
        &["video.link: must be an http or https URL"],
    );
    refused(
        &of(
            "document",
            &json!({ "id": "1", "caption": "x".repeat(1025) }),
        ),
        &["document.caption: at most 1024 characters"],
    );
    refused(
        &of("audio", &json!({ "id": "1", "caption": "x" })),
        &["audio.caption: must be left out: there is none for audio"],
    );
}

#[test]
fn places_and_people_are_complete() {
    refused(
        &of("location", &json!({ "latitude": 91, "longitude": "west" })),
        &[
            "location.latitude: must be -90 to 90 degrees",
            "location.longitude: must be -180 to 180 degrees",
        ],
    );
    refused(
        &of("contacts", &json!([])),
        &["contacts: at least 1 contacts"],
    );
    refused(
        &of(
            "contacts",
            &json!([ { "name": { "formatted_name": "Ana" } } ]),
        ),
        &[
            "contacts[0].name: needs one of first_name, last_name, middle_name, suffix, prefix beside formatted_name",
        ],
    );
}

#[test]
fn limits_of_buttons_are_kept() {
    let mut message = buttons(&["Yes", "No", "A title that is too long"]);
    refused(
        &message,
        &["interactive.action.buttons[2].reply.title: at most 20 characters"],
    );
    message["interactive"]["body"]["text"] = json!("x".repeat(1025));
    message["interactive"]["footer"] = json!({ "text": "x".repeat(61) });
    message["interactive"]["header"] = json!({ "type": "text", "text": "x".repeat(61) });
    refused(
        &message,
        &[
            "interactive.body.text: at most 1024 characters",
            "interactive.footer.text: at most 60 characters",
            "interactive.header.text: at most 60 characters",
            "interactive.action.buttons[2].reply.title: at most 20 characters",
        ],
    );
    refused(
        &buttons(&["1", "2", "3", "4"]),
        &["interactive.action.buttons: at most 3 buttons"],
    );
    refused(
        &buttons(&[]),
        &["interactive.action.buttons: at least 1 buttons"],
    );
    refused(
        &buttons(&["Yes", "Yes"]),
        &[
            "interactive.action.buttons[1].reply.id: is there twice",
            "interactive.action.buttons[1].reply.title: is there twice",
        ],
    );
}

#[test]
fn limits_of_lists_are_kept() {
    refused(
        &interactive("list", "Choose", &sections(&[6, 5])),
        &["interactive.action.sections: at most 10 rows in all sections together"],
    );
    let mut message = interactive("list", "Choose", &sections(&[1, 1]));
    message["interactive"]["header"] = json!({ "type": "image", "image": { "id": "1" } });
    message["interactive"]["action"]["button"] = json!("x".repeat(21));
    message["interactive"]["action"]["sections"][1]["title"] = Value::Null;
    message["interactive"]["action"]["sections"][0]["rows"][0] =
        json!({ "id": "x".repeat(201), "title": "x".repeat(25), "description": "x".repeat(73) });
    refused(
        &message,
        &[
            "interactive.header.type: must be text",
            "interactive.action.button: at most 20 characters",
            "interactive.action.sections[1].title: is required",
            "interactive.action.sections[0].rows[0].id: at most 200 characters",
            "interactive.action.sections[0].rows[0].title: at most 24 characters",
            "interactive.action.sections[0].rows[0].description: at most 72 characters",
        ],
    );
}

#[test]
fn limits_of_the_other_interactive_types_are_kept() {
    refused(
        &interactive(
            "cta_url",
            "x",
            &json!({ "name": "url", "parameters": { "display_text": "x".repeat(21), "url": "shop" } }),
        ),
        &[
            "interactive.action.name: must be cta_url",
            "interactive.action.parameters.display_text: at most 20 characters",
            "interactive.action.parameters.url: must be an http or https URL",
        ],
    );
    refused(
        &interactive(
            "flow",
            "x",
            &json!({ "name": "flow", "parameters": { "flow_message_version": "3", "flow_id": "1",
        "flow_name": "n", "flow_cta": "x".repeat(31), "flow_action_payload": { "data": {} } } }),
        ),
        &[
            "interactive.action.parameters: needs either flow_id or flow_name",
            "interactive.action.parameters.flow_cta: at most 30 characters",
            "interactive.action.parameters.flow_action_payload.data: must be left out or have a member",
        ],
    );
    refused(
        &interactive(
            "voice_call",
            "x",
            &json!({ "name": "voice_call", "parameters": { "ttl_minutes": 43_201, "payload": "x".repeat(513) } }),
        ),
        &[
            "interactive.action.parameters.ttl_minutes: must be 1 to 43200 minutes",
            "interactive.action.parameters.payload: at most 512 characters",
        ],
    );
    let items: Vec<_> = (0..16)
        .map(|n| json!({ "product_retailer_id": n.to_string() }))
        .collect();
    refused(
        &interactive(
            "product_list",
            "x",
            &json!({ "catalog_id": "1", "sections": [
        { "title": "A", "product_items": items }, { "title": "B", "product_items": items } ] }),
        ),
        &[
            "interactive.header: is required",
            "interactive.action.sections: at most 30 products in all sections together",
        ],
    );
}

#[test]
fn limits_of_carousels_are_kept() {
    refused(
        &interactive("carousel", "x", &json!({ "cards": [ card(0, "image") ] })),
        &["interactive.action.cards: at least 2 cards"],
    );
    let mut second = card(1, "video");
    second["body"]["text"] = json!("a\nb\nc\nd");
    refused(
        &interactive(
            "carousel",
            "x",
            &json!({ "cards": [ card(0, "image"), second ] }),
        ),
        &[
            "interactive.action.cards[1].body.text: at most 2 line breaks",
            "interactive.action.cards[1]: must have the same kind of header and as many buttons as the card before it",
        ],
    );
}

#[test]
fn parameters_of_templates_are_well_formed() {
    refused(
        &of("template", &json!({ "language": {} })),
        &[
            "template.name: is required",
            "template.language.code: is required",
        ],
    );
    refused(
        &body_parameters(
            &json!([ { "type": "text", "parameter_name": "First", "text": "Ana" }, { "type": "text", "text": "x" } ]),
        ),
        &[
            "template.components[0].parameters[0].parameter_name: must be of a-z, 0-9 and _",
            "template.components[0].parameters: must all have a parameter_name, or none",
        ],
    );
    let message = of(
        "template",
        &json!({ "name": "n", "language": { "code": "de" }, "components": [
        { "type": "header", "parameters": [ { "type": "image", "image": {} }, { "type": "text", "text": "x".repeat(61) } ] },
        { "type": "button", "sub_type": "url", "index": "12" },
        { "type": "carousel", "cards": [ { "card_index": 0, "components": [ { "type": "BODY", "parameters": [ {} ] } ] } ] } ] }),
    );
    refused(
        &message,
        &[
            "template.components[0].parameters[0].image: needs either id or link",
            "template.components[0].parameters[1].text: at most 60 characters",
            "template.components[1].index: must be 0 to 9",
            "template.components[2].cards[0].components[0].parameters[0].type: is required",
        ],
    );
}
