//! The log: every event that some destination wants, once, in the order in which it came.
//!
//! Each destination reads a row, and it is copied aside if one refuses it. As soon as every cursor has passed it, it
//! goes with its generation, so that message text does not lie around. Only if the settings say so is it kept for some
//! time, to be replayed.
//!
//! - `stored`: an event, as a row
//! - `reading`: what is read of them
//! - `recent`: the newest of them, in memory

mod reading;
mod recent;
mod stored;

pub(super) use reading::{KindCount, Listed, Queued};
pub use stored::Stored;
pub(super) use stored::{COLUMNS, DECLARED, complete};

use std::{cell::RefCell, rc::Rc};

use super::{
    Join, batch, count,
    generations::Generations,
    people::conversations::update_ids,
    sql::{Result, Sql},
};
use reading::TableCount;
use recent::Recent;
use stored::parts;

/// After how many rows a new generation is begun. Beginning one costs three rows, so that is next to nothing.
const GENERATION_ROWS: i64 = 5_000;

/// After how long a new generation is begun, in milliseconds.
const GENERATION_MS: i64 = 10 * 60 * 1000;

/// Where rows are kept: so many generations are begun in the time for which one is kept. One lasts for
/// [`LONGEST_GENERATION_MS`] at most, and never for less than [`GENERATION_MS`].
const GENERATIONS_KEPT: i64 = 24;
const LONGEST_GENERATION_MS: i64 = 60 * 60 * 1000;

/// Up to how many rows are deleted one by one when nobody waits for them any more. Above, the table is dropped: that is
/// free, but making the next costs three rows.
const FEW_ROWS: i64 = 3;

/// How many of an event's [`Stored::seq`] there are in a millisecond. See [`Log::next_seq`].
pub(super) const SEQS_PER_MS: i64 = 1024;

const LET_PARTS_GO: &str = "DELETE FROM parts WHERE seq <= ?1 \
     AND seq NOT IN (SELECT seq FROM parked_events WHERE data = '') \
     AND seq NOT IN (SELECT seq FROM dead_letters WHERE data = '')";

#[derive(Debug)]
pub(super) struct Log {
    sql: Rc<dyn Sql>,
    generations: Generations,
    /// The highest `seq` that was given.
    last: i64,
    /// How many rows there are in all generations, and in the newest.
    rows: i64,
    newest_rows: i64,
    /// Whether any event is stored in parts.
    parts: bool,
    /// For how long rows are kept that every cursor has passed, in milliseconds.
    keep_ms: i64,
    recent: Recent,
    /// What was counted of its tables since something was added ([`Log::kinds_behind`]).
    counted: RefCell<Vec<TableCount>>,
    /// The highest conversation in tables that get no more rows, behind where all had got when it was asked for. Joins only
    /// make it smaller.
    highest: Vec<(String, i64)>,
}

impl Log {
    /// Opens the log. `passed` is the highest `seq` known elsewhere: of a cursor, or of an event that was put aside or
    /// given up.
    pub(super) fn load(sql: Rc<dyn Sql>, passed: i64) -> Result<Self> {
        sql.run(
            "CREATE TABLE IF NOT EXISTS parts (seq INTEGER NOT NULL, part INTEGER NOT NULL, data TEXT NOT NULL, \
             PRIMARY KEY (seq, part)) STRICT, WITHOUT ROWID",
            &[],
        )?;
        let generations = Generations::load(
            sql.clone(),
            "log",
            "(seq INTEGER PRIMARY KEY, conversation INTEGER NOT NULL, \
             id TEXT NOT NULL, kind TEXT NOT NULL, time INTEGER, received_ms INTEGER NOT NULL, subject TEXT, \
             added TEXT NOT NULL, data TEXT NOT NULL) STRICT",
        )?;
        // A generation begins at the next `seq` of when it was opened. If the clock was set back, no smaller one
        // may be given: it would be looked for in an older generation.
        let mut log = Self {
            last: passed.max(generations.newest().unwrap_or(0)),
            rows: 0,
            newest_rows: 0,
            parts: !sql.exec("SELECT 1 FROM parts LIMIT 1", &[])?.is_empty(),
            keep_ms: 0,
            recent: Recent::behind_all(0),
            counted: RefCell::default(),
            highest: Vec::new(),
            generations,
            sql,
        };
        let tables: Vec<String> = log.generations.tables().collect();
        for (age, table) in tables.iter().enumerate() {
            // Of an old generation it only matters whether it has more than a few rows.
            let most = if age == 0 {
                GENERATION_ROWS
            } else {
                FEW_ROWS + 1
            };
            let rows = log.sql.exec(
                &format!(
                    "SELECT (SELECT count(*) FROM (SELECT 1 FROM {table} LIMIT ?1)), max(seq) FROM {table}"
                ),
                &[most.into()],
            )?;
            for row in rows {
                let count = row.get(0)?;
                log.rows += count;
                if age == 0 {
                    log.newest_rows = count;
                }
                log.last = log.last.max(row.get::<Option<i64>>(1)?.unwrap_or(0));
            }
        }
        log.recent = Recent::behind_all(log.last);
        Ok(log)
    }

