//! What all items of a change have in common: the field, and whose it is.

use std::borrow::Cow;

use super::Home;
use super::person::Person;
use crate::written::{begin_member, push_string};

/// What all items of a change have in common.
#[derive(Debug, Clone, Default)]
pub(super) struct Common<'a> {
    pub(super) field: Cow<'a, str>,
    /// The id of the WhatsApp Business Account.
    pub(super) account: Option<Cow<'a, str>>,
    /// The id of the business portfolio, where Meta writes to that.
    pub(super) portfolio: Option<Cow<'a, str>>,
    /// The `phone_number_id`, where the change is about a number.
    pub(super) number: Option<Cow<'a, str>>,
    /// The number of the business, as its customers see it: digits only.
    pub(super) display_phone_number: Option<Cow<'a, str>>,
    /// The time of the entry, which only fields of management have.
    pub(super) time: Option<i64>,
    /// That time as part of an event's key: its seconds, or the text as it was written if it cannot be read.
    pub(super) at: Cow<'a, str>,
}

impl Common<'_> {
    /// The mailbox that keeps their events.
    pub(super) fn home(&self) -> Home {
        match &self.number {
            Some(number) => Home::Number(number.clone().into_owned()),
            None => Home::Account(self.account_or_portfolio().to_owned()),
        }
    }

    /// Whether `home` is that mailbox.
    pub(super) fn is_at(&self, home: &Home) -> bool {
        match home {
            Home::Number(number) => self.number.as_deref() == Some(number),
            Home::Account(account) => {
                self.number.is_none() && self.account_or_portfolio() == account
            }
        }
    }

    fn account_or_portfolio(&self) -> &str {
        let either = self.account.as_deref().or(self.portfolio.as_deref());
        either.unwrap_or_default()
    }

    /// Whether this is the business itself.
    pub(super) fn is_ours(&self, person: &Person<'_>) -> bool {
        person.phone.is_some() && person.phone == self.display_phone_number
    }

    /// The event's member `business`; empty where nothing is known.
    pub(super) fn business(&self) -> String {
        let members = [
            ("account_id", &self.account),
            ("portfolio_id", &self.portfolio),
            ("phone_number_id", &self.number),
            ("display_phone_number", &self.display_phone_number),
        ];
        if members.iter().all(|(_, value)| value.is_none()) {
            return String::new();
        }
        let mut out = String::with_capacity(160);
        out.push('{');
        for (name, value) in members {
            if let Some(value) = value {
                begin_member(&mut out, name);
                push_string(&mut out, value);
            }
        }
        out.push('}');
        out
    }
}
