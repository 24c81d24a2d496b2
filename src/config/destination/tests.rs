use serde_json::json;

use super::*;
use crate::config::{Settings, SettingsFault};

const KEY: &str = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";

fn read(members: &serde_json::Value) -> Result<Destination, Vec<String>> {
    let mut destination =
        json!({ "id": "crm", "url": "https://crm.example/h", "secret": "env:CRM_SECRET" });
    for (name, value) in members.as_object().unwrap() {
        destination[name] = value.clone();
    }
    let config = json!({ "destinations": [destination] }).to_string();
    let lookup = |name: &str| {
        let value = match name {
            "META_APP_SECRET" | "META_VERIFY_TOKEN" => "x",
            "CRM_SECRET" => KEY,
            "CRM_KEY" => "k3y-1234",
            "CRM_TOKEN" => "Bearer t0ken\r\n",
            "TWO_LINES" => "a\nb: c",
            "CONFIG" => return Some(config.clone()),
            _ => return None,
        };
        Some(value.to_owned())
    };
    Settings::read(lookup)
        .map(|mut settings| settings.config.destinations.remove(0))
        .map_err(|faults| faults.iter().map(SettingsFault::to_string).collect())
}

/// A destination with these members is refused, and all that is said of it.
#[track_caller]
fn refused(members: &serde_json::Value, expected: &[impl AsRef<str>]) {
    let expected: Vec<&str> = expected.iter().map(AsRef::as_ref).collect();
    let found = read(members).err().unwrap_or_default();
    assert_eq!(found, expected, "{members}");
}

#[test]
fn other_ports_are_refused_unless_they_are_allowed() {
    let url = "https://crm.example:22/h";
    refused(
        &json!({ "url": url }),
        &["destinations[0].url: the port must be 443 or above 1023, unless any_port is true"],
    );
    let crm = read(&json!({ "url": url, "any_port": true })).unwrap();
    assert_eq!(crm.url.as_str(), url);
}

#[test]
fn what_a_destination_may_ask_for_is_bounded_where_that_is_said() {
    let bound = |members| read(&members).unwrap().replies_per_day;
    assert_eq!(bound(json!({})), None);
    assert_eq!(bound(json!({ "replies_per_day": 0 })), Some(0));
    assert_eq!(bound(json!({ "replies_per_day": 500 })), Some(500));
    refused(
        &json!({ "replies_per_day": -1 }),
        &["destinations[0].replies_per_day: must be 0 to 10000000 messages"],
    );
}

#[test]
fn a_destination_may_want_some_numbers_alone() {
    let crm = read(&json!({ "numbers": ["106540352242922", "2"] })).unwrap();
    let wants = |number| crm.wants_number(number);
    assert!(wants(Some("2")) && !wants(Some("3")) && !wants(None));
    refused(
        &json!({ "numbers": ["+1 555", 7] }),
        &[
            "destinations[0].numbers[0]: must be a phone_number_id: digits, such as 106540352242922",
            "destinations[0].numbers[1]: must be a string",
        ],
    );
}

#[test]
fn a_destination_may_want_what_meets_all_its_conditions() {
    let crm = read(&json!({ "when": {
        "data.message.kind": ["image", "document"],
        "data.message.context.forwarded": true,
        "data.customer.phone": 16_505_551_234_i64,
    } }))
    .unwrap();
    let wants = |data: &str| crm.wants_data(data);
    assert!(wants(
        r#"{"message":{"kind":"image","context":{"forwarded":true}},"customer":{"phone":"16505551234"}}"#
    ));
    for data in [
        r#"{"message":{"kind":"text","context":{"forwarded":true}},"customer":{"phone":"16505551234"}}"#,
        r#"{"message":{"kind":"image","context":{"forwarded":false}},"customer":{"phone":"16505551234"}}"#,
        r#"{"message":{"kind":"image","context":{"forwarded":true}}}"#,
        r#"{"message":{"kind":{"image":1},"context":{"forwarded":true}},"customer":{"phone":16505551234}}"#,
        r#"{"message":"image"}"#,
        "{}",
        "not JSON",
    ] {
        assert!(!wants(data), "{data}");
    }
}

#[test]
fn software_written_for_meta_is_told_nothing_that_meta_does_not_tell() {
    let crm = read(&json!({ "format": "meta" })).unwrap();
    assert!(crm.wants("whatsapp.message.received"));
    assert!(!crm.wants("transom.consent.changed"));
    let fault = "Meta has no such event, so the format meta cannot tell of it";
    refused(
        &json!({ "format": "meta", "events": ["*", "transom.*", "transom.consent.changed"] }),
        &[
            format!("destinations[0].events[1]: {fault}"),
            format!("destinations[0].events[2]: {fault}"),
        ],
    );
    assert!(read(&json!({ "events": ["transom.*"] })).is_ok());
}

