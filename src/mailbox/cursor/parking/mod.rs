//! Conversations that wait for one destination because it refused one of their events: the event, and all that came
//! behind it, copied out of the log so that the log need not wait for them.
//!
//! - `rows`: the tables in which they are
//! - `replayed`: what replays have parked
//! - `schedule`: when each is tried again

mod replayed;
mod rows;
mod schedule;

use std::{collections::HashMap, rc::Rc};

use crate::{
    config::Retry,
    mailbox::{
        Change, Join,
        log::Log,
        sql::{Result, Sql, atomically},
    },
};
use schedule::{Parked, Schedule};

/// The conversations that wait for one destination.
#[derive(Debug)]
pub(in crate::mailbox) struct Parking {
    sql: Rc<dyn Sql>,
    destination: String,
    retry: Retry,
    conversations: Schedule,
    /// The conversations that are held back, each with the event from which on it is
    /// ([`crate::mailbox::partition::holding`]).
    held: HashMap<i64, i64>,
    /// The last event that was parked when the mailbox was opened.
    last: i64,
}

/// A refusal, and when and by what chance it is to be tried again.
#[derive(Debug, Clone, Copy)]
pub(super) struct Refusal<'a> {
    pub(super) error: &'a str,
    pub(super) not_before_ms: Option<i64>,
    pub(super) now_ms: i64,
    pub(super) random: f64,
}

impl Parking {
    pub(super) fn load(sql: Rc<dyn Sql>, destination: &str, retry: Retry) -> Result<Self> {
        let mut conversations = Schedule::default();
        sql.each(
            "SELECT conversation, attempts, first_failed_ms, next_ms FROM parked \
             WHERE conversation > ?1 AND destination = ?2 ORDER BY conversation",
            &[destination.into()],
            &mut |row| {
                let parked = Parked {
                    attempts: u32::try_from(row.get::<i64>(1)?).unwrap_or(u32::MAX),
                    first_failed_ms: row.get(2)?,
                    next_ms: row.get(3)?,
                };
                conversations.insert(row.get(0)?, parked);
                Ok(())
            },
        )?;
        // Not of `conversations` alone: one that is held may have parked events without being among them.
        let last = sql.first_integer(
            "SELECT max(seq) FROM parked_events WHERE destination = ?1",
            &[destination.into()],
        )?;
        Ok(Self {
            sql,
            destination: destination.to_owned(),
            retry,
            conversations,
            held: HashMap::new(),
            last: last.unwrap_or(0),
        })
    }

    /// The last event that was parked when the mailbox was opened; 0: none.
    pub(super) fn last(&self) -> i64 {
        self.last
    }

    pub(super) fn is_empty(&self) -> bool {
        self.conversations.is_empty() && self.held.is_empty()
    }

    pub(super) fn contains(&self, conversation: i64) -> bool {
        self.conversations.contains(conversation) || self.held.contains_key(&conversation)
    }

    /// From which event on a conversation is held back; `i64::MAX`: it is not.
    pub(super) fn held_from(&self, conversation: i64) -> i64 {
        self.held.get(&conversation).copied().unwrap_or(i64::MAX)
    }

    /// Whether an event of a held conversation is from before the hold.
    pub(super) fn lets_go(&self, conversation: i64, seq: i64) -> bool {
        let before = self.held.get(&conversation);
        before.is_some_and(|before| seq < *before)
    }

    /// Has a parked conversation be tried, unless it has a time of its own.
    pub(super) fn schedule(&mut self, conversation: i64, now_ms: i64) -> Result<()> {
        self.sql.run(
            "INSERT OR IGNORE INTO parked (destination, conversation, attempts, first_failed_ms, next_ms, error) \
             VALUES (?1, ?2, 0, ?3, ?3, '')",
            &[self.id().into(), conversation.into(), now_ms.into()],
        )?;
        if !self.conversations.contains(conversation) {
            self.due(conversation, now_ms);
        }
        Ok(())
    }

    /// The conversation that has waited longest of those that are due, or of all, if `any`.
    pub(super) fn next(&self, now_ms: i64, any: bool, busy: impl Fn(i64) -> bool) -> Option<i64> {
        let (at, conversation) = self.conversations.first(i64::MIN, busy)?;
        (any || at <= now_ms).then_some(conversation)
    }

