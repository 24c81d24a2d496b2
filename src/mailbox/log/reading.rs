//! What is read of the log: an event, or of the events behind a place as much as the reader needs.

use super::{
    Log, Stored,
    stored::{COLUMNS, complete},
};
use crate::{
    config::Destination,
    mailbox::{
        count,
        sql::{Result, Row},
    },
};

/// How many counts of tables are kept at most.
const MOST_COUNTED: usize = 256;

/// What a cursor needs to know of an event before it reads it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::mailbox) struct Queued {
    /// Its place in the log.
    pub(in crate::mailbox) seq: i64,
    pub(in crate::mailbox) conversation: i64,
    /// Unix milliseconds.
    pub(in crate::mailbox) received_ms: i64,
}

/// The events of one type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::mailbox) struct KindCount {
    pub(in crate::mailbox) kind: String,
    pub(in crate::mailbox) count: i64,
    /// When the first of them was received (unix milliseconds).
    pub(in crate::mailbox) oldest_ms: i64,
}

/// The events of one table behind a place.
#[derive(Debug)]
pub(super) struct TableCount {
    table: String,
    place: i64,
    kinds: Vec<KindCount>,
}

/// What a replay needs to know of an event in order to choose it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::mailbox) struct Listed {
    pub(in crate::mailbox) seq: i64,
    pub(in crate::mailbox) conversation: i64,
    pub(in crate::mailbox) id: String,
    pub(in crate::mailbox) received_ms: i64,
    pub(in crate::mailbox) kind: String,
}

impl Log {
    /// Gives the next events behind a place in the log to `each`, with their types. Gives the last of them.
    pub(in crate::mailbox) fn behind(
        &self,
        place: i64,
        most: usize,
        each: &mut dyn FnMut(Queued, &str),
    ) -> Result<Option<Queued>> {
        let mut last = None;
        if let Some(recent) = self.recent.behind(place) {
            for event in recent.take(most) {
                let queued = Queued {
                    seq: event.seq,
                    conversation: event.conversation,
                    received_ms: event.received_ms,
                };
                each(*last.insert(queued), &event.kind);
            }
            return Ok(last);
        }
        let mut left = most;
        for table in self.tables_behind(place) {
            let rows = self.sql.exec(
                &format!("SELECT seq, conversation, received_ms, kind FROM {table} WHERE seq > ?1 ORDER BY seq LIMIT ?2"),
                &[place.into(), count(left).into()],
            )?;
            for row in &rows {
                let queued = Queued {
                    seq: row.get(0)?,
                    conversation: row.get(1)?,
                    received_ms: row.get(2)?,
                };
                each(*last.insert(queued), row.get(3)?);
            }
            left = left.saturating_sub(rows.len());
            if left == 0 {
                break;
            }
        }
        Ok(last)
    }

    /// The next events behind a place in the log, up to another, whoever has passed them.
    pub(in crate::mailbox) fn listed(
        &self,
        place: i64,
        end: i64,
        most: usize,
    ) -> Result<Vec<Listed>> {
        let mut listed = Vec::new();
        for table in self.tables_behind(place) {
            let left = count(most.saturating_sub(listed.len()));
            let rows = self.sql.exec(
                &format!(
                    "SELECT seq, conversation, id, received_ms, kind FROM {table} WHERE seq > ?1 AND seq <= ?2 \
                     ORDER BY seq LIMIT ?3"
                ),
                &[place.into(), end.into(), left.into()],
            )?;
            for row in rows {
                listed.push(Listed {
                    seq: row.get(0)?,
                    conversation: row.get(1)?,
                    id: row.get(2)?,
                    received_ms: row.get(3)?,
                    kind: row.get(4)?,
                });
            }
            if listed.len() >= most {
                break;
            }
        }
        Ok(listed)
    }

