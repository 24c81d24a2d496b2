//! The field `history`: what was written before the number came to the API. Nothing of it opens a window.
//!
//! It comes in chunks of threads of messages, and the media of the last two weeks afterwards as bare messages.

use super::messages::{message, text_of};
use crate::event::change::{Change, List};
use crate::event::draft::Draft;
use crate::event::person::{FROM, Person, TO, line, phone};
use crate::event::shell::{CARRIED, Shell};
use crate::meta::json::Json;
use crate::meta::payload::ERRORS_BESIDE;
use crate::meta::payload::coexistence::HISTORY_PROGRESS;
use crate::written::{begin_member, push_string};

const THREAD: &[List] = &[List::new("messages", past, &FROM)];
const BARE: &[List] = &[
    List::new("messages", past, &FROM),
    List::new("message_echoes", past, &TO),
];

pub(super) fn read<'a>(change: &mut Change<'_, 'a>, shell: &Shell, value: Json<'a>) -> bool {
    let Some(chunks) = value
        .only("history")
        .filter(|list| list.is_list() && change.common.number.is_some())
    else {
        return change.lists(shell, value, BARE, &[]);
    };
    let mut inside = shell.inside();
    let elsewhere = ["history", "messages", "message_echoes"];
    let left_out = inside.object(
        value,
        CARRIED,
        &["messaging_product", "metadata"],
        |key, _| elsewhere.iter().any(|name| key.is(name)),
    );
    inside.list("history");
    let mut found = false;
    for item in chunks.items() {
        chunk(change, &inside, item);
        found = true;
    }
    found |= change.lists(shell, value, BARE, &["history"]);
    if let Some(members) = left_out.filter(|_| found) {
        change.left_out(shell, &members);
    }
    found
}

/// A chunk: an event for every message, and one for how far the history has come.
fn chunk<'a>(change: &mut Change<'_, 'a>, outside: &Shell, chunk: Json<'a>) {
    let threads = chunk.only("threads").filter(|threads| threads.is_list());
    let Some(draft) =
        progress(chunk).filter(|_| threads.is_some() || chunk.get("threads").is_none())
    else {
        change.emit(Draft::unknown(chunk), &|out| {
            outside.around(chunk.raw(), out);
        });
        return;
    };
    let mut shell = outside.inside();
    let left_out = shell.object(chunk, CARRIED, &["metadata", "errors"], |key, _| {
        threads.is_some() && key.is("threads")
    });
    let mut inside = shell.inside();
    inside.list("threads");
    let mut empty = Vec::new();
    for thread in threads.into_iter().flat_map(Json::items) {
        let known = thread
            .get("context")
            .map(Person::contact)
            .unwrap_or_default();
        let named = Person {
            phone: thread.get("id").and_then(line).and_then(phone),
            ..Person::default()
        };
        change.thread = known.or(named);
        if !change.lists(&inside, thread, THREAD, &[]) {
            empty.push(thread.raw());
        }
    }
    change.thread = Person::default();
    change.emit(draft, &|out| match &empty[..] {
        [] => shell.around("", out),
        threads => shell.around_member(r#""threads""#, &format!("[{}]", threads.join(",")), out),
    });
    if let Some(members) = left_out {
        change.left_out(outside, &members);
    }
}

/// How far the history has come, or why there is none.
fn progress(chunk: Json<'_>) -> Option<Draft<'_>> {
    let failed = chunk.get("errors").is_some();
    let metadata = chunk
        .get("metadata")
        .filter(|metadata| metadata.is_object());
    if metadata.is_none() && !failed {
        return None;
    }
    let kind = if failed {
        "whatsapp.history.failed"
    } else {
        "whatsapp.history.progressed"
    };
    let said = |name: &str| chunk.get(name).map(Json::canonical).unwrap_or_default();
    let key = vec![
        "history".into(),
        said("metadata").into(),
        said("errors").into(),
    ];
    let pieces: Vec<_> = metadata
        .map(|metadata| (&HISTORY_PROGRESS, metadata))
        .into_iter()
        .chain([(&ERRORS_BESIDE, chunk)])
        .collect();
    Draft::new(kind, "history", key).with_payload_of("history", &pieces)
}

/// A message of the past, in either direction, which it says. One whose media is still to come is told again with it.
fn past<'a>(change: &Change<'_, 'a>, item: Json<'a>) -> Option<Draft<'a>> {
    let mut draft = message(change, "whatsapp.message.history", item)?;
    draft.key.push(text_of(item.get("type")));
    let sender = Person::read(item, &FROM);
    let outbound = item.any(&["to", "to_user_id"]).is_some() || change.common.is_ours(&sender);
    let (person, direction) = if outbound {
        (Person::read(item, &TO), Some("outbound"))
    } else {
        let inbound = (!sender.is_nobody()).then_some("inbound");
        (sender, inbound)
    };
    if let Some(direction) = direction {
        draft.add(&|out| {
            begin_member(out, "direction");
            push_string(out, direction);
        });
    }
    let person = change.thread.clone().or(person);
    Some(Draft { person, ..draft })
}
