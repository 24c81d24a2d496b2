//! The Durable Object that makes requests for mailboxes, with connections of its own ([`crate::delivery::Lanes`] says
//! why). It keeps nothing, and does nothing but `post` (`post.js`). Nobody but a mailbox can call it: it stands behind no
//! route.

use std::{pin::pin, time::Duration};

use futures_util::future::{Either, select};
use js_sys::Promise;
use wasm_bindgen::{JsValue, prelude::wasm_bindgen};
use wasm_bindgen_futures::JsFuture;
use worker::{Delay, DurableObject, Env, Request, Response, Result, State, durable_object};

use super::http::{self, Answer, NoAnswer};
use crate::delivery::answer::BODY_LIMIT;

/// The binding of its namespace in wrangler.toml.
const BINDING: &str = "COURIER";

/// How long the courier may take beyond what the answer may, in milliseconds.
const GRACE_MS: u32 = 5_000;

/// The object.
#[durable_object(fetch)]
pub struct Courier;

impl std::panic::RefUnwindSafe for Courier {}

impl DurableObject for Courier {
    fn new(_: State, _: Env) -> Self {
        Self
    }

    async fn fetch(&self, _: Request) -> Result<Response> {
        Response::error("a courier answers no requests", 404)
    }
}

#[wasm_bindgen]
extern "C" {
    /// What a courier is called through.
    type Stub;

    #[wasm_bindgen(method, catch)]
    fn post(
        this: &Stub,
        url: &str,
        headers: &str,
        body: &str,
        timeout_ms: u32,
        most: usize,
    ) -> std::result::Result<Promise, JsValue>;
}

/// Posts a body by a courier and reads the answer, all within `timeout_ms`. Where the courier is lost, that is not the
/// fault of whoever was to be reached.
pub(super) async fn post(
    env: &Env,
    courier: &str,
    url: &str,
    headers: &str,
    body: &str,
    timeout_ms: u32,
) -> std::result::Result<Answer, NoAnswer> {
    let asked = async {
        let stub: Stub = env
            .durable_object(BINDING)?
            .get_by_name(courier)?
            .into_rpc();
        let answer = stub.post(url, headers, body, timeout_ms, BODY_LIMIT)?;
        Ok::<_, worker::Error>(JsFuture::from(answer).await?)
    };
    let limit = Delay::from(Duration::from_millis((timeout_ms + GRACE_MS).into()));
    match select(pin!(asked), pin!(limit)).await {
        Either::Left((Ok(answer), _)) => http::read(answer),
        Either::Left((Err(_), _)) | Either::Right(_) => Err(NoAnswer::Lost),
    }
}
