//! The Durable Objects: thin shells that hold state, call the rules, and do the I/O.
//!
//! A mailbox, of which each number has one, or one for each partition:
//!
//! - `mailbox`: the object, its state, and how it is opened; `core`: what is opened
//! - `append`, `gather.js`: events that come in, and webhooks that are appended together
//! - `alarm`: what it does by itself; `deliver` (events to destinations) and `send` (messages to the Graph API) do it
//! - `admin`, `dead_letters`, `replays`, `consent`, `messages`: what it is asked for; `query` reads the parameters
//! - `mirror`: tells windows to KV
//! - `lost`: what becomes of it when the WASM traps
//!
//! Where its requests leave: `desk` and `post.js`, by a `courier` or from itself; `http` reads what came of them.
//!
//! Beside mailboxes: `drift` counts what we do not know of what Meta sends.
//!
//! Towards objects: `addresses` (which keep a number's mailbox), `partitions` (of a number that has several), `stub`
//! (methods that are called), `ask` (requests), `side_by_side` (several at once). Towards the platform: `sql`,
//! `respond` (answers).

mod addresses;
mod admin;
mod alarm;
mod append;
mod ask;
mod consent;
mod core;
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
mod messages;
mod mirror;
mod partitions;
mod query;
mod replays;
mod respond;
mod send;
mod side_by_side;
mod sql;
mod stub;

pub(crate) use addresses::{BINDING, mailboxes, names_of};
pub(crate) use append::{MOST_CALLS, append_all, extend_objects};
pub(crate) use ask::{ask, fetch, post};
pub use courier::Courier;
pub use drift::Drift;
pub(crate) use lost::outlive_traps;
pub use mailbox::Mailbox;
pub(crate) use partitions::mailbox_of;
pub(crate) use respond::{faulty, respond, respond_as};
pub(crate) use side_by_side::{side_by_side, try_side_by_side, within};
