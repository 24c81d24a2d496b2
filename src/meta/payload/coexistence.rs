//! The fields of a number that is used from the WhatsApp Business app and through the API at once, and those of a
//! conversation that another app has in hand.
//! <https://developers.facebook.com/documentation/business-messaging/whatsapp/embedded-signup/onboarding-business-app-users>

use crate::meta::payload::message::{MESSAGE, SENT};
use crate::meta::payload::status::STATUS;
use crate::meta::payload::{CONTACTS, ERRORS, METADATA, PRODUCT};
use crate::meta::shape::Shape::{Any, Hidden, List, Number, Object, Phone, Text, Username};
use crate::meta::shape::{Shape, member};

/// `smb_message_echoes`.
pub static ECHOES: Shape = Object(&[
    PRODUCT,
    METADATA,
    CONTACTS,
    member(&["message_echoes"], List(&MESSAGE)),
]);

/// `history`.
pub static HISTORY: Shape = Object(&[
    PRODUCT,
    METADATA,
    CONTACTS,
    member(&["messages"], List(&MESSAGE)),
    member(&["message_echoes"], List(&MESSAGE)),
    member(
        &["history"],
        List(&Object(&[
            member(&["metadata"], HISTORY_PROGRESS),
            ERRORS,
            member(
                &["threads"],
                List(&Object(&[
                    member(&["id"], Text),
                    member(
                        &["context"],
                        Object(&[
                            member(&["wa_id"], Phone),
                            member(&["user_id"], Text),
                            member(&["parent_user_id"], Text),
                            member(&["username"], Username),
                        ]),
                    ),
                    member(&["messages"], List(&MESSAGE)),
                ])),
            ),
        ])),
    ),
]);

/// How far the history has come: the phase is 0 for the last day, 1 for the last 90 days, 2 for the last 180; progress
/// is in per cent.
pub const HISTORY_PROGRESS: Shape = Object(&[
    member(&["phase"], Number),
    member(&["chunk_order"], Number),
    member(&["progress"], Number),
]);

/// `smb_app_state_sync`.
pub static STATE_SYNC: Shape = Object(&[
    PRODUCT,
    METADATA,
    CONTACTS,
    member(&["state_sync"], List(&STATE)),
]);

/// An entry of the app's address book changed.
pub const STATE: Shape = Object(&[
    member(&["type"], Text),
    member(&["action"], Text),
    member(&["contact"], ADDRESS_BOOK_ENTRY),
    member(&["metadata"], Object(&[member(&["timestamp"], Number)])),
]);

/// An entry of the app's address book.
pub const ADDRESS_BOOK_ENTRY: Shape = Object(&[
    member(&["full_name"], Text),
    member(&["first_name"], Text),
    member(&["phone_number", "wa_id"], Phone),
    member(&["user_id"], Text),
    member(&["parent_user_id"], Text),
    member(&["username"], Username),
]);

/// `standby`.
pub static STANDBY: Shape = Object(&[
    PRODUCT,
    METADATA,
    member(
        &["standby"],
        Object(&[
            CONTACTS,
            member(&["messages"], List(&MESSAGE)),
            member(&["message_echoes"], List(&STANDBY_ECHO)),
            member(&["statuses"], List(&STATUS)),
        ]),
    ),
]);

const STANDBY_ECHO: Shape = Object(&[
    member(&["id"], Text),
    member(&["timestamp"], Hidden),
    member(&["to"], Hidden),
    member(&["to_user_id"], Hidden),
    member(&["to_parent_user_id"], Hidden),
    member(&["message"], SENT),
    // What the template or the flow that was sent looks like.
    member(&["template"], Hidden),
    member(&["flow"], Hidden),
]);

/// `messaging_handovers`.
pub static HANDOVERS: Shape = Object(&[
    PRODUCT,
    member(&["sender"], Any),
    member(&["recipient"], Any),
    member(&["timestamp"], Hidden),
    member(&["type"], Text),
    member(&["control_passed"], CONTROL),
    member(&["control_taken"], CONTROL),
]);

/// Who has the conversation in hand now, and who had it before.
pub const CONTROL: Shape = Object(&[
    member(&["previous_owner_role"], Text),
    member(&["previous_owner_app_role"], Text),
    member(&["previous_owner_app_id"], Text),
    member(&["new_owner_role"], Text),
    member(&["new_owner_app_role"], Text),
    member(&["new_owner_app_id"], Text),
    member(&["metadata"], Text),
    member(&["conversation_context"], Any),
]);
