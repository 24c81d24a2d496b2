//! The partitions of a number, answering as one: what each of them says, put together. Whoever asks is told what a number
//! without partitions would tell.

use std::cmp::Ordering;

use super::{metrics::STATES, routes::Action};
use crate::{
    mailbox::{LetterPlace, MOST_CONTENT},
    meta::json::{Document, Json},
    written::{Object, list},
};

/// The states of a replay, from the one with the least left to do to the one with the most.
const PROGRESS: [&str; 3] = ["done", "stopped", "running"];

/// What a mailbox answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartitionAnswer {
    /// The status.
    pub status: u16,
    /// The body, which is JSON.
    pub body: String,
}

/// Makes one answer of all. A page has `limit` items at most. `None` if one of them is no answer of a mailbox.
///
/// A 404 adds nothing, unless all answer so. Any other refusal is the answer to the whole.
pub fn together(
    action: Action,
    answers: &[PartitionAnswer],
    limit: usize,
) -> Option<PartitionAnswer> {
    let telling: Vec<&PartitionAnswer> = answers.iter().filter(|one| one.status != 404).collect();
    let Some(worst) = telling.iter().max_by_key(|one| one.status) else {
        return answers.first().cloned();
    };
    let asks =
        |one: &PartitionAnswer| action == Action::DeleteDeadLetters && confirm(one).is_some();
    let refusals = telling.iter().filter(|one| one.status >= 400 && !asks(one));
    if let Some(refusal) = refusals.max_by_key(|one| one.status) {
        return Some((*refusal).clone());
    }
    let documents = telling.iter().map(|one| Document::parse(&one.body));
    let documents: Vec<Document<'_>> = documents.collect::<Option<_>>()?;
    let roots: Vec<Json<'_>> = documents.iter().map(Document::root).collect();
    let body = match action {
        Action::Destinations => page(action, "destinations", &roots, limit),
        Action::DeadLetters => page(action, "dead_letters", &roots, limit),
        Action::Replays => page(action, "replays", &roots, limit),
        Action::DeleteDeadLetters => to_delete(&roots),
        Action::Retry => destination(&roots),
        _ => replay(&roots),
    };
    Some(PartitionAnswer {
        status: worst.status,
        body,
    })
}

/// The number by which the dead letters that an answer tells of are confirmed for deletion; `None` where it refuses that.
/// For all partitions together it is the sum.
pub fn confirm(answer: &PartitionAnswer) -> Option<i64> {
    if answer.status == 404 {
        return Some(0);
    }
    Document::parse(&answer.body)?
        .root()
        .get("confirm")?
        .integer()
}

/// Makes one page of several. Each holds the first items of its mailbox; where it has a next page, more follow behind
/// its last item. So the whole is complete only up to the first of these last items, and ends there.
fn page(action: Action, name: &str, pages: &[Json<'_>], limit: usize) -> String {
    let (items, is_cut) = items(action, name, pages);
    let mut written = Vec::new();
    let mut length = 0;
    let mut next = None;
    let mut groups = items
        .chunk_by(|(one, _), (other, _)| one == other)
        .peekable();
    while written.len() < limit && length <= MOST_CONTENT {
        let Some(group) = groups.next() else { break };
        let same: Vec<Json<'_>> = group.iter().map(|(_, item)| *item).collect();
        let item = match action {
            Action::Destinations => destination(&same),
            Action::Replays => replay(&same),
            _ => same.iter().map(|item| item.raw()).collect(),
        };
        length += item.len();
        written.push(item);
        next = group.first().map(|(place, _)| place.as_str());
    }
    let more = groups.peek().is_some() || is_cut;
    let mut page = Object::default();
    if action == Action::Destinations {
        add_sends(&mut page, pages);
    }
    page.json(name, &list(&written))
        .text_if("next", next.filter(|_| more));
    page.finish()
}

/// The items of all pages in their order, up to where the whole is complete, and whether it ends there.
fn items<'a>(action: Action, name: &str, pages: &[Json<'a>]) -> (Vec<Placed<'a>>, bool) {
    let mut items = Vec::new();
    let mut end: Option<String> = None;
    for page in pages {
        let theirs = placed(*page, name);
        let last = theirs.last().map(|(place, _)| place.clone());
        if let Some(last) = last.filter(|_| page.get("next").is_some()) {
            let is_first = |end: &String| compare(action, &last, end) == Ordering::Less;
            if end.as_ref().is_none_or(is_first) {
                end = Some(last);
            }
        }
        items.extend(theirs);
    }
    items.sort_by(|(one, _), (other, _)| compare(action, one, other));
    if let Some(end) = &end {
        items.retain(|(place, _)| compare(action, place, end) != Ordering::Greater);
    }
    (items, end.is_some())
}

/// How the number's own messages stand in all partitions: it is blocked as much as in the worst of them.
fn add_sends(page: &mut Object, pages: &[Json<'_>]) {
    let counts = [
        "waiting_sends",
        "accepted_sends",
        "failed_sends",
        "unknown_sends",
    ];
    add_sums(page, pages, &counts);
    let blocked = pages.iter().filter_map(|page| page.get("number_blocked"));
    let templates_only = |blocked: &Json<'_>| {
        let flag = blocked.get("templates_only");
        flag.is_some_and(|flag| flag.raw() == "true")
    };
    if let Some(worst) = blocked.min_by_key(templates_only) {
        page.json("number_blocked", worst.raw());
    }
    let silent_since = first(pages, "graph_silent_since");
    page.text_if("graph_silent_since", silent_since.as_deref());
}

