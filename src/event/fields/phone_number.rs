//! The number of the business. Meta names it by its digits here, so that most of this is kept with the account.

use std::borrow::Cow;

use super::{kind, topic};
use crate::event::change::Change;
use crate::event::draft::{Draft, seconds};
use crate::meta::json::Json;
use crate::meta::payload::account::{
    BUSINESS_USERNAME, NUMBER_NAME, NUMBER_QUALITY, NUMBER_SETTINGS, SECURITY,
};
use crate::meta::shape::Shape;

pub(super) fn settings<'a>(change: &Change<'_, 'a>, value: Json<'a>) -> Option<Draft<'a>> {
    let settings = value
        .get("phone_number_settings")
        .filter(|settings| settings.is_object())?;
    let topic = topic("phone_number", settings.get("phone_number_id"));
    let draft = change.managed("whatsapp.phone_number.settings_changed", topic, value);
    let time = value.get("timestamp").and_then(seconds).or(draft.time);
    Draft { time, ..draft }.with_payload("phone_number", &Shape::Object(NUMBER_SETTINGS), settings)
}

pub(super) fn name<'a>(change: &Change<'_, 'a>, value: Json<'a>) -> Option<Draft<'a>> {
    value.get("decision")?;
    let kind = "whatsapp.phone_number.name_reviewed";
    number(change, kind.into(), &NUMBER_NAME, value)
}

pub(super) fn quality<'a>(change: &Change<'_, 'a>, value: Json<'a>) -> Option<Draft<'a>> {
    let kind = "whatsapp.phone_number.quality_changed";
    number(change, kind.into(), &NUMBER_QUALITY, value)
}

pub(super) fn security<'a>(change: &Change<'_, 'a>, value: Json<'a>) -> Option<Draft<'a>> {
    const EVENTS: &[&str] = &["pin_changed", "pin_reset_request", "pin_request_success"];
    let kind = kind("whatsapp.phone_number", value.get("event"), EVENTS)?;
    number(change, kind.into(), &SECURITY, value)
}

pub(super) fn username<'a>(change: &Change<'_, 'a>, value: Json<'a>) -> Option<Draft<'a>> {
    value.get("status")?;
    let kind = "whatsapp.phone_number.username_changed";
    number(change, kind.into(), &BUSINESS_USERNAME, value)
}

fn number<'a>(
    change: &Change<'_, 'a>,
    kind: Cow<'static, str>,
    shape: &Shape,
    value: Json<'a>,
) -> Option<Draft<'a>> {
    let digits = change.common.display_phone_number.as_deref()?;
    change
        .managed(kind, Some(format!("phone_number/{digits}")), value)
        .with_payload("phone_number", shape, value)
}
