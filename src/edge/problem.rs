//! What is answered to a request that is refused: a problem document (RFC 9457) that never says what would have been
//! right where that would help an attacker.

use worker::{Response, Result};

/// Why a request is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Problem {
    /// The bearer token, the signature or the verify token is missing or wrong.
    Unauthorized,
    /// Meta's handshake with something wrong in it.
    Forbidden,
    NotFound,
    /// Holds the methods that are there.
    MethodNotAllowed(&'static str),
    TooLarge,
    /// Settings are missing or wrong.
    NotSetUp,
    /// It was not stored; Meta repeats it.
    TryAgain,
}

impl Problem {
    pub(super) fn response(self) -> Result<Response> {
        let (status, title) = match self {
            Self::Unauthorized => (401, "Unauthorized"),
            Self::Forbidden => (403, "Forbidden"),
            Self::NotFound => (404, "Not found"),
            Self::MethodNotAllowed(_) => (405, "Method not allowed"),
            Self::TooLarge => (413, "Content too large"),
            Self::NotSetUp => (503, "Not set up: see /health"),
            Self::TryAgain => (503, "Not stored: try again"),
        };
        let body = serde_json::json!({ "type": "about:blank", "title": title, "status": status });
        let response = Response::from_json(&body)?.with_status(status);
        let headers = response.headers();
        headers.set("content-type", "application/problem+json")?;
        headers.set("cache-control", "no-store")?;
        if let Self::MethodNotAllowed(allowed) = self {
            headers.set("allow", allowed)?;
        }
        Ok(response)
    }
}
