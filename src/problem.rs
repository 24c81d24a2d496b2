//! Problem documents (RFC 9457): what is answered to a request that is refused.

use crate::written::Object;

/// The `content-type` of a problem document.
pub const CONTENT_TYPE: &str = "application/problem+json";

/// A problem document, to which members may be added. `detail` says what to do; there is none where it would tell an
/// attacker what would have been right.
pub fn document(status: u16, title: &str, detail: Option<&str>) -> Object {
    let mut document = Object::default();
    document
        .text("type", "about:blank")
        .text("title", title)
        .number("status", status.into())
        .text_if("detail", detail);
    document
}
