//! How messages of the business are doing, and payments.

use super::messages::text_of;
use crate::event::change::{Change, Draft, seconds};
use crate::event::person::{PARTICIPANT, Person, RECIPIENT, id, line, phone};
use crate::event::{Effect, MessageStatus, Name};
use crate::meta::json::Json;
use crate::meta::payload::status::{PAYMENT, PAYMENT_STATUS, STATUS};

/// A status of a message, or of a payment that a message asked for.
pub(super) fn status<'a>(change: &Change<'_, 'a>, item: Json<'a>) -> Option<Draft<'a>> {
    let message = item.get("id").and_then(id)?;
    let status = item.get("status").and_then(id)?.to_ascii_lowercase();
    let time = item.get("timestamp");
    let payment = item.get("payment").is_some()
        || item.get("type").and_then(Json::text).as_deref() == Some("payment");
    let mut person = Person::read(item, &RECIPIENT);
    if person == Person::default() {
        // Payments name the payer, and old webhooks have the recipient one level down.
        let payer = item
            .get("from")
            .or_else(|| item.get("message")?.get("recipient_id"));
        person.phone = payer.and_then(line).and_then(phone);
    }
    let mut names = Vec::new();
    let participant = Person::read(item, &PARTICIPANT);
    if participant != Person::default()
        || item.get("recipient_type").and_then(Json::text).as_deref() == Some("group")
    {
        let group = item.any(&["group_id", "recipient_id"]).and_then(id);
        names.extend(group.map(|group| Name::Group(group.into_owned())));
        person = participant;
    }
    let mut key = vec![
        "status".into(),
        change.common.field.clone(),
        message.clone(),
        status.clone().into(),
    ];
    if payment {
        key.push(text_of(
            item.get("payment")
                .and_then(|payment| payment.get("transaction")?.get("id")),
        ));
    } else {
        key.push(
            person
                .user
                .clone()
                .or(person.phone.clone())
                .filter(|_| !names.is_empty())
                .unwrap_or_default(),
        );
    }
    key.push(text_of(time));
    let effect = match how_far(&status) {
        Some(status) if !payment && names.is_empty() => Effect::Status {
            message: message.to_string(),
            status,
        },
        _ => Effect::None,
    };
    let draft = match (item.get("payment").filter(|_| payment), status.as_str()) {
        (
            None,
            "sent" | "delivered" | "read" | "played" | "failed" | "deleted" | "warning" | "pending",
        ) => Draft::new(format!("whatsapp.status.{status}"), message, key)
            .with_payload("status", &STATUS, item)?,
        (Some(payment), "captured" | "pending" | "failed") => {
            let pieces = [(&PAYMENT_STATUS, item), (&PAYMENT, payment)];
            Draft::new(format!("whatsapp.payment.{status}"), message, key)
                .with_payload_of("payment", &pieces)?
        }
        _ => return None,
    };
    Some(Draft {
        time: time.and_then(seconds),
        person,
        names,
        effect,
        ..draft
    })
}

fn how_far(status: &str) -> Option<MessageStatus> {
    Some(match status {
        "sent" => MessageStatus::Sent,
        "delivered" => MessageStatus::Delivered,
        "read" => MessageStatus::Read,
        "played" => MessageStatus::Played,
        "failed" => MessageStatus::Failed,
        _ => return None,
    })
}
