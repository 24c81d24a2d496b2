//! What requests that leave are given, and what their answers are.

use js_sys::{Array, Uint8Array};
use wasm_bindgen::{JsCast as _, JsValue};

use crate::{delivery::NoAnswer, written::Object};

/// An answer, as much of it as we look at.
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) retry_after: Option<String>,
    pub(super) body: Vec<u8>,
}

/// Headers of these names and values, as a JSON object.
pub(super) fn headers<N: AsRef<str>>(with: impl IntoIterator<Item = (N, String)>) -> String {
    let mut headers = Object::default();
    for (name, value) in with {
        headers.text(name.as_ref(), &value);
    }
    headers.finish()
}

/// Reads what `post.js` gives.
pub(super) fn read(answer: &JsValue) -> Result<Answer, NoAnswer> {
    if let Some(status) = answer.as_f64() {
        return Ok(Answer::of(status, None, Vec::new()));
    }
    let parts: &Array = answer.dyn_ref().ok_or_else(|| {
        let words = answer.as_string();
        words.map_or(NoAnswer::Lost, |words| NoAnswer::read(&words))
    })?;
    let status = parts.get(0).as_f64().unwrap_or_default();
    let body: Option<Uint8Array> = parts.get(2).dyn_into().ok();
    let body = body.map(|body| body.to_vec()).unwrap_or_default();
    Ok(Answer::of(status, parts.get(1).as_string(), body))
}

impl Answer {
    /// A status is between 200 and 599.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    fn of(status: f64, retry_after: Option<String>, body: Vec<u8>) -> Self {
        Self {
            status: status as u16,
            retry_after,
            body,
        }
    }
}