    /// The first time after `after` at which a conversation is to be tried again (unix milliseconds).
    pub(super) fn wakes_at(&self, after: i64, busy: impl Fn(i64) -> bool) -> Option<i64> {
        let (at, _) = self.conversations.first(after, busy)?;
        Some(at)
    }

    /// All that wait are due now: the destination is back.
    pub(super) fn all_due(&mut self, now_ms: i64) -> Result<()> {
        Self::hurry(&*self.sql, &self.destination, now_ms)?;
        self.conversations.all_due(now_ms);
        Ok(())
    }

    /// After events were parked from outside or taken back (each given with its conversation): if one of them is or was the
    /// first of its conversation, another event is first now. Such conversations are tried at once, with tries counted
    /// anew; all others wait as before. Gives whether there is any.
    pub(super) fn begin_anew(&mut self, events: &[(i64, i64)], now_ms: i64) -> Result<bool> {
        let mut first = events.to_vec();
        first.sort_unstable();
        first.dedup_by_key(|(conversation, _)| *conversation);
        let mut any = false;
        for (conversation, seq) in first {
            let begun = self.sql.exec(
                "INSERT OR REPLACE INTO parked (destination, conversation, attempts, first_failed_ms, next_ms, error) \
                 SELECT ?1, ?2, 0, ?3, ?3, 'replayed' WHERE NOT EXISTS (SELECT 1 FROM parked_events JOIN parked \
                   USING (destination, conversation) WHERE destination = ?1 AND conversation = ?2 AND seq < ?4) \
                 RETURNING 1",
                &[
                    self.id().into(),
                    conversation.into(),
                    now_ms.into(),
                    seq.into(),
                ],
            )?;
            if !begun.is_empty() {
                self.due(conversation, now_ms);
                any = true;
            }
        }
        Ok(any)
    }

    /// Holds back these conversations, each from an event on, and no others.
    pub(super) fn hold_back(&mut self, held: HashMap<i64, i64>) {
        self.held = held;
    }

    /// A conversation is tried at once.
    fn due(&mut self, conversation: i64, now_ms: i64) {
        let parked = Parked {
            attempts: 0,
            first_failed_ms: now_ms,
            next_ms: now_ms,
        };
        self.conversations.insert(conversation, parked);
    }

    /// Takes note that the destination refused events of a conversation. With `aside` they are still in the log alone,
    /// and are parked first.
    pub(super) fn refused(
        &mut self,
        log: &Log,
        conversation: i64,
        seqs: &[i64],
        aside: bool,
        refusal: &Refusal<'_>,
    ) -> Result<Option<Change>> {
        let now_ms = refusal.now_ms;
        let before = self.conversations.get(conversation);
        let attempts = before.map_or(0, |parked| parked.attempts).saturating_add(1);
        let first_failed_ms = match before {
            // What is still in the log fails for the first time, though another of its conversation may have failed.
            Some(parked) if parked.attempts > 0 && !aside => parked.first_failed_ms,
            _ => now_ms,
        };
        let next = self
            .retry
            .next(attempts, first_failed_ms, now_ms, refusal.random);
        let parked = Parked {
            attempts: if next.is_some() { attempts } else { 0 },
            first_failed_ms,
            next_ms: next.map_or(now_ms, |next| {
                next.max(refusal.not_before_ms.unwrap_or(next))
            }),
        };
        let dead = atomically(&*self.sql, || {
            for seq in seqs.iter().filter(|_| aside) {
                self.put_aside(log, *seq)?;
            }
            self.write(conversation, parked, refusal)?;
            match next {
                None => {
                    let dead = self.bury(conversation, seqs, attempts, first_failed_ms, refusal)?;
                    self.forget_dead(conversation)?;
                    Ok(dead)
                }
                Some(_) => Ok(0),
            }
        })?;
        self.conversations.insert(conversation, parked);
        Ok(match next {
            None => Some(Change::Dead(dead)),
            // The conversation may be parked already, for what came before or for another reason.
            Some(_) => (attempts == 1).then_some(Change::Parked),
        })
    }

