//! What happened, as we store and forward it: the model, ids, normalizing, CloudEvents.

mod model;

pub use model::{Effect, Event, Home, MessageStatus, Name};
