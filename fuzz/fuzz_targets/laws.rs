//! What must hold of any body whatsoever.

use std::collections::BTreeSet;

use serde_json::Value;
use transom::{
    event::{self, Event, Home},
    meta::signature::{AppSecrets, Signature},
};

/// The events of a body, after it was checked that they are sound and the same each time.
pub fn events(body: &[u8]) -> Vec<(Home, Vec<Event>)> {
    let (events, unknown) = event::split_and_look(body);
    assert_eq!(events, event::split(body), "the same webhook, the same events");
    for event in events.iter().flat_map(|(_, events)| events) {
        let data: Value = serde_json::from_str(&event.data).expect("data is JSON");
        assert!(data.is_object());
        assert!(event.kind.starts_with("whatsapp."));
        let safe = |byte: u8| byte.is_ascii_hexdigit() || byte == b'-';
        assert!(event.id.bytes().all(safe), "an id is safe in a header");
    }
    assert!(unknown.iter().all(|path| path.len() <= 200));
    events
}

/// The ids in it, whatever their order.
pub fn ids(body: &[u8]) -> BTreeSet<String> {
    let events = events(body);
    let all = events.iter().flat_map(|(_, events)| events);
    all.map(|event| event.id.clone()).collect()
}

/// To look whether a body was signed, for which it is escaped, breaks nothing.
pub fn signature(body: &[u8]) {
    let secrets = AppSecrets::new(["secret"]);
    let zeros = Signature::parse(&format!("sha256={}", "0".repeat(64))).expect("a signature");
    let _ = secrets.have_signed(body, &zeros);
}
