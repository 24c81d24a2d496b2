//! Reads what was asked for by `POST /v1/messages`, and tells everything that is wrong with it.

use serde_json::Value;

use super::whom::Whom;
use crate::{
    checked::{self, Fault, Node},
    config::{Category, read_late_s},
    meta::graph::Message,
};

/// How many messages may be asked for at once.
const MOST: usize = 1_000;

/// What somebody wants.
#[derive(Debug, Clone, PartialEq)]
pub enum Asked {
    /// Messages are to be sent.
    Sends(Vec<Wanted>),
    /// A customer's message is to be marked as read.
    Read(Receipt),
}

/// Messages to one recipient, in their order.
#[derive(Debug, Clone, PartialEq)]
pub struct Wanted {
    /// Where it stands in the request (`sends[3]`); empty where it is the whole.
    pub path: String,
    /// To whom.
    pub to: Whom,
    /// What; at least one.
    pub messages: Vec<Message>,
    /// The template that goes instead of each where the window is closed.
    pub fallback: Option<Message>,
    /// The category of the template that goes, where that is said.
    pub category: Option<Category>,
    /// The message that the first one quotes.
    pub in_reply_to: Option<String>,
    /// After how many seconds what still waits of it goes no more, where that is said.
    pub late_s: Option<u32>,
}

/// A read receipt (Meta: "Mark messages as read", "Typing indicators").
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt {
    /// The customer's message (`wamid.…`).
    pub message_id: String,
    /// The customer is to see that somebody types, too.
    pub typing: bool,
}

impl Receipt {
    /// What is posted to where messages are.
    pub fn body(&self) -> String {
        let mut body = serde_json::json!({
            "messaging_product": "whatsapp", "status": "read", "message_id": self.message_id,
        });
        if let Some(body) = body.as_object_mut().filter(|_| self.typing) {
            body.insert(
                "typing_indicator".to_owned(),
                serde_json::json!({ "type": "text" }),
            );
        }
        body.to_string()
    }
}

/// Reads a request, or gives all its faults. Each has a path, and names the limit; none holds a value.
pub fn read(value: &Value) -> Result<Asked, Vec<Fault>> {
    checked::read("", value, read_root)?.ok_or_else(Vec::new)
}

fn read_root(node: &Node<'_>) -> Option<Asked> {
    node.object()?;
    if let Some(read) = node.get("read") {
        node.only(&["phone_number_id", "read", "typing"]);
        let typing = node.get("typing").and_then(|typing| typing.flag());
        return Some(Asked::Read(Receipt {
            message_id: read.short_text(512)?.to_owned(),
            typing: typing.unwrap_or(false),
        }));
    }
    let Some(list) = node.get("sends") else {
        return read_send(node, &["phone_number_id"]).map(|wanted| Asked::Sends(vec![wanted]));
    };
    node.only(&["phone_number_id", "sends"]);
    let items = list.items(1..=MOST, "sends");
    let sends: Vec<Wanted> = items
        .iter()
        .filter_map(|item| read_send(item, &[]))
        .collect();
    if sends
        .iter()
        .map(|wanted| wanted.messages.len())
        .sum::<usize>()
        > MOST
    {
        list.fault(format!("at most {MOST} messages in all"));
    }
    Some(Asked::Sends(sends))
}

