//! Why a request is refused. The team that runs this is told what is wrong; Meta, and whoever pretends to be Meta, never
//! what would have been right.

use std::borrow::Cow;

use js_sys::{Array, JSON};
use wasm_bindgen::{JsValue, prelude::wasm_bindgen};
use worker::{Error, Response, Result, console_error};

use crate::{
    checked::Fault,
    config::NO_ADMIN_TOKEN,
    objects::{faulty, respond},
    problem,
    written::Object,
};

/// Why a request is refused.
#[derive(Debug)]
pub(super) enum Problem {
    /// The bearer token is missing or wrong, or no `ADMIN_TOKEN` is set.
    Token {
        is_set: bool,
    },
    /// Meta's handshake with something wrong in it.
    Forbidden,
    NotFound,
    /// The number has only so many partitions.
    NoPartition(u32),
    /// Holds the methods that the path has.
    MethodNotAllowed(String),
    /// A parameter is not what it must be.
    Invalid(String),
    /// What is asked to be sent is not.
    Faulty(Fault),
    TooLarge,
    /// Settings are missing or wrong.
    NotSetUp,
    /// There is no `GRAPH_ACCESS_TOKEN`.
    NoGraphToken,
    /// It was not stored; Meta repeats it.
    NotStored,
    /// The mailbox did not answer.
    NoAnswer,
    /// Something failed that should not. Whoever asks is not told what an error says: that is logged.
    Failed(Error),
}

/// The answer to a request, or why it is refused.
pub(super) type Answered = std::result::Result<Response, Problem>;

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

impl Problem {
    pub(super) fn response(self) -> Result<Response> {
        let (status, title, detail): (_, _, Option<Cow<'_, str>>) = match &self {
            Self::Token { is_set: true } => {
                let detail = "send ADMIN_TOKEN as a bearer token";
                (401, "Unauthorized", Some(detail.into()))
            }
            Self::Token { is_set: false } => (401, "Unauthorized", Some(NO_ADMIN_TOKEN.into())),
            Self::Forbidden => (403, "Forbidden", None),
            Self::NotFound => (404, "Not found", None),
            Self::NoPartition(of) => {
                let detail = format!("partition: from 0 on, and the number has {of}");
                (404, "Not found", Some(detail.into()))
            }
            Self::MethodNotAllowed(_) => (405, "Method not allowed", None),
            Self::Invalid(detail) => (400, "Bad request", Some(detail.into())),
            Self::TooLarge => (413, "Content too large", None),
            Self::NotSetUp => (503, "Not set up: see /health", None),
            Self::NoGraphToken => (503, "GRAPH_ACCESS_TOKEN is not set", None),
            Self::NotStored => (503, "Not stored: try again", None),
            Self::NoAnswer => (503, "The mailbox did not answer: try again", None),
            Self::Faulty(fault) => return faulty(std::slice::from_ref(fault)),
            Self::Failed(error) => {
                let mut line = Object::default();
                line.text("event", "request.failed")
                    .text("error", &error.to_string());
                console_error!("{}", line.finish());
                return Response::error("INTERNAL SERVER ERROR", 500);
            }
        };
        let body = problem::document(status, title, detail.as_deref()).finish();
        let response = respond(status, body)?;
        let headers = response.headers();
        match &self {
            Self::MethodNotAllowed(allowed) => headers.set("allow", allowed)?,
            Self::Token { .. } => headers.set("www-authenticate", "Bearer")?,
            _ => {}
        }
        Ok(response)
    }
}

/// What the answer to a missing or wrong signature is made of: its body, and the rest. It is made once, so that a flood
/// of such requests costs little.
pub(super) fn unsigned() -> Array {
    let body = problem::document(401, "Unauthorized", None).finish();
    let init = format!(
        r#"{{"status":401,"headers":{{"content-type":"{}","cache-control":"no-store"}}}}"#,
        problem::CONTENT_TYPE
    );
    let init = JSON::parse(&init).unwrap_or_default();
    // As a model for the answer, another `Response` costs less than a plain object.
    Array::of2(&body.into(), &PlatformResponse::new(&JsValue::NULL, &init))
}

/// The answer to what was stored.
pub(super) fn stored() -> web_sys::Response {
    PlatformResponse::new(&JsValue::NULL, &JsValue::UNDEFINED).into()
}

#[wasm_bindgen]
extern "C" {
    /// The platform's `Response`, made of the platform's values.
    #[wasm_bindgen(js_name = Response, extends = web_sys::Response)]
    type PlatformResponse;

    #[wasm_bindgen(constructor, js_class = Response)]
    fn new(body: &JsValue, init: &JsValue) -> PlatformResponse;
}
