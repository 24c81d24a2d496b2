//! What we conclude about a conversation from the events in it.
//!
//! - [`identity`]: who it is with
//! - [`window`]: how long the business may still write freely
//! - [`state`]: what else is remembered of it
//! - [`handover`]: whether a person has taken it over
//! - [`closing`]: whether its window is about to close, and nobody has answered in it
//! - [`consent`]: whether the customer wants to be written to
//! - [`mirror`]: which windows are told to other Workers
//! - [`policy`]: what follows from an event in it
//! - [`answers`]: what rules answer; `said`, `rules`, `fill`: which rule fires, and what it says
//! - [`budget`]: how much rules may send
//! - [`recipient`]: to whom a reply goes
//! - [`send_id`]: what is in the ids of sends: who asked for them

pub mod answers;
pub mod budget;
pub mod closing;
pub mod consent;
mod fill;
pub mod handover;
pub mod identity;
pub mod mirror;
pub mod policy;
pub mod recipient;
mod rules;
mod said;
pub mod send_id;
pub mod state;
#[cfg(test)]
mod tests;
pub mod window;

pub use answers::{Answers, Offset};
pub use policy::{Conclusion, Known, Policy, Reply};
pub use state::State;
