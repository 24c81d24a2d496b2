//! The log: every event that some destination wants, once, in the order in which it came.
//!
//! A row is read again by each destination, copied aside where one refuses it, and gone with its generation as soon as
//! every cursor has passed it, so that message text does not lie around; unless somebody asked for it to be kept for some
//! time, so that it can be replayed.

use std::fmt;

use serde::Serialize;

use super::{
    batch,
    generations::Generations,
    recent::Recent,
    sql::{Row, Sql, SqlError},
};

/// After how many rows a new generation is begun. Beginning one costs three rows, so that is next to nothing.
const GENERATION_ROWS: i64 = 5_000;

/// After how long a new generation is begun, in milliseconds.
const GENERATION_MS: i64 = 10 * 60 * 1000;

/// The same where rows are kept: in so many parts of that time, but no later than this.
const GENERATIONS_KEPT: i64 = 24;
const LONGEST_GENERATION_MS: i64 = 60 * 60 * 1000;

/// Up to how many rows are deleted one by one when nobody waits for them any more. Above, the table is dropped: that is
/// free, but making the next costs three rows.
const FEW_ROWS: i64 = 3;

/// How many sequence numbers there are in a millisecond. See [`Log::number`].
pub(super) const NUMBERS_PER_MS: i64 = 1024;

/// How much of an event's data a row may hold, in bytes. What is longer is stored in parts of this size, since the
/// platform allows a row 2 MB and Meta sends up to 3.
const PART: usize = 256 * 1024;

/// What stands in the columns of a stored event, in their order. Parked events and dead letters have the same.
pub(super) const COLUMNS: &str =
    "seq, conversation, id, kind, time, received_ms, subject, added, data";

/// Those columns as SQL declares them.
pub(super) const DECLARED: &str = "seq INTEGER NOT NULL, conversation INTEGER NOT NULL, id TEXT NOT NULL, \
     kind TEXT NOT NULL, time INTEGER, received_ms INTEGER NOT NULL, subject TEXT, added TEXT NOT NULL, \
     data TEXT NOT NULL";

/// An event as the mailbox keeps it. `Debug` does not show its data.
#[derive(Clone, PartialEq, Eq)]
pub struct Stored {
    /// Its place in the log.
    pub seq: i64,
    /// The conversation it belongs to, by the mailbox's number for it.
    pub conversation: i64,
    /// [`crate::event::Event::id`].
    pub id: String,
    /// [`crate::event::Event::kind`].
    pub kind: String,
    /// When it happened, in unix seconds by Meta's clock, if Meta said.
    pub time: Option<i64>,
    /// When the mailbox took it, in unix milliseconds.
    pub received_ms: i64,
    /// Whom it is about: the best of the names Meta gave.
    pub subject: Option<String>,
    /// What the mailbox adds to the data: a JSON object.
    pub added: String,
    /// [`crate::event::Event::data`].
    pub data: String,
}

impl fmt::Debug for Stored {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stored")
            .field("seq", &self.seq)
            .field("conversation", &self.conversation)
            .field("id", &self.id)
            .field("kind", &self.kind)
            .finish_non_exhaustive()
    }
}

impl Stored {
    /// Reads a row of [`COLUMNS`].
    pub(super) fn read(row: &Row) -> Result<Self, SqlError> {
        Ok(Self {
            seq: row.required_integer(0)?,
            conversation: row.required_integer(1)?,
            id: row.required_text(2)?.to_owned(),
            kind: row.required_text(3)?.to_owned(),
            time: row.integer(4)?,
            received_ms: row.required_integer(5)?,
            subject: row.text(6)?.map(str::to_owned),
            added: row.required_text(7)?.to_owned(),
            data: row.required_text(8)?.to_owned(),
        })
    }

    fn is_large(&self) -> bool {
        self.data.len() > PART
    }

    fn row(&self) -> impl Serialize {
        (
            self.seq,
            self.conversation,
            &self.id,
            &self.kind,
            self.time,
            self.received_ms,
            &self.subject,
            &self.added,
            if self.is_large() { "" } else { &self.data },
        )
    }
}

/// What a cursor needs to know of an event in order to decide what to do with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) seq: i64,
    pub(super) conversation: i64,
    pub(super) received_ms: i64,
    pub(super) kind: String,
}

/// What a replay needs to know of an event in order to choose it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Listed {
    pub(super) seq: i64,
    pub(super) conversation: i64,
    pub(super) id: String,
    pub(super) received_ms: i64,
    pub(super) kind: String,
}

impl Entry {
    fn of(event: &Stored) -> Self {
        Self {
            seq: event.seq,
            conversation: event.conversation,
            received_ms: event.received_ms,
            kind: event.kind.clone(),
        }
    }
}

