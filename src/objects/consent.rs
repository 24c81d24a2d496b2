//! `/v1/consent`, in the mailbox of the number: tells what a customer said about being written to, and takes note of what
//! they said elsewhere.

use url::Url;
use worker::{Response, Result};

use super::{
    admin::NOBODY,
    mailbox::{Mailbox, now_ms},
    query::{integer, text},
    respond::{answer, not_found, refused},
};
use crate::{
    conversation::consent::Entry,
    mailbox::{Found, address::Address, by_any},
    sending::whom::{names, stranger},
    written::Object,
};

impl Mailbox {
    /// Tells how a person stands to being written to.
    pub(super) fn tell_consent(&self, url: &Url) -> Result<Response> {
        if self.consent().is_none() {
            return switched_off();
        }
        let person = text(url, "person").unwrap_or_default();
        let found =
            self.with_core(|core| by_any(&names(&person), |name| core.mailbox.find(name)))?;
        match found {
            Some(found) => answer_with(&found, &self.address()),
            None => not_found(NOBODY),
        }
    }

    /// Writes down what the customer said elsewhere.
    pub(super) fn set_consent(&self, url: &Url) -> Result<Response> {
        if self.consent().is_none() {
            return switched_off();
        }
        let person = text(url, "person").unwrap_or_default();
        let now = now_ms();
        let at = integer(url, "time")
            .unwrap_or(now)
            .min(now)
            .div_euclid(1000);
        let opted_in = text(url, "state").is_some_and(|state| state == "opted_in");
        let entry = Entry::told(opted_in, at, text(url, "note"));
        let found = self.change(now, |core| {
            let name = by_any(&names(&person), |name| {
                Ok(core.mailbox.find_without_names(name)?.map(|_| name.clone()))
            })?;
            let Some(name) = name.or_else(|| stranger(&person)) else {
                return Ok(None);
            };
            let cause = format!("{} {now}", name.key());
            let number = core.phone_number_id.clone().unwrap_or_default();
            core.mailbox.say(&name, entry, &cause, &number, now)
        })?;
        match found {
            Some(found) => answer_with(&found, &self.address()),
            None => refused(400, "Not possible", NOT_A_NAME),
        }
    }
}

const NOT_A_NAME: &str = "person: must be known here, or be a phone number with its country code, a business-scoped user id or group:<id>";

fn switched_off() -> Result<Response> {
    let detail = "CONFIG.consent is not set; {} is enough";
    refused(409, "Consent is switched off", detail)
}

fn answer_with(found: &Found, address: &Address) -> Result<Response> {
    let ledger = &found.state.consent;
    let mut view = Object::default();
    view.number("conversation", address.public_id(found.conversation))
        .json("names", &serde_json::to_string(&found.names)?)
        .text("state", ledger.standing().name())
        .json("history", &ledger.view());
    answer(200, &view)
}
