use serde_json::{Value, json};

use crate::meta::graph::Message;

#[track_caller]
fn taken(message: &Value) {
    assert_eq!(Message::check(message).map(drop), Ok(()), "{message}");
}

/// Each is a message, and all that is wrong with it.
#[track_caller]
fn refused(cases: &Value) {
    for case in cases.as_array().unwrap() {
        let faults = Message::check(&case[0]).unwrap_err();
        let faults: Vec<_> = faults.iter().map(ToString::to_string).collect();
        assert_eq!(json!(faults), case[1], "{}", case[0]);
    }
}

fn interactive(kind: &str, body: &str, action: &Value) -> Value {
    json!({ "type": "interactive", "interactive": { "type": kind, "body": { "text": body }, "action": action } })
}

fn buttons(titles: &[&str]) -> Value {
    let button = |title: &&str| json!({ "type": "reply", "reply": { "id": format!("id-{title}"), "title": title } });
    let buttons: Vec<_> = titles.iter().map(button).collect();
    interactive("button", "Confirm?", &json!({ "buttons": buttons }))
}

fn list(rows: &[usize]) -> Value {
    let section = |(s, count): (usize, &usize)| {
        let rows: Vec<_> = (0..*count)
            .map(|r| json!({ "id": format!("{s}.{r}"), "title": "Row" }))
            .collect();
        json!({ "title": "Part", "rows": rows })
    };
    let sections: Vec<_> = rows.iter().enumerate().map(section).collect();
    interactive(
        "list",
        "Choose",
        &json!({ "button": "Options", "sections": sections }),
    )
}

fn carousel(cards: &[Value]) -> Value {
    interactive("carousel", "Deals", &json!({ "cards": cards }))
}

fn card(index: usize, kind: &str) -> Value {
    json!({ "card_index": index, "type": "cta_url", "header": { "type": kind, kind: { "link": "https://cdn.example/1" } },
        "body": { "text": "A" },
        "action": { "name": "cta_url", "parameters": { "display_text": "Buy", "url": "https://shop.example" } } })
}

fn template(components: &Value) -> Value {
    json!({ "type": "template", "template": { "name": "n", "language": { "code": "en_US" }, "components": components } })
}

#[test]
fn every_type_is_taken_as_documented() {
    let named = |kind: &str, name: &str| interactive(kind, "x", &json!({ "name": name }));
    let with = |kind: &str, name: &str, parameters: &Value| {
        interactive(
            kind,
            "x",
            &json!({ "name": name, "parameters": parameters }),
        )
    };
    let order = json!({ "reference_id": "1", "order": {} });
    let flow = json!({ "flow_message_version": "3", "flow_id": "1", "flow_cta": "Open", "mode": "published",
        "flow_action": "navigate", "flow_action_payload": { "screen": "S", "data": { "k": 1 } } });
    let products = json!({ "catalog_id": "1", "sections": [
        { "title": "Mains", "product_items": [ { "product_retailer_id": "a" } ] } ] });
    let product = json!({ "catalog_id": "1", "product_retailer_id": "a" });
    let mut product_list = interactive("product_list", "x", &products);
    product_list["interactive"]["header"] = json!({ "type": "text", "text": "Menu" });
    let messages = json!([
        { "type": "text", "text": { "preview_url": true, "body": "See https://example.com" } },
        { "type": "image", "image": { "link": "https://cdn.example/i.png", "caption": "An image" } },
        { "type": "video", "video": { "id": "123" } },
        { "type": "audio", "audio": { "id": "123", "voice": true } },
        { "type": "document", "document": { "link": "https://cdn.example/i.pdf", "filename": "i.pdf", "caption": "Invoice" } },
        { "type": "sticker", "sticker": { "id": "123" } },
        { "type": "location", "location": { "latitude": 37.758_056, "longitude": "-122.425332", "name": "HQ" } },
        { "type": "contacts", "contacts": [ { "name": { "formatted_name": "Ana Lima", "first_name": "Ana" } } ] },
        { "type": "reaction", "reaction": { "message_id": "wamid.IN", "emoji": "" } },
        { "type": "pin", "pin": { "type": "pin", "message_id": "wamid.IN", "expiration_days": 7 } },
        { "type": "template", "template": { "name": "hello_world", "language": { "code": "en_US" } } },
        template(&json!([
            { "type": "button", "sub_type": "voice_call", "parameters": [ { "type": "ttl_minutes", "ttl_minutes": 100 } ] } ])),
        template(&json!([ { "type": "body", "parameters": [
            { "type": "text", "parameter_name": "address_line_2", "text": "Flat 7" },
            { "type": "text", "parameter_name": "estimated_time_of_arrival_1", "text": "noon" } ] } ])),
        template(&json!([ { "type": "body", "parameters": [
            { "type": "text", "parameter_name": "first_name", "text": "Ana" },
            { "type": "currency", "parameter_name": "total", "currency": { "fallback_value": "$1", "code": "USD" } } ] } ])),
        buttons(&["Yes", "No", "Later"]),
        list(&[5, 5]),
        carousel(&[card(0, "image"), card(1, "image")]),
        { "type": "interactive", "interactive": { "type": "product", "action": product } },
        product_list,
        { "type": "interactive", "interactive": {
            "type": "call_permission_request", "action": { "name": "call_permission_request" } } },
        named("location_request_message", "send_location"),
        named("catalog_message", "catalog_message"),
        named("call_permission_request", "call_permission_request"),
        named("request_contact_info", "request_contact_info"),
        with("cta_url", "cta_url", &json!({ "display_text": "Book", "url": "https://b.example" })),
        with("flow", "flow", &flow),
        with("flow", "flow", &json!({ "flow_message_version": "3", "flow_name": "n", "flow_cta": "Open",
            "flow_action_payload": { "screen": "S", "data": "{\"k\":1}" } })),
        with("voice_call", "voice_call", &json!({ "display_text": "Call", "ttl_minutes": 100 })),
        with("address_message", "address_message", &json!({ "country": "IN" })),
        with("order_details", "review_and_pay", &order),
        with("order_status", "review_order", &order),
    ]);
    messages.as_array().unwrap().iter().for_each(taken);
}

