//! Which events the mailbox has seen, and which of our messages' statuses.
//!
//! Meta repeats a webhook for up to seven days, so an id is kept for nine at least. That is also where a message's
//! statuses are found.

use std::{collections::HashMap, rc::Rc};

use super::{
    Seen,
    key::{self, Key},
};
use crate::{
    event::{Effect, Event, MessageStatus},
    mailbox::{
        MAY_COME_AGAIN_MS, batch,
        generations::Generations,
        sql::{Result, Row, Sql},
    },
};

/// How many generations an id is kept for beyond its own.
const KEPT: i64 = 3;

/// How long one generation is added to, in milliseconds.
const GENERATION_MS: i64 = MAY_COME_AGAIN_MS / KEPT;

#[derive(Debug)]
pub(in crate::mailbox) struct Ids(Generations);

impl Ids {
    /// Of an event its key alone is kept. The other columns are for statuses of messages, which are asked for.
    pub(in crate::mailbox) fn load(sql: Rc<dyn Sql>) -> Result<Self> {
        Generations::load(
            sql,
            "ids",
            "(id BLOB PRIMARY KEY, conversation INTEGER, time INTEGER, message TEXT, status INTEGER) \
             STRICT, WITHOUT ROWID",
        )
        .map(Self)
    }

    /// Makes room for events that come now, and forgets what is too old for Meta to repeat.
    pub(in crate::mailbox) fn turn(&mut self, now_ms: i64) -> Result<()> {
        let current = now_ms.div_euclid(GENERATION_MS);
        self.0.open(current)?;
        self.0.drop_where(|number| number < current - KEPT)
    }

    /// Looks up which of these events were seen before, and how far the messages are whose statuses are among them.
    pub(in crate::mailbox) fn look_up(&self, seen: &mut Seen, events: &[Event]) -> Result<()> {
        seen.look_up(&self.0, events)
    }

    /// Remembers events that are new, each with its conversation.
    pub(in crate::mailbox) fn add<'a>(
        &self,
        events: impl Iterator<Item = (&'a Event, i64)>,
    ) -> Result<()> {
        let Some(newest) = self.0.newest() else {
            return Ok(());
        };
        let table = self.0.table(newest);
        let mut keys = Vec::new();
        let mut statuses = Vec::new();
        for (event, conversation) in events {
            let key = Key::of(event);
            match &event.effect {
                Effect::Status {
                    message, status, ..
                } => {
                    let status = write_status(*status);
                    statuses.push((key, conversation, event.time, message, status));
                }
                _ => keys.push(key),
            }
        }
        // In the table's order, so that each page is written once.
        keys.sort_unstable();
        statuses.sort_unstable_by(|one, other| one.0.cmp(&other.0));
        for keys in keys.chunks(key::AT_ONCE) {
            self.0.sql.run(
                &format!("INSERT INTO {table} (id) SELECT unhex(value) FROM json_each(?1)"),
                &[key::array(keys).into()],
            )?;
        }
        let rows = statuses
            .iter()
            .map(|(key, conversation, time, message, status)| {
                (key.digits(), conversation, time, message, status)
            });
        for rows in batch::rows(rows) {
            self.0.sql.run(
                &format!(
                    "INSERT INTO {table} (id, conversation, time, message, status) \
                     SELECT unhex(value ->> 0), value ->> 1, value ->> 2, value ->> 3, value ->> 4 FROM json_each(?1)"
                ),
                &[rows.into()],
            )?;
        }
        Ok(())
    }

    /// The statuses of one message, by what the ids of all events about it begin with; each as it was first told.
    pub(in crate::mailbox) fn statuses_of(
        &self,
        about: &str,
    ) -> Result<Vec<(MessageStatus, Option<i64>)>> {
        let message = key::message(about);
        let mut all: Vec<(i64, Option<i64>)> = Vec::new();
        for table in self.0.tables() {
            let rows = self.0.sql.exec(
                &format!(
                    "SELECT status, min(time) FROM {table} WHERE id BETWEEN unhex(?1) AND unhex(?1 || '{}') \
                     AND status IS NOT NULL GROUP BY status",
                    key::LAST
                ),
                &[message.as_str().into()],
            )?;
            for row in &rows {
                all.push((row.get(0)?, row.get(1)?));
            }
        }
        let told = |status| {
            let (_, time) = all.iter().find(|(told, _)| *told == write_status(status))?;
            Some((status, *time))
        };
        let all = (0..).map_while(MessageStatus::at);
        Ok(all.filter_map(told).collect())
    }

    /// The last status of the messages that were sent in a conversation lately, newest first.
    ///
    /// They are looked for among all: an index would cost a row with every status, and this is asked for seldom.
    pub(in crate::mailbox) fn statuses(
        &self,
        conversation: i64,
        most: usize,
    ) -> Result<Vec<(String, MessageStatus, Option<i64>)>> {
        if most == 0 {
            return Ok(Vec::new());
        }
        let mut last: HashMap<String, (MessageStatus, Option<i64>)> = HashMap::new();
        for table in self.0.tables() {
            let rows = self.0.sql.exec(
                &format!(
                    "SELECT message, status, time FROM {table} WHERE conversation = ?1 AND status IS NOT NULL"
                ),
                &[conversation.into()],
            )?;
            for row in &rows {
                if let Some((message, status, time)) = read_last(row)? {
                    let entry = last.entry(message).or_insert((status, time));
                    if status > entry.0 {
                        *entry = (status, time);
                    }
                }
            }
        }
        let mut last: Vec<_> = last
            .into_iter()
            .map(|(message, (status, time))| (message, status, time))
            .collect();
        last.sort_by(|a, b| b.2.cmp(&a.2).then_with(|| a.0.cmp(&b.0)));
        last.truncate(most);
        Ok(last)
    }
}

fn read_last(row: &Row) -> Result<Option<(String, MessageStatus, Option<i64>)>> {
    let Some(status) = read_status(row.get(1)?) else {
        return Ok(None);
    };
    Ok(Some((row.get(0)?, status, row.get(2)?)))
}

fn write_status(status: MessageStatus) -> i64 {
    i64::from(status.place()) + 1
}

pub(super) fn read_status(stored: i64) -> Option<MessageStatus> {
    MessageStatus::at(u8::try_from(stored.checked_sub(1)?).ok()?)
}
