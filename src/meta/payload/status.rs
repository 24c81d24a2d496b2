//! How a message of the business is doing, and the payments that are told by the same list.
//! <https://developers.facebook.com/documentation/business-messaging/whatsapp/webhooks/reference/messages/status>

use crate::meta::payload::{ERRORS, PRICING, RECIPIENT};
use crate::meta::shape::Shape::{Any, Hidden, List, Number, Object, Text};
use crate::meta::shape::{Member, Shape, member};

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
            // Where statuses of a group's members are told together.
            PRICING,
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

/// What a status of a payment tells beside the payment itself. By Meta's page the id is that of the webhook.
pub const PAYMENT_STATUS: Shape = Object(&[
    member(&["id"], Text).written("message_id"),
    member(&["status"], Text),
    member(&["biz_opaque_callback_data"], Text),
    ERRORS,
]);

/// A payment that a message asked for. What the order bore for its provider is told with it: `receipt` and `notes` for
/// Razorpay, `udf` for PayU, `additional_info` for BillDesk, `extra` for Zaakpay.
/// <https://developers.facebook.com/documentation/business-messaging/whatsapp/payments/payments-in/pg>
pub const PAYMENT: Shape = Object(&[
    member(&["reference_id"], Text),
    AMOUNT,
    CURRENCY,
    member(
        &["transaction"],
        Object(&[
            member(&["id"], Text),
            member(&["pg_transaction_id"], Text),
            member(&["type"], Text),
            STATE,
            CREATED,
            UPDATED,
            AMOUNT,
            CURRENCY,
            member(&["method"], Object(&[member(&["type"], Text)])),
            member(
                &["error"],
                Object(&[member(&["code"], Text), member(&["reason"], Text)]),
            ),
            REFUNDS,
        ]),
    ),
    REFUNDS,
    member(&["receipt"], Text),
    member(&["notes"], Any),
    member(&["udf1"], Text),
    member(&["udf2"], Text),
    member(&["udf3"], Text),
    member(&["udf4"], Text),
    member(&["additional_info1"], Text),
    member(&["additional_info2"], Text),
    member(&["additional_info3"], Text),
    member(&["additional_info4"], Text),
    member(&["additional_info5"], Text),
    member(&["additional_info6"], Text),
    member(&["additional_info7"], Text),
    member(&["extra1"], Text),
    member(&["extra2"], Text),
]);

const STATE: Member = member(&["status"], Text);
const CREATED: Member = member(&["created_timestamp"], Number);
const UPDATED: Member = member(&["updated_timestamp"], Number);
const CURRENCY: Member = member(&["currency"], Text);

const AMOUNT: Member = member(
    &["amount"],
    Object(&[member(&["value"], Number), member(&["offset"], Number)]),
);

const REFUNDS: Member = member(
    &["refunds"],
    List(&Object(&[
        member(&["id"], Text),
        AMOUNT,
        member(&["speed_processed"], Text),
        STATE,
        CREATED,
        UPDATED,
    ])),
);
