//! What becomes of a send that was on its way, and of the number by it.

use super::{
    blocked::{Blocked, Change},
    lanes::Waiting,
    outbox::{Outbox, Started},
    pair,
    state::{Happened, State},
    stored::{self, Draft, Keep, Send},
};
use crate::{
    mailbox::sql::{Sql, SqlError},
    meta::graph::{Answer, Class},
};

/// How long a send that Meta turned away waits, in milliseconds: twice as long after each time, up to a minute.
const FIRST_WAIT_MS: i64 = 1_000;
const LONGEST_WAIT_MS: i64 = 60_000;

/// Meta's code for a closed window.
pub(super) const WINDOW_CLOSED: u32 = 131_047;

/// What follows for the number from what became of a send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Number {
    AsItWas,
    /// Meta looked at a message: it can send.
    Sends,
    /// It sends faster than Meta takes it.
    SlowsDown,
    /// It can send nothing, as Meta says by this code.
    Stops(u32),
}

/// What becomes of a send.
#[derive(Debug)]
struct Ending {
    state: State,
    /// Where it is queued again: how long it waits (milliseconds), and whether it was put back as the number stopped.
    wait_ms: i64,
    put_back: bool,
    /// Whether its fallback goes in its place, where it has one.
    falls_back: bool,
    number: Number,
}

impl Ending {
    fn of(started: &Started, happened: Happened, number_is_blocked: bool) -> Self {
        let answer = match &happened {
            Happened::Answered(answer) => Some(answer.clone()),
            _ => None,
        };
        let state = match happened {
            // It was looked at again before anything was sent.
            Happened::Refuse(_) => State::Queued.after(happened),
            other => State::Started.after(other),
        };
        let mut ending = Self {
            state,
            wait_ms: 0,
            put_back: started.put_back,
            falls_back: false,
            number: Number::AsItWas,
        };
        match answer {
            Some(Answer::Refused { code, class, again }) if class.blocks_number() && !again => {
                // One that was put back and is refused again, while others go, is at fault itself.
                if started.probes || number_is_blocked || !started.put_back {
                    ending.number = Number::Stops(code);
                    ending.state = State::Queued;
                    ending.put_back = true;
                }
            }
            Some(Answer::Refused {
                again: true,
                class: Class::PairRate,
                ..
            }) => ending.wait_ms = pair::wait_ms(started.attempts),
            Some(Answer::Refused { again: true, .. }) => {
                ending.number = Number::SlowsDown;
                ending.wait_ms = wait(started.attempts);
            }
            Some(Answer::Refused { code, .. }) => {
                ending.number = Number::Sends;
                ending.falls_back = code == WINDOW_CLOSED;
            }
            Some(Answer::Accepted { .. }) => ending.number = Number::Sends,
            Some(Answer::Unknown { .. }) => {}
            None => ending.wait_ms = wait(started.attempts),
        }
        ending
    }
}

impl Outbox {
    /// Takes note of what became of a send, and gives the state it is in now, and whether the number stopped or began
    /// again by it.
    pub fn done(
        &mut self,
        sql: &dyn Sql,
        started: Started,
        happened: Happened,
        now_ms: i64,
    ) -> Result<(State, Option<Change>), SqlError> {
        let id = started.send.id.as_str();
        let conversation = started.send.conversation;
        self.busy = self.busy.saturating_sub(1);
        self.lanes.free(conversation, now_ms);
        if self.overtaken.remove(id) {
            let found = stored::find(sql, id)?;
            return Ok((found.map_or(State::Unknown, |found| found.state), None));
        }
        let ending = Ending::of(&started, happened, self.blocked.is_some());
        // A probe that we refused ourselves was none: the next may go at once.
        if started.probes
            && ending.state.is_refused_here()
            && let Some(blocked) = &mut self.blocked
        {
            blocked.tries_ms = now_ms;
            blocked.save(sql, &self.settings)?;
        }
        let change = match ending.number {
            Number::AsItWas => None,
            Number::Sends => self.unblock(sql)?,
            Number::SlowsDown => {
                self.pacing.slow_down(now_ms);
                None
            }
            Number::Stops(code) => self.block(sql, code, now_ms)?,
        };
        let state = self.end(sql, started, ending, now_ms)?;
        Ok((state, change))
    }

    /// Writes down what became of a send, queues it where it goes again, and gives its state.
    fn end(
        &mut self,
        sql: &dyn Sql,
        started: Started,
        ending: Ending,
        now_ms: i64,
    ) -> Result<State, SqlError> {
        let Send {
            id,
            conversation,
            mut draft,
        } = started.send;
        let is_free_form = draft.message.is_free_form();
        let falls_back = ending.falls_back && is_free_form && draft.fall_back();
        let fell_back = started.fell_back || falls_back;
        let state = if falls_back {
            State::Queued
        } else {
            ending.state
        };
        let is_accepted = matches!(state, State::Accepted { .. });
        // Meta may yet tell by a status that the window was closed.
        let may_fall_back = is_accepted && is_free_form && draft.fallback.is_some();
        let keep = match state {
            State::Queued if fell_back => Keep::This(&draft),
            State::Queued => Keep::AsItIs,
            _ if may_fall_back => Keep::AsItIs,
            _ => Keep::Nothing,
        };
        stored::write(sql, &id, &state, &keep, fell_back, now_ms)?;
        if matches!(state, State::Failed { .. }) || is_accepted && !may_fall_back {
            self.watched.remove(&id);
        }
        if state == State::Queued {
            let waiting = Waiting {
                id,
                place: started.place,
                attempts: started.attempts + u32::from(ending.wait_ms > 0),
                put_back: ending.put_back,
                next_ms: now_ms.saturating_add(ending.wait_ms),
            };
            self.lanes.insert(conversation, waiting, now_ms);
        }
        Ok(state)
    }

    /// The number can send nothing, as Meta says by this code.
    pub(super) fn block(
        &mut self,
        sql: &dyn Sql,
        code: u32,
        now_ms: i64,
    ) -> Result<Option<Change>, SqlError> {
        if self.blocked.is_some() {
            return Ok(None);
        }
        let blocked = Blocked::now(code, now_ms);
        blocked.save(sql, &self.settings)?;
        self.blocked = Some(blocked.clone());
        Ok(Some(Change::Blocked(blocked)))
    }

    fn unblock(&mut self, sql: &dyn Sql) -> Result<Option<Change>, SqlError> {
        let Some(blocked) = self.blocked.take() else {
            return Ok(None);
        };
        Blocked::remove(sql)?;
        Ok(Some(Change::Unblocked(blocked)))
    }
}

fn wait(attempts: u32) -> i64 {
    FIRST_WAIT_MS
        .checked_shl(attempts)
        .map_or(LONGEST_WAIT_MS, |wait| {
            wait.clamp(FIRST_WAIT_MS, LONGEST_WAIT_MS)
        })
}

/// What was kept of a send whose fallback may yet be needed goes out in its place.
pub(super) fn fallen_back(mut draft: Draft) -> Option<Draft> {
    let falls_back = draft.message.is_free_form() && draft.fall_back();
    falls_back.then_some(draft)
}
