//! Whether a message may go out now.

use thiserror::Error;

use crate::{
    config::{Answering, Category, Consent, Sending},
    conversation::{
        State,
        consent::{self, Ledger, Objection, Standing},
        handover::Handover,
        send_id::Asker,
        window,
    },
    meta::graph::{Class, Message},
    sending::Send,
};

/// A free-form message was asked for while the customer service window is closed. Meta would refuse it (131047).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("the customer service window is closed: send a template")]
pub struct WindowClosed {
    /// When it closed or closes, in unix seconds; `None` if the customer never wrote.
    pub closes_at: Option<i64>,
}

/// What goes out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Goes {
    /// The message that was asked for.
    Message,
    /// The template that was named for when the window is closed.
    Fallback,
}

/// A send whose turn has come, with what decides whether it goes. All times are in unix seconds.
#[derive(Debug, Clone, Copy)]
pub struct Turn<'a> {
    /// The send.
    pub send: &'a Send,
    /// When it was asked for.
    pub asked: i64,
    /// A destination asked for it that may ask for none any more.
    pub is_withheld: bool,
    /// What is set about rules.
    pub answering: Option<&'a Answering>,
    /// What is set about sends.
    pub sending: Sending,
    /// What is set about consent; `None` where that is switched off.
    pub consent: Option<&'a Consent>,
    /// What is remembered of its conversation.
    pub state: &'a State,
    /// When the customer service window closes.
    pub closes_at: Option<i64>,
    /// The time.
    pub now: i64,
}

impl Turn<'_> {
    /// What goes, and why it does not, if it does not. Of several reasons the first that stands here is told.
    pub fn decide(&self) -> (Goes, Option<Class>) {
        let Self {
            send,
            asked,
            consent,
            state,
            closes_at,
            now,
            ..
        } = *self;
        let nothing = |class| (Goes::Message, Some(class));
        if self.is_withheld {
            return nothing(Class::Withheld);
        }
        if is_late(send, asked, self.answering, self.sending, now) {
            return nothing(Class::Late);
        }
        if is_overtaken(&send.id, asked, state.handover, now) {
            return nothing(Class::Handover);
        }
        if consent.is_some() && is_unwanted(send, &state.consent) {
            return nothing(Class::OptOut);
        }
        let draft = &send.draft;
        let Ok(goes) = check(&draft.message, draft.fallback.is_some(), closes_at, now) else {
            return nothing(Class::Window);
        };
        let leaves = match (goes, &draft.fallback) {
            (Goes::Fallback, Some(fallback)) => fallback,
            _ => &draft.message,
        };
        let standing = state.consent.standing();
        let objection = objection(consent, leaves, draft.category, standing, closes_at, now);
        (goes, objection.map(|_| Class::OptOut))
    }
}

/// Checks a message against the customer service window, which closes at `closes_at` (unix seconds; `None` if it never
/// was open). Templates may always go; all else needs a window that is open for [`window::MARGIN_S`] more, or a
/// fallback.
pub fn check(
    message: &Message,
    has_fallback: bool,
    closes_at: Option<i64>,
    now: i64,
) -> Result<Goes, WindowClosed> {
    if window::lets_write(closes_at, now) || !message.is_free_form() {
        Ok(Goes::Message)
    } else if has_fallback {
        Ok(Goes::Fallback)
    } else {
        Err(WindowClosed { closes_at })
    }
}

/// Whether a message that was asked for at `asked` has waited for too long (both in unix seconds). What a rule asked for
/// may wait as long as what it answers may be old; everything else as long as was said with it, or is set.
fn is_late(
    send: &Send,
    asked: i64,
    answering: Option<&Answering>,
    sending: Sending,
    now: i64,
) -> bool {
    let late_s = if Asker::of(&send.id).is_rule() {
        // It may be that there are no rules any more.
        Some(answering.map_or(Answering::default().late_s, |it| it.late_s))
    } else {
        send.draft.late_s.or(sending.late_s).map(i64::from)
    };
    late_s.is_some_and(|late_s| now - asked > late_s)
}

/// Whether a reply that a rule asked for at `asked` does not go any more, since a person has taken the conversation over
/// meanwhile (all in unix seconds). What others ask for is their own business.
fn is_overtaken(send_id: &str, asked: i64, handover: Option<Handover>, now: i64) -> bool {
    let in_hand = handover.filter(|handover| handover.is_active(now));
    Asker::of(send_id).is_rule() && in_hand.is_some_and(|handover| handover.overtakes(asked))
}

/// Whether it is a rule's reply to somebody who has written since that they want no messages.
fn is_unwanted(send: &Send, said: &Ledger) -> bool {
    let answers_at = send.draft.answers_at;
    Asker::of(&send.id).is_rule() && answers_at.is_some_and(|at| said.is_stopped_since(at))
}

