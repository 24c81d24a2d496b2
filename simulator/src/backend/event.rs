//! The events in a request, parsed by the CloudEvents SDK, or out of Meta's envelope.

use cloudevents::AttributesReader;
use serde_json::Value;

use super::arrival::Format;

/// An event that a backend was told.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// `id`. In Meta's format: the item's own id, and for a status `id/status`.
    pub id: String,
    /// `type`. In Meta's format: `messages` or `statuses`, or else the change's field.
    pub kind: String,
    /// `source`. In Meta's format: the phone number id.
    pub source: String,
    /// `subject`. In Meta's format: the user id, or else the phone number.
    pub subject: Option<String>,
    /// `time`, RFC 3339. In Meta's format: the item's timestamp.
    pub time: Option<String>,
    /// `data`. In Meta's format: the item, or the change's value.
    pub data: Value,
    /// The whole event as it came.
    pub json: Value,
}

impl Event {
    /// The text of a text message that came in.
    pub fn text(&self) -> Option<&str> {
        let message = self.data.get("message").unwrap_or(&self.data);
        message["text"]["body"].as_str()
    }
}

/// The events in a body, or what is wrong with it.
pub(super) fn parse(format: Format, body: &[u8]) -> Result<Vec<Event>, String> {
    let json: Value =
        serde_json::from_slice(body).map_err(|error| format!("body: is not JSON: {error}"))?;
    match format {
        Format::CloudEvent => Ok(vec![cloud_event(json)?]),
        Format::Batch => match json {
            Value::Array(events) => events.into_iter().map(cloud_event).collect(),
            _ => Err("body: must be a list of events".into()),
        },
        Format::Meta => meta(&json).ok_or_else(|| "body: is not Meta's envelope".into()),
        Format::Unknown => Err("content-type: is none of those in which events come".into()),
    }
}

fn cloud_event(json: Value) -> Result<Event, String> {
    let event: cloudevents::Event = serde_json::from_value(json.clone())
        .map_err(|error| format!("body: is not a CloudEvent: {error}"))?;
    if event.specversion() != cloudevents::event::SpecVersion::V10 {
        return Err("specversion: must be 1.0".into());
    }
    for (name, value) in [
        ("id", event.id()),
        ("type", event.ty()),
        ("source", event.source().as_str()),
    ] {
        if value.is_empty() {
            return Err(format!("{name}: must not be empty"));
        }
    }
    Ok(Event {
        id: event.id().into(),
        kind: event.ty().into(),
        source: event.source().clone(),
        subject: event.subject().map(Into::into),
        time: json["time"].as_str().map(Into::into),
        data: json["data"].clone(),
        json,
    })
}

fn meta(json: &Value) -> Option<Vec<Event>> {
    let mut events = Vec::new();
    for entry in json.get("entry")?.as_array()? {
        for change in entry.get("changes")?.as_array()? {
            let (field, value) = (change.get("field")?.as_str()?, change.get("value")?);
            let source = value["metadata"]["phone_number_id"]
                .as_str()
                .unwrap_or_default();
            let lists = ["messages", "statuses"].map(|list| (list, value[list].as_array()));
            for (list, items) in lists {
                events.extend(
                    items
                        .into_iter()
                        .flatten()
                        .map(|item| from_item(list, source, item, json)),
                );
            }
            if lists.iter().all(|(_, items)| items.is_none()) {
                let mut event = from_item(field, source, value, json);
                event.id = change.to_string();
                events.push(event);
            }
        }
    }
    Some(events)
}

fn from_item(kind: &str, source: &str, item: &Value, json: &Value) -> Event {
    let text = |name: &str| item[name].as_str();
    let people = ["from_user_id", "from", "recipient_user_id", "recipient_id"];
    let id = text("id").unwrap_or_default();
    Event {
        id: text("status").map_or_else(|| id.into(), |status| format!("{id}/{status}")),
        kind: kind.into(),
        source: source.into(),
        subject: people.into_iter().find_map(text).map(Into::into),
        time: text("timestamp").map(Into::into),
        data: item.clone(),
        json: json.clone(),
    }
}