#[derive(Debug)]
pub(super) struct Log {
    generations: Generations,
    /// The highest number that was given.
    last: i64,
    /// How many rows there are in all generations, and in the newest.
    rows: i64,
    newest_rows: i64,
    /// Whether any event is stored in parts.
    parts: bool,
    /// For how long rows are kept that every cursor has passed, in milliseconds.
    keep_ms: i64,
    recent: Recent,
}

impl Log {
    /// Opens the log. `passed` is the highest number known elsewhere: of a cursor, or of an event that was put aside or
    /// given up.
    pub(super) fn load(sql: &dyn Sql, passed: i64) -> Result<Self, SqlError> {
        sql.exec(
            "CREATE TABLE IF NOT EXISTS parts (seq INTEGER NOT NULL, part INTEGER NOT NULL, data TEXT NOT NULL, \
             PRIMARY KEY (seq, part)) STRICT, WITHOUT ROWID",
            &[],
        )?;
        let generations = Generations::load(
            sql,
            "log",
            "(seq INTEGER PRIMARY KEY, conversation INTEGER NOT NULL, \
             id TEXT NOT NULL, kind TEXT NOT NULL, time INTEGER, received_ms INTEGER NOT NULL, subject TEXT, \
             added TEXT NOT NULL, data TEXT NOT NULL) STRICT",
        )?;
        // A generation begins at the number that came next when it was opened. What the clock has not reached again since
        // must not be given: it would be looked for in an older generation.
        let mut log = Self {
            last: passed.max(generations.newest().unwrap_or(0)),
            rows: 0,
            newest_rows: 0,
            parts: !sql.exec("SELECT 1 FROM parts LIMIT 1", &[])?.is_empty(),
            keep_ms: 0,
            recent: Recent::behind_all(0),
            generations,
        };
        let tables: Vec<String> = log.generations.tables().collect();
        for (age, table) in tables.iter().enumerate() {
            // Of an old one it only matters whether it has more than a few.
            let most = if age == 0 {
                GENERATION_ROWS
            } else {
                FEW_ROWS + 1
            };
            let rows = sql.exec(
                &format!(
                    "SELECT (SELECT count(*) FROM (SELECT 1 FROM {table} LIMIT ?1)), max(seq) FROM {table}"
                ),
                &[most.into()],
            )?;
            for row in rows {
                let count = row.required_integer(0)?;
                log.rows += count;
                if age == 0 {
                    log.newest_rows = count;
                }
                log.last = log.last.max(row.integer(1)?.unwrap_or(0));
            }
        }
        log.recent = Recent::behind_all(log.last);
        Ok(log)
    }

    /// The highest number that was given so far.
    pub(super) fn last(&self) -> i64 {
        self.last
    }

    /// Whether there is certainly nothing in it.
    pub(super) fn is_empty(&self) -> bool {
        self.rows == 0
    }

