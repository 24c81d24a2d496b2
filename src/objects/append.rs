//! Handing events to the mailboxes that they belong to.
//!
//! Mostly a webhook concerns one mailbox, and that is one call. An invocation may make only so many calls (50 on the
//! free plan), and one webhook may concern any number of mailboxes: from so many on, the first of each group of them
//! is given the events of all, and hands them on.

use futures_util::future::try_join_all;
use js_sys::Uint8Array;
use worker::{Env, Error, Method, Request, RequestInit, Result};

use super::addresses::{BINDING, name_of};
use crate::event::{Event, Home};

/// How many mailboxes are called from one invocation.
const MOST_CALLS: usize = 40;

/// Events, and the name of the object that is their mailbox.
pub(super) type Batch = (String, Vec<Event>);

/// Has every mailbox append its events, all at the same time. `Ok` when all have committed.
pub(crate) async fn append_all(env: &Env, events: Vec<(Home, Vec<Event>)>) -> Result<()> {
    let mut batches: Vec<Batch> = events
        .into_iter()
        .map(|(home, events)| (name_of(&home), events))
        .collect();
    let group = batches.len().div_ceil(MOST_CALLS).max(1);
    let mut groups = Vec::new();
    while !batches.is_empty() {
        let rest = batches.split_off(group.min(batches.len()));
        groups.push(std::mem::replace(&mut batches, rest));
    }
    try_join_all(groups.iter().map(|group| call(env, group))).await?;
    Ok(())
}

/// Calls the first mailbox of a group with the events of all.
pub(super) async fn call(env: &Env, group: &[Batch]) -> Result<()> {
    let (command, body) = match group {
        [] => return Ok(()),
        [(_, events)] => ("append", serde_json::to_vec(events)?),
        several => ("append-all", serde_json::to_vec(several)?),
    };
    let Some((name, _)) = group.first() else {
        return Ok(());
    };
    let stub = env.durable_object(BINDING)?.get_by_name(name)?;
    let mut init = RequestInit::new();
    init.with_method(Method::Post)
        .with_body(Some(Uint8Array::from(body.as_slice()).into()));
    let request = Request::new_with_init(&format!("https://mailbox/{command}"), &init)?;
    match stub.fetch_with_request(request).await?.status_code() {
        200..=299 => Ok(()),
        status => Err(Error::RustError(format!("the mailbox answered {status}"))),
    }
}
