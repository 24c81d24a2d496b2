//! What Meta writes into the `value` of a webhook's change, field by field.
//!
//! Meta adds members without notice, so a shape holds what we know and says nothing against the rest.
//! <https://developers.facebook.com/documentation/business-messaging/whatsapp/webhooks/overview>

pub mod account;
pub mod call;
pub mod coexistence;
pub mod customer;
pub mod group;
pub mod message;
pub mod status;
pub mod template;

use crate::meta::shape::Shape::{Any, List, Object, Phone, Text, Underscored, Username};
use crate::meta::shape::{Member, Shape, member};

/// The number of the business that a change is about.
pub const METADATA: Member = member(
    &["metadata"],
    Object(&[
        member(&["display_phone_number"], Phone),
        member(&["phone_number_id"], Text),
    ]),
);

/// The product, which is always `whatsapp`.
pub const PRODUCT: Member = member(&["messaging_product"], Text);

/// The people whom a change names.
pub const CONTACTS: Member = member(
    &["contacts"],
    List(&Object(&[
        member(&["wa_id"], Phone),
        member(&["user_id"], Text),
        member(&["parent_user_id"], Text),
        member(&["identity_key_hash"], Text),
        member(
            &["profile"],
            Object(&[member(&["name"], Text), member(&["username"], Username)]),
        ),
    ])),
);

/// Who sent something, and to whom.
pub const FROM_AND_TO: Member = member(
    &[
        "from",
        "from_user_id",
        "from_parent_user_id",
        "to",
        "to_user_id",
        "to_parent_user_id",
    ],
    Shape::Hidden,
);

/// To whom something went whose status is told.
pub const RECIPIENT: Member = member(
    &[
        "recipient_id",
        "recipient_user_id",
        "recipient_parent_user_id",
        "parent_recipient_user_id",
        "parent_user_id",
    ],
    Shape::Hidden,
);

/// Errors, as the Graph API and all webhooks write them.
pub const ERRORS: Member = member(&["errors"], List(&ERROR));

/// An object of which nothing but its errors is wanted.
pub const ERRORS_BESIDE: Shape = Object(&[ERRORS]);

/// One error.
pub const ERROR: Shape = Object(&[
    member(&["code"], Shape::Number),
    member(&["title"], Text),
    member(&["message"], Text),
    member(&["error_data"], Any),
    member(&["href"], Text),
]);

/// What the Business Agent tells of the conversation so far when it hands it over.
pub const CONVERSATION_CONTEXT: Member = member(&["conversation_context"], Any);

/// The field `messages`.
pub static MESSAGES: Shape = Object(&[
    PRODUCT,
    METADATA,
    CONTACTS,
    member(&["messages"], List(&message::MESSAGE)),
    member(&["statuses"], List(&status::STATUS)),
    ERRORS,
    CONVERSATION_CONTEXT,
    member(&["user_actions"], List(&USER_ACTION)),
]);

/// A customer clicked on a link of a marketing message, or the page behind it opened.
pub const USER_ACTION: Shape = Object(&[
    member(&["action_type"], Text),
    member(&["timestamp"], Shape::Hidden),
    member(
        &["marketing_messages_link_click_data"],
        Object(&[
            member(&["click_component"], Text),
            member(&["product_id"], Text),
            member(&["click_id"], Text),
            member(&["tracking_token"], Text),
            member(&["client_user_agent"], Text),
        ]),
    ),
]);

/// What a message cost and why.
pub const PRICING: Member = member(
    &["pricing"],
    Object(&[
        member(&["billable"], Shape::Bool),
        member(&["pricing_model"], Text),
        member(&["type", "pricing_type"], Text),
        member(&["category"], Underscored),
    ]),
);