#[test]
fn a_condition_looks_into_lists() {
    let crm = read(&json!({ "when": { "data.raw.entry.changes.field": "messages" } })).unwrap();
    let wants = |data: &str| crm.wants_data(data);
    assert!(wants(
        r#"{"raw":{"entry":[{"changes":[{"field":"x"},{"field":"messages"}]}]}}"#
    ));
    assert!(!wants(r#"{"raw":{"entry":[{"changes":[]}]}}"#));
}

#[test]
fn a_condition_that_could_never_hold_is_refused() {
    let path = "a condition is on a member of data, such as data.message.kind";
    refused(&json!({ "when": { "data": 1, "data..x": 1, "data.call.m": {}, "data.call.n": [], "data.mesage.kind": "image", "data.window.x": true, "type": "x" } }), &[
            format!("destinations[0].when.data: {path}"),
            format!("destinations[0].when.data..x: {path}"),
            "destinations[0].when.data.call.m: must be a string, a number, true or false, or a list of such"
                .to_owned(),
            "destinations[0].when.data.call.n: at least 1 values".to_owned(),
            "destinations[0].when.data.mesage.kind: no event has such a member: docs/events.md lists them"
                .to_owned(),
            "destinations[0].when.data.window.x: the mailbox adds this after it is known who wants the event"
                .to_owned(),
            format!("destinations[0].when.type: {path}"),
        ]);
}

#[test]
fn white_space_around_a_header_is_no_part_of_it() {
    let crm =
        read(&json!({ "headers": { "Authorization": "env:CRM_TOKEN", "X-Team": " sales\t" } }));
    let headers = crm.unwrap().headers;
    let values: Vec<_> = headers.iter().map(|it| it.value.expose()).collect();
    assert_eq!(values, ["Bearer t0ken", "sales"]);
}

#[test]
fn headers_go_along_and_a_key_in_them_is_not_shown() {
    let crm =
        read(&json!({ "headers": { "X-Api-Key": "env:CRM_KEY", "Authorization": "Basic eDp5" } }))
            .unwrap();
    let headers: Vec<_> = crm
        .headers
        .iter()
        .map(|header| (header.name.as_str(), header.value.expose()))
        .collect();
    assert_eq!(
        headers,
        [("authorization", "Basic eDp5"), ("x-api-key", "k3y-1234")]
    );
    let shown = format!("{crm:?}");
    assert!(!shown.contains("k3y") && !shown.contains("eDp5"), "{shown}");
}

#[test]
fn a_header_that_would_get_in_the_way_is_refused() {
    for name in [
        "Content-Type",
        "host",
        "Transfer-Encoding",
        "Webhook-Signature",
        "webhook-id",
        "X-Hub-Signature-256",
        "CF-Worker",
        "Connection",
    ] {
        refused(
            &json!({ "headers": { name: "x" } }),
            &[format!(
                "destinations[0].headers.{name}: is a header that is not yours to set"
            )],
        );
    }
    refused(
        &json!({ "headers": { "a b": "x", "X-A": "env:TWO_LINES", "X-B": "env:NOT_SET", "X-C": "", "x-c": "1", "X-D": "é" } }),
        &[
            "destinations[0].headers.X-A: must be 1 to 4096 printable ASCII characters",
            "destinations[0].headers.X-B: NOT_SET is not set: npx wrangler secret put NOT_SET (locally: a line in .dev.vars)",
            "destinations[0].headers.X-C: must be 1 to 4096 printable ASCII characters",
            "destinations[0].headers.X-D: must be 1 to 4096 printable ASCII characters",
            "destinations[0].headers.?: must be the name of a header: 1 to 64 letters, digits and -",
        ],
    );
    refused(
        &json!({ "headers": { "X-A": "1", "x-a": "2" } }),
        &["destinations[0].headers.x-a: is there twice: upper and lower case are the same"],
    );
}

#[test]
fn quiet_is_for_batches() {
    let bot = read(&json!({ "format": "cloudevents-batch", "quiet_ms": 40_000 })).unwrap();
    assert_eq!(
        (bot.format, bot.quiet_ms, bot.quiet_max_ms),
        (Format::CloudEventsBatch, 40_000, 40_000)
    );
    let bot = read(&json!({ "format": "cloudevents-batch", "quiet_ms": 1500 })).unwrap();
    assert_eq!((bot.quiet_ms, bot.quiet_max_ms), (1500, 30_000));
    refused(
        &json!({ "quiet_ms": 1500 }),
        &["destinations[0].quiet_ms: is for the format cloudevents-batch alone"],
    );
    refused(
        &json!({ "format": "cloudevents-batch", "quiet_ms": 60_001, "quiet_max_ms": 300_001 }),
        &[
            "destinations[0].quiet_ms: must be 0 to 60000 ms",
            "destinations[0].quiet_max_ms: must be 0 to 300000 ms",
        ],
    );
    refused(
        &json!({ "format": "cloudevents-batch", "quiet_ms": 20, "quiet_max_ms": 10 }),
        &["destinations[0].quiet_max_ms: must not be below quiet_ms"],
    );
}

#[test]
fn pace_and_start_can_be_set() {
    let crm =
        read(&json!({ "max_per_second": 20, "from": "beginning", "format": "meta" })).unwrap();
    assert_eq!(
        (crm.max_per_second, crm.from, crm.format),
        (Some(20), StartsAt::Beginning, Format::Meta)
    );
    let crm = read(&json!({})).unwrap();
    assert_eq!((crm.max_per_second, crm.from), (None, StartsAt::Now));
    refused(
        &json!({ "max_per_second": 0, "from": "yesterday" }),
        &[
            "destinations[0].from: must be now or beginning",
            "destinations[0].max_per_second: must be 1 to 1000 requests",
        ],
    );
}
