//! Which rule fires.

use super::{closing::CLOSING, policy::Known, said::Said};
use crate::{
    config::{Referral, Rule, Text, When},
    event::Event,
};

/// What rules are asked about.
pub(super) struct Situation<'a> {
    pub(super) event: &'a Event,
    pub(super) known: &'a Known,
    pub(super) said: &'a Said<'a>,
    pub(super) in_office_hours: bool,
    /// Unix seconds.
    pub(super) now: i64,
}

/// The first of the rules whose conditions are met. One that has fired for this customer within its time is passed by.
pub(super) fn find<'r>(rules: &'r [Rule], situation: &Situation<'_>) -> Option<&'r Rule> {
    rules
        .iter()
        .find(|rule| situation.is_in_time(rule) && situation.meets(&rule.when))
}

impl Situation<'_> {
    fn is_in_time(&self, rule: &Rule) -> bool {
        let mut fired = self.known.state.fired.iter();
        let fired = fired.find(|(id, _)| *id == rule.id);
        let (Some(once_in_s), Some((_, fired))) = (rule.once_in_s, fired) else {
            return true;
        };
        fired.saturating_add(once_in_s) <= self.now
    }

    fn meets(&self, when: &When) -> bool {
        let said = self.said;
        let first_contact = self.known.before.customer_service.is_none();
        when.window_closing == (self.event.kind == CLOSING)
            && when
                .first_contact
                .is_none_or(|first| first == first_contact)
            && when
                .office_hours
                .is_none_or(|inside| inside == self.in_office_hours)
            && is_one_of(&when.kinds, said.kind())
            && is_one_of(&when.buttons, said.button())
            && is_one_of(&when.lists, said.list())
            && self.came_by(when.referral.as_ref())
            && match &when.text {
                None => true,
                Some(Text::Phrases(phrases)) => phrases.are_in(&said.words),
                Some(Text::Matches(expression)) => {
                    !said.text.is_empty() && expression.is_in(&said.folded)
                }
            }
    }

    fn came_by(&self, referral: Option<&Referral>) -> bool {
        match referral {
            None => true,
            Some(Referral::None) => !self.said.is_referred(),
            Some(Referral::Any) => self.said.is_referred(),
            Some(Referral::Of(ids)) => is_one_of(ids, self.said.advertisement()),
        }
    }
}

/// Whether a value is one of those that are allowed; none allowed: any is.
fn is_one_of(allowed: &[String], value: Option<impl AsRef<str>>) -> bool {
    allowed.is_empty()
        || value.is_some_and(|value| allowed.iter().any(|allowed| allowed == value.as_ref()))
}