    /// The highest `seq` that was given so far.
    pub(super) fn last(&self) -> i64 {
        self.last
    }

    /// Whether there is certainly nothing in it.
    pub(super) fn is_empty(&self) -> bool {
        self.rows == 0
    }

    /// Whether there is one row in it.
    pub(super) fn has_one(&self) -> bool {
        self.rows == 1
    }

    /// The `seq` for the next event. It follows the clock, so that it rises even when all rows are gone and the
    /// last was not written down. It never falls, even if the clock does.
    pub(super) fn next_seq(&self, now_ms: i64) -> i64 {
        now_ms.saturating_mul(SEQS_PER_MS).max(self.last + 1)
    }

    /// Keeps rows that every cursor has passed for so long (milliseconds) after they were received.
    pub(super) fn keep(&mut self, keep_ms: i64) {
        self.keep_ms = keep_ms;
    }

    /// Whether rows are kept that every cursor has passed.
    pub(super) fn keeps(&self) -> bool {
        self.keep_ms > 0
    }

    /// Begins a new generation if it is time. Where rows are kept, their number alone begins none: there would be very
    /// many tables.
    pub(super) fn turn(&mut self, now_ms: i64) -> Result<()> {
        let longest = (self.keep_ms / GENERATIONS_KEPT).clamp(GENERATION_MS, LONGEST_GENERATION_MS);
        let over = self.generations.newest().is_none_or(|newest| {
            (self.newest_rows >= GENERATION_ROWS && !self.keeps())
                || now_ms.saturating_sub(newest / SEQS_PER_MS) >= longest
        });
        if over && (self.newest_rows > 0 || self.generations.newest().is_none()) {
            self.generations.open(self.next_seq(now_ms))?;
            self.newest_rows = 0;
        }
        Ok(())
    }

    /// Adds events at the end.
    pub(super) fn add(&mut self, events: Vec<Stored>) -> Result<()> {
        let Some(newest) = self.generations.newest() else {
            return Ok(());
        };
        let table = self.generations.table(newest);
        for rows in batch::rows(events.iter().map(Stored::row)) {
            self.sql.run(
                &format!(
                    "INSERT INTO {table} ({COLUMNS}) SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, \
                     value ->> 4, value ->> 5, value ->> 6, value ->> 7, value ->> 8 FROM json_each(?1)"
                ),
                &[rows.into()],
            )?;
        }
        for event in events.iter().filter(|event| event.is_large()) {
            self.parts = true;
            for (index, part) in parts(&event.data).enumerate() {
                let index = count(index);
                self.sql.run(
                    "INSERT INTO parts (seq, part, data) VALUES (?1, ?2, ?3)",
                    &[event.seq.into(), index.into(), part.into()],
                )?;
            }
        }
        if let Some(last) = events.last() {
            self.last = last.seq;
        }
        let count = count(events.len());
        self.rows += count;
        self.newest_rows += count;
        if count > 0 {
            self.counted.take();
        }
        self.recent.add(events);
        Ok(())
    }

    /// The table in which an event is, if it still is in the log.
    pub(super) fn table_of(&self, seq: i64) -> Option<String> {
        self.generations
            .numbers()
            .rev()
            .find(|number| *number <= seq)
            .map(|number| self.generations.table(number))
    }

    /// Moves events behind a place into the conversations that theirs turned out to be part of. What was passed and is
    /// kept stays under its former id. One walk for all of them, since there is no index; none through what came before the
    /// first of them was met.
    pub(super) fn join(&mut self, passed: i64, joins: &[Join]) -> Result<()> {
        let Some(first) = joins.iter().map(|join| join.from).min() else {
            return Ok(());
        };
        let mut tables = self.tables_behind(passed);
        self.look_for_highest(&tables, passed)?;
        tables.retain(|table| {
            let mut known = self.highest.iter();
            !known.any(|(of, highest)| of == table && *highest < first)
        });
        for rows in batch::rows(joins.iter().map(|join| (join.from, join.into))) {
            for table in &tables {
                self.sql.run(
                    &format!(
                        "UPDATE {table} SET conversation = (SELECT value ->> 1 FROM json_each(?1) \
                         WHERE value ->> 0 = {table}.conversation) \
                         WHERE seq > ?2 AND conversation IN (SELECT value ->> 0 FROM json_each(?1))"
                    ),
                    &[rows.as_str().into(), passed.into()],
                )?;
            }
        }
        for join in joins {
            self.recent.join(*join);
        }
        Ok(())
    }

