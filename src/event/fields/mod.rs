//! Meta's fields: what their items mean.
//!
//! A field is one line of the table and one short function. To add one: describe its value in `meta::payload`, write
//! the function that reads an item, add the line, a case in `conformance/` and a line in `docs/events.md`.

mod account;
mod calls;
mod coexistence;
mod customers;
mod groups;
mod history;
mod messages;
mod phone_number;
mod routing;
mod statuses;
mod templates;

use super::change::{Change, List};
use super::draft::Draft;
use super::shell::Shell;
use crate::meta::json::Json;
use crate::meta::payload;
use crate::meta::payload::{
    account as accounts, call, coexistence as coexisting, customer, group, template,
};
use crate::meta::shape::Shape;

/// A field of Meta's: by which names it goes, what its value looks like, and how that becomes events.
struct Field {
    names: &'static [&'static str],
    shape: &'static Shape,
    read: Read,
}

/// How a field's value becomes events.
enum Read {
    /// Every item of these lists is an event.
    Items(&'static [List]),
    /// The whole value is one event; the function gives `None` where it does not know it.
    Whole(for<'a> fn(&Change<'_, 'a>, Json<'a>) -> Option<Draft<'a>>),
    /// In a way of its own; the function gives `false` where it found nothing that it knows.
    Own(for<'a> fn(&mut Change<'_, 'a>, &Shell, Json<'a>) -> bool),
}

const fn field(names: &'static [&'static str], shape: &'static Shape, read: Read) -> Field {
    Field { names, shape, read }
}

use Read::{Items, Own, Whole};

#[rustfmt::skip]
static FIELDS: &[Field] = &[
    field(&["messages"], &payload::MESSAGES, Items(messages::LISTS)),
    field(&["user_preferences"], &customer::USER_PREFERENCES, Items(customers::PREFERENCES)),
    field(&["user_id_update"], &customer::USER_ID_UPDATE, Items(customers::USER_IDS)),
    field(&["automatic_events"], &customer::AUTOMATIC_EVENTS, Items(customers::CONVERSIONS)),
    field(&["calls"], &call::CALLS, Own(calls::read)),
    field(&["group_lifecycle_update"], &group::GROUPS, Items(groups::LISTS)),
    field(&["group_participants_update", "group_participant_update"], &group::GROUPS, Items(groups::LISTS)),
    field(&["group_settings_update"], &group::GROUPS, Items(groups::LISTS)),
    field(&["group_status_update"], &group::GROUPS, Items(groups::LISTS)),
    field(&["smb_message_echoes"], &coexisting::ECHOES, Items(coexistence::ECHOES)),
    field(&["smb_app_state_sync"], &coexisting::STATE_SYNC, Items(coexistence::STATES)),
    field(&["history"], &coexisting::HISTORY, Own(history::read)),
    field(&["standby"], &coexisting::STANDBY, Own(routing::standby)),
    field(&["messaging_handovers"], &coexisting::HANDOVERS, Whole(routing::handover)),
    field(&["message_template_status_update"], &template::TEMPLATE, Whole(templates::status)),
    field(&["message_template_quality_update"], &template::TEMPLATE, Whole(templates::quality)),
    field(&["message_template_components_update"], &template::TEMPLATE, Whole(templates::components)),
    field(&["template_category_update"], &template::TEMPLATE, Whole(templates::category)),
    field(&["template_correct_category_detection"], &template::TEMPLATE, Whole(templates::detection)),
    field(&["account_alerts"], &accounts::ALERTS, Whole(account::alert)),
    field(&["account_review_update"], &accounts::REVIEW, Whole(account::review)),
    field(&["account_update"], &accounts::UPDATE, Whole(account::update)),
    field(&["business_capability_update"], &accounts::CAPABILITY, Whole(account::capability)),
    field(&["partner_solutions"], &accounts::PARTNER_SOLUTION, Whole(account::solution)),
    field(&["payment_configuration_update"], &accounts::PAYMENT_CONFIGURATION, Whole(account::payment_configuration)),
    field(&["flows"], &accounts::FLOW, Whole(account::flow)),
    field(&["account_settings_update"], &accounts::SETTINGS, Whole(phone_number::settings)),
    field(&["phone_number_name_update"], &accounts::NUMBER_NAME, Whole(phone_number::name)),
    field(&["phone_number_quality_update"], &accounts::NUMBER_QUALITY, Whole(phone_number::quality)),
    field(&["security"], &accounts::SECURITY, Whole(phone_number::security)),
    field(&["business_username_updates", "business_username_update"], &accounts::BUSINESS_USERNAME, Whole(phone_number::username)),
];

fn find(name: &str) -> Option<&'static Field> {
    FIELDS.iter().find(|field| field.names.contains(&name))
}

/// The names of all fields.
#[cfg(test)]
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    FIELDS.iter().flat_map(|field| field.names).copied()
}

/// What the value of a field looks like; `None` where we do not know the field.
pub(super) fn shape(field: &str) -> Option<&'static Shape> {
    find(field).map(|field| field.shape)
}

/// Makes events of the value of a change, around which the shell stands; `false` where the field is not known, or
/// nothing in it.
pub(super) fn read<'a>(change: &mut Change<'_, 'a>, shell: &Shell, value: Json<'a>) -> bool {
    match find(&change.common.field).map(|field| &field.read) {
        Some(Items(lists)) => change.lists(shell, value, lists, &[]),
        Some(Own(read)) => read(change, shell, value),
        Some(Whole(read)) => match read(change, value) {
            Some(draft) => {
                change.emit(draft, &|out| shell.around(value.raw(), out));
                true
            }
            None => false,
        },
        None => false,
    }
}

/// The event type for one of Meta's words, where it is one of those that we know, given in lower case.
fn kind(prefix: &str, word: Option<Json<'_>>, known: &[&str]) -> Option<String> {
    let word = word?.text()?.to_ascii_lowercase();
    known
        .contains(&word.as_str())
        .then(|| format!("{prefix}.{word}"))
}

/// The topic for one thing by its id (`template/1689556908129835`).
fn topic(prefix: &str, id: Option<Json<'_>>) -> Option<String> {
    id.and_then(super::person::id)
        .map(|id| format!("{prefix}/{id}"))
}
