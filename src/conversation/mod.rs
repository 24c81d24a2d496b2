//! What we conclude about a conversation from the events in it.
//!
//! - [`identity`]: who it is with
//! - [`window`]: how long the business may still write freely
//! - [`state`]: what else is remembered of it
//! - [`handover`]: whether a person has taken it over
//! - [`consent`]: whether the customer wants to be written to
//! - [`policy`]: what follows from an event in it
//! - [`recipient`]: to whom a reply goes

pub mod consent;
pub mod handover;
pub mod identity;
pub mod policy;
pub mod recipient;
pub mod state;
pub mod window;

pub use policy::{Conclusion, Known, Policy, Reply};
pub use state::State;
