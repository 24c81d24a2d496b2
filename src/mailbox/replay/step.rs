//! How a replay goes on: step by step, each of a bounded size, and never further than its destination keeps pace.

use super::{
    Replay,
    jobs::Job,
    search::{Candidate, Search},
};
use crate::mailbox::{
    Change, Delivery, Mailbox, Outcome, count,
    cursor::{Cursor, parking::Parking},
    log::Log,
    people::conversations,
    sql::{Result, Sql, atomically},
};

/// How many events of one replay are parked at the same time.
const AT_ONCE: usize = 100;

/// When no more than so many of them are left, more are looked for.
const FEW: usize = 50;

impl Mailbox {
    /// Has every replay go on that can.
    pub(in crate::mailbox) fn step_replays(&mut self, now_ms: i64) -> Result<()> {
        if self.replays.is_empty() {
            return Ok(());
        }
        let sql = &*self.sql;
        for job in &mut self.replays {
            if let Some(to) = can_step(job, &self.cursors) {
                step(sql, &self.log, &mut self.cursors, to, job, now_ms)?;
            }
            job.replay.end_if_over(sql, now_ms)?;
        }
        self.replays.retain(|job| job.replay.ended_ms.is_none());
        Ok(())
    }

    /// Whether any replay can go on now, or end.
    pub(in crate::mailbox) fn can_step_replays(&self) -> bool {
        let mut jobs = self.replays.iter();
        jobs.any(|job| job.replay.is_over() || can_step(job, &self.cursors).is_some())
    }

    /// Takes note of what became of a delivery, where it holds events of a replay.
    pub(in crate::mailbox) fn replayed(
        &mut self,
        delivery: &Delivery,
        outcome: &Outcome,
        changes: &[Change],
        now_ms: i64,
    ) -> Result<()> {
        let to = self.destination(delivery.destination);
        let Some(to) = to.filter(|_| !self.replays.is_empty()) else {
            return Ok(());
        };
        let to = to.id.clone();
        let first = delivery.events.first();
        let first = first.map_or(0, |event| event.conversation);
        let mut dropped = Vec::new();
        let seqs: Vec<i64> = delivery.events.iter().map(|event| event.seq).collect();
        let sql = &*self.sql;
        let died = changes.iter().find_map(|change| match change {
            Change::Dead(count) => Some(*count),
            _ => None,
        });
        let died = died.unwrap_or(0);
        let replays = self.replays.iter_mut().map(|job| &mut job.replay);
        for replay in replays.filter(|replay| replay.to == to) {
            for (index, seq) in seqs.iter().enumerate() {
                if !replay.waiting.contains(seq) {
                    continue;
                }
                if *outcome == Outcome::Taken {
                    forget_dead_letter(sql, replay, *seq)?;
                } else if index < died {
                    replay.died += 1;
                } else if replay.stopped {
                    // The conversation may have become part of another while the request was on its way.
                    let conversation = conversations::joined_into(sql, first)?;
                    Parking::take_back(sql, replay, conversation, *seq)?;
                    replay.dropped += 1;
                    dropped.push((conversation, *seq));
                } else {
                    continue;
                }
                replay.waiting.remove(seq);
            }
            if died > 0 || replay.stopped {
                replay.write(sql)?;
            }
            replay.end_if_over(sql, now_ms)?;
        }
        self.replays.retain(|job| job.replay.ended_ms.is_none());
        match self.cursors.get_mut(delivery.destination) {
            Some(cursor) => cursor.begin_anew(&dropped, now_ms),
            None => Ok(()),
        }
    }
}

/// Deletes a dead letter that was taken after all.
fn forget_dead_letter(sql: &dyn Sql, replay: &Replay, seq: i64) -> Result<()> {
    sql.run(
        "DELETE FROM dead_letters WHERE destination = ?1 AND seq = ?2",
        &[replay.which.destination.as_deref().into(), seq.into()],
    )
}

/// The place of the cursor to whose destination a replay can go on; `None` if it cannot now.
fn can_step(job: &Job, cursors: &[Cursor]) -> Option<usize> {
    let replay = &job.replay;
    if replay.looked || replay.stopped || replay.waiting.len() > FEW {
        return None;
    }
    let mut cursors = cursors.iter();
    cursors.position(|cursor| cursor.destination().id == replay.to)
}

/// Finds the next events and parks them.
fn step(
    sql: &dyn Sql,
    log: &Log,
    cursors: &mut [Cursor],
    to: usize,
    job: &mut Job,
    now_ms: i64,
) -> Result<()> {
    let of = job.replay.which.destination.as_deref();
    let of = of.and_then(|id| Cursor::of(cursors, id));
    let of = of.map(|cursor| cursor.destination().clone());
    let Some(cursor) = cursors.get_mut(to) else {
        return Ok(());
    };
    let room = AT_ONCE.saturating_sub(job.replay.waiting.len());
    atomically(sql, || {
        let replay = &mut job.replay;
        let ids = replay.which.conversation;
        let ids = ids.map(|id| conversations::ids(sql, id));
        let search = Search {
            sql,
            log,
            of: of.as_ref(),
            to: cursor.destination(),
            read: job.read,
            coming: &job.coming,
            ids: ids.transpose()?,
        };
        let chosen = search.next(replay, room)?;
        let mut events = Vec::new();
        for Candidate {
            seq,
            conversation,
            is_dead,
            ..
        } in chosen
        {
            let conversation = conversations::joined_into(sql, conversation)?;
            if Parking::park_copy(sql, log, replay, seq, conversation, is_dead)? {
                replay.waiting.insert(seq);
                events.push((conversation, seq));
            }
        }
        replay.found += count(events.len());
        replay.write(sql)?;
        cursor.begin_anew(&events, now_ms)
    })
}
