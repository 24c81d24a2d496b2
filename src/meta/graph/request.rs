//! `POST /{version}/{phone_number_id}/messages`: the request that sends a message.

use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::{Value, json};
use sha2::Sha256;

use crate::meta::graph::Message;

/// To whom a message goes. Where a person's phone number and user id are both known, the number is the one to take:
/// Meta goes by it if it gets both, and one-tap authentication templates go to numbers alone (error 131062).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Recipient {
    /// A phone number: digits only, country code first.
    Phone(String),
    /// A business-scoped user id, or one of a linked portfolio.
    User(String),
    /// A group.
    Group(String),
}

/// A message on its way to somebody.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// To whom.
    pub to: &'a Recipient,
    /// What.
    pub message: &'a Message,
    /// `context.message_id`: the message that is quoted, unless the message itself says which.
    pub in_reply_to: Option<&'a str>,
    /// `biz_opaque_callback_data`: comes back in each status of the message, so that a send whose answer was lost can
    /// be found again. Meta takes 512 characters at most, and no id of ours is as long.
    pub callback_data: &'a str,
}

/// Where messages of a business number are posted to: `base_url` may have a slash at its end or none. `None` where that is
/// no id of Meta's: it stands in the path, and Meta's are digits only.
pub fn messages_url(base_url: &str, version: &str, phone_number_id: &str) -> Option<String> {
    let base_url = base_url.trim_end_matches('/');
    is_digits(phone_number_id, 1..=64)
        .then(|| format!("{base_url}/{version}/{phone_number_id}/messages"))
}

/// What shows Meta that whoever has the access token has the app's secret as well (Graph API, "Secure Graph API Calls"):
/// in hex, the HMAC-SHA256 of the token under the secret.
pub fn appsecret_proof(app_secret: &str, token: &str) -> Option<String> {
    let key = Hmac::<Sha256>::new_from_slice(app_secret.as_bytes()).ok()?;
    let proof = key.chain_update(token).finalize().into_bytes();
    Some(hex::encode(proof))
}

impl Request<'_> {
    /// What is posted; `None` where `to` is nobody: E.164 has at most 15 digits.
    pub fn body(&self) -> Option<String> {
        let mut body = self.message.members().clone();
        body.insert("messaging_product".to_owned(), json!("whatsapp"));
        let (key, address, kind) = match self.to {
            // Without the plus Meta may take the business's own country code for granted.
            Recipient::Phone(digits) if is_digits(digits, 5..=15) => {
                ("to", format!("+{digits}"), "individual")
            }
            Recipient::User(id) if !id.is_empty() => ("recipient", id.clone(), "individual"),
            Recipient::Group(id) if !id.is_empty() => ("to", id.clone(), "group"),
            _ => return None,
        };
        body.insert("recipient_type".to_owned(), json!(kind));
        body.insert(key.to_owned(), json!(address));
        // Meta takes no quotation with a reaction, which names its message itself, nor with a template.
        if let Some(id) = self
            .in_reply_to
            .filter(|_| !matches!(self.message.kind(), "reaction" | "template"))
        {
            body.entry("context")
                .or_insert_with(|| json!({ "message_id": id }));
        }
        let data = json!(self.callback_data);
        body.insert("biz_opaque_callback_data".to_owned(), data);
        Some(Value::Object(body).to_string())
    }
}

fn is_digits(text: &str, length: std::ops::RangeInclusive<usize>) -> bool {
    length.contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message() -> Message {
        Message::check(&json!({ "type": "text", "text": { "body": "hola" } })).unwrap()
    }

    fn body(to: &Recipient, message: &Message) -> Option<Value> {
        let request = Request {
            to,
            message,
            in_reply_to: Some("wamid.IN"),
            callback_data: "send-1",
        };
        Some(serde_json::from_str(&request.body()?).unwrap())
    }

    #[test]
    fn a_person_with_a_number_is_written_to_with_a_plus() {
        assert_eq!(
            body(&Recipient::Phone("16505551234".into()), &message()).unwrap(),
            json!({
                "messaging_product": "whatsapp", "recipient_type": "individual", "to": "+16505551234",
                "type": "text", "text": { "body": "hola" },
                "context": { "message_id": "wamid.IN" }, "biz_opaque_callback_data": "send-1",
            })
        );
    }

    #[test]
    fn a_person_without_a_number_is_written_to_by_user_id() {
        let body = body(
            &Recipient::User("US.13491208655302741918".into()),
            &message(),
        )
        .unwrap();
        assert_eq!(
            (&body["recipient"], &body["to"]),
            (&json!("US.13491208655302741918"), &Value::Null)
        );
        assert_eq!(body["recipient_type"], "individual");
    }

    #[test]
    fn a_group_is_a_recipient_type() {
        let body = body(&Recipient::Group("Y2FwaV9ncm91cA".into()), &message()).unwrap();
        assert_eq!(
            (&body["recipient_type"], &body["to"]),
            (&json!("group"), &json!("Y2FwaV9ncm91cA"))
        );
    }

    #[test]
    fn what_is_quoted_is_the_messages_own_choice_first() {
        let quoting = json!({ "type": "text", "text": { "body": "x" }, "context": { "message_id": "wamid.OWN" } });
        let to = Recipient::User("US.1".into());
        assert_eq!(
            body(&to, &Message::check(&quoting).unwrap()).unwrap()["context"]["message_id"],
            "wamid.OWN"
        );
        let reaction =
            json!({ "type": "reaction", "reaction": { "message_id": "wamid.IN", "emoji": "👍" } });
        assert_eq!(
            body(&to, &Message::check(&reaction).unwrap()).unwrap()["context"],
            Value::Null
        );
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for phone in ["", "1234", "+16505551234", "1234567890123456", "٣٣٣٣٣٣"] {
            let to = Recipient::Phone(phone.into());
            assert_eq!(body(&to, &message()), None, "{phone}");
        }
        assert_eq!(body(&Recipient::User(String::new()), &message()), None);
    }

    #[test]
    fn the_path_holds_digits_alone() {
        let url = |phone_number_id, base| messages_url(base, "v25.0", phone_number_id);
        let expected = "https://graph.facebook.com/v25.0/106540352242922/messages";
        for base in ["https://graph.facebook.com/", "https://graph.facebook.com"] {
            assert_eq!(url("106540352242922", base).as_deref(), Some(expected));
        }
        for id in ["", "../me", "1/2", "1?x", "a"] {
            assert_eq!(url(id, "https://graph.facebook.com"), None, "{id}");
        }
    }
}
