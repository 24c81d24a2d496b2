//! Replays: events that are delivered once more. Here is one of them: how far it has got, and how that is written down.
//!
//! A replay copies events out of the log, and dead letters, to where its destination's refused events are parked, a few
//! at a time and in their order; from there they go out as those do. A dead letter stays one until it was taken.
//!
//! - `jobs`: how they are begun, stopped and told of
//! - `step`: how they go on; `search`: which events are next

mod jobs;
mod search;
mod step;

pub(super) use jobs::Job;
pub use jobs::{Begun, Wish};

use std::collections::HashSet;

use super::{
    Which, count,
    sql::{Result, Row, Sql},
};

/// What stands in the columns of a replay, in their order.
pub(super) const COLUMNS: &str = "id, kept, destination, receiver, event, conversation, from_ms, until_ms, end, place, \
     looked, state, begun_ms, ended_ms, found, died, dropped";

/// What stands in the column `state`: it goes on, has been stopped, has ended since, has ended by itself.
const RUNNING: i64 = 0;
pub(super) const STOPPING: i64 = 1;
const STOPPED: i64 = 2;
const DONE: i64 = 3;

/// A replay, and how far it has got.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Replay {
    /// Its name. Replays that were begun later have greater names.
    pub id: String,
    /// Which events: of [`Which::destination`], dead letters or what it wanted of the log.
    pub which: Which,
    /// Whether kept events are replayed as well as dead letters.
    pub kept: bool,
    /// The destination that gets them.
    pub to: String,
    /// Whether it was stopped. What had gone out by then still comes to its end.
    pub(super) stopped: bool,
    /// Unix milliseconds.
    pub begun_ms: i64,
    /// Unix milliseconds.
    pub ended_ms: Option<i64>,
    /// How many events were found so far.
    pub found: i64,
    /// Those of them that wait, or are on their way, by their `seq`.
    pub(super) waiting: HashSet<i64>,
    /// How many were given up.
    pub died: i64,
    /// How many did not go out because it was stopped.
    pub dropped: i64,
    /// Up to which `seq` it has looked for events, and where it ends.
    pub(super) place: i64,
    pub(super) end: i64,
    /// Whether it has looked at all there is.
    pub(super) looked: bool,
}

impl Replay {
    /// How it stands, in one word.
    pub fn state(&self) -> &'static str {
        match (self.stopped, self.ended_ms) {
            (true, _) => "stopped",
            (false, None) => "running",
            (false, Some(_)) => "done",
        }
    }

    /// How many of the events that were found wait, or are on their way.
    pub fn waiting(&self) -> i64 {
        count(self.waiting.len())
    }

    /// How many were taken.
    pub fn delivered(&self) -> i64 {
        self.found - self.waiting() - self.died - self.dropped
    }

    /// Reads a row of [`COLUMNS`].
    pub(super) fn read(row: &Row) -> Result<Self> {
        Ok(Self {
            id: row.get(0)?,
            kept: row.get::<i64>(1)? != 0,
            which: Which {
                destination: row.get(2)?,
                event: row.get(4)?,
                conversation: row.get(5)?,
                from_ms: row.get(6)?,
                until_ms: row.get(7)?,
            },
            to: row.get(3)?,
            end: row.get(8)?,
            place: row.get(9)?,
            looked: row.get::<i64>(10)? != 0,
            stopped: matches!(row.get(11)?, STOPPING | STOPPED),
            begun_ms: row.get(12)?,
            ended_ms: row.get(13)?,
            found: row.get(14)?,
            died: row.get(15)?,
            dropped: row.get(16)?,
            waiting: HashSet::new(),
        })
    }

    /// Writes it down as it is.
    pub(super) fn write(&self, sql: &dyn Sql) -> Result<()> {
        let state = match (self.stopped, self.ended_ms) {
            (false, None) => RUNNING,
            (true, None) => STOPPING,
            (true, Some(_)) => STOPPED,
            (false, Some(_)) => DONE,
        };
        sql.run(
            &format!(
                "INSERT OR REPLACE INTO replays ({COLUMNS}) \
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17)"
            ),
            &[
                self.id.as_str().into(),
                i64::from(self.kept).into(),
                self.which.destination.as_deref().into(),
                self.to.as_str().into(),
                self.which.event.as_deref().into(),
                self.which.conversation.into(),
                self.which.from_ms.into(),
                self.which.until_ms.into(),
                self.end.into(),
                self.place.into(),
                i64::from(self.looked).into(),
                state.into(),
                self.begun_ms.into(),
                self.ended_ms.into(),
                self.found.into(),
                self.died.into(),
                self.dropped.into(),
            ],
        )
    }

    /// Whether it was stopped, or has delivered all.
    pub(super) fn is_over(&self) -> bool {
        (self.looked || self.stopped) && self.waiting.is_empty()
    }

    /// If it is over, writes that down. Gives whether it is.
    pub(super) fn end_if_over(&mut self, sql: &dyn Sql, now_ms: i64) -> Result<bool> {
        if self.is_over() {
            self.ended_ms = Some(now_ms);
            self.write(sql)?;
        }
        Ok(self.ended_ms.is_some())
    }
}
