//! The Durable Object that makes requests for mailboxes, with connections of its own ([`delivery::Lanes`] says why). It
//! keeps nothing. Nobody but a mailbox can call it: it stands behind no route.
//!
//! A mailbox calls it with the request as it is to leave, URL and all, and gets the answer as it comes. Where there is
//! none, the courier fails with words that tell why; a failure in other words is the courier's own.
//!
//! [`delivery::Lanes`]: crate::delivery::Lanes

use std::{pin::pin, time::Duration};

use futures_util::future::{Either, select};
use js_sys::futures::JsFuture;
use worker::{
    Delay, DurableObject, Env, Error, Request, RequestInit, Response, Result, State, durable_object,
};

use super::http::{self, Answer, NoAnswer};
use crate::delivery::ErrorClass;

/// The binding of its namespace in wrangler.toml.
const BINDING: &str = "COURIER";

/// Tells the courier how long the answer may take, in milliseconds. It does not leave.
const TIMEOUT: &str = "transom-timeout-ms";

/// How long the courier may take beyond what the answer may, in milliseconds.
const GRACE_MS: u32 = 5_000;

/// What a courier says first that got no answer.
const NO_ANSWER: &str = "no answer: ";

/// What it says then.
const CLASSES: [(&str, ErrorClass); 3] = [
    ("timeout", ErrorClass::Timeout),
    ("connection refused", ErrorClass::ConnectionRefused),
    ("connection failed", ErrorClass::Connection),
];

/// The object.
#[durable_object(fetch)]
pub struct Courier;

impl std::panic::RefUnwindSafe for Courier {}

impl DurableObject for Courier {
    fn new(_: State, _: Env) -> Self {
        Self
    }

    async fn fetch(&self, request: Request) -> Result<Response> {
        let headers = request.headers().clone();
        let timeout = headers.get(TIMEOUT)?;
        headers.delete(TIMEOUT)?;
        let body = JsFuture::from(request.inner().array_buffer()?).await?;
        let url = request.url()?;
        let timeout_ms = timeout.and_then(|ms| ms.parse().ok()).unwrap_or_default();
        match http::send(url.as_str(), headers, body, timeout_ms).await {
            Ok(response) => Ok(response),
            Err(NoAnswer::NotTried) => Err(Error::RustError("not tried".to_owned())),
            Err(NoAnswer::Failed(class)) => Err(Error::RustError(format!("{NO_ANSWER}{class}"))),
        }
    }
}

/// Posts a body by a courier and reads the answer, all within `timeout_ms`. Where the courier is lost, it counts as not
/// tried: whatever became of the request, it was not the destination's fault.
pub(super) async fn post(
    env: &Env,
    courier: &str,
    url: &str,
    headers: Vec<(String, String)>,
    body: &str,
    timeout_ms: u32,
) -> std::result::Result<Answer, NoAnswer> {
    let asked = async {
        let stub = env.durable_object(BINDING)?.get_by_name(courier)?;
        let headers = http::headers(headers)?;
        headers.set(TIMEOUT, &timeout_ms.to_string())?;
        let mut init = RequestInit::new();
        init.with_method(worker::Method::Post)
            .with_headers(headers)
            .with_body(Some(body.into()));
        let request = Request::new_with_init(url, &init)?;
        stub.fetch_with_request(request).await
    };
    let limit = Delay::from(Duration::from_millis((timeout_ms + GRACE_MS).into()));
    let answered = async {
        match asked.await {
            Ok(response) => Answer::read(response).await,
            Err(error) => Err(why(&error.to_string())),
        }
    };
    match select(pin!(answered), pin!(limit)).await {
        Either::Left((answer, _)) => answer,
        Either::Right(_) => Err(NoAnswer::NotTried),
    }
}

fn why(words: &str) -> NoAnswer {
    let class = CLASSES
        .iter()
        .find(|(class, _)| words.contains(&format!("{NO_ANSWER}{class}")));
    class.map_or(NoAnswer::NotTried, |(_, class)| NoAnswer::Failed(*class))
}
