//! What happened, as we store and forward it: the model, ids, normalizing, CloudEvents.

mod change;
mod fields;
mod id;
mod model;
mod timestamp;
mod person;
mod shell;
mod split;
#[cfg(test)]
mod tests;

pub use id::about;
pub use model::{Effect, Event, Home, MessageStatus, Name};
pub use timestamp::rfc3339;
pub use split::split;
