//! How far a send has come. The one rule: what may have gone out is never sent again by itself.

use serde_json::{Value, json};

use crate::meta::graph::{Class, GraphAnswer, answer};

/// How far a send has come. `started` must be stored before the request leaves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SendState {
    /// It has not gone out, and will.
    Queued,
    /// The request is on its way, or its answer on the way back.
    Started,
    /// Meta has taken it.
    Accepted {
        /// `wamid.…`.
        message_id: String,
    },
    /// It was not sent, and will not be.
    Failed {
        /// Meta's error code; `None` where it was not Meta that refused.
        code: Option<u32>,
        /// What the failure is about.
        class: Class,
    },
    /// It may have gone out. A status that names it may still tell.
    Unknown,
}

/// What happened to a send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Happened {
    /// Its turn has come.
    Start,
    /// We looked at it once more before anything was sent, and do not send it: the window is closed, nobody to send it to,
    /// or it has waited for too long.
    Refuse(Class),
    /// Meta answered.
    Answered(GraphAnswer),
    /// No connection came about, so that nothing can have gone out.
    ConnectionRefused,
    /// The platform let no more requests out.
    NotTried,
    /// Whether it may go is decided later: another object did not answer, or it would go as what waits now.
    Undecided,
    /// No answer in time, or the connection broke.
    NoAnswer,
    /// What carried it was restarted, and whatever was on its way is lost.
    Restarted,
    /// A status from Meta carries this send's `biz_opaque_callback_data`: it did go out, as this message.
    Seen {
        /// `wamid.…`.
        message_id: String,
    },
}

/// How many sends have come to an end, by their states.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Ended {
    /// Meta has taken them.
    pub accepted: i64,
    /// They were not sent, and will not be.
    pub failed: i64,
    /// They may have gone out.
    pub unknown: i64,
}

impl Ended {
    /// Counts one, if it has.
    pub(super) fn count(&mut self, state: &SendState) {
        match state {
            SendState::Queued | SendState::Started => {}
            SendState::Accepted { .. } => self.accepted += 1,
            SendState::Failed { .. } => self.failed += 1,
            SendState::Unknown => self.unknown += 1,
        }
    }
}

impl Happened {
    /// There was an answer.
    pub fn answered(status: u16, body: &[u8]) -> Self {
        if answer::is_of_no_connection(status, body) {
            Self::ConnectionRefused
        } else {
            Self::Answered(answer::read(status, body))
        }
    }

    /// There is no token to send with: as if Meta had found it wrong, so that all waits for one.
    pub fn no_token() -> Self {
        Self::Answered(GraphAnswer::Refused {
            code: 0,
            class: Class::Token,
            again: false,
        })
    }
}

impl SendState {
    /// As it is stored and logged.
    pub fn json(&self) -> Value {
        let state = self.name();
        match self {
            Self::Queued | Self::Started | Self::Unknown => json!({ "state": state }),
            Self::Accepted { message_id } => json!({ "state": state, "message_id": message_id }),
            Self::Failed { code, class } => {
                json!({ "state": state, "code": code, "class": class.name() })
            }
        }
    }

    /// Reads what [`SendState::json`] wrote.
    pub fn read(text: &str) -> Option<Self> {
        let value: Value = serde_json::from_str(text).ok()?;
        let word = |name: &str| value.get(name)?.as_str();
        Some(match word("state")? {
            "queued" => Self::Queued,
            "started" => Self::Started,
            "unknown" => Self::Unknown,
            "accepted" => Self::Accepted {
                message_id: word("message_id")?.to_owned(),
            },
            "failed" => Self::Failed {
                code: value
                    .get("code")
                    .and_then(Value::as_u64)
                    .and_then(|code| code.try_into().ok()),
                // A later version may have written a class that this one does not know.
                class: Class::of(word("class")?).unwrap_or(Class::Other),
            },
            _ => return None,
        })
    }

