//! The field `messages`: what customers write, and what becomes of what the business wrote.

use std::borrow::Cow;

use super::statuses;
use crate::event::Effect;
use crate::event::change::{Change, List};
use crate::event::person::{CONTACT, FROM, PREVIOUS, Person, RECIPIENT, group, group_id, long_id};
use crate::event::{UNKNOWN, draft::Draft};
use crate::meta::json::Json;
use crate::meta::payload::message::{CHANGE, MESSAGE, TYPES, automatic_response};
use crate::meta::payload::{ERROR, USER_ACTION};
use crate::meta::shape::Shape;

pub(super) const LISTS: &[List] = &[
    List::new("messages", received, &FROM),
    List::new("statuses", statuses::status, &RECIPIENT),
    ERRORS,
    List::new("user_actions", clicked, &FROM),
];

/// Errors of the whole number or account, which Meta puts beside the items.
pub(super) const ERRORS: List = List {
    name: "errors",
    read: error,
    person: None,
};

/// A message of a customer's. It opens the window whatever it is, also where we do not understand it, unless it says
/// nothing new: an edit, a revocation, a note of Meta's. What is written in a group opens the group's window, for the
/// whole group, and nobody's own. (Meta: "Groups API Pricing", "How customer service windows work with Groups API".)
fn received<'a>(change: &Change<'_, 'a>, item: Json<'a>) -> Option<Draft<'a>> {
    if !item.is_object() {
        return None;
    }
    let kind = kind(item);
    let draft = match kind.as_ref() {
        "system" => system(change, item),
        "edit" => message(change, "whatsapp.message.edited", item),
        "revoke" => message(change, "whatsapp.message.revoked", item),
        _ => message(change, "whatsapp.message.received", item),
    };
    Some(Draft {
        effect: match &draft {
            Some(Draft {
                effect: Effect::Renames { from },
                ..
            }) => Effect::Renames { from: from.clone() },
            _ => opening(item),
        },
        ..draft.unwrap_or_else(|| sender(Draft::unknown(item), item))
    })
}

/// What a customer's message does to the window.
pub(super) fn opening(item: Json<'_>) -> Effect {
    let silent = ["edit", "revoke", "system", "request_welcome"].contains(&kind(item).as_ref())
        || automatic_response(item).is_some_and(|response| response == "reject");
    let in_no_group = group_id(item).is_some() && group(item).is_empty();
    if silent || in_no_group {
        return Effect::None;
    }
    Effect::Opens {
        referral: item.get("referral").is_some_and(Json::is_object),
    }
}

/// Meta's type of a customer's message; Meta tells of some edits and revocations as of what the API does not support.
pub(super) fn kind(item: Json<'_>) -> Cow<'_, str> {
    let kind = text_of(item.get("type"));
    let unsupported = item.get("unsupported").filter(|_| kind == "unsupported");
    let inner = text_of(unsupported.and_then(|it| it.get("type")));
    if ["edit", "revoke"].contains(&inner.as_ref()) {
        inner
    } else {
        kind
    }
}

/// A message of any direction, as its sender's; what it is called is up to the caller, but a type that we do not know
/// is called unknown.
pub(super) fn message<'a>(
    change: &Change<'_, 'a>,
    kind: &'static str,
    item: Json<'a>,
) -> Option<Draft<'a>> {
    let of = item.get("type").and_then(Json::text)?;
    let known = TYPES.contains(&of.as_ref());
    let kind = if known { kind } else { UNKNOWN };
    let draft = message_in(change, kind, item, item, &[(&MESSAGE, item)])?;
    // The on-premises API called a voice message's type `voice`; it is one of `audio` since.
    Some(if of == "voice" {
        rename_voice(draft)
    } else {
        draft
    })
}

/// Like [`message`], where type and content stand elsewhere than in the item, and the payload is made of `pieces`.
pub(super) fn message_in<'a>(
    change: &Change<'_, 'a>,
    kind: &'static str,
    item: Json<'a>,
    content: Json<'a>,
    pieces: &[(&Shape, Json<'a>)],
) -> Option<Draft<'a>> {
    let id = item.get("id").and_then(long_id)?;
    let original = ["edit", "revoke"]
        .iter()
        .find_map(|name| content.get(name)?.get("original_message_id"));
    let about = original.and_then(Json::text).unwrap_or_else(|| id.clone());
    let key = vec!["message".into(), change.common.field.clone(), id];
    let draft = sender(Draft::new(kind, about, key), item);
    if kind == UNKNOWN {
        return Some(draft);
    }
    draft.with_payload_of("message", pieces)
}

