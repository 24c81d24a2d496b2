//! What a mailbox tells the team that runs it, and does for it. The parameters were checked before they came here.

use url::Url;
use worker::{Method, Request, Response, Result};

use super::{
    mailbox::{Mailbox, now_ms},
    problem::respond,
};
use crate::{
    config::Destination,
    conversation::{
        State,
        handover::{By, Handover},
    },
    event::{Name, rfc3339},
    mailbox::{
        self, Counted, DeadLetter, Found, MOST_CONTENT, Place, Waiting, Which, address::Address,
        sql::SqlError,
    },
    problem,
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
            (Method::Get, "/destinations") => self.destinations(&url),
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
            for name in names(&person) {
                if let Some(found) = core.mailbox.find(&name)? {
                    let statuses = core.mailbox.statuses(found.conversation, most)?;
                    return Ok(Some((found, statuses)));
                }
            }
            Ok(None)
        })?;
        let Some((found, statuses)) = found else {
            return not_found(NOBODY);
        };
        let statuses: Vec<String> = statuses
            .iter()
            .map(|(message, status, time)| {
                let status = serde_json::to_string(status).unwrap_or_default();
                Object::default()
                    .text("message_id", message)
                    .json("status", &status)
                    .text_if("time", time.and_then(rfc3339).as_deref())
                    .finish()
            })
            .collect();
        let windows = found.windows.at(now_ms().div_euclid(1000));
        let mut told = Object::default();
        told.number("conversation", self.address().told(found.conversation))
            .json("names", &serde_json::to_string(&found.names)?)
            .json("window", &serde_json::to_string(&windows)?)
            .json("statuses", &list(&statuses));
        add_handover(&mut told, &found);
        answer(200, &told)
    }

    /// A person takes a conversation over, or gives it back.
    fn hand_over(&self, url: &Url) -> Result<Response> {
        let person = text(url, "person").unwrap_or_default();
        let paused = text(url, "paused").is_some_and(|flag| flag == "true");
        let now = now_ms().div_euclid(1000);
        let handover = paused.then(|| Handover {
            by: By::Api,
            since: now,
            until: integer(url, "for_s").map(|seconds| now.saturating_add(seconds)),
        });
        let found = self.with_core(|core| {
            for name in names(&person) {
                let change = |state: &mut State| state.handover = handover;
                if let Some(found) = core.mailbox.change_state(&name, change)? {
                    return Ok(Some(found));
                }
            }
            Ok(None)
        })?;
        let Some(found) = found else {
            return not_found(NOBODY);
        };
        let mut told = Object::default();
        told.number("conversation", self.address().told(found.conversation));
        add_handover(&mut told, &found);
        answer(200, &told)
    }

    /// All of them, where no limit is given.
    fn destinations(&self, url: &Url) -> Result<Response> {
        let now = now_ms();
        let after = text(url, "after").unwrap_or_default();
        let limit = integer(url, "limit").and_then(|limit| usize::try_from(limit).ok());
        let (destinations, next) = self.with_core(|core| {
            let mailbox = &mut core.mailbox;
            let all =
                (0..).map_while(|index| Some((mailbox.destination(index)?.id.clone(), index)));
            let mut left: Vec<_> = all.filter(|(id, _)| *id > after).collect();
            left.sort_unstable();
            let behind = left.split_off(limit.unwrap_or(left.len()).min(left.len()));
            let mut told = Vec::with_capacity(left.len());
            for (_, index) in &left {
                let waiting = mailbox.waiting(*index)?;
                let counted = mailbox.counted(*index, now);
                let destination = mailbox.destination(*index);
                told.extend(destination.map(|found| standing(found, &waiting, &counted)));
            }
            let last = left.pop().filter(|_| !behind.is_empty());
            Ok((told, last.map(|(id, _)| id)))
        })?;
        let mut page = Object::default();
        page.json("destinations", &list(&destinations))
            .text_if("next", next.as_deref());
        answer(200, &page)
    }

    fn dead_letters(&self, url: &Url) -> Result<Response> {
        let limit = integer(url, "limit").unwrap_or(1);
        let with_content = text(url, "content").is_some_and(|flag| flag == "true");
        let address = self.address();
        let partition = address.partition();
        let after = text(url, "after").as_deref().and_then(Place::read);
        let after = after.as_ref().map(|place| place.behind(partition));
        let listed = self.with_core(|core| {
            let Some(which) = which(&core.mailbox, &address, url)? else {
                return Ok(None);
            };
            let mut letters = Vec::new();
            let mut places = Vec::new();
            let mut length = 0;
            // One more than is told shows whether there are more.
            let found = core.mailbox.dead_letters(&which, after, limit + 1)?;
            let mut found = found.iter();
            for letter in found.by_ref().take(usize::try_from(limit).unwrap_or(1)) {
                let content = if with_content {
                    Some(core.mailbox.content(letter)?)
                } else {
                    None
                };
                length += content.as_ref().map_or(0, String::len);
                letters.push(told(letter, &address, content.as_deref()));
                let place = Place {
                    destination: letter.destination.clone(),
                    seq: letter.event.seq,
                    partition,
                };
                places.push(place.write());
                if length > MOST_CONTENT {
                    break;
                }
            }
            Ok(Some((letters, places, found.next().is_some())))
        })?;
        let Some((letters, places, more)) = listed else {
            return not_found(NOBODY);
        };
        let mut page = Object::default();
        page.json("dead_letters", &list(&letters));
        if partition.is_some() {
            page.json("places", &serde_json::to_string(&places)?);
        }
        let next = places.last().filter(|_| more);
        page.text_if("next", next.map(String::as_str));
        answer(200, &page)
    }

    fn delete_dead_letters(&self, url: &Url) -> Result<Response> {
        let confirmed = integer(url, "confirm");
        let address = self.address();
        let summary = self.with_core(|core| {
            let Some(which) = which(&core.mailbox, &address, url)? else {
                return Ok(None);
            };
            let summary = core.mailbox.summary(&which)?;
            if confirmed == Some(summary.count) {
                core.mailbox.delete(&which)?;
            }
            Ok(Some(summary))
        })?;
        let Some(summary) = summary else {
            return not_found(NOBODY);
        };
        if confirmed == Some(summary.count) {
            return answer(200, Object::default().number("deleted", summary.count));
        }
        let detail = "this is what would go: repeat with confirm=<count>";
        let mut would_go = problem::document(409, "Not confirmed", Some(detail));
        would_go
            .number("count", summary.count)
            .text_if("oldest", summary.oldest_ms.and_then(time).as_deref())
            .text_if("newest", summary.newest_ms.and_then(time).as_deref());
        answer(409, &would_go)
    }
}