/// An item, behind its place in the order of all.
type Placed<'a> = (String, Json<'a>);

/// The items of a page, each with its place in the order of all: by `places`, or by its id if there are none.
fn placed<'a>(page: Json<'a>, name: &str) -> Vec<Placed<'a>> {
    let items = || page.get(name).into_iter().flat_map(Json::items);
    let text = |place: Json<'a>| place.text().unwrap_or_default().into_owned();
    match page.get("places") {
        Some(places) => places.items().map(text).zip(items()).collect(),
        None => items()
            .filter_map(|item| Some((text(item.get("id")?), item)))
            .collect(),
    }
}

/// Which of two places comes first.
fn compare(action: Action, one: &str, other: &str) -> Ordering {
    match action {
        Action::DeadLetters => LetterPlace::read(one).cmp(&LetterPlace::read(other)),
        // The latest comes first.
        Action::Replays => other.cmp(one),
        _ => one.cmp(other),
    }
}

/// How a destination stands in all partitions: its state is the worst of theirs. Counts are sums; the earliest
/// `counted_since` covers them all.
fn destination(same: &[Json<'_>]) -> String {
    let mut view = Object::default();
    copy(&mut view, same, &["id"]);
    view.text("state", worst(same, "state", &STATES))
        .text_if("down_since", first(same, "down_since").as_deref());
    add_sums(
        &mut view,
        same,
        &["waiting_conversations", "waiting_events"],
    );
    let tries = numbers(same, "tries").max().unwrap_or(0);
    view.text_if("oldest_waiting", first(same, "oldest_waiting").as_deref())
        .number("tries", tries);
    add_sums(&mut view, same, &["dead_letters"]);
    let errors = same.iter().filter_map(|item| item.get("last_error"));
    if let Some(error) = errors.max_by_key(|error| first(&[*error], "time")) {
        view.json("last_error", error.raw());
    }
    add_sums(
        &mut view,
        same,
        &[
            "delivered_last_hour",
            "delivered",
            "failed_tries",
            "refused_replies",
        ],
    );
    view.text_if("counted_since", first(same, "counted_since").as_deref())
        .finish()
}

/// A replay that goes on in several partitions under one id.
fn replay(same: &[Json<'_>]) -> String {
    let mut view = Object::default();
    copy(&mut view, same, &["id"]);
    view.text("state", worst(same, "state", &PROGRESS));
    copy(
        &mut view,
        same,
        &[
            "of",
            "destination",
            "to",
            "event",
            "conversation",
            "from",
            "until",
        ],
    );
    add_sums(
        &mut view,
        same,
        &["found", "waiting", "delivered", "died", "dropped"],
    );
    let is_over = times(same, "ended").count() == same.len();
    let ended = times(same, "ended").max().filter(|_| is_over);
    view.text_if("begun", first(same, "begun").as_deref())
        .text_if("ended", ended.as_deref())
        .finish()
}

/// How many dead letters were deleted, and, if some partitions still ask for confirmation, what would be deleted there.
fn to_delete(all: &[Json<'_>]) -> String {
    let mut view = Object::default();
    let is_asking = |one: &Json<'_>| one.get("count").is_some();
    let asking: Vec<Json<'_>> = all.iter().copied().filter(is_asking).collect();
    if !asking.is_empty() {
        copy(&mut view, &asking, &["type", "title", "status", "detail"]);
        add_sums(&mut view, &asking, &["count"]);
        view.text_if("oldest", first(&asking, "oldest").as_deref())
            .text_if("newest", times(&asking, "newest").max().as_deref());
        add_sums(&mut view, &asking, &["confirm"]);
    }
    if asking.len() < all.len() {
        add_sums(&mut view, all, &["deleted"]);
    }
    view.finish()
}

/// Copies from the first what is the same in all.
fn copy(view: &mut Object, same: &[Json<'_>], names: &[&str]) {
    for name in names {
        if let Some(value) = same.first().and_then(|item| item.get(name)) {
            view.json(name, value.raw());
        }
    }
}

fn add_sums(view: &mut Object, same: &[Json<'_>], names: &[&str]) {
    for name in names {
        view.number(name, sum(same, name));
    }
}

fn sum(same: &[Json<'_>], name: &str) -> i64 {
    numbers(same, name).fold(0, i64::saturating_add)
}

fn numbers(same: &[Json<'_>], name: &str) -> impl Iterator<Item = i64> {
    same.iter()
        .filter_map(move |item| item.get(name)?.integer())
}

/// Times. All are in UTC and whole seconds, so they sort as text.
fn times(same: &[Json<'_>], name: &str) -> impl Iterator<Item = String> {
    same.iter()
        .filter_map(move |item| Some(item.get(name)?.text()?.into_owned()))
}

fn first(same: &[Json<'_>], name: &str) -> Option<String> {
    times(same, name).min()
}

/// The last word of `order` that one of them tells.
fn worst(same: &[Json<'_>], name: &str, order: &[&'static str]) -> &'static str {
    let is_told = |word: &&&str| times(same, name).any(|one| one == ***word);
    order.iter().rfind(is_told).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests;
