//! The body of a request, read up to its limit.

use js_sys::{Promise, Uint8Array};
use wasm_bindgen::prelude::wasm_bindgen;
use wasm_bindgen_futures::JsFuture;
use worker::Result;

/// How large a webhook may be, in bytes. Meta sends up to 3 MB ("Webhooks", "Payload size"); the rest is margin.
pub(super) const LIMIT: usize = 3 * 1024 * 1024 + 256 * 1024;

/// The body, or `None` if it is too large, whatever length the sender announced.
pub(super) async fn read(request: &web_sys::Request) -> Result<Option<Vec<u8>>> {
    let body = JsFuture::from(read_there(request, LIMIT)).await?;
    Ok((!body.is_undefined()).then(|| Uint8Array::new(&body).to_vec()))
}

#[wasm_bindgen(module = "/src/edge/request.js")]
extern "C" {
    #[wasm_bindgen(js_name = read)]
    fn read_there(request: &web_sys::Request, most: usize) -> Promise;
}
