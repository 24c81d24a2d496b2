//! Calls, in both directions.

use super::messages::{ERRORS, text_of};
use crate::event::Effect;
use crate::event::change::{Change, List};
use crate::event::draft::Draft;
use crate::event::person::{FROM, Person, RECIPIENT, TO, long_id};
use crate::event::shell::Shell;
use crate::meta::json::Json;
use crate::meta::payload::ERRORS_BESIDE;
use crate::meta::payload::call::{CALL, CALL_STATUS};

pub(super) fn read<'a>(change: &mut Change<'_, 'a>, shell: &Shell, value: Json<'a>) -> bool {
    const LISTS: &[List] = &[
        List::new("calls", call, &FROM),
        List::new("statuses", status, &RECIPIENT),
    ];
    // Errors beside calls are those of the calls, and are carried along with them.
    change.lists(shell, value, LISTS, &[]) || change.lists(shell, value, &[ERRORS], &[])
}

/// Something happened in a call. A customer who calls opens the window, whether or not anyone answers.
fn call<'a>(change: &Change<'_, 'a>, item: Json<'a>) -> Option<Draft<'a>> {
    let call = item.get("id").and_then(long_id)?;
    let event = item.get("event").and_then(Json::text)?;
    let kind = match event.as_ref() {
        "connect" => "whatsapp.call.connect",
        "terminate" => "whatsapp.call.terminate",
        "call_created" => "whatsapp.call.created",
        "call_recording_available" => "whatsapp.call.recording_available",
        "call_transcription_available" => "whatsapp.call.transcription_available",
        _ => return None,
    };
    let direction = text_of(item.get("direction"));
    let (from, to) = (Person::read(item, &FROM), Person::read(item, &TO));
    let from_business =
        direction.eq_ignore_ascii_case("BUSINESS_INITIATED") || change.common.is_ours(&from);
    let calls = !from_business && ["connect", "call_created"].contains(&event.as_ref());
    let errors = change
        .container
        .filter(|_| event == "terminate" && item.get("errors").is_none())
        .filter(|container| are_of(item, *container));
    let pieces: Vec<_> = [(&CALL, item)]
        .into_iter()
        .chain(errors.map(|value| (&ERRORS_BESIDE, value)))
        .collect();
    let key = vec!["call".into(), call.clone(), event];
    let draft = Draft::new(kind, call, key).with_payload_of("call", &pieces)?;
    let (customer, other) = if from_business {
        (to, from)
    } else {
        (from, to)
    };
    let person = if change.common.is_ours(&customer) {
        other
    } else {
        customer
    };
    Some(Draft {
        person,
        effect: if calls {
            Effect::Opens { referral: false }
        } else {
            Effect::None
        },
        ..draft
    })
}

/// Whether the errors beside the calls are those of this one, which has ended: where no other has, or no other failed.
fn are_of(call: Json<'_>, container: Json<'_>) -> bool {
    let ended = || {
        let calls = container.get("calls").into_iter().flat_map(Json::items);
        calls.filter(|call| text_of(call.get("event")) == "terminate")
    };
    let failed = |call: &Json<'_>| text_of(call.get("status")).eq_ignore_ascii_case("failed");
    ended().nth(1).is_none() || (failed(&call) && ended().filter(failed).nth(1).is_none())
}

/// How a call of the business is doing. A customer who accepts it opens the window.
fn status<'a>(_: &Change<'_, 'a>, item: Json<'a>) -> Option<Draft<'a>> {
    let call = item.get("id").and_then(long_id)?;
    let status = item
        .get("status")
        .and_then(Json::text)?
        .to_ascii_uppercase();
    let (kind, effect) = match status.as_str() {
        "RINGING" => ("whatsapp.call.ringing", Effect::None),
        "ACCEPTED" => ("whatsapp.call.accepted", Effect::Opens { referral: false }),
        "REJECTED" => ("whatsapp.call.rejected", Effect::None),
        _ => return None,
    };
    let key = vec!["call_status".into(), call.clone(), status.into()];
    Some(Draft {
        person: Person::read(item, &RECIPIENT),
        effect,
        ..Draft::new(kind, call, key).with_payload("call", &CALL_STATUS, item)?
    })
}
