//! What a replay has parked of its events, so that they go out as refused ones do.

use std::collections::HashSet;

use super::Parking;
use crate::mailbox::{
    log::{COLUMNS, Log},
    replay::{Replay, STOPPING},
    sql::{Result, Sql, Value},
};

/// Finds the event by the key of the table.
const TAKE_BACK: &str = "DELETE FROM parked_events \
     WHERE destination = ?1 AND conversation = ?2 AND seq = ?3 AND replay = ?4";

impl Parking {
    /// Parks a copy of an event, marked as replayed. Gives whether it was not parked before.
    pub(in crate::mailbox) fn park_copy(
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
                 ON CONFLICT DO UPDATE SET replay = ?3 WHERE replay IN (SELECT id FROM replays WHERE state = {STOPPING}) \
                 RETURNING seq"
            ),
            &parameters,
        )?;
        Ok(!parked.is_empty())
    }

    /// The events of a replay, or of none, that are parked, by their `seq`.
    pub(in crate::mailbox) fn seqs(
        sql: &dyn Sql,
        destination: &str,
        replay: Option<&str>,
    ) -> Result<HashSet<i64>> {
        let mut seqs = HashSet::new();
        sql.each(
            "SELECT seq FROM parked_events WHERE seq > ?1 AND destination = ?2 AND replay IS ?3 ORDER BY seq",
            &[destination.into(), replay.into()],
            &mut |row| {
                seqs.insert(row.get(0)?);
                Ok(())
            },
        )?;
        Ok(seqs)
    }

    /// Takes back what is parked of a replay, except what is on its way. Gives these events, each with its conversation.
    pub(in crate::mailbox) fn take_back_all(
        sql: &dyn Sql,
        replay: &Replay,
        flying: &HashSet<i64>,
    ) -> Result<Vec<(i64, i64)>> {
        let mut taken_back = Vec::new();
        for row in sql.exec(
            "SELECT conversation, seq FROM parked_events WHERE destination = ?1 AND replay = ?2",
            &[replay.to.as_str().into(), replay.id.as_str().into()],
        )? {
            let (conversation, seq) = (row.get(0)?, row.get(1)?);
            if !flying.contains(&seq) {
                Self::take_back(sql, replay, conversation, seq)?;
                taken_back.push((conversation, seq));
            }
        }
        Ok(taken_back)
    }

    /// Takes one parked event back.
    pub(in crate::mailbox) fn take_back(
        sql: &dyn Sql,
        replay: &Replay,
        conversation: i64,
        seq: i64,
    ) -> Result<()> {
        let (to, id) = (replay.to.as_str(), replay.id.as_str());
        sql.run(
            TAKE_BACK,
            &[to.into(), conversation.into(), seq.into(), id.into()],
        )
    }

    /// Lets those conversations go that have nothing left to wait for, of a destination to which nothing is delivered.
    pub(in crate::mailbox) fn release_empty(sql: &dyn Sql, destination: &str) -> Result<()> {
        sql.run(
            "DELETE FROM parked WHERE destination = ?1 \
             AND conversation NOT IN (SELECT conversation FROM parked_events WHERE destination = ?1)",
            &[destination.into()],
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mailbox::{Mailbox, native::Native};

    #[test]
    fn an_event_is_taken_back_without_a_walk_through_all_that_waits() {
        let sql = Native::new();
        Mailbox::open(sql.clone(), Vec::new()).unwrap();
        let parameters = ["crm".into(), 1.into(), 2.into(), "r1".into()];
        let plan = sql.plan(TAKE_BACK, &parameters);
        let by = "USING PRIMARY KEY (destination=? AND conversation=? AND seq=?)";
        assert!(plan.contains(by), "{plan}");
    }
}
