//! What a destination asks for in answer to an event, as sends.

use super::stored::{Draft, Send};
use crate::{
    conversation::{
        recipient::{self, About},
        send_id,
    },
    mailbox::Stored,
    meta::graph::Message,
};

/// The sends that these messages become, which a destination answers to an event of a number's. With a `fallback` one of
/// them has it, as each would be the same template, and costs; and none where the event is long past.
pub fn sends(
    event: &Stored,
    messages: Vec<Message>,
    number: &str,
    destination: &str,
    fallback: Option<&Message>,
) -> Vec<Send> {
    let About {
        recipient,
        message_id: mut answers,
    } = recipient::of(&event.data);
    let mut fallback = fallback.filter(|_| !event.is_replayed()).cloned();
    let mut sends = Vec::with_capacity(messages.len());
    for (index, message) in messages.into_iter().enumerate() {
        sends.push(Send {
            id: send_id::by_destination(number, &event.id, destination, index),
            conversation: event.conversation,
            draft: Draft {
                fallback: fallback.take_if(|_| message.has_fallback()),
                ..Draft::reply(recipient.clone(), message, answers.take())
            },
        });
    }
    sends
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::meta::graph::Recipient;

    fn template(name: &str) -> Message {
        let template = json!({ "type": "template", "template": { "name": name, "language": { "code": "de" } } });
        Message::check(&template).unwrap()
    }

    fn asked(event: &Stored) -> Vec<Send> {
        let text = json!({ "type": "text", "text": { "body": "x" } });
        let text = Message::check(&text).unwrap();
        let messages = vec![template("own"), text.clone(), text];
        sends(event, messages, "1065", "crm", Some(&template("fallback")))
    }

    fn event() -> Stored {
        Stored {
            id: "e-1".to_owned(),
            conversation: 7,
            data: r#"{"customer":{"phone":"1650"},"message":{"id":"wamid.A"}}"#.to_owned(),
            added: "{}".to_owned(),
            ..Stored::example()
        }
    }

    #[test]
    fn each_has_an_id_of_its_own_and_the_first_marks_the_message_as_read() {
        let sends = asked(&event());
        let ids: Vec<&str> = sends.iter().map(|send| send.id.as_str()).collect();
        assert_eq!(ids, ["1065.e-1.crm.0", "1065.e-1.crm.1", "1065.e-1.crm.2"]);
        let ana = Some(Recipient::Phone("1650".into()));
        assert!(
            sends
                .iter()
                .all(|send| send.draft.to == ana && send.conversation == 7)
        );
        let answers = sends.iter().map(|send| send.draft.answers.as_deref());
        assert_eq!(answers.collect::<Vec<_>>(), [Some("wamid.A"), None, None]);
    }

    #[test]
    fn the_fallback_goes_once_for_the_first_that_the_window_binds_and_not_for_what_is_long_past() {
        let fallbacks = |event: &Stored| {
            let sends = asked(event).into_iter();
            sends.map(|send| send.draft.fallback).collect::<Vec<_>>()
        };
        assert_eq!(
            fallbacks(&event()),
            [None, Some(template("fallback")), None]
        );
        let replayed = Stored {
            added: r#"{"replayed":true}"#.to_owned(),
            ..event()
        };
        assert_eq!(fallbacks(&replayed), [None, None, None]);
    }
}