    /// Events of a conversation that waits were taken: what comes behind them may go at once. Gives whether it was a
    /// refusal that they waited for.
    pub(super) fn taken(&mut self, conversation: i64, seqs: &[i64]) -> Result<bool> {
        for seq in seqs {
            self.forget(conversation, *seq)?;
        }
        let left = self.sql.exec(
            "SELECT 1 FROM parked_events WHERE destination = ?1 AND conversation = ?2 LIMIT 1",
            &[self.id().into(), conversation.into()],
        )?;
        let parked = self.conversations.get(conversation);
        let failed = parked.filter(|parked| parked.attempts > 0);
        let was_refused = failed.is_some();
        if left.is_empty() {
            self.release(conversation)?;
        } else if let Some(parked) = failed {
            // What comes behind has its own schedule, from its own first failure on.
            let anew = Parked {
                attempts: 0,
                ..parked
            };
            self.conversations.insert(conversation, anew);
            self.sql.run(
                "UPDATE parked SET attempts = 0 WHERE destination = ?1 AND conversation = ?2",
                &[self.destination.as_str().into(), conversation.into()],
            )?;
        }
        Ok(was_refused)
    }

    /// Lets a conversation go that has nothing left to wait for.
    pub(super) fn release(&mut self, conversation: i64) -> Result<()> {
        self.sql.run(
            "DELETE FROM parked WHERE destination = ?1 AND conversation = ?2",
            &[self.id().into(), conversation.into()],
        )?;
        self.conversations.remove(conversation);
        Ok(())
    }

    /// Lets go of all that waits.
    pub(super) fn clear(&mut self) -> Result<()> {
        if self.is_empty() {
            return Ok(());
        }
        for table in ["parked", "parked_events"] {
            self.sql.run(
                &format!("DELETE FROM {table} WHERE destination = ?1"),
                &[self.id().into()],
            )?;
        }
        self.conversations = Schedule::default();
        Ok(())
    }

    /// What waits in one conversation waits from now on in the one that it turned out to be part of. What is held is told
    /// anew after it.
    pub(super) fn join(&mut self, join: Join) -> Result<()> {
        let Join { from, into } = join;
        if self.contains(from) {
            self.sql.run(
                "UPDATE parked_events SET conversation = ?3 WHERE destination = ?1 AND conversation = ?2",
                &[self.id().into(), from.into(), into.into()],
            )?;
        }
        let Some(together) = self.together(join) else {
            return Ok(());
        };
        self.sql.run(
            "UPDATE OR REPLACE parked SET conversation = ?3 WHERE destination = ?1 AND conversation = ?2",
            &[self.id().into(), from.into(), into.into()],
        )?;
        self.sql.run(
            "UPDATE parked SET attempts = ?3, first_failed_ms = ?4, next_ms = ?5 \
             WHERE destination = ?1 AND conversation = ?2",
            &[
                self.id().into(),
                into.into(),
                i64::from(together.attempts).into(),
                together.first_failed_ms.into(),
                together.next_ms.into(),
            ],
        )?;
        self.conversations.remove(from);
        self.conversations.insert(into, together);
        Ok(())
    }

    /// The conversations that wait because an event was refused so many times at least.
    pub(super) fn refused_before(&self, times: u32) -> impl Iterator<Item = i64> {
        self.conversations.refused(times)
    }

    /// Whether a restart would find what waits as it is.
    #[cfg(test)]
    pub(super) fn is_written(&self) -> bool {
        let written = Self::load(self.sql.clone(), &self.destination, self.retry);
        written.is_ok_and(|written| written.conversations == self.conversations)
    }

    fn id(&self) -> &str {
        &self.destination
    }

    /// How two conversations that became one wait, if any of them does. Tries are counted anew: the event that goes
    /// first may be of the one that was not refused, and must not be given up for the failures of the other.
    fn together(&self, join: Join) -> Option<Parked> {
        let both = [join.from, join.into].into_iter();
        let parked = both.filter_map(|one| self.conversations.get(one));
        let next_ms = parked.map(|parked| parked.next_ms).max()?;
        Some(Parked {
            attempts: 0,
            first_failed_ms: next_ms,
            next_ms,
        })
    }
}
