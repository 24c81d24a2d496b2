//! What is answered to a request that is refused: a problem document (RFC 9457). The team that runs this is told what
//! is wrong; Meta, and whoever pretends to be Meta, never what would have been right.

use serde_json::{Map, Value};
use worker::{Response, Result};

/// Why a request is refused.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Problem {
    /// The signature is missing or wrong.
    Unsigned,
    /// The bearer token is missing or wrong; or, where it is told so, none is set.
    Token {
        is_set: bool,
    },
    /// Meta's handshake with something wrong in it.
    Forbidden,
    /// Nothing is there; or what was asked for is not.
    NotFound(Option<String>),
    /// Holds the methods that are there.
    MethodNotAllowed(String),
    /// A parameter is not what it must be.
    Invalid(String),
    /// Something would be lost: holds what.
    Unconfirmed(Map<String, Value>),
    /// It was confirmed for something else: holds what would be lost.
    ConfirmedOther(Map<String, Value>),
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
        let (status, title, detail) = match &self {
            Self::Unsigned => (401, "Unauthorized", None),
            Self::Token { is_set: true } => (
                401,
                "Unauthorized",
                Some("send ADMIN_TOKEN as a bearer token"),
            ),
            Self::Token { is_set: false } => (
                401,
                "Unauthorized",
                Some("ADMIN_TOKEN is not set: wrangler secret put ADMIN_TOKEN"),
            ),
            Self::Forbidden => (403, "Forbidden", None),
            Self::NotFound(detail) => (404, "Not found", detail.as_deref()),
            Self::MethodNotAllowed(_) => (405, "Method not allowed", None),
            Self::Invalid(detail) => (400, "Bad request", Some(detail.as_str())),
            Self::Unconfirmed(_) => (
                428,
                "To be confirmed",
                Some("this is what would go: repeat with confirm=<count>"),
            ),
            Self::ConfirmedOther(_) => (
                409,
                "Not as confirmed",
                Some("by now this is what would go: repeat with confirm=<count>"),
            ),
            Self::TooLarge => (413, "Content too large", None),
            Self::NotSetUp => (503, "Not set up: see /health", None),
            Self::NotStored => (503, "Not stored: try again", None),
            Self::NoAnswer => (
                503,
                "No answer",
                Some("the mailbox did not answer: try again"),
            ),
        };
        let mut body =
            serde_json::json!({ "type": "about:blank", "title": title, "status": status });
        if let Some(members) = body.as_object_mut() {
            members.extend(detail.map(|detail| ("detail".to_owned(), detail.into())));
            if let Self::Unconfirmed(more) | Self::ConfirmedOther(more) = &self {
                members.extend(more.clone());
            }
        }
        let response = Response::from_json(&body)?.with_status(status);
        let headers = response.headers();
        headers.set("content-type", "application/problem+json")?;
        headers.set("cache-control", "no-store")?;
        match &self {
            Self::MethodNotAllowed(allowed) => headers.set("allow", allowed)?,
            Self::Token { .. } => headers.set("www-authenticate", "Bearer")?,
            _ => {}
        }
        Ok(response)
    }
}
