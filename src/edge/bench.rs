//! `POST /bench/normalize`: all of `POST /webhook` but the storing, so that it can be measured. Never deployed.

use wasm_bindgen::JsValue;
use worker::{Env, worker_sys::Context};

use super::{
    problem::stored,
    signed::{self, Take},
};
use crate::event;

thread_local! {
    pub(super) static TAKE: Take = signed::take(split);
}

/// Answers once the events are made, and lets go of them.
fn split(body: &[u8], _: Env, _: &Context) -> JsValue {
    std::hint::black_box(event::split_and_look(body));
    stored().into()
}
