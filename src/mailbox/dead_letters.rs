//! Dead letters: events that a destination did not take until its schedule had ended. They are kept until somebody
//! deletes or replays them.

use super::{
    Mailbox,
    log::{Stored, complete},
    sql::{Row, Sql, SqlError, Value, atomically},
};

/// Which dead letters are meant: those that all that is set applies to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Which {
    /// Those of this destination.
    pub destination: Option<String>,
    /// The one with this event's id.
    pub event: Option<String>,
    /// Those of this conversation, by any of the numbers it has had.
    pub conversation: Option<i64>,
    /// Those that were received then or later (unix milliseconds).
    pub from_ms: Option<i64>,
    /// Those that were received before (unix milliseconds).
    pub until_ms: Option<i64>,
}

/// One dead letter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeadLetter {
    /// The destination that did not take it.
    pub destination: String,
    /// The event. Its data is empty: see [`Mailbox::content`].
    pub event: Stored,
    /// How often it was tried.
    pub attempts: i64,
    /// Unix milliseconds.
    pub first_failed_ms: i64,
    /// When it was given up, in unix milliseconds.
    pub died_ms: i64,
    /// Why the last try failed, in a few words.
    pub error: String,
}

/// What there is of the dead letters that are meant.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Summary {
    /// How many there are.
    pub count: i64,
    /// When the first of them was received, in unix milliseconds.
    pub oldest_ms: Option<i64>,
    /// When the last of them was received, in unix milliseconds.
    pub newest_ms: Option<i64>,
}

impl Which {
    /// What stands behind WHERE, and its parameters.
    fn clause(&self) -> (String, Vec<Value>) {
        let mut clause = "true".to_owned();
        let mut parameters = Vec::new();
        let conditions: [(&str, Option<Value>); 5] = [
            (
                "destination = ?",
                self.destination.as_deref().map(Value::from),
            ),
            ("id = ?", self.event.as_deref().map(Value::from)),
            (
                "conversation IN (WITH RECURSIVE same(id) AS (SELECT ? UNION SELECT conversations.id \
                 FROM conversations JOIN same ON conversations.joined = same.id) SELECT id FROM same)",
                self.conversation.map(Value::from),
            ),
            ("received_ms >= ?", self.from_ms.map(Value::from)),
            ("received_ms < ?", self.until_ms.map(Value::from)),
        ];
        for (condition, parameter) in conditions {
            if let Some(parameter) = parameter {
                clause.push_str(" AND ");
                clause.push_str(condition);
                parameters.push(parameter);
            }
        }
        (clause, parameters)
    }
}

impl DeadLetter {
    fn read(row: &Row) -> Result<Self, SqlError> {
        Ok(Self {
            event: Stored::read(row)?,
            destination: row.required_text(9)?.to_owned(),
            attempts: row.required_integer(10)?,
            first_failed_ms: row.required_integer(11)?,
            died_ms: row.required_integer(12)?,
            error: row.required_text(13)?.to_owned(),
        })
    }
}

impl Mailbox {
    /// The next `most` dead letters behind a place, by destination and then in the order in which they came. The place
    /// is a destination and a `seq` ([`Stored::seq`]).
    pub fn dead_letters(
        &self,
        which: &Which,
        after: Option<(&str, i64)>,
        most: i64,
    ) -> Result<Vec<DeadLetter>, SqlError> {
        let (mut clause, mut parameters) = which.clause();
        if let Some((destination, seq)) = after {
            clause.push_str(" AND (destination, seq) > (?, ?)");
            parameters.extend([destination.into(), seq.into()]);
        }
        parameters.push(most.into());
        let rows = self.sql.exec(
            &format!(
                "SELECT seq, conversation, id, kind, time, received_ms, subject, added, '', destination, attempts, \
                 first_failed_ms, died_ms, error FROM dead_letters WHERE {clause} ORDER BY destination, seq LIMIT ?"
            ),
            &parameters,
        )?;
        rows.iter().map(DeadLetter::read).collect()
    }

    /// The data of a dead letter: a JSON object.
    pub fn content(&self, letter: &DeadLetter) -> Result<String, SqlError> {
        let rows = self.sql.exec(
            "SELECT data FROM dead_letters WHERE destination = ?1 AND seq = ?2",
            &[letter.destination.as_str().into(), letter.event.seq.into()],
        )?;
        let mut event = letter.event.clone();
        if let Some(row) = rows.first() {
            row.required_text(0)?.clone_into(&mut event.data);
        }
        Ok(complete(&*self.sql, event)?.data)
    }

