//! What rules answer: the first that fits fires, where nobody else has the conversation in hand.

use super::{
    Conclusion, Known, Reply,
    budget::{Budget, Exhausted},
    closing::{CLOSING, Closing},
    fill,
    handover::{By, Handover},
    recipient,
    rules::{self, Situation},
    said::Said,
    send_id,
    state::State,
    window,
};
use crate::{
    config::{Answering, HandOver, OfficeHours, Rule},
    event::Event,
    meta::{json::Document, payload::message::automatic_response},
    written::{Object, list, push_string},
};

/// How far a time zone (`Europe/Madrid`) is from UTC at a time (unix seconds), in seconds, east being positive; `None`
/// where there is no such zone.
pub type Offset = fn(zone: &str, now: i64) -> Option<i64>;

/// The rules of one business number, and what they may still spend.
#[derive(Debug)]
pub struct Answers {
    answering: Answering,
    phone_number_id: String,
    offset: Offset,
    budget: Budget,
}

/// Why a rule that fires does nothing, or sends nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Withheld {
    Group,
    Late,
    Handover,
    Unfit,
    Window,
    Exhausted(Exhausted),
}

impl Withheld {
    fn name(self) -> &'static str {
        match self {
            Self::Group => "group",
            Self::Late => "late",
            Self::Handover => "handover",
            Self::Unfit => "unfit",
            Self::Window => "window",
            Self::Exhausted(Exhausted::Budget) => "budget",
            Self::Exhausted(Exhausted::Share) => "share",
        }
    }
}

impl Answers {
    /// The rules of these settings, for this number, with what is left of its budget.
    pub fn new(
        mut answering: Answering,
        phone_number_id: &str,
        offset: Offset,
        budget: Budget,
    ) -> Self {
        answering.rules.retain(|rule| {
            let numbers = rule.numbers.as_ref();
            numbers.is_none_or(|numbers| numbers.iter().any(|it| it == phone_number_id))
        });
        Self {
            answering,
            phone_number_id: phone_number_id.to_owned(),
            offset,
            budget,
        }
    }

    /// Whether somebody wants to know of windows that are about to close.
    pub fn wants_closing(&self) -> bool {
        self.answering.closing_s.is_some()
    }

    /// The number it is for.
    pub fn phone_number_id(&self) -> &str {
        &self.phone_number_id
    }

    /// A message that a rule asked for in a conversation at `asked` (unix seconds) was not sent, and will not be.
    pub fn unsent(&mut self, conversation: i64, asked: i64) {
        self.budget.give_back(conversation, asked);
    }

    /// Takes note of who has the conversation in hand, and of when its window is about to close.
    pub(super) fn note(&self, event: &Event, known: &Known, now: i64, state: &mut State) {
        state.handover = Handover::after(state.handover, event, &self.answering, now);
        let closing = state.closing.take();
        state.closing = self.answering.closing_s.and_then(|lead_s| {
            Closing::after(closing, event, known.windows, state.handover, lead_s, now)
        });
    }

    /// Fires the first rule that fits, if the event is one that rules answer.
    pub(super) fn answer(
        &mut self,
        event: &Event,
        known: &Known,
        now: i64,
        concluded: &mut Conclusion,
    ) {
        let is_answered = matches!(event.kind.as_str(), "whatsapp.message.received" | CLOSING);
        if !is_answered || self.answering.rules.is_empty() {
            return;
        }
        let Some(document) = Document::parse(&event.data) else {
            return;
        };
        let message = document.root().get("message");
        if message.and_then(automatic_response).is_some() {
            return;
        }
        let said = Said::of(document.root());
        let hours = self.answering.office_hours.as_ref();
        let open = |hours: &OfficeHours| {
            let offset = (self.offset)(&hours.time_zone, now);
            hours.hold(now, offset.unwrap_or_default())
        };
        let situation = Situation {
            event,
            known,
            said: &said,
            in_office_hours: hours.is_some_and(open),
            now,
        };
        let Some(rule) = rules::find(&self.answering.rules, &situation).cloned() else {
            return;
        };
        let mut view = Object::default();
        view.text("id", &rule.id);
        if let Some(why) = self.guard(event, &concluded.state, now) {
            view.text("withheld", why.name());
        } else {
            self.fire(&rule, &situation, concluded, &mut view);
        }
        concluded.added.push(("rule", view.finish()));
    }

