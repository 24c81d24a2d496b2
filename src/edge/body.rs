//! The body of a webhook, read up to its limit.

use futures_util::StreamExt as _;
use worker::{Request, Result};

/// How large a webhook may be, in bytes. Meta sends up to 3 MB ("Webhooks", "Payload size"); the rest is margin.
pub(super) const LIMIT: usize = 3 * 1024 * 1024 + 256 * 1024;

/// Whether the sender says that it is too large.
pub(super) fn is_announced_too_large(request: &Request) -> Result<bool> {
    let length = request.headers().get("content-length")?;
    let length = length.and_then(|length| length.parse::<usize>().ok());
    Ok(length.is_some_and(|length| length > LIMIT))
}

/// The body, or `None` if it is too large, whatever the sender said.
pub(super) async fn read(mut request: Request) -> Result<Option<Vec<u8>>> {
    let mut body = Vec::new();
    let Ok(mut stream) = request.stream() else {
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
