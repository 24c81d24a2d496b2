//! What happened, as we store and forward it: the model, ids, normalizing, CloudEvents.

mod change;
mod fields;
mod id;
mod model;
mod person;
mod shell;
mod split;
#[cfg(test)]
mod tests;
mod timestamp;

pub use id::about;
pub use model::{Effect, Event, Home, MessageStatus, Name};
pub use split::split;
pub use timestamp::rfc3339;
