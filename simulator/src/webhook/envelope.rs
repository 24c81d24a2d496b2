//! The envelope: which updates share an entry and a change, and in which order Meta writes the members.

use serde::Serialize;
use serde_json::Value;

use super::Part;
use super::update::{List, Told, Update};

#[derive(Serialize)]
pub(super) struct Envelope<'a> {
    object: &'static str,
    entry: Vec<Entry<'a>>,
}

#[derive(Serialize)]
struct Entry<'a> {
    id: &'a str,
    changes: Vec<Change<'a>>,
}

#[derive(Serialize)]
struct Change<'a> {
    value: Content<'a>,
    field: &'a str,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Content<'a> {
    Items(Items<'a>),
    Any(&'a Value),
}

#[derive(Serialize)]
struct Items<'a> {
    messaging_product: &'static str,
    metadata: &'a Value,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    contacts: Vec<&'a Value>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    messages: Vec<&'a Value>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    statuses: Vec<&'a Value>,
}

pub(super) fn of(parts: &[Part]) -> Envelope<'_> {
    let mut entry: Vec<Entry<'_>> = Vec::new();
    let mut new_entry = false;
    for part in parts {
        match part {
            Part::NextEntry => new_entry = true,
            Part::Update(update) => {
                if new_entry || entry.last().is_none_or(|last| last.id != update.account) {
                    entry.push(Entry {
                        id: &update.account,
                        changes: Vec::new(),
                    });
                }
                if let Some(last) = entry.last_mut() {
                    add(&mut last.changes, update);
                }
                new_entry = false;
            }
        }
    }
    Envelope {
        object: "whatsapp_business_account",
        entry,
    }
}

fn add<'a>(changes: &mut Vec<Change<'a>>, update: &'a Update) {
    match &update.told {
        Told::Change { field, value } => changes.push(Change {
            value: Content::Any(value),
            field,
        }),
        Told::Item {
            list,
            metadata,
            contact,
            item,
        } => {
            let last = changes
                .last_mut()
                .and_then(|change| match &mut change.value {
                    Content::Items(items) if items.takes(*list, metadata) => Some(items),
                    _ => None,
                });
            if let Some(items) = last {
                items.push(*list, contact.as_ref(), item);
            } else {
                let mut items = Items {
                    messaging_product: "whatsapp",
                    metadata,
                    contacts: Vec::new(),
                    messages: Vec::new(),
                    statuses: Vec::new(),
                };
                items.push(*list, contact.as_ref(), item);
                changes.push(Change {
                    value: Content::Items(items),
                    field: "messages",
                });
            }
        }
    }
}

impl<'a> Items<'a> {
    /// Meta puts messages and statuses, and what belongs to different numbers, into different changes.
    fn takes(&self, list: List, metadata: &Value) -> bool {
        let same = match list {
            List::Messages => self.statuses.is_empty(),
            List::Statuses => self.messages.is_empty(),
        };
        same && self.metadata == metadata
    }

    fn push(&mut self, list: List, contact: Option<&'a Value>, item: &'a Value) {
        if let Some(contact) = contact.filter(|contact| !self.contacts.contains(contact)) {
            self.contacts.push(contact);
        }
        match list {
            List::Messages => self.messages.push(item),
            List::Statuses => self.statuses.push(item),
        }
    }
}