    /// Finds the highest conversation behind a place in each of these tables but the last, which gets more rows.
    fn look_for_highest(&mut self, tables: &[String], place: i64) -> Result<()> {
        let known = std::mem::take(&mut self.highest);
        for table in tables.iter().rev().skip(1) {
            let highest = match known.iter().find(|(of, _)| of == table) {
                Some((_, highest)) => Some(*highest),
                None => self.sql.first_integer(
                    &format!("SELECT max(conversation) FROM {table} WHERE seq > ?1"),
                    &[place.into()],
                )?,
            };
            self.highest
                .extend(highest.map(|highest| (table.clone(), highest)));
        }
        Ok(())
    }

    /// Has all behind a place stand under the ids that the conversations have now, to be called before anything of it
    /// is read.
    pub(super) fn update_ids(&self, place: i64) -> Result<()> {
        for table in self.tables_behind(place) {
            update_ids(&*self.sql, &table, "seq > ?1", place.into())?;
        }
        Ok(())
    }

    /// When the oldest generation has been kept for long enough (unix milliseconds), if every cursor has passed it.
    pub(super) fn expires_ms(&self, passed: i64) -> Option<i64> {
        if !self.keeps() || self.rows == 0 {
            return None;
        }
        let second = self.generations.numbers().nth(1);
        let end = second.map_or(self.last, |number| number - 1);
        let kept_ms = end / SEQS_PER_MS + self.keep_ms + 1;
        (passed >= end).then_some(kept_ms)
    }

    /// Lets go of what every cursor has passed and nobody wants to keep. `passed` is the place of the one that is furthest
    /// behind.
    pub(super) fn let_go(&mut self, passed: i64, now_ms: i64) -> Result<()> {
        self.recent.let_go(passed);
        let passed = if self.keeps() {
            passed.min((now_ms - self.keep_ms).saturating_mul(SEQS_PER_MS) - 1)
        } else {
            passed
        };
        if passed >= self.last && self.rows > 0 {
            if self.rows <= FEW_ROWS {
                for table in self.generations.tables() {
                    self.sql.run(&format!("DELETE FROM {table}"), &[])?;
                }
            } else {
                self.generations.drop_where(|_| true)?;
            }
            self.rows = 0;
            self.newest_rows = 0;
        }
        let numbers: Vec<i64> = self.generations.numbers().collect();
        for pair in numbers.windows(2) {
            let [number, next] = pair else { continue };
            if passed.saturating_add(1) >= *next {
                self.generations.drop_where(|other| other == *number)?;
            }
        }
        if self.parts {
            self.let_parts_go(passed)?;
        }
        Ok(())
    }

    /// Deletes parts whose row is gone. Parked events and dead letters may still need theirs: the large ones have an
    /// index.
    fn let_parts_go(&mut self, passed: i64) -> Result<()> {
        let kept = self.generations.numbers().next().filter(|_| self.rows > 0);
        let gone = kept.map_or(self.last, |oldest| passed.min(oldest - 1));
        for table in ["parked_events", "dead_letters"] {
            self.sql.run(
                &format!(
                    "CREATE INDEX IF NOT EXISTS large_{table} ON {table} (seq) WHERE data = ''"
                ),
                &[],
            )?;
        }
        self.sql.run(LET_PARTS_GO, &[gone.into()])?;
        self.parts = !self
            .sql
            .exec("SELECT 1 FROM parts LIMIT 1", &[])?
            .is_empty();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mailbox::{Mailbox, native::Native};

    #[test]
    fn whether_parts_may_go_is_found_without_a_walk_through_all_that_was_put_aside() {
        let sql = Native::new();
        let mut mailbox = Mailbox::open(sql.clone(), Vec::new()).unwrap();
        mailbox.log.parts = true;
        mailbox.settle().unwrap();
        let plan = sql.plan(LET_PARTS_GO, &[1.into()]);
        for table in ["parked_events", "dead_letters"] {
            let index = format!("SCAN {table} USING COVERING INDEX large_{table}");
            assert!(plan.contains(&index), "{plan}");
        }
    }
}
