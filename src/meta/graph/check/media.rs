//! `image`, `video`, `audio`, `document`, `sticker`, also as a header. What the file itself may be, Meta alone can see.

use super::{is_no_caption, link};
use crate::checked::Node;

/// Sources: "Image messages" and its neighbours; "Media message headers" of Direct Send, which may have `both` an id and
/// a link.
pub(super) fn media(kind: &str, node: &Node<'_>, both: bool) {
    if node.object().is_none() {
        return;
    }
    let (id, url) = (node.get("id"), node.get("link"));
    if id.is_some() == url.is_some() && !(both && id.is_some()) {
        node.fault("needs either id or link");
    }
    id.and_then(|id| id.filled_text());
    url.iter().for_each(link);
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
