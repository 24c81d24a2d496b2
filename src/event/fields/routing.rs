//! Conversations that pass from one app to another, and those that another app has in hand.

use super::{messages, statuses};
use crate::event::change::{Change, List};
use crate::event::person::{CONTACT, FROM, Person, RECIPIENT, SENT_TO, TO, id};
use crate::event::shell::{CARRIED, Shell};
use crate::event::{Effect, Name};
use crate::event::{
    UNKNOWN,
    draft::{Draft, seconds},
};
use crate::meta::json::Json;
use crate::meta::payload::coexistence::CONTROL;
use crate::meta::payload::message::{ID, SENT};

/// A conversation passed to another app, or was taken by one.
pub(super) fn handover<'a>(change: &Change<'_, 'a>, value: Json<'a>) -> Option<Draft<'a>> {
    let (kind, control) = match value.get("type")?.text()?.as_ref() {
        "control_passed" => (
            "whatsapp.handover.control_passed",
            value.get("control_passed"),
        ),
        "control_taken" => (
            "whatsapp.handover.control_taken",
            value.get("control_taken"),
        ),
        _ => return None,
    };
    let draft = change
        .managed(kind, None, value)
        .with_payload("control", &CONTROL, control?)?;
    let person = value
        .get("sender")
        .map(|sender| Person::read(sender, &CONTACT))
        .unwrap_or_default();
    Some(Draft {
        time: value.get("timestamp").and_then(seconds),
        person,
        ..draft
    })
}

/// What goes on in a conversation that another app has in hand. It must not be answered. What the customer writes opens
/// the window nevertheless, which is the number's, whichever app has the conversation.
pub(super) fn standby<'a>(change: &mut Change<'_, 'a>, shell: &Shell, value: Json<'a>) -> bool {
    const LISTS: &[List] = &[
        List::new("messages", received, &FROM),
        List::new("message_echoes", echoed, &TO),
        List::new("statuses", status, &RECIPIENT),
    ];
    let Some(standby) = value.only("standby") else {
        return false;
    };
    let mut inside = shell.inside();
    let left_out = inside.object(
        value,
        CARRIED,
        &["messaging_product", "metadata"],
        |key, _| key.is("standby"),
    );
    inside.member("standby");
    if !change.lists(&inside, standby, LISTS, &[]) {
        return false;
    }
    if let Some(members) = left_out {
        change.left_out(shell, &members);
    }
    true
}

fn received<'a>(change: &Change<'_, 'a>, item: Json<'a>) -> Option<Draft<'a>> {
    if messages::kind(item) == "system" {
        // Whoever has the conversation in hand, the customer has other names.
        return messages::system(change, item);
    }
    Some(Draft {
        effect: messages::opening(item),
        ..messages::message(change, "whatsapp.standby.received", item)?
    })
}

/// Echoes have what was sent one level down, as the other app gave it to Meta, and with it to whom.
fn echoed<'a>(change: &Change<'_, 'a>, item: Json<'a>) -> Option<Draft<'a>> {
    let kind = "whatsapp.standby.echoed";
    let to = Person::read(item, &TO);
    let Some(sent) = item.get("message") else {
        return Some(Draft {
            person: to,
            ..messages::message(change, kind, item)?
        });
    };
    let mut draft = messages::message_in(change, kind, item, sent, &[(&ID, item), (&SENT, sent)])?;
    if sent.get("type").is_none() {
        sent.get("text")?;
        // Who sends a text need not say so.
        if let Some((_, json)) = &mut draft.payload {
            json.insert_str(1, r#""kind":"text","#);
        }
    }
    if messages::text_of(sent.get("recipient_type")) == "group" {
        let group = sent.get("to").and_then(id);
        let names = group.map(|group| Name::Group(group.into_owned()));
        draft.names.extend(names);
        draft.person = Person::default();
    } else {
        draft.person = to.or(Person::read(sent, &SENT_TO));
    }
    Some(draft)
}

fn status<'a>(change: &Change<'_, 'a>, item: Json<'a>) -> Option<Draft<'a>> {
    let draft = statuses::status(change, item)?;
    let kind = if draft.kind == UNKNOWN {
        UNKNOWN
    } else {
        "whatsapp.standby.status"
    };
    Some(Draft {
        kind: kind.into(),
        effect: Effect::None,
        ..draft
    })
}
