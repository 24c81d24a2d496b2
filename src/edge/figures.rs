//! `GET /metrics`: asks the mailboxes how their destinations stand.

use std::time::Duration;

use serde_json::Value;
use web_sys::RequestInit;
use worker::{Env, Response, Result};

use super::{
    metrics::{self, Standing},
    parameters::Parameters,
};
use crate::{
    config::Settings,
    mailbox::address::Address,
    objects::{BINDING, ask_within, respond_as, side_by_side},
};

/// How many mailboxes are asked at most: the platform allows an invocation only so many calls.
const MOST_MAILBOXES: usize = 40;

/// How long a mailbox may take. Prometheus waits ten seconds for the whole answer by default: a mailbox that does not
/// answer must not cost the figures of the others.
const BUDGET: Duration = Duration::from_secs(5);

/// The figures of the number that is asked for, if one is, and of all numbers that the settings name.
pub(super) async fn answer(
    env: &Env,
    settings: &Settings,
    parameters: &Parameters,
) -> Result<Response> {
    let asked = parameters.get("phone_number_id");
    let numbers = settings.numbers.iter();
    let others = numbers
        .map(|number| number.phone_number_id.as_str())
        .filter(|number| asked != Some(number));
    let mut mailboxes: Vec<Address> = asked
        .into_iter()
        .chain(others)
        .flat_map(|number| Address::mailboxes(number, settings.partitions_of(number)))
        .collect();
    mailboxes.truncate(MOST_MAILBOXES);
    let standings = mailboxes.into_iter().map(async |mailbox| Standing {
        told: destinations(env, &mailbox.name()).await.ok().flatten(),
        partition: mailbox.partition(),
        mailbox: match mailbox {
            Address::Partition { number, .. } => number,
            whole => whole.name(),
        },
    });
    let text = metrics::render(&side_by_side(standings).await);
    respond_as(200, metrics::CONTENT_TYPE, text)
}

async fn destinations(env: &Env, mailbox: &str) -> Result<Option<Value>> {
    let init = RequestInit::new();
    match ask_within(BUDGET, env, BINDING, mailbox, "destinations", &init).await? {
        Some(mut answer) if answer.status_code() < 300 => answer.json().await.map(Some),
        _ => Ok(None),
    }
}
