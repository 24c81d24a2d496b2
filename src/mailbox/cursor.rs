//! A cursor: how far one destination has got in one mailbox, what is on its way to it, and which conversations wait
//! because it refused one of their events.
//!
//! Why order holds: an event is started only when nothing before it in its conversation waits or is on its way. In the
//! log that is checked against [`Cursor::queue`] and [`Cursor::in_flight`]. What comes behind a refused event is parked
//! with it, and a parked conversation is delivered from the parked events alone, one at a time.
//!
//! Why nothing is lost: the place that is written down never passes an event that is neither taken nor parked, and
//! parking copies the event. After a crash everything behind that place is delivered again, under the same ids.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::{
    Waiting,
    log::{COLUMNS, DECLARED, Entry, Log, Stored, complete},
    sql::{Sql, SqlError, atomically},
};
use crate::config::Destination;

/// How many events are looked at beyond the first that is not delivered yet.
const AHEAD: usize = 256;

/// After how many deliveries the place is written down. What was delivered since is delivered again after a crash.
const SAVE_EVERY: u32 = 100;

/// What became of one try.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The destination took the event.
    Taken,
    /// It did not, or gave no answer.
    Refused {
        /// A short word for why: no content of the answer.
        error: String,
        /// Not to be tried again before this time (unix milliseconds), where the destination said so.
        not_before_ms: Option<i64>,
    },
    /// The destination wants nothing more.
    Gone,
    /// Nothing was sent: it was not the destination's fault, and does not count as a try.
    NotTried,
}

/// What a try changed that an operator wants to know of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// Nothing.
    None,
    /// A conversation has to wait: it has its first failure.
    Parked,
    /// An event was given up: it is a dead letter now.
    Dead,
    /// The destination wants nothing more.
    Stopped,
}

/// An event that is on its way.
#[derive(Debug, Clone, Copy)]
struct Flight {
    conversation: i64,
    parked: bool,
}

/// A conversation that waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Parked {
    attempts: u32,
    first_failed_ms: i64,
    next_ms: i64,
}

#[derive(Debug)]
pub(super) struct Cursor {
    destination: Destination,
    /// Up to where the log was read.
    read: i64,
    /// The place that is written down.
    saved: i64,
    since_saved: u32,
    /// The destination answered that it is gone.
    stopped: bool,
    /// Events of the log that are wanted and not started yet, with their conversations.
    queue: BTreeMap<i64, i64>,
    in_flight: BTreeMap<i64, Flight>,
    parked: HashMap<i64, Parked>,
}

impl Cursor {
    pub(super) fn create(sql: &dyn Sql) -> Result<(), SqlError> {
        for statement in [
            "CREATE TABLE IF NOT EXISTS cursors (destination TEXT PRIMARY KEY, place INTEGER NOT NULL, \
             gone TEXT) STRICT, WITHOUT ROWID"
                .to_owned(),
            "CREATE TABLE IF NOT EXISTS parked (destination TEXT NOT NULL, conversation INTEGER NOT NULL, \
             attempts INTEGER NOT NULL, first_failed_ms INTEGER NOT NULL, next_ms INTEGER NOT NULL, \
             error TEXT NOT NULL, PRIMARY KEY (destination, conversation)) STRICT, WITHOUT ROWID"
                .to_owned(),
            format!(
                "CREATE TABLE IF NOT EXISTS parked_events (destination TEXT NOT NULL, {DECLARED}, \
                 PRIMARY KEY (destination, conversation, seq)) STRICT, WITHOUT ROWID"
            ),
            format!(
                "CREATE TABLE IF NOT EXISTS dead_letters (destination TEXT NOT NULL, {DECLARED}, \
                 attempts INTEGER NOT NULL, first_failed_ms INTEGER NOT NULL, died_ms INTEGER NOT NULL, \
                 error TEXT NOT NULL, PRIMARY KEY (destination, seq)) STRICT, WITHOUT ROWID"
            ),
        ] {
            sql.exec(&statement, &[])?;
        }
        Ok(())
    }

