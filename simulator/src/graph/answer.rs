//! What the Graph API answers, and how it can fail to.

use std::io;
use std::time::Duration;

use hyper::Response;

use super::errors;
use super::request::Request;
use crate::server::{self, Body};

/// What a well-formed request gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// Taken, with a new wamid.
    Take,
    /// This code, and the HTTP status that goes with it: refused, but of [`UNCERTAIN`] ones the message went out.
    Error(u32),
    /// This HTTP status and a page of HTML, as a proxy on the way would answer. From 500 on, the message went out.
    Status(u16),
    /// This HTTP status and what Cloudflare answers itself where no connection came about. The message did not go out.
    NoConnection(u16),
    /// Taken, and answered after this time.
    Slow(Duration),
    /// Taken, and never answered.
    Stall,
    /// Taken, and the connection closed without a byte of an answer.
    Close,
    /// Taken, and the connection closed in the middle of the answer.
    CloseHalfWay,
    /// Taken, and answered by 200 with something that is not JSON.
    Garbage,
}

impl Answer {
    /// Whether the message went out.
    pub(super) fn goes_out(self) -> bool {
        match self {
            Self::Error(code) => UNCERTAIN.contains(&code),
            Self::Status(status) => status >= 500,
            Self::NoConnection(_) => false,
            _ => true,
        }
    }

    pub(super) async fn give(self, request: &Request) -> io::Result<Response<Body>> {
        let taken = || server::answer(200, JSON, request.success().to_string());
        match self {
            Self::Take => Ok(taken()),
            Self::Error(code) => {
                let error = errors::of(code);
                let details = if request.faults.is_empty() {
                    error.title.into()
                } else {
                    request.faults.join("; ")
                };
                Ok(server::answer(
                    error.status,
                    JSON,
                    error.body(&details).to_string(),
                ))
            }
            Self::Status(status) => Ok(server::answer(
                status,
                "text/html",
                format!("<h1>{status}</h1>"),
            )),
            Self::NoConnection(status) => Ok(server::answer(
                status,
                "text/plain",
                format!("error code: {status}"),
            )),
            Self::Slow(wait) => {
                tokio::time::sleep(wait).await;
                Ok(taken())
            }
            Self::Stall => std::future::pending().await,
            Self::Close => server::close(),
            Self::CloseHalfWay => Ok(server::close_half_way(taken()).await),
            Self::Garbage => Ok(server::answer(200, JSON, "]<not json>")),
        }
    }
}

/// The codes with which a message may have gone out all the same.
const UNCERTAIN: [u32; 4] = [1, 2, 131_000, 131_016];

const JSON: &str = "application/json";
