//! The request that tells a destination what happened, in the format that it asked for.

use super::{
    batch,
    cloudevent::{self, render},
    signature,
};
use crate::{
    config::{Destination, Format},
    mailbox::Stored,
    meta::json::Document,
};

/// What is posted to a destination. It holds message text and may hold keys, hence no `Debug`.
pub struct Request {
    /// Names in lower case, none twice.
    pub headers: Vec<(String, String)>,
    /// JSON.
    pub body: String,
    /// How many of the events, from the first on, are in it. The others have to go in another.
    pub events: usize,
}

/// Writes and signs a request that tells `destination` of the first of these events, or, in a format that holds
/// several, of as many as fit ([`Format::most_events`], [`Format::MOST_BYTES`]). They must be of one conversation and in
/// its order. `source` is [`cloudevent::source`], `now_s` the time of this try in unix seconds.
///
/// The same events give the same `webhook-id` and the same body at every try.
pub fn request(destination: &Destination, events: &[Stored], source: &str, now_s: i64) -> Request {
    let Some(first) = events.first() else {
        return Request {
            headers: Vec::new(),
            body: String::new(),
            events: 0,
        };
    };
    let mut headers: Vec<(String, String)> = destination
        .headers
        .iter()
        .map(|header| (header.name.clone(), header.value.expose().to_owned()))
        .collect();
    let alone = first.id.clone();
    let (content_type, id, body, count) = match destination.format {
        Format::CloudEvents => (cloudevent::CONTENT_TYPE, alone, render(first, source), 1),
        Format::Meta => ("application/json", alone, as_meta_wrote_it(&first.data), 1),
        Format::CloudEventsBatch => {
            let rendered = events.iter().map(|event| render(event, source));
            let (body, count) = batch::of(rendered, destination.format.most_events());
            let ids = events.iter().take(count).map(|event| event.id.as_str());
            (batch::CONTENT_TYPE, batch::id(ids), body, count)
        }
    };
    let is_named = headers.iter().any(|(name, _)| name == "user-agent");
    let mut add = |name: &str, value| headers.push((name.to_owned(), value));
    // Firewalls refuse a request that does not say who makes it, and the platform says nothing.
    if !is_named {
        add("user-agent", "Transom".to_owned());
    }
    add("content-type", content_type.to_owned());
    if destination.format == Format::Meta {
        add("webhook-id", id);
        if let Some(secret) = destination.secrets.first() {
            add("x-hub-signature-256", signature::metas(&body, secret));
        }
    } else {
        for (name, value) in signature::headers(&id, now_s, &body, &destination.secrets) {
            add(name, value);
        }
    }
    Request {
        headers,
        body,
        events: count,
    }
}

/// Meta's envelope with this event alone, or the text as it came, if that was no JSON that every parser reads.
fn as_meta_wrote_it(data: &str) -> String {
    let document = Document::parse(data);
    let root = document.as_ref().map(Document::root);
    let raw = root
        .and_then(|root| root.get("raw"))
        .map(|raw| raw.raw().to_owned());
    let text = || root?.get("body")?.text().map(std::borrow::Cow::into_owned);
    raw.or_else(text).unwrap_or_else(|| data.to_owned())
}

#[cfg(test)]
mod tests {
    use hmac::{Hmac, KeyInit as _, Mac as _};
    use serde_json::{Value, json};

    use super::*;
    use crate::config::{CheckedUrl, Header, Secret, SigningSecret};

    const KEY: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    const NOW: i64 = 1_795_334_400;

    fn destination(format: Format) -> Destination {
        let url = CheckedUrl::parse("https://crm.example/hooks").unwrap();
        let secret = SigningSecret::parse(&format!("  {KEY}\n")).unwrap();
        Destination {
            format,
            ..Destination::new("crm".to_owned(), url, vec![secret])
        }
    }

    fn event(id: &str, length: usize) -> Stored {
        Stored {
            id: id.to_owned(),
            added: r#"{"replayed":true}"#.to_owned(),
            data: format!(
                r#"{{"message":{{"id":"{id}"}},"raw":{{"entry": [1.0], "x":"{}"}}}}"#,
                "ä".repeat(length / 2)
            ),
            ..Stored::example()
        }
    }

