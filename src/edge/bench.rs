//! `POST /bench/normalize`: all of `POST /webhook` but the storing, so that it can be measured. Never deployed.

use wasm_bindgen::JsValue;
use worker::Response;

use super::{answer::promise, problem::Problem, webhook};
use crate::{environment::Environment, event};

/// Answers once the events are made, and lets go of them.
pub(super) fn normalize(request: web_sys::Request, environment: Environment) -> JsValue {
    let answer = promise(async move {
        let Ok(ready) = &*environment else {
            return Problem::NotSetUp.response();
        };
        match webhook::verified(&request, ready).await? {
            Ok(body) => {
                std::hint::black_box(event::split(&body));
                Response::empty()
            }
            Err(problem) => problem.response(),
        }
    });
    answer.into()
}