    /// Opens a destination's cursor. One that was not there before begins behind `last`: it gets what comes from now
    /// on.
    pub(super) fn load(
        sql: &dyn Sql,
        destination: Destination,
        last: i64,
    ) -> Result<Self, SqlError> {
        let id = destination.id.as_str();
        let rows = sql.exec(
            "SELECT place, gone FROM cursors WHERE destination = ?1",
            &[id.into()],
        )?;
        let (saved, stopped) = if let Some(row) = rows.first() {
            let gone = row.text(1)? == Some(destination.url.as_str());
            (row.required_integer(0)?, gone)
        } else {
            sql.exec(
                "INSERT INTO cursors (destination, place) VALUES (?1, ?2)",
                &[id.into(), last.into()],
            )?;
            (last, false)
        };
        let rows = sql.exec(
            "SELECT conversation, attempts, first_failed_ms, next_ms FROM parked WHERE destination = ?1",
            &[id.into()],
        )?;
        let mut parked = HashMap::new();
        for row in rows {
            parked.insert(
                row.required_integer(0)?,
                Parked {
                    attempts: u32::try_from(row.required_integer(1)?).unwrap_or(u32::MAX),
                    first_failed_ms: row.required_integer(2)?,
                    next_ms: row.required_integer(3)?,
                },
            );
        }
        Ok(Self {
            read: saved,
            saved,
            since_saved: 0,
            stopped,
            queue: BTreeMap::new(),
            in_flight: BTreeMap::new(),
            parked,
            destination,
        })
    }

    pub(super) fn destination(&self) -> &Destination {
        &self.destination
    }

    fn id(&self) -> &str {
        &self.destination.id
    }

