//! What Meta has begun to send that we do not know yet: paths of fields, types and members, never a value.

use super::fields;
use crate::meta::json::{Document, Json};

/// How many paths are told of one webhook.
const MOST: usize = 64;

/// How long a path may be that is told, in bytes. Names that Meta chose are shorter.
const LONGEST: usize = 200;

/// The members in which Meta says what an item is, the first of them that it has.
const WORDS: [&str; 5] = ["event", "action", "status", "type", "action_type"];

/// Paths of what we do not know: at most 64, sorted, each once.
#[derive(Default)]
pub(super) struct Drift(pub(super) Vec<String>);

impl Drift {
    fn add(&mut self, path: &str) {
        let place = self.0.binary_search_by(|known| known.as_str().cmp(path));
        if let Err(place) = place
            && self.0.len() < MOST
            && path.len() <= LONGEST
        {
            self.0.insert(place, path.to_owned());
        }
    }

    /// Adds all members in a webhook that we do not know (`messages[].location.floor`), and fields (`field:new_things`).
    pub(super) fn look(&mut self, webhook: &Document<'_>) {
        look(webhook.root(), &mut |path| self.add(path));
    }

    /// Adds Meta's word for an item of a known field that we could not read (`messages[].type:poll`,
    /// `account_update.event:NEW_THING`), but not what may be somebody's text. `place` is where it stands.
    pub(super) fn not_read(&mut self, place: &str, item: Json<'_>) {
        let word = |name| Some((name, item.get(name)?.text()?));
        let Some((name, word)) = WORDS.into_iter().find_map(word) else {
            return;
        };
        if word.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_') {
            self.add(&format!("{place}.{name}:{word}"));
        }
    }
}

/// How the items of a field, or of a list in it, are told: as Meta's pages tell them (`messages[]`), and those of other
/// fields than `messages` behind its name.
pub(super) fn place(field: &str, list: &str) -> String {
    match (field, list) {
        ("messages", list) => format!("{list}[]"),
        (field, "") => field.to_owned(),
        (field, list) => format!("{field}.{list}[]"),
    }
}

fn look(root: Json<'_>, found: &mut impl FnMut(&str)) {
    outside(root, "", &["object", "entry"], found);
    for entry in root.get("entry").into_iter().flat_map(Json::items) {
        outside(entry, "entry[].", &["id", "time", "changes"], found);
        for change in entry.get("changes").into_iter().flat_map(Json::items) {
            outside(change, "changes[].", &["field", "value"], found);
            let (Some(field), Some(value)) = (
                change.get("field").and_then(Json::text),
                change.get("value"),
            ) else {
                continue;
            };
            let Some(shape) = fields::shape(&field) else {
                found(&format!("field:{field}"));
                continue;
            };
            // Items are told as Meta's pages tell them (`messages[]`); other fields than `messages` by their name.
            let mut path = if field == "messages" {
                String::new()
            } else {
                field.into_owned()
            };
            shape.unknown_members(value, &mut path, found);
        }
    }
}

fn outside(json: Json<'_>, path: &str, known: &[&str], found: &mut impl FnMut(&str)) {
    for (key, _) in json.members() {
        if !known.iter().any(|name| key.is(name)) {
            found(&format!("{path}{}", key.text()));
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::event::split_and_look;

    fn unknown(webhook: &Value) -> Vec<String> {
        split_and_look(webhook.to_string().as_bytes()).1
    }

    #[test]
    fn what_is_new_is_told_by_path_and_never_by_value() {
        let location = json!({"latitude": 1, "longitude": 2, "floor": "secret"});
        let message =
            json!({"id": "a", "type": "location", "location": location, "mood": {"secret": 1}});
        let poll = json!({"id": "b", "type": "poll", "poll": {"question": "secret"}});
        let number = json!({"phone_number_id": "1"});
        let webhook = json!({"object": "whatsapp_business_account", "trace": 1, "entry": [{"id": "1", "shard": 1, "changes": [
            {"field": "messages", "hop": 1, "value": {"metadata": number, "messages": [message, message, poll]}},
            {"field": "flows", "value": {"flow_id": "1", "errors": [{"error_kind": 1}]}},
            {"field": "new_things", "value": {"a": "secret"}}
        ]}]});
        let expected = [
            "changes[].hop",
            "entry[].shard",
            "field:new_things",
            "flows.errors[].error_kind",
            "messages[].location.floor",
            "messages[].mood",
            "messages[].poll",
            "messages[].type:poll",
            "trace",
        ];
        assert_eq!(unknown(&webhook), expected);
    }

    #[test]
    fn a_new_word_for_what_happened_is_told_unless_it_may_be_a_text() {
        let with = |field: &str, mut value: Value| {
            value["metadata"] = json!({"phone_number_id": "1"});
            let change = json!({"field": field, "value": value});
            let entry = json!([{"id": "1", "changes": [change]}]);
            unknown(&json!({"object": "whatsapp_business_account", "entry": entry}))
        };
        let status = json!({"statuses": [{"id": "a", "status": "expired", "timestamp": "1"}]});
        assert_eq!(with("messages", status), ["statuses[].status:expired"]);
        let call = json!({"calls": [{"id": "a", "event": "held", "timestamp": "1"}]});
        assert_eq!(with("calls", call), ["calls.calls[].event:held"]);
        let echo = json!({"message_echoes": [{"id": "a", "type": "poll"}]});
        assert_eq!(
            with("smb_message_echoes", echo),
            ["smb_message_echoes.message_echoes[].type:poll"]
        );
        let update = json!({"event": "NEW_THING"});
        assert!(with("account_update", update).contains(&"account_update.event:NEW_THING".into()));
        let text = json!({"messages": [{"id": "a", "type": "Where is my parcel?"}]});
        assert_eq!(with("messages", text), [""; 0]);
    }

    #[test]
    fn what_is_no_webhook_tells_nothing_long() {
        let many: serde_json::Map<_, _> = (0..1000)
            .map(|n| (format!("member_{n}"), json!(1)))
            .collect();
        assert_eq!(unknown(&json!(many)).len(), 64);
        assert!(unknown(&json!({ "x".repeat(300): 1 })).is_empty());
        assert!(unknown(&json!("no webhook")).is_empty());
    }
}