/// Whether a person has a conversation in hand.
fn add_handover(told: &mut Object, found: &Found) {
    let handover = found.state.handover.as_ref();
    if let Some(handover) = handover.filter(|it| it.holds(now_ms().div_euclid(1000))) {
        told.json("handover", &handover.view());
    }
}

/// How a destination stands, as JSON.
fn standing(destination: &Destination, waiting: &Waiting, counted: &Counted) -> String {
    let state = if waiting.gone {
        "gone"
    } else if waiting.down_since_ms.is_some() {
        "down"
    } else if destination.paused {
        "paused"
    } else {
        "active"
    };
    let oldest = waiting.oldest_ms.and_then(time);
    let down_since = waiting.down_since_ms.and_then(time);
    let mut told = Object::default();
    told.text("id", &destination.id)
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
        told.json("last_error", &error.finish());
    }
    told.number("delivered_last_hour", counted.delivered_last_hour)
        .number("delivered", counted.delivered)
        .number("failed_tries", counted.failed)
        .text_if("counted_since", time(counted.since_ms).as_deref())
        .finish()
}

/// A dead letter as JSON, with its content as it is.
fn told(letter: &DeadLetter, address: &Address, content: Option<&str>) -> String {
    let event = &letter.event;
    let mut told = Object::default();
    told.text("id", &event.id)
        .text("type", &event.kind)
        .text("destination", &letter.destination)
        .text_if("subject", event.subject.as_deref())
        .number("conversation", address.told(event.conversation))
        .text_if("received", time(event.received_ms).as_deref())
        .number("attempts", letter.attempts)
        .text_if("first_failed", time(letter.first_failed_ms).as_deref())
        .text_if("died", time(letter.died_ms).as_deref())
        .text("error", &letter.error);
    if let Some(content) = content {
        told.json("data", content);
    }
    told.finish()
}

/// The edge hands this on as it is.
pub(super) fn answer(status: u16, body: &Object) -> Result<Response> {
    respond(status, body.finish())
}

pub(super) fn not_found(detail: &str) -> Result<Response> {
    answer(404, &problem::document(404, "Not found", Some(detail)))
}

/// Which events are asked for; `None` where nobody is known as the person in question.
pub(super) fn which(
    mailbox: &mailbox::Mailbox,
    address: &Address,
    url: &Url,
) -> std::result::Result<Option<Which>, SqlError> {
    let mut conversation = None;
    if let Some(told) = integer(url, "conversation") {
        conversation = address.meant(told);
        if conversation.is_none() {
            return Ok(None);
        }
    }
    let persons: Vec<String> = all(url, "person").collect();
    if !persons.is_empty() {
        let mut found = None;
        for name in persons.iter().flat_map(|person| names(person)) {
            if found.is_none() {
                found = mailbox.look(&name)?;
            }
        }
        // One that is asked for in both ways is only there where both mean the same.
        conversation = match (found, conversation) {
            (Some(found), None) => Some(found.conversation),
            (Some(found), Some(number)) if found.conversation == number => Some(number),
            _ => return Ok(None),
        };
    }
    Ok(Some(Which {
        destination: text(url, "destination"),
        event: text(url, "event"),
        conversation,
        from_ms: integer(url, "from"),
        until_ms: integer(url, "until"),
    }))
}

pub(super) fn text(url: &Url, name: &str) -> Option<String> {
    all(url, name).next()
}

/// All values that a parameter has.
fn all(url: &Url, name: &str) -> impl Iterator<Item = String> {
    let pairs = url.query_pairs().filter(move |(key, _)| key == name);
    pairs.map(|(_, value)| value.into_owned())
}

pub(super) fn integer(url: &Url, name: &str) -> Option<i64> {
    text(url, name)?.parse().ok()
}

pub(super) fn time(ms: i64) -> Option<String> {
    rfc3339(ms.div_euclid(1000))
}

/// What somebody may mean who writes down one of a person's names.
pub(crate) fn names(person: &str) -> [Name; 4] {
    let digits = person.trim_start_matches('+').to_owned();
    [
        Name::User(person.to_owned()),
        Name::Phone(digits),
        Name::Group(person.to_owned()),
        Name::Parent(person.to_owned()),
    ]
}
