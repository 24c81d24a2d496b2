//! What becomes of a send that was on its way, and of the number by it.

use super::{
    blocked::{Blocked, Change},
    lanes::Waiting,
    outbox::{Outbox, Started},
    pair,
    state::{Happened, State},
    stored::{self, Draft, Keep, Record, Send},
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
    /// Meta took a message.
    Takes,
    /// Meta refused a message for what it is, which says nothing of others.
    Refuses,
    /// It sends faster than Meta takes it.
    SlowsDown,
    /// It can send nothing, as Meta says by this code.
    Stops(u32),
    /// Nothing was said that can be read.
    Silent,
}

/// What becomes of a send.
#[derive(Debug)]
struct Ending {
    state: State,
    /// Where it is queued again: how long it waits (milliseconds), and the code by which the number stopped, where it did.
    wait_ms: i64,
    put_back: Option<u32>,
    /// Whether its fallback goes in its place, where it has one.
    falls_back: bool,
    number: Number,
}

impl Ending {
    /// `probes`: it went to see whether the number can send again; `others_go`: the number can send, for all that is known, and has just sent others like this one.
    fn of(started: &Started, happened: Happened, probes: bool, others_go: bool) -> Self {
        let answer = match &happened {
            Happened::Answered(answer) => Some(answer.clone()),
            _ => None,
        };
        let is_silent = happened == Happened::NoAnswer;
        let state = match happened {
            // It was looked at again before anything was sent.
            Happened::Refuse(_) => State::Queued.after(happened),
            other => State::Started.after(other),
        };
        let mut ending = Self {
            state,
            wait_ms: 0,
            put_back: None,
            falls_back: false,
            number: Number::AsItWas,
        };
        match answer {
            Some(Answer::Refused { code, class, again }) if class.blocks_number() && !again => {
                ending.number = Number::Refuses;
                // One that is refused so again, while others go, is at fault itself.
                if probes || !started.put_back || !others_go {
                    ending.number = Number::Stops(code);
                    ending.state = State::Queued;
                    ending.put_back = Some(code);
                }
            }
            Some(Answer::Refused {
                again: true,
                class: Class::PairRate,
                ..
            }) => {
                ending.number = Number::Refuses;
                ending.wait_ms = pair::wait_ms(started.attempts);
            }
            Some(Answer::Refused { again: true, .. }) => {
                ending.number = Number::SlowsDown;
                ending.wait_ms = wait(started.attempts);
            }
            Some(Answer::Refused { code, .. }) => {
                ending.number = Number::Refuses;
                ending.falls_back = code == WINDOW_CLOSED;
            }
            Some(Answer::Accepted { .. }) => ending.number = Number::Takes,
            Some(Answer::Unknown { .. }) => ending.number = Number::Silent,
            None if is_silent => ending.number = Number::Silent,
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
            return self.overtaken_by_status(sql, started, now_ms);
        }
        let is_template = !started.send.draft.message.is_free_form();
        let takes = if is_template {
            self.takes_templates
        } else {
            self.takes
        };
        let tries = |blocked: &Blocked| Some(blocked.since_ms) == started.probes;
        let probes = self.blocked.as_ref().is_some_and(tries);
        let others_go = takes && self.blocked.is_none();
        let ending = Ending::of(&started, happened, probes, others_go);
        if matches!(
            ending.number,
            Number::Refuses | Number::SlowsDown | Number::Stops(_)
        ) {
            self.silence.ends();
        }
        if matches!(&ending.state, State::Failed { class, .. } if class.blocks_number()) {
            // Should the next one be refused so too, it is the number after all.
            (self.takes, self.takes_templates) = (false, false);
        }
        if probes {
            self.tries_another(sql, &ending, now_ms)?;
        }
        let change = match ending.number {
            Number::AsItWas => {
                self.silence.tells_nothing(now_ms);
                None
            }
            Number::Refuses => None,
            Number::Takes => self.accepted(sql, started.probes, is_template, now_ms)?,
            Number::SlowsDown => {
                self.pacing.slow_down(now_ms);
                None
            }
            Number::Stops(code) => {
                let why = Blocked::by_answer(code, is_template, now_ms);
                self.block(sql, why, probes)?
            }
            Number::Silent => {
                self.silence.goes_on(now_ms);
                None
            }
        };
        let state = self.end(sql, started, ending, now_ms)?;
        Ok((state, change))
    }

    /// A status has told of a send before its answer: it is the status that counts.
    fn overtaken_by_status(
        &mut self,
        sql: &dyn Sql,
        started: Started,
        now_ms: i64,
    ) -> Result<(State, Option<Change>), SqlError> {
        let Started {
            mut send, probes, ..
        } = started;
        let Some(found) = stored::find(sql, &send.id)? else {
            return Ok((State::Unknown, None));
        };
        let is_template = !send.draft.message.is_free_form();
        match found.error {
            None => {
                let change = self.accepted(sql, probes, is_template, now_ms)?;
                Ok((found.state, change))
            }
            Some(WINDOW_CLOSED) if !is_template && send.draft.fall_back() => {
                self.falls_back(sql, send, &found, now_ms)?;
                Ok((State::Queued, None))
            }
            Some(_) => Ok((found.state, None)),
        }
    }

