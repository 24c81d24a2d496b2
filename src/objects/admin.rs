//! What a mailbox tells the team that runs it, and does for it. The parameters were checked before they came here.

use url::Url;
use worker::{Method, Request, Response, Result};

use super::{
    dead_letters::replayed,
    mailbox::{Mailbox, now_ms},
    query::{integer, persons, text},
    respond::{answer, not_found, respond, time},
};
use crate::{
    conversation::handover::{By, Handover},
    event::{Name, rfc3339},
    mailbox::{self, Counted, Found, Waiting, address::Address, by_any, sql},
    sending::whom::names,
    written::{Object, list},
};

/// How many of the last statuses of a conversation are told.
const STATUSES: usize = 20;

/// What is said of somebody who is not known.
pub(super) const NOBODY: &str = "this number has no conversation with this person";

impl Mailbox {
    /// Answers a command of the admin API.
    pub(super) fn administer(&self, request: &Request) -> Result<Response> {
        let url = request.url()?;
        match (request.method(), url.path()) {
            (Method::Get, "/conversation") => self.conversation(&url),
            (Method::Delete, "/conversation") => self.forget(&url),
            (Method::Get, "/destinations") => self.destinations(&url),
            (Method::Post, "/retry") => self.retry(&url),
            (Method::Get, "/dead-letters") => self.dead_letters(&url),
            (Method::Delete, "/dead-letters") => self.delete_dead_letters(&url),
            (Method::Get, "/replays") => self.replays(&url),
            (Method::Post, "/replays") => self.replay(&url),
            (Method::Get, "/replay") => self.tell_replay(&url),
            (Method::Post, "/replay/stop") => self.stop_replay(&url),
            (Method::Post, "/handover") => self.hand_over(&url),
            (Method::Get, "/consent") => self.tell_consent(&url),
            (Method::Put, "/consent") => self.set_consent(&url),
            _ => Response::error("no such command", 404),
        }
    }

    fn conversation(&self, url: &Url) -> Result<Response> {
        let person = text(url, "person").unwrap_or_default();
        let most = match text(url, "statuses").as_deref() {
            Some("false") => 0,
            _ => STATUSES,
        };
        let found = self.with_core(|core| {
            by_any(&names(&person), |name| {
                let Some(found) = core.mailbox.find(name)? else {
                    return Ok(None);
                };
                let statuses = core.mailbox.statuses(found.conversation, most)?;
                Ok(Some((found, statuses)))
            })
        })?;
        let Some((found, statuses)) = found else {
            return not_found(NOBODY);
        };
        let statuses: Vec<String> = statuses
            .iter()
            .map(|(message, status, time)| {
                Object::default()
                    .text("message_id", message)
                    .text("status", status.name())
                    .text_if("time", time.and_then(rfc3339).as_deref())
                    .finish()
            })
            .collect();
        let windows = found.windows.view(now_ms().div_euclid(1000));
        let mut view = Object::default();
        view.number("conversation", self.address().public_id(found.conversation))
            .json("names", &serde_json::to_string(&found.names)?)
            .json("window", &windows)
            .json("statuses", &list(&statuses));
        add_handover(&mut view, &found);
        answer(200, &view)
    }

    /// Forgets a person. A directory is told by the same command.
    fn forget(&self, url: &Url) -> Result<Response> {
        let now = now_ms();
        let persons = persons(url);
        let found = if matches!(self.address(), Address::Directory { .. }) {
            self.with_directory(|directory| each(&persons, &mut |name| directory.forget(name)))?
        } else {
            let replay =
                self.with_core(|core| Ok(core.mailbox.replaying(None).map(str::to_owned)))?;
            if let Some(replay) = replay {
                return replayed(&replay);
            }
            let found = self.with_core(|core| {
                let found = each(&persons, &mut |name| {
                    core.mailbox.forget_person(name, &persons, now)
                })?;
                core.settle()?;
                Ok(found)
            })?;
            self.tell_windows(now)?;
            found
        };
        if found.is_empty() {
            return not_found(NOBODY);
        }
        let names: Vec<String> = found.into_iter().flat_map(|found| found.names).collect();
        let names = serde_json::to_string(&names)?;
        answer(200, Object::default().json("names", &names))
    }

    /// A person takes a conversation over, or gives it back.
    fn hand_over(&self, url: &Url) -> Result<Response> {
        let person = text(url, "person").unwrap_or_default();
        let paused = text(url, "paused").is_some_and(|flag| flag == "true");
        let now = now_ms().div_euclid(1000);
        let handover = if paused {
            Handover {
                by: By::Api,
                since: now,
                until: integer(url, "for_s").map(|seconds| now.saturating_add(seconds)),
            }
        } else {
            Handover::given_back(By::Api, now)
        };
        let found = self.with_core(|core| {
            by_any(&names(&person), |name| {
                core.mailbox
                    .change_state(name, |state| state.handover = Some(handover))
            })
        })?;
        let Some(found) = found else {
            return not_found(NOBODY);
        };
        let mut view = Object::default();
        view.number("conversation", self.address().public_id(found.conversation));
        add_handover(&mut view, &found);
        answer(200, &view)
    }

