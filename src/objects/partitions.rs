//! Events of a number with partitions on the way to them, and what its directory and its partitions are asked for on
//! that way. The rules are in [`crate::mailbox::Directory`].

use futures_util::{
    FutureExt as _,
    future::{LocalBoxFuture, try_join_all},
};
use js_sys::Promise;
use wasm_bindgen::{JsValue, prelude::wasm_bindgen};
use wasm_bindgen_futures::JsFuture;
use worker::{Env, Result};

use super::{
    addresses::{bytes, in_time, stub},
    mailbox::{Core, Mailbox, now_ms},
};
use crate::{
    event::{
        Effect, Event, Name,
        wire::{self, Batch},
    },
    mailbox::{Behind, Moved, Question, Route, address::Address, names_alone},
};

/// Sorts a number's events by the partitions that they belong to, each with the name of its object. What another
/// partition has stored before its person moved is left out.
pub(super) async fn spread(
    env: &Env,
    number: &str,
    of: u32,
    events: Vec<Event>,
) -> Result<Vec<Batch>> {
    let directory = Address::Directory {
        number: number.to_owned(),
        of,
    };
    let directory = directory.name();
    let asked = bytes(&directory, events.iter().map(names_alone).collect());
    let routes = answer(stub(env, &directory)?.resolve(&asked)?).await?;
    let routes: Vec<(usize, Vec<usize>)> = serde_json::from_str(&routes)?;
    let partitions = Address::mailboxes(number, of);
    let mut batches: Vec<Batch> = partitions
        .iter()
        .map(|partition| (partition.name(), Vec::new()))
        .collect();
    let names: Vec<String> = batches.iter().map(|(name, _)| name.clone()).collect();
    for (event, (partition, former)) in events.into_iter().zip(routes) {
        let Some((to, batch)) = batches.get_mut(partition) else {
            return Err("the directory named a partition that is not there".into());
        };
        let former = former.iter().filter_map(|former| names.get(*former));
        if !is_stored(env, &directory, &event, former, to).await? {
            batch.push(event);
        }
    }
    batches.retain(|(_, events)| !events.is_empty());
    Ok(batches)
}

/// Whether one of these partitions, in which the event's person was, has stored it. Where none has, what is known there
/// of the person goes over to partition `to`.
async fn is_stored(
    env: &Env,
    directory: &str,
    event: &Event,
    former: impl Iterator<Item = &String>,
    to: &str,
) -> Result<bool> {
    for former in former {
        let mut asked = Event {
            data: String::new(),
            ..event.clone()
        };
        let bytes_asked = bytes(former, vec![asked.clone()]);
        let moved = answer(stub(env, former)?.cede(&bytes_asked)?).await?;
        if Moved::read(&moved).is_some_and(|moved| moved.stored) {
            return Ok(true);
        }
        let adopting = stub(env, to)?.adopt(&bytes_asked, former, &moved, false)?;
        if answer(adopting).await?.is_empty() {
            continue;
        }
        // All the names that the number knows of the person, as if the event said so.
        let names = answer(stub(env, directory)?.names(&bytes_asked)?).await?;
        let names: Vec<String> = serde_json::from_str(&names)?;
        let from = names.iter().filter_map(|key| Name::of_key(key)).collect();
        asked.effect = Effect::Renames { from };
        let complete = bytes(to, vec![asked]);
        answer(stub(env, to)?.adopt(&complete, former, &moved, true)?).await?;
    }
    Ok(false)
}

async fn answer(called: Promise) -> Result<String> {
    Ok(JsFuture::from(called)
        .await?
        .as_string()
        .unwrap_or_default())
}

/// All of several numbers' events, by mailbox.
pub(super) async fn spread_all(
    env: &Env,
    numbers: Vec<(String, u32, Vec<Event>)>,
) -> Result<Vec<Batch>> {
    let all = numbers
        .into_iter()
        .map(async |(number, of, events)| spread(env, &number, of, events).await);
    Ok(try_join_all(all).await?.into_iter().flatten().collect())
}

