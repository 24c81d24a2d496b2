//! Handing events to the mailboxes that they belong to.
//!
//! Mostly a webhook concerns one mailbox, and that is one call. An invocation may make only so many calls (50 on the
//! free plan), and one webhook may concern any number of mailboxes: from so many on, the first of each group of them
//! is given the events of all, and hands them on.

use std::panic::AssertUnwindSafe;

use futures_util::future::try_join_all;
use js_sys::{Promise, Uint8Array};
use wasm_bindgen::{JsValue, prelude::wasm_bindgen};
use wasm_bindgen_futures::{JsFuture, future_to_promise};
use worker::{Env, Result};

use super::{
    addresses::{BINDING, name_of},
    mailbox::Mailbox,
};
use crate::event::{
    Event, Home,
    wire::{self, Batch},
};

/// How many mailboxes are called from one invocation.
const MOST_CALLS: usize = 40;

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
async fn call(env: &Env, group: &[Batch]) -> Result<()> {
    let Some((mailbox, _)) = group.first() else {
        return Ok(());
    };
    let stub: Stub = env
        .durable_object(BINDING)?
        .get_by_name(mailbox)?
        .into_rpc();
    let batches = Uint8Array::from(wire::write(group).as_slice());
    JsFuture::from(stub.append(&batches)?).await?;
    Ok(())
}

#[wasm_bindgen]
extern "C" {
    /// What a mailbox is called through.
    type Stub;

    #[wasm_bindgen(method, catch)]
    fn append(this: &Stub, batches: &Uint8Array) -> std::result::Result<Promise, JsValue>;
}

#[wasm_bindgen(module = "/src/objects/extend.js")]
extern "C" {
    /// Makes the methods of the objects ones that a stub may call. To be called once, at the start.
    #[wasm_bindgen(js_name = extendObjects)]
    pub(crate) fn extend_objects();
}

#[wasm_bindgen]
impl Mailbox {
    /// Appends the first batch, which is this mailbox's, and hands the others on. Mostly there is but one, and then
    /// nothing is awaited.
    pub fn append(&self, batches: &[u8]) -> std::result::Result<JsValue, JsValue> {
        let batches = wire::read(batches).map_err(|error| error.to_string())?;
        let mut batches = batches.into_iter();
        let Some((_, own)) = batches.next() else {
            return Ok(JsValue::UNDEFINED);
        };
        let own = self.take_in(own).map_err(JsValue::from);
        let others: Vec<Batch> = batches.collect();
        if others.is_empty() {
            return own.map(|()| JsValue::UNDEFINED);
        }
        let env = self.env.clone();
        let all = async move {
            try_join_all(others.chunks(1).map(|one| call(&env, one))).await?;
            own.map(|()| JsValue::UNDEFINED)
        };
        // A panic would leave nothing half done here: each mailbox commits by itself.
        Ok(future_to_promise(AssertUnwindSafe(all)).into())
    }
}
