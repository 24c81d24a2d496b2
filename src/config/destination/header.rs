//! A header that a destination wants with every request, say the key of a gateway before it.

use crate::{
    checked::Node,
    config::{Secret, reference},
};

/// How many there may be, and how long a value may be in bytes.
const MOST: usize = 20;
const LONGEST: usize = 4096;

/// What we send ourselves, what belongs to one connection alone (RFC 9110 §7.6.1), and what the platform sets.
const OURS: [&str; 16] = [
    "connection",
    "content-encoding",
    "content-length",
    "content-type",
    "expect",
    "host",
    "http2-settings",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "x-hub-signature",
];
const OUR_PREFIXES: [&str; 3] = ["webhook-", "x-hub-signature-", "cf-"];

/// A header. `Debug` does not show its value.
#[derive(Debug, Clone)]
pub struct Header {
    /// In lower case.
    pub name: String,
    /// May be a key.
    pub value: Secret,
}

impl Header {
    /// Reads `{"X-Api-Key": "env:CRM_KEY"}`.
    pub(super) fn read_all(node: &Node<'_>, lookup: &dyn Fn(&str) -> Option<String>) -> Vec<Self> {
        let mut headers: Vec<Self> = Vec::new();
        for (name, node) in node.members(MOST, "headers") {
            let name = read_name(name, &node);
            let value = read_value(&node, lookup);
            let (Some(name), Some(value)) = (name, value) else {
                continue;
            };
            if headers.iter().any(|header| header.name == name) {
                node.fault("is there twice: upper and lower case are the same");
            }
            headers.push(Self { name, value });
        }
        headers
    }
}

/// A name is a token (RFC 9110 §5.6.2).
fn read_name(name: &str, node: &Node<'_>) -> Option<String> {
    let is_token = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
    if !(1..=64).contains(&name.len()) || !name.bytes().all(is_token) {
        return node.refuse("must be the name of a header: 1 to 64 letters, digits and -");
    }
    let name = name.to_ascii_lowercase();
    if OURS.contains(&name.as_str()) || OUR_PREFIXES.iter().any(|ours| name.starts_with(ours)) {
        return node.refuse("is a header that is not yours to set");
    }
    Some(name)
}

fn read_value(node: &Node<'_>, lookup: &dyn Fn(&str) -> Option<String>) -> Option<Secret> {
    let text = node.text()?;
    let value = if text.starts_with("env:") {
        reference::read(node, lookup)?.1
    } else {
        text.to_owned()
    };
    // RFC 9110 §5.5, without what is obsolete.
    let fits = |value: &Secret| {
        let value = value.expose();
        value.len() <= LONGEST && value.bytes().all(|b| matches!(b, b' '..=b'~'))
    };
    match Secret::one(&value).filter(fits) {
        Some(value) => Some(value),
        None => node.refuse("must be 1 to 4096 printable ASCII characters"),
    }
}
