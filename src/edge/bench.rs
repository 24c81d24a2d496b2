//! `POST /bench/normalize`: all of `POST /webhook` but the storing, so that it can be measured. Never deployed.

use wasm_bindgen::JsValue;
use worker::{Env, worker_sys::Context};

use super::{
    asked::Asked,
    problem::stored,
    signed::{self, Taken},
};
use crate::{environment::Environment, event};

thread_local! {
    static TAKEN: Taken = signed::taken(split);
}

/// Answers once the events are made, and lets go of them.
pub(super) fn normalize(
    request: &web_sys::Request,
    asked: &Asked,
    env: Env,
    environment: &Environment,
    context: Context,
) -> JsValue {
    TAKEN.with(|taken| signed::receive(request, asked, env, environment, context, taken))
}

fn split(body: &[u8], _: Env, _: &Context) -> JsValue {
    std::hint::black_box(event::split_and_look(body));
    stored().into()
}