    /// What there is of them.
    pub fn summary(&self, which: &Which) -> Result<Summary, SqlError> {
        let (clause, parameters) = which.clause();
        let rows = self.sql.exec(
            &format!(
                "SELECT count(*), min(received_ms), max(received_ms) FROM dead_letters WHERE {clause}"
            ),
            &parameters,
        )?;
        let Some(row) = rows.first() else {
            return Ok(Summary::default());
        };
        Ok(Summary {
            count: row.required_integer(0)?,
            oldest_ms: row.integer(1)?,
            newest_ms: row.integer(2)?,
        })
    }

    /// Deletes them for good.
    pub fn delete(&mut self, which: &Which) -> Result<(), SqlError> {
        let (clause, parameters) = which.clause();
        self.sql.exec(
            &format!("DELETE FROM dead_letters WHERE {clause}"),
            &parameters,
        )?;
        // What is stored in parts goes with it.
        self.rest()
    }

    /// Has them delivered again at once, to `to`, one of the destinations that the mailbox was opened with, each before
    /// all that waits in its conversation; they are dead letters no more. They keep their ids, and their data says
    /// `"replayed": true`. Gives how many they are, or `None` if there is no such destination.
    pub fn replay(
        &mut self,
        which: &Which,
        to: &str,
        now_ms: i64,
    ) -> Result<Option<i64>, SqlError> {
        let is_it = |cursor: &&mut super::Cursor| cursor.destination().id == to;
        let Some(cursor) = self.cursors.iter_mut().find(is_it) else {
            return Ok(None);
        };
        let sql = &*self.sql;
        let (count, conversations) = atomically(sql, || move_back(sql, which, to, now_ms))?;
        for conversation in conversations {
            cursor.due(conversation, now_ms);
        }
        Ok(Some(count))
    }
}

/// Gives how many were moved, and whose conversations they belong to.
fn move_back(
    sql: &dyn Sql,
    which: &Which,
    to: &str,
    now_ms: i64,
) -> Result<(i64, Vec<i64>), SqlError> {
    let (clause, parameters) = which.clause();
    // Since they died, somebody may have turned out to be somebody else.
    sql.exec(
        &format!(
            "UPDATE dead_letters SET conversation = (WITH RECURSIVE same(id) AS (SELECT dead_letters.conversation \
               UNION SELECT conversations.joined FROM conversations JOIN same ON conversations.id = same.id \
               WHERE conversations.joined IS NOT NULL) SELECT min(id) FROM same) \
             WHERE conversation IN (SELECT id FROM conversations WHERE joined IS NOT NULL) AND {clause}"
        ),
        &parameters,
    )?;
    let rows = sql.exec(
        &format!(
            "SELECT conversation, count(*) FROM dead_letters WHERE {clause} GROUP BY conversation"
        ),
        &parameters,
    )?;
    let mut count = 0;
    let mut conversations = Vec::with_capacity(rows.len());
    for row in &rows {
        conversations.push(row.required_integer(0)?);
        count += row.required_integer(1)?;
    }
    let mut with_to = vec![Value::from(to)];
    with_to.extend(parameters.iter().cloned());
    sql.exec(
        &format!(
            "INSERT OR IGNORE INTO parked_events \
               (destination, seq, conversation, id, kind, time, received_ms, subject, added, data) \
             SELECT ?, seq, conversation, id, kind, time, received_ms, subject, \
               json_set(added, '$.replayed', json('true')), data FROM dead_letters WHERE {clause}"
        ),
        &with_to,
    )?;
    with_to.insert(1, now_ms.into());
    with_to.insert(2, now_ms.into());
    sql.exec(
        &format!(
            "INSERT OR REPLACE INTO parked (destination, conversation, attempts, first_failed_ms, next_ms, error) \
             SELECT DISTINCT ?, conversation, 0, ?, ?, 'replayed' FROM dead_letters WHERE {clause}"
        ),
        &with_to,
    )?;
    sql.exec(
        &format!("DELETE FROM dead_letters WHERE {clause}"),
        &parameters,
    )?;
    Ok((count, conversations))
}
