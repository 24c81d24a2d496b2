//! The body of a webhook, read up to its limit.

use futures_util::StreamExt as _;
use worker::{Request, Result};

/// How large a webhook may be, in bytes. Meta sends up to 3 MB ("Webhooks", "Payload size"); the rest is margin.
const LIMIT: usize = 3 * 1024 * 1024 + 256 * 1024;

/// The body, or `None` if it is too large, whatever the sender said.
///
/// Where the sender says how long it is, and HTTP holds it to that, the body is taken whole: a stream costs some ten
/// calls into the platform for each of its chunks.
pub(super) async fn read(mut request: Request) -> Result<Option<Vec<u8>>> {
    let announced = request.headers().get("content-length")?;
    let announced = announced.and_then(|length| length.parse::<usize>().ok());
    match announced {
        Some(length) if length > LIMIT => Ok(None),
        Some(_) => {
            let body = request.bytes().await?;
            Ok((body.len() <= LIMIT).then_some(body))
        }
        None => streamed(request).await,
    }
}

async fn streamed(mut request: Request) -> Result<Option<Vec<u8>>> {
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
