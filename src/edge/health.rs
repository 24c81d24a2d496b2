//! `GET /health`: whether Transom is set up, and if not, what to do about it.

use worker::{Response, Result};

use crate::environment::Environment;

/// `ok`, or 503 with the name of every setting that is missing or wrong and how to put it right; never a value.
pub(super) fn answer(environment: Environment) -> Result<Response> {
    let response = match environment {
        Ok(ready) => {
            let body = match ready.settings.note() {
                Some(note) => serde_json::json!({ "status": "ok", "note": note }),
                None => serde_json::json!({ "status": "ok" }),
            };
            Response::from_json(&body)?
        }
        Err(faults) => {
            let faults: Vec<String> = faults.iter().map(ToString::to_string).collect();
            let body = serde_json::json!({ "status": "not set up", "faults": faults });
            Response::from_json(&body)?.with_status(503)
        }
    };
    response.headers().set("cache-control", "no-store")?;
    Ok(response)
}
