//! Dead letters: events that a destination did not take until its schedule had ended. They are kept until somebody
//! deletes them, or they are taken when somebody replays them.

use super::{
    Mailbox, count,
    log::{Stored, complete},
    people::conversations::IDS,
    sql::{Result, Row, Sql, Value},
};

/// Selects dead letters or events of the log: those to which all that is set here applies.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Which {
    /// Those of this destination.
    pub destination: Option<String>,
    /// The one with this event's id.
    pub event: Option<String>,
    /// Those of this conversation, by any of the ids it has had.
    pub conversation: Option<i64>,
    /// Those that were received then or later (unix milliseconds).
    pub from_ms: Option<i64>,
    /// Those that were received before (unix milliseconds).
    pub until_ms: Option<i64>,
}

/// What waits as if it were dead letters: all of the conversations in which an event was refused.
const WAITING: &str = "(SELECT parked_events.*, attempts, first_failed_ms, NULL AS died_ms, error FROM parked_events \
     JOIN parked USING (destination, conversation) WHERE attempts > 0)";

/// One dead letter, or an event that waits because it was refused, or one before it in its conversation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeadLetter {
    /// The destination that did not take it.
    pub destination: String,
    /// The event. Its data is empty: see [`Mailbox::content`].
    pub event: Stored,
    /// How often it was tried, or the one that it waits for.
    pub attempts: i64,
    /// Unix milliseconds.
    pub first_failed_ms: i64,
    /// When it was given up, in unix milliseconds; `None`: it waits.
    pub died_ms: Option<i64>,
    /// Why the last try failed, in a few words.
    pub error: String,
}

/// Where a dead letter stands among all of its number's: by destination, and then in the order in which they came.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct LetterPlace {
    /// The destination.
    pub destination: String,
    /// The event's [`Stored::seq`].
    pub seq: i64,
    /// The partition, where the number has several: two may give the same `seq`.
    pub partition: Option<u32>,
}

/// How much content a page of dead letters may hold, in bytes; one dead letter is always given.
pub const MOST_CONTENT: usize = 1024 * 1024;

/// What there is of the dead letters that are meant.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Summary {
    /// How many there are.
    pub count: i64,
    /// When the first of them was received, in unix milliseconds.
    pub oldest_ms: Option<i64>,
    /// When the last of them was received, in unix milliseconds.
    pub newest_ms: Option<i64>,
    /// The number by which their deletion is confirmed. It changes even if one is gone and another has come.
    pub confirm: i64,
}

impl LetterPlace {
    /// Reads what [`LetterPlace::write`] wrote; `None` where it did not.
    pub fn read(text: &str) -> Option<Self> {
        let mut parts = text.split(':');
        let destination = parts.next()?.to_owned();
        let mut number = || -> Option<Option<i64>> {
            let Some(digits) = parts.next() else {
                return Some(None);
            };
            let fits = digits.bytes().all(|byte| byte.is_ascii_digit());
            Some(Some(digits.parse().ok().filter(|_| fits)?))
        };
        let seq = number()??;
        let partition = number()?.map(u32::try_from).transpose().ok()?;
        let place = Self {
            destination,
            seq,
            partition,
        };
        parts.next().is_none().then_some(place)
    }

    /// As text: `crm:1834423910400`, and with its partition `crm:1834423910400:3`.
    pub fn write(&self) -> String {
        let Self {
            destination, seq, ..
        } = self;
        self.partition.map_or_else(
            || format!("{destination}:{seq}"),
            |partition| format!("{destination}:{seq}:{partition}"),
        )
    }

    /// Behind which destination and `seq` a partition's dead letters follow this place. In a later partition that may
    /// be one with the same `seq`.
    pub fn behind(&self, partition: Option<u32>) -> (&str, i64) {
        let seq = self.seq - i64::from(partition > self.partition);
        (&self.destination, seq)
    }
}