#[test]
fn a_message_has_a_known_type_and_its_member() {
    refused(&json!([
        [[], ["must be an object"]],
        [{ "text": { "body": "x" } }, ["type: is required"]],
        [{ "type": "text" }, ["text: is required"]],
        [{ "type": "text", "text": "x" }, ["text.body: is required"]],
        [{ "type": "text", "text": { "body": "x" }, "image": {}, "contxt": {} },
            ["contxt: is not known here, did you mean context?", "image: is not known here"]],
    ]));
    let faults = Message::check(&json!({ "type": "system" })).unwrap_err();
    let fault = faults[0].to_string();
    assert!(
        fault.starts_with("type: must be text or image or "),
        "{fault}"
    );
}

#[test]
fn a_reply_does_not_choose_to_whom_it_goes() {
    refused(&json!([
        [{ "type": "text", "text": { "body": "x" }, "to": "+15550001111", "recipient_type": "individual",
            "biz_opaque_callback_data": "mine" },
            ["to: must be left out: the conversation says to whom it goes",
                "biz_opaque_callback_data: must be left out: it is how a send is found again"]],
    ]));
    taken(
        &json!({ "type": "text", "text": { "body": "x" }, "to": null, "image": null, "context": { "message_id": "wamid.IN" } }),
    );
}

#[test]
fn a_message_can_be_printed_without_its_text() {
    let message =
        Message::check(&json!({ "type": "text", "text": { "body": "Your code is 1234" } }));
    assert_eq!(format!("{:?}", message.unwrap()), "Message(text)");
}

#[test]
fn limits_of_text_are_kept() {
    taken(&json!({ "type": "text", "text": { "body": "é".repeat(4096) } }));
    refused(&json!([
        [{ "type": "text", "text": { "body": "é".repeat(4097) } }, ["text.body: at most 4096 characters"]],
        [{ "type": "text", "text": { "body": " " } }, ["text.body: must not be blank"]],
    ]));
}

#[test]
fn media_have_one_source_and_a_caption_where_there_is_one() {
    refused(&json!([
        [{ "type": "image", "image": {} }, ["image: needs either id or link"]],
        [{ "type": "image", "image": { "id": "1", "link": "https://a.example" } }, ["image: needs either id or link"]],
        [{ "type": "video", "video": { "link": "file:///etc/passwd" } }, ["video.link: must be an http or https URL"]],
        [{ "type": "document", "document": { "id": "1", "caption": "x".repeat(1025) } },
            ["document.caption: at most 1024 characters"]],
        [{ "type": "audio", "audio": { "id": "1", "caption": "x" } },
            ["audio.caption: must be left out: there is none for audio"]],
    ]));
}

#[test]
fn a_link_may_have_a_host_of_any_letters() {
    for link in [
        "https://bücher.example/1.jpg",
        "HTTP://例え.テスト/päge?q=ü",
        "https://xn--bcher-kva.example",
    ] {
        taken(&json!({ "type": "image", "image": { "link": link } }));
    }
    for link in [
        "ftp://bücher.example",
        "//bücher.example",
        "bücher.example",
        "https://",
    ] {
        refused(&json!([[{ "type": "image", "image": { "link": link } },
            ["image.link: must be an http or https URL"]]]));
    }
}

