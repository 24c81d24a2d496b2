//! What a backend answers, and how it can fail to.

use std::io;
use std::pin::Pin;
use std::time::Duration;

use hyper::Response;
use hyper::header::{HeaderName, HeaderValue};
use serde_json::{Value, json};

use crate::server::{self, Body};

/// What a request gets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// This status, these headers, this body.
    Respond {
        /// The HTTP status.
        status: u16,
        /// Headers, by name.
        headers: Vec<(String, String)>,
        /// The body.
        body: String,
    },
    /// Another answer, after this time.
    After(Duration, Box<Answer>),
    /// Nothing, ever; the connection stays open.
    Stall,
    /// The connection closes without a byte of an answer.
    Close,
    /// The connection closes in the middle of a 200.
    CloseHalfWay,
    /// A 200 whose body does not end.
    Endless,
}

impl Answer {
    /// 204: taken.
    pub fn take() -> Self {
        Self::status(204)
    }

    /// This status, and nothing else.
    pub fn status(status: u16) -> Self {
        Self::Respond {
            status,
            headers: Vec::new(),
            body: String::new(),
        }
    }

    /// 200 and this JSON.
    pub fn json(body: &Value) -> Self {
        Self::status(200)
            .header("content-type", "application/json")
            .body(body.to_string())
    }

    /// 200, and these are to be sent: each a Graph message object without the address.
    pub fn replies(replies: impl IntoIterator<Item = Value>) -> Self {
        Self::json(&json!({ "replies": replies.into_iter().collect::<Vec<_>>() }))
    }

    /// 200, and this text is to be sent.
    pub fn reply(text: &str) -> Self {
        Self::replies([json!({ "type": "text", "text": { "body": text } })])
    }

    /// `status` (429 or 503) with `Retry-After`, in seconds or as a date.
    pub fn retry_after(status: u16, after: &str) -> Self {
        Self::status(status).header("retry-after", after)
    }

    /// 200 with what calls itself JSON and is not.
    pub fn garbage() -> Self {
        Self::status(200)
            .header("content-type", "application/json")
            .body("{\"replies\": [\u{0} <html>")
    }

    /// Taken, but only after this time.
    pub fn slow(wait: Duration) -> Self {
        Self::After(wait, Box::new(Self::take()))
    }

    /// With one more header.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        if let Self::Respond { headers, .. } = &mut self {
            headers.push((name.into(), value.into()));
        }
        self
    }

    /// With this body.
    #[must_use]
    pub fn body(mut self, text: impl Into<String>) -> Self {
        if let Self::Respond { body, .. } = &mut self {
            *body = text.into();
        }
        self
    }

    /// Whether a status that was begun is never finished.
    pub(super) fn breaks_off(&self) -> bool {
        match self {
            Self::After(_, answer) => answer.breaks_off(),
            other => *other == Self::CloseHalfWay,
        }
    }

    pub(super) fn give(self) -> Pin<Box<dyn Future<Output = io::Result<Response<Body>>> + Send>> {
        Box::pin(async move {
            match self {
                Self::Respond {
                    status,
                    headers,
                    body,
                } => Ok(respond(status, headers, body)),
                Self::After(wait, answer) => {
                    tokio::time::sleep(wait).await;
                    answer.give().await
                }
                Self::Stall => std::future::pending().await,
                Self::Close => server::close(),
                Self::CloseHalfWay => {
                    let whole = server::answer(200, "application/json", r#"{"replies":[]}"#);
                    Ok(server::close_half_way(whole).await)
                }
                Self::Endless => Ok(server::endless(server::answer(200, "text/plain", ""))),
            }
        })
    }
}

fn respond(status: u16, headers: Vec<(String, String)>, body: String) -> Response<Body> {
    let mut response = server::answer(status, "text/plain", body);
    for (name, value) in headers {
        let name = HeaderName::try_from(name).expect("a header's name");
        response.headers_mut().insert(
            name,
            HeaderValue::try_from(value).expect("a header's value"),
        );
    }
    response
}
