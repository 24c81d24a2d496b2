//! What is remembered of a conversation beside its windows. It is written with the conversation's row.

use super::{
    closing::Closing,
    consent::{Ledger, Standing},
    handover::Handover,
};
use crate::{
    meta::json::{Document, Json},
    written::Object,
};

/// What is remembered of a conversation. Most have nothing to remember.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct State {
    /// A person has taken it over, or a rule has stopped answering it.
    pub handover: Option<Handover>,
    /// When each rule that may fire only so often last fired, by its id, in unix seconds.
    pub fired: Vec<(String, i64)>,
    /// What the customer said about being written to.
    pub consent: Ledger,
    /// Where two persons turned out to be one: how one of them stood to being written to, if that holds no longer and
    /// no destination was told so. Their next event tells it.
    pub overruled: Option<Standing>,
    /// When its window is about to close, while nobody has answered and somebody wants to know.
    pub closing: Option<Closing>,
    /// Whether its windows are to be told to other Workers with its next event of Meta's, whatever that is: telling failed,
    /// or their names changed without an event.
    pub untold: bool,
    /// The person was forgotten, and no name leads here any more: who writes again gets another conversation.
    pub forgotten: bool,
}

impl State {
    /// Reads what [`State::write`] wrote. What cannot be read is not remembered.
    pub fn read(text: Option<&str>) -> Self {
        let Some(document) = text.and_then(Document::parse) else {
            return Self::default();
        };
        let root = document.root();
        let fired = root.get("fired").into_iter().flat_map(Json::members);
        Self {
            handover: root.get("handover").and_then(Handover::read),
            fired: fired
                .filter_map(|(rule, at)| Some((rule.text().into_owned(), at.integer()?)))
                .collect(),
            consent: root.get("consent").map(Ledger::read).unwrap_or_default(),
            overruled: root
                .get("overruled")
                .and_then(Json::text)
                .map(|name| Standing::read(&name)),
            closing: root.get("closing").and_then(Closing::read),
            untold: root.get("untold").is_some(),
            forgotten: root.get("forgotten").is_some(),
        }
    }

    /// What is left of it when the person is forgotten: that they were, and that they have opted out, so that nothing goes
    /// that waits to be sent to them.
    #[must_use]
    pub fn forgotten(&self) -> Self {
        Self {
            consent: self.consent.forgotten(),
            forgotten: true,
            ..Self::default()
        }
    }

    /// As it is stored; `None` where there is nothing to remember.
    pub fn write(&self) -> Option<String> {
        if *self == Self::default() {
            return None;
        }
        let mut state = Object::default();
        if let Some(handover) = &self.handover {
            state.json("handover", &handover.write());
        }
        if !self.fired.is_empty() {
            let mut fired = Object::default();
            for (rule, at) in &self.fired {
                fired.number(rule, *at);
            }
            state.json("fired", &fired.finish());
        }
        if !self.consent.is_empty() {
            state.json("consent", &self.consent.write());
        }
        state.text_if("overruled", self.overruled.map(Standing::name));
        if let Some(closing) = &self.closing {
            state.json("closing", &closing.write());
        }
        if self.untold {
            state.json("untold", "true");
        }
        if self.forgotten {
            state.json("forgotten", "true");
        }
        Some(state.finish())
    }

    /// What is remembered of one person whom we knew as two: the stricter of both, and all that they said.
    #[must_use]
    pub fn joined(mut self, other: Self) -> Self {
        self.handover = match (self.handover, other.handover) {
            (Some(one), Some(other)) => Some(one.joined(other)),
            (one, other) => one.or(other),
        };
        self.closing = self
            .closing
            .into_iter()
            .chain(other.closing)
            .max_by_key(|it| it.at);
        for (rule, at) in other.fired {
            match self.fired.iter_mut().find(|(other, _)| *other == rule) {
                Some((_, last)) => *last = at.max(*last),
                None => self.fired.push((rule, at)),
            }
        }
        self.consent = self.consent.joined(other.consent);
        self.untold |= other.untold;
        self.forgotten &= other.forgotten;
        self.overruled = self.overruled.max(other.overruled);
        self
    }

    /// Takes note that somebody stood so to being written to, under one name or another.
    pub fn stood(&mut self, so: impl IntoIterator<Item = Standing>) {
        let stands = self.consent.standing();
        let all = so.into_iter().chain(self.overruled);
        self.overruled = all.filter(|one| *one != stands).max();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conversation::handover::By;

    fn handover(until: Option<i64>) -> Handover {
        Handover {
            by: By::App,
            since: 5,
            until,
        }
    }

    #[test]
    fn the_stored_form_does_not_change() {
        for (state, stored) in [
            (State::default(), None),
            (
                State {
                    handover: Some(handover(Some(9))),
                    fired: [("hours".to_owned(), 7)].into(),
                    consent: Ledger::default(),
                    overruled: Some(Standing::OptedIn),
                    closing: Some(Closing {
                        at: 8,
                        customer: r#"{"phone":"1650"}"#.to_owned(),
                    }),
                    untold: true,
                    forgotten: true,
                },
                Some(
                    r#"{"handover":{"by":"app","since":5,"until":9},"fired":{"hours":7},"overruled":"opted_in","closing":{"at":8,"customer":{"phone":"1650"}},"untold":true,"forgotten":true}"#,
                ),
            ),
        ] {
            assert_eq!(state.write().as_deref(), stored);
            assert_eq!(State::read(stored), state);
        }
    }

    #[test]
    fn what_cannot_be_read_is_not_remembered() {
        for text in ["", "7", "{}", r#"{"handover":{"by":"nobody"},"fired":[1]}"#] {
            assert_eq!(State::read(Some(text)), State::default(), "{text}");
        }
    }

    #[test]
    fn of_two_that_are_one_the_stricter_holds() {
        let one = State {
            handover: Some(handover(Some(9))),
            fired: [("a".to_owned(), 1), ("b".to_owned(), 2)].into(),
            ..State::default()
        };
        let other = State {
            handover: Some(handover(None)),
            fired: [("a".to_owned(), 3)].into(),
            ..State::default()
        };
        let both = State {
            handover: Some(handover(None)),
            fired: [("a".to_owned(), 3), ("b".to_owned(), 2)].into(),
            ..State::default()
        };
        assert_eq!(one.clone().joined(other.clone()), both);
        assert_eq!(other.joined(one), both);
    }
}
