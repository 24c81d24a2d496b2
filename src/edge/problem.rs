//! Why a request is refused. The team that runs this is told what is wrong; Meta, and whoever pretends to be Meta, never
//! what would have been right.

use worker::{Response, Result};

use crate::{objects::respond, problem};

/// Why a request is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Problem {
    /// The signature is missing or wrong.
    Unsigned,
    /// The bearer token is missing or wrong; or none is set, with which one could come in.
    Token {
        is_set: bool,
    },
    /// Meta's handshake with something wrong in it.
    Forbidden,
    NotFound,
    /// Holds the methods that are there.
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
        let (status, title, detail) = match &self {
            Self::Unsigned => (401, "Unauthorized", None),
            Self::Token { is_set } => (
                401,
                "Unauthorized",
                Some(if *is_set {
                    "send ADMIN_TOKEN as a bearer token"
                } else {
                    "ADMIN_TOKEN is not set: wrangler secret put ADMIN_TOKEN"
                }),
            ),
            Self::Forbidden => (403, "Forbidden", None),
            Self::NotFound => (404, "Not found", None),
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
