//! The fields that are about customers, beside their messages: what they want, who they are, what they bought.
//! <https://developers.facebook.com/documentation/business-messaging/whatsapp/webhooks/reference/user_preferences>

use crate::meta::payload::{CONTACTS, METADATA, PRODUCT};
use crate::meta::shape::Shape::{Any, Hidden, List, Number, Object, Phone, Text};
use crate::meta::shape::{Shape, member};

/// `user_preferences`.
pub static USER_PREFERENCES: Shape = Object(&[
    PRODUCT,
    METADATA,
    CONTACTS,
    member(&["user_preferences"], List(&PREFERENCE)),
]);

/// A customer wants marketing messages, or none.
pub const PREFERENCE: Shape = Object(&[
    member(&["category"], Text),
    member(&["value"], Text),
    member(&["detail"], Text),
    member(&["signup_id"], Text),
    member(&["timestamp"], Hidden),
    member(&["wa_id"], Hidden),
    member(&["user_id"], Hidden),
    member(&["parent_user_id"], Hidden),
]);

/// `user_id_update`, which Meta documented for half a year and says it never sent.
pub static USER_ID_UPDATE: Shape = Object(&[
    PRODUCT,
    METADATA,
    CONTACTS,
    member(&["user_id_update"], List(&USER_ID_CHANGE)),
]);

/// A customer's id changed.
pub const USER_ID_CHANGE: Shape = Object(&[
    member(&["detail"], Text),
    member(&["wa_id"], Phone),
    member(&["user_id"], Any),
    member(&["parent_user_id"], Any),
    member(&["timestamp"], Hidden),
]);

/// `automatic_events`.
pub static AUTOMATIC_EVENTS: Shape = Object(&[
    PRODUCT,
    METADATA,
    CONTACTS,
    member(&["automatic_events"], List(&CONVERSION)),
]);

/// Meta saw that an advertisement led to something.
pub const CONVERSION: Shape = Object(&[
    member(&["id"], Text).written("message_id"),
    member(&["event_name"], Text),
    member(&["ctwa_clid"], Text),
    member(
        &["custom_data"],
        Object(&[member(&["currency"], Text), member(&["value"], Number)]),
    ),
    member(&["timestamp"], Hidden),
]);
