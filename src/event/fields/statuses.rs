//! How messages of the business are doing, and payments.

use std::borrow::Cow;

use super::messages::text_of;
use crate::event::change::Change;
use crate::event::draft::{Draft, seconds};
use crate::event::person::{PARTICIPANT, Person, RECIPIENT, group, line, long_id, phone};
use crate::event::{Effect, MessageStatus};
use crate::meta::json::Json;
use crate::meta::payload::status::{PAYMENT, PAYMENT_STATUS, STATUS};

/// Statuses that Meta no longer documents. They say nothing of how far a message has come.
const OTHERS: [&str; 3] = ["deleted", "warning", "pending"];

/// A status of a message, or of a payment that a message asked for.
pub(super) fn status<'a>(change: &Change<'_, 'a>, item: Json<'a>) -> Option<Draft<'a>> {
    let paid = item.get("type").and_then(Json::text).as_deref() == Some("payment");
    if paid || item.get("payment").is_some() {
        return payment(change, item);
    }
    let message = item.get("id").and_then(long_id)?;
    let status = item.get("status").and_then(Json::text)?;
    let so_far = MessageStatus::of_word(&status);
    let mut others = OTHERS.into_iter();
    let name = match so_far {
        Some(so_far) => so_far.name(),
        None => others.find(|name| status.eq_ignore_ascii_case(name))?,
    };
    let kind = ["whatsapp.status.", name].concat();
    let group = group(item);
    let person = match (Person::read(item, &PARTICIPANT), change.contacts.as_slice()) {
        _ if group.is_empty() => recipient(item),
        (person, [contact]) if person.is_nobody() => Person::contact(*contact),
        (person, _) => person,
    };
    // In a group, each member has a status of their own.
    let member = person.user.as_ref().or(person.phone.as_ref());
    let member = member.or(person.parent.as_ref()).cloned();
    let member = member.filter(|_| !group.is_empty());
    let key = vec![
        "status".into(),
        change.common.field.clone(),
        message.clone(),
        Cow::Borrowed(name),
        member.unwrap_or_default(),
        text_of(item.get("timestamp")),
    ];
    let effect = match so_far {
        Some(status) if group.is_empty() => Effect::Status {
            message: message.to_string(),
            status,
            free_until: free_until(item),
        },
        _ => Effect::None,
    };
    Some(Draft {
        person,
        names: group,
        effect,
        ..Draft::new(kind, message, key).with_payload("status", &STATUS, item)?
    })
}

/// When the free entry point closes in which a message was sent.
fn free_until(item: Json<'_>) -> Option<i64> {
    let conversation = item.get("conversation")?;
    let origin = conversation.get("origin")?.get("type")?.text()?;
    let end = conversation.get("expiration_timestamp")?;
    (origin == "referral_conversion").then(|| seconds(end))?
}

/// A payment that a message asked for. By Meta it stays `captured` once it was, whatever is refunded, and `pending` where
/// an attempt at it failed.
fn payment<'a>(change: &Change<'_, 'a>, item: Json<'a>) -> Option<Draft<'a>> {
    let id = item.get("id").and_then(long_id)?;
    let payment = item.get("payment")?;
    let status = item.get("status").and_then(Json::text)?;
    let within = |name| payment.at(&["transaction", name]);
    let refunds = [payment.get("refunds"), within("refunds")];
    let mut refunds = refunds.into_iter().flatten().flat_map(Json::items);
    let name = match status.as_ref() {
        _ if refunds.next().is_some() => "refunded",
        "pending" if text_of(within("status")) == "failed" => "failed",
        "captured" => "captured",
        "pending" => "pending",
        "failed" => "failed",
        _ => return None,
    };
    // Several refunds, or attempts that fail, may be told of one transaction in one second.
    let told_apart = status != name;
    let mut key = vec![
        "payment".into(),
        change.common.field.clone(),
        id.clone(),
        status,
        text_of(within("id")),
        text_of(item.get("timestamp")),
    ];
    if told_apart {
        key.push(payment.canonical().into());
    }
    let kind = ["whatsapp.payment.", name].concat();
    let pieces = [(&PAYMENT_STATUS, item), (&PAYMENT, payment)];
    Some(Draft {
        person: recipient(item),
        names: group(item),
        ..Draft::new(kind, id, key).with_payload_of("payment", &pieces)?
    })
}

/// To whom the message went. Payments name the payer, and old webhooks have the recipient one level down.
fn recipient(item: Json<'_>) -> Person<'_> {
    let person = Person::read(item, &RECIPIENT);
    if person != Person::default() {
        return person;
    }
    let other = item
        .get("from")
        .or_else(|| item.get("message")?.get("recipient_id"));
    Person {
        phone: other.and_then(line).and_then(phone),
        ..person
    }
}
