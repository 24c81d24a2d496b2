//! The Durable Objects: thin shells that hold state, call the rules, and do the I/O.

mod addresses;
mod alarm;
mod http;
mod mailbox;
mod sql;

pub(crate) use addresses::{BINDING, name_of};
pub use mailbox::Mailbox;
