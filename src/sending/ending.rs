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
        let Started { send, place, .. } = started;
        let Send {
            id,
            conversation,
            mut draft,
        } = send;
        self.busy = self.busy.saturating_sub(1);
        self.lanes.free(conversation, now_ms);
        if self.overtaken.remove(&id) {
            let found = stored::find(sql, &id)?;
            return Ok((found.map_or(State::Unknown, |found| found.state), None));
        }
        let answer = match &happened {
            Happened::Answered(answer) => Some(answer.clone()),
            _ => None,
        };
        let mut state = match happened {
            // It was looked at again before anything was sent.
            Happened::Refuse(_) => State::Queued.after(happened),
            other => State::Started.after(other),
        };
        // A probe that we refused ourselves was none: the next may go at once.
        if started.probes
            && state.is_refused_here()
            && let Some(blocked) = &mut self.blocked
        {
            blocked.tries_ms = now_ms;
            blocked.save(sql, &self.settings)?;
        }
        let mut fell_back = started.fell_back;
        let mut wait_ms = 0;
        let mut put_back = started.put_back;
        let mut change = None;
        match answer {
            Some(Answer::Refused { code, class, again }) if class.blocks_number() && !again => {
                // One that was put back and is refused again, while others go, is at fault itself.
                if started.probes || self.blocked.is_some() || !started.put_back {
                    change = self.block(sql, code, now_ms)?;
                    state = State::Queued;
                    put_back = true;
                }
            }
            Some(Answer::Refused {
                again: true, class, ..
            }) => {
                if class == Class::PairRate {
                    wait_ms = pair::wait_ms(started.attempts);
                } else {
                    self.pacing.slow_down(now_ms);
                    wait_ms = wait(started.attempts);
                }
            }
            Some(Answer::Refused { code, .. }) => {
                change = self.unblock(sql)?;
                if code == WINDOW_CLOSED && draft.message.is_free_form() && draft.fall_back() {
                    fell_back = true;
                    state = State::Queued;
                }
            }
            Some(Answer::Accepted { .. }) => change = self.unblock(sql)?,
            Some(Answer::Unknown { .. }) => {}
            None => wait_ms = wait(started.attempts),
        }
        // Meta may yet tell by a status that the window was closed.
        let may_fall_back = matches!(state, State::Accepted { .. })
            && draft.message.is_free_form()
            && draft.fallback.is_some();
        let keep = match state {
            State::Queued if fell_back => Keep::This(&draft),
            State::Queued => Keep::AsItIs,
            _ if may_fall_back => Keep::AsItIs,
            _ => Keep::Nothing,
        };
        stored::write(sql, &id, &state, &keep, fell_back, now_ms)?;
        if matches!(state, State::Failed { .. })
            || matches!(state, State::Accepted { .. }) && !may_fall_back
        {
            self.watched.remove(&id);
        }
        if state == State::Queued {
            let attempts = started.attempts + u32::from(wait_ms > 0);
            let waiting = Waiting {
                id,
                place,
                attempts,
                put_back,
                next_ms: now_ms.saturating_add(wait_ms),
            };
            self.lanes.insert(conversation, waiting, now_ms);
        }
        Ok((state, change))
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
