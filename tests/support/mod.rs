//! Starts Transom as it is deployed, for the tests in `tests/`: the WASM of `make build`, in the real runtime.
//!
//! [`Transom`] runs it under `workerd serve`, which starts in a tenth of a second and keeps its mailboxes on disk, so
//! that a test can kill it and start it again: `Transom::builder().destinations([destination("crm", &backend)]).start().await`.
//! [`Wrangler`] runs it as `make dev` does, for the few tests about that. Both listen on a free port of loopback, reach
//! nothing but loopback, and end with the value that stands for them, or when a test should long have been over.

#![allow(
    dead_code,
    unused_imports,
    reason = "each file of tests takes what it needs"
)]

mod around;
mod build;
mod process;
mod scene;
mod settings;
mod workerd;
mod wrangler;

pub(crate) use around::{
    PATIENCE, called, client, destination, eventually, hasty, post, set, started, started_with,
    template, text, texts, unix, with, writes,
};
pub(crate) use build::node;
pub(crate) use process::go_first;
pub(crate) use scene::Scene;
pub(crate) use settings::{ADMIN_TOKEN, APP_SECRET, DESTINATION_SECRET, Settings, VERIFY_TOKEN};
pub(crate) use workerd::Transom;
pub(crate) use wrangler::Wrangler;