    /// Up to where every event is taken, parked or not wanted.
    pub(super) fn place(&self) -> i64 {
        let waiting = self.queue.keys().next().copied();
        let flying = self.in_flight.iter().find(|(_, flight)| !flight.parked);
        let first = match (waiting, flying.map(|(seq, _)| *seq)) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        };
        first.map_or(self.read, |seq| seq - 1)
    }

    /// The next event to be delivered, if there is one and room for it.
    pub(super) fn next(
        &mut self,
        sql: &dyn Sql,
        log: &Log,
        now_ms: i64,
    ) -> Result<Option<Stored>, SqlError> {
        if self.destination.paused || self.stopped {
            return Ok(None);
        }
        let room = usize::try_from(self.destination.max_in_flight).unwrap_or(usize::MAX);
        if self.in_flight.len() >= room {
            return Ok(None);
        }
        // Conversations that are tried again never take all the room: what is new must get through beside them.
        let retried = self
            .in_flight
            .values()
            .filter(|flight| flight.parked)
            .count();
        if retried < room.div_ceil(2)
            && let Some(event) = self.next_parked(sql, now_ms)?
        {
            return Ok(Some(event));
        }
        self.next_in_log(sql, log)
    }

    fn next_parked(&mut self, sql: &dyn Sql, now_ms: i64) -> Result<Option<Stored>, SqlError> {
        loop {
            let busy = self.busy();
            let due = self
                .parked
                .iter()
                .filter(|(conversation, parked)| {
                    parked.next_ms <= now_ms && !busy.contains(conversation)
                })
                .min_by_key(|(conversation, parked)| (parked.next_ms, **conversation))
                .map(|(conversation, _)| *conversation);
            let Some(conversation) = due else {
                return Ok(None);
            };
            let rows = sql.exec(
                &format!(
                    "SELECT {COLUMNS} FROM parked_events WHERE destination = ?1 AND conversation = ?2 \
                     ORDER BY seq LIMIT 1"
                ),
                &[self.id().into(), conversation.into()],
            )?;
            if let Some(row) = rows.first() {
                let event = complete(sql, Stored::read(row)?)?;
                self.fly(&event, true);
                return Ok(Some(event));
            }
            self.unpark(sql, conversation)?;
        }
    }

    fn next_in_log(&mut self, sql: &dyn Sql, log: &Log) -> Result<Option<Stored>, SqlError> {
        loop {
            self.read_ahead(sql, log)?;
            let mut held = self.busy();
            let mut found = None;
            let mut behind_parked = None;
            for (seq, conversation) in &self.queue {
                if self.parked.contains_key(conversation) {
                    behind_parked = Some(*seq);
                    break;
                }
                if held.insert(*conversation) {
                    found = Some(*seq);
                    break;
                }
            }
            if let Some(seq) = behind_parked {
                self.put_aside(sql, log, seq)?;
                self.queue.remove(&seq);
                continue;
            }
            let Some(seq) = found else { return Ok(None) };
            let rows = match log.table_of(seq) {
                Some(table) => sql.exec(
                    &format!("SELECT {COLUMNS} FROM {table} WHERE seq = ?1"),
                    &[seq.into()],
                )?,
                None => Vec::new(),
            };
            self.queue.remove(&seq);
            if let Some(row) = rows.first() {
                let event = complete(sql, Stored::read(row)?)?;
                self.fly(&event, false);
                return Ok(Some(event));
            }
        }
    }

    /// Reads on in the log until there is enough to choose from.
    fn read_ahead(&mut self, sql: &dyn Sql, log: &Log) -> Result<(), SqlError> {
        while self.queue.len() < AHEAD / 2 && self.read < log.last() {
            let entries = log.behind(sql, self.read, AHEAD)?;
            let Some(last) = entries.last() else {
                self.read = log.last();
                break;
            };
            self.read = last.seq;
            for Entry {
                seq,
                conversation,
                kind,
            } in entries
            {
                if self.destination.wants(&kind) {
                    self.queue.insert(seq, conversation);
                }
            }
        }
        Ok(())
    }

    fn busy(&self) -> HashSet<i64> {
        self.in_flight
            .values()
            .map(|flight| flight.conversation)
            .collect()
    }

    fn fly(&mut self, event: &Stored, parked: bool) {
        let flight = Flight {
            conversation: event.conversation,
            parked,
        };
        self.in_flight.insert(event.seq, flight);
    }

    /// Takes note of what became of an event that was on its way. `random` is from 0 to 1.
    pub(super) fn done(
        &mut self,
        sql: &dyn Sql,
        log: &Log,
        seq: i64,
        outcome: &Outcome,
        now_ms: i64,
        random: f64,
    ) -> Result<Change, SqlError> {
        let Some(flight) = self.in_flight.get(&seq).copied() else {
            return Ok(Change::None);
        };
        let change = match outcome {
            Outcome::Taken => {
                if flight.parked {
                    self.take_parked(sql, flight.conversation, seq)?;
                }
                self.since_saved += 1;
                Change::None
            }
            Outcome::Refused {
                error,
                not_before_ms,
            } => {
                let refusal = Refusal {
                    error,
                    not_before_ms: *not_before_ms,
                    now_ms,
                    random,
                };
                self.refused(sql, log, seq, flight, &refusal)?
            }
            Outcome::Gone => {
                sql.exec(
                    "UPDATE cursors SET gone = ?2 WHERE destination = ?1",
                    &[self.id().into(), self.destination.url.as_str().into()],
                )?;
                self.stopped = true;
                self.back_to_queue(seq, flight);
                Change::Stopped
            }
            Outcome::NotTried => {
                self.back_to_queue(seq, flight);
                Change::None
            }
        };
        self.in_flight.remove(&seq);
        if self.since_saved >= SAVE_EVERY {
            self.save(sql)?;
        }
        Ok(change)
    }

    fn back_to_queue(&mut self, seq: i64, flight: Flight) {
        if !flight.parked {
            self.queue.insert(seq, flight.conversation);
        }
    }

    fn refused(
        &mut self,
        sql: &dyn Sql,
        log: &Log,
        seq: i64,
        flight: Flight,
        refusal: &Refusal<'_>,
    ) -> Result<Change, SqlError> {
        let conversation = flight.conversation;
        let before = self.parked.get(&conversation).copied();
        let attempts = before.map_or(0, |parked| parked.attempts).saturating_add(1);
        let first_failed_ms = match before {
            Some(parked) if parked.attempts > 0 => parked.first_failed_ms,
            _ => refusal.now_ms,
        };
        let next =
            self.destination
                .retry
                .next(attempts, first_failed_ms, refusal.now_ms, refusal.random);
        let parked = Parked {
            attempts: if next.is_some() { attempts } else { 0 },
            first_failed_ms,
            next_ms: next.map_or(refusal.now_ms, |next| {
                next.max(refusal.not_before_ms.unwrap_or(next))
            }),
        };
        atomically(sql, || {
            if !flight.parked {
                self.put_aside(sql, log, seq)?;
            }
            if next.is_none() {
                sql.exec(
                    &format!(
                        "INSERT OR REPLACE INTO dead_letters \
                         (destination, {COLUMNS}, attempts, first_failed_ms, died_ms, error) \
                         SELECT destination, {COLUMNS}, ?4, ?5, ?6, ?7 FROM parked_events \
                         WHERE destination = ?1 AND conversation = ?2 AND seq = ?3"
                    ),
                    &[
                        self.id().into(),
                        conversation.into(),
                        seq.into(),
                        i64::from(attempts).into(),
                        first_failed_ms.into(),
                        refusal.now_ms.into(),
                        refusal.error.into(),
                    ],
                )?;
                self.forget_parked(sql, conversation, seq)?;
            }
            sql.exec(
                "INSERT OR REPLACE INTO parked (destination, conversation, attempts, first_failed_ms, next_ms, error) \
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
                &[
                    self.id().into(),
                    conversation.into(),
                    i64::from(parked.attempts).into(),
                    parked.first_failed_ms.into(),
                    parked.next_ms.into(),
                    refusal.error.into(),
                ],
            )?;
            Ok(())
        })?;
        self.parked.insert(conversation, parked);
        Ok(match (next, before) {
            (None, _) => Change::Dead,
            (Some(_), None) => Change::Parked,
            (Some(_), Some(_)) => Change::None,
        })
    }

    /// Copies an event out of the log, so that the log need not wait for it.
    fn put_aside(&self, sql: &dyn Sql, log: &Log, seq: i64) -> Result<(), SqlError> {
        if let Some(table) = log.table_of(seq) {
            sql.exec(
                &format!(
                    "INSERT OR IGNORE INTO parked_events (destination, {COLUMNS}) \
                     SELECT ?1, {COLUMNS} FROM {table} WHERE seq = ?2"
                ),
                &[self.id().into(), seq.into()],
            )?;
        }
        Ok(())
    }

    fn forget_parked(&self, sql: &dyn Sql, conversation: i64, seq: i64) -> Result<(), SqlError> {
        sql.exec(
            "DELETE FROM parked_events WHERE destination = ?1 AND conversation = ?2 AND seq = ?3",
            &[self.id().into(), conversation.into(), seq.into()],
        )?;
        Ok(())
    }

    /// A parked event was taken: the next one of its conversation may go at once.
    fn take_parked(&mut self, sql: &dyn Sql, conversation: i64, seq: i64) -> Result<(), SqlError> {
        self.forget_parked(sql, conversation, seq)?;
        let left = sql.exec(
            "SELECT 1 FROM parked_events WHERE destination = ?1 AND conversation = ?2 LIMIT 1",
            &[self.id().into(), conversation.into()],
        )?;
        if left.is_empty() {
            return self.unpark(sql, conversation);
        }
        // Not written down: after a crash its time has come as well, and a count that is too high harms nobody.
        if let Some(parked) = self.parked.get_mut(&conversation) {
            parked.attempts = 0;
        }
        Ok(())
    }

    fn unpark(&mut self, sql: &dyn Sql, conversation: i64) -> Result<(), SqlError> {
        sql.exec(
            "DELETE FROM parked WHERE destination = ?1 AND conversation = ?2",
            &[self.id().into(), conversation.into()],
        )?;
        self.parked.remove(&conversation);
        Ok(())
    }

    /// Writes the place down, if it has moved.
    pub(super) fn save(&mut self, sql: &dyn Sql) -> Result<(), SqlError> {
        let place = self.place();
        if place != self.saved {
            sql.exec(
                "UPDATE cursors SET place = ?2 WHERE destination = ?1",
                &[self.id().into(), place.into()],
            )?;
            self.saved = place;
        }
        self.since_saved = 0;
        Ok(())
    }

    /// When a conversation that waits is to be tried again (unix milliseconds), or 0 if something can go at once.
    pub(super) fn wakes_at(&self, log: &Log) -> Option<i64> {
        if self.destination.paused || self.stopped {
            return None;
        }
        if !self.queue.is_empty() || self.read < log.last() {
            return Some(0);
        }
        let busy = self.busy();
        self.parked
            .iter()
            .filter(|(conversation, _)| !busy.contains(conversation))
            .map(|(_, parked)| parked.next_ms)
            .min()
    }

    /// Takes note that events were parked from outside, and that their conversation may be tried at once.
    pub(super) fn due(&mut self, conversation: i64, now_ms: i64) {
        let parked = Parked {
            attempts: 0,
            first_failed_ms: now_ms,
            next_ms: now_ms,
        };
        self.parked.insert(conversation, parked);
    }

    /// What waits in one conversation from now on waits in the one that it turned out to be part of.
    /// [`Cursor::joined`] is to be called once this is committed.
    pub(super) fn join(&self, sql: &dyn Sql, from: i64, into: i64) -> Result<(), SqlError> {
        let Some(moving) = self.parked.get(&from).copied() else {
            return Ok(());
        };
        let together = self.together(moving, into);
        sql.exec(
            "UPDATE parked_events SET conversation = ?3 WHERE destination = ?1 AND conversation = ?2",
            &[self.id().into(), from.into(), into.into()],
        )?;
        sql.exec(
            "INSERT OR REPLACE INTO parked (destination, conversation, attempts, first_failed_ms, next_ms, error) \
             SELECT destination, ?3, ?4, ?5, ?6, error FROM parked WHERE destination = ?1 AND conversation = ?2",
            &[
                self.id().into(),
                from.into(),
                into.into(),
                i64::from(together.attempts).into(),
                together.first_failed_ms.into(),
                together.next_ms.into(),
            ],
        )?;
        sql.exec(
            "DELETE FROM parked WHERE destination = ?1 AND conversation = ?2",
            &[self.id().into(), from.into()],
        )?;
        Ok(())
    }

    /// Takes note that two conversations became one.
    pub(super) fn joined(&mut self, from: i64, into: i64) {
        if let Some(moving) = self.parked.remove(&from) {
            let together = self.together(moving, into);
            self.parked.insert(into, together);
        }
        let in_queue = self.queue.values_mut();
        let in_flight = self
            .in_flight
            .values_mut()
            .map(|flight| &mut flight.conversation);
        for conversation in in_queue.chain(in_flight) {
            if *conversation == from {
                *conversation = into;
            }
        }
    }

    /// What waits for the destination, besides the log.
    pub(super) fn waiting(&self, sql: &dyn Sql) -> Result<Waiting, SqlError> {
        let count = |table: &str| -> Result<i64, SqlError> {
            let rows = sql.exec(
                &format!("SELECT count(*) FROM {table} WHERE destination = ?1"),
                &[self.id().into()],
            )?;
            rows.first().map_or(Ok(0), |row| row.required_integer(0))
        };
        Ok(Waiting {
            conversations: count("parked")?,
            events: count("parked_events")?,
            dead_letters: count("dead_letters")?,
            gone: self.stopped,
        })
    }

    fn together(&self, moving: Parked, into: i64) -> Parked {
        self.parked.get(&into).map_or(moving, |other| Parked {
            attempts: moving.attempts.max(other.attempts),
            first_failed_ms: moving.first_failed_ms.min(other.first_failed_ms),
            next_ms: moving.next_ms.max(other.next_ms),
        })
    }
}

/// A refusal, and when and by what chance it is to be tried again.
struct Refusal<'a> {
    error: &'a str,
    not_before_ms: Option<i64>,
    now_ms: i64,
    random: f64,
}
