//! `GET /metrics`: asks the mailboxes how their destinations stand.
//!
//! Mailboxes are asked once an hour, too, since a mailbox that is asked sets its alarm again. The platform gives up an
//! alarm that fails six times (it cannot be set again while a plan's rows of the day are used up), and then nothing
//! else would wake a quiet mailbox.

use std::{panic::AssertUnwindSafe, time::Duration};

use js_sys::Promise;
use serde_json::Value;
use wasm_bindgen::JsValue;
use wasm_bindgen_futures::future_to_promise;
use web_sys::RequestInit;
use worker::{Env, Response, Result};

use super::{
    metrics::{self, MailboxAnswer},
    parameters::Parameters,
};
use crate::{
    config::Settings,
    environment,
    mailbox::address::Address,
    objects::{BINDING, MOST_CALLS, fetch, respond_as, side_by_side, within},
};

/// How long a mailbox may take. Prometheus waits ten seconds for the whole answer by default: a mailbox that does not
/// answer must not cost the figures of the others.
const BUDGET: Duration = Duration::from_secs(5);

/// The figures of the number that is asked for, if one is, and of all numbers that the settings name.
pub(super) async fn answer(
    env: &Env,
    settings: &Settings,
    parameters: &Parameters,
) -> Result<Response> {
    let mailboxes = mailboxes(settings, parameters.get("phone_number_id"));
    let text = metrics::render(&answers(env, mailboxes).await);
    respond_as(200, metrics::CONTENT_TYPE, text)
}

/// Asks the mailboxes of the numbers that the settings name. If there are more than can be asked at once, each hour
/// asks others.
pub(crate) fn look_after(env: Env, at_ms: f64) -> Promise {
    future_to_promise(AssertUnwindSafe(async move {
        if let Ok(ready) = environment::read(&env) {
            let mut mailboxes = mailboxes(&ready.settings, None);
            #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
            let hours = (at_ms / 3_600_000.0) as usize;
            let first = (hours * MOST_CALLS).checked_rem(mailboxes.len());
            mailboxes.rotate_left(first.unwrap_or(0));
            answers(&env, mailboxes).await;
        }
        Ok(JsValue::UNDEFINED)
    }))
}

/// The mailboxes of the number that is asked for, and then of those that the settings name.
fn mailboxes(settings: &Settings, asked: Option<&str>) -> Vec<Address> {
    let numbers = settings.config.numbers.iter();
    let others = numbers
        .map(|number| number.phone_number_id.as_str())
        .filter(|number| asked != Some(number));
    asked
        .into_iter()
        .chain(others)
        .flat_map(|number| Address::mailboxes(number, settings.partitions_of(number)))
        .collect()
}

/// What these mailboxes answer, or as many of them as can be asked.
async fn answers(env: &Env, mailboxes: Vec<Address>) -> Vec<MailboxAnswer> {
    let mailboxes = mailboxes.into_iter().take(MOST_CALLS);
    let answers = mailboxes.map(async |mailbox| MailboxAnswer {
        answer: destinations(env, &mailbox.name()).await,
        partition: mailbox.partition(),
        mailbox: match mailbox {
            Address::Partition { number, .. } => number,
            whole => whole.name(),
        },
    });
    side_by_side(answers).await
}

async fn destinations(env: &Env, mailbox: &str) -> Option<Value> {
    let init = RequestInit::new();
    let answer = fetch(env, BINDING, mailbox, "destinations", &init);
    let mut answer = within(BUDGET, answer).await.ok()?;
    if answer.status_code() >= 300 {
        return None;
    }
    answer.json().await.ok()
}
