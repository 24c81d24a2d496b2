//! `image`, `video`, `audio`, `document`, `sticker`, also as a header. What the file itself may be, Meta alone can see.

use super::{is_no_caption, link};
use crate::checked::Node;

/// Source: "Image messages" and its neighbours.
pub(super) fn media(kind: &str, node: &Node<'_>) {
    if node.object().is_none() {
        return;
    }
    match (node.get("id"), node.get("link")) {
        (Some(id), None) => drop(id.filled_text()),
        (None, Some(url)) => link(&url),
        _ => node.fault("needs either id or link"),
    }
    let caption = node.get("caption");
    if let Some(caption) = caption.filter(|caption| !is_no_caption(caption.value())) {
        match kind {
            "audio" | "sticker" => {
                caption.fault(format!("must be left out: there is none for {kind}"));
            }
            _ => drop(caption.short_text(1_024)),
        }
    }
    node.get("filename").and_then(|name| name.filled_text());
    node.get("voice").and_then(|voice| voice.flag());
}