impl Which {
    /// What stands behind WHERE, and its parameters.
    fn clause(&self) -> (String, Vec<Value>) {
        let mut clause = "true".to_owned();
        let mut parameters = Vec::new();
        let of_conversation = format!("conversation IN ({IDS})");
        let conditions: [(&str, Option<Value>); 5] = [
            (
                "destination = ?",
                self.destination.as_deref().map(Value::from),
            ),
            ("id = ?", self.event.as_deref().map(Value::from)),
            (of_conversation.as_str(), self.conversation.map(Value::from)),
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

    /// Those behind a `seq` and up to another, `most` at most, in their order: each with its `seq`, its conversation and
    /// its type.
    pub(super) fn dead_letters_between(
        &self,
        sql: &dyn Sql,
        place: i64,
        end: i64,
        most: usize,
    ) -> Result<Vec<(i64, i64, String)>> {
        let (clause, mut parameters) = self.clause();
        let most = count(most);
        parameters.extend([place, end, most].map(Value::from));
        let rows = sql.exec(
            &format!(
                "SELECT seq, conversation, kind FROM dead_letters WHERE {clause} AND seq > ? AND seq <= ? \
                 ORDER BY seq LIMIT ?"
            ),
            &parameters,
        )?;
        let read = |row: &Row| {
            let kind = row.get(2)?;
            Ok((row.get(0)?, row.get(1)?, kind))
        };
        rows.iter().map(read).collect()
    }
}

impl DeadLetter {
    fn read(row: &Row) -> Result<Self> {
        Ok(Self {
            event: Stored::read(row)?,
            destination: row.get(9)?,
            attempts: row.get(10)?,
            first_failed_ms: row.get(11)?,
            died_ms: row.get(12)?,
            error: row.get(13)?,
        })
    }
}

impl Mailbox {
    /// The next `most` dead letters behind a place, by destination and then in the order in which they came. The place
    /// is a destination and a `seq` ([`LetterPlace::behind`]). With `waiting` the same of what waits because it was refused, or
    /// one before it in its conversation.
    pub fn dead_letters(
        &self,
        which: &Which,
        waiting: bool,
        after: Option<(&str, i64)>,
        most: i64,
    ) -> Result<Vec<DeadLetter>> {
        let table = if waiting { WAITING } else { "dead_letters" };
        let (mut clause, mut parameters) = which.clause();
        match after {
            // Of one destination, SQLite would walk past all the pages before.
            Some((destination, seq)) if which.destination.as_deref() == Some(destination) => {
                clause.push_str(" AND seq > ?");
                parameters.push(seq.into());
            }
            Some((destination, seq)) => {
                clause.push_str(" AND (destination, seq) > (?, ?)");
                parameters.extend([destination.into(), seq.into()]);
            }
            None => {}
        }
        parameters.push(most.into());
        let mut order = "seq";
        if waiting && which.conversation.is_some() {
            // The index that has this order would be walked through. A conversation has few, by destination.
            order = "+seq";
            clause.push_str(" AND destination IN (SELECT destination FROM cursors)");
        }
        let rows = self.sql.exec(
            &format!(
                "SELECT seq, conversation, id, kind, time, received_ms, subject, added, '', destination, attempts, \
                 first_failed_ms, died_ms, error FROM {table} WHERE {clause} ORDER BY destination, {order} LIMIT ?"
            ),
            &parameters,
        )?;
        rows.iter().map(DeadLetter::read).collect()
    }

    /// The data of a dead letter: a JSON object.
    pub fn content(&self, letter: &DeadLetter) -> Result<String> {
        let table = letter.died_ms.map_or("parked_events", |_| "dead_letters");
        let rows = self.sql.exec(
            &format!(
                "SELECT data FROM {table} WHERE destination = ?1 AND seq = ?2 AND conversation = ?3"
            ),
            &[
                letter.destination.as_str().into(),
                letter.event.seq.into(),
                letter.event.conversation.into(),
            ],
        )?;
        let mut event = letter.event.clone();
        if let Some(row) = rows.first() {
            row.get::<&str>(0)?.clone_into(&mut event.data);
        }
        Ok(complete(&*self.sql, event)?.data)
    }

    /// How many there are, and from when.
    pub fn summary(&self, which: &Which) -> Result<Summary> {
        let (clause, parameters) = which.clause();
        let rows = self.sql.exec(
            &format!(
                "SELECT count(*), min(received_ms), max(received_ms), count(*) + coalesce(max(died_ms), 0) \
                 FROM dead_letters WHERE {clause}"
            ),
            &parameters,
        )?;
        let Some(row) = rows.first() else {
            return Ok(Summary::default());
        };
        Ok(Summary {
            count: row.get(0)?,
            oldest_ms: row.get(1)?,
            newest_ms: row.get(2)?,
            confirm: row.get(3)?,
        })
    }

    /// Deletes them for good. What is stored in parts goes with the next [`Mailbox::settle`].
    pub fn delete(&self, which: &Which) -> Result<()> {
        let (clause, parameters) = which.clause();
        self.sql.run(
            &format!("DELETE FROM dead_letters WHERE {clause}"),
            &parameters,
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_read_as_it_was_written() {
        for text in ["crm:0", "crm:1834423910400", "crm:1834423910400:15"] {
            let read = LetterPlace::read(text);
            assert_eq!(read.map(|place| place.write()).as_deref(), Some(text));
        }
        for text in [
            "",
            "crm",
            "crm:",
            "crm:-1",
            "crm:+1",
            "crm:1:",
            "crm:1:2:3",
            "crm:1:4294967296",
        ] {
            assert_eq!(LetterPlace::read(text), None, "{text}");
        }
    }

    #[test]
    fn what_came_at_the_same_time_is_told_by_partition() {
        let place = LetterPlace::read("crm:7:1").unwrap();
        let behind = [0, 1, 2].map(|partition| place.behind(Some(partition)));
        assert_eq!(behind, [("crm", 7), ("crm", 7), ("crm", 6)]);
        assert_eq!(LetterPlace::read("crm:7").unwrap().behind(None), ("crm", 7));
    }
}
