//! Which objects keep a number's mailbox, for those that ask them.

use std::time::Duration;

use js_sys::{Promise, Uint8Array};
use wasm_bindgen_futures::JsFuture;
use worker::{Env, Result};

use super::{
    side_by_side::within,
    stub::{self, Stub},
};
use crate::{
    config::Settings,
    event::{Event, Name, wire},
    mailbox::address::Address,
    meta::json::{Document, Json},
};

/// The binding of the mailboxes' namespace in wrangler.toml.
pub(crate) const BINDING: &str = "MAILBOX";

/// How long an object may take to answer a call that others wait for.
const BUDGET: Duration = Duration::from_secs(5);

/// The stub of the mailbox or directory of this name.
pub(super) fn stub(env: &Env, name: &str) -> Result<Stub> {
    Ok(stub::stub(env, BINDING, name)?)
}

/// Events as they cross to the object of this name.
pub(super) fn bytes(name: &str, events: Vec<Event>) -> Uint8Array {
    Uint8Array::from(wire::write(&[(name.to_owned(), events)]).as_slice())
}

/// The names of the objects that keep a number's mailbox.
pub(crate) fn mailboxes(settings: &Settings, number: &str) -> Vec<String> {
    let all = Address::mailboxes(number, settings.partitions_of(number));
    all.iter().map(Address::name).collect()
}

/// All names of a person: the one who has the first of these names that is known. Empty if none is known.
pub(crate) async fn names_of(
    env: &Env,
    number: &str,
    partitions: u32,
    names: &[Name],
) -> Result<Vec<String>> {
    let (directory, all) = directory(env, number, partitions, names)?;
    let answer = in_time(directory.names(&all)?).await?;
    let all = Document::parse(&answer).ok_or("not names")?;
    let mut all = all.root().items().map(Json::texts);
    Ok(all.find(|names| !names.is_empty()).unwrap_or_default())
}

/// The stub of a number's directory, and these names as they cross to it.
pub(super) fn directory(
    env: &Env,
    number: &str,
    partitions: u32,
    names: &[Name],
) -> Result<(Stub, Uint8Array)> {
    let number = number.to_owned();
    let directory = Address::Directory { number, partitions }.name();
    let all = names.iter().map(|name| Event::named(vec![name.clone()]));
    let all = bytes(&directory, all.collect());
    Ok((stub(env, &directory)?, all))
}

/// What an object answers.
pub(super) async fn answer(called: Promise) -> Result<String> {
    let answer = JsFuture::from(called).await?;
    Ok(answer.as_string().unwrap_or_default())
}

/// What an object answers, or an error if it takes too long.
pub(super) async fn in_time(called: Promise) -> Result<String> {
    done_in_time(answer(called)).await
}

/// The result of calls, or an error if they take too long.
pub(super) async fn done_in_time<T>(calls: impl Future<Output = Result<T>>) -> Result<T> {
    within(BUDGET, calls).await
}
