//! One request of Meta's, rightly signed or bent on purpose.

use std::time::Duration;

use bytes::Bytes;
use reqwest::Method;
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};

use super::{Answer, Meta};
use crate::{clock, signature};

/// One request: rightly signed, unless said otherwise.
#[derive(Debug)]
#[must_use]
pub struct Request<'a> {
    meta: &'a Meta,
    method: Method,
    signature: Option<String>,
    headers: HeaderMap,
    chunked: bool,
    body: Vec<u8>,
}

impl<'a> Request<'a> {
    pub(super) fn new(meta: &'a Meta, body: Vec<u8>) -> Self {
        let json = HeaderValue::from_static("application/json");
        Self {
            meta,
            method: Method::POST,
            signature: Some(signature::sha256(&meta.app_secret, &body)),
            headers: HeaderMap::from_iter([(CONTENT_TYPE, json)]),
            chunked: false,
            body,
        }
    }

    /// Without any signature.
    pub fn unsigned(mut self) -> Self {
        self.signature = None;
        self
    }

    /// Signed under another secret.
    pub fn signed_under(mut self, app_secret: &str) -> Self {
        self.signature = Some(signature::sha256(app_secret, &self.body));
        self
    }

    /// Signed over other bytes than are sent.
    pub fn signed_over(mut self, other: impl AsRef<[u8]>) -> Self {
        self.signature = Some(signature::sha256(&self.meta.app_secret, other.as_ref()));
        self
    }

    /// With exactly this as `X-Hub-Signature-256`.
    pub fn signature(mut self, header: impl Into<String>) -> Self {
        self.signature = Some(header.into());
        self
    }

    /// With the SHA-1 signature that went before, and no other.
    pub fn sha1_only(self) -> Self {
        let sha1 = signature::sha1(&self.meta.app_secret, &self.body);
        self.unsigned().header("x-hub-signature", &sha1)
    }

    /// With one more header.
    ///
    /// # Panics
    /// If it is not one.
    pub fn header(mut self, name: &str, value: &str) -> Self {
        let name = HeaderName::try_from(name).expect("a header's name");
        self.headers.insert(
            name,
            HeaderValue::try_from(value).expect("a header's value"),
        );
        self
    }

    /// With another method.
    ///
    /// # Panics
    /// If it is not one.
    pub fn method(mut self, method: &str) -> Self {
        self.method = method.parse().expect("a method");
        self
    }

    /// Without `Content-Length`: in chunks of 64 KiB.
    pub fn chunked(mut self) -> Self {
        self.chunked = true;
        self
    }

    /// Sends it once.
    pub async fn send(self) -> Answer {
        let mut request = self
            .meta
            .client
            .request(self.method, &self.meta.callback_url)
            .headers(self.headers);
        if let Some(signature) = &self.signature {
            request = request.header("x-hub-signature-256", signature);
        }
        let body = Bytes::from(self.body);
        let body = if self.chunked {
            in_chunks(&body)
        } else {
            body.into()
        };
        ask(request.body(body)).await
    }
}

fn in_chunks(body: &Bytes) -> reqwest::Body {
    const CHUNK: usize = 64 * 1024;
    let chunks: Vec<_> = body
        .chunks(CHUNK)
        .map(|chunk| Ok::<_, std::io::Error>(Bytes::copy_from_slice(chunk)))
        .collect();
    reqwest::Body::wrap_stream(futures_util::stream::iter(chunks))
}

pub(super) async fn ask(request: reqwest::RequestBuilder) -> Answer {
    let at = clock::instant();
    let mut answer = Answer {
        status: 0,
        headers: HeaderMap::new(),
        body: String::new(),
        latency: Duration::ZERO,
        at,
        error: None,
    };
    match request.send().await {
        Ok(response) => {
            let (status, headers) = (response.status().as_u16(), response.headers().clone());
            match response.bytes().await {
                Ok(body) => {
                    answer.status = status;
                    answer.headers = headers;
                    answer.body = String::from_utf8_lossy(&body).into_owned();
                }
                Err(error) => answer.error = Some(told(error)),
            }
        }
        Err(error) => answer.error = Some(told(error)),
    }
    answer.latency = at.elapsed();
    answer
}

/// An error with all its causes, as the outermost alone says nothing; without the URL, which holds the verify token.
fn told(error: reqwest::Error) -> String {
    let error = error.without_url();
    let mut told = error.to_string();
    let mut cause = std::error::Error::source(&error);
    while let Some(error) = cause {
        told = format!("{told}: {error}");
        cause = error.source();
    }
    told
}
