//! Events of a number with partitions on the way to them, and what its directory and its partitions are asked for on
//! that way. The rules are in [`crate::mailbox`].
//!
//! A person who was met under two names may have been in two partitions. How their events are stored once, and in
//! order, all the same:
//!
//! 1. `resolve`: the directory tells of each event its person's number, the partition, and the former partitions: those
//!    of numbers which turned out lately to be this person, with all names that it knows of them. Of two numbers it keeps
//!    the smaller, in the same commit as the names. Where there is no former partition, which is usual, 5 follows.
//! 2. `cede`: each former partition, asked by all these names, tells which of the events it has stored, what it knows of
//!    the persons, and what it has still to deliver of theirs. Those that it has not stored it promises not to store, for
//!    the sake of the person's number. It notes what became of sends, for its sends stay with it.
//! 3. `adopt`: the partition takes in what the former ones know. It takes back its own promises about events that
//!    nobody has stored, if they were made for the sake of a greater number. For each destination it holds back what
//!    comes of theirs from now on, as long as a former partition has something to deliver.
//! 4. What a former partition has stored is left out.
//! 5. `append`: the partition stores the rest. Where it has promised not to store one of them, it refuses them all.
//! 6. `gone`: the partition asks the former ones, again and again, whether what it waits for was delivered.
//!
//! Each step is committed where it is done before the next one begins, and nothing undoes it. If one fails, or this
//! Worker ends in between, Meta gets no 200 and repeats the webhook, which begins again at 1:
//!
//! - after 1, the join stands, and the directory names former partitions for longer than Meta repeats. Whoever is to be
//!   written to, or is asked about, is ceded and adopted before that too ([`mailbox_of`]).
//! - after 2, the event is promised and stored nowhere. The promise stands, and the repetition stores the event where it
//!   belongs.
//! - after 3, to adopt again does no harm: what must be taken in only once is remembered (`taken_over`).
//! - after 5 in some of the partitions, these have seen the events already.
//!
//! Why two copies of a webhook at the same time are stored once: one that was resolved before the join goes to the
//! former partition. If it gets there before `cede`, the other copy learns that it is stored; if later, it is refused,
//! and resolved anew when Meta repeats it. Should the person turn out to be somebody met yet earlier, whose partition
//! has promised, the smaller number frees the event there. A copy still on its way by the greater number is refused: the
//! partition that it goes to has promised too by then, for the sake of the smaller one.

use std::time::Duration;

use futures_util::{FutureExt as _, future::LocalBoxFuture};
use wasm_bindgen::{JsValue, prelude::wasm_bindgen};
use worker::{Env, Error, Result};

use super::{
    addresses::{answer, bytes, directory, done_in_time, in_time, mailboxes, stub},
    mailbox::{Mailbox, now_ms},
    side_by_side::{try_side_by_side, within},
};
use crate::{
    config::Settings,
    event::{
        Event, Home, Name,
        wire::{self, Batch},
    },
    mailbox::{
        Adoption, Answered, Awaited, Moved, Question, Route, address::Address, answered,
        cede_requests,
    },
    meta::{graph::Recipient, json::Document},
    sending::{names_a_send, whom::name_of},
};

/// How long that may take in which nobody's events are stored yet: half of what a webhook has.
const TAKEN_OVER: Duration = Duration::from_secs(2);

const NOWHERE: &str = "the directory named a partition that is not there";

/// Sorts a number's events by the partitions that they belong to, each with the name of its object. What another
/// partition has stored before its person moved is left out. Where what is known of those who have moved could not be taken
/// over, that is given as well, and their events are left out: nobody else has to wait for them.
pub(super) async fn spread(
    env: &Env,
    number: &str,
    partitions: u32,
    events: Vec<Event>,
) -> Result<(Vec<Batch>, Result<()>)> {
    let directory = Address::Directory {
        number: number.to_owned(),
        partitions,
    };
    let directory = directory.name();
    let named = bytes(&directory, events.iter().map(Event::names_alone).collect());
    let routes = routes(&answer(stub(env, &directory)?.resolve(&named)?).await?)?;
    let known = within(
        TAKEN_OVER,
        take_over(env, number, partitions, &events, &routes),
    );
    let (stored, taken_over) = match known.await {
        Ok(stored) => (stored, Ok(())),
        Err(error) => (vec![None; events.len()], Err(error)),
    };
    let mailboxes = Address::mailboxes(number, partitions);
    let mut batches: Vec<Batch> = mailboxes
        .iter()
        .map(|partition| (partition.name(), Vec::new()))
        .collect();
    for ((event, route), there) in events.into_iter().zip(&routes).zip(stored) {
        let (_, batch) = batches.get_mut(at(route.partition)).ok_or(NOWHERE)?;
        if there.is_none() && (taken_over.is_ok() || route.former.is_empty()) {
            batch.push(event);
        }
    }
    batches.retain(|(_, events)| !events.is_empty());
    Ok((batches, taken_over))
}

