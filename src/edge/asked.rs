//! What a request asks, and which signature it claims: read at once, since each question to the platform has its price.

use wasm_bindgen::prelude::wasm_bindgen;

/// What a request asks.
pub(super) struct Asked(String);

impl Asked {
    /// Of this request.
    pub(super) fn of(request: &web_sys::Request) -> Self {
        Self(asked(request))
    }

    /// As it came: `worker::Request::method` takes what it does not know for GET.
    pub(super) fn method(&self) -> &str {
        self.line(0)
    }

    pub(super) fn url(&self) -> &str {
        self.line(1)
    }

    /// Where Meta puts the signature (`X-Hub-Signature-256`); empty where there is none. Its older `X-Hub-Signature`
    /// (SHA-1) is not looked at.
    pub(super) fn signature(&self) -> &str {
        self.line(2)
    }

    fn line(&self, number: usize) -> &str {
        self.0.split('\n').nth(number).unwrap_or_default()
    }
}

#[wasm_bindgen(module = "/src/edge/request.js")]
extern "C" {
    fn asked(request: &web_sys::Request) -> String;
}
