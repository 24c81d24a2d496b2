//! Meta's fields: what their items mean.
//!
//! A field is one line of the table and one short function. To add one: describe its items in `meta::payload`, write
//! the function, add the line, add a case to `conformance/` and a line to `docs/events.md`.

mod messages;
mod statuses;

use super::change::Change;
use super::shell::Shell;
use crate::meta::json::Json;

/// Makes events of a change's value, around which the shell stands; `false` where it found nothing that it knows.
type Field = for<'a> fn(&mut Change<'_, 'a>, &Shell, Json<'a>) -> bool;

/// What is read by which function.
const FIELDS: &[(&str, Field)] = &[("messages", messages::read)];

/// Makes events of the value of a change; `false` where the field is not known, or nothing in it.
pub(super) fn read<'a>(change: &mut Change<'_, 'a>, shell: &Shell, value: Json<'a>) -> bool {
    let field = FIELDS.iter().find(|(name, _)| *name == change.common.field);
    field.is_some_and(|(_, read)| read(change, shell, value))
}
