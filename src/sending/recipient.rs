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
}
