//! What follows from an event, beside its being kept and forwarded: what its conversation remembers of it, what is
//! added to it, what is answered, and what else is told.

use super::{
    answers::Answers,
    budget::DAY_S,
    closing::CLOSING,
    consent::{self, Standing},
    recipient, send_id,
    state::State,
    window::Windows,
};
use crate::{
    config::Consent,
    event::Event,
    meta::graph::{Message, Recipient},
};

/// How often what one customer says in a day is confirmed: each confirmation may cost money.
const MOST_CONFIRMED: usize = 5;

/// What is set about it, for one business number.
#[derive(Debug)]
pub struct Policy {
    answers: Option<Answers>,
    consent: Option<Consent>,
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
    /// When that was written, by Meta's clock (unix seconds).
    pub answers_at: Option<i64>,
}

impl Policy {
    /// By these settings; `None` where nothing follows from any event.
    pub fn new(answers: Option<Answers>, consent: Option<Consent>) -> Option<Self> {
        (answers.is_some() || consent.is_some()).then_some(Self { answers, consent })
    }

    /// The rules, where there are any.
    pub fn answers(&self) -> Option<&Answers> {
        self.answers.as_ref()
    }

    /// A message that a rule asked for in a conversation at `asked` (unix seconds) was not sent, and will not be.
    pub fn unsent(&mut self, conversation: i64, asked: i64) {
        if let Some(answers) = &mut self.answers {
            answers.unsent(conversation, asked);
        }
    }

    /// What follows from an event of a person's or a group's conversation, at `now_ms` (unix milliseconds).
    pub fn conclude(&mut self, event: &Event, known: &Known, now_ms: i64) -> Conclusion {
        let now = now_ms.div_euclid(1000);
        let mut concluded = Conclusion::default();
        concluded.state.clone_from(&known.state);
        if let Some(answers) = &self.answers {
            answers.note(event, known, now, &mut concluded.state);
        }
        let consent = self.consent.as_ref();
        let heard =
            consent.is_some_and(|settings| hear(settings, event, known, now, &mut concluded));
        // Who says that they want no messages, or is answered by a confirmation, is not answered by a rule as well.
        if let Some(answers) = self.answers.as_mut().filter(|_| !heard) {
            answers.answer(event, known, now, &mut concluded);
        }
        concluded
    }
}

/// Takes in what an event says about the customer's consent. A change is told, and confirmed if the customer has just
/// written it. Gives whether no rule is to answer: the customer has just written that they want no messages, or gets a
/// confirmation; or their window is closing, and they want no messages.
fn hear(
    settings: &Consent,
    event: &Event,
    known: &Known,
    now: i64,
    concluded: &mut Conclusion,
) -> bool {
    let mut ledger = std::mem::take(&mut concluded.state.consent);
    let before = ledger.standing();
    let entry = consent::heard(event, settings, &ledger, now);
    let mut written = false;
    let mut heard = event.kind == CLOSING && before == Standing::OptedOut;
    if let Some(entry) = entry {
        written = entry.is_written();
        heard = written && !entry.opted_in;
        concluded.added.push(("consent", entry.view()));
        ledger = ledger.with(entry);
    }
    let after = ledger.standing();
    let overruled = concluded.state.overruled.take();
    let mut stood = [Some(before), overruled].into_iter().flatten();
    if let Some(before) = stood.find(|standing| *standing != after) {
        let whose = consent::Whose::of(event);
        concluded.raised.extend(whose.changed(before, &ledger));
    }
    if after != before {
        let confirmation = match after {
            Standing::OptedIn => settings.confirm_start.clone(),
            Standing::OptedOut => settings.confirm_stop.clone(),
            Standing::Unknown => None,
        };
        let is_seldom = ledger.since(now.saturating_sub(DAY_S)) <= MOST_CONFIRMED;
        // While another app has the conversation, that app answers.
        let may_confirm = written && is_seldom && event.kind != consent::STANDBY;
        if let Some(message) = confirmation.filter(|_| may_confirm) {
            heard = true;
            let about = recipient::of(&event.data);
            concluded.replies.push(Reply {
                id: send_id::by_consent(&event.id),
                conversation: known.conversation,
                to: about.recipient,
                message,
                answers: about.message_id,
                answers_at: event.time,
            });
        }
    }
    concluded.state.consent = ledger;
    heard
}
