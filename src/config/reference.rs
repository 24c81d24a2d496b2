//! References to secrets (`env:CRM_SECRET`), which stand in a config in place of the secrets.

use crate::checked::Node;

/// The name that a reference names, and the value that is set under it.
pub(super) fn read(
    node: &Node<'_>,
    lookup: &dyn Fn(&str) -> Option<String>,
) -> Option<(String, String)> {
    // A secret that was written here by mistake has lower-case letters: it is no name, so it is not repeated.
    let is_name = |name: &&str| {
        (1..=64).contains(&name.len())
            && name
                .bytes()
                .all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_')
    };
    let name = node
        .value()
        .as_str()
        .and_then(|text| text.strip_prefix("env:"))
        .filter(is_name);
    let Some(name) = name else {
        return node.refuse("must be a reference such as env:CRM_SECRET, never the secret itself");
    };
    match lookup(name).filter(|value| !value.trim().is_empty()) {
        None => node.refuse(format!(
            "{name} is not set: npx wrangler secret put {name} (locally: a line in .dev.vars)"
        )),
        Some(value) => Some((name.to_owned(), value)),
    }
}
