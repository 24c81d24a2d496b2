//! Requests that leave: with a time limit, without following redirects, and reading no more of an answer than is
//! needed.

use futures_util::StreamExt as _;
use wasm_bindgen::JsValue;
use worker::{
    AbortSignal, Fetch, Headers, Method, Request, RequestInit, RequestRedirect, Response,
};

use crate::delivery::{ErrorClass, answer::BODY_LIMIT};

/// An answer, as much of it as we look at.
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) retry_after: Option<String>,
    pub(super) body: Vec<u8>,
}

/// Why there is no answer.
pub(super) enum NoAnswer {
    /// It was not for want of an answer: the platform allows an invocation only so many requests and did not let this
    /// one out, or whoever should have made it is lost.
    NotTried,
    /// There was none in time, or the connection failed.
    Failed(ErrorClass),
}

/// Posts a body and reads the answer, all within `timeout_ms`.
pub(super) async fn post<N: AsRef<str>>(
    url: &str,
    with: impl IntoIterator<Item = (N, String)>,
    body: &str,
    timeout_ms: u32,
) -> Result<Answer, NoAnswer> {
    let headers = headers(with).map_err(|error| no_answer(&error))?;
    Answer::read(send(url, headers, body.into(), timeout_ms).await?).await
}

/// Posts a body and gives the answer as soon as it begins. It must also end within `timeout_ms`.
pub(super) async fn send(
    url: &str,
    headers: Headers,
    body: JsValue,
    timeout_ms: u32,
) -> Result<Response, NoAnswer> {
    let signal = AbortSignal::from(web_sys::AbortSignal::timeout_with_u32(timeout_ms));
    let mut init = RequestInit::new();
    init.with_method(Method::Post)
        .with_headers(headers)
        .with_body(Some(body))
        .with_redirect(RequestRedirect::Manual);
    let sent = async {
        let request = Request::new_with_init(url, &init)?;
        Fetch::Request(request).send_with_signal(&signal).await
    };
    sent.await.map_err(|error| no_answer(&error))
}

/// Headers of these names and values.
pub(super) fn headers<N: AsRef<str>>(
    with: impl IntoIterator<Item = (N, String)>,
) -> Result<Headers, worker::Error> {
    let headers = Headers::new();
    for (name, value) in with {
        headers.set(name.as_ref(), &value)?;
    }
    Ok(headers)
}

impl Answer {
    /// Reads an answer that has begun.
    pub(super) async fn read(mut response: Response) -> Result<Self, NoAnswer> {
        let read = async {
            Ok(Self {
                status: response.status_code(),
                retry_after: response.headers().get("retry-after")?,
                body: beginning(&mut response).await?,
            })
        };
        read.await.map_err(|error| no_answer(&error))
    }
}

/// The body, up to a little more than we read of any answer.
pub(super) async fn beginning(response: &mut Response) -> Result<Vec<u8>, worker::Error> {
    let mut body = Vec::new();
    let Ok(mut stream) = response.stream() else {
        return Ok(body);
    };
    while let Some(chunk) = stream.next().await {
        body.extend(chunk?);
        if body.len() > BODY_LIMIT {
            break;
        }
    }
    Ok(body)
}

/// The platform tells by words alone what went wrong.
fn no_answer(error: &worker::Error) -> NoAnswer {
    let words = error.to_string();
    let says = |what: &str| words.contains(what);
    if says("Too many subrequests") {
        NoAnswer::NotTried
    } else if says("TimeoutError") || says("aborted") {
        NoAnswer::Failed(ErrorClass::Timeout)
    } else if says("refused") {
        NoAnswer::Failed(ErrorClass::ConnectionRefused)
    } else {
        NoAnswer::Failed(ErrorClass::Connection)
    }
}
