//! The smallest thing that Meta tells: one message, one status, one change of another field.

use serde_json::{Value, json};

use super::message::Message;
use super::people::{Customer, Number};
use super::status::Status;

/// One update, and what of its surroundings goes wherever it goes.
#[derive(Debug, Clone, PartialEq)]
pub struct Update {
    pub(super) account: String,
    pub(super) told: Told,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Told {
    /// An item of `messages[]` or `statuses[]`.
    Item {
        list: List,
        metadata: Value,
        contact: Option<Value>,
        item: Value,
    },
    /// A change of any field.
    Change { field: String, value: Value },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum List {
    Messages,
    Statuses,
}

impl Update {
    /// `customer` wrote to `number`.
    pub fn message(number: &Number, customer: &Customer, message: Message) -> Self {
        let item = message.from(customer);
        // Meta tells no contact beside a system message.
        let contact = (item.get("type") != Some(&json!("system"))).then(|| customer.contact());
        Self::item(number, List::Messages, contact, item)
    }

    /// How a message that `number` sent to `customer` is doing.
    pub fn status(number: &Number, customer: &Customer, status: Status) -> Self {
        let contact = status.contact(customer);
        Self::item(number, List::Statuses, contact, status.to(customer))
    }

    /// A change of `field` in `account`.
    pub fn change(account: &str, field: &str, value: Value) -> Self {
        Self {
            account: account.into(),
            told: Told::Change {
                field: field.into(),
                value,
            },
        }
    }

    /// A change of `field` that is about `number`: `value`, an object, gets `messaging_product` and `metadata` where it
    /// has none.
    pub fn change_of(number: &Number, field: &str, mut value: Value) -> Self {
        if let Some(members) = value.as_object_mut() {
            members
                .entry("messaging_product")
                .or_insert_with(|| json!("whatsapp"));
            members
                .entry("metadata")
                .or_insert_with(|| metadata(number));
        }
        Self::change(&number.account, field, value)
    }

    /// The id of the message or of the status' message, where this is one.
    pub fn id(&self) -> Option<&str> {
        match &self.told {
            Told::Item { item, .. } => item.get("id").and_then(Value::as_str),
            Told::Change { .. } => None,
        }
    }

    fn item(number: &Number, list: List, contact: Option<Value>, item: Value) -> Self {
        let metadata = metadata(number);
        // A contact that says nothing is not told.
        let contact = contact.filter(|contact| *contact != json!({}));
        Self {
            account: number.account.clone(),
            told: Told::Item {
                list,
                metadata,
                contact,
                item,
            },
        }
    }
}

fn metadata(number: &Number) -> Value {
    json!({ "display_phone_number": number.display_phone_number, "phone_number_id": number.phone_number_id })
}
