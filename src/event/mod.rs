//! What happened, as we store and forward it: the model, ids, normalizing, CloudEvents.

mod model;
mod timestamp;

pub use model::{Effect, Event, Home, MessageStatus, Name};
pub use timestamp::rfc3339;
