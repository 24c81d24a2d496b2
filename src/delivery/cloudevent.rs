//! CloudEvents 1.0, structured JSON: how an event is written for a destination.

use crate::{
    event::{Home, rfc3339},
    written::{begin_member, push_string},
};

/// The `content-type` of one event.
pub const CONTENT_TYPE: &str = "application/cloudevents+json; charset=utf-8";

/// All that is written of an event. It holds message text, hence no `Debug`.
#[derive(Clone, Copy)]
pub struct Outgoing<'a> {
    /// The event's id.
    pub id: &'a str,
    /// `type`: `whatsapp.<thing>.<what happened>`.
    pub kind: &'a str,
    /// Where it happened, by [`source`].
    pub source: &'a str,
    /// Who it is about.
    pub subject: Option<&'a str>,
    /// Unix seconds.
    pub time: Option<i64>,
    /// A JSON object. Carried byte for byte, as it holds what Meta sent.
    pub data: &'a str,
    /// A JSON object: what the mailbox has to add, say the windows. Its members become the last ones of `data`.
    pub added: &'a str,
}

impl Outgoing<'_> {
    /// The event as a JSON object.
    pub fn render(&self) -> String {
        let mut out = String::with_capacity(self.data.len() + self.added.len() + 320);
        out.push_str(r#"{"specversion":"1.0""#);
        let time = self.time.and_then(rfc3339);
        for (name, value) in [
            ("id", Some(self.id)),
            ("type", Some(self.kind)),
            ("source", Some(self.source)),
            (
                "subject",
                self.subject.filter(|subject| !subject.is_empty()),
            ),
            ("time", time.as_deref()),
            ("datacontenttype", Some("application/json")),
        ] {
            if let Some(value) = value {
                begin_member(&mut out, name);
                push_string(&mut out, value);
            }
        }
        begin_member(&mut out, "data");
        self.render_data(&mut out);
        out.push('}');
        out
    }

    fn render_data(&self, out: &mut String) {
        let (Some(members), Some(added)) = (members(self.data), members(self.added)) else {
            out.push_str(self.data);
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
}

/// What stands between the braces of a JSON object.
fn members(object: &str) -> Option<&str> {
    Some(object.trim().strip_prefix('{')?.strip_suffix('}')?.trim())
}

/// CloudEvents' `source`: the business number, or the account where there is none.
pub fn source(home: &Home) -> String {
    match home {
        Home::Number(id) => format!("/whatsapp/{}", segment(id)),
        Home::Account(id) => format!("/whatsapp/account/{}", segment(id)),
    }
}

/// `source` must be a URI reference, and Meta's ids are digits only by habit.
fn segment(id: &str) -> String {
    url::form_urlencoded::byte_serialize(id.as_bytes())
        .collect::<String>()
        .replace('+', "%20")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;

    const EVENT: Outgoing<'_> = Outgoing {
        id: "a1-b2",
        kind: "whatsapp.message.received",
        source: "/whatsapp/106540352242922",
        subject: Some("US.13491208655302741918"),
        time: Some(1_795_334_400),
        data: r#"{"message":{"id":"wamid.1"}, "raw":{"n":1.0e2}}"#,
        added: r#"{"window":{"customer_service":{"open":true}}}"#,
    };

    #[test]
    fn members_are_in_the_order_of_the_contract_and_data_is_untouched() {
        assert_eq!(
            EVENT.render(),
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
        let bare = Outgoing {
            subject: None,
            time: None,
            data: "{}",
            added: "{}",
            ..EVENT
        }
        .render();
        assert!(bare.ends_with(r#""source":"/whatsapp/106540352242922","datacontenttype":"application/json","data":{}}"#));
        let windowed = Outgoing {
            data: "{ }",
            added: r#"{"window":{}}"#,
            ..EVENT
        }
        .render();
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
            let event = Outgoing { id: &id, subject: subject.as_deref(), time, data: &data, ..EVENT };
            let read: Value = serde_json::from_str(&event.render()).unwrap();
            prop_assert_eq!(&read["id"], &Value::from(id));
            prop_assert_eq!(&read["data"]["raw"], &Value::from(text));
            prop_assert_eq!(&read["data"]["window"]["customer_service"]["open"], &Value::from(true));
        }
    }
}
