//! `GET /health`: whether Transom is set up, and if not, what to do about it.

use worker::{Response, Result};

use crate::environment::Environment;

/// What is said where everything is set and yet nothing is kept.
const NO_DESTINATION: &str = "CONFIG has no destination: what Meta sends gets 200 and is not kept";

/// `ok`, or 503 with the name of every setting that is missing or wrong and how to put it right; never a value.
pub(super) fn answer(environment: &Environment) -> Result<Response> {
    let response = match &**environment {
        Ok(ready) if ready.settings.destinations.is_empty() => {
            Response::from_json(&serde_json::json!({ "status": "ok", "note": NO_DESTINATION }))?
        }
        Ok(_) => Response::from_json(&serde_json::json!({ "status": "ok" }))?,
        Err(faults) => {
            let faults: Vec<String> = faults.iter().map(ToString::to_string).collect();
            let body = serde_json::json!({ "status": "not set up", "faults": faults });
            Response::from_json(&body)?.with_status(503)
        }
    };
    response.headers().set("cache-control", "no-store")?;
    Ok(response)
}