fn rename_voice(mut draft: Draft<'_>) -> Draft<'_> {
    if let Some((_, json)) = &mut draft.payload {
        *json = json.replacen(r#""kind":"voice""#, r#""kind":"audio""#, 1);
    }
    draft
}

/// With the sender as the person, and the group, where it was written in one, as the conversation.
fn sender<'a>(draft: Draft<'a>, item: Json<'a>) -> Draft<'a> {
    Draft {
        person: Person::read(item, &FROM),
        names: group(item),
        ..draft
    }
}

/// Meta's note that a customer's number, id or device changed. Their conversation goes on under the new names.
pub(super) fn system<'a>(change: &Change<'_, 'a>, item: Json<'a>) -> Option<Draft<'a>> {
    let id = item.get("id").and_then(long_id)?;
    let system = item.get("system")?;
    let what = system.get("type").and_then(Json::text)?;
    let key = vec!["message".into(), change.common.field.clone(), id.clone()];
    let draft =
        Draft::new("whatsapp.customer.changed", id, key).with_payload("change", &CHANGE, system)?;
    let sender = Person::read(item, &FROM);
    let now = Person::read(system, &CONTACT);
    let before = Person::read(system, &PREVIOUS);
    let (now, before) = match what.as_ref() {
        "user_changed_number" | "customer_changed_number" => (now, before.or(sender)),
        // The number stays, where Meta tells no other.
        "user_changed_user_id" => {
            let phone = Person {
                phone: sender.phone.clone(),
                ..Person::default()
            };
            (now.or(phone), before.or(sender))
        }
        "customer_identity_changed" | "user_identity_changed" => (sender, Person::default()),
        _ => {
            return Some(Draft {
                kind: UNKNOWN.into(),
                person: sender,
                names: group(item),
                payload: None,
                ..draft
            });
        }
    };
    Some(renamed(draft, now, before))
}

/// With what somebody is called now, and what they are no longer called.
pub(super) fn renamed<'a>(mut draft: Draft<'a>, now: Person<'a>, before: Person<'a>) -> Draft<'a> {
    let before = before.without(&now);
    match (now.is_nobody(), before.is_nobody()) {
        // Meta says nothing of the new names; the conversation stays where it was.
        (true, _) => Draft {
            person: before,
            ..draft
        },
        (_, true) => Draft {
            person: now,
            ..draft
        },
        _ => {
            draft.add(&|out| before.write("previous", out));
            Draft {
                person: now,
                effect: Effect::Renames {
                    from: before.names(),
                },
                ..draft
            }
        }
    }
}

/// The characters of a string or number; none where there is neither.
pub(super) fn text_of(json: Option<Json<'_>>) -> Cow<'_, str> {
    json.and_then(Json::text).unwrap_or_default()
}

/// An error of the number or account. Meta gives it neither id nor time, so the same error told twice is one event.
fn error<'a>(_: &Change<'_, 'a>, item: Json<'a>) -> Option<Draft<'a>> {
    item.get("code")?.integer()?;
    let draft = Draft::by_text("whatsapp.account.error", "error", item.canonical().into());
    draft.with_payload("account", &ERROR, item)
}

/// A customer clicked on a link of a marketing message, or the page behind it opened. Meta names them only by the contact
/// beside it.
fn clicked<'a>(_: &Change<'_, 'a>, item: Json<'a>) -> Option<Draft<'a>> {
    let kind = match item.get("action_type")?.text()?.as_ref() {
        "marketing_messages_link_click" => "whatsapp.customer.clicked",
        "landing_page_view" => "whatsapp.customer.landing_page_viewed",
        _ => return None,
    };
    let draft = Draft::by_text(kind, "click", item.canonical().into());
    draft.with_payload("click", &USER_ACTION, item)
}