#[test]
fn a_blank_caption_counts_as_one_that_is_not_there() {
    for (kind, caption) in [("image", ""), ("document", " \n"), ("audio", "")] {
        let message = json!({ "type": kind, kind: { "id": "1", "caption": caption } });
        let message = Message::check(&message).unwrap();
        assert_eq!(message.members()[kind], json!({ "id": "1" }));
    }
}

#[test]
fn direct_send_takes_links_before_replies_and_more_buttons() {
    let direct = |links: usize, replies: usize| {
        let title = |n| format!("No. {n}");
        let link = |n| json!({ "type": "cta_url", "cta_url": { "display_text": title(n), "url": "https://b.example" } });
        let reply = |n| json!({ "type": "reply", "reply": { "id": title(n), "title": title(n) } });
        let buttons: Vec<_> = (0..links)
            .map(link)
            .chain((0..replies).map(reply))
            .collect();
        let mut message = interactive("button", "On its way", &json!({ "buttons": buttons }));
        message["category"] = json!("utility");
        message
    };
    taken(&direct(1, 1));
    taken(&direct(2, 8));
    taken(&direct(2, 0));
    let mut header = direct(0, 3);
    header["interactive"]["header"] =
        json!({ "type": "image", "image": { "id": "1", "link": "https://cdn.example/1.jpg" } });
    taken(&header);
    let mut late = direct(1, 1);
    let buttons = &mut late["interactive"]["action"]["buttons"];
    buttons.as_array_mut().unwrap().reverse();
    let mut bad = direct(1, 1);
    bad["interactive"]["action"]["buttons"][0]["cta_url"] =
        json!({ "display_text": "x".repeat(21), "url": "b.example" });
    let mut other = direct(1, 1);
    other["category"] = Value::Null;
    refused(&json!([
        [
            direct(3, 0),
            [
                "interactive.action.buttons[2].type: must be reply",
                "interactive.action.buttons[2].reply: is required"
            ]
        ],
        [
            direct(1, 10),
            ["interactive.action.buttons: at most 10 buttons"]
        ],
        [
            late,
            [
                "interactive.action.buttons[1].type: must be reply",
                "interactive.action.buttons[1].reply: is required"
            ]
        ],
        [
            bad,
            [
                "interactive.action.buttons[0].cta_url.display_text: at most 20 characters",
                "interactive.action.buttons[0].cta_url.url: must be an http or https URL",
            ]
        ],
        [
            other,
            [
                "interactive.action.buttons[0].type: must be reply",
                "interactive.action.buttons[0].reply: is required"
            ]
        ],
    ]));
}

#[test]
fn places_and_people_are_complete() {
    refused(&json!([
        [{ "type": "location", "location": { "latitude": 91, "longitude": "west" } },
            ["location.latitude: must be -90 to 90 degrees", "location.longitude: must be -180 to 180 degrees"]],
        [{ "type": "contacts", "contacts": [] }, ["contacts: at least 1 contacts"]],
        [{ "type": "contacts", "contacts": [ { "name": { "formatted_name": "Ana" } } ] },
            ["contacts[0].name: needs one of first_name, last_name, middle_name, suffix, prefix beside formatted_name"]],
    ]));
}

#[test]
fn limits_of_buttons_are_kept() {
    let long = buttons(&["Yes", "No", "A title that is too long"]);
    let mut longer = long.clone();
    longer["interactive"]["body"]["text"] = json!("x".repeat(1025));
    longer["interactive"]["footer"] = json!({ "text": "x".repeat(61) });
    longer["interactive"]["header"] = json!({ "type": "text", "text": "x".repeat(61) });
    refused(&json!([
        [
            long,
            ["interactive.action.buttons[2].reply.title: at most 20 characters"]
        ],
        [
            longer,
            [
                "interactive.body.text: at most 1024 characters",
                "interactive.footer.text: at most 60 characters",
                "interactive.header.text: at most 60 characters",
                "interactive.action.buttons[2].reply.title: at most 20 characters",
            ]
        ],
        [
            buttons(&["1", "2", "3", "4"]),
            ["interactive.action.buttons: at most 3 buttons"]
        ],
        [
            buttons(&[]),
            ["interactive.action.buttons: at least 1 buttons"]
        ],
        [
            buttons(&["Yes", "Yes"]),
            [
                "interactive.action.buttons[1].reply.id: is there twice",
                "interactive.action.buttons[1].reply.title: is there twice",
            ]
        ],
    ]));
}

