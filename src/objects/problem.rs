//! A problem document (RFC 9457) with members of its own.

use serde_json::Value;
use worker::{Response, Result};

use crate::checked::Fault;

/// A problem, with `more` (an object) beside its title and status.
pub(crate) fn problem(status: u16, title: &str, more: &Value) -> Result<Response> {
    let mut body = serde_json::json!({ "type": "about:blank", "title": title, "status": status });
    if let (Some(body), Some(more)) = (body.as_object_mut(), more.as_object()) {
        body.extend(more.clone());
    }
    let response = Response::from_json(&body)?.with_status(status);
    response
        .headers()
        .set("content-type", "application/problem+json")?;
    response.headers().set("cache-control", "no-store")?;
    Ok(response)
}

/// What is wrong with a request: each fault with its path and what would be right.
pub(crate) fn faulty(faults: &[Fault]) -> Result<Response> {
    let faults: Vec<Value> = faults
        .iter()
        .map(|fault| serde_json::json!({ "path": fault.path, "reason": fault.reason }))
        .collect();
    let more = serde_json::json!({ "faults": faults });
    problem(422, "The request cannot be sent as it is", &more)
}
