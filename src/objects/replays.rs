//! `/v1/replays`, in the mailbox of the number: begins replays, stops them, and tells how far they have got.

use url::Url;
use worker::{Response, Result};

use super::{
    admin::NOBODY,
    mailbox::{Mailbox, now_ms},
    query::{integer, text, which},
    respond::{answer, not_found, refused, time},
};
use crate::{
    mailbox::{
        address::Address,
        replay::{Begun, Replay, Wish},
    },
    written::{Object, list},
};

/// What is said where there is no such replay.
const NONE: &str = "there is no such replay: it never was, or ended more than a week ago";

impl Mailbox {
    /// Begins a replay.
    pub(super) fn replay(&self, url: &Url) -> Result<Response> {
        let given = [text(url, "destination"), text(url, "to")];
        let (destination, to) = match given {
            [Some(destination), Some(to)] => (destination, to),
            [Some(one), None] | [None, Some(one)] => (one.clone(), one),
            [None, None] => return not_found("name a destination"),
        };
        let now = now_ms();
        let address = self.address();
        let begun = self.change(now, |core| {
            let Some(mut which) = which(&core.mailbox, &address, url)? else {
                return Ok(None);
            };
            which.destination = Some(destination);
            let wish = Wish {
                id: text(url, "id").unwrap_or_default(),
                which,
                kept: text(url, "of").is_some_and(|of| of == "all"),
                to,
            };
            core.mailbox.replay(wish, now).map(Some)
        })?;
        match begun {
            Some(Begun::Running(replay)) => answer(202, &view(&replay, &address)),
            Some(Begun::NoDestination) => {
                not_found("there is no destination to replay to: name one in `to`")
            }
            Some(Begun::NoSource) => not_found(
                "there is no such `destination`: of one that was taken out, only dead letters can be replayed",
            ),
            Some(Begun::Gone) => {
                let detail =
                    "it answered 410: have it tried again (POST …/retry), or give it another `url`";
                refused(409, "Destination gone", detail)
            }
            Some(Begun::TooMany(running)) => {
                let detail = format!("{running} are running: wait for one to end, or stop one");
                refused(409, "Too many replays", &detail)
            }
            None => not_found(NOBODY),
        }
    }

    /// Tells of all replays, the latest first.
    pub(super) fn replays(&self, url: &Url) -> Result<Response> {
        let limit = integer(url, "limit").unwrap_or(1);
        let after = text(url, "after");
        let replays = self.with_core(|core| {
            core.mailbox
                .replays(after.as_deref(), limit.saturating_add(1))
        })?;
        let most = usize::try_from(limit).unwrap_or(1);
        let page: Vec<&Replay> = replays.iter().take(most).collect();
        let next = page.last().filter(|_| replays.len() > most);
        let address = self.address();
        let all = page.iter().map(|replay| view(replay, &address).finish());
        let all: Vec<String> = all.collect();
        let mut view = Object::default();
        view.json("replays", &list(&all))
            .text_if("next", next.map(|replay| replay.id.as_str()));
        answer(200, &view)
    }

    /// Tells of one replay.
    pub(super) fn tell_replay(&self, url: &Url) -> Result<Response> {
        let id = text(url, "id").unwrap_or_default();
        let replay = self.with_core(|core| core.mailbox.replay_of(&id))?;
        self.answer_with(replay)
    }

    /// Stops a replay.
    pub(super) fn stop_replay(&self, url: &Url) -> Result<Response> {
        let id = text(url, "id").unwrap_or_default();
        let now = now_ms();
        let replay = self.change(now, |core| core.mailbox.stop_replay(&id, now))?;
        self.answer_with(replay)
    }

    fn answer_with(&self, replay: Option<Replay>) -> Result<Response> {
        let Some(replay) = replay else {
            return not_found(NONE);
        };
        answer(200, &view(&replay, &self.address()))
    }
}

/// A replay as JSON.
fn view(replay: &Replay, address: &Address) -> Object {
    let which = &replay.which;
    let when = |ms: Option<i64>| ms.and_then(time);
    let mut view = Object::default();
    view.text("id", &replay.id)
        .text("state", replay.state())
        .text("of", if replay.kept { "all" } else { "dead-letters" })
        .text_if("destination", which.destination.as_deref())
        .text("to", &replay.to)
        .text_if("event", which.event.as_deref());
    if let Some(conversation) = which.conversation {
        view.number("conversation", address.public_id(conversation));
    }
    view.text_if("from", when(which.from_ms).as_deref())
        .text_if("until", when(which.until_ms).as_deref())
        .number("found", replay.found)
        .number("waiting", replay.waiting())
        .number("delivered", replay.delivered())
        .number("died", replay.died)
        .number("dropped", replay.dropped)
        .text_if("begun", time(replay.begun_ms).as_deref())
        .text_if("ended", when(replay.ended_ms).as_deref());
    view
}
