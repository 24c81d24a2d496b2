//! The routes: which there are, what may be asked on them, and what is answered.
//!
//! - `routes`: the table of them; `openapi.json` describes them, and `answer` is where every request comes in
//! - `webhook`: what Meta calls, step by step; `receive.js` and `request.js` read a request, `signed` goes on from there
//! - `admin`: what the team calls; `parameters` says what it may ask, `asking` asks the mailbox, `together` makes one
//!   answer of several partitions', `messages` are sends, `figures` and `metrics` are `/metrics`
//! - `health`: whether all is set up
//! - `body`, `problem`: a request's body, and why it is refused

pub mod metrics;
pub mod parameters;
pub mod routes;
pub mod together;

#[cfg(target_arch = "wasm32")]
mod admin;
#[cfg(target_arch = "wasm32")]
mod answer;
#[cfg(target_arch = "wasm32")]
mod asking;
#[cfg(all(target_arch = "wasm32", feature = "bench-routes"))]
mod bench;
#[cfg(target_arch = "wasm32")]
mod body;
#[cfg(target_arch = "wasm32")]
mod figures;
#[cfg(target_arch = "wasm32")]
mod health;
#[cfg(target_arch = "wasm32")]
mod messages;
#[cfg(target_arch = "wasm32")]
mod problem;
#[cfg(target_arch = "wasm32")]
mod signed;
#[cfg(target_arch = "wasm32")]
mod webhook;

#[cfg(target_arch = "wasm32")]
pub(crate) use answer::{answer, webhooks};
#[cfg(target_arch = "wasm32")]
pub(crate) use figures::look_after;
