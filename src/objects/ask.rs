//! Requests to our own objects. They are made of the platform's types: with the crate's, all that `cf` can say would be
//! part of the WASM.

use js_sys::{Promise, Uint8Array};
use wasm_bindgen::{JsCast as _, JsValue, prelude::wasm_bindgen};
use wasm_bindgen_futures::JsFuture;
use web_sys::RequestInit;
use worker::{Env, Response, Result};

#[wasm_bindgen]
extern "C" {
    type Stub;

    #[wasm_bindgen(method, catch)]
    fn fetch(this: &Stub, url: &str, init: &RequestInit) -> std::result::Result<Promise, JsValue>;
}

/// What the object of this binding and name answers to a command: a path, and perhaps a query.
pub(crate) async fn ask(
    env: &Env,
    binding: &str,
    name: &str,
    command: &str,
    init: &RequestInit,
) -> Result<Response> {
    let stub: Stub = env.durable_object(binding)?.get_by_name(name)?.into_rpc();
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
