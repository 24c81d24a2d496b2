//! The tables of what waits for a destination: conversations, their events, and what was given up.

use super::{Parking, Refusal, schedule::Parked};
use crate::{
    config::{Format, LONGEST_KEEP_HOURS},
    mailbox::{
        Failure, Waiting, count,
        cursor::TAKEN_OUT,
        log::{COLUMNS, DECLARED, Log, Stored, complete},
        people::conversations::{by_id, update_ids},
        sql::{Result, Sql},
    },
};

/// For how long what is parked for a destination that was taken out of the settings is kept after it was received, in
/// milliseconds: as long as anything can be kept.
const KEPT_MS: i64 = LONGEST_KEEP_HOURS as i64 * 3_600_000;

impl Parking {
    pub(in crate::mailbox) fn create(sql: &dyn Sql) -> Result<()> {
        for statement in [
            "CREATE TABLE IF NOT EXISTS parked (destination TEXT NOT NULL, conversation INTEGER NOT NULL, \
             attempts INTEGER NOT NULL, first_failed_ms INTEGER NOT NULL, next_ms INTEGER NOT NULL, \
             error TEXT NOT NULL, failed_ms INTEGER, PRIMARY KEY (destination, conversation)) STRICT, WITHOUT ROWID"
                .to_owned(),
            format!(
                "CREATE TABLE IF NOT EXISTS parked_events (destination TEXT NOT NULL, {DECLARED}, replay TEXT, \
                 PRIMARY KEY (destination, conversation, seq)) STRICT, WITHOUT ROWID"
            ),
            format!(
                "CREATE TABLE IF NOT EXISTS dead_letters (destination TEXT NOT NULL, {DECLARED}, \
                 attempts INTEGER NOT NULL, first_failed_ms INTEGER NOT NULL, died_ms INTEGER NOT NULL, \
                 error TEXT NOT NULL, PRIMARY KEY (destination, seq)) STRICT, WITHOUT ROWID"
            ),
            // Whoever asks how things stand, every few seconds perhaps, reads these and no bodies.
            "CREATE INDEX IF NOT EXISTS parked_seqs ON parked_events (destination, seq, received_ms, replay)".to_owned(),
            "CREATE INDEX IF NOT EXISTS died ON dead_letters (destination, died_ms, error)".to_owned(),
        ] {
            sql.run(&statement, &[])?;
        }
        Ok(())
    }

    /// A destination is back in the settings: what was parked for it is tried. Meanwhile its conversations may have
    /// become part of others, or what they were held for may have gone.
    pub(in crate::mailbox) fn come_back(sql: &dyn Sql, destination: &str) -> Result<()> {
        update_ids(sql, "parked_events", "destination = ?1", destination.into())?;
        sql.run(
            "DELETE FROM parked WHERE destination = ?1",
            &[destination.into()],
        )?;
        sql.run(
            "INSERT INTO parked (destination, conversation, attempts, first_failed_ms, next_ms, error) \
             SELECT DISTINCT ?1, conversation, 0, 0, 0, '' FROM parked_events WHERE destination = ?1",
            &[destination.into()],
        )
    }

    /// A destination is paused: what it refused is not tried, so that the tries, and the time for which it refused, are counted
    /// anew when it goes on.
    pub(in crate::mailbox) fn pause(sql: &dyn Sql, destination: &str) -> Result<()> {
        sql.run(
            "UPDATE parked SET attempts = 0 WHERE destination = ?1 AND attempts > 0",
            &[destination.into()],
        )
    }

    /// Has all that waits for a destination be tried by a time at the latest (unix milliseconds).
    pub(in crate::mailbox) fn hurry(sql: &dyn Sql, destination: &str, at_ms: i64) -> Result<()> {
        sql.run(
            "UPDATE parked SET next_ms = ?2 WHERE destination = ?1 AND next_ms > ?2",
            &[destination.into(), at_ms.into()],
        )
    }

