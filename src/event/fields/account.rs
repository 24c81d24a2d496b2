//! The account of the business: what Meta thinks of it and lets it do, its partners, its payments, its Flows.

use std::borrow::Cow;

use super::{kind, topic};
use crate::event::change::Change;
use crate::event::draft::Draft;
use crate::meta::json::Json;
use crate::meta::payload::account::{
    ALERT, ALERT_ENTITY, CAPABILITY, FLOW, PARTNER_SOLUTION, PAYMENT_CONFIGURATION, REVIEW, UPDATE,
};
use crate::meta::shape::Shape;

/// The events of `account_update`. What an event is called here has no `ACCOUNT` of Meta's.
const UPDATES: &[&str] = &[
    "ACCOUNT_DELETED",
    "ACCOUNT_OFFBOARDED",
    "ACCOUNT_RECONNECTED",
    "ACCOUNT_RESTRICTION",
    "ACCOUNT_VIOLATION",
    "AD_ACCOUNT_LINKED",
    "AUTH_INTL_PRICE_ELIGIBILITY_UPDATE",
    "BUSINESS_PRIMARY_LOCATION_COUNTRY_UPDATE",
    "DISABLED_UPDATE",
    "MM_LITE_TERMS_SIGNED",
    "PARTNER_ADDED",
    "PARTNER_APP_INSTALLED",
    "PARTNER_APP_UNINSTALLED",
    "PARTNER_CLIENT_CERTIFICATION_NEEDED",
    "PARTNER_CLIENT_CERTIFICATION_STATUS_UPDATE",
    "PARTNER_REMOVED",
    "VERIFIED_ACCOUNT",
    "VOLUME_BASED_PRICING_TIER_UPDATE",
];

/// All that happens to an account stays in order.
fn account<'a>(
    change: &Change<'_, 'a>,
    kind: Cow<'static, str>,
    shape: &Shape,
    value: Json<'a>,
) -> Option<Draft<'a>> {
    managed(change, kind, value).with_payload("account", shape, value)
}

fn managed<'a>(change: &Change<'_, 'a>, kind: Cow<'static, str>, value: Json<'a>) -> Draft<'a> {
    change.managed(kind, Some("account".to_owned()), value)
}

pub(super) fn alert<'a>(change: &Change<'_, 'a>, value: Json<'a>) -> Option<Draft<'a>> {
    let alert = value.get("alert_info").unwrap_or(value);
    alert.get("alert_type")?;
    let draft = managed(change, "whatsapp.account.alert".into(), value);
    draft.with_payload_of("account", &[(&ALERT_ENTITY, value), (&ALERT, alert)])
}

pub(super) fn review<'a>(change: &Change<'_, 'a>, value: Json<'a>) -> Option<Draft<'a>> {
    value.get("decision")?;
    account(change, "whatsapp.account.reviewed".into(), &REVIEW, value)
}

pub(super) fn update<'a>(change: &Change<'_, 'a>, value: Json<'a>) -> Option<Draft<'a>> {
    let event = value.get("event")?.text()?;
    let event = UPDATES.iter().find(|name| **name == event)?;
    let event = event.strip_prefix("ACCOUNT_").unwrap_or(event);
    let event = event.strip_suffix("_ACCOUNT").unwrap_or(event);
    let kind = format!("whatsapp.account.{}", event.to_ascii_lowercase());
    account(change, kind.into(), &UPDATE, value)
}

pub(super) fn capability<'a>(change: &Change<'_, 'a>, value: Json<'a>) -> Option<Draft<'a>> {
    let kind = "whatsapp.account.capability_changed";
    account(change, kind.into(), &CAPABILITY, value)
}

pub(super) fn solution<'a>(change: &Change<'_, 'a>, value: Json<'a>) -> Option<Draft<'a>> {
    let kind = kind(
        "whatsapp.partner",
        value.get("event"),
        &["solution_created", "solution_updated"],
    )?;
    let topic = topic("solution", value.get("solution_id"));
    change
        .managed(kind, topic, value)
        .with_payload("partner", &PARTNER_SOLUTION, value)
}

pub(super) fn payment_configuration<'a>(
    change: &Change<'_, 'a>,
    value: Json<'a>,
) -> Option<Draft<'a>> {
    let topic = topic("payment_configuration", value.get("configuration_name"));
    let draft = change.managed("whatsapp.payment.configuration_changed", topic, value);
    draft.with_payload("payment", &PAYMENT_CONFIGURATION, value)
}

pub(super) fn flow<'a>(change: &Change<'_, 'a>, value: Json<'a>) -> Option<Draft<'a>> {
    let kind = match value.get("event")?.text()?.as_ref() {
        "FLOW_STATUS_CHANGE" => "whatsapp.flow.status_changed",
        "ENDPOINT_ERROR_RATE" => "whatsapp.flow.endpoint_error_rate",
        "ENDPOINT_LATENCY" => "whatsapp.flow.endpoint_latency",
        "ENDPOINT_AVAILABILITY" => "whatsapp.flow.endpoint_availability",
        "CLIENT_ERROR_RATE" => "whatsapp.flow.client_error_rate",
        "FLOW_VERSION_EXPIRY_WARNING" => "whatsapp.flow.version_expiry_warning",
        _ => return None,
    };
    change
        .managed(kind, topic("flow", value.get("flow_id")), value)
        .with_payload("flow", &FLOW, value)
}