fn routes(answer: &str) -> Result<Vec<Route>> {
    Ok(Route::read_all(answer).ok_or("not where events belong")?)
}

fn at(partition: u32) -> usize {
    usize::try_from(partition).unwrap_or(usize::MAX)
}

/// Steps 2 and 3: the partitions in which these events' persons are take in what former ones know of them. Gives for each
/// event the former partition that has stored it, if one has.
async fn take_over(
    env: &Env,
    number: &str,
    partitions: u32,
    events: &[Event],
    routes: &[Route],
) -> Result<Vec<Option<String>>> {
    let mailboxes = Address::mailboxes(number, partitions);
    let name = |partition| Ok::<_, Error>(mailboxes.get(at(partition)).ok_or(NOWHERE)?.name());
    // A status that names a send is told with its data: the send may be one of that partition's.
    let asked = cede_requests(events, routes, names_a_send).into_iter();
    let answers = asked.map(async |asked| {
        let former = name(asked.former)?;
        let events = bytes(&former, asked.events);
        let persons = serde_json::to_string(&asked.persons)?;
        let moved = answer(stub(env, &former)?.cede(&events, &persons)?).await?;
        let moved = Moved::read_all(&moved).ok_or("not what a partition knows")?;
        Ok::<_, Error>(asked.places.into_iter().zip(moved))
    });
    let answers = try_side_by_side(answers).await?;
    let Answered { stored, adoptions } = answered(events, routes, answers.into_iter().flatten());
    let adoptions = adoptions.into_iter();
    let adopted = adoptions.map(async |(to, adoptions)| adopt(env, &name(to)?, adoptions).await);
    try_side_by_side(adopted).await?;
    Ok(stored)
}

/// Has a partition take in what others know of persons who are there from now on.
async fn adopt(env: &Env, to: &str, adoptions: Vec<Adoption>) -> Result<()> {
    let moved: Vec<Moved> = adoptions.iter().map(|it| it.moved.clone()).collect();
    let moved = Moved::write_all(&moved);
    let wanted: Vec<_> = adoptions.iter().map(|it| (it.person, &it.ids)).collect();
    let wanted = serde_json::to_string(&wanted)?;
    let events = adoptions.iter().map(|it| it.event.clone()).collect();
    let adopted = stub(env, to)?.adopt(&bytes(to, events), &moved, &wanted)?;
    match answer(adopted).await?.as_str() {
        "" | "[]" => Ok(()),
        // The version before answers with those whom it has not taken in.
        _ => Err("a partition did not take somebody in".into()),
    }
}

/// The mailbox of the first of `names` that is known. If none is: that of `stranger`, who is registered. Without a
/// stranger any mailbox will do, since each answers "not known".
///
/// Before this returns, that mailbox takes in what former partitions know: the webhook that told of the move may have
/// failed half way. If a former one has answered `request` (an id by [`repeats::id_of`], or empty), it is given instead; if
/// not, none of them takes it from now on.
///
/// [`repeats::id_of`]: crate::sending::repeats::id_of
pub(crate) async fn mailbox_of(
    env: &Env,
    settings: &Settings,
    number: &str,
    names: &[Name],
    stranger: Option<Name>,
    request: String,
) -> Result<String> {
    let (mailbox, route) = whereabouts(env, settings, number, names, stranger).await?;
    if let Some(route) = route.filter(|route| !route.former.is_empty()) {
        let partitions = settings.partitions_of(number);
        let one = [Event {
            id: request,
            ..Event::named(route.names.clone())
        }];
        let stored = done_in_time(take_over(env, number, partitions, &one, &[route])).await?;
        return Ok(stored.into_iter().flatten().next().unwrap_or(mailbox));
    }
    Ok(mailbox)
}

