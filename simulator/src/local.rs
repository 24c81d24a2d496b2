//! The settings of a local run: what `make dev` and `make demo` use where nothing else is said.

use std::fs;

/// Meta's app secret, which signs the webhooks.
pub const APP_SECRET: &str = "dev-app-secret";
/// The token of Meta's handshake.
pub const VERIFY_TOKEN: &str = "dev-verify-token";
/// The secret of the backend's destination.
pub const DESTINATION_SECRET: &str = "whsec_ZGV2LWRlc3RpbmF0aW9uLXNlY3JldC0xMjM0NTY=";
/// The bearer token of the Graph API.
pub const GRAPH_TOKEN: &str = "dev-graph-token";
/// Where Transom takes webhooks.
pub const WEBHOOK_URL: &str = "http://127.0.0.1:8787/webhook";
/// Where the backend listens.
pub const BACKEND_PORT: u16 = 8788;
/// Where the Graph API listens.
pub const GRAPH_PORT: u16 = 8789;
/// The business number's id.
pub const PHONE_NUMBER_ID: &str = "106540352242922";
/// The business number as people read it.
pub const DISPLAY_PHONE_NUMBER: &str = "15550783881";
/// The WhatsApp Business Account.
pub const ACCOUNT: &str = "102290129340398";
/// The customer's phone number.
pub const CUSTOMER_PHONE: &str = "16505551234";
/// The customer's business-scoped user id.
pub const CUSTOMER_USER_ID: &str = "US.13491208655302741918";
/// The customer's name.
pub const CUSTOMER_NAME: &str = "Ana";

/// A value of wrangler.toml as it is written there, so that it is written once. A string and a list of strings are the same
/// in Cap'n Proto.
///
/// # Panics
/// If it is not there.
pub fn wrangler_toml(key: &str) -> String {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../wrangler.toml");
    let text = fs::read_to_string(path).unwrap();
    let mut lines = text.lines();
    let value = lines.find_map(|line| line.strip_prefix(key)?.strip_prefix(" = "));
    value
        .unwrap_or_else(|| panic!("wrangler.toml has no {key}"))
        .to_owned()
}
