//! An opened mailbox with what belongs to it: its outbox, and when it next has something to do.

use std::rc::Rc;

use worker::{console_error, console_log};

use super::send::log_ended;
use crate::{
    conversation::send_id::{self, Asker},
    event::Event,
    mailbox::{
        self,
        sql::{self, Sql, atomically},
    },
    meta::graph::Recipient,
    sending::{Draft, NumberChange, Outbox, ReplyBudgets, Send, SendState, repeats::Repeats, told},
    written::Object,
};

/// What is kept: the log with its cursors, and the sends.
pub(super) struct Core {
    /// Which opening this is.
    pub(super) opening: u32,
    pub(super) mailbox: mailbox::Mailbox,
    pub(super) outbox: Outbox,
    pub(super) reply_budgets: ReplyBudgets,
    pub(super) repeats: Repeats,
    pub(super) sql: Rc<dyn Sql>,
    pub(super) source: String,
    /// The business number, where the mailbox is one's.
    pub(super) phone_number_id: Option<String>,
    /// What the ids of its sends begin with: no other mailbox of the number gives such ids.
    pub(super) sends_as: String,
}

impl Core {
    /// Appends events, takes note of what they tell about sends, and takes in what is answered to them.
    pub(super) fn append(&mut self, events: Vec<Event>, now: i64) -> sql::Result<()> {
        self.note_reports(&events, now)?;
        let number = self.phone_number_id.as_deref().unwrap_or_default();
        let outbox = &mut self.outbox;
        let mut refused = Vec::new();
        self.mailbox.append_and(events, now, &mut |replies| {
            for reply in replies {
                let send = Send {
                    id: send_id::of_reply(number, &reply.id),
                    conversation: reply.conversation,
                    // An answer that comes too late is none: it has no fallback.
                    draft: Draft {
                        answers_at: reply.answers_at,
                        ..Draft::reply(reply.to, reply.message, reply.answers)
                    },
                };
                if outbox.is_full() {
                    refused.push(send);
                } else {
                    outbox.add(send, now)?;
                }
            }
            Ok(())
        })?;
        for send in refused {
            let state = self.outbox.refuse(&send, now)?;
            self.tell(&send.id, send.draft.to.as_ref(), &state, now)?;
            self.unsent(&send.id, send.conversation, now.div_euclid(1000))?;
            log_ended(&send.id, &state);
        }
        Ok(())
    }

    /// Tells of windows that are about to close, where it is time.
    pub(super) fn tell_closing(&mut self, now: i64) -> sql::Result<()> {
        let sql = self.sql.clone();
        while self.mailbox.is_closing(now) {
            let told = atomically(&*sql, || {
                let events = self.mailbox.closing(now)?;
                let told = events.len();
                self.append(events, now)?;
                Ok(told)
            })?;
            if told == 0 {
                break;
            }
        }
        Ok(())
    }

    /// Takes note of what statuses among these events tell about sends.
    pub(super) fn note_reports(&mut self, events: &[Event], now: i64) -> sql::Result<()> {
        let change = self.outbox.note_reports(events, now)?;
        self.changed(change, now)
    }

    /// The number stopped sending, or began again: tells the destinations, and logs it.
    pub(super) fn changed(&mut self, change: Option<NumberChange>, now: i64) -> sql::Result<()> {
        let (Some(change), Some(number)) = (change, &self.phone_number_id) else {
            return Ok(());
        };
        let event = change.event(number, now);
        let line = Object::default()
            .text("event", &event.kind)
            .text("id", &event.id)
            .json("data", &event.data)
            .finish();
        match change {
            NumberChange::Blocked(_) => console_error!("{line}"),
            NumberChange::Unblocked(_) => console_log!("{line}"),
        }
        self.mailbox.tell(event, now)
    }

    /// Tells the destinations of a send that did not go, or may not have gone.
    pub(super) fn tell(
        &mut self,
        id: &str,
        to: Option<&Recipient>,
        state: &SendState,
        now: i64,
    ) -> sql::Result<()> {
        let number = self.phone_number_id.as_deref();
        if let Some(event) = told::event(id, to, state, number, now.div_euclid(1000)) {
            self.mailbox.tell(event, now)?;
        }
        Ok(())
    }

    /// Tells of the sends that were on their way when the object ended: nobody knows whether they went.
    pub(super) fn tell_interrupted(&mut self, sends: &[Send], now: i64) -> sql::Result<()> {
        for send in sends {
            let to = send.draft.to.as_ref();
            self.tell(&send.id, to, &SendState::Unknown, now)?;
            log_ended(&send.id, &SendState::Unknown);
        }
        Ok(())
    }

    /// A send that was asked for in a conversation at `asked` (unix seconds) was refused here: who asked for it may ask
    /// for another one instead.
    pub(super) fn unsent(&mut self, id: &str, conversation: i64, asked: i64) -> sql::Result<()> {
        if Asker::of(id).is_rule() {
            return self.mailbox.unsent(id, conversation, asked);
        }
        self.reply_budgets.give_back(id, conversation, asked);
        Ok(())
    }

    /// Writes down how far every cursor has got. Logs which destinations were given up, whose events are gone.
    pub(super) fn settle(&mut self) -> sql::Result<()> {
        for index in self.mailbox.settle()? {
            console_log!(
                "{}",
                self.line_about(index, "destination.given_up").finish()
            );
        }
        Ok(())
    }

    /// When there is something to do (unix milliseconds).
    pub(super) fn wakes_at(&self, now: i64) -> Option<i64> {
        let times = [self.mailbox.wakes_at(now), self.outbox.wakes_at(now)];
        times.into_iter().flatten().min()
    }

    /// The next time after `now` at which something falls due. What is due already waits for a free slot, and is looked
    /// at when a request ends.
    pub(super) fn wakes_after(&self, now: i64) -> Option<i64> {
        let sends = self.outbox.wakes_at(now).filter(|at| *at > now);
        let times = [self.mailbox.wakes_after(now, now), sends];
        times.into_iter().flatten().min()
    }

    /// The beginning of a line of the log: something has happened to a destination.
    pub(super) fn line_about(&self, destination: usize, event: &str) -> Object {
        let mut line = Object::default();
        line.text("event", event)
            .text("source", &self.source)
            .text("destination", self.id_of(destination));
        line
    }

    /// What a destination is called.
    pub(super) fn id_of(&self, destination: usize) -> &str {
        let found = self.mailbox.destination(destination);
        found.map_or("", |destination| &destination.id)
    }
}