    fn header<'r>(request: &'r Request, name: &str) -> &'r str {
        let mut values = request.headers.iter().filter(|(key, _)| key == name);
        let value = values.next().map_or("", |(_, value)| value);
        assert!(values.next().is_none(), "{name} is there twice");
        value
    }

    #[test]
    fn one_event_is_one_cloudevent() {
        let request = request(
            &destination(Format::CloudEvents),
            &[event("a-1", 0), event("b-1", 0)],
            "/whatsapp/1",
            NOW,
        );
        assert_eq!(request.events, 1);
        assert_eq!(header(&request, "webhook-id"), "a-1");
        assert_eq!(header(&request, "webhook-timestamp"), "1795334400");
        assert_eq!(header(&request, "content-type"), cloudevent::CONTENT_TYPE);
        let body: Value = serde_json::from_str(&request.body).unwrap();
        assert_eq!(body["time"], "2026-11-22T08:00:00Z", "when it was received");
        assert_eq!(body["data"]["replayed"], true);
    }

    #[test]
    fn a_request_says_who_makes_it_unless_its_destination_says_otherwise() {
        let agent = |members| {
            let crm = Destination {
                headers: members,
                ..destination(Format::Meta)
            };
            let request = request(&crm, &[event("a-1", 0)], "/whatsapp/1", NOW);
            header(&request, "user-agent").to_owned()
        };
        assert_eq!(agent(Vec::new()), "Transom");
        let own = Header {
            name: "user-agent".to_owned(),
            value: Secret::one("crm-hooks").unwrap(),
        };
        assert_eq!(agent(vec![own]), "crm-hooks");
    }

    #[test]
    fn a_batch_holds_what_fits_and_keeps_its_id_when_it_is_tried_again() {
        let events: Vec<Stored> = (0..150).map(|n| event(&format!("e-{n}"), 10)).collect();
        let crm = destination(Format::CloudEventsBatch);
        let first = request(&crm, &events, "/whatsapp/1", NOW);
        let again = request(&crm, &events, "/whatsapp/1", NOW + 60);
        assert_eq!(first.events, 100);
        assert_eq!(first.body, again.body);
        assert_eq!(header(&first, "webhook-id"), header(&again, "webhook-id"));
        assert_ne!(
            header(&first, "webhook-signature"),
            header(&again, "webhook-signature")
        );
        let read: Vec<Value> = serde_json::from_str(&first.body).unwrap();
        assert_eq!((read.len(), &read[99]["id"]), (100, &json!("e-99")));
        let rest = request(&crm, &events[first.events..], "/whatsapp/1", NOW);
        assert_eq!(rest.events, 50);

        let large: Vec<Stored> = (0..3).map(|n| event(&format!("e-{n}"), 100_000)).collect();
        assert_eq!(request(&crm, &large, "/whatsapp/1", NOW).events, 2);
        assert_eq!(
            request(&crm, &[event("l", 3_000_000)], "/whatsapp/1", NOW).events,
            1
        );
    }

    #[test]
    fn software_written_for_meta_gets_metas_envelope_and_signature() {
        let request = request(
            &destination(Format::Meta),
            &[event("a-1", 0)],
            "/whatsapp/1",
            NOW,
        );
        assert_eq!(request.body, r#"{"entry": [1.0], "x":""}"#);
        let mut hmac = Hmac::<sha2::Sha256>::new_from_slice(KEY.as_bytes()).unwrap();
        hmac.update(request.body.as_bytes());
        let expected = format!("sha256={}", hex::encode(hmac.finalize().into_bytes()));
        assert_eq!(header(&request, "x-hub-signature-256"), expected);
        assert_eq!(header(&request, "content-type"), "application/json");
        assert_eq!(header(&request, "webhook-id"), "a-1");
    }

    #[test]
    fn what_is_no_proper_json_goes_to_it_as_the_text_that_came() {
        let request = |data: &str| {
            let event = Stored {
                data: data.to_owned(),
                ..event("a-1", 0)
            };
            request(&destination(Format::Meta), &[event], "/whatsapp/1", NOW).body
        };
        assert_eq!(request(r#"{"body":"{\"a\":1e999}"}"#), r#"{"a":1e999}"#);
        assert_eq!(
            request(r#"{"body_base64":"_w"}"#),
            r#"{"body_base64":"_w"}"#
        );
    }
}
