//! `GET /health`: whether Transom is set up, and if not, what to do about it.

use worker::{Response, Result};

use crate::{environment::Environment, objects::respond_as, written::Object};

/// `ok`, or 503 with the name of every setting that is missing or wrong and how to put it right; never a value.
pub(super) fn answer(environment: Environment) -> Result<Response> {
    let mut view = Object::default();
    let status = match environment {
        Ok(ready) => {
            view.text("status", "ok")
                .text_if("note", ready.settings.note());
            200
        }
        Err(faults) => {
            let faults: Vec<String> = faults.iter().map(ToString::to_string).collect();
            view.text("status", "not set up")
                .json("faults", &serde_json::to_string(&faults)?);
            503
        }
    };
    respond_as(status, "application/json", view.finish())
}