/// Why the customer's consent does not let a message go, if it does not. `category` is the one that was asked for with
/// it, if any; the customer service window closes at `closes_at`. Only templates need consent: all else answers
/// somebody who wrote.
pub fn objection(
    settings: Option<&Consent>,
    message: &Message,
    category: Option<Category>,
    standing: Standing,
    closes_at: Option<i64>,
    now: i64,
) -> Option<Objection> {
    let (settings, template) = (settings?, message.template()?);
    let category = category.unwrap_or_else(|| settings.category(template));
    let open = closes_at.is_some_and(|closes_at| closes_at > now);
    consent::objection(settings, standing, category, open)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{
        checked,
        conversation::{
            consent::{Entry, How},
            handover::By,
        },
        sending::Draft,
    };

    #[test]
    fn a_free_form_message_needs_an_open_window_with_a_minute_to_spare() {
        let text = Message::check(&json!({ "type": "text", "text": { "body": "x" } })).unwrap();
        for (closes_at, open) in [
            (Some(1_061), true),
            (Some(1_060), false),
            (Some(1_000), false),
            (Some(0), false),
            (Some(i64::MAX), true),
            (None, false),
        ] {
            let expected = if open {
                Ok(Goes::Message)
            } else {
                Err(WindowClosed { closes_at })
            };
            assert_eq!(check(&text, false, closes_at, 1_000), expected);
            let or_fallback = expected.unwrap_or(Goes::Fallback);
            assert_eq!(check(&text, true, closes_at, 1_000), Ok(or_fallback));
        }
        assert!(check(&text, false, Some(i64::MAX), i64::MAX).is_err());
    }

    #[test]
    fn what_a_rule_answered_does_not_go_where_a_person_has_taken_over_meanwhile() {
        const ASKED: i64 = 1_000;
        let taken = |by, since, until| Some(Handover { by, since, until });
        for (id, handover, overtaken) in [
            ("1065.e.rule:hi.0", None, false),
            ("1065.e.rule:hi.0", taken(By::App, 1_005, None), true),
            ("1065.e.rule:hi.0", taken(By::App, 995, Some(1_011)), true),
            ("1065.e.rule:hi.0", taken(By::App, 995, Some(1_010)), false),
            ("1065.e.rule:hi.0", taken(By::Rule, ASKED, None), false),
            ("1065.e.rule:hi.0", taken(By::Rule, ASKED + 1, None), true),
            ("1065.e.consent", taken(By::App, 1_005, None), false),
            ("1065.e.crm.0", taken(By::Api, 1_005, None), false),
        ] {
            let is = is_overtaken(id, ASKED, handover, 1_010);
            assert_eq!(is, overtaken, "{id} {handover:?}");
        }
    }

    #[test]
    fn what_a_rule_answered_does_not_go_to_who_has_said_stop_since() {
        use How::{Api, Refusal, Word};
        const WRITTEN: i64 = 1_000;
        let said = |entries: &[(bool, How, i64)]| {
            let entries = entries.iter().map(|(opted_in, how, at)| Entry {
                opted_in: *opted_in,
                how: *how,
                at: *at,
                note: None,
                by: None,
            });
            entries.collect::<Ledger>()
        };
        for (id, said, unwanted) in [
            ("1065.e.rule:hi.0", said(&[]), false),
            ("1065.e.rule:hi.0", said(&[(false, Word, 1_005)]), true),
            ("1065.e.rule:hi.0", said(&[(false, Word, WRITTEN)]), true),
            ("1065.e.rule:hi.0", said(&[(false, Word, 999)]), false),
            (
                "1065.e.rule:hi.0",
                said(&[(false, Word, 1_005), (true, Word, 1_006)]),
                false,
            ),
            (
                "1065.e.rule:hi.0",
                said(&[(false, Word, 1_005), (false, Api, 1_006)]),
                true,
            ),
            ("1065.e.rule:hi.0", said(&[(false, Refusal, 1_005)]), false),
            ("1065.e.consent", said(&[(false, Word, 1_005)]), false),
            ("1065.e.crm.0", said(&[(false, Word, 1_005)]), false),
        ] {
            let mut send = send(id);
            send.draft.answers_at = Some(WRITTEN);
            assert_eq!(is_unwanted(&send, &said), unwanted, "{id} {said:?}");
        }
    }

    #[test]
    fn what_has_waited_for_too_long_does_not_go() {
        const ASKED: i64 = 1_000;
        for (id, with_it, set, rules, longest) in [
            ("1065.19b5.1", None, None, Some(10), None),
            ("1065.19b5.1", None, Some(60), Some(10), Some(60)),
            ("1065.19b5.1", Some(30), Some(60), Some(10), Some(30)),
            ("1065.19b5.1", Some(90), Some(60), Some(10), Some(90)),
            ("1065.e.crm.0", None, Some(60), Some(10), Some(60)),
            ("1065.e.rule:hi.0", None, Some(60), Some(10), Some(10)),
            ("1065.e.rule:hi.0", None, Some(60), None, Some(600)),
            ("1065.e.rule:hi.0", None, None, None, Some(600)),
        ] {
            let mut send = send(id);
            send.draft.late_s = with_it;
            let sending = Sending {
                late_s: set,
                ..Sending::default()
            };
            let answering = rules.map(|late_s| Answering {
                late_s,
                ..Answering::default()
            });
            let is_late =
                |waited| is_late(&send, ASKED, answering.as_ref(), sending, ASKED + waited);
            if let Some(longest) = longest {
                assert!(!is_late(longest) && is_late(longest + 1), "{id} {longest}");
            } else {
                assert!(!is_late(i64::MAX - ASKED), "{id}");
            }
        }
    }

    /// What is said of a send against which all of this stands.
    fn decided(
        send: &Send,
        is_withheld: bool,
        is_late: bool,
        state: &State,
    ) -> (Goes, Option<Class>) {
        const ASKED: i64 = 1_000;
        let consent = checked::read("consent", &json!({}), Consent::read).unwrap();
        Turn {
            send,
            asked: ASKED,
            is_withheld,
            answering: None,
            sending: Sending {
                late_s: Some(60),
                ..Sending::default()
            },
            consent: consent.as_ref(),
            state,
            closes_at: None,
            now: ASKED + if is_late { 601 } else { 10 },
        }
        .decide()
    }

    fn stopped(taken_over: bool) -> State {
        let stop = Entry {
            opted_in: false,
            how: How::Word,
            at: 1_005,
            note: None,
            by: None,
        };
        State {
            handover: taken_over.then_some(Handover {
                by: By::App,
                since: 1_005,
                until: None,
            }),
            consent: [stop].into_iter().collect(),
            ..State::default()
        }
    }

    #[test]
    fn of_several_reasons_the_first_is_told_and_a_stop_is_told_before_the_window() {
        let text = json!({ "type": "text", "text": { "body": "x" } });
        let mut reply = send("1065.e.rule:hi.0");
        reply.draft.message = Message::check(&text).unwrap();
        reply.draft.answers_at = Some(1_000);
        let why = |is_withheld, is_late, state: &State| {
            let (goes, why) = decided(&reply, is_withheld, is_late, state);
            assert_eq!(goes, Goes::Message);
            why
        };
        let nothing_said = State {
            consent: Ledger::default(),
            ..stopped(true)
        };
        assert_eq!(why(true, true, &stopped(true)), Some(Class::Withheld));
        assert_eq!(why(false, true, &stopped(true)), Some(Class::Late));
        assert_eq!(why(false, false, &stopped(true)), Some(Class::Handover));
        assert_eq!(why(false, false, &nothing_said), Some(Class::Handover));
        assert_eq!(why(false, false, &stopped(false)), Some(Class::OptOut));
        assert_eq!(why(false, false, &State::default()), Some(Class::Window));
    }

    #[test]
    fn a_closed_window_is_told_before_consent_which_is_looked_at_for_what_goes_in_its_place() {
        let text = json!({ "type": "text", "text": { "body": "x" } });
        let mut asked = send("1065.19b5-1");
        asked.draft.message = Message::check(&text).unwrap();
        asked.draft.category = Some(Category::Marketing);
        let decided = |send: &Send| decided(send, false, false, &stopped(false));
        assert_eq!(decided(&asked), (Goes::Message, Some(Class::Window)));
        asked.draft.fallback = Some(template());
        assert_eq!(decided(&asked), (Goes::Fallback, Some(Class::OptOut)));
        asked.draft.category = Some(Category::Utility);
        assert_eq!(decided(&asked), (Goes::Fallback, None));
    }

    fn send(id: &str) -> Send {
        Send {
            id: id.to_owned(),
            conversation: 1,
            draft: Draft::reply(None, template(), None),
        }
    }

    fn template() -> Message {
        let template = json!({ "type": "template", "template": { "name": "n", "language": { "code": "de" } } });
        Message::check(&template).unwrap()
    }

    #[test]
    fn a_template_may_always_go() {
        assert_eq!(check(&template(), true, None, 1_000), Ok(Goes::Message));
    }

    #[test]
    fn consent_is_looked_at_for_templates_alone_and_by_their_category() {
        use Standing::{OptedOut, Unknown};
        let settings = json!({ "opt_in": "all", "templates": { "n": "utility" } });
        let settings = checked::read("consent", &settings, Consent::read).unwrap();
        let text = json!({ "type": "text", "text": { "body": "x" } });
        let text = Message::check(&text).unwrap();
        let marketing = Some(Category::Marketing);
        let (opted_out, not_in) = (Some(Objection::OptedOut), Some(Objection::NotOptedIn));
        for (message, category, standing, closes_at, expected) in [
            (&text, None, OptedOut, None, None),
            (&template(), None, Unknown, Some(1_001), None),
            (&template(), None, Unknown, Some(1_000), not_in),
            (&template(), None, Unknown, None, not_in),
            (&template(), None, OptedOut, Some(1_001), None),
            (&template(), marketing, OptedOut, Some(1_001), opted_out),
        ] {
            let of = |settings| objection(settings, message, category, standing, closes_at, 1_000);
            assert_eq!(
                of(settings.as_ref()),
                expected,
                "{standing:?} {closes_at:?}"
            );
            assert_eq!(of(None), None, "where it is switched off");
        }
    }
}
