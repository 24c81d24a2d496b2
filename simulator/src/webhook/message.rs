//! Items of `messages[]`: every type that a customer's message may have.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::people::Customer;
use crate::clock;

/// A new message id, as Meta makes them: `wamid.` and base64.
pub fn wamid() -> String {
    let bytes: [u8; 32] = rand::random();
    format!("wamid.{}", STANDARD.encode(bytes))
}

/// One item of `messages[]`. Its id is random and its time is now, unless said otherwise.
#[derive(Debug, Clone, PartialEq)]
pub struct Message {
    item: Value,
    sender: bool,
}

impl From<&str> for Message {
    /// A text.
    fn from(body: &str) -> Self {
        Self::text(body)
    }
}

impl From<&String> for Message {
    /// A text.
    fn from(body: &String) -> Self {
        Self::text(body)
    }
}

impl Message {
    /// A message of this type with this content: `Message::of("location", json!({…}))`.
    pub fn of(kind: &str, content: Value) -> Self {
        let mut message = Self::bare(kind);
        message.item[kind] = content;
        message
    }

    /// A message of this type without any content.
    pub fn bare(kind: &str) -> Self {
        let item =
            json!({ "id": wamid(), "timestamp": clock::unix_now().to_string(), "type": kind });
        Self { item, sender: true }
    }

    /// Exactly this as the item, without a sender; it need not even be an object.
    pub fn raw(item: Value) -> Self {
        Self {
            item,
            sender: false,
        }
    }

    /// A text.
    pub fn text(body: &str) -> Self {
        Self::of("text", json!({ "body": body }))
    }

    /// A picture.
    pub fn image(caption: &str) -> Self {
        Self::media(
            "image",
            json!({ "mime_type": "image/jpeg", "caption": caption }),
        )
    }

    /// A film.
    pub fn video(caption: &str) -> Self {
        Self::media(
            "video",
            json!({ "mime_type": "video/mp4", "caption": caption }),
        )
    }

    /// A voice message.
    pub fn voice() -> Self {
        Self::media(
            "audio",
            json!({ "mime_type": "audio/ogg; codecs=opus", "voice": true }),
        )
    }

    /// A document.
    pub fn document(filename: &str) -> Self {
        Self::media(
            "document",
            json!({ "mime_type": "application/pdf", "filename": filename }),
        )
    }

    /// A sticker.
    pub fn sticker() -> Self {
        Self::media(
            "sticker",
            json!({ "mime_type": "image/webp", "animated": false }),
        )
    }

    fn media(kind: &str, mut content: Value) -> Self {
        let id = rand::random::<u64>().to_string();
        content["sha256"] = json!(STANDARD.encode(rand::random::<[u8; 32]>()));
        content["url"] = json!(format!(
            "https://lookaside.fbsbx.com/whatsapp_business/attachments/?mid={id}&source=webhook&ext=1770000300&hash=ARn"
        ));
        content["id"] = json!(id);
        Self::of(kind, content)
    }

    /// A place.
    pub fn location(latitude: f64, longitude: f64) -> Self {
        Self::of(
            "location",
            json!({ "latitude": latitude, "longitude": longitude }),
        )
    }

    /// Someone's contact card.
    pub fn contacts(formatted_name: &str, phone: &str) -> Self {
        let card = json!({
            "name": { "formatted_name": formatted_name, "first_name": formatted_name },
            "phones": [{ "phone": phone, "type": "CELL" }],
        });
        Self::of("contacts", json!([card]))
    }

    /// A press on one of a message's buttons.
    pub fn button_reply(id: &str, title: &str) -> Self {
        Self::interactive("button_reply", json!({ "id": id, "title": title }))
    }

    /// A choice from a list.
    pub fn list_reply(id: &str, title: &str) -> Self {
        Self::interactive(
            "list_reply",
            json!({ "id": id, "title": title, "description": title }),
        )
    }

    fn interactive(kind: &str, content: Value) -> Self {
        let mut interactive = json!({ "type": kind });
        interactive[kind] = content;
        Self::of("interactive", interactive)
    }

