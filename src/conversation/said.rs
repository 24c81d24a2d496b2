//! What a customer's message says, as far as rules ask.

use std::borrow::Cow;

use crate::{
    meta::json::Json,
    text::{folded, words},
};

/// What a message says.
pub(super) struct Said<'a> {
    root: Json<'a>,
    pub(super) text: Cow<'a, str>,
    /// The text, folded, and its words.
    pub(super) folded: String,
    pub(super) words: String,
}

/// The kinds of message that may have words below them.
const WITH_CAPTION: [&str; 3] = ["image", "video", "document"];

impl<'a> Said<'a> {
    /// Reads it from an event's `data`.
    pub(super) fn of(root: Json<'a>) -> Self {
        let message = root.get("message");
        let captioned = || {
            let found = WITH_CAPTION.iter().find_map(|kind| message?.get(kind))?;
            found.get("caption")?.text()
        };
        let body = message.and_then(|message| message.get("text")?.get("body")?.text());
        let text = body.or_else(captioned).unwrap_or_default();
        Self {
            root,
            folded: folded(&text),
            words: words(&text),
            text,
        }
    }

    /// A text in `data`, by the members that lead to it.
    pub(super) fn get(&self, path: &[&str]) -> Option<Cow<'a, str>> {
        self.root.at(path)?.text()
    }

    pub(super) fn kind(&self) -> Option<Cow<'a, str>> {
        self.get(&["message", "kind"])
    }

    /// The id of the button that was pressed, or its payload, where it belongs to a template.
    pub(super) fn button(&self) -> Option<Cow<'a, str>> {
        let id = self.get(&["message", "interactive", "button_reply", "id"]);
        id.or_else(|| self.get(&["message", "button", "payload"]))
    }

    /// The id of the item that was chosen from a list.
    pub(super) fn list(&self) -> Option<Cow<'a, str>> {
        self.get(&["message", "interactive", "list_reply", "id"])
    }

    /// Whether the customer came by an advertisement.
    pub(super) fn is_referred(&self) -> bool {
        let referral = self.root.at(&["message", "referral"]);
        referral.is_some_and(Json::is_object)
    }

    /// The advertisement by which the customer came.
    pub(super) fn advertisement(&self) -> Option<Cow<'a, str>> {
        self.get(&["message", "referral", "source_id"])
    }

    /// What is filled in for a placeholder.
    pub(super) fn value(&self, placeholder: &str) -> Option<Cow<'a, str>> {
        match placeholder.split_once('.')? {
            ("message", _) => Some(self.text.clone()).filter(|text| !text.is_empty()),
            (of, name) => self.get(&[of, name]),
        }
    }
}
