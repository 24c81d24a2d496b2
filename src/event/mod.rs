//! What happened, as we store and forward it: the model, ids, normalizing.
//!
//! - `split`, `change`: a webhook, and one of its changes, taken apart; `fields` has a file for each field of Meta's
//! - `draft`, `events`: an event in the making, and all of a webhook's; `shell` is the envelope that stays around it
//! - `model`, `types`, `id`, `timestamp`: what an event is, which types there are, how it is known again
//! - `person`, `contacts`: whose it is
//! - `drift`: what of it is not known
//! - `wire`: events as bytes, on the way to a mailbox

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

pub use id::{about, consequence, ours};
pub use model::{Effect, Event, Home, MessageStatus, Name, business};
pub use split::{split, split_and_look};
pub use timestamp::rfc3339;
pub use types::{ADDED, DATA_MEMBERS, OWN, TYPES, UNKNOWN};
