//! A number that is used from the WhatsApp Business app and through the API at once: what is written in the app, and
//! the app's address book.

use super::messages::{kind, message};
use crate::event::Effect;
use crate::event::change::{Change, List};
use crate::event::draft::{Draft, seconds};
use crate::event::person::{CONTACT, Person, TO};
use crate::meta::json::Json;
use crate::meta::payload::coexistence::ADDRESS_BOOK_ENTRY;

pub(super) const ECHOES: &[List] = &[List::new("message_echoes", echo, &TO)];
pub(super) const STATES: &[List] = &[List::new("state_sync", state, &CONTACT)];

/// A message that the business wrote in the app. It answers the customer, unless it says nothing new.
fn echo<'a>(change: &Change<'_, 'a>, item: Json<'a>) -> Option<Draft<'a>> {
    let draft = message(change, "whatsapp.message.echoed", item)?;
    let again = ["edit", "revoke"];
    let silent = again.contains(&kind(item).as_ref())
        || again.iter().any(|name| item.get(name).is_some())
        || !draft.names.is_empty();
    let effect = if silent {
        Effect::None
    } else {
        Effect::Answers
    };
    Some(Draft {
        person: Person::read(item, &TO),
        effect,
        ..draft
    })
}

/// An entry of the address book was added, changed (which Meta calls added too) or removed.
fn state<'a>(_: &Change<'_, 'a>, item: Json<'a>) -> Option<Draft<'a>> {
    if item.get("type")?.text()? != "contact" {
        return None;
    }
    let kind = match item.get("action")?.text()?.as_ref() {
        "add" => "whatsapp.contact.added",
        "remove" => "whatsapp.contact.removed",
        _ => return None,
    };
    let contact = item.get("contact")?;
    let person = Person::contact(contact);
    let about = person.user.clone().or_else(|| person.phone.clone())?;
    let draft = Draft::new(kind, about, ["contact".into(), item.canonical().into()]);
    let time = item.at(&["metadata", "timestamp"]).and_then(seconds);
    Draft {
        time,
        person,
        ..draft
    }
    .with_payload("contact", &ADDRESS_BOOK_ENTRY, contact)
}
