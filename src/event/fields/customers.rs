//! Customers, beside their messages: what they want, who they are, what they bought.

use super::messages::{renamed, text_of};
use crate::event::change::{Change, List};
use crate::event::draft::Draft;
use crate::event::person::{CONTACT, FROM, Person, long_id};
use crate::meta::json::Json;
use crate::meta::payload::customer::{CONVERSION, PREFERENCE, USER_ID_CHANGE};

pub(super) const PREFERENCES: &[List] = &[List::new("user_preferences", preference, &CONTACT)];
pub(super) const USER_IDS: &[List] = &[List::new("user_id_update", user_id, &CONTACT)];
pub(super) const CONVERSIONS: &[List] = &[List::new("automatic_events", conversion, &FROM)];

/// A customer wants marketing messages, or none.
fn preference<'a>(_: &Change<'_, 'a>, item: Json<'a>) -> Option<Draft<'a>> {
    let person = Person::read(item, &CONTACT);
    let who = person.user.clone().or_else(|| person.phone.clone())?;
    let [category, value, time] =
        ["category", "value", "timestamp"].map(|name| text_of(item.get(name)));
    if value.is_empty() {
        return None;
    }
    let key = vec!["preference".into(), who.clone(), category, value, time];
    let draft = Draft::new("whatsapp.customer.preference", who, key).with_payload(
        "preference",
        &PREFERENCE,
        item,
    )?;
    Some(Draft { person, ..draft })
}

/// A customer's id changed. Meta withdrew this field; a system message tells it.
fn user_id<'a>(_: &Change<'_, 'a>, item: Json<'a>) -> Option<Draft<'a>> {
    let id_of = |name: &str, which: &str| item.get(name)?.get(which).and_then(long_id);
    let at = |which: &str| Person {
        user: id_of("user_id", which),
        parent: id_of("parent_user_id", which),
        ..Person::default()
    };
    let phone = Person {
        phone: Person::read(item, &CONTACT).phone,
        ..Person::default()
    };
    let (now, before) = (at("current").or(phone), at("previous"));
    let about = now.user.clone()?;
    let text = item.canonical();
    let draft = Draft::new(
        "whatsapp.customer.changed",
        about,
        ["user_id_update".into(), text.into()],
    );
    let draft = draft.with_payload("change", &USER_ID_CHANGE, item)?;
    Some(renamed(draft, now, before))
}

/// Meta saw that an advertisement led to something; it names the message, not the customer.
fn conversion<'a>(_: &Change<'_, 'a>, item: Json<'a>) -> Option<Draft<'a>> {
    let message = item.get("id").and_then(long_id)?;
    let key = vec![
        "conversion".into(),
        message.clone(),
        text_of(item.get("event_name")),
        text_of(item.get("timestamp")),
    ];
    Draft::new("whatsapp.conversion.detected", message, key).with_payload(
        "conversion",
        &CONVERSION,
        item,
    )
}