#[test]
fn limits_of_lists_are_kept() {
    let mut long = list(&[1, 1]);
    long["interactive"]["header"] = json!({ "type": "image", "image": { "id": "1" } });
    let action = &mut long["interactive"]["action"];
    action["button"] = json!("x".repeat(21));
    action["sections"][1]["title"] = Value::Null;
    action["sections"][0]["rows"][0] =
        json!({ "id": "x".repeat(201), "title": "x".repeat(25), "description": "x".repeat(73) });
    refused(&json!([
        [
            list(&[6, 5]),
            ["interactive.action.sections: at most 10 rows in all sections together"]
        ],
        [
            long,
            [
                "interactive.header.type: must be text",
                "interactive.action.button: at most 20 characters",
                "interactive.action.sections[1].title: is required",
                "interactive.action.sections[0].rows[0].id: at most 200 characters",
                "interactive.action.sections[0].rows[0].title: at most 24 characters",
                "interactive.action.sections[0].rows[0].description: at most 72 characters",
            ]
        ],
    ]));
}

#[test]
fn limits_of_the_other_interactive_types_are_kept() {
    let cta_url =
        json!({ "name": "url", "parameters": { "display_text": "x".repeat(21), "url": "shop" } });
    let flow = json!({ "name": "flow", "parameters": { "flow_message_version": "3", "flow_id": "1", "flow_name": "n",
        "flow_cta": "x".repeat(31), "flow_action_payload": { "data": {} } } });
    let call = json!({ "name": "voice_call", "parameters": { "ttl_minutes": 43_201, "payload": "x".repeat(513) } });
    let items: Vec<_> = (0..16)
        .map(|n| json!({ "product_retailer_id": n.to_string() }))
        .collect();
    let products = json!({ "catalog_id": "1", "sections": [
        { "title": "A", "product_items": items }, { "title": "B", "product_items": items } ] });
    refused(&json!([
        [
            interactive("cta_url", "x", &cta_url),
            [
                "interactive.action.name: must be cta_url",
                "interactive.action.parameters.display_text: at most 20 characters",
                "interactive.action.parameters.url: must be an http or https URL",
            ]
        ],
        [
            interactive("flow", "x", &flow),
            [
                "interactive.action.parameters: needs either flow_id or flow_name",
                "interactive.action.parameters.flow_cta: at most 30 characters",
                "interactive.action.parameters.flow_action_payload.data: must be left out or have a member",
            ]
        ],
        [
            interactive("voice_call", "x", &call),
            [
                "interactive.action.parameters.ttl_minutes: must be 1 to 43200 minutes",
                "interactive.action.parameters.payload: at most 512 characters",
            ]
        ],
        [
            interactive("product_list", "x", &products),
            [
                "interactive.header: is required",
                "interactive.action.sections: at most 30 products in all sections together",
            ]
        ],
    ]));
}

#[test]
fn limits_of_carousels_are_kept() {
    let mut other = card(1, "video");
    other["body"]["text"] = json!("a\nb\nc\nd");
    refused(&json!([
        [
            carousel(&[card(0, "image")]),
            ["interactive.action.cards: at least 2 cards"]
        ],
        [
            carousel(&[card(0, "image"), other]),
            [
                "interactive.action.cards[1].body.text: at most 2 line breaks",
                "interactive.action.cards[1]: must have the same kind of header and as many buttons as the card before it",
            ]
        ],
    ]));
}

#[test]
fn parameters_of_templates_are_well_formed() {
    refused(&json!([
        [{ "type": "template", "template": { "language": {} } },
            ["template.name: is required", "template.language.code: is required"]],
        [template(&json!([ { "type": "body", "parameters": [
            { "type": "text", "parameter_name": "First", "text": "Ana" }, { "type": "text", "text": "x" } ] } ])), [
            "template.components[0].parameters[0].parameter_name: must be of a-z, 0-9 and _",
            "template.components[0].parameters: must all have a parameter_name, or none",
        ]],
        [template(&json!([
            { "type": "header", "parameters": [ { "type": "image", "image": {} }, { "type": "text", "text": "x".repeat(61) } ] },
            { "type": "button", "sub_type": "url", "index": "12" },
            { "type": "carousel", "cards": [ { "card_index": 0, "components": [ { "type": "BODY", "parameters": [ {} ] } ] } ] },
        ])), [
            "template.components[0].parameters[0].image: needs either id or link",
            "template.components[0].parameters[1].text: at most 60 characters",
            "template.components[1].index: must be 0 to 9",
            "template.components[2].cards[0].components[0].parameters[0].type: is required",
        ]],
    ]));
}