/// Such a mailbox, with what the directory knows of the person, if it does.
async fn whereabouts(
    env: &Env,
    settings: &Settings,
    number: &str,
    names: &[Name],
    stranger: Option<Name>,
) -> Result<(String, Option<Route>)> {
    let partitions = settings.partitions_of(number);
    let mut route = None;
    if partitions > 1 && !names.is_empty() {
        let (directory, all) = directory(env, number, partitions, names)?;
        route = routes(&in_time(directory.route(&all)?).await?)?.pop();
    }
    if let Some(stranger) = stranger.filter(|_| partitions > 1 && route.is_none()) {
        let (directory, one) = directory(env, number, partitions, &[stranger])?;
        route = routes(&in_time(directory.resolve(&one)?).await?)?.pop();
    }
    let mailboxes = mailboxes(settings, number);
    let home = route.as_ref().map_or(0, |route| at(route.partition));
    let home = mailboxes.get(home).or(mailboxes.first());
    Ok((home.cloned().unwrap_or_default(), route))
}

impl Mailbox {
    /// What the partition of a person knows of them; `None` if that is this one.
    pub(super) async fn known_elsewhere(&self, to: &Recipient) -> Result<Option<Moved>> {
        let here = self.address();
        let (Some(settings), Home::Number(number)) = (self.settings(), here.home()) else {
            return Ok(None);
        };
        let name = [name_of(to)];
        let (home, _) = whereabouts(&self.env, settings, &number, &name, None).await?;
        if home == here.name() {
            return Ok(None);
        }
        let named = name.iter().map(|name| Event::named(vec![name.clone()]));
        let named = bytes(&home, named.collect());
        let known = in_time(stub(&self.env, &home)?.known(&named)?).await?;
        let known = Moved::read_all(&known).ok_or("not what a partition knows")?;
        Ok(known.into_iter().next())
    }

    /// Takes note that these are names of one person; the number's directory does first, for they may write by any. It is
    /// told also where that is known here: a partition of the version before did not tell it.
    pub(super) async fn are_one(&self, names: Vec<Name>) -> Result<()> {
        if let (Some(settings), Home::Number(number)) = (self.settings(), self.address().home()) {
            let partitions = settings.partitions_of(&number);
            if partitions > 1 {
                let directory = Address::Directory { number, partitions }.name();
                let one = bytes(&directory, vec![Event::named(names.clone())]);
                in_time(stub(&self.env, &directory)?.resolve(&one)?).await?;
            }
        }
        self.with_core(|core| core.mailbox.meet(&names))?;
        Ok(())
    }

    /// If it is time to: asks another partition whether it has delivered what is waited for, and gives what is over. If it
    /// does not answer, it is asked again.
    pub(super) fn start_question(
        &self,
        now: i64,
    ) -> Result<Option<LocalBoxFuture<'_, Vec<Awaited>>>> {
        let Some(question) = self.with_core(|core| Ok(core.mailbox.question(now)))? else {
            return Ok(None);
        };
        let asked = async move {
            let over = delivered_elsewhere(&self.env, question).await;
            over.unwrap_or_default()
        };
        Ok(Some(asked.boxed_local()))
    }
}

async fn delivered_elsewhere(env: &Env, question: Question) -> Result<Vec<Awaited>> {
    let asked = Awaited::write_all(&question.awaited);
    let over = in_time(stub(env, &question.former)?.gone(&asked)?).await?;
    Ok(question.over(&integers(&over).unwrap_or_default()))
}

/// The numbers of a list that crossed from another object as JSON.
fn integers(list: &str) -> Option<Vec<i64>> {
    Some(Document::parse(list)?.root().integers())
}

fn events_in(bytes: &[u8]) -> std::result::Result<Vec<Event>, JsValue> {
    let batches = wire::read(bytes).map_err(|error| error.to_string())?;
    Ok(batches.into_iter().flat_map(|(_, events)| events).collect())
}

