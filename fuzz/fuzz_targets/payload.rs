//! Webhooks in Meta's shape with anything in them: no item costs its neighbours, and no batching changes an id.
#![no_main]

mod laws;

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use serde_json::{Map, Value, json};

/// The names that Meta uses; whatever else may stand there as well.
const NAMES: [&str; 48] = [
    "messages", "statuses", "contacts", "errors", "metadata", "phone_number_id", "display_phone_number", "from",
    "from_user_id", "id", "timestamp", "type", "text", "body", "image", "interactive", "button_reply", "nfm_reply",
    "response_json", "context", "referral", "group_id", "status", "recipient_id", "recipient_user_id", "pricing",
    "conversation", "wa_id", "user_id", "profile", "name", "username", "system", "edit", "revoke", "reaction", "order",
    "product_items", "calls", "event", "history", "threads", "message_echoes", "standby", "groups", "state_sync",
    "user_preferences", "waba_info",
];

const FIELDS: [&str; 14] = [
    "messages", "calls", "history", "standby", "smb_message_echoes", "smb_app_state_sync", "user_preferences",
    "messaging_handovers", "group_lifecycle_update", "group_participants_update", "account_update", "flows",
    "message_template_status_update", "something_new",
];

const KINDS: [&str; 12] = [
    "text", "image", "interactive", "order", "reaction", "system", "edit", "revoke", "unsupported", "location",
    "contacts", "user_changed_number",
];

#[derive(Debug, Arbitrary)]
enum Anything {
    Null,
    Flag(bool),
    Whole(i64),
    Float(f64),
    Text(String),
    Digits(u64),
    Kind(u8),
    List(Vec<Anything>),
    Object(Vec<(u8, Anything)>),
    Named(Vec<(String, Anything)>),
}

impl Anything {
    fn json(&self) -> Value {
        match self {
            Self::Null => Value::Null,
            Self::Flag(flag) => json!(flag),
            Self::Whole(whole) => json!(whole),
            Self::Float(float) => json!(float),
            Self::Text(text) => json!(text),
            Self::Digits(digits) => json!(digits.to_string()),
            Self::Kind(kind) => json!(KINDS[usize::from(*kind) % KINDS.len()]),
            Self::List(items) => items.iter().map(Self::json).collect(),
            Self::Object(members) => members
                .iter()
                .map(|(name, value)| (NAMES[usize::from(*name) % NAMES.len()].to_owned(), value.json()))
                .collect::<Map<_, _>>()
                .into(),
            Self::Named(members) => members
                .iter()
                .map(|(name, value)| (name.clone(), value.json()))
                .collect::<Map<_, _>>()
                .into(),
        }
    }
}

#[derive(Debug, Arbitrary)]
struct Webhook {
    changes: Vec<(u8, Anything)>,
    messages: Vec<Anything>,
}

fn webhook(changes: &[Value]) -> Vec<u8> {
    let entries = json!([{ "id": "102290129340398", "changes": changes }]);
    let webhook = json!({ "object": "whatsapp_business_account", "entry": entries });
    webhook.to_string().into_bytes()
}

fn messages(items: &[Value]) -> Value {
    let metadata = json!({ "display_phone_number": "15550783881", "phone_number_id": "106540352242922" });
    json!({ "field": "messages", "value":
        { "messaging_product": "whatsapp", "metadata": metadata, "messages": items } })
}

fuzz_target!(|input: Webhook| {
    let changes: Vec<Value> = input
        .changes
        .iter()
        .map(|(field, value)| json!({ "field": FIELDS[usize::from(*field) % FIELDS.len()], "value": value.json() }))
        .collect();
    laws::events(&webhook(&changes));

    let good = json!({ "from": "16505551234", "id": "wamid.GOOD", "timestamp": "1770000000", "type": "text",
        "text": { "body": "hola" } });
    let mut items: Vec<Value> = input.messages.iter().map(Anything::json).collect();
    items.push(good.clone());
    let together = laws::ids(&webhook(&[messages(&items)]));
    let alone = laws::ids(&webhook(&[messages(&[good])]));
    assert!(together.is_superset(&alone), "no item costs its neighbours");
    let one_by_one: Vec<Value> = items.iter().rev().map(|item| messages(std::slice::from_ref(item))).collect();
    assert_eq!(together, laws::ids(&webhook(&one_by_one)), "no batching changes an id");
});
