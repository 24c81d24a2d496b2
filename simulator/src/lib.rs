//! A local Meta, and what stands around a gateway for its webhooks.
//!
//! * [`webhook`]: what Meta sends, written as Meta writes it
//! * [`meta`]: Meta as a client: signs, posts, repeats, shakes hands
//! * [`graph`]: Meta as a server: the Graph API's `/messages`, strict about the shape of every request
//! * [`kv`]: a KV namespace, for what Workers write to one
//! * [`backend`]: a team's endpoint: verifies, parses and records what arrives, and answers as it is told
//!
//! It shares no code with what it tests: signatures, JSON and rules are its own or those of independent libraries.

pub mod backend;
pub mod clock;
mod faults;
pub mod graph;
pub mod kv;
pub mod local;
pub mod meta;
pub mod pace;
mod records;
mod script;
mod server;
pub mod signature;
pub mod webhook;