    /// The fallback of a send waits in its place.
    pub(super) fn falls_back(
        &mut self,
        sql: &dyn Sql,
        send: Send,
        found: &Record,
        now_ms: i64,
    ) -> Result<(), SqlError> {
        let keep = Keep::This(&send.draft);
        stored::write(sql, &send.id, &State::Queued, &keep, true, now_ms)?;
        self.watched.insert(send.id.clone());
        let waiting = Waiting::new(send.id, found.place, true);
        self.lanes.insert(send.conversation, waiting, now_ms);
        Ok(())
    }

    /// A message by which the number was tried tells nothing where it did not go, or was refused for what it is: then the
    /// next may go as soon as this one might.
    fn tries_another(
        &mut self,
        sql: &dyn Sql,
        ending: &Ending,
        now_ms: i64,
    ) -> Result<(), SqlError> {
        let tells_nothing = matches!(ending.state, State::Failed { .. } | State::Queued)
            && ending.put_back.is_none();
        if let Some(blocked) = self.blocked.as_mut().filter(|_| tells_nothing) {
            blocked.tries_ms = now_ms.saturating_add(ending.wait_ms);
            blocked.save(sql, &self.settings)?;
        }
        Ok(())
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
        let may_fall_back =
            (is_accepted || state == State::Unknown) && is_free_form && draft.fallback.is_some();
        let keep = match state {
            State::Queued if fell_back => Keep::This(&draft),
            State::Queued => Keep::AsItIs,
            _ if may_fall_back => Keep::AsItIs,
            _ => Keep::Nothing,
        };
        stored::write(sql, &id, &state, &keep, fell_back, now_ms)?;
        if let Some(code) = ending.put_back {
            stored::put_back(sql, &id, code)?;
        }
        if matches!(state, State::Failed { .. }) || is_accepted && !may_fall_back {
            self.watched.remove(&id);
        }
        if state == State::Queued {
            let waiting = Waiting {
                id,
                place: started.place,
                is_template: !draft.message.is_free_form(),
                attempts: started.attempts + u32::from(ending.wait_ms > 0),
                put_back: started.put_back || ending.put_back.is_some(),
                next_ms: now_ms.saturating_add(ending.wait_ms),
            };
            self.lanes.insert(conversation, waiting, now_ms);
        }
        Ok(state)
    }

    /// The number can send nothing. Where it could not before either, `instead` says whether what was said of it now
    /// counts.
    pub(super) fn block(
        &mut self,
        sql: &dyn Sql,
        mut why: Blocked,
        instead: bool,
    ) -> Result<Option<Change>, SqlError> {
        (self.takes, self.takes_templates) = (false, false);
        if let Some(blocked) = &mut self.blocked {
            let widens = blocked.of_templates && !why.of_templates;
            if !widens && (!instead || blocked.code == why.code) {
                blocked.goes_on(&why);
                blocked.save(sql, &self.settings)?;
                return Ok(None);
            }
            why.by_status |= blocked.by_status;
        }
        why.save(sql, &self.settings)?;
        self.blocked = Some(why.clone());
        Ok(Some(Change::Blocked(why)))
    }

    /// Meta has taken a message. Where that was one to see whether the number can send again (`probes`: since when it
    /// could not), it can.
    fn accepted(
        &mut self,
        sql: &dyn Sql,
        probes: Option<i64>,
        is_template: bool,
        now_ms: i64,
    ) -> Result<Option<Change>, SqlError> {
        self.silence.ends();
        self.takes = true;
        self.takes_templates |= is_template;
        let tries = |blocked: &mut Blocked| Some(blocked.since_ms) == probes;
        let Some(mut blocked) = self.blocked.take_if(tries) else {
            return Ok(None);
        };
        if blocked.ends(now_ms) {
            self.right_ms = now_ms;
            Blocked::remove(sql)?;
            return Ok(Some(Change::Unblocked(blocked)));
        }
        blocked.save(sql, &self.settings)?;
        self.blocked = Some(blocked);
        Ok(None)
    }
}

fn wait(attempts: u32) -> i64 {
    doubled(FIRST_WAIT_MS, attempts, LONGEST_WAIT_MS)
}

/// Twice as long after each time, up to the longest.
pub(super) fn doubled(first_ms: i64, times: u32, longest_ms: i64) -> i64 {
    let doubled = first_ms.saturating_mul(1 << times.min(16));
    doubled.min(longest_ms)
}

/// What was kept of a send whose fallback may yet be needed goes out in its place.
pub(super) fn fallen_back(mut draft: Draft) -> Option<Draft> {
    let falls_back = draft.message.is_free_form() && draft.fall_back();
    falls_back.then_some(draft)
}
