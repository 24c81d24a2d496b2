//! How a message of the business is doing, and the payments that are told by the same list.
//! <https://developers.facebook.com/documentation/business-messaging/whatsapp/webhooks/reference/messages/status>

use crate::meta::payload::{ERRORS, PRICING, RECIPIENT};
use crate::meta::shape::Shape::{Hidden, Number, Object, Text};
use crate::meta::shape::{Shape, member};

/// A status.
pub const STATUS: Shape = Object(&[
    member(&["id"], Text),
    member(&["status"], Text),
    member(&["recipient_type"], Text),
    member(&["biz_opaque_callback_data"], Text),
    member(&["template_id"], Text),
    ERRORS,
    PRICING,
    member(
        &["conversation"],
        Object(&[
            member(&["id"], Text),
            member(&["expiration_timestamp"], Number),
            member(&["origin"], Object(&[member(&["type"], Text)])),
        ]),
    ),
    member(&["payment"], PAYMENT),
    member(&["type"], Hidden),
    member(&["from"], Hidden),
    member(&["message"], Hidden),
    member(&["timestamp"], Hidden),
    member(&["group_id"], Hidden),
    RECIPIENT,
    member(&["recipient_identity_key_hash"], Hidden),
    member(
        &["recipient_participant_id", "participant_recipient_id"],
        Hidden,
    ),
    member(&["recipient_participant_user_id"], Hidden),
    member(&["recipient_participant_parent_user_id"], Hidden),
]);

/// What a status of a payment tells beside the payment itself.
pub const PAYMENT_STATUS: Shape = Object(&[
    member(&["id"], Text).written("message_id"),
    member(&["status"], Text),
    member(&["biz_opaque_callback_data"], Text),
    ERRORS,
]);

/// A payment that a message asked for.
pub const PAYMENT: Shape = Object(&[
    member(&["reference_id"], Text),
    member(
        &["amount"],
        Object(&[member(&["value"], Number), member(&["offset"], Number)]),
    ),
    member(&["currency"], Text),
    member(
        &["transaction"],
        Object(&[
            member(&["id"], Text),
            member(&["type"], Text),
            member(&["status"], Text),
            member(&["created_timestamp"], Number),
            member(&["updated_timestamp"], Number),
            member(&["method"], Object(&[member(&["type"], Text)])),
        ]),
    ),
]);
