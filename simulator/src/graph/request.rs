//! A request to the Graph API, as it came.

use std::time::Instant;

use hyper::Method;
use hyper::header::{AUTHORIZATION, HeaderMap};
use serde_json::{Value, json};

use super::shape;
use crate::clock;
use crate::server::Received;

/// A request to the Graph API.
#[derive(Debug, Clone)]
pub struct Request {
    /// When it came.
    pub at: Instant,
    /// Its path: `/v25.0/106540352242922/messages`.
    pub path: String,
    /// The version in its path; empty where the path has none.
    pub version: String,
    /// The phone number id in its path; empty where the path has none.
    pub phone_number_id: String,
    /// Its query: `appsecret_proof=…`; empty where it has none.
    pub query: String,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body; `null` where it is not JSON.
    pub body: Value,
    /// The id of the message that went out by it. It is there as well where the answer could not say so: where the
    /// answer stalled, broke off, was garbage or a plain 5xx.
    pub wamid: Option<String>,
    /// What is wrong with it; empty where nothing is.
    pub faults: Vec<String>,
    /// The user id of the one whose phone number it goes to, where Meta is to know it.
    pub(super) user_id: Option<String>,
    authorized: bool,
    found: bool,
}

impl Request {
    /// The message's type; `read` for a read receipt.
    pub fn kind(&self) -> &str {
        if self.is_read_receipt() {
            "read"
        } else {
            self.member("type").unwrap_or("text")
        }
    }

    /// To whom it goes: `to`, or else `recipient`; empty where it has neither.
    pub fn to(&self) -> &str {
        self.member("to")
            .or(self.member("recipient"))
            .unwrap_or_default()
    }

    /// Who that is to WhatsApp: the number that it knows somebody by, or the user id.
    pub(super) fn whom(&self) -> String {
        match self.member("to") {
            Some(to) => wa_id(to.trim_start_matches('+')),
            None => self.to().to_owned(),
        }
    }

    /// The text of a text message.
    pub fn text(&self) -> Option<&str> {
        self.body["text"]["body"].as_str()
    }

    /// `biz_opaque_callback_data`.
    pub fn callback_data(&self) -> Option<&str> {
        self.member("biz_opaque_callback_data")
    }

    /// Whether it marks a message as read, rather than sending one.
    pub fn is_read_receipt(&self) -> bool {
        self.body.get("status").is_some()
    }

    /// Whether it goes to a group.
    pub fn is_to_group(&self) -> bool {
        self.member("recipient_type") == Some("group")
    }

    fn member(&self, name: &str) -> Option<&str> {
        self.body.get(name)?.as_str()
    }

    pub(super) fn read(received: &Received, token: &str) -> Self {
        let path = received.uri().path();
        let parts: Vec<_> = path.split('/').collect();
        let (version, phone_number_id, found) = match parts.as_slice() {
            ["", version, id, "messages"] => (*version, *id, is_version(version) && is_digits(id)),
            _ => ("", "", false),
        };
        let bearer = received
            .headers()
            .get(AUTHORIZATION)
            .and_then(|value| value.to_str().ok());
        let mut request = Self {
            at: clock::instant(),
            path: path.into(),
            version: version.into(),
            phone_number_id: phone_number_id.into(),
            query: received.uri().query().unwrap_or_default().into(),
            headers: received.headers().clone(),
            body: serde_json::from_slice(received.body()).unwrap_or_default(),
            wamid: None,
            faults: Vec::new(),
            user_id: None,
            authorized: bearer.and_then(|bearer| bearer.strip_prefix("Bearer ")) == Some(token),
            found: found && received.method() == Method::POST,
        };
        request.faults = request.check(received);
        request
    }

    fn check(&self, received: &Received) -> Vec<String> {
        let mut faults = Vec::new();
        if !self.found {
            faults.push(format!(
                "{} {} is no such thing here",
                received.method(),
                self.path
            ));
        }
        if !self.authorized {
            faults.push("authorization: must be Bearer and the access token".into());
        }
        let kind = self
            .headers
            .get("content-type")
            .and_then(|kind| kind.to_str().ok())
            .unwrap_or_default();
        if !kind.starts_with("application/json") {
            faults.push("content-type: must be application/json".into());
        }
        faults.extend(shape::faults(&self.body));
        faults
    }

    /// The code with which the Graph API refuses it, whatever it was told to answer.
    pub(super) fn refusal(&self) -> Option<u32> {
        match self {
            Self { found: false, .. } => Some(33),
            Self {
                authorized: false, ..
            } => Some(190),
            Self { faults, .. } if !faults.is_empty() => Some(100),
            _ => None,
        }
    }

    /// What the Graph API says to it where it takes it.
    pub(super) fn success(&self) -> Value {
        if self.is_read_receipt() {
            return json!({ "success": true });
        }
        let mut contact = json!({ "input": self.to() });
        let mut message = json!({ "id": self.wamid });
        if self.is_to_group() {
            message["group_id"] = json!(self.to());
        } else if self.member("to").is_some() {
            contact["wa_id"] = json!(self.whom());
        }
        if let Some(user_id) = self.member("recipient").or(self.user_id.as_deref()) {
            let parent = user_id.contains(".ENT.");
            let name = if parent { "parent_user_id" } else { "user_id" };
            contact[name] = json!(user_id);
        }
        if self.kind() == "template" {
            message["message_status"] = json!("accepted");
        }
        json!({ "messaging_product": "whatsapp", "contacts": [contact], "messages": [message] })
    }
}

fn is_version(part: &str) -> bool {
    let numbers = part
        .strip_prefix('v')
        .and_then(|version| version.split_once('.'));
    numbers.is_some_and(|(major, minor)| is_digits(major) && is_digits(minor))
}

fn is_digits(part: &str) -> bool {
    !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit())
}

/// The number that WhatsApp knows somebody by: in Brazil without the ninth digit, which many are still registered under.
fn wa_id(digits: &str) -> String {
    match (digits.split_at_checked(4), digits.len()) {
        (Some((area, rest)), 13) if area.starts_with("55") && rest.starts_with('9') => {
            format!("{area}{}", rest.split_at(1).1)
        }
        _ => digits.to_owned(),
    }
}
