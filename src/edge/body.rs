//! The body of a request, read up to its limit.

use futures_util::StreamExt as _;
use js_sys::Uint8Array;
use wasm_bindgen_futures::JsFuture;
use worker::{Request, Result};

/// How large a webhook may be, in bytes. Meta sends up to 3 MB ("Webhooks", "Payload size"); the rest is margin.
const LIMIT: usize = 3 * 1024 * 1024 + 256 * 1024;

/// The body, or `None` if it is too large, whatever the sender said.
pub(super) async fn read(request: &web_sys::Request) -> Result<Option<Vec<u8>>> {
    Ok(outside(request).await?.map(|body| body.to_vec()))
}

/// Like [`read`]; the body stays outside of WASM's memory.
///
/// Where the sender says how long it is, and HTTP holds it to that, the body is taken whole: a stream costs some ten
/// calls into the platform for each of its chunks.
pub(super) async fn outside(request: &web_sys::Request) -> Result<Option<Uint8Array>> {
    let announced = request.headers().get("content-length")?;
    let announced = announced.and_then(|length| length.parse::<usize>().ok());
    match announced {
        Some(length) if length > LIMIT => Ok(None),
        Some(_) => {
            let body = Uint8Array::new(&JsFuture::from(request.array_buffer()?).await?);
            Ok((body.length() as usize <= LIMIT).then_some(body))
        }
        None => Ok(streamed(request)
            .await?
            .map(|body| Uint8Array::from(body.as_slice()))),
    }
}

async fn streamed(request: &web_sys::Request) -> Result<Option<Vec<u8>>> {
    let mut body = Vec::new();
    let Ok(mut stream) = Request::from(request.clone()?).stream() else {
        return Ok(Some(body));
    };
    while let Some(chunk) = stream.next().await {
        let chunk = chunk?;
        if body.len() + chunk.len() > LIMIT {
            return Ok(None);
        }
        body.extend(chunk);
    }
    Ok(Some(body))
}
