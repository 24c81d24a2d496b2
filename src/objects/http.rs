//! Requests that leave a mailbox: with a time limit, without following redirects, and reading no more of an answer
//! than is needed.

use futures_util::StreamExt as _;
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
    /// The platform did not let the request out: it allows an invocation only so many. It did not leave.
    NotTried,
    /// There was none in time, or the connection failed.
    Failed(ErrorClass),
}

/// Posts a body and reads the answer, all within `timeout_ms`.
pub(super) async fn post<N: AsRef<str>>(
    url: &str,
    headers: impl IntoIterator<Item = (N, String)>,
    body: &str,
    timeout_ms: u32,
) -> Result<Answer, NoAnswer> {
    let signal = AbortSignal::from(web_sys::AbortSignal::timeout_with_u32(timeout_ms));
    let sent = async {
        let all = Headers::new();
        for (name, value) in headers {
            all.set(name.as_ref(), &value)?;
        }
        let mut init = RequestInit::new();
        init.with_method(Method::Post)
            .with_headers(all)
            .with_body(Some(body.into()))
            .with_redirect(RequestRedirect::Manual);
        let request = Request::new_with_init(url, &init)?;
        let mut response = Fetch::Request(request).send_with_signal(&signal).await?;
        Ok(Answer {
            status: response.status_code(),
            retry_after: response.headers().get("retry-after")?,
            body: beginning(&mut response).await?,
        })
    };
    sent.await.map_err(|error: worker::Error| no_answer(&error))
}

/// The body, up to a little more than we read of any answer.
pub(crate) async fn beginning(response: &mut Response) -> Result<Vec<u8>, worker::Error> {
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
