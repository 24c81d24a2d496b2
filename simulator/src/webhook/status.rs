//! Items of `statuses[]`: how a message of the business is doing.

use serde_json::{Value, json};

use super::people::Customer;
use crate::clock;

/// One item of `statuses[]`. Its time is now, unless said otherwise.
#[derive(Debug, Clone, PartialEq)]
pub struct Status {
    item: Value,
    recipient: bool,
}

impl Status {
    /// The message `id` is now `status`.
    pub fn of(id: &str, status: &str) -> Self {
        let item =
            json!({ "id": id, "status": status, "timestamp": clock::unix_now().to_string() });
        Self {
            item,
            recipient: true,
        }
    }

    /// On its way.
    pub fn sent(id: &str) -> Self {
        Self::of(id, "sent").with("pricing", pricing())
    }

    /// On the customer's device.
    pub fn delivered(id: &str) -> Self {
        Self::of(id, "delivered").with("pricing", pricing())
    }

    /// Seen.
    pub fn read(id: &str) -> Self {
        Self::of(id, "read")
    }

    /// It will not arrive, for the reason that `code` names.
    pub fn failed(id: &str, code: u32) -> Self {
        let error = crate::graph::errors::of(code);
        let error = json!({
            "code": code, "title": error.title, "message": error.title, "error_data": { "details": error.title },
            "href": "https://developers.facebook.com/documentation/business-messaging/whatsapp/support/error-codes/",
        });
        Self::of(id, "failed").with("errors", json!([error]))
    }

    /// At this time, in seconds since 1970.
    #[must_use]
    pub fn at(self, unix: i64) -> Self {
        self.with("timestamp", json!(unix.to_string()))
    }

    /// With what the send gave as `biz_opaque_callback_data`.
    #[must_use]
    pub fn callback_data(self, data: &str) -> Self {
        self.with("biz_opaque_callback_data", json!(data))
    }

    /// Of a message that went to a group; the customer is the member that this status is about.
    #[must_use]
    pub fn group(self, group_id: &str, member: &Customer) -> Self {
        let mut status = self
            .with("recipient_id", json!(group_id))
            .with("recipient_type", json!("group"));
        status.recipient = false;
        let members = [
            ("recipient_participant_id", &member.phone),
            ("recipient_participant_user_id", &member.user_id),
            (
                "recipient_participant_parent_user_id",
                &member.parent_user_id,
            ),
        ];
        for (name, value) in members {
            if let Some(value) = value {
                status.item[name] = json!(value);
            }
        }
        status
    }

    /// With this member, whatever it is.
    #[must_use]
    pub fn with(mut self, member: &str, value: Value) -> Self {
        self.item[member] = value;
        self
    }

    /// The item of a message that went to `customer`. Members that were set by hand stay as they are.
    pub(crate) fn to(mut self, customer: &Customer) -> Value {
        if let (true, Some(item)) = (self.recipient, self.item.as_object_mut()) {
            let failed = item.get("status") == Some(&json!("failed"));
            for (name, value) in customer.recipient() {
                // Whoever was written to by phone number is told by it alone where that failed.
                let untold = failed && customer.phone.is_some() && name != "recipient_id";
                if !untold {
                    item.entry(name).or_insert(value);
                }
            }
        }
        self.item
    }

    /// The contact that Meta sends along: none with a failed one, and with a sent one no username.
    pub(crate) fn contact(&self, customer: &Customer) -> Option<Value> {
        let mut told = customer.clone();
        match self.item["status"].as_str() {
            Some("failed") => return None,
            Some("sent") => told.username = None,
            _ => {}
        }
        Some(told.contact())
    }
}

fn pricing() -> Value {
    json!({ "billable": true, "pricing_model": "PMP", "type": "regular", "category": "service" })
}
