//! A rule of `CONFIG.replies`: when it fires, and what it does.

mod read;
#[cfg(test)]
mod tests;

use crate::{
    meta::graph::Message,
    text::{Expression, Phrases},
};

/// A rule: where all its conditions are met, and no rule before it has fired, it fires.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// Its name, by which events tell of it: its own, or its place in the list. Unique.
    pub id: String,
    /// It is for these business numbers (`phone_number_id`) alone; `None`: for all.
    pub numbers: Option<Vec<String>>,
    /// When it fires.
    pub when: When,
    /// What is sent, in this order. Placeholders are still to be filled in.
    pub replies: Vec<Message>,
    /// What the event is marked with.
    pub tags: Vec<String>,
    /// For how long a person has the conversation in hand from then on.
    pub hand_over: Option<HandOver>,
    /// How long it does not fire again for the same customer, in seconds.
    pub once_in_s: Option<i64>,
}

/// For how long rules do not answer after one has handed the conversation over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HandOver {
    /// As long as after a person has written.
    Usual,
    /// So many seconds.
    For(i64),
    /// Until it is given back: the customer has had enough of rules.
    Stop,
}

/// Conditions, all of which must be met.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct When {
    /// What the customer wrote, or wrote below a picture.
    pub text: Option<Text>,
    /// The kind of the message is one of these; empty: any.
    pub kinds: Vec<String>,
    /// A button with one of these ids or payloads was pressed; empty: any message.
    pub buttons: Vec<String>,
    /// An item with one of these ids was chosen from a list; empty: any message.
    pub lists: Vec<String>,
    /// Whether the customer came by an advertisement.
    pub referral: Option<Referral>,
    /// Whether the customer never wrote before.
    pub first_contact: Option<bool>,
    /// Whether the office hours hold.
    pub office_hours: Option<bool>,
    /// It is not a message that is answered: the window is about to close, and nobody has answered.
    pub window_closing: bool,
}

/// What is looked for in a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Text {
    /// Any of these words or phrases.
    Phrases(Phrases),
    /// What a regular expression finds.
    Matches(Expression),
}

/// By which advertisement a customer came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Referral {
    /// By none.
    None,
    /// By any.
    Any,
    /// By one of these (`referral.source_id`).
    Of(Vec<String>),
}
