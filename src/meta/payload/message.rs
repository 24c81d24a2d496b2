//! One message, as `messages`, `smb_message_echoes`, `history` and `standby` carry it.
//! <https://developers.facebook.com/documentation/business-messaging/whatsapp/webhooks/reference/messages>

use std::borrow::Cow;

use crate::meta::json::Json;
use crate::meta::payload::{ERRORS, FROM_AND_TO};
use crate::meta::shape::Shape::{
    Any, Bool, Filled, Hidden, JsonText, List, Number, Object, Phone, Text, TrueWithout,
};
use crate::meta::shape::{Member, Shape, member};

/// The types of message that we know. `voice` is what the on-premises API called `audio`.
pub const TYPES: [&str; 19] = [
    "text",
    "image",
    "video",
    "audio",
    "voice",
    "document",
    "sticker",
    "location",
    "contacts",
    "interactive",
    "button",
    "order",
    "reaction",
    "system",
    "edit",
    "revoke",
    "unsupported",
    "media_placeholder",
    "request_welcome",
];

/// What Meta itself answers in a customer's name, if this is such a message: `accept` when they call, `reject` after four
/// calls of yours that they did not take. (Meta: "Obtain user call permissions".)
pub fn automatic_response(message: Json<'_>) -> Option<Cow<'_, str>> {
    let reply = message.get("interactive")?.get("call_permission_reply")?;
    let text = |name| reply.get(name).and_then(Json::text);
    text("response").filter(|_| text("response_source").is_some_and(|source| source == "automatic"))
}

/// A message.
pub const MESSAGE: Shape = Object(&[
    member(&["id"], Text),
    member(&["type"], Text).written("kind"),
    TEXT,
    IMAGE,
    VIDEO,
    AUDIO,
    DOCUMENT,
    STICKER,
    LOCATION,
    VCARDS,
    INTERACTIVE,
    BUTTON,
    ORDER,
    REACTION,
    SYSTEM,
    EDIT,
    REVOKE,
    UNSUPPORTED,
    CONTEXT,
    REFERRAL,
    member(&["group_id"], Filled),
    member(&["origin"], Text),
    member(&["history_context"], Object(&[member(&["status"], Text)])),
    ERRORS,
    member(&["timestamp"], Hidden),
    FROM_AND_TO,
    member(&["from_logical_id"], Hidden),
    member(&["identity"], Hidden),
]);

/// What an edit puts in the place of a message: a type and its content, no id, sender or time.
pub const CONTENT: Shape = Object(&[
    member(&["type"], Text).written("kind"),
    TEXT,
    IMAGE,
    VIDEO,
    AUDIO,
    DOCUMENT,
    STICKER,
    LOCATION,
    VCARDS,
    INTERACTIVE,
    BUTTON,
    ORDER,
    REACTION,
    CONTEXT,
]);

/// A message as an app sends it, or takes it back.
pub const SENT: Shape = Object(&[
    member(&["type"], Text).written("kind"),
    TEXT,
    IMAGE,
    VIDEO,
    AUDIO,
    DOCUMENT,
    STICKER,
    LOCATION,
    VCARDS,
    member(&["interactive"], Any),
    member(&["template"], Any),
    BUTTON,
    ORDER,
    REACTION,
    CONTEXT,
    EDIT,
    REVOKE,
    UNSUPPORTED,
    ERRORS,
    member(&["messaging_product"], Hidden),
    member(&["recipient_type"], Hidden),
    member(&["recipient"], Hidden),
    member(&["to"], Hidden),
    member(&["biz_opaque_callback_data"], Hidden),
]);

/// The id of a message whose content stands elsewhere.
pub const ID: Shape = Object(&[member(&["id"], Text)]);

const TEXT: Member = member(&["text"], Object(&[member(&["body"], Text)]));

const MEDIA: &[Member] = &[
    member(&["id"], Text),
    member(&["mime_type"], Text),
    member(&["sha256"], Text),
    member(&["caption"], Text),
    member(&["filename"], Text),
    member(&["voice"], Bool),
    member(&["animated"], Bool),
    // Works for five minutes, for whoever has the access token: not to be handed on as if it lasted.
    member(&["url"], Hidden),
];
const IMAGE: Member = member(&["image"], Object(MEDIA));
const VIDEO: Member = member(&["video"], Object(MEDIA));
/// A recording.
pub const AUDIO: Member = member(&["audio", "voice"], Object(MEDIA));
/// A file.
pub const DOCUMENT: Member = member(&["document"], Object(MEDIA));
const STICKER: Member = member(&["sticker"], Object(MEDIA));

const LOCATION: Member = member(
    &["location"],
    Object(&[
        member(&["latitude"], Number),
        member(&["longitude"], Number),
        member(&["name"], Text),
        member(&["address"], Text),
        member(&["url"], Text),
    ]),
);

const VCARDS: Member = member(
    &["contacts"],
    List(&Object(&[
        member(
            &["name"],
            Object(&[
                member(&["formatted_name"], Text),
                member(&["first_name"], Text),
                member(&["last_name"], Text),
                member(&["middle_name"], Text),
                member(&["prefix"], Text),
                member(&["suffix"], Text),
            ]),
        ),
        member(
            &["phones"],
            List(&Object(&[
                member(&["phone"], Text),
                member(&["wa_id"], Phone),
                member(&["type"], Text),
            ])),
        ),
        member(
            &["emails"],
            List(&Object(&[
                member(&["email"], Text),
                member(&["type"], Text),
            ])),
        ),
        member(
            &["addresses"],
            List(&Object(&[
                member(&["street"], Text),
                member(&["city"], Text),
                member(&["state"], Text),
                member(&["zip"], Text),
                member(&["country"], Text),
                member(&["country_code"], Text),
                member(&["type"], Text),
            ])),
        ),
        member(
            &["org"],
            Object(&[
                member(&["company"], Text),
                member(&["department"], Text),
                member(&["title"], Text),
            ]),
        ),
        member(
            &["urls"],
            List(&Object(&[member(&["url"], Text), member(&["type"], Text)])),
        ),
        member(&["birthday"], Text),
        member(&["vcard"], Text),
        member(&["origin"], Text),
    ])),
);

const INTERACTIVE: Member = member(
    &["interactive"],
    Object(&[
        member(&["type"], Text),
        member(
            &["button_reply"],
            Object(&[member(&["id"], Text), member(&["title"], Text)]),
        ),
        member(
            &["list_reply"],
            Object(&[
                member(&["id"], Text),
                member(&["title"], Text),
                member(&["description"], Text),
            ]),
        ),
        member(
            &["nfm_reply"],
            Object(&[
                member(&["name"], Text),
                member(&["body"], Text),
                member(&["response_json"], JsonText),
            ]),
        ),
        member(
            &["call_permission_reply"],
            Object(&[
                member(&["response"], Text),
                member(&["is_permanent"], Bool),
                member(&["expiration_timestamp"], Number),
                member(&["response_source"], Text),
            ]),
        ),
        // The customer pays by a card that the business has on file.
        member(
            &["payment_method"],
            Object(&[
                member(&["payment_method"], Text),
                member(&["payment_timestamp"], Number),
                member(&["reference_id"], Text),
                member(&["last_four_digits"], Text),
                member(&["credential_id"], Text),
            ]),
        ),
        // Named by Meta since August 2026, without a word on what is in them.
        member(&["product"], Any),
        member(&["action"], Any),
    ]),
);

const BUTTON: Member = member(
    &["button"],
    Object(&[member(&["payload"], Text), member(&["text"], Text)]),
);

const ORDER: Member = member(
    &["order"],
    Object(&[
        member(&["catalog_id"], Text),
        member(&["text"], Text),
        member(
            &["product_items"],
            List(&Object(&[
                member(&["product_retailer_id"], Text),
                member(&["quantity"], Number),
                member(&["item_price"], Number),
                member(&["currency"], Text),
            ])),
        ),
    ]),
);

const REACTION: Member = member(
    &["reaction"],
    Object(&[
        member(&["message_id"], Text),
        member(&["emoji"], Filled),
        member(&[], TrueWithout("emoji")).written("removed"),
    ]),
);

/// Something changed about the customer.
const SYSTEM: Member = member(&["system"], CHANGE);

/// What a system message says.
pub const CHANGE: Shape = Object(&[
    member(&["type"], Text),
    member(&["body"], Text),
    member(&["wa_id", "new_wa_id"], Phone),
    member(&["user_id"], Text),
    member(&["parent_user_id"], Text),
    member(&["previous_user_id"], Text),
    member(&["previous_parent_user_id"], Text),
    member(&["customer"], Text),
    member(&["identity"], Any),
]);

const EDIT: Member = member(
    &["edit"],
    Object(&[
        member(&["original_message_id"], Text),
        member(&["message"], CONTENT),
    ]),
);

const REVOKE: Member = member(
    &["revoke"],
    Object(&[member(&["original_message_id"], Text)]),
);

const UNSUPPORTED: Member = member(&["unsupported"], Object(&[member(&["type"], Text)]));

const CONTEXT: Member = member(
    &["context"],
    Object(&[
        member(&["id"], Text),
        member(&["from"], Phone),
        member(&["forwarded"], Bool),
        member(&["frequently_forwarded"], Bool),
        member(
            &["referred_product"],
            Object(&[
                member(&["catalog_id"], Text),
                member(&["product_retailer_id"], Text),
            ]),
        ),
    ]),
);

/// The advertisement or post by which the customer came.
const REFERRAL: Member = member(
    &["referral"],
    Object(&[
        member(&["source_type"], Text),
        member(&["source_id"], Text),
        member(&["source_url"], Text),
        member(&["headline"], Text),
        member(&["body"], Text),
        member(&["media_type"], Text),
        member(&["image_url"], Text),
        member(&["video_url"], Text),
        member(&["thumbnail_url"], Text),
        member(&["ctwa_clid"], Text),
        member(&["welcome_message"], Object(&[member(&["text"], Text)])),
        member(&["ref"], Text),
    ]),
);
