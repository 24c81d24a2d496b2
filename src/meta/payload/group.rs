//! The fields `group_*_update`.
//! <https://developers.facebook.com/documentation/business-messaging/whatsapp/groups/webhooks>

use crate::meta::payload::{CONTACTS, ERRORS, METADATA, PRODUCT};
use crate::meta::shape::Shape::{Bool, Filled, Hidden, List, Object, Phone, Text, Username};
use crate::meta::shape::{Member, Shape, member};

/// The value of each of them.
pub static GROUPS: Shape = Object(&[
    PRODUCT,
    METADATA,
    CONTACTS,
    member(&["groups"], List(&GROUP)),
    ERRORS,
]);

/// Something happened to a group.
pub const GROUP: Shape = Object(&[
    member(&["group_id"], Filled).written("id"),
    member(&["type"], Text),
    member(&["request_id"], Text),
    member(&["join_request_id"], Text),
    member(&["subject"], Text),
    member(&["description"], Text),
    member(&["invite_link"], Text),
    member(&["join_approval_mode"], Text),
    member(&["reason"], Text),
    member(&["initiated_by"], Text),
    member(&["added_participants"], PARTICIPANTS),
    member(&["removed_participants"], PARTICIPANTS),
    member(&["failed_participants"], PARTICIPANTS),
    member(&["group_subject"], Object(SETTING)),
    member(&["group_description"], Object(SETTING)),
    member(&["profile_picture"], Object(SETTING)),
    ERRORS,
    member(&["timestamp"], Hidden),
    member(&["wa_id"], Hidden),
    member(&["user_id"], Hidden),
    member(&["parent_user_id"], Hidden),
    member(&["username"], Hidden),
]);

const PARTICIPANTS: Shape = List(&Object(&[
    member(&["input"], Text),
    member(&["wa_id"], Phone),
    member(&["user_id"], Text),
    member(&["parent_user_id"], Text),
    member(&["username"], Username),
    ERRORS,
]));

const SETTING: &[Member] = &[
    member(&["text"], Text),
    member(&["mime_type"], Text),
    member(&["sha256"], Text),
    member(&["update_successful"], Bool),
    ERRORS,
];
