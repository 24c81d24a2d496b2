//! A message for the Graph API, all but to whom it goes.

use std::fmt;

use serde_json::{Map, Value};

use crate::{
    checked::{self, Fault, Node},
    meta::graph::check,
};

/// A Graph message object without an address, within Meta's documented limits: `type`, the member of that name, and
/// what may stand beside them.
///
/// Source: "Messages" in the reference of the WhatsApp Cloud API.
#[derive(Clone, PartialEq, Eq)]
pub struct Message(Map<String, Value>);

/// What says to whom a message goes. Whoever answers an event does not choose that: the conversation does.
const ADDRESS: [&str; 2] = ["to", "recipient"];

/// What may stand beside `type` and its member. Meta's own body has the first two: they are set anew, whatever they
/// are.
const BESIDE: [&str; 7] = [
    "messaging_product",
    "recipient_type",
    "context",
    "recipient_identity_key_hash",
    "category",
    "ttl_seconds",
    "direct_send_config",
];

/// Why Meta takes no interactive message in a group ("Groups API", "Non-supported message types").
pub const NOT_IN_GROUPS: &str = "Meta takes no interactive messages in a group";

impl Message {
    /// Checks a message; every fault is told by its path in the message.
    pub fn check(value: &Value) -> Result<Self, Vec<Fault>> {
        checked::read("", value, Self::read)?.ok_or_else(Vec::new)
    }

    /// What was checked before it was stored is not checked again.
    pub(crate) fn stored(value: &Value) -> Option<Self> {
        value.as_object().cloned().map(Self)
    }

    /// Its `type`.
    pub fn kind(&self) -> &str {
        self.0
            .get("type")
            .and_then(Value::as_str)
            .unwrap_or_default()
    }

    /// Whether it is bound to an open window. Only a template is not.
    pub fn is_free_form(&self) -> bool {
        self.kind() != "template"
    }

    /// Whether a template can go in its place. What only marks another message says nothing that one could say.
    pub fn has_fallback(&self) -> bool {
        !["template", "reaction", "pin"].contains(&self.kind())
    }

    /// Whether it is refused in groups: [`NOT_IN_GROUPS`].
    pub fn is_for_no_group(&self) -> bool {
        self.kind() == "interactive"
    }

    /// The name of the template that it is.
    pub fn template(&self) -> Option<&str> {
        let template = self.0.get("template").filter(|_| !self.is_free_form())?;
        template.get("name")?.as_str()
    }

    /// Its members.
    pub fn members(&self) -> &Map<String, Value> {
        &self.0
    }

    /// Reads one that may go whether or not the window is open.
    pub(crate) fn read_template(node: &Node<'_>) -> Option<Self> {
        let message = Self::read(node)?;
        if message.is_free_form() {
            return node.refuse("must be a template: nothing else goes while the window is closed");
        }
        Some(message)
    }

    /// Reads one as a part of something larger. Where there is none, a fault says why.
    pub(crate) fn read(node: &Node<'_>) -> Option<Self> {
        let members = node.object()?;
        for key in ADDRESS {
            node.get(key).inspect(|node| {
                node.fault("must be left out: the conversation says to whom it goes");
            });
        }
        node.get("biz_opaque_callback_data")
            .inspect(|node| node.fault("must be left out: it is how a send is found again"));
        let kind = node.need("type")?.one_of(&check::KINDS)?;
        let known: Vec<_> = ADDRESS
            .iter()
            .chain(&BESIDE)
            .chain(&["type", "biz_opaque_callback_data", kind])
            .copied()
            .collect();
        node.only(&known);
        if let Some(context) = node.get("context") {
            context.need("message_id").and_then(|id| id.filled_text());
        }
        let content = node.need(kind)?;
        check::content(kind, &content, node.get("category").is_some());
        // To Meta a member that is null is not the same as one that is not there.
        let members = members.iter().filter(|(_, value)| !value.is_null());
        let members = members.map(|(key, value)| (key.clone(), value.clone()));
        let mut members: Map<_, _> = members.collect();
        if let Some(content) = members.get_mut(kind).and_then(Value::as_object_mut) {
            content.retain(|name, value| name != "caption" || !check::is_no_caption(value));
        }
        Some(Self(members))
    }
}

/// Only its type: the rest is what a customer is told.
impl fmt::Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Message({})", self.kind())
    }
}
