//! What follows from an event, beside its being kept and forwarded: what its conversation remembers of it, what is
//! added to it, what is answered, and what else is told.

use super::{handover::Handover, state::State, window::Windows};
use crate::{
    config::Answering,
    event::Event,
    meta::graph::{Message, Recipient},
};

/// What is set about it, for one business number.
#[derive(Debug)]
pub struct Policy {
    answering: Answering,
}

/// What is known of an event's conversation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Known {
    /// Its number.
    pub conversation: i64,
    /// Its windows before the event.
    pub before: Windows,
    /// Its windows after the event.
    pub windows: Windows,
    /// What it remembers.
    pub state: State,
}

/// What follows.
#[derive(Debug, Default, PartialEq)]
pub struct Conclusion {
    /// What the conversation remembers from now on.
    pub state: State,
    /// Members that the event's data gets, each with its JSON.
    pub added: Vec<(&'static str, String)>,
    /// What is answered.
    pub replies: Vec<Reply>,
    /// What else is told, right after the event.
    pub raised: Vec<Event>,
}

/// A message that is to be sent.
#[derive(Debug, Clone, PartialEq)]
pub struct Reply {
    /// The event and what asked for the reply, so that whatever asks twice sends once.
    pub id: String,
    /// The conversation it belongs to.
    pub conversation: i64,
    /// To whom; `None` where the event names nobody who can be written to.
    pub to: Option<Recipient>,
    /// What.
    pub message: Message,
    /// The customer's message that it is the answer to (`wamid.…`).
    pub answers: Option<String>,
}

impl Policy {
    /// By these settings.
    pub fn new(answering: Answering) -> Self {
        Self { answering }
    }

    /// What follows from an event of a person's or a group's conversation, at `now_ms` (unix milliseconds).
    pub fn conclude(&mut self, event: &Event, known: Known, now_ms: i64) -> Conclusion {
        let now = now_ms.div_euclid(1000);
        let mut state = known.state;
        if let Some(taken) = Handover::after(event, self.answering.pause_s, now) {
            let before = state.handover.filter(|before| before.holds(now));
            state.handover = Some(before.map_or(taken, |before| before.longer(taken)));
        }
        Conclusion {
            state,
            ..Conclusion::default()
        }
    }
}
