//! A window that is about to close, in which nobody has answered.

use super::{
    consent::STANDBY,
    handover::{By, Handover},
    recipient,
    window::{CUSTOMER_SERVICE, Windows},
};
use crate::{
    event::{self, Effect, Event, MessageStatus, Name, UNKNOWN},
    meta::json::{Document, Json},
    written::Object,
};

/// The type of the event that tells of it.
pub const CLOSING: &str = "transom.window.closing";

/// When it is to be told that the window of a conversation is about to close.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Closing {
    /// In unix seconds.
    pub at: i64,
    /// The event's member `customer`: a JSON object.
    pub customer: String,
}

impl Closing {
    /// What is to be told later, now that this event has happened; so far it was `before`. `windows` and `handover` are
    /// those after the event; `lead_s` is how long before its end a window is closing, in seconds. Nothing is told of a
    /// group: it has no one customer to tell of.
    pub fn after(
        before: Option<Self>,
        event: &Event,
        windows: Windows,
        handover: Option<Handover>,
        lead_s: i64,
        now: i64,
    ) -> Option<Self> {
        let closes_at = windows
            .customer_service
            .filter(|_| !event.is_of_a_group())?;
        let opened = closes_at.saturating_sub(CUSTOMER_SERVICE);
        let time = event.time.unwrap_or(now);
        let is_later = time >= opened;
        // What is written in the app may be told before what it answers.
        let is_answered = handover.is_some_and(|it| it.by == By::App && it.since >= time);
        let customer = || {
            let document = Document::parse(&event.data)?;
            let customer = document.root().get("customer").filter(|it| it.is_object());
            Some(customer?.raw().to_owned())
        };
        match &event.effect {
            // A message that comes late may have been answered with the next. And what asks nothing of us may move the
            // time at which something is told, but is no reason to tell anything.
            Effect::Opens { .. }
                if !is_later || is_answered || (before.is_none() && asks_nothing(event)) =>
            {
                before
            }
            Effect::Opens { .. } => {
                let at = closes_at.saturating_sub(lead_s);
                let customer = customer()?;
                (at > now).then_some(Self { at, customer })
            }
            // It is the new names that are told, and answered.
            Effect::Renames { .. } if is_later => before.map(|before| Self {
                customer: customer()
                    .and_then(|now| renamed(&before.customer, &now))
                    .unwrap_or(before.customer),
                at: before.at,
            }),
            // Answered, unless that was before the customer wrote last.
            Effect::Answers
            | Effect::Status {
                status: MessageStatus::Sent,
                ..
            } if is_later => None,
            // Another app has answered, or they have talked.
            _ if is_later && (event.kind == "whatsapp.standby.echoed" || was_taken(event)) => None,
            _ if event.kind == CLOSING => None,
            _ => before,
        }
    }

    /// The event that tells of it.
    pub fn event(&self, phone_number_id: &str) -> Option<Event> {
        let document = Document::parse(&self.customer)?;
        let customer = document.root();
        let name = |member| customer.get(member).and_then(Json::text);
        let text = |member| name(member).map(std::borrow::Cow::into_owned);
        let names: Vec<Name> = [
            text("user_id").map(Name::User),
            text("parent_user_id").map(Name::Parent),
            text("phone").map(Name::Phone),
        ]
        .into_iter()
        .flatten()
        .collect();
        let about = format!("window/{}", names.first()?.key());
        let data = Object::default()
            .json("business", &event::business(Some(phone_number_id)))
            .json("customer", &self.customer)
            .finish();
        Some(Event {
            id: event::ours(phone_number_id, &about, self.at),
            kind: CLOSING.to_owned(),
            time: Some(self.at),
            data,
            ..Event::named(names)
        })
    }

    pub(super) fn read(json: Json<'_>) -> Option<Self> {
        Some(Self {
            at: json.get("at")?.integer()?,
            customer: json.get("customer")?.raw().to_owned(),
        })
    }

