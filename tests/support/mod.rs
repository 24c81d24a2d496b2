//! Starts Transom as it is deployed, for the tests in `tests/`: the WASM of `make build`, in the real runtime.
//!
//! [`Transom`] runs it under `workerd serve`, which starts in a tenth of a second and keeps its mailboxes on disk, so
//! that a test can kill it and start it again: `Transom::builder().config(json!({…})).start().await`. [`Wrangler`] runs it as `make dev` does, for the few tests about that.
//! Both listen on a free port of loopback, reach nothing but loopback, and end with the value that stands for them.

#![allow(dead_code, reason = "each file of tests takes what it needs")]

mod build;
mod process;
mod settings;
mod workerd;
mod wrangler;

#[allow(unused_imports, reason = "as above")]
pub(crate) use settings::{APP_SECRET, Settings, VERIFY_TOKEN};
pub(crate) use workerd::Transom;
#[allow(unused_imports, reason = "as above")]
pub(crate) use wrangler::Wrangler;
