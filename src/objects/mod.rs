//! The Durable Objects: thin shells that hold state, call the rules, and do the I/O.

mod addresses;
mod admin;
mod alarm;
mod append;
mod ask;
mod consent;
#[allow(missing_docs, reason = "`durable_object` writes methods without")]
mod courier;
mod dead_letters;
mod deliver;
mod desk;
#[allow(missing_docs, reason = "`durable_object` writes methods without")]
pub(crate) mod drift;
mod http;
mod lost;
#[allow(missing_docs, reason = "`durable_object` writes methods without")]
mod mailbox;
mod mirror;
mod partitions;
mod problem;
mod query;
mod replays;
mod send;
mod sends;
mod side_by_side;
mod sql;
mod stub;

pub(crate) use addresses::{BINDING, mailbox_of, mailboxes, names_of};
pub(crate) use append::{append_all, extend_objects};
#[cfg(feature = "panic-routes")]
pub(crate) use ask::fetch;
pub(crate) use ask::{ask, post};
pub use courier::Courier;
pub use drift::Drift;
pub(crate) use lost::outlive_traps;
pub use mailbox::Mailbox;
pub(crate) use problem::{faulty, problem, respond, respond_as};
pub(crate) use query::names;
pub(crate) use side_by_side::{all_side_by_side, side_by_side};
