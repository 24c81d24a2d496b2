//! A request to a backend: who signed it, and what is in it.

use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Instant;

use bytes::Bytes;
use hyper::header::HeaderMap;
use serde_json::Value;

use super::event::{self, Event};
use crate::server::Received;
use crate::{clock, signature};

/// In which format it came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// One CloudEvent, structured: `application/cloudevents+json`.
    CloudEvent,
    /// Several: `application/cloudevents-batch+json`.
    Batch,
    /// Meta's own envelope, under `X-Hub-Signature-256`.
    Meta,
    /// None that we know.
    Unknown,
}

/// A request to a backend, as it came.
#[derive(Debug)]
pub struct Arrival {
    /// When it came.
    pub at: Instant,
    /// The same, in seconds since 1970.
    pub unix: i64,
    /// `webhook-id`; empty where there was none.
    pub webhook_id: String,
    /// Which try this is for this `webhook-id` (for these events, where it has none), from 1.
    pub attempt: usize,
    /// In which format it came.
    pub format: Format,
    /// What is in it, in its order.
    pub events: Vec<Event>,
    /// Whether the signature is good under the backend's secret.
    pub signed: bool,
    /// What is wrong with it, signature included; empty where nothing is.
    pub faults: Vec<String>,
    /// Its path and query.
    pub path: String,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body.
    pub body: Bytes,
    pub(super) answered: AtomicU16,
}

impl Arrival {
    /// The status it was answered with; 0 where it has got none (yet).
    pub fn answered(&self) -> u16 {
        self.answered.load(Ordering::SeqCst)
    }

    /// Whether it was answered with 2xx.
    pub fn taken(&self) -> bool {
        (200..300).contains(&self.answered())
    }

    /// Its first event.
    ///
    /// # Panics
    /// If there is none in it.
    pub fn event(&self) -> &Event {
        self.events.first().expect("an arrival with an event in it")
    }

    /// A header as text; empty where there is none.
    pub fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default()
    }

    /// The body as JSON; `null` where it is none.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    /// Whether the signature is good under this secret.
    pub fn verifies_under(&self, secret: &str) -> bool {
        verify(self.format, secret, &self.headers, &self.body).is_ok()
    }

    pub(super) fn read(received: Received, secret: &str, any_time: bool) -> Self {
        let (head, body) = received.into_parts();
        let mut faults = Vec::new();
        let format = format_of(&head.headers);
        let events = event::parse(format, &body).unwrap_or_else(|fault| {
            faults.push(fault);
            Vec::new()
        });
        let check = if any_time {
            verify_at_any_time(secret, &head.headers, &body)
        } else {
            verify(format, secret, &head.headers, &body)
        };
        let signed = check.is_ok();
        faults.extend(check.err());
        let mut arrival = Self {
            at: clock::instant(),
            unix: clock::unix_now(),
            webhook_id: String::new(),
            attempt: 1,
            format,
            events,
            signed,
            faults,
            path: head.uri.to_string(),
            headers: head.headers,
            body,
            answered: AtomicU16::new(0),
        };
        arrival.webhook_id = arrival.header("webhook-id").into();
        arrival
    }

    /// What stays the same from try to try.
    pub(super) fn key(&self) -> String {
        if self.webhook_id.is_empty() {
            self.events
                .iter()
                .map(|event| event.id.as_str())
                .collect::<Vec<_>>()
                .join(" ")
        } else {
            self.webhook_id.clone()
        }
    }
}

fn format_of(headers: &HeaderMap) -> Format {
    let kind = headers
        .get("content-type")
        .and_then(|kind| kind.to_str().ok())
        .unwrap_or_default();
    match kind.split(';').next().unwrap_or_default().trim() {
        "application/cloudevents+json" => Format::CloudEvent,
        "application/cloudevents-batch+json" => Format::Batch,
        "application/json" if headers.contains_key("x-hub-signature-256") => Format::Meta,
        _ => Format::Unknown,
    }
}

fn verify(format: Format, secret: &str, headers: &HeaderMap, body: &[u8]) -> Result<(), String> {
    if format == Format::Meta {
        let given = headers
            .get("x-hub-signature-256")
            .and_then(|value| value.to_str().ok());
        let right = given == Some(signature::sha256(secret, body).as_str());
        return right
            .then_some(())
            .ok_or_else(|| "x-hub-signature-256: is wrong".into());
    }
    let webhook = standardwebhooks::Webhook::new(secret).map_err(|error| error.to_string())?;
    webhook
        .verify(body, headers)
        .map_err(|error| error.to_string())
}

/// The same by Standard Webhooks, whenever it says that it was signed.
fn verify_at_any_time(secret: &str, headers: &HeaderMap, body: &[u8]) -> Result<(), String> {
    let webhook = standardwebhooks::Webhook::new(secret).map_err(|error| error.to_string())?;
    let header = |name| Some(headers.get(name)?.to_str().unwrap_or_default());
    let signed = || {
        let id = header("webhook-id")?;
        let timestamp = header("webhook-timestamp")?.parse().ok()?;
        let right = webhook.sign(id, timestamp, body).ok()?;
        let mut given = header("webhook-signature")?.split(' ');
        given.any(|given| given == right).then_some(())
    };
    signed().ok_or_else(|| "signature invalid".into())
}
