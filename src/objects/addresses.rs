//! Which objects keep a number's mailbox, for those that ask them.

use std::{pin::pin, time::Duration};

use futures_util::future::{Either, select};
use js_sys::{Promise, Uint8Array};
use wasm_bindgen_futures::JsFuture;
use worker::{Delay, Env, Result};

use super::stub::{self, Stub};
use crate::{
    config::Settings,
    event::{Event, Name, wire},
    mailbox::{Route, address::Address},
    meta::json::{Document, Json},
};

/// The binding of the mailboxes' namespace in wrangler.toml.
pub(crate) const BINDING: &str = "MAILBOX";

/// How long an object may take to answer a call that others wait for.
const BUDGET: Duration = Duration::from_secs(5);

/// What the mailbox or directory of this name is called through.
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

/// The name of the object that keeps the conversation with the one who has the first of these names that is known. Where
/// nobody is, that of `stranger`, who is met if need be; without one, any will say that they are not known.
pub(crate) async fn mailbox_of(
    env: &Env,
    settings: &Settings,
    number: &str,
    names: &[Name],
    stranger: Option<Name>,
) -> Result<String> {
    let of = settings.partitions_of(number);
    let mailboxes = mailboxes(settings, number);
    let mut partition = None;
    if of > 1 && !names.is_empty() {
        let (directory, all) = directory(env, number, of, names)?;
        partition = in_time(directory.find(&all)?).await?.parse().ok();
    }
    if let Some(stranger) = stranger.filter(|_| of > 1 && partition.is_none()) {
        let (directory, one) = directory(env, number, of, &[stranger])?;
        let answer = in_time(directory.resolve(&one)?).await?;
        let routes = Route::read_all(&answer).ok_or("not where they belong")?;
        partition = routes.first().map(|route| route.partition);
    }
    let at = partition.map_or(Ok(0), usize::try_from);
    let found = at.ok().and_then(|at| mailboxes.get(at));
    Ok(found.or(mailboxes.first()).cloned().unwrap_or_default())
}

/// All names of the one who has the first of these names that is known; none, where nobody has.
pub(crate) async fn names_of(
    env: &Env,
    number: &str,
    of: u32,
    names: &[Name],
) -> Result<Vec<String>> {
    let (directory, all) = directory(env, number, of, names)?;
    let answer = in_time(directory.names(&all)?).await?;
    let all = Document::parse(&answer).ok_or("not names")?;
    let mut all = all.root().items().map(Json::texts);
    Ok(all.find(|names| !names.is_empty()).unwrap_or_default())
}

/// What a number's directory is called through, and these names as they cross to it.
fn directory(env: &Env, number: &str, of: u32, names: &[Name]) -> Result<(Stub, Uint8Array)> {
    let number = number.to_owned();
    let directory = Address::Directory { number, of }.name();
    let all = bytes(&directory, names.iter().map(Event::naming).collect());
    Ok((stub(env, &directory)?, all))
}

/// What an object answers, if it does in time.
pub(super) async fn in_time(answer: Promise) -> Result<String> {
    match select(JsFuture::from(answer), pin!(Delay::from(BUDGET))).await {
        Either::Left((answer, _)) => Ok(answer?.as_string().unwrap_or_default()),
        Either::Right(_) => Err("an object did not answer in time".into()),
    }
}