    /// All destinations, also those that were taken out of the settings and have left something, or a page of them if a
    /// limit is given, and how the number's own messages stand. It also sets the alarm, so that what can go now goes:
    /// after a change of settings nobody has to wait until a quiet number works again.
    fn destinations(&self, url: &Url) -> Result<Response> {
        let now = now_ms();
        let after = text(url, "after").unwrap_or_default();
        let limit = integer(url, "limit").and_then(|limit| usize::try_from(limit).ok());
        let mut page = Object::default();
        let (destinations, next) = self.change(now, |core| {
            let ended = core.outbox.ended();
            page.number("waiting_sends", core.outbox.waiting())
                .number("accepted_sends", ended.accepted)
                .number("failed_sends", ended.failed)
                .number("unknown_sends", ended.unknown);
            if let Some(blocked) = core.outbox.blocked() {
                page.json("number_blocked", &blocked.view().to_string());
            }
            let silent_since = core.outbox.silent_since_ms().and_then(time);
            page.text_if("graph_silent_since", silent_since.as_deref());
            let mailbox = &mut core.mailbox;
            let taken_out = mailbox.taken_out()?;
            // One that was taken out has no index.
            let nothing = mailbox.counted(None, now);
            let all = (0..)
                .map_while(|index| Some((mailbox.destination(index)?.id.clone(), Some(index))));
            let all = all.chain(taken_out.iter().map(|(id, _)| (id.clone(), None)));
            let mut left: Vec<_> = all.filter(|(id, _)| *id > after).collect();
            left.sort_unstable();
            let behind = left.split_off(limit.unwrap_or(left.len()).min(left.len()));
            let mut listed = Vec::with_capacity(left.len());
            for (id, index) in &left {
                let taken_out = || taken_out.iter().find(|(other, _)| other == id);
                listed.extend(match index {
                    Some(index) => destination_json_of(mailbox, *index, now)?,
                    None => taken_out()
                        .map(|(id, waiting)| destination_json(id, "removed", waiting, &nothing)),
                });
            }
            let last = left.pop().filter(|_| !behind.is_empty());
            let next = last.map(|(id, _)| id);
            Ok((listed, next))
        })?;
        page.json("destinations", &list(&destinations))
            .text_if("next", next.as_deref());
        answer(200, &page)
    }

    /// Has all that waits for a destination be tried now, and tells how it stands.
    fn retry(&self, url: &Url) -> Result<Response> {
        let now = now_ms();
        let id = text(url, "destination").unwrap_or_default();
        let view = self.change(now, |core| match core.mailbox.retry(&id, now)? {
            Some(index) => destination_json_of(&mut core.mailbox, index, now),
            None => Ok(None),
        })?;
        match view {
            Some(view) => respond(200, view),
            None => not_found("there is no such destination"),
        }
    }
}

/// Whoever is found by each of these, which may be a name of several kinds.
fn each(
    persons: &[String],
    find: &mut dyn FnMut(&Name) -> sql::Result<Option<Found>>,
) -> sql::Result<Vec<Found>> {
    let mut all = Vec::new();
    for person in persons {
        all.extend(by_any(&names(person), &mut *find)?);
    }
    Ok(all)
}

/// Whether a person has a conversation in hand.
fn add_handover(view: &mut Object, found: &Found) {
    let handover = found.state.handover.as_ref();
    if let Some(handover) = handover.filter(|it| it.is_active(now_ms().div_euclid(1000))) {
        view.json("handover", &handover.view());
    }
}

/// How a destination stands that is set, as JSON.
fn destination_json_of(
    mailbox: &mut mailbox::Mailbox,
    index: usize,
    now: i64,
) -> sql::Result<Option<String>> {
    let waiting = mailbox.waiting(index)?;
    let counted = mailbox.counted(Some(index), now);
    let Some(destination) = mailbox.destination(index) else {
        return Ok(None);
    };
    let state = if waiting.gone {
        "gone"
    } else if destination.paused {
        // Nothing is tried that could show that it answers again.
        "paused"
    } else if waiting.down_since_ms.is_some() {
        "down"
    } else {
        "active"
    };
    Ok(Some(destination_json(
        &destination.id,
        state,
        &waiting,
        &counted,
    )))
}

/// How a destination stands, as JSON.
fn destination_json(id: &str, state: &str, waiting: &Waiting, counted: &Counted) -> String {
    let oldest = waiting.oldest_ms.and_then(time);
    let down_since = waiting.down_since_ms.and_then(time);
    let mut view = Object::default();
    view.text("id", id)
        .text("state", state)
        .text_if("down_since", down_since.as_deref())
        .number("waiting_conversations", waiting.conversations)
        .number("waiting_events", waiting.events)
        .text_if("oldest_waiting", oldest.as_deref())
        .number("tries", waiting.tries)
        .number("dead_letters", waiting.dead_letters);
    if let Some(failure) = &waiting.last_error {
        let mut error = Object::default();
        error
            .text("class", &failure.class)
            .text_if("time", time(failure.at_ms).as_deref());
        view.json("last_error", &error.finish());
    }
    view.number("delivered_last_hour", counted.delivered_last_hour)
        .number("delivered", counted.delivered)
        .number("failed_tries", counted.failed)
        .number("refused_replies", counted.refused_replies)
        .text_if("counted_since", time(counted.since_ms).as_deref())
        .finish()
}
