//! How a replay goes on: step by step, each of a bounded size, and never further than its destination keeps pace.

mod search;

use std::collections::HashSet;

use super::{
    Change, Delivery, Mailbox, Outcome, conversations, count,
    cursor::Cursor,
    log::{COLUMNS, Log},
    replay::Replay,
    replays::{Job, drop_event},
    sql::{Result, Sql, Value, atomically},
};
use search::{Candidate, Search};

/// How many events of one replay are parked at the same time.
const AT_ONCE: usize = 100;

/// When no more than so many of them are left, more are looked for.
const FEW: usize = 50;

impl Mailbox {
    /// Has every replay go on that can.
    pub(super) fn step_replays(&mut self, now_ms: i64) -> Result<()> {
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
    pub(super) fn can_step_replays(&self) -> bool {
        let mut jobs = self.replays.iter();
        jobs.any(|job| job.replay.is_over() || can_step(job, &self.cursors).is_some())
    }

    /// Takes note of what became of a delivery, where it holds events of a replay.
    pub(super) fn replayed(
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
        let jobs = self.replays.iter_mut();
        for Job {
            replay, waiting, ..
        } in jobs.filter(|job| job.replay.to == to)
        {
            for (index, seq) in seqs.iter().enumerate() {
                if !waiting.contains(seq) {
                    continue;
                }
                if *outcome == Outcome::Taken {
                    forget_dead_letter(sql, replay, *seq)?;
                } else if index < died {
                    replay.died += 1;
                } else if replay.stopped {
                    // The conversation may have become part of another while the request was on its way.
                    let conversation = conversations::joined_into(sql, first)?;
                    drop_event(sql, replay, conversation, *seq)?;
                    replay.dropped += 1;
                    dropped.push((conversation, *seq));
                } else {
                    continue;
                }
                waiting.remove(seq);
            }
            replay.waiting = count(waiting.len());
            if died > 0 || replay.stopped {
                replay.write(sql)?;
            }
            replay.end_if_over(sql, now_ms)?;
        }
        self.replays.retain(|job| job.replay.ended_ms.is_none());
        let begins = begin_anew(sql, &to, &dropped, now_ms)?;
        if let Some(cursor) = self.cursors.get_mut(delivery.destination) {
            cursor.due(&begins, now_ms);
        }
        Ok(())
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
    let Job {
        replay, waiting, ..
    } = job;
    if replay.looked || replay.stopped || waiting.len() > FEW {
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
    let room = AT_ONCE.saturating_sub(job.waiting.len());
    let mut after = job.replay.clone();
    let mut parked = HashSet::new();
    let conversations = atomically(sql, || {
        let numbers = after.which.conversation;
        let numbers = numbers.map(|number| conversations::numbers(sql, number));
        let search = Search {
            sql,
            log,
            of: of.as_ref(),
            to: cursor.destination(),
            read: job.read,
            coming: &job.coming,
            numbers: numbers.transpose()?,
        };
        let chosen = search.next(&mut after, room)?;
        let mut events = Vec::new();
        for Candidate {
            seq,
            conversation,
            is_dead,
            ..
        } in chosen
        {
            let conversation = conversations::joined_into(sql, conversation)?;
            if park(sql, log, &after, seq, conversation, is_dead)? {
                parked.insert(seq);
                events.push((conversation, seq));
            }
        }
        let conversations = begin_anew(sql, &after.to, &events, now_ms)?;
        after.found += count(parked.len());
        after.write(sql)?;
        Ok(conversations)
    })?;
    cursor.due(&conversations, now_ms);
    job.waiting.extend(parked);
    after.waiting = count(job.waiting.len());
    job.replay = after;
    Ok(())
}

/// Parks a copy of an event, marked as replayed. Gives whether it was not parked before.
fn park(
    sql: &dyn Sql,
    log: &Log,
    replay: &Replay,
    seq: i64,
    conversation: i64,
    is_dead: bool,
) -> Result<bool> {
    let (table, of) = if is_dead {
        (
            "dead_letters".to_owned(),
            replay.which.destination.as_deref(),
        )
    } else {
        let Some(table) = log.table_of(seq) else {
            return Ok(false);
        };
        (table, None)
    };
    let clause = if of.is_some() {
        " AND destination = ?5"
    } else {
        ""
    };
    let mut parameters: Vec<Value> = vec![
        replay.to.as_str().into(),
        conversation.into(),
        replay.id.as_str().into(),
        seq.into(),
    ];
    parameters.extend(of.map(Value::from));
    let parked = sql.exec(
        &format!(
            "INSERT INTO parked_events (destination, {COLUMNS}, replay) \
             SELECT ?1, seq, ?2, id, kind, time, received_ms, subject, \
               json_set(added, '$.replayed', json('true')), data, ?3 FROM {table} WHERE seq = ?4{clause} \
             ON CONFLICT DO UPDATE SET replay = ?3 WHERE replay IN (SELECT id FROM replays WHERE state = 1) RETURNING seq"
        ),
        &parameters,
    )?;
    Ok(!parked.is_empty())
}

/// After events were parked or taken back (each given with its conversation): if one of them is or was the first of its
/// conversation, another event is first now. Such conversations are tried at once, with tries counted anew; all others
/// wait as before. Gives the conversations that are tried, of which the cursor is to be told once this is committed
/// ([`Cursor::due`]).
pub(super) fn begin_anew(
    sql: &dyn Sql,
    to: &str,
    events: &[(i64, i64)],
    now_ms: i64,
) -> Result<Vec<i64>> {
    let mut first = events.to_vec();
    first.sort_unstable();
    first.dedup_by_key(|(conversation, _)| *conversation);
    let mut begun = Vec::new();
    for (conversation, seq) in first {
        begun.extend(sql.first_integer(
            "INSERT OR REPLACE INTO parked (destination, conversation, attempts, first_failed_ms, next_ms, error) \
             SELECT ?1, ?2, 0, ?3, ?3, 'replayed' WHERE NOT EXISTS (SELECT 1 FROM parked_events JOIN parked \
               USING (destination, conversation) WHERE destination = ?1 AND conversation = ?2 AND seq < ?4) \
             RETURNING conversation",
            &[to.into(), conversation.into(), now_ms.into(), seq.into()],
        )?);
    }
    Ok(begun)
}