    /// When what is parked for destinations that were taken out of the settings has been kept for long enough (unix
    /// milliseconds).
    pub(in crate::mailbox) fn lapses_ms(sql: &dyn Sql) -> Result<Option<i64>> {
        let oldest_ms = sql.first_integer(
            &format!(
                "SELECT min(received_ms) FROM parked_events WHERE destination IN ({TAKEN_OUT})"
            ),
            &[],
        )?;
        Ok(oldest_ms.map(|at| at.saturating_add(KEPT_MS)))
    }

    /// Deletes what is parked and has been kept for long enough.
    pub(in crate::mailbox) fn lapse(sql: &dyn Sql, now_ms: i64) -> Result<()> {
        sql.run(
            &format!(
                "DELETE FROM parked_events WHERE received_ms <= ?1 AND destination IN ({TAKEN_OUT})"
            ),
            &[now_ms.saturating_sub(KEPT_MS).into()],
        )?;
        // Should one of these destinations come back, it is worked out again when its conversations are tried.
        sql.run(
            &format!("DELETE FROM parked WHERE destination IN ({TAKEN_OUT})"),
            &[],
        )
    }

    /// The first events of a conversation that waits: at most so many, and no more than fit into a request.
    pub(in crate::mailbox) fn events(&self, conversation: i64, most: usize) -> Result<Vec<Stored>> {
        let read = |what: &str, most: usize| {
            self.sql.exec(
                &format!(
                    "SELECT {what} FROM parked_events WHERE destination = ?1 AND conversation = ?2 AND seq < ?4 \
                     ORDER BY seq LIMIT ?3"
                ),
                &[
                    self.id().into(),
                    conversation.into(),
                    count(most).into(),
                    self.held_from(conversation).into(),
                ],
            )
        };
        // Which of several fit is told by their lengths: a hundred long ones are more than there is memory for.
        let mut fit = 1;
        if most > 1 {
            let mut room = count(Format::MOST_BYTES);
            for row in read("length(data)", most)? {
                room -= match row.get(0)? {
                    // It is stored in parts.
                    0 => room,
                    length => length,
                };
                if room <= 0 {
                    break;
                }
                fit += 1;
            }
        }
        let rows = read(COLUMNS, fit.min(most))?;
        rows.iter()
            .map(|row| complete(&*self.sql, Stored::read(row)?))
            .collect()
    }

    /// The first and the last parked event of a conversation, replayed ones left out.
    pub(in crate::mailbox) fn undelivered(&self, conversation: i64) -> Result<Vec<i64>> {
        if !self.contains(conversation) {
            return Ok(Vec::new());
        }
        let rows = self.sql.exec(
            "SELECT min(seq), max(seq) FROM parked_events \
             WHERE destination = ?1 AND conversation = ?2 AND replay IS NULL",
            &[self.id().into(), conversation.into()],
        )?;
        let mut seqs = Vec::new();
        for row in &rows {
            seqs.extend(row.get::<Option<i64>>(0)?);
            seqs.extend(row.get::<Option<i64>>(1)?);
        }
        Ok(seqs)
    }

    /// Copies an event out of the log.
    pub(in crate::mailbox) fn put_aside(&self, log: &Log, seq: i64) -> Result<()> {
        if let Some(table) = log.table_of(seq) {
            self.sql.run(
                &format!(
                    "INSERT OR IGNORE INTO parked_events (destination, {COLUMNS}) \
                     SELECT ?1, {COLUMNS} FROM {table} WHERE seq = ?2"
                ),
                &[self.id().into(), seq.into()],
            )?;
        }
        Ok(())
    }

    pub(super) fn write(
        &self,
        conversation: i64,
        parked: Parked,
        refusal: &Refusal<'_>,
    ) -> Result<()> {
        self.sql.run(
            "INSERT OR REPLACE INTO parked \
             (destination, conversation, attempts, first_failed_ms, next_ms, error, failed_ms) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
            &[
                self.id().into(),
                conversation.into(),
                i64::from(parked.attempts).into(),
                parked.first_failed_ms.into(),
                parked.next_ms.into(),
                refusal.error.into(),
                refusal.now_ms.into(),
            ],
        )
    }

