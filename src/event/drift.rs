//! What Meta has begun to send that we do not know yet: paths of fields, types and members, never a value.

use super::fields;
use crate::meta::json::{Document, Json};
use crate::meta::payload::message::TYPES;

/// How many paths are told of one webhook.
const MOST: usize = 64;

/// How long a path may be that is told, in bytes. Names that Meta chose are shorter.
const LONGEST: usize = 200;

/// The paths of all members in a webhook that we do not know (`messages[].location.floor`), of fields
/// (`field:new_things`) and of types of message (`messages[].type:poll`): at most 64, sorted, each once.
pub(super) fn unknown_members(webhook: &Document<'_>) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    look(webhook.root(), &mut |path| {
        let place = found.binary_search_by(|known| known.as_str().cmp(path));
        if let Err(place) = place
            && found.len() < MOST
            && path.len() <= LONGEST
        {
            found.insert(place, path.to_owned());
        }
    });
    found
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
            for message in value.get("messages").into_iter().flat_map(Json::items) {
                if let Some(unknown) = message
                    .get("type")
                    .and_then(Json::text)
                    .filter(|t| !TYPES.contains(&t.as_ref()))
                {
                    found(&format!("messages[].type:{unknown}"));
                }
            }
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

    use super::*;

    fn unknown(webhook: &Value) -> Vec<String> {
        let text = webhook.to_string();
        let document = Document::parse(&text).unwrap();
        unknown_members(&document)
    }

    #[test]
    fn what_is_new_is_told_by_path_and_never_by_value() {
        let location = json!({"latitude": 1, "longitude": 2, "floor": "secret"});
        let message =
            json!({"id": "a", "type": "location", "location": location, "mood": {"secret": 1}});
        let poll = json!({"id": "b", "type": "poll", "poll": {"question": "secret"}});
        let webhook = json!({"object": "whatsapp_business_account", "trace": 1, "entry": [{"id": "1", "shard": 1, "changes": [
            {"field": "messages", "hop": 1, "value": {"messages": [message, message, poll]}},
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
    fn what_is_no_webhook_tells_nothing_long() {
        let many: serde_json::Map<_, _> = (0..1000)
            .map(|n| (format!("member_{n}"), json!(1)))
            .collect();
        assert_eq!(unknown(&json!(many)).len(), 64);
        assert!(unknown(&json!({ "x".repeat(300): 1 })).is_empty());
        assert!(unknown(&json!("no webhook")).is_empty());
    }
}
