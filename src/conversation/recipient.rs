//! To whom a reply goes: the one whom the event that it answers is about.

use std::borrow::Cow;

use crate::meta::{
    graph::Recipient,
    json::{Document, Json},
    payload::message::automatic_response,
};

/// What an event says about whom it is about.
pub struct About {
    /// Who can be written to, if anybody: in the group where a message was sent in one. A phone number is taken before
    /// a user id: Meta goes by it if it gets both.
    pub recipient: Option<Recipient>,
    /// The customer's message (`wamid.…`), to be marked as read; `None` where it was sent in a group, or there is none.
    pub message_id: Option<String>,
}

impl About {
    /// Whether that is a group.
    pub fn is_group(&self) -> bool {
        matches!(self.recipient, Some(Recipient::Group(_)))
    }
}

/// Reads it from an event's `data`.
pub fn of(data: &str) -> About {
    let document = Document::parse(data);
    let root = document.as_ref().map(Document::root);
    let text = |of: &str, name: &str| {
        let value = root?.get(of)?.get(name).and_then(Json::text)?;
        Some(value.into_owned())
    };
    if let Some(group) = text("message", "group_id").or_else(|| text("group", "id")) {
        return About {
            recipient: Some(Recipient::Group(group)),
            message_id: None,
        };
    }
    let phone = text("customer", "phone").map(Recipient::Phone);
    About {
        recipient: phone.or_else(|| text("customer", "user_id").map(Recipient::User)),
        message_id: text("message", "id"),
    }
}

/// Whether an event of a type that we do not model is a customer's own message to the number. The type does not tell,
/// so statuses, echoes, groups and what another app has in hand are recognised in what Meta wrote. That is in the data
/// as text, if not every parser would read it.
pub fn is_a_private_message(data: &str) -> bool {
    let document = Document::parse(data);
    let root = document.as_ref().map(Document::root);
    let text = root.and_then(|root| root.get("body")?.text());
    let odd = text.as_deref().and_then(Document::parse);
    let raw = || root?.get("raw");
    odd.as_ref()
        .map(Document::root)
        .or_else(raw)
        .and_then(|webhook| {
            let change = first(first(webhook, "entry")?, "changes")?;
            let group = first(change.get("value")?, "messages")?.get("group_id");
            let is_private = group.is_none_or(|group| group.raw() == r#""""#);
            Some(change.get("field")?.text()? == "messages" && is_private)
        })
        .unwrap_or(false)
}

/// What Meta itself answers in a customer's name, if an event is that ([`automatic_response`]).
pub fn said_by_meta(data: &str) -> Option<String> {
    let document = Document::parse(data)?;
    let message = document.root().get("message")?;
    automatic_response(message).map(Cow::into_owned)
}

fn first<'a>(json: Json<'a>, list: &str) -> Option<Json<'a>> {
    json.get(list)?.items().next()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reply_goes_to_whom_the_event_is_about() {
        for (data, recipient) in [
            (
                r#"{"customer":{"phone":"1650","user_id":"US.1"}}"#,
                Some(Recipient::Phone("1650".into())),
            ),
            (
                r#"{"customer":{"user_id":"US.1"},"message":{"id":"wamid.A"}}"#,
                Some(Recipient::User("US.1".into())),
            ),
            (
                r#"{"customer":{"phone":"1650"},"message":{"group_id":"G"}}"#,
                Some(Recipient::Group("G".into())),
            ),
            (
                r#"{"customer":{"phone":"1650"},"group":{"id":"G"}}"#,
                Some(Recipient::Group("G".into())),
            ),
            (r#"{"template":{}}"#, None),
            (r#"{"customer":{}}"#, None),
            ("nonsense", None),
        ] {
            assert_eq!(of(data).recipient, recipient, "{data}");
        }
    }

    #[test]
    fn what_is_marked_as_read_is_the_customers_message() {
        for (data, message) in [
            (r#"{"message":{"id":"wamid.A"}}"#, Some("wamid.A")),
            (r#"{"message":{"id":"wamid.A","group_id":"G"}}"#, None),
            (r#"{"status":{"id":"wamid.A"}}"#, None),
        ] {
            assert_eq!(of(data).message_id.as_deref(), message, "{data}");
        }
    }
}
