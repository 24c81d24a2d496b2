//! Message templates: whether Meta lets them be sent, how they do, what they are.

use super::{kind, topic};
use crate::event::change::Change;
use crate::event::draft::Draft;
use crate::meta::json::Json;
use crate::meta::payload::template::TEMPLATE;

const STATUSES: &[&str] = &[
    "approved",
    "archived",
    "unarchived",
    "deleted",
    "disabled",
    "flagged",
    "in_appeal",
    "limit_exceeded",
    "locked",
    "paused",
    "pending",
    "pending_deletion",
    "reinstated",
    "rejected",
];

pub(super) fn status<'a>(change: &Change<'_, 'a>, value: Json<'a>) -> Option<Draft<'a>> {
    template(
        change,
        kind("whatsapp.template", value.get("event"), STATUSES)?,
        value,
    )
}

pub(super) fn quality<'a>(change: &Change<'_, 'a>, value: Json<'a>) -> Option<Draft<'a>> {
    value.get("new_quality_score")?;
    template(change, "whatsapp.template.quality_changed", value)
}

pub(super) fn components<'a>(change: &Change<'_, 'a>, value: Json<'a>) -> Option<Draft<'a>> {
    template(change, "whatsapp.template.components_changed", value)
}

/// Where Meta names a correct category, the change is still to come, and `new_category` is what holds until then.
pub(super) fn category<'a>(change: &Change<'_, 'a>, value: Json<'a>) -> Option<Draft<'a>> {
    value.get("new_category")?;
    let to_come = value.get("correct_category").is_some();
    let kind = if to_come {
        "whatsapp.template.category_change_announced"
    } else {
        "whatsapp.template.category_changed"
    };
    template(change, kind, value)
}

pub(super) fn detection<'a>(change: &Change<'_, 'a>, value: Json<'a>) -> Option<Draft<'a>> {
    value.get("correct_category")?;
    template(change, "whatsapp.template.category_detected", value)
}

fn template<'a>(
    change: &Change<'_, 'a>,
    kind: impl Into<std::borrow::Cow<'static, str>>,
    value: Json<'a>,
) -> Option<Draft<'a>> {
    let topic = topic("template", value.get("message_template_id"))?;
    change
        .managed(kind, Some(topic), value)
        .with_payload("template", &TEMPLATE, value)
}
