//! Groups: made and closed, joined and left, renamed and suspended.

use crate::event::change::{Change, List};
use crate::event::draft::Draft;
use crate::event::person::{self, CONTACT, Person, id};
use crate::meta::json::Json;
use crate::meta::payload::group::GROUP;

pub(super) const LISTS: &[List] = &[
    List::new("groups", group, &CONTACT),
    super::messages::ERRORS,
];

fn group<'a>(_: &Change<'_, 'a>, item: Json<'a>) -> Option<Draft<'a>> {
    let kind = match item.get("type")?.text()?.as_ref() {
        "group_create" => "whatsapp.group.created",
        "group_delete" => "whatsapp.group.deleted",
        "group_participants_add" | "group_add_participants" => "whatsapp.group.participants_added",
        "group_participants_remove" | "group_remove_participants" => {
            "whatsapp.group.participants_removed"
        }
        "group_join_request_created" => "whatsapp.group.join_requested",
        "group_join_request_revoked" => "whatsapp.group.join_request_revoked",
        "group_settings_update" => "whatsapp.group.settings_changed",
        "group_suspend" => "whatsapp.group.suspended",
        "group_suspend_cleared" => "whatsapp.group.suspension_cleared",
        _ => return None,
    };
    // A group that could not be made has no id; the request for it has one.
    let group = item.get("group_id").and_then(id);
    let about = group.or_else(|| item.any(&["request_id", "join_request_id"]).and_then(id))?;
    // Two people can join in one second and be told of separately, so the whole item counts.
    let draft = Draft::new(kind, about, ["group".into(), item.canonical().into()]);
    Some(Draft {
        person: Person::contact(item),
        names: person::group(item),
        ..draft.with_payload("group", &GROUP, item)?
    })
}