fn read_send(node: &Node<'_>, beside: &[&str]) -> Option<Wanted> {
    node.object()?;
    let mut known = vec![
        "to",
        "recipient",
        "conversation",
        "message",
        "messages",
        "fallback",
        "category",
        "in_reply_to",
        "late_s",
    ];
    known.extend(beside);
    if let Some(kind) = node.get("type") {
        return kind.refuse("belongs in message, as does all of Meta's body but to or recipient");
    }
    node.only(&known);
    let to = Whom::read(node);
    let messages = match (node.get("message"), node.get("messages")) {
        (Some(one), None) => Message::read(&one).into_iter().collect(),
        (None, Some(list)) => {
            let items = list.items(1..=MOST, "messages");
            items.iter().filter_map(Message::read).collect()
        }
        (Some(_), Some(list)) => return list.refuse("must be left out beside message"),
        (None, None) => {
            node.need("message")?;
            return None;
        }
    };
    let fallback = node
        .get("fallback")
        .and_then(|node| Message::read_template(&node));
    let category = node.get("category");
    let in_reply_to = node.get("in_reply_to").and_then(|id| id.short_text(512));
    Some(Wanted {
        path: node.path(),
        to: to?,
        messages,
        fallback,
        category: category.and_then(|node| Category::read(&node)),
        in_reply_to: in_reply_to.map(str::to_owned),
        late_s: read_late_s(node),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{event::Name, meta::graph::Recipient, sending::whom::name_of};

    fn text(body: &str) -> Value {
        json!({ "type": "text", "text": { "body": body } })
    }

    fn faults(value: &Value) -> Vec<String> {
        let faults = read(value).err().unwrap_or_default();
        faults.iter().map(ToString::to_string).collect()
    }

    fn only(value: &Value) -> Wanted {
        match read(value) {
            Ok(Asked::Sends(mut sends)) if sends.len() == 1 => sends.remove(0),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn one_message_to_a_phone_number() {
        let wanted = only(
            &json!({ "phone_number_id": "1", "to": "+16505551234", "message": text("hola"), "in_reply_to": "wamid.A",
                "late_s": 300 }),
        );
        assert_eq!(
            wanted.to,
            Whom::Person(Recipient::Phone("16505551234".into()))
        );
        assert_eq!((wanted.messages.len(), wanted.path.as_str()), (1, ""));
        assert_eq!(wanted.in_reply_to.as_deref(), Some("wamid.A"));
        assert_eq!(wanted.late_s, Some(300));
    }

    #[test]
    fn several_messages_to_a_user_and_to_whoever_is_known_by_a_name() {
        let to_user =
            json!({ "recipient": "US.13491208655302741918", "messages": [text("1"), text("2")] });
        let to_name = json!({ "conversation": "ana", "message": text("3") });
        let Ok(Asked::Sends(sends)) =
            read(&json!({ "phone_number_id": "1", "sends": [to_user, to_name] }))
        else {
            panic!()
        };
        assert_eq!(sends[0].messages.len(), 2);
        assert_eq!(
            sends[0].to,
            Whom::Person(Recipient::User("US.13491208655302741918".into()))
        );
        assert_eq!(
            (sends[1].to.clone(), sends[1].path.as_str()),
            (Whom::Conversation("ana".into()), "sends[1]")
        );
        let parent = only(&json!({ "recipient": "US.ENT.118", "message": text("x") }));
        let parent_id = Recipient::User("US.ENT.118".into());
        assert_eq!(name_of(&parent_id), Name::Parent("US.ENT.118".into()));
        assert_eq!(parent.to, Whom::Person(parent_id));
    }

    #[test]
    fn every_fault_is_told_with_its_path_and_limit() {
        let wrong = json!({ "phone_number_id": "1", "sends": [
            { "to": "99912345678", "message": text(&"x".repeat(4097)) },
            { "recipient": "13491208655302741918", "messages": [] },
            { "message": text("x"), "fallback": text("x") },
            { "to": "16505551234", "recipient": "US.1", "message": text("x"), "massage": 1 },
            { "to": "16505551234" },
            { "to": "16505551234", "message": text("x"), "late_s": 0 },
        ] });
        assert_eq!(
            faults(&wrong),
            [
                "sends[0].to: must be a phone number: a country code and the rest, 5 to 15 digits, + may be in front",
                "sends[0].message.text.body: at most 4096 characters",
                "sends[1].recipient: must be a business-scoped user id: two capital letters, a dot, and 1 to 128 letters and digits",
                "sends[1].messages: at least 1 messages",
                "sends[2].to: is required",
                "sends[2].fallback: must be a template: nothing else goes while the window is closed",
                "sends[3].massage: is not known here, did you mean message?",
                "sends[3]: needs one of to, recipient and conversation, and no more",
                "sends[4].message: is required",
                "sends[5].late_s: must be 1 to 2592000 seconds",
            ]
        );
    }

    #[test]
    fn who_pastes_what_meta_takes_is_told_where_it_goes() {
        let metas = json!({ "phone_number_id": "1", "messaging_product": "whatsapp", "recipient_type": "individual",
            "to": "16505551234", "type": "text", "text": { "body": "x" } });
        let reason = "belongs in message, as does all of Meta's body but to or recipient";
        assert_eq!(faults(&metas), [format!("type: {reason}")]);
        assert_eq!(
            faults(&json!({ "sends": [metas] })),
            [format!("sends[0].type: {reason}")]
        );
        let message = json!({ "messaging_product": "whatsapp", "recipient_type": "individual", "type": "text",
            "text": { "body": "x" } });
        assert_eq!(
            faults(&json!({ "to": "16505551234", "message": message })),
            [""; 0]
        );
    }

    #[test]
    fn a_thousand_messages_at_once_and_no_more() {
        let messages: Vec<_> = (0..600).map(|_| text("x")).collect();
        let send = json!({ "to": "16505551234", "messages": messages });
        assert_eq!(
            faults(&json!({ "phone_number_id": "1", "sends": [send, send] })),
            ["sends: at most 1000 messages in all"]
        );
        let fewer = json!({ "to": "16505551234", "messages": messages[..400] });
        assert_eq!(faults(&json!({ "sends": [send, fewer] })), [""; 0]);
    }

    #[test]
    fn a_message_is_marked_as_read() {
        let asked = read(&json!({ "phone_number_id": "1", "read": "wamid.A", "typing": true }));
        let receipt = Receipt {
            message_id: "wamid.A".into(),
            typing: true,
        };
        assert_eq!(asked, Ok(Asked::Read(receipt.clone())));
        assert_eq!(
            serde_json::from_str::<Value>(&receipt.body()).unwrap(),
            json!({ "messaging_product": "whatsapp", "status": "read", "message_id": "wamid.A", "typing_indicator": { "type": "text" } })
        );
        let silently = Receipt {
            typing: false,
            ..receipt
        };
        assert_eq!(
            read(&json!({ "read": "wamid.A" })),
            Ok(Asked::Read(silently.clone()))
        );
        assert!(!silently.body().contains("typing"));
        assert_eq!(
            faults(&json!({ "read": "wamid.A", "typing": "yes", "to": "1" })),
            ["to: is not known here", "typing: must be true or false"]
        );
    }
}
