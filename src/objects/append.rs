//! Handing events to the mailboxes that they belong to.
//!
//! Mostly a webhook concerns one mailbox, and that is one call. An invocation may make only so many calls (50 on the
//! free plan), and one webhook may concern any number of mailboxes: from so many on, the first of each group of them
//! is given the events of all, and hands them on.

use futures_util::future::try_join_all;
use js_sys::{Promise, Uint8Array};
use wasm_bindgen::{JsCast as _, JsValue, prelude::wasm_bindgen};
use wasm_bindgen_futures::JsFuture;
use web_sys::RequestInit;
use worker::{Env, Error, Result};

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
    let stub: Stub = env.durable_object(BINDING)?.get_by_name(name)?.into_rpc();
    let init = RequestInit::new();
    init.set_method("POST");
    init.set_body(&Uint8Array::from(body.as_slice()));
    let answer = stub.fetch(&format!("https://mailbox/{command}"), &init)?;
    let answer: web_sys::Response = JsFuture::from(answer).await?.dyn_into()?;
    match answer.status() {
        200..=299 => Ok(()),
        status => Err(Error::RustError(format!("the mailbox answered {status}"))),
    }
}

#[wasm_bindgen]
extern "C" {
    /// What an object is called through. The `worker` crate's own way makes a request first, with some thirty calls
    /// into the platform.
    type Stub;

    #[wasm_bindgen(method, catch)]
    fn fetch(this: &Stub, url: &str, init: &RequestInit) -> std::result::Result<Promise, JsValue>;
}
