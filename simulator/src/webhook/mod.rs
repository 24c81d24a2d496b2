//! Webhooks as Meta sends them: any number of entries, changes and items, in Meta's spelling.
//!
//! ```
//! use simulator::webhook::{Customer, Message, Number, Status, Webhook};
//!
//! let number = Number::local();
//! let ana = Customer::new("16505551234").user_id("US.1").named("Ana");
//! let webhook = Webhook::new()
//!     .message(&number, &ana, Message::text("hola").id("wamid.A").at(1_770_000_000))
//!     .status(&number, &ana, Status::delivered("wamid.B"));
//! assert!(webhook.body().is_ascii());
//! ```

mod batch;
mod encode;
mod envelope;
mod message;
mod people;
mod status;
mod update;

pub use batch::{rebatch, shuffled};
pub use encode::{as_meta, escape};
pub use message::{Message, wamid};
pub use people::{Customer, Number};
pub use status::Status;
pub use update::Update;

use serde_json::Value;

/// One POST from Meta.
///
/// Updates that follow each other share an entry where their account is the same, and a change where their number
/// and kind are the same too, as Meta batches them. [`next_entry`](Self::next_entry) parts
/// what would be together.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Webhook {
    parts: Vec<Part>,
    raw: Option<Vec<u8>>,
}

#[derive(Debug, Clone, PartialEq)]
enum Part {
    Update(Update),
    NextEntry,
}

impl Webhook {
    /// An envelope without entries.
    pub fn new() -> Self {
        Self::default()
    }

    /// Just these updates.
    pub fn of(updates: impl IntoIterator<Item = Update>) -> Self {
        updates.into_iter().fold(Self::new(), Self::update)
    }

    /// Exactly these bytes as the body, instead of an envelope.
    pub fn raw(body: impl Into<Vec<u8>>) -> Self {
        Self {
            raw: Some(body.into()),
            ..Self::default()
        }
    }

    /// `customer` wrote to `number`.
    #[must_use]
    pub fn message(self, number: &Number, customer: &Customer, message: Message) -> Self {
        self.update(Update::message(number, customer, message))
    }

    /// How a message that `number` sent to `customer` is doing.
    #[must_use]
    pub fn status(self, number: &Number, customer: &Customer, status: Status) -> Self {
        self.update(Update::status(number, customer, status))
    }

    /// Any change of any field, in the local account ([`Update::change`] for another one).
    #[must_use]
    pub fn change(self, field: &str, value: Value) -> Self {
        self.update(Update::change(crate::local::ACCOUNT, field, value))
    }

    /// A change of any field that is about a number (`calls`, `smb_message_echoes`, `user_preferences`, …): `value`
    /// gets `messaging_product` and `metadata` where it has none.
    #[must_use]
    pub fn change_of(self, number: &Number, field: &str, value: Value) -> Self {
        self.update(Update::change_of(number, field, value))
    }

    /// One more update.
    #[must_use]
    pub fn update(mut self, update: Update) -> Self {
        self.parts.push(Part::Update(update));
        self
    }

    /// What follows begins a new entry.
    #[must_use]
    pub fn next_entry(mut self) -> Self {
        self.parts.push(Part::NextEntry);
        self
    }

    /// The updates in it, to be sent again in another way.
    pub fn updates(&self) -> Vec<Update> {
        let updates = self.parts.iter().filter_map(|part| match part {
            Part::Update(update) => Some(update.clone()),
            Part::NextEntry => None,
        });
        updates.collect()
    }

    /// The body as Meta writes it: compact, ASCII only.
    pub fn body(&self) -> Vec<u8> {
        match &self.raw {
            Some(raw) => raw.clone(),
            None => as_meta(&envelope::of(&self.parts)),
        }
    }

    /// The same JSON in UTF-8, with nothing escaped that need not be.
    pub fn body_utf8(&self) -> String {
        match &self.raw {
            Some(raw) => String::from_utf8_lossy(raw).into_owned(),
            None => serde_json::to_string(&envelope::of(&self.parts))
                .expect("plain JSON can be written"),
        }
    }
}

#[cfg(test)]
mod tests;