    /// Why nothing is done, if nothing is.
    fn guard(&self, event: &Event, state: &State, now: i64) -> Option<Withheld> {
        let is_late = |time: i64| time < now.saturating_sub(self.answering.late_s);
        if event.is_of_a_group() && !self.answering.groups {
            Some(Withheld::Group)
        } else if event.time.is_none_or(is_late) {
            Some(Withheld::Late)
        } else if state.handover.is_some_and(|it| it.is_active(now)) {
            Some(Withheld::Handover)
        } else {
            None
        }
    }

    fn fire(
        &mut self,
        rule: &Rule,
        situation: &Situation<'_>,
        concluded: &mut Conclusion,
        view: &mut Object,
    ) {
        let now = situation.now;
        match self.replies(rule, situation) {
            Ok(replies) => {
                let ids: Vec<String> = replies
                    .iter()
                    .map(|reply| quoted(&send_id::of_reply(&self.phone_number_id, &reply.id)))
                    .collect();
                if !ids.is_empty() {
                    view.json("sends", &list(&ids));
                }
                concluded.replies = replies;
                self.remember(rule, &mut concluded.state, now);
            }
            Err(why) => {
                view.text("withheld", why.name());
                if why == Withheld::Exhausted(Exhausted::Budget) {
                    let exhausted = self.budget.exhausted(&self.phone_number_id, None, now);
                    concluded.raised.push(exhausted);
                }
            }
        }
        if !rule.tags.is_empty() {
            let tags: Vec<String> = rule.tags.iter().map(|tag| quoted(tag)).collect();
            view.json("tags", &list(&tags));
        }
        if let Some(hand_over) = rule.hand_over {
            let until = match hand_over {
                HandOver::Usual => Some(now.saturating_add(self.answering.pause_s)),
                HandOver::For(seconds) => Some(now.saturating_add(seconds)),
                HandOver::Stop => None,
            };
            concluded.state.handover = Some(Handover {
                by: By::Rule,
                since: now,
                until,
            });
        }
    }

    /// The messages that a rule sends, or why it sends none.
    fn replies(&mut self, rule: &Rule, situation: &Situation<'_>) -> Result<Vec<Reply>, Withheld> {
        let Situation {
            event,
            known,
            said,
            now,
            ..
        } = *situation;
        if rule.replies.is_empty() {
            return Ok(Vec::new());
        }
        let about = recipient::of(&event.data);
        let in_group = about.is_group();
        let mut answers = about.message_id;
        let mut replies = Vec::with_capacity(rule.replies.len());
        for (index, message) in rule.replies.iter().enumerate() {
            let message = fill::message(message, said)
                .filter(|message| !(in_group && message.is_for_no_group()))
                .ok_or(Withheld::Unfit)?;
            replies.push(Reply {
                id: send_id::by_rule(&event.id, &rule.id, index),
                conversation: known.conversation,
                to: about.recipient.clone(),
                message,
                answers: answers.take(),
                answers_at: event.time,
            });
        }
        let may_write = window::lets_write(known.windows.customer_service, now);
        if !may_write && replies.iter().any(|reply| reply.message.is_free_form()) {
            return Err(Withheld::Window);
        }
        let spent = self.budget.spend(known.conversation, replies.len(), now);
        spent.map_err(Withheld::Exhausted)?;
        Ok(replies)
    }

    /// Remembers that a rule fired that may fire only so often, and forgets those that may fire again.
    fn remember(&self, rule: &Rule, state: &mut State, now: i64) {
        if rule.once_in_s.is_none() {
            return;
        }
        state.fired.retain(|(id, at)| {
            let mut rules = self.answering.rules.iter();
            let once_in_s = rules.find(|it| it.id == *id).and_then(|it| it.once_in_s);
            once_in_s.is_some_and(|once_in_s| at.saturating_add(once_in_s) > now)
        });
        state.fired.push((rule.id.clone(), now));
    }
}

fn quoted(text: &str) -> String {
    let mut out = String::new();
    push_string(&mut out, text);
    out
}
