//! `/dead-letters`, in a mailbox: tells of what destinations never took, and lets it go.

use url::Url;
use worker::{Response, Result};

use super::{
    admin::NOBODY,
    mailbox::Mailbox,
    query::{integer, text, which},
    respond::{answer, not_found, refused, time},
};
use crate::{
    mailbox::{DeadLetter, LetterPlace, MOST_CONTENT, address::Address},
    problem,
    written::{Object, list},
};

impl Mailbox {
    /// `GET /dead-letters`: a page of them.
    pub(super) fn dead_letters(&self, url: &Url) -> Result<Response> {
        let limit = integer(url, "limit").unwrap_or(1);
        let is_set = |flag| text(url, flag).is_some_and(|value| value == "true");
        let (with_content, waiting) = (is_set("content"), is_set("waiting"));
        let address = self.address();
        let partition = address.partition();
        let after = text(url, "after").as_deref().and_then(LetterPlace::read);
        let after = after.as_ref().map(|place| place.behind(partition));
        let listed = self.with_core(|core| {
            let Some(which) = which(&core.mailbox, &address, url)? else {
                return Ok(None);
            };
            let mut letters = Vec::new();
            let mut places = Vec::new();
            let mut length = 0;
            // One more than is told shows whether there are more.
            let found = core
                .mailbox
                .dead_letters(&which, waiting, after, limit + 1)?;
            let mut found = found.iter();
            for letter in found.by_ref().take(usize::try_from(limit).unwrap_or(1)) {
                let content = if with_content {
                    Some(core.mailbox.content(letter)?)
                } else {
                    None
                };
                length += content.as_ref().map_or(0, String::len);
                letters.push(view(letter, &address, content.as_deref()));
                let place = LetterPlace {
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

    /// `DELETE /dead-letters`: says what would go, or, where that was confirmed, lets it go.
    pub(super) fn delete_dead_letters(&self, url: &Url) -> Result<Response> {
        let confirmed = integer(url, "confirm");
        let address = self.address();
        let found = self.with_core(|core| {
            let Some(which) = which(&core.mailbox, &address, url)? else {
                return Ok(None);
            };
            let summary = core.mailbox.summary(&which)?;
            let replay = core.mailbox.replaying(which.destination.as_deref());
            let replay = replay.map(str::to_owned);
            if confirmed == Some(summary.confirm) && replay.is_none() {
                core.mailbox.delete(&which)?;
                core.settle()?;
            }
            Ok(Some((summary, replay)))
        })?;
        let Some((summary, replay)) = found else {
            return not_found(NOBODY);
        };
        if let Some(replay) = replay {
            return replayed(&replay);
        }
        if confirmed == Some(summary.confirm) {
            return answer(200, Object::default().number("deleted", summary.count));
        }
        let detail = "this is what would go: repeat with this `confirm`";
        let mut would_go = problem::document(409, "Not confirmed", Some(detail));
        would_go
            .number("count", summary.count)
            .text_if("oldest", summary.oldest_ms.and_then(time).as_deref())
            .text_if("newest", summary.newest_ms.and_then(time).as_deref())
            .number("confirm", summary.confirm);
        answer(409, &would_go)
    }
}

/// Why dead letters cannot be deleted while there is this replay.
pub(super) fn replayed(replay: &str) -> Result<Response> {
    let detail = format!("replay {replay} may still deliver them: stop it first");
    refused(409, "They are replayed", &detail)
}

/// A dead letter as JSON, with its content as it is.
fn view(letter: &DeadLetter, address: &Address, content: Option<&str>) -> String {
    let event = &letter.event;
    let mut view = Object::default();
    view.text("id", &event.id)
        .text("type", &event.kind)
        .text("destination", &letter.destination)
        .text_if("subject", event.subject.as_deref())
        .number("conversation", address.public_id(event.conversation))
        .text_if("received", time(event.received_ms).as_deref())
        .number("attempts", letter.attempts)
        .text_if("first_failed", time(letter.first_failed_ms).as_deref())
        .text_if("died", letter.died_ms.and_then(time).as_deref())
        .text("error", &letter.error);
    if let Some(content) = content {
        view.json("data", content);
    }
    view.finish()
}