    /// Which types of events there are behind a place. Destinations that are behind are mostly so together: what was counted
    /// for one is not counted anew for the next.
    pub(in crate::mailbox) fn kinds_behind(&self, place: i64) -> Result<Vec<KindCount>> {
        let mut kinds = Vec::new();
        if place >= self.last {
            return Ok(kinds);
        }
        let mut counted = self.counted.borrow_mut();
        if counted.len() >= MOST_COUNTED {
            counted.clear();
        }
        let mut place = place;
        for table in self.tables_behind(place) {
            let is_it = |known: &&TableCount| known.table == table && known.place == place;
            if let Some(known) = counted.iter().find(is_it) {
                kinds.extend_from_slice(&known.kinds);
            } else {
                let of_table = self.count_kinds(&table, place)?;
                kinds.extend_from_slice(&of_table);
                counted.push(TableCount {
                    table,
                    place,
                    kinds: of_table,
                });
            }
            // The other tables are behind it as a whole.
            place = 0;
        }
        Ok(kinds)
    }

    fn count_kinds(&self, table: &str, place: i64) -> Result<Vec<KindCount>> {
        let rows = self.sql.exec(
            &format!(
                "SELECT kind, count(*), min(received_ms) FROM {table} WHERE seq > ?1 GROUP BY kind"
            ),
            &[place.into()],
        )?;
        let read = |row: &Row| {
            Ok(KindCount {
                kind: row.get(0)?,
                count: row.get(1)?,
                oldest_ms: row.get(2)?,
            })
        };
        rows.iter().map(read).collect()
    }

    /// When an event was received (unix milliseconds), if it still is in the log.
    pub(in crate::mailbox) fn received_ms(&self, seq: i64) -> Result<Option<i64>> {
        let Some(table) = self.table_of(seq) else {
            return Ok(None);
        };
        self.sql.first_integer(
            &format!("SELECT received_ms FROM {table} WHERE seq = ?1"),
            &[seq.into()],
        )
    }

    /// An event, if it still is in the log.
    pub(in crate::mailbox) fn read(&self, seq: i64) -> Result<Option<Stored>> {
        if let Some(event) = self.recent.find(seq) {
            return Ok(Some(event.clone()));
        }
        let Some(table) = self.table_of(seq) else {
            return Ok(None);
        };
        let rows = self.sql.exec(
            &format!("SELECT {COLUMNS} FROM {table} WHERE seq = ?1"),
            &[seq.into()],
        )?;
        let read = |row| complete(&*self.sql, Stored::read(row)?);
        rows.first().map(read).transpose()
    }

    /// An event, if it still is in the log and a destination wants what is in it.
    pub(in crate::mailbox) fn read_wanted(
        &self,
        destination: &Destination,
        seq: i64,
    ) -> Result<Option<Stored>> {
        let event = self.read(seq)?;
        Ok(event.filter(|event| destination.wants_data(&event.data)))
    }

    /// The first and the last event of each of these conversations behind a place and up to another, each with its
    /// conversation: one walk for all of them, since there is no index.
    pub(in crate::mailbox) fn undelivered(
        &self,
        place: i64,
        until: i64,
        conversations: &[i64],
    ) -> Result<Vec<(i64, i64)>> {
        let mut ends = Vec::new();
        if place >= self.last.min(until) || self.is_empty() {
            return Ok(ends);
        }
        let conversations = serde_json::to_string(conversations).unwrap_or_default();
        for table in self.tables_behind(place) {
            let rows = self.sql.exec(
                &format!(
                    "SELECT conversation, min(seq), max(seq) FROM {table} WHERE seq > ?1 AND seq <= ?2 \
                     AND conversation IN (SELECT value FROM json_each(?3)) GROUP BY conversation"
                ),
                &[place.into(), until.into(), conversations.as_str().into()],
            )?;
            for row in &rows {
                for column in [1, 2] {
                    ends.push((row.get(0)?, row.get(column)?));
                }
            }
        }
        Ok(ends)
    }

    /// The tables that may hold events behind a place, oldest first.
    pub(super) fn tables_behind(&self, place: i64) -> Vec<String> {
        let mut numbers: Vec<i64> = self.generations.numbers().collect();
        let holding = numbers
            .iter()
            .rposition(|number| *number <= place.saturating_add(1));
        let behind = numbers.split_off(holding.unwrap_or(0));
        behind
            .into_iter()
            .map(|number| self.generations.table(number))
            .collect()
    }
}