    /// The number for the next event: it follows the clock, so that numbers rise even when all rows are gone and
    /// nothing was written down about the last; and never falls, should the clock.
    pub(super) fn number(&self, now_ms: i64) -> i64 {
        now_ms.saturating_mul(NUMBERS_PER_MS).max(self.last + 1)
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
    pub(super) fn turn(&mut self, sql: &dyn Sql, now_ms: i64) -> Result<(), SqlError> {
        let longest = (self.keep_ms / GENERATIONS_KEPT).clamp(GENERATION_MS, LONGEST_GENERATION_MS);
        let over = self.generations.newest().is_none_or(|newest| {
            (self.newest_rows >= GENERATION_ROWS && !self.keeps())
                || now_ms.saturating_sub(newest / NUMBERS_PER_MS) >= longest
        });
        if over && (self.newest_rows > 0 || self.generations.newest().is_none()) {
            self.generations.open(sql, self.number(now_ms))?;
            self.newest_rows = 0;
        }
        Ok(())
    }

    /// Writes events to the end. [`Log::added`] is to be called once they are committed.
    pub(super) fn add(&self, sql: &dyn Sql, events: &[Stored]) -> Result<(), SqlError> {
        let Some(newest) = self.generations.newest() else {
            return Ok(());
        };
        let table = self.generations.table(newest);
        for rows in batch::rows(events.iter().map(Stored::row)) {
            sql.run(
                &format!(
                    "INSERT INTO {table} ({COLUMNS}) SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, \
                     value ->> 4, value ->> 5, value ->> 6, value ->> 7, value ->> 8 FROM json_each(?1)"
                ),
                &[rows.into()],
            )?;
        }
        for event in events.iter().filter(|event| event.is_large()) {
            for (number, part) in parts(&event.data).enumerate() {
                let number = i64::try_from(number).unwrap_or(i64::MAX);
                sql.run(
                    "INSERT INTO parts (seq, part, data) VALUES (?1, ?2, ?3)",
                    &[event.seq.into(), number.into(), part.into()],
                )?;
            }
        }
        Ok(())
    }

    /// Takes note that events were written.
    pub(super) fn added(&mut self, events: Vec<Stored>) {
        if let Some(last) = events.last() {
            self.last = last.seq;
        }
        let count = i64::try_from(events.len()).unwrap_or(i64::MAX);
        self.rows += count;
        self.newest_rows += count;
        self.parts |= events.iter().any(Stored::is_large);
        self.recent.add(events);
    }

    /// The next events behind a place in the log.
    pub(super) fn behind(
        &self,
        sql: &dyn Sql,
        place: i64,
        most: usize,
    ) -> Result<Vec<Entry>, SqlError> {
        if let Some(recent) = self.recent.behind(place) {
            return Ok(recent.take(most).map(Entry::of).collect());
        }
        let mut entries = Vec::new();
        for table in self.tables_behind(place) {
            let left = i64::try_from(most.saturating_sub(entries.len())).unwrap_or(i64::MAX);
            if left == 0 {
                break;
            }
            let rows = sql.exec(
                &format!("SELECT seq, conversation, received_ms, kind FROM {table} WHERE seq > ?1 ORDER BY seq LIMIT ?2"),
                &[place.into(), left.into()],
            )?;
            for row in rows {
                entries.push(Entry {
                    seq: row.required_integer(0)?,
                    conversation: row.required_integer(1)?,
                    received_ms: row.required_integer(2)?,
                    kind: row.required_text(3)?.to_owned(),
                });
            }
        }
        Ok(entries)
    }

    /// The next events behind a place in the log, up to another, whoever has passed them.
    pub(super) fn listed(
        &self,
        sql: &dyn Sql,
        place: i64,
        end: i64,
        most: usize,
    ) -> Result<Vec<Listed>, SqlError> {
        let mut listed = Vec::new();
        for table in self.tables_behind(place) {
            let left = i64::try_from(most.saturating_sub(listed.len())).unwrap_or(i64::MAX);
            let rows = sql.exec(
                &format!(
                    "SELECT seq, conversation, id, received_ms, kind FROM {table} WHERE seq > ?1 AND seq <= ?2 \
                     ORDER BY seq LIMIT ?3"
                ),
                &[place.into(), end.into(), left.into()],
            )?;
            for row in rows {
                listed.push(Listed {
                    seq: row.required_integer(0)?,
                    conversation: row.required_integer(1)?,
                    id: row.required_text(2)?.to_owned(),
                    received_ms: row.required_integer(3)?,
                    kind: row.required_text(4)?.to_owned(),
                });
            }
            if listed.len() >= most {
                break;
            }
        }
        Ok(listed)
    }

    /// Which types of events there are behind a place: how many, and when the first was received (unix milliseconds).
    pub(super) fn kinds_behind(
        &self,
        sql: &dyn Sql,
        place: i64,
    ) -> Result<Vec<(String, i64, i64)>, SqlError> {
        let mut kinds = Vec::new();
        if place >= self.last {
            return Ok(kinds);
        }
        for table in self.tables_behind(place) {
            let rows = sql.exec(
                &format!("SELECT kind, count(*), min(received_ms) FROM {table} WHERE seq > ?1 GROUP BY kind"),
                &[place.into()],
            )?;
            for row in rows {
                kinds.push((
                    row.required_text(0)?.to_owned(),
                    row.required_integer(1)?,
                    row.required_integer(2)?,
                ));
            }
        }
        Ok(kinds)
    }

    /// When an event was received (unix milliseconds), if it still is in the log.
    pub(super) fn received_ms(&self, sql: &dyn Sql, seq: i64) -> Result<Option<i64>, SqlError> {
        let Some(table) = self.table_of(seq) else {
            return Ok(None);
        };
        let rows = sql.exec(
            &format!("SELECT received_ms FROM {table} WHERE seq = ?1"),
            &[seq.into()],
        )?;
        rows.first().map_or(Ok(None), |row| row.integer(0))
    }

    /// An event, if it still is in the log.
    pub(super) fn read(&self, sql: &dyn Sql, seq: i64) -> Result<Option<Stored>, SqlError> {
        if let Some(event) = self.recent.find(seq) {
            return Ok(Some(event.clone()));
        }
        let Some(table) = self.table_of(seq) else {
            return Ok(None);
        };
        let rows = sql.exec(
            &format!("SELECT {COLUMNS} FROM {table} WHERE seq = ?1"),
            &[seq.into()],
        )?;
        let read = |row| complete(sql, Stored::read(row)?);
        rows.first().map(read).transpose()
    }

    /// The first and the last event of a conversation behind a place.
    pub(super) fn left(
        &self,
        sql: &dyn Sql,
        place: i64,
        conversation: i64,
    ) -> Result<Vec<i64>, SqlError> {
        let mut left = Vec::new();
        if place >= self.last || self.is_empty() {
            return Ok(left);
        }
        for table in self.tables_behind(place) {
            let rows = sql.exec(
                &format!(
                    "SELECT min(seq), max(seq) FROM {table} WHERE seq > ?1 AND conversation = ?2"
                ),
                &[place.into(), conversation.into()],
            )?;
            for row in &rows {
                left.extend(row.integer(0)?);
                left.extend(row.integer(1)?);
            }
        }
        Ok(left)
    }

    /// The table in which an event is, if it still is in the log.
    pub(super) fn table_of(&self, seq: i64) -> Option<String> {
        self.generations
            .numbers()
            .rev()
            .find(|number| *number <= seq)
            .map(|number| self.generations.table(number))
    }

    /// The tables that may hold events behind a place, oldest first.
    fn tables_behind(&self, place: i64) -> Vec<String> {
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

    /// Moves what waits behind a place in a conversation into the one that it turned out to be part of. What was passed
    /// and is kept stays under its former number.
    pub(super) fn join(
        &self,
        sql: &dyn Sql,
        passed: i64,
        from: i64,
        into: i64,
    ) -> Result<(), SqlError> {
        for table in self.tables_behind(passed) {
            sql.exec(
                &format!(
                    "UPDATE {table} SET conversation = ?2 WHERE conversation = ?1 AND seq > ?3"
                ),
                &[from.into(), into.into(), passed.into()],
            )?;
        }
        Ok(())
    }

    /// Takes note that this is committed.
    pub(super) fn joined(&mut self, from: i64, into: i64) {
        self.recent.joined(from, into);
    }

    /// When the oldest generation has been kept for long enough (unix milliseconds), if every cursor has passed it.
    pub(super) fn expires_ms(&self, passed: i64) -> Option<i64> {
        if !self.keeps() || self.rows == 0 {
            return None;
        }
        let second = self.generations.numbers().nth(1);
        let end = second.map_or(self.last, |number| number - 1);
        let kept_ms = end / NUMBERS_PER_MS + self.keep_ms + 1;
        (passed >= end).then_some(kept_ms)
    }

    /// Lets go of what every cursor has passed and nobody wants to keep. `passed` is the place of the one that is furthest
    /// behind.
    pub(super) fn let_go(
        &mut self,
        sql: &dyn Sql,
        passed: i64,
        now_ms: i64,
    ) -> Result<(), SqlError> {
        self.recent.let_go(passed);
        let passed = if self.keeps() {
            passed.min((now_ms - self.keep_ms).saturating_mul(NUMBERS_PER_MS) - 1)
        } else {
            passed
        };
        if passed >= self.last && self.rows > 0 {
            if self.rows <= FEW_ROWS {
                for table in self.generations.tables() {
                    sql.exec(&format!("DELETE FROM {table}"), &[])?;
                }
            } else {
                self.generations.drop_where(sql, |_| true)?;
            }
            self.rows = 0;
            self.newest_rows = 0;
        }
        let numbers: Vec<i64> = self.generations.numbers().collect();
        for pair in numbers.windows(2) {
            let [number, next] = pair else { continue };
            if passed.saturating_add(1) >= *next {
                self.generations.drop_where(sql, |other| other == *number)?;
            }
        }
        if self.parts {
            self.let_parts_go(sql, passed)?;
        }
        Ok(())
    }

    /// Parts go with their row.
    fn let_parts_go(&mut self, sql: &dyn Sql, passed: i64) -> Result<(), SqlError> {
        let kept = self.generations.numbers().next().filter(|_| self.keeps());
        let gone = kept.map_or(passed.min(self.last), |oldest| passed.min(oldest - 1));
        sql.exec(
            "DELETE FROM parts WHERE seq <= ?1 AND seq NOT IN (SELECT seq FROM parked_events) \
             AND seq NOT IN (SELECT seq FROM dead_letters)",
            &[gone.into()],
        )?;
        self.parts = !sql.exec("SELECT 1 FROM parts LIMIT 1", &[])?.is_empty();
        Ok(())
    }
}

/// Fills in the data of an event whose data is stored in parts.
pub(super) fn complete(sql: &dyn Sql, mut event: Stored) -> Result<Stored, SqlError> {
    if event.data.is_empty() {
        let rows = sql.exec(
            "SELECT data FROM parts WHERE seq = ?1 ORDER BY part",
            &[event.seq.into()],
        )?;
        for row in rows {
            event.data.push_str(row.required_text(0)?);
        }
    }
    Ok(event)
}

/// Cuts a text into parts of at most [`PART`] bytes.
fn parts(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let (part, behind) = rest
            .split_at_checked(rest.floor_char_boundary(PART))
            .unwrap_or((rest, ""));
        rest = behind;
        Some(part)
    })
}
