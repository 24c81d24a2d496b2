//! Requests to our own objects. They are made of the platform's types: those of the `worker` crate would bring all that
//! `cf` can say into the WASM.

use std::time::Duration;

use js_sys::Uint8Array;
use wasm_bindgen::JsCast as _;
use wasm_bindgen_futures::JsFuture;
use web_sys::RequestInit;
use worker::{Env, Response, Result};

use super::{side_by_side::within, stub::stub};

/// How long an object may take to answer a request.
const BUDGET: Duration = Duration::from_secs(10);

/// What the object of this binding and name answers to a command: a path, and perhaps a query. `None` where it does not,
/// or not in time.
pub(crate) async fn ask(
    env: &Env,
    binding: &str,
    name: &str,
    command: &str,
    init: &RequestInit,
) -> Option<Response> {
    let answer = fetch(env, binding, name, command, init);
    within(BUDGET, answer).await.ok()
}

/// Like [`ask`], without a time limit.
pub(crate) async fn fetch(
    env: &Env,
    binding: &str,
    name: &str,
    command: &str,
    init: &RequestInit,
) -> Result<Response> {
    let stub = stub(env, binding, name)?;
    let answer = JsFuture::from(stub.fetch(&format!("https://object/{command}"), init)?).await?;
    Ok(answer.dyn_into::<web_sys::Response>()?.into())
}

/// A POST with this body.
pub(crate) fn post(body: &[u8]) -> RequestInit {
    let init = RequestInit::new();
    init.set_method("POST");
    init.set_body(&Uint8Array::from(body));
    init
}
