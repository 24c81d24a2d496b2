//! The routes: which there are, what may be asked on them, and what is answered.

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
