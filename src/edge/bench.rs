//! `POST /bench/normalize`: all of `POST /webhook` but the storing, so that it can be measured. Never deployed.

use worker::{Request, Response, Result};

use super::{problem::Problem, webhook};
use crate::{environment::Environment, event};

/// Answers once the events are made, and lets go of them.
pub(super) async fn normalize(request: Request, environment: &Environment) -> Result<Response> {
    let Ok(ready) = &**environment else {
        return Problem::NotSetUp.response();
    };
    match webhook::verified(request, ready).await? {
        Ok(body) => {
            std::hint::black_box(event::split(&body));
            Response::empty()
        }
        Err(problem) => problem.response(),
    }
}
