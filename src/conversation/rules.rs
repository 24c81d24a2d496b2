//! Which rule fires.

use super::{said::Said, state::State};
use crate::config::{Referral, Rule, Text, When};

/// What rules are asked about.
pub(super) struct Situation<'a> {
    pub(super) said: &'a Said<'a>,
    /// It is not a message: the window is about to close.
    pub(super) closing: bool,
    pub(super) first_contact: bool,
    pub(super) in_office_hours: bool,
    pub(super) state: &'a State,
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
        let mut fired = self.state.fired.iter();
        let fired = fired.find(|(id, _)| *id == rule.id);
        let (Some(once_in_s), Some((_, fired))) = (rule.once_in_s, fired) else {
            return true;
        };
        fired.saturating_add(once_in_s) <= self.now
    }

    fn meets(&self, when: &When) -> bool {
        let said = self.said;
        when.window_closing == self.closing
            && when
                .first_contact
                .is_none_or(|first| first == self.first_contact)
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
