//! What destinations are told of a send that did not go, or may not have gone. Of what Meta has taken its statuses tell.

use super::{SendState, whom::name_of};
use crate::{
    event::{self, Event},
    meta::graph::{Recipient, errors},
    written::Object,
};

/// The event that tells how a send of this id ended: `transom.send.failed` or `transom.send.unknown`; `None` if it did not
/// end like that. It belongs to the conversation with the one to whom it should have gone; `now` is in unix seconds. Without
/// a number it is of a reply to what concerns an account, which has nobody to go to.
pub fn event(
    id: &str,
    to: Option<&Recipient>,
    state: &SendState,
    phone_number_id: Option<&str>,
    now: i64,
) -> Option<Event> {
    let mut send = Object::default();
    send.text("id", id);
    if let SendState::Failed { code, class } = state {
        send.json("error", &errors::view(*code, *class));
    } else if *state != SendState::Unknown {
        return None;
    }
    let name = to.map(name_of);
    let mut data = Object::default();
    data.json("business", &event::business(phone_number_id));
    if let Some(name) = &name {
        let person = name.member().map(|member| ("customer", member));
        let (whom, member) = person.unwrap_or(("group", "id"));
        let named = Object::default().text(member, name.value()).finish();
        data.json(whom, &named);
    }
    let kind = format!("transom.send.{}", state.name());
    let number = phone_number_id.unwrap_or_default();
    Some(Event {
        id: event::ours(number, &format!("{kind}/{id}"), now),
        kind,
        time: Some(now),
        data: data.json("send", &send.finish()).finish(),
        ..Event::named(name.into_iter().collect())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{event::Name, meta::graph::Class};

    const NOW: i64 = 1_795_334_400;

    fn told(to: Option<&Recipient>, state: &SendState) -> Option<Event> {
        event("1065.e-1.crm.0", to, state, Some("1065"), NOW)
    }

    #[test]
    fn what_ends_twice_is_told_twice() {
        let told = |now| {
            event(
                "1065.e-1.crm.0",
                None,
                &SendState::Unknown,
                Some("1065"),
                now,
            )
        };
        let ids = [NOW, NOW, NOW + 1].map(|now| told(now).unwrap().id);
        assert_eq!(ids[0], ids[1]);
        assert_ne!(ids[1], ids[2]);
    }

    #[test]
    fn it_says_what_did_not_go_and_why_in_the_conversation_that_it_belongs_to() {
        let failed = |code, class| SendState::Failed { code, class };
        let ana = Recipient::Phone("16505551234".into());
        let refused = told(Some(&ana), &failed(Some(131_026), Class::Recipient)).unwrap();
        assert_eq!(refused.kind, "transom.send.failed");
        assert_eq!(refused.names, [Name::Phone("16505551234".into())]);
        let entry = errors::find(131_026).unwrap();
        assert_eq!(
            refused.data,
            format!(
                r#"{{"business":{{"phone_number_id":"1065"}},"customer":{{"phone":"16505551234"}},"send":{{"id":"1065.e-1.crm.0","error":{{"code":131026,"class":"recipient","meaning":"{}","advice":"{}"}}}}}}"#,
                entry.meaning, entry.advice
            )
        );
        for (to, expected) in [
            (
                Some(Recipient::User("US.1".into())),
                r#","customer":{"user_id":"US.1"},"#,
            ),
            (
                Some(Recipient::Group("G".into())),
                r#","group":{"id":"G"},"#,
            ),
            (None, ","),
        ] {
            let ours = told(to.as_ref(), &failed(None, Class::Late)).unwrap();
            let error = r#""send":{"id":"1065.e-1.crm.0","error":{"code":null,"class":"late"}}"#;
            assert!(
                ours.data.ends_with(&format!("}}{expected}{error}}}")),
                "{}",
                ours.data
            );
        }
    }

    #[test]
    fn of_what_went_and_of_what_still_goes_nothing_is_told() {
        let message_id = "wamid.A".to_owned();
        for state in [
            SendState::Queued,
            SendState::Started,
            SendState::Accepted { message_id },
        ] {
            assert_eq!(told(None, &state), None);
        }
        let unknown = told(None, &SendState::Unknown).unwrap();
        assert_eq!(unknown.kind, "transom.send.unknown");
        assert_eq!(
            unknown.data,
            r#"{"business":{"phone_number_id":"1065"},"send":{"id":"1065.e-1.crm.0"}}"#
        );
    }

    #[test]
    fn where_there_is_no_number_none_is_named() {
        let unknown = event(".e-1.crm.0", None, &SendState::Unknown, None, NOW).unwrap();
        assert_eq!(
            unknown.data,
            r#"{"business":{},"send":{"id":".e-1.crm.0"}}"#
        );
    }
}
