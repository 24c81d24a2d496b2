//! To whom a reply goes: the one whom the event that it answers is about.

use serde::Deserialize;

use crate::meta::graph::Recipient;

#[derive(Deserialize)]
struct Data {
    customer: Option<Customer>,
    message: Option<Message>,
}

#[derive(Deserialize)]
struct Customer {
    user_id: Option<String>,
    phone: Option<String>,
}

#[derive(Deserialize)]
struct Message {
    id: Option<String>,
    group_id: Option<String>,
}

/// Reads it from an event's `data`; `None` where that names nobody who can be written to. A message in a group is
/// answered in the group. A phone number is taken before a user id: Meta goes by it if it gets both.
pub fn of(data: &str) -> Option<Recipient> {
    let data: Data = serde_json::from_str(data).ok()?;
    if let Some(group) = data.message.and_then(|message| message.group_id) {
        return Some(Recipient::Group(group));
    }
    let customer = data.customer?;
    let phone = customer.phone.map(Recipient::Phone);
    phone.or_else(|| customer.user_id.map(Recipient::User))
}

/// The customer's message that an event is about (`wamid.…`), to be marked as read; `None` where it was sent to a group,
/// or there is none.
pub fn message_of(data: &str) -> Option<String> {
    let data: Data = serde_json::from_str(data).ok()?;
    data.message
        .filter(|message| message.group_id.is_none())?
        .id
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
            (r#"{"template":{}}"#, None),
            (r#"{"customer":{}}"#, None),
            ("nonsense", None),
        ] {
            assert_eq!(of(data), recipient, "{data}");
        }
    }

    #[test]
    fn what_is_marked_as_read_is_the_customers_message() {
        for (data, message) in [
            (r#"{"message":{"id":"wamid.A"}}"#, Some("wamid.A")),
            (r#"{"message":{"id":"wamid.A","group_id":"G"}}"#, None),
            (r#"{"status":{"id":"wamid.A"}}"#, None),
        ] {
            assert_eq!(message_of(data).as_deref(), message, "{data}");
        }
    }
}
