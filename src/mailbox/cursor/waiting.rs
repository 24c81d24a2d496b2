//! How a destination stands: what waits for it, what went wrong last, and how much it took.

use super::{TAKEN_OUT, parking::Parking};
use crate::mailbox::{
    Mailbox,
    sql::{Result, Row},
};

/// What waits for one destination.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Waiting {
    /// Conversations that wait because an event in them was refused.
    pub conversations: i64,
    /// Events in those conversations, in the log behind the cursor, and on their way.
    pub events: i64,
    /// When the first of them was received that is not replayed, in unix milliseconds.
    pub oldest_ms: Option<i64>,
    /// How often the event was tried that has failed for longest; if the destination is down, how often the destination
    /// was.
    pub tries: i64,
    /// The last try that failed. If the event was taken later, this is forgotten when the mailbox is opened anew.
    pub last_error: Option<Failure>,
    /// Events that were given up.
    pub dead_letters: i64,
    /// The destination answered that it wants nothing more.
    pub gone: bool,
    /// Since when it answers nothing, in unix milliseconds.
    pub down_since_ms: Option<i64>,
}

/// A try that failed. The later one is the greater one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Failure {
    /// When, in unix milliseconds.
    pub at_ms: i64,
    /// Why, in a few words; no content.
    pub class: String,
}

/// What was counted of one destination since the mailbox was opened.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counted {
    /// When that was, in unix milliseconds.
    pub since_ms: i64,
    /// Events that it took.
    pub delivered: i64,
    /// Tries that failed.
    pub failed: i64,
    /// Its answers whose replies were refused.
    pub refused_replies: i64,
    /// Events that it took within the last hour, as far as is known: at least these.
    pub delivered_last_hour: i64,
}

impl Waiting {
    /// Something waits that was received then (unix milliseconds).
    pub(in crate::mailbox) fn waits_since(&mut self, received_ms: Option<i64>) {
        let both = [self.oldest_ms, received_ms];
        self.oldest_ms = both.into_iter().flatten().min();
    }
}

impl Failure {
    /// Reads a class from a column and its time from the next, where there is one.
    pub(in crate::mailbox) fn read(row: &Row, column: usize) -> Result<Option<Self>> {
        let class = row.get::<Option<&str>>(column)?;
        let at_ms = row.get(column + 1)?;
        Ok(class.zip(at_ms).map(|(class, at_ms)| Self {
            at_ms,
            class: class.to_owned(),
        }))
    }
}

impl Mailbox {
    /// Has all that waits for a destination be tried now: what made it refuse, or be down or gone, was put right. Gives
    /// its place among those that the mailbox was opened with, if it is one of them.
    pub fn retry(&mut self, id: &str, now_ms: i64) -> Result<Option<usize>> {
        let mut cursors = self.cursors.iter_mut().enumerate();
        let Some((index, cursor)) = cursors.find(|(_, cursor)| cursor.destination().id == id)
        else {
            return Ok(None);
        };
        cursor.retry(now_ms)?;
        Ok(Some(index))
    }

    /// What waits for a destination, by its place among those that the mailbox was opened with.
    pub fn waiting(&mut self, destination: usize) -> Result<Waiting> {
        self.cursors.get_mut(destination).map_or_else(
            || Ok(Waiting::default()),
            |cursor| cursor.waiting(&self.log),
        )
    }

    /// The destinations that were taken out of the settings and have left something: each by its id, with what that is.
    pub fn taken_out(&self) -> Result<Vec<(String, Waiting)>> {
        let rows = self.sql.exec(
            &format!(
                "{TAKEN_OUT} \
                 AND (EXISTS (SELECT 1 FROM dead_letters WHERE dead_letters.destination = cursors.destination) \
                   OR EXISTS (SELECT 1 FROM parked_events WHERE parked_events.destination = cursors.destination))"
            ),
            &[],
        )?;
        let read = |row: &Row| Ok((row.get(0)?, Parking::waiting(&*self.sql, row.get(0)?)?));
        rows.iter().map(read).collect()
    }

    /// The replies that it answered with are not sent.
    pub fn count_refused_replies(&mut self, destination: usize) {
        if let Some(cursor) = self.cursors.get_mut(destination) {
            cursor.count_refused_replies();
        }
    }

    /// How much it took; `None` for one that was taken out.
    pub fn counted(&mut self, destination: Option<usize>, now_ms: i64) -> Counted {
        let since_ms = *self.counts_since_ms.get_or_insert(now_ms);
        let cursor = destination.and_then(|destination| self.cursors.get(destination));
        let nothing = Counted {
            since_ms,
            ..Counted::default()
        };
        cursor.map_or(nothing, |cursor| cursor.counted(since_ms, now_ms))
    }
}