#[wasm_bindgen]
impl Mailbox {
    /// Of a directory: where events belong ([`Route::write_all`]).
    pub fn resolve(&self, events: &[u8]) -> std::result::Result<String, JsValue> {
        let events = events_in(events)?;
        let routes = self.with_directory(|directory| directory.resolve(&events, now_ms()))?;
        Ok(Route::write_all(&routes))
    }

    /// Of a directory: where the first person is who is known ([`Route::write_all`]). Each event has one name. None if
    /// nobody is known.
    pub fn route(&self, names: &[u8]) -> std::result::Result<String, JsValue> {
        let events = events_in(names)?;
        let names: Vec<_> = events.into_iter().flat_map(|event| event.names).collect();
        let found = self.with_directory(|directory| directory.find(&names, now_ms()))?;
        Ok(Route::write_all(found.as_slice()))
    }

    /// Of a directory: all names of whoever each event names, as JSON: `[[name, …], …]`.
    pub fn names(&self, events: &[u8]) -> std::result::Result<String, JsValue> {
        let events = events_in(events)?;
        let all = self.with_directory(|directory| directory.names(&events))?;
        let keys = |names: &Vec<Name>| names.iter().map(Name::key).collect();
        let all: Vec<Vec<String>> = all.iter().map(keys).collect();
        serde_json::to_string(&all).map_err(|error| error.to_string().into())
    }

    /// For events whose persons have moved to another partition: whether each is stored here, and what is known of its
    /// person ([`Moved::write_all`]). Takes note of what the events tell about sends; to be told twice does no harm.
    /// `persons` has the directory's number of each event's person: `[person, …]`.
    pub fn cede(&self, events: &[u8], persons: &str) -> std::result::Result<String, JsValue> {
        let events = events_in(events)?;
        let persons = integers(persons).ok_or("not persons")?;
        let now = now_ms();
        let mut all = self.change(now, |core| {
            core.note_reports(&events, now)?;
            let mut all = core.mailbox.cede(&events, &persons, now)?;
            core.repeats.mark_answered(&events, &mut all, now)?;
            Ok(all)
        })?;
        for moved in &mut all {
            moved.former = self.address().name();
        }
        Ok(Moved::write_all(&all))
    }

    /// Takes in what other partitions know of the person whom each event names, and who is here from now on. `wanted`
    /// has the number of each person, and the ids of the events that are to be stored here: `[[person, [id, …]], …]`.
    pub fn adopt(
        &self,
        events: &[u8],
        moved: &str,
        wanted: &str,
    ) -> std::result::Result<(), JsValue> {
        let moved = Moved::read_all(moved).ok_or("not what another partition knows")?;
        let wanted = Document::parse(wanted).ok_or("not what is to be stored")?;
        let adoptions = events_in(events)?.into_iter().zip(moved);
        let adoptions: Option<Vec<Adoption>> = adoptions
            .zip(wanted.root().items())
            .map(|((event, moved), wanted)| {
                let mut wanted = wanted.items();
                Some(Adoption {
                    event,
                    moved,
                    person: wanted.next()?.integer()?,
                    ids: wanted.next()?.texts(),
                })
            })
            .collect();
        let adoptions = adoptions.ok_or("not what is to be stored")?;
        Ok(self.with_core(|core| core.mailbox.adopt(&adoptions))?)
    }

    /// What is known here of the person whom an event names, if anything is ([`Moved::write_all`]).
    pub fn known(&self, name: &[u8]) -> std::result::Result<String, JsValue> {
        let events = events_in(name)?;
        let mut names = events.iter().flat_map(|event| &event.names);
        let known = self.with_core(|core| {
            let known = names.next().map(|name| core.mailbox.known(name));
            Ok(known.transpose()?.flatten())
        })?;
        Ok(Moved::write_all(known.as_slice()))
    }

    /// Which of another partition's holds are over ([`Awaited::write_all`]), since all events that they wait for were
    /// delivered. Gives their ids.
    pub fn gone(&self, asked: &str) -> std::result::Result<String, JsValue> {
        let awaited = Awaited::read_all(asked).ok_or("not what is waited for")?;
        let over = self.with_core(|core| core.mailbox.nothing_left(&awaited))?;
        serde_json::to_string(&over).map_err(|error| error.to_string().into())
    }
}
