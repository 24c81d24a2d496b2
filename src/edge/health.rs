//! `GET /health`: whether Transom is set up, and if not, what to do about it.

use worker::{Response, Result};

use crate::{config::Settings, environment::Environment};

/// What is said where everything is set and yet nothing is kept.
const NO_DESTINATION: &str = "CONFIG has no destination: what Meta sends gets 200 and is not kept";

/// What is said where rules answer and cannot.
const NO_TOKEN: &str =
    "GRAPH_ACCESS_TOKEN is not set: what rules answer waits until it is, or is too late then";

/// `ok`, or 503 with the name of every setting that is missing or wrong and how to put it right; never a value.
pub(super) fn answer(environment: Environment) -> Result<Response> {
    let response = match environment {
        Ok(ready) => {
            let body = match note(&ready.settings) {
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

/// What is well, and yet may not be meant.
fn note(settings: &Settings) -> Option<&'static str> {
    let answers = settings
        .answering
        .as_ref()
        .is_some_and(|answering| !answering.rules.is_empty());
    if answers && settings.graph.token.is_none() {
        Some(NO_TOKEN)
    } else if settings.destinations.is_empty() && !answers {
        Some(NO_DESTINATION)
    } else {
        None
    }
}
