//! Whether a webhook is signed: small bodies are checked in WASM, large ones by the platform, which has instructions for
//! SHA-256, and takes a promise each time.

use std::cell::RefCell;

use js_sys::{Array, JSON, Promise, Uint8Array};
use wasm_bindgen::{JsValue, prelude::wasm_bindgen};
use wasm_bindgen_futures::JsFuture;
use worker::Result;

use crate::{
    config::Secret,
    environment::Ready,
    meta::signature::{self, Signature},
};

/// The size, in bytes, from which on the platform is faster.
const LARGE: u32 = 32 * 1024;

/// The body, where it is signed with one of our secrets.
pub(super) async fn verified(
    body: &Uint8Array,
    signature: &Signature,
    ready: &Ready,
) -> Result<Option<Vec<u8>>> {
    if body.length() >= LARGE && by_platform(body, signature, ready).await? {
        return Ok(Some(body.to_vec()));
    }
    let body = body.to_vec();
    // What the platform did not find signed may be so in another form.
    let signed = ready.app_secrets.verify(&body, signature);
    Ok(signed.is_ok().then_some(body))
}

async fn by_platform(body: &Uint8Array, signature: &Signature, ready: &Ready) -> Result<bool> {
    let signature = Uint8Array::from(signature.bytes().as_slice());
    for key in keys(ready).await? {
        let signed = verify("HMAC", &key, &signature, body)?;
        if JsFuture::from(signed).await?.is_truthy() {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Our secrets as keys of the platform, made once in an isolate.
async fn keys(ready: &Ready) -> Result<Vec<JsValue>> {
    thread_local! {
        static KEYS: RefCell<Vec<JsValue>> = const { RefCell::new(Vec::new()) };
    }
    let made = KEYS.with_borrow(Clone::clone);
    if !made.is_empty() {
        return Ok(made);
    }
    let algorithm = JSON::parse(r#"{"name":"HMAC","hash":"SHA-256"}"#)?;
    let usages = Array::of1(&"verify".into());
    let mut keys = Vec::new();
    for secret in signature::usable(ready.settings.app_secrets.iter().map(Secret::expose)) {
        let secret = Uint8Array::from(secret.as_bytes());
        let key = import_key("raw", &secret, &algorithm, false, &usages)?;
        keys.push(JsFuture::from(key).await?);
    }
    KEYS.set(keys.clone());
    Ok(keys)
}

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(catch, js_namespace = ["crypto", "subtle"], js_name = importKey)]
    fn import_key(
        format: &str,
        secret: &Uint8Array,
        algorithm: &JsValue,
        extractable: bool,
        usages: &Array,
    ) -> std::result::Result<Promise, JsValue>;

    #[wasm_bindgen(catch, js_namespace = ["crypto", "subtle"])]
    fn verify(
        algorithm: &str,
        key: &JsValue,
        signature: &Uint8Array,
        body: &Uint8Array,
    ) -> std::result::Result<Promise, JsValue>;
}
