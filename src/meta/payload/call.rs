//! The field `calls`.
//! <https://developers.facebook.com/documentation/business-messaging/whatsapp/webhooks/reference/calls>

use crate::meta::payload::message::{AUDIO, DOCUMENT};
use crate::meta::payload::{CONTACTS, ERRORS, FROM_AND_TO, METADATA, PRODUCT, RECIPIENT};
use crate::meta::shape::Shape::{Any, Hidden, List, Number, Object, Text, Upper};
use crate::meta::shape::{Shape, member};

/// The value.
pub static CALLS: Shape = Object(&[
    PRODUCT,
    METADATA,
    CONTACTS,
    member(&["calls"], List(&CALL)),
    member(&["statuses"], List(&CALL_STATUS)),
    ERRORS,
]);

/// Something happened in a call.
pub const CALL: Shape = Object(&[
    member(&["id"], Text),
    member(&["event"], Text),
    member(&["direction"], Text),
    // Seen as `COMPLETED` and as `Completed`.
    member(&["status"], Upper),
    member(&["start_time"], Number),
    member(&["end_time"], Number),
    member(&["duration"], Number),
    member(&["deeplink_payload"], Text),
    member(&["cta_payload"], Text),
    member(&["biz_opaque_callback_data"], Text),
    member(
        &["session"],
        Object(&[member(&["sdp_type"], Text), member(&["sdp"], Text)]),
    ),
    member(&["connection"], Any),
    member(
        &["call_recording"],
        Object(&[member(&["type"], Text), AUDIO]),
    ),
    // Meta's page says `call_transcript`.
    member(
        &["call_transcription", "call_transcript"],
        Object(&[member(&["type"], Text), DOCUMENT]),
    ),
    ERRORS,
    member(&["timestamp"], Hidden),
    FROM_AND_TO,
]);

/// How a call of the business is doing.
pub const CALL_STATUS: Shape = Object(&[
    member(&["id"], Text),
    member(&["status"], Upper),
    member(&["biz_opaque_callback_data"], Text),
    ERRORS,
    member(&["type"], Hidden),
    member(&["timestamp"], Hidden),
    RECIPIENT,
]);
