//! The documented shape of what goes to `/messages`, strictly: a member that is not documented is a fault as well.
//! Sources: Cloud API, "Send messages" and the pages of each message type.

mod interactive;
mod members;
mod template;

use members::{Faults, Members};
use serde_json::Value;

/// What is wrong with the body of a request to `/messages`; empty where nothing is.
pub fn faults(body: &Value) -> Vec<String> {
    let faults = Faults::default();
    Members::read("", body, &faults, |request| {
        request.word("messaging_product", &["whatsapp"]);
        if request.has("status") {
            read_receipt(request);
        } else {
            message(request);
        }
    });
    faults.into_inner()
}

fn read_receipt(request: &Members<'_>) {
    request.word("status", &["read"]);
    request.text("message_id", 1..=512);
    request.maybe_object("typing_indicator", |typing| {
        typing.word("type", &["text"]);
    });
}

fn message(request: &Members<'_>) {
    let group = request.maybe_word("recipient_type", &["individual", "group"]) == Some("group");
    recipient(request, group);
    request.maybe_text("biz_opaque_callback_data", 1..=512);
    request.maybe_text("recipient_identity_key_hash", 1..=256);
    direct_send(request);
    let kind = if request.has("type") {
        request.word("type", KINDS)
    } else {
        Some("text")
    };
    request.maybe_object("context", |context| {
        context.text("message_id", 1..=512);
    });
    if request.has("context") && kind == Some("reaction") {
        request.fault("context", "does not go with a reaction");
    }
    content(request, kind.unwrap_or_default());
}

/// Members of the beta that sends without a template of one's own.
fn direct_send(request: &Members<'_>) {
    request.maybe_text("category", 1..=64);
    request.maybe_number("ttl_seconds", -1..=2_592_000);
    request.maybe_free_object("direct_send_config");
}

const KINDS: &[&str] = &[
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

fn recipient(request: &Members<'_>, group: bool) {
    if !request.has("to") && !request.has("recipient") {
        request.fault("to", "is missing, and so is recipient");
    }
    if let Some(to) = request.maybe_text("to", 1..=256) {
        // Without the plus, Meta may put the business's own country code before it.
        let phone = to.strip_prefix('+').is_some_and(|digits| {
            (5..=15).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit())
        });
        if !group && !phone {
            request.fault("to", "must be a phone number: +, and 5 to 15 digits");
        }
    }
    if let Some(recipient) = request.maybe_text("recipient", 1..=256)
        && (group || !is_user_id(recipient))
    {
        request.fault(
            "recipient",
            "must be a business-scoped user id: CC. or CC.ENT., and 1 to 128 letters and digits",
        );
    }
}

fn is_user_id(id: &str) -> bool {
    id.split_once('.').is_some_and(|(country, rest)| {
        let own = rest.strip_prefix("ENT.").unwrap_or(rest);
        country.len() == 2
            && country.bytes().all(|byte| byte.is_ascii_uppercase())
            && (1..=128).contains(&own.len())
            && own.bytes().all(|byte| byte.is_ascii_alphanumeric())
    })
}

fn content(request: &Members<'_>, kind: &str) {
    match kind {
        "text" => request.object("text", |text| {
            text.text("body", 1..=4096);
            text.maybe_flag("preview_url");
        }),
        "image" | "video" | "audio" | "document" | "sticker" => media(request, kind),
        "location" => request.object("location", |place| {
            location(place);
            place.maybe_text("name", 1..=1000);
            place.maybe_text("address", 1..=1000);
        }),
        "contacts" => request.list("contacts", 1..=257, contact),
        "reaction" => request.object("reaction", |reaction| {
            reaction.text("message_id", 1..=512);
            reaction.text("emoji", 0..=16);
        }),
        "interactive" => request.object("interactive", |interactive| {
            interactive::check(interactive, request.has("category"));
        }),
        "template" => {
            if request.has("context") {
                request.fault("context", "does not go with a template");
            }
            request.object("template", template::check);
        }
        "pin" => request.object("pin", |pin| {
            pin.word("type", &["pin", "unpin"]);
            pin.text("message_id", 1..=512);
            pin.maybe_number("expiration_days", 1..=30);
        }),
        _ => {}
    }
}

fn location(place: &Members<'_>) {
    place.coordinate("latitude", 90.0);
    place.coordinate("longitude", 180.0);
}

fn media(request: &Members<'_>, kind: &str) {
    match kind {
        "image" => request.object("image", captioned),
        "video" => request.object("video", captioned),
        "audio" => request.object("audio", |audio| {
            id_or_link(audio);
            audio.maybe_flag("voice");
        }),
        "document" => request.object("document", |document| {
            captioned(document);
            document.maybe_text("filename", 1..=1024);
        }),
        _ => request.object("sticker", id_or_link),
    }
}

fn captioned(media: &Members<'_>) {
    id_or_link(media);
    media.maybe_text("caption", 0..=1024);
}

/// Media is named by an id or by a link, never by both.
fn id_or_link(media: &Members<'_>) {
    id_and_link(media);
    if media.has("id") && media.has("link") {
        media.fault("id", "must be there, or else link, and not both");
    }
}

/// Direct Send takes both.
fn id_and_link(media: &Members<'_>) {
    media.maybe_text("id", 1..=256);
    if let Some(link) = media.maybe_text("link", 1..=2048)
        && !link.starts_with("https://")
        && !link.starts_with("http://")
    {
        media.fault("link", "must be a URL");
    }
    if !media.has("id") && !media.has("link") {
        media.fault("id", "must be there, or else link");
    }
}

fn contact(contact: &Members<'_>) {
    contact.object("name", |name| {
        name.text("formatted_name", 1..=512);
        let parts = ["first_name", "last_name", "middle_name", "prefix", "suffix"];
        let given = parts.map(|part| name.maybe_text(part, 1..=512).is_some());
        if !given.contains(&true) {
            name.fault(
                "formatted_name",
                "needs one more part of the name beside it",
            );
        }
    });
    contact.maybe_list("phones", |phone| texts(phone, &["phone", "type", "wa_id"]));
    contact.maybe_list("emails", |email| texts(email, &["email", "type"]));
    contact.maybe_list("urls", |url| texts(url, &["url", "type"]));
    contact.maybe_list("addresses", |address| {
        texts(
            address,
            &[
                "street",
                "city",
                "state",
                "zip",
                "country",
                "country_code",
                "type",
            ],
        );
    });
    contact.maybe_object("org", |org| texts(org, &["company", "department", "title"]));
    contact.maybe_text("birthday", 10..=10);
}

fn texts(members: &Members<'_>, names: &[&'static str]) {
    for name in names {
        members.maybe_text(name, 0..=1024);
    }
}

#[cfg(test)]
mod tests;
