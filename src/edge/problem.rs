//! Why a request is refused. The team that runs this is told what is wrong; Meta, and whoever pretends to be Meta, never
//! what would have been right.

use js_sys::{Array, JSON};
use wasm_bindgen::{JsValue, prelude::wasm_bindgen};
use worker::{Response, Result};

use crate::{config::NO_ADMIN_TOKEN, objects::respond, problem};

/// Why a request is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
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
    TooLarge,
    /// Settings are missing or wrong.
    NotSetUp,
    /// It was not stored; Meta repeats it.
    NotStored,
    /// The mailbox did not answer.
    NoAnswer,
}

impl Problem {
    pub(super) fn response(self) -> Result<Response> {
        let there_are = match &self {
            Self::NoPartition(of) => format!("partition: from 0 on, and the number has {of}"),
            _ => String::new(),
        };
        let (status, title, detail) = match &self {
            Self::Token { is_set } => (
                401,
                "Unauthorized",
                Some(if *is_set {
                    "send ADMIN_TOKEN as a bearer token"
                } else {
                    NO_ADMIN_TOKEN
                }),
            ),
            Self::Forbidden => (403, "Forbidden", None),
            Self::NotFound => (404, "Not found", None),
            Self::NoPartition(_) => (404, "Not found", Some(there_are.as_str())),
            Self::MethodNotAllowed(_) => (405, "Method not allowed", None),
            Self::Invalid(detail) => (400, "Bad request", Some(detail.as_str())),
            Self::TooLarge => (413, "Content too large", None),
            Self::NotSetUp => (503, "Not set up: see /health", None),
            Self::NotStored => (503, "Not stored: try again", None),
            Self::NoAnswer => (503, "The mailbox did not answer: try again", None),
        };
        let body = problem::document(status, title, detail).finish();
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

/// What a mailbox answered, if it did.
pub(super) fn or_no_answer(answer: Option<Response>) -> Result<Response> {
    answer.map_or_else(|| Problem::NoAnswer.response(), Ok)
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
    Array::of2(&body.into(), &Answer::new(&JsValue::NULL, &init))
}

/// The answer to what was stored.
pub(super) fn stored() -> web_sys::Response {
    Answer::new(&JsValue::NULL, &JsValue::UNDEFINED).into()
}

#[wasm_bindgen]
extern "C" {
    /// The platform's `Response`, made of the platform's values.
    #[wasm_bindgen(js_name = Response, extends = web_sys::Response)]
    type Answer;

    #[wasm_bindgen(constructor, js_class = Response)]
    fn new(body: &JsValue, init: &JsValue) -> Answer;
}
