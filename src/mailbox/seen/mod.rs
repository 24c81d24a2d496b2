//! What was seen before of the events that come now, and how far the messages are whose statuses are among them.
//!
//! - `ids`: where that is written down
//! - `key`: by what an event is recognised

pub(super) mod ids;
mod key;

use std::collections::{HashMap, HashSet};

use super::{generations::Generations, sql::Result};
use crate::event::{Effect, Event, MessageStatus};
use ids::read_status;
use key::Key;

/// What is known, the events of this batch that were looked at included.
#[derive(Debug, Default)]
pub(super) struct Seen {
    keys: HashSet<Key>,
    /// The furthest status of each message, by what the keys of all its statuses begin with.
    furthest: HashMap<String, MessageStatus>,
}

impl Seen {
    /// Looks these events up.
    pub(super) fn look_up(&mut self, tables: &Generations, events: &[Event]) -> Result<()> {
        let (statuses, others): (Vec<Key>, Vec<Key>) =
            events.iter().map(Key::of).partition(Key::is_status);
        let found = tables
            .tables()
            .map(|table| format!("EXISTS (SELECT 1 FROM {table} WHERE id = unhex(wanted.value))"));
        let found = found.collect::<Vec<_>>().join(" OR ");
        let statement = format!("SELECT wanted.key FROM json_each(?1) AS wanted WHERE {found}");
        for keys in others.chunks(key::AT_ONCE) {
            for row in tables.sql.exec(&statement, &[key::array(keys).into()])? {
                self.keys.extend(at(keys, row.get(0)?).cloned());
            }
        }
        // All statuses of the message: whether this one is among them, and how far they go.
        let found = tables.tables().map(|table| {
            format!(
                "SELECT wanted.key, ids.id = unhex(wanted.value), ids.status \
                 FROM json_each(?1) AS wanted CROSS JOIN {table} AS ids \
                 ON ids.id BETWEEN unhex(substr(wanted.value, 1, {MESSAGE})) \
                 AND unhex(substr(wanted.value, 1, {MESSAGE}) || '{LAST}')",
                MESSAGE = key::MESSAGE,
                LAST = key::LAST,
            )
        });
        let statement = found.collect::<Vec<_>>().join(" UNION ALL ");
        for keys in statuses.chunks(key::AT_ONCE) {
            for row in tables.sql.exec(&statement, &[key::array(keys).into()])? {
                let Some(key) = at(keys, row.get(0)?) else {
                    continue;
                };
                if row.get::<Option<i64>>(1)? == Some(1) {
                    self.keys.insert(key.clone());
                }
                if let Some(status) = row.get::<Option<i64>>(2)?.and_then(read_status) {
                    self.goes(key.message(), status);
                }
            }
        }
        Ok(())
    }

    /// Whether an event was not seen before. From now on it was.
    pub(super) fn is_new(&mut self, event: &Event) -> bool {
        self.keys.insert(Key::of(event))
    }

    /// Whether an event was seen before.
    pub(super) fn contains(&self, event: &Event) -> bool {
        self.keys.contains(&Key::of(event))
    }

    /// Whether an event tells a status after a further status of the same message had come.
    pub(super) fn is_superseded(&mut self, event: &Event) -> bool {
        match event.effect {
            Effect::Status { status, .. } => self.goes(Key::of(event).message(), status) > status,
            _ => false,
        }
    }

    /// Takes note of a message's status, and gives the furthest.
    fn goes(&mut self, message: &str, status: MessageStatus) -> MessageStatus {
        if let Some(furthest) = self.furthest.get_mut(message) {
            *furthest = status.max(*furthest);
            return *furthest;
        }
        self.furthest.insert(message.to_owned(), status);
        status
    }
}

/// The key at this place of a list that was handed to a statement.
fn at(list: &[Key], index: i64) -> Option<&Key> {
    list.get(usize::try_from(index).ok()?)
}
