//! What a mailbox tells the team that runs it, and does for it. The parameters were checked before they came here.

use serde_json::json;
use url::Url;
use worker::{Method, Request, Response, Result};

use super::mailbox::{Mailbox, now_ms};
use crate::{
    event::{Name, rfc3339},
    mailbox::{DeadLetter, Summary, Which},
};

/// How much content one page of dead letters may hold, in bytes; one dead letter is always given.
const CONTENT: usize = 1024 * 1024;

/// How many of the last statuses of a conversation are told.
const STATUSES: usize = 20;

impl Mailbox {
    /// Answers a command of the admin API.
    pub(super) async fn administer(&self, request: &Request) -> Result<Response> {
        let url = request.url()?;
        let response = match (request.method(), url.path()) {
            (Method::Get, "/conversation") => self.conversation(&url),
            (Method::Get, "/destinations") => self.destinations(),
            (Method::Get, "/dead-letters") => self.dead_letters(&url),
            (Method::Delete, "/dead-letters") => self.delete_dead_letters(&url),
            (Method::Post, "/replays") => self.replay(&url).await,
            _ => Response::error("no such command", 404),
        }?;
        // Set here, as the edge hands the answer on as it is.
        response.headers().set("cache-control", "no-store")?;
        Ok(response)
    }

    fn conversation(&self, url: &Url) -> Result<Response> {
        let person = text(url, "person").unwrap_or_default();
        let found = self.with_core(|core| {
            for name in names(&person) {
                if let Some(found) = core.mailbox.find(&name)? {
                    let statuses = core.mailbox.statuses(found.conversation, STATUSES)?;
                    return Ok(Some((found, statuses)));
                }
            }
            Ok(None)
        })?;
        let Some((found, statuses)) = found else {
            return Response::error("this number has no conversation with this person", 404);
        };
        let statuses: Vec<_> = statuses
            .into_iter()
            .map(|(message, status, time)| {
                json!({ "message_id": message, "status": status, "time": time.and_then(rfc3339) })
            })
            .collect();
        Response::from_json(&json!({
            "conversation": found.conversation,
            "names": found.names,
            "window": found.windows.at(now_ms().div_euclid(1000)),
            "statuses": statuses,
        }))
    }

    fn destinations(&self) -> Result<Response> {
        let destinations = self.with_core(|core| {
            let mut all = Vec::new();
            for index in 0.. {
                let Some(destination) = core.mailbox.destination(index) else {
                    break;
                };
                let waiting = core.mailbox.waiting(index)?;
                let state = if waiting.gone {
                    "gone"
                } else if waiting.down_since_ms.is_some() {
                    "down"
                } else if destination.paused {
                    "paused"
                } else {
                    "active"
                };
                all.push(json!({
                    "id": destination.id,
                    "state": state,
                    "waiting_conversations": waiting.conversations,
                    "waiting_events": waiting.events,
                    "dead_letters": waiting.dead_letters,
                }));
            }
            Ok(all)
        })?;
        Response::from_json(&json!({ "destinations": destinations }))
    }

    fn dead_letters(&self, url: &Url) -> Result<Response> {
        let which = which(url);
        let limit = integer(url, "limit").unwrap_or(1);
        let with_content = text(url, "content").is_some_and(|flag| flag == "true");
        let after = text(url, "after");
        let after = after.as_deref().and_then(|place| {
            let (destination, seq) = place.rsplit_once(':')?;
            Some((destination, seq.parse().ok()?))
        });
        let (letters, next) = self.with_core(|core| {
            let mut letters = Vec::new();
            let mut place = None;
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
                letters.push(told(letter, content.as_deref()));
                place = Some(format!("{}:{}", letter.destination, letter.event.seq));
                if length > CONTENT {
                    break;
                }
            }
            Ok((letters, place.filter(|_| found.next().is_some())))
        })?;
        let next = next.map(|next| format!(",\"next\":{}", json!(next)));
        let body = format!(
            "{{\"dead_letters\":[{}]{}}}",
            letters.join(","),
            next.unwrap_or_default()
        );
        let response = Response::ok(body)?;
        response.headers().set("content-type", "application/json")?;
        Ok(response)
    }

    fn delete_dead_letters(&self, url: &Url) -> Result<Response> {
        let which = which(url);
        let confirmed = integer(url, "confirm");
        let summary = self.with_core(|core| {
            let summary = core.mailbox.summary(&which)?;
            if confirmed == Some(summary.count) {
                core.mailbox.delete(&which)?;
            }
            Ok(summary)
        })?;
        let Summary {
            count,
            oldest_ms,
            newest_ms,
        } = summary;
        if confirmed == Some(count) {
            return Response::from_json(&json!({ "deleted": count }));
        }
        let mut would_go = serde_json::Map::new();
        would_go.insert("count".to_owned(), count.into());
        for (name, ms) in [("oldest", oldest_ms), ("newest", newest_ms)] {
            if let Some(time) = ms.and_then(time) {
                would_go.insert(name.to_owned(), time.into());
            }
        }
        let status = if confirmed.is_some() { 409 } else { 428 };
        Ok(Response::from_json(&would_go)?.with_status(status))
    }

    async fn replay(&self, url: &Url) -> Result<Response> {
        let which = which(url);
        let to = text(url, "to").or_else(|| which.destination.clone());
        let to = to.unwrap_or_default();
        // So that it is known before anything is written whether an alarm is set.
        self.append(Vec::new()).await?;
        let now = now_ms();
        let (count, wakes_at) = self.with_core(|core| {
            let count = core.mailbox.replay(&which, &to, now)?;
            Ok((count, core.mailbox.wakes_at(now)))
        })?;
        let Some(count) = count else {
            return Response::error(
                "there is no destination to replay to: name one in `to`",
                404,
            );
        };
        self.arm(wakes_at).await?;
        Ok(Response::from_json(&json!({ "queued": count }))?.with_status(202))
    }
}

/// A dead letter as JSON, with its content as it is.
fn told(letter: &DeadLetter, content: Option<&str>) -> String {
    let event = &letter.event;
    let mut told = json!({
        "id": event.id,
        "type": event.kind,
        "destination": letter.destination,
        "subject": event.subject,
        "conversation": event.conversation,
        "received": time(event.received_ms),
        "attempts": letter.attempts,
        "first_failed": time(letter.first_failed_ms),
        "died": time(letter.died_ms),
        "error": letter.error,
    })
    .to_string();
    if let Some(content) = content {
        told.pop();
        told.push_str(",\"data\":");
        told.push_str(content);
        told.push('}');
    }
    told
}

fn which(url: &Url) -> Which {
    Which {
        destination: text(url, "destination"),
        event: text(url, "event"),
        conversation: integer(url, "conversation"),
        from_ms: integer(url, "from"),
        until_ms: integer(url, "until"),
    }
}

fn text(url: &Url, name: &str) -> Option<String> {
    let mut pairs = url.query_pairs();
    pairs
        .find(|(key, _)| key == name)
        .map(|(_, value)| value.into_owned())
}

fn integer(url: &Url, name: &str) -> Option<i64> {
    text(url, name)?.parse().ok()
}

fn time(ms: i64) -> Option<String> {
    rfc3339(ms.div_euclid(1000))
}

/// What somebody may mean who writes down one of a person's names.
pub(super) fn names(person: &str) -> [Name; 4] {
    let digits = person.trim_start_matches('+').to_owned();
    [
        Name::User(person.to_owned()),
        Name::Phone(digits),
        Name::Group(person.to_owned()),
        Name::Parent(person.to_owned()),
    ]
}