impl Mailbox {
    /// Asks another partition whether what is waited for has gone, where it is time to, and gives who waits no longer.
    /// It does not matter if it does not answer: it is asked again.
    pub(super) fn start_question(&self, now: i64) -> Result<Option<LocalBoxFuture<'_, Vec<i64>>>> {
        let Some(question) = self.with_core(|core| Ok(core.mailbox.question(now)))? else {
            return Ok(None);
        };
        let asked = async move {
            let gone = gone(&self.env, question).await;
            gone.unwrap_or_default()
        };
        Ok(Some(asked.boxed_local()))
    }
}

async fn gone(env: &Env, question: Question) -> Result<Vec<i64>> {
    let asked: Vec<_> = question
        .holds
        .into_iter()
        .map(|(id, behind, names)| (id, behind.destination, behind.until, names))
        .collect();
    let asked = serde_json::to_string(&asked)?;
    let gone = in_time(stub(env, &question.former)?.gone(&asked)?).await?;
    Ok(serde_json::from_str(&gone)?)
}

fn events_in(bytes: &[u8]) -> std::result::Result<Vec<Event>, JsValue> {
    let batches = wire::read(bytes).map_err(|error| error.to_string())?;
    Ok(batches.into_iter().flat_map(|(_, events)| events).collect())
}

#[wasm_bindgen]
impl Mailbox {
    /// Of a directory: where events belong, as JSON: `[[partition, [former, …]], …]`.
    pub fn resolve(&self, events: &[u8]) -> std::result::Result<String, JsValue> {
        let events = events_in(events)?;
        let routes = self.with_directory(|directory| directory.resolve(&events, now_ms()))?;
        let route = |route: &Route| (route.partition, route.former.clone());
        let routes: Vec<(u32, Vec<u32>)> = routes.iter().map(route).collect();
        serde_json::to_string(&routes).map_err(|error| error.to_string().into())
    }

    /// Of a directory: the partition of the first who is known, each event naming one; nothing, where nobody is.
    pub fn find(&self, names: &[u8]) -> std::result::Result<String, JsValue> {
        let events = events_in(names)?;
        let names: Vec<_> = events.into_iter().flat_map(|event| event.names).collect();
        let found = self.with_directory(|directory| directory.find(&names))?;
        Ok(found
            .map(|partition| partition.to_string())
            .unwrap_or_default())
    }

    /// Of a directory: all names of the first who is known, each event naming one, as a JSON list.
    pub fn names(&self, names: &[u8]) -> std::result::Result<String, JsValue> {
        let events = events_in(names)?;
        let names: Vec<_> = events.into_iter().flat_map(|event| event.names).collect();
        let all = self.with_directory(|directory| directory.names(&names))?;
        let all: Vec<String> = all.iter().map(Name::key).collect();
        serde_json::to_string(&all).map_err(|error| error.to_string().into())
    }

    /// Whether an event is stored here whose person has moved, and what is known of the person ([`Moved`]).
    pub fn cede(&self, event: &[u8]) -> std::result::Result<String, JsValue> {
        let moved = match events_in(event)?.first() {
            Some(event) => self.with_core(|core| core.mailbox.cede(event, now_ms()))?,
            None => Moved::default(),
        };
        Ok(moved.write())
    }

    /// Takes in what is known in another partition of somebody who is here from now on. Gives nothing where that is
    /// done, and otherwise something: the event must be `complete`.
    pub fn adopt(
        &self,
        event: &[u8],
        former: &str,
        moved: &str,
        complete: bool,
    ) -> std::result::Result<String, JsValue> {
        let moved = Moved::read(moved).ok_or("not what another partition knows")?;
        let mut done = true;
        for event in events_in(event)? {
            let adopt = |core: &mut Core| core.mailbox.adopt(&event, former, &moved, complete);
            done &= self.with_core(adopt)?;
        }
        Ok(if done { "" } else { "incomplete" }.to_owned())
    }

    /// Which of a person's events that another partition waits for have all gone: `[[id, destination, until, [name, …]],
    /// …]`; gives the ids.
    pub fn gone(&self, asked: &str) -> std::result::Result<String, JsValue> {
        let asked: Vec<(i64, String, i64, Vec<String>)> =
            serde_json::from_str(asked).map_err(|error| error.to_string())?;
        let mut gone = Vec::new();
        for (id, destination, until, names) in asked {
            let behind = Behind { destination, until };
            if !self.with_core(|core| core.mailbox.is_behind(&behind, &names))? {
                gone.push(id);
            }
        }
        serde_json::to_string(&gone).map_err(|error| error.to_string().into())
    }
}
