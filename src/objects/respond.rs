//! Answers as JSON, and those that are problem documents.

use worker::{Response, Result};

use crate::{
    checked::Fault,
    event::rfc3339,
    problem::{self, CONTENT_TYPE},
    written::{Object, list},
};

/// Answers with JSON: from 400 on with a problem document.
pub(crate) fn respond(status: u16, document: String) -> Result<Response> {
    let kind = if status < 400 {
        "application/json"
    } else {
        CONTENT_TYPE
    };
    respond_as(status, kind, document)
}

/// Answers with a body of this `content-type`, which must not be cached.
pub(crate) fn respond_as(status: u16, kind: &str, body: String) -> Result<Response> {
    let response = Response::ok(body)?.with_status(status);
    let headers = response.headers();
    headers.set("content-type", kind)?;
    headers.set("cache-control", "no-store")?;
    Ok(response)
}

/// A problem that has no more to say than its title.
pub(super) fn problem(status: u16, title: &str) -> Result<Response> {
    answer(status, &problem::document(status, title, None))
}

/// What is wrong with a request: each fault with its path and what would be right.
pub(crate) fn faulty(faults: &[Fault]) -> Result<Response> {
    let view = |fault: &Fault| {
        Object::default()
            .text("path", &fault.path)
            .text("reason", &fault.reason)
            .finish()
    };
    let faults: Vec<String> = faults.iter().map(view).collect();
    let mut document = problem::document(422, "The request cannot be sent as it is", None);
    answer(422, document.json("faults", &list(&faults)))
}

/// Answers with an object, which the edge hands on as it is.
pub(super) fn answer(status: u16, body: &Object) -> Result<Response> {
    respond(status, body.finish())
}

pub(super) fn not_found(detail: &str) -> Result<Response> {
    refused(404, "Not found", detail)
}

pub(super) fn refused(status: u16, title: &str, detail: &str) -> Result<Response> {
    answer(status, &problem::document(status, title, Some(detail)))
}

pub(super) fn time(ms: i64) -> Option<String> {
    rfc3339(ms.div_euclid(1000))
}
