//! CloudEvents 1.0, structured JSON: how an event is written for a destination.

use crate::{
    config::encoded,
    event::{Home, rfc3339},
    mailbox::Stored,
    written::{begin_member, push_string},
};

/// The `content-type` of one event.
pub const CONTENT_TYPE: &str = "application/cloudevents+json; charset=utf-8";

/// An event as a JSON object; `source` is where it happened, by [`source()`].
pub fn render(event: &Stored, source: &str) -> String {
    let mut out = String::with_capacity(event.data.len() + event.added.len() + 320);
    out.push_str(r#"{"specversion":"1.0""#);
    let time = event.time.unwrap_or(event.received_ms.div_euclid(1000));
    let time = rfc3339(time);
    let subject = event.subject.as_deref();
    for (name, value) in [
        ("id", Some(event.id.as_str())),
        ("type", Some(event.kind.as_str())),
        ("source", Some(source)),
        ("subject", subject.filter(|subject| !subject.is_empty())),
        ("time", time.as_deref()),
        ("datacontenttype", Some("application/json")),
    ] {
        if let Some(value) = value {
            begin_member(&mut out, name);
            push_string(&mut out, value);
        }
    }
    begin_member(&mut out, "data");
    render_data(event, &mut out);
    out.push('}');
    out
}

/// What came, byte for byte, and what the mailbox adds as the last members.
fn render_data(event: &Stored, out: &mut String) {
    let (Some(members), Some(added)) = (members(&event.data), members(&event.added)) else {
        out.push_str(&event.data);
        return;
    };
    out.push('{');
    out.push_str(members);
    if !members.is_empty() && !added.is_empty() {
        out.push(',');
    }
    out.push_str(added);
    out.push('}');
}

/// What stands between the braces of a JSON object.
fn members(object: &str) -> Option<&str> {
    Some(object.trim().strip_prefix('{')?.strip_suffix('}')?.trim())
}

/// CloudEvents' `source`: the business number, or the account where there is none. It must be a URI reference, and Meta's
/// ids are digits only by habit.
pub fn source(home: &Home) -> String {
    match home {
        Home::Number(id) => format!("/whatsapp/{}", encoded(id)),
        Home::Account(id) => format!("/whatsapp/account/{}", encoded(id)),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;

    const SOURCE: &str = "/whatsapp/106540352242922";

    fn event() -> Stored {
        Stored {
            time: Some(1_795_334_400),
            data: r#"{"message":{"id":"wamid.1"}, "raw":{"n":1.0e2}}"#.to_owned(),
            added: r#"{"window":{"customer_service":{"open":true}}}"#.to_owned(),
            ..Stored::example()
        }
    }

    #[test]
    fn members_are_in_the_order_of_the_contract_and_data_is_untouched() {
        assert_eq!(
            render(&event(), SOURCE),
            concat!(
                r#"{"specversion":"1.0","id":"a1-b2","type":"whatsapp.message.received","#,
                r#""source":"/whatsapp/106540352242922","subject":"US.13491208655302741918","#,
                r#""time":"2026-11-22T08:00:00Z","datacontenttype":"application/json","#,
                r#""data":{"message":{"id":"wamid.1"}, "raw":{"n":1.0e2},"window":{"customer_service":{"open":true}}}}"#,
            )
        );
    }

    #[test]
    fn what_is_not_known_is_left_out() {
        let bare = Stored {
            subject: None,
            time: Some(i64::MAX),
            ..Stored::example()
        };
        let bare = render(&bare, SOURCE);
        assert!(bare.ends_with(r#""source":"/whatsapp/106540352242922","datacontenttype":"application/json","data":{}}"#));
        let windowed = Stored {
            data: "{ }".to_owned(),
            added: r#"{"window":{}}"#.to_owned(),
            ..event()
        };
        let windowed = render(&windowed, SOURCE);
        assert!(windowed.ends_with(r#""data":{"window":{}}}"#), "{windowed}");
    }

    #[test]
    fn a_source_is_a_uri_reference() {
        assert_eq!(
            source(&Home::Number("106540352242922".into())),
            "/whatsapp/106540352242922"
        );
        assert_eq!(
            source(&Home::Account("102290129340398".into())),
            "/whatsapp/account/102290129340398"
        );
        assert_eq!(
            source(&Home::Number("a b/../ü".into())),
            "/whatsapp/a%20b%2F..%2F%C3%BC"
        );
    }

    #[test]
    fn a_time_that_cannot_be_written_is_none() {
        assert_eq!(rfc3339(0).as_deref(), Some("1970-01-01T00:00:00Z"));
        assert_eq!(
            rfc3339(253_402_300_799).as_deref(),
            Some("9999-12-31T23:59:59Z")
        );
        assert_eq!(
            [253_402_300_800, i64::MAX, i64::MIN, -99_999_999_999].map(rfc3339),
            [const { None }; 4]
        );
    }

    proptest! {
        #[test]
        fn whatever_is_in_it_it_is_json(id: String, subject: Option<String>, time: Option<i64>, text: String) {
            let data = serde_json::json!({ "raw": text }).to_string();
            let event = Stored { id: id.clone(), subject, time, data, ..event() };
            let read: Value = serde_json::from_str(&render(&event, SOURCE)).unwrap();
            prop_assert_eq!(&read["id"], &Value::from(id));
            prop_assert_eq!(&read["data"]["raw"], &Value::from(text));
            prop_assert_eq!(&read["data"]["window"]["customer_service"]["open"], &Value::from(true));
        }
    }
}