    pub(super) fn write(&self) -> String {
        Object::default()
            .number("at", self.at)
            .json("customer", &self.customer)
            .finish()
    }
}

/// A customer by new names. Meta's note of them does not say what the person calls themselves, so that stays.
fn renamed(before: &str, now: &str) -> Option<String> {
    let (before, now) = (Document::parse(before)?, Document::parse(now)?);
    let (before, now) = (before.root(), now.root());
    let mut customer = Object::default();
    for (name, value) in now.members() {
        customer.json(&name.text(), value.raw());
    }
    for name in ["name", "username"] {
        if let (None, Some(called)) = (now.get(name), before.get(name)) {
            customer.json(name, called.raw());
        }
    }
    Some(customer.finish())
}

/// Whether the customer took a call of the business's, or wrote to another app, which is for that app to answer: be it
/// of a type that we do not know. Nor is there anything to answer where Meta says in the customer's name that they may
/// be called.
fn asks_nothing(event: &Event) -> bool {
    ["whatsapp.call.accepted", STANDBY].contains(&event.kind.as_str())
        || (event.kind == UNKNOWN && !recipient::is_a_private_message(&event.data))
        || recipient::said_by_meta(&event.data).is_some()
}

/// Whether it is the end of a call that somebody took: of no other does Meta say how long it was.
fn was_taken(event: &Event) -> bool {
    event.kind == "whatsapp.call.terminate"
        && Document::parse(&event.data).is_some_and(|document| {
            let call = |member| document.root().at(&["call", member]);
            let status = call("status").and_then(Json::text);
            status.is_some_and(|it| it == "COMPLETED") && call("duration").is_some()
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_795_334_400;

    fn wrote(time: i64, kind: &str) -> Event {
        Event {
            kind: kind.to_owned(),
            effect: Effect::Opens { referral: false },
            time: Some(time),
            data: r#"{"customer":{"user_id":"US.1"}}"#.to_owned(),
            ..Event::named(vec![Name::User("US.1".into())])
        }
    }

    fn open_for_a_day() -> Windows {
        Windows {
            customer_service: Some(NOW + CUSTOMER_SERVICE),
            ..Windows::default()
        }
    }

    #[test]
    fn a_message_that_comes_late_is_not_waited_for_where_a_later_one_is_answered() {
        let wrote = |time| wrote(time, "");
        let answered = Event {
            effect: Effect::Answers,
            ..wrote(NOW + 1)
        };
        let windows = open_for_a_day();
        let after =
            |before, event: &Event| Closing::after(before, event, windows, None, 60, NOW + 2);
        let waits = after(None, &wrote(NOW));
        assert!(waits.is_some());
        assert_eq!(after(waits.clone(), &wrote(NOW - 300)), waits);
        assert_eq!(after(waits.clone(), &answered), None);
        let by_another_app = Event {
            kind: "whatsapp.standby.echoed".to_owned(),
            effect: Effect::None,
            ..answered
        };
        assert_eq!(after(waits, &by_another_app), None);
        assert_eq!(after(None, &wrote(NOW - 300)), None);
    }

    #[test]
    fn who_changes_names_while_it_waits_is_told_of_by_the_new_ones() {
        let renamed = |time| Event {
            effect: Effect::Renames { from: Vec::new() },
            data: r#"{"customer":{"user_id":"US.2"}}"#.to_owned(),
            ..wrote(time, "whatsapp.customer.changed")
        };
        let after =
            |before, event: &Event| Closing::after(before, event, open_for_a_day(), None, 60, NOW);
        let mut waits = after(None, &wrote(NOW, "")).unwrap();
        waits.customer = r#"{"user_id":"US.1","name":"Ana","phone":"1650"}"#.to_owned();
        let expected = Closing {
            customer: r#"{"user_id":"US.2","name":"Ana"}"#.to_owned(),
            ..waits.clone()
        };
        assert_eq!(
            after(Some(waits.clone()), &renamed(NOW + 1)),
            Some(expected)
        );
        assert_eq!(after(None, &renamed(NOW + 1)), None);
        assert_eq!(after(Some(waits.clone()), &renamed(NOW - 1)), Some(waits));
    }

    #[test]
    fn what_is_written_to_another_app_moves_what_waits_and_nothing_waits_by_it() {
        let after = |before, event: &Event| {
            let windows = Windows::default().after(&event.effect, event.time);
            Closing::after(before, event, windows, None, 60, NOW)
        };
        let of_a_new_type = Event {
            data: r#"{"customer":{"user_id":"US.1"},"raw":{"entry":[{"changes":[{"field":"standby",
                "value":{"standby":{"messages":[{"type":"poll"}]}}}]}]}}"#
                .to_owned(),
            ..wrote(NOW, "whatsapp.unknown")
        };
        for standby in [wrote(NOW, STANDBY), of_a_new_type] {
            assert_eq!(after(None, &standby), None);
            let waits = after(None, &wrote(NOW - 300, "whatsapp.message.received"));
            let at = after(waits, &standby).map(|closing| closing.at);
            assert_eq!(at, Some(NOW + CUSTOMER_SERVICE - 60));
        }
    }

    #[test]
    fn a_call_that_was_taken_is_waited_for_by_nobody_and_a_customers_that_was_missed_is() {
        let call = |kind: &str, call: &str| Event {
            data: format!(r#"{{"customer":{{"user_id":"US.1"}},"call":{{{call}}}}}"#),
            ..wrote(NOW, kind)
        };
        let ended = |how: &str| Event {
            effect: Effect::None,
            ..call("whatsapp.call.terminate", how)
        };
        let after =
            |before, event: &Event| Closing::after(before, event, open_for_a_day(), None, 60, NOW);
        let taken = call("whatsapp.call.accepted", r#""status":"ACCEPTED""#);
        assert_eq!(after(None, &taken), None, "the business called");
        let calls = after(None, &call("whatsapp.call.connect", ""));
        assert!(calls.is_some());
        assert_eq!(after(calls.clone(), &taken), calls);
        for (how, is_answered) in [
            (r#""status":"COMPLETED","duration":12"#, true),
            (r#""status":"FAILED","duration":12"#, false),
            (r#""status":"FAILED""#, false),
            // Meta tells how long it was only where somebody took it.
            (r#""status":"COMPLETED""#, false),
        ] {
            let waits = after(calls.clone(), &ended(how));
            assert_eq!(waits.is_none(), is_answered, "{how}");
        }
        let earlier = Event {
            time: Some(NOW - 1),
            ..ended(r#""status":"COMPLETED","duration":12"#)
        };
        assert_eq!(after(calls.clone(), &earlier), calls);
    }

    #[test]
    fn what_meta_says_in_a_customers_name_is_no_message_to_be_answered() {
        let permits = |source: &str| Event {
            data: format!(
                r#"{{"customer":{{"user_id":"US.1"}},"message":{{"interactive":{{"call_permission_reply":
                {{"response":"accept","response_source":"{source}"}}}}}}}}"#
            ),
            ..wrote(NOW, "whatsapp.message.received")
        };
        let after = |source| {
            Closing::after(None, &permits(source), open_for_a_day(), None, 60, NOW).is_some()
        };
        assert_eq!([after("automatic"), after("user_action")], [false, true]);
    }

    #[test]
    fn the_window_of_a_person_is_told_of_and_that_of_a_group_is_not() {
        for (name, at) in [
            (Name::User("US.1".into()), Some(NOW + CUSTOMER_SERVICE - 60)),
            (Name::Group("G".into()), None),
        ] {
            let wrote = Event {
                names: vec![name.clone()],
                ..wrote(NOW, "")
            };
            let closing = Closing::after(None, &wrote, open_for_a_day(), None, 60, NOW);
            assert_eq!(closing.map(|closing| closing.at), at, "{name:?}");
        }
    }
}