    /// A press on a template's quick reply.
    pub fn button(payload: &str, text: &str) -> Self {
        Self::of("button", json!({ "payload": payload, "text": text }))
    }

    /// An order of one item.
    pub fn order(product_retailer_id: &str, quantity: u32) -> Self {
        let item = json!({
            "product_retailer_id": product_retailer_id, "quantity": quantity, "item_price": 30, "currency": "USD",
        });
        Self::of(
            "order",
            json!({ "catalog_id": "194836987003835", "text": "", "product_items": [item] }),
        )
    }

    /// A reaction to the message `target`.
    pub fn reaction(target: &str, emoji: &str) -> Self {
        Self::of("reaction", json!({ "message_id": target, "emoji": emoji }))
    }

    /// The customer now has another phone number, and with it another user id.
    pub fn changed_number(before: &Customer, after: &Customer) -> Self {
        let told = |who: &Customer| {
            who.phone
                .clone()
                .or(who.user_id.clone())
                .unwrap_or_default()
        };
        let mut content = json!({ "type": "user_changed_number", "body": format!("User changed from {} to {}", told(before), told(after)) });
        let members = [
            ("wa_id", &after.phone),
            ("user_id", &after.user_id),
            ("previous_user_id", &before.user_id),
            ("parent_user_id", &after.parent_user_id),
            ("previous_parent_user_id", &before.parent_user_id),
        ];
        for (name, value) in members {
            if let Some(value) = value {
                content[name] = json!(value);
            }
        }
        Self::of("system", content)
    }

    /// The customer corrected the message `original`.
    pub fn edit(original: &str, body: &str) -> Self {
        let message =
            json!({ "context": { "id": "M0" }, "type": "text", "text": { "body": body } });
        Self::of(
            "edit",
            json!({ "original_message_id": original, "message": message }),
        )
    }

    /// The customer took back the message `original`.
    pub fn revoke(original: &str) -> Self {
        Self::of("revoke", json!({ "original_message_id": original }))
    }

    /// Something that the API cannot show, such as `poll_update`.
    pub fn unsupported(what: &str) -> Self {
        let error = json!({
            "code": 131_051, "title": "Message type unknown", "message": "Message type unknown",
            "error_data": { "details": "Message type is currently not supported." },
        });
        Self::of("unsupported", json!({ "type": what })).with("errors", json!([error]))
    }

    /// With this id (`wamid.…`).
    #[must_use]
    pub fn id(self, id: impl Into<String>) -> Self {
        self.with("id", json!(id.into()))
    }

    /// Written at this time, in seconds since 1970.
    #[must_use]
    pub fn at(self, unix: i64) -> Self {
        self.with("timestamp", json!(unix.to_string()))
    }

    /// Written in a group.
    #[must_use]
    pub fn group(self, group_id: &str) -> Self {
        self.with("group_id", json!(group_id))
    }

    /// Written after a click on an advertisement.
    #[must_use]
    pub fn referral(self) -> Self {
        let referral = json!({
            "source_url": "https://fb.me/3cr4Wqqkv", "source_id": "120226305854810726", "source_type": "ad",
            "headline": "Chat with us", "body": "Summer succulents", "media_type": "image",
            "image_url": "https://scontent.example/1.jpg", "ctwa_clid": "Aff-n8ZTODiE79d22KtAwQKj9e",
        });
        self.with("referral", referral)
    }

    /// With this member, whatever it is.
    #[must_use]
    pub fn with(mut self, member: &str, value: Value) -> Self {
        self.item[member] = value;
        self
    }

    /// The item as `customer` sent it. Members that were set by hand stay as they are.
    pub(crate) fn from(mut self, customer: &Customer) -> Value {
        if let (true, Some(item)) = (self.sender, self.item.as_object_mut()) {
            for (name, value) in customer.sender() {
                item.entry(name).or_insert(value);
            }
        }
        self.item
    }
}