    /// Its name: the member `state` of its JSON.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Started => "started",
            Self::Accepted { .. } => "accepted",
            Self::Failed { .. } => "failed",
            Self::Unknown => "unknown",
        }
    }

    /// Whether we refused it ourselves, so that nothing left.
    pub fn is_refused_here(&self) -> bool {
        matches!(self, Self::Failed { code: None, .. })
    }

    /// The state after this. What does not concern a state leaves it as it is, so that an answer that comes twice or
    /// too late changes nothing.
    #[must_use]
    pub fn after(self, happened: Happened) -> Self {
        match (self, happened) {
            (Self::Queued, Happened::Start) => Self::Started,
            (Self::Started, Happened::Refuse(class)) => Self::Failed { code: None, class },
            (Self::Started, Happened::Answered(answer)) => Self::answered(answer),
            (
                Self::Started,
                Happened::ConnectionRefused | Happened::NotTried | Happened::Undecided,
            ) => Self::Queued,
            (Self::Started, Happened::NoAnswer | Happened::Restarted) => Self::Unknown,
            (Self::Queued | Self::Started | Self::Unknown, Happened::Seen { message_id }) => {
                Self::Accepted { message_id }
            }
            (state, _) => state,
        }
    }

    fn answered(answer: GraphAnswer) -> Self {
        match answer {
            GraphAnswer::Accepted { message_id, .. } => Self::Accepted { message_id },
            GraphAnswer::Refused { again: true, .. } => Self::Queued,
            GraphAnswer::Refused {
                code,
                class,
                again: false,
            } => Self::Failed {
                code: Some(code),
                class,
            },
            GraphAnswer::Unknown { .. } => Self::Unknown,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn accepted() -> Happened {
        let answer = GraphAnswer::Accepted {
            message_id: "wamid.1".into(),
            wa_id: None,
            user_id: None,
        };
        Happened::Answered(answer)
    }

    fn refused(code: u32, class: Class, again: bool) -> Happened {
        Happened::Answered(GraphAnswer::Refused { code, class, again })
    }

    fn taken() -> SendState {
        SendState::Accepted {
            message_id: "wamid.1".into(),
        }
    }

    #[test]
    fn what_proves_that_nothing_went_out_goes_back_to_the_queue() {
        for happened in [
            refused(131_056, Class::PairRate, true),
            Happened::ConnectionRefused,
            Happened::NotTried,
            Happened::Undecided,
        ] {
            assert_eq!(SendState::Started.after(happened), SendState::Queued);
        }
    }

    #[test]
    fn only_what_says_that_no_connection_came_about_is_no_answer_of_metas() {
        let answered = Happened::answered(200, br#"{"messages":[{"id":"wamid.1"}]}"#);
        assert_eq!(SendState::Started.after(answered), taken());
        let answered = Happened::answered(503, b"");
        assert_eq!(SendState::Started.after(answered), SendState::Unknown);
        let answered = Happened::answered(530, b"error code: 1016");
        assert_eq!(answered, Happened::ConnectionRefused);
    }

    #[test]
    fn what_we_refuse_ourselves_is_told_from_what_meta_refuses() {
        let here = SendState::Started.after(Happened::Refuse(Class::Late));
        assert!(here.is_refused_here());
        let refused = refused(131_047, Class::Window, false);
        for state in [taken(), SendState::Started.after(refused)] {
            assert!(!state.is_refused_here());
        }
    }

    #[test]
    fn what_a_later_version_has_written_is_read() {
        let read = SendState::read(r#"{"state":"failed","code":null,"class":"of_tomorrow"}"#);
        let class = Class::Other;
        assert_eq!(read, Some(SendState::Failed { code: None, class }));
    }

    #[test]
    fn a_refusal_is_final() {
        let (code, class) = (Some(131_047), Class::Window);
        let failed = SendState::Started.after(refused(131_047, class, false));
        assert_eq!(failed, SendState::Failed { code, class });
        assert_eq!(failed.clone().after(Happened::Start), failed);
    }

    #[test]
    fn the_stored_form_does_not_change() {
        for (state, stored) in [
            (SendState::Queued, r#"{"state":"queued"}"#),
            (SendState::Started, r#"{"state":"started"}"#),
            (taken(), r#"{"message_id":"wamid.1","state":"accepted"}"#),
            (
                SendState::Failed {
                    code: Some(131_056),
                    class: Class::PairRate,
                },
                r#"{"class":"pair_rate","code":131056,"state":"failed"}"#,
            ),
            (SendState::Unknown, r#"{"state":"unknown"}"#),
        ] {
            assert_eq!(state.json().to_string(), stored);
            assert_eq!(SendState::read(stored), Some(state));
        }
    }

    fn anything() -> impl Strategy<Value = Happened> {
        prop_oneof![
            Just(Happened::Start),
            Just(Happened::Refuse(Class::Window)),
            Just(accepted()),
            Just(refused(4, Class::Rate, true)),
            Just(refused(190, Class::Token, false)),
            Just(Happened::Answered(GraphAnswer::Unknown { code: None })),
            Just(Happened::ConnectionRefused),
            Just(Happened::NotTried),
            Just(Happened::Undecided),
            Just(Happened::NoAnswer),
            Just(Happened::Restarted),
            Just(Happened::Seen {
                message_id: "wamid.2".into()
            }),
        ]
    }

    proptest! {
        #[test]
        fn whatever_happens_what_may_have_gone_out_is_not_sent_again(story in prop::collection::vec(anything(), 0..40)) {
            let mut state = SendState::Queued;
            let mut may_have_gone_out = false;
            for happened in story {
                let was_started = state == SendState::Started;
                let proof = matches!(
                    happened,
                    Happened::ConnectionRefused
                        | Happened::NotTried
                        | Happened::Undecided
                        | Happened::Answered(GraphAnswer::Refused { .. })
                );
                state = state.after(happened);
                if was_started && state != SendState::Started && !proof {
                    may_have_gone_out = true;
                }
                prop_assert!(!(may_have_gone_out && matches!(state, SendState::Queued | SendState::Started)));
            }
        }
    }
}
