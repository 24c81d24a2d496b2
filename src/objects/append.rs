//! Handing events to the mailboxes that they belong to.
//!
//! Mostly a webhook concerns one mailbox, and that is one call. An invocation may make only so many calls (50 on the
//! free plan), and one webhook may concern any number of mailboxes: where there are too many, they are called in
//! groups: the first mailbox of a group gets the events of all, and hands them on.

use std::panic::AssertUnwindSafe;

use js_sys::{Array, Promise, Uint8Array};
use wasm_bindgen::{JsValue, prelude::wasm_bindgen};
use wasm_bindgen_futures::{JsFuture, future_to_promise};
use worker::{Env, Result};

use super::{
    addresses::stub,
    mailbox::{Mailbox, now_ms},
    partitions,
    side_by_side::try_side_by_side,
};
use crate::{
    environment,
    event::{
        Event, Home,
        wire::{self, Batch},
    },
    mailbox::address::Address,
};

/// How many mailboxes are called from one invocation: the platform allows it only so many calls.
pub(crate) const MOST_CALLS: usize = 40;

/// Has every mailbox append its events, all at the same time. The promise resolves when all have committed.
pub(crate) fn append_all(env: &Env, events: Vec<(Home, Vec<Event>)>) -> Promise {
    let environment = environment::read(env);
    let mut batches: Vec<Batch> = Vec::with_capacity(events.len());
    let mut spread = Vec::new();
    for (home, events) in events {
        match (home, environment) {
            (Home::Number(number), Ok(ready)) if ready.settings.partitions_of(&number) > 1 => {
                let partitions = ready.settings.partitions_of(&number);
                spread.push((number, partitions, events));
            }
            (home, _) => batches.push((Address::Whole(home).name(), events)),
        }
    }
    if spread.is_empty() {
        return call_all(env, batches, MOST_CALLS);
    }
    // Each number by itself: what holds up one with partitions must not hold up the others.
    let most = MOST_CALLS / (spread.len() + 1);
    let whole = JsFuture::from(call_all(env, batches, most));
    let env = env.clone();
    let all = async move {
        let spread = spread
            .into_iter()
            .map(async |(number, partitions, events)| {
                let (batches, taken_over) =
                    partitions::spread(&env, &number, partitions, events).await?;
                JsFuture::from(call_all(&env, batches, most)).await?;
                taken_over
            });
        let spread = try_side_by_side(spread).await;
        whole.await?;
        spread?;
        Ok(JsValue::UNDEFINED)
    };
    // A panic leaves nothing half done here: each mailbox commits by itself.
    future_to_promise(AssertUnwindSafe(all))
}

/// Calls the mailboxes of these batches with `most` calls at most, in groups where there are more. It gives a promise,
/// not a future of Rust's: mostly there is one call, and a future would cost as much again.
fn call_all(env: &Env, mut batches: Vec<Batch>, most: usize) -> Promise {
    if batches.len() == 1 {
        return call(env, &batches).unwrap_or_else(|error| Promise::reject(&error.into()));
    }
    let group = batches.len().div_ceil(most.max(1)).max(1);
    if group > 1 {
        // One that cannot be called costs its group. When Meta repeats the webhook, others are grouped with it.
        let at = usize::try_from(now_ms().rem_euclid(1_000)).unwrap_or_default();
        let at = at % batches.len();
        batches.rotate_left(at);
    }
    let calls = Array::new();
    while !batches.is_empty() {
        let rest = batches.split_off(group.min(batches.len()));
        match call(env, &batches) {
            Ok(call) => calls.push(&call),
            Err(error) => return Promise::reject(&error.into()),
        };
        batches = rest;
    }
    all_of(&calls)
}

/// Calls the first mailbox of a group with the events of all.
fn call(env: &Env, group: &[Batch]) -> Result<Promise> {
    let (mailbox, _) = group.first().ok_or("a group of no mailbox")?;
    let batches = Uint8Array::from(wire::write(group).as_slice());
    Ok(stub(env, mailbox)?.append(&batches)?)
}

#[wasm_bindgen(module = "/src/objects/gather.js")]
extern "C" {
    /// A mailbox's `append`, which its stubs call: `extend.js` puts it there.
    #[wasm_bindgen(js_name = append)]
    fn _append(webhook: &Uint8Array);

    #[wasm_bindgen(js_name = allOf)]
    fn all_of(calls: &Array) -> Promise;
}

#[wasm_bindgen(module = "/src/objects/extend.js")]
extern "C" {
    /// Makes the methods of the objects ones that a stub may call. To be called once, at the start.
    #[wasm_bindgen(js_name = extendObjects)]
    pub(crate) fn extend_objects();
}

#[wasm_bindgen]
impl Mailbox {
    /// Resolves when what was written so far is committed.
    pub fn committed(&self) -> std::result::Result<Promise, JsValue> {
        self.storage.committed()
    }

    /// Appends several webhooks, if all are for this mailbox alone. Gives whether that was done: all of it, or nothing.
    #[wasm_bindgen(js_name = appendTogether)]
    pub fn append_together(&self, webhooks: Vec<Uint8Array>) -> bool {
        let mut events = Vec::new();
        for webhook in webhooks {
            let Ok(batches) = wire::read(&webhook.to_vec()) else {
                return false;
            };
            let Ok([(_, own)]) = <[Batch; 1]>::try_from(batches) else {
                return false;
            };
            events.extend(own);
        }
        self.take_in(events).is_ok()
    }

    /// Appends the first batch of a webhook, which is this mailbox's, and hands the others on. Mostly it is the only
    /// one, and nothing is awaited.
    #[wasm_bindgen(js_name = appendOne)]
    pub fn append_one(&self, batches: &[u8]) -> std::result::Result<JsValue, JsValue> {
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
        let own = match own {
            Ok(()) => Promise::resolve(&JsValue::UNDEFINED),
            Err(error) => Promise::reject(&error),
        };
        let others = call_all(&self.env, others, MOST_CALLS);
        Ok(all_of(&Array::of2(&own, &others)).into())
    }
}
