//! Stubs: what our objects are called through.

use js_sys::{Promise, Uint8Array};
use wasm_bindgen::{JsValue, prelude::wasm_bindgen};
use web_sys::RequestInit;
use worker::Env;

#[wasm_bindgen(module = "/src/objects/stub.js")]
extern "C" {
    /// The stub of the object of this binding and name.
    #[wasm_bindgen(catch)]
    pub(super) fn stub(env: &Env, binding: &str, name: &str) -> Result<Stub, JsValue>;
}

#[wasm_bindgen]
extern "C" {
    /// An object, as others see it. Only mailboxes, and numbers' directories, have the methods behind `fetch`.
    pub(super) type Stub;

    #[wasm_bindgen(method, catch)]
    pub(super) fn fetch(this: &Stub, url: &str, init: &RequestInit) -> Result<Promise, JsValue>;

    #[wasm_bindgen(method, catch)]
    pub(super) fn append(this: &Stub, batches: &Uint8Array) -> Result<Promise, JsValue>;

    #[wasm_bindgen(method, catch)]
    pub(super) fn resolve(this: &Stub, events: &Uint8Array) -> Result<Promise, JsValue>;

    #[wasm_bindgen(method, catch)]
    pub(super) fn route(this: &Stub, names: &Uint8Array) -> Result<Promise, JsValue>;

    #[wasm_bindgen(method, catch)]
    pub(super) fn names(this: &Stub, events: &Uint8Array) -> Result<Promise, JsValue>;

    #[wasm_bindgen(method, catch)]
    pub(super) fn cede(this: &Stub, events: &Uint8Array, persons: &str)
    -> Result<Promise, JsValue>;

    #[wasm_bindgen(method, catch)]
    pub(super) fn adopt(
        this: &Stub,
        events: &Uint8Array,
        moved: &str,
        wanted: &str,
    ) -> Result<Promise, JsValue>;

    #[wasm_bindgen(method, catch)]
    pub(super) fn known(this: &Stub, name: &Uint8Array) -> Result<Promise, JsValue>;

    #[wasm_bindgen(method, catch)]
    pub(super) fn gone(this: &Stub, asked: &str) -> Result<Promise, JsValue>;
}
