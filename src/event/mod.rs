//! What happened, as we store and forward it: the model, ids, normalizing, CloudEvents.

mod change;
mod common;
#[cfg(test)]
mod conformance;
mod contacts;
mod draft;
mod drift;
mod events;
mod fields;
mod id;
mod model;
mod person;
mod shell;
mod split;
#[cfg(test)]
mod tests;
mod timestamp;
mod types;
pub mod wire;

pub use id::{about, consequence};
pub use model::{Effect, Event, Home, MessageStatus, Name};
pub use split::{split, split_and_look};
pub use timestamp::rfc3339;
pub use types::{ADDED, DATA_MEMBERS, TYPES};