    /// Makes the first of these events a dead letter, and the events behind it, as long as each was received before the
    /// first failure. Gives how many.
    pub(super) fn bury(
        &self,
        conversation: i64,
        seqs: &[i64],
        attempts: u32,
        first_failed_ms: i64,
        refusal: &Refusal<'_>,
    ) -> Result<usize> {
        for (index, seq) in seqs.iter().enumerate() {
            let buried = self.sql.exec(
                &format!(
                    "INSERT OR REPLACE INTO dead_letters \
                     (destination, {COLUMNS}, attempts, first_failed_ms, died_ms, error) \
                     SELECT destination, {COLUMNS}, ?4, ?5, ?6, ?7 FROM parked_events \
                     WHERE destination = ?1 AND conversation = ?2 AND seq = ?3 AND (?8 = 0 OR max(received_ms, \
                       coalesce((SELECT begun_ms FROM replays WHERE id = replay), 0)) <= ?5) RETURNING seq"
                ),
                &[
                    self.id().into(),
                    conversation.into(),
                    (*seq).into(),
                    i64::from(attempts).into(),
                    first_failed_ms.into(),
                    refusal.now_ms.into(),
                    refusal.error.into(),
                    count(index).into(),
                ],
            )?;
            if buried.is_empty() && index > 0 {
                return Ok(index);
            }
            self.forget(conversation, *seq)?;
        }
        Ok(seqs.len())
    }

    /// Deletes the dead letters of a conversation whose person was forgotten: nobody would find them by a name.
    pub(super) fn forget_dead(&self, conversation: i64) -> Result<()> {
        if !by_id(&*self.sql, conversation)?.state().forgotten {
            return Ok(());
        }
        self.sql.run(
            "DELETE FROM dead_letters WHERE destination = ?1 AND conversation = ?2",
            &[self.id().into(), conversation.into()],
        )
    }

    pub(super) fn forget(&self, conversation: i64, seq: i64) -> Result<()> {
        self.sql.run(
            "DELETE FROM parked_events WHERE destination = ?1 AND conversation = ?2 AND seq = ?3",
            &[self.id().into(), conversation.into(), seq.into()],
        )
    }

    /// What waits for a destination, and what was given up.
    pub(in crate::mailbox) fn waiting(sql: &dyn Sql, destination: &str) -> Result<Waiting> {
        let id = [destination.into()];
        let mut waiting = Waiting::default();
        // The tries are those of the one that has failed for longest.
        for row in sql.exec(
            "SELECT count(*), attempts, min(first_failed_ms) FROM parked WHERE destination = ?1 AND attempts > 0",
            &id,
        )? {
            waiting.conversations = row.get(0)?;
            waiting.tries = row.get::<Option<i64>>(1)?.unwrap_or(0);
        }
        for row in sql.exec(
            "SELECT count(*), min(CASE WHEN replay IS NULL THEN received_ms END) FROM parked_events WHERE destination = ?1",
            &id,
        )? {
            waiting.events = row.get(0)?;
            waiting.waits_since(row.get(1)?);
        }
        for row in sql.exec(
            "SELECT error, max(failed_ms) FROM parked WHERE destination = ?1 AND failed_ms IS NOT NULL \
             UNION ALL SELECT error, max(died_ms) FROM dead_letters WHERE destination = ?1",
            &id,
        )? {
            waiting.last_error = waiting.last_error.max(Failure::read(&row, 0)?);
        }
        waiting.dead_letters = sql
            .first_integer(
                "SELECT count(*) FROM dead_letters WHERE destination = ?1",
                &id,
            )?
            .unwrap_or(0);
        Ok(waiting)
    }
}
