//! Sends that wait, are on their way, or have come to an end: each is stored under an id that says what asked for it,
//! so that whatever asks twice sends once.
//!
//! Why nothing is sent twice: a send is marked as started, and that is committed, before its request leaves. Whatever
//! is found started when the object begins anew may have gone out, and is left alone.

use std::collections::{BTreeMap, HashSet};

use serde::{Deserialize, Serialize};

use crate::{
    mailbox::sql::{Sql, SqlError},
    meta::graph::{Message, Recipient},
    sending::{Happened, State},
};

/// How long a send is remembered, in milliseconds: as long as what asked for it may come again.
const KEPT_MS: i64 = 9 * 24 * 60 * 60 * 1000;

/// How many sends of one mailbox are on their way at the same time.
const MOST_IN_FLIGHT: usize = 6;

/// How long a send that Meta turned away waits, in milliseconds: twice as long after each time, up to a minute.
const FIRST_WAIT_MS: i64 = 1_000;
const LONGEST_WAIT_MS: i64 = 60_000;

/// One message that somebody asked for.
#[derive(Debug, Clone, PartialEq)]
pub struct Send {
    /// What asked for it. Comes back in Meta's statuses as `biz_opaque_callback_data`.
    pub id: String,
    /// The conversation it belongs to: order is kept within it, and its window is looked at.
    pub conversation: i64,
    /// To whom; `None` where the event that it answers names nobody who can be written to.
    pub to: Option<Recipient>,
    /// What.
    pub message: Message,
}

/// The sends of one mailbox.
#[derive(Debug)]
pub struct Outbox {
    /// By the order in which they were asked for.
    waiting: BTreeMap<i64, Waiting>,
    busy: HashSet<i64>,
    last: i64,
}

#[derive(Debug, Clone)]
struct Waiting {
    id: String,
    conversation: i64,
    attempts: u32,
    next_ms: i64,
}

/// A send whose turn has come: it is marked as started.
#[derive(Debug, Clone, PartialEq)]
pub struct Started {
    /// What is to be sent.
    pub send: Send,
    place: i64,
    attempts: u32,
}

/// What is stored of the message while it waits.
#[derive(Serialize, Deserialize)]
struct Stored {
    to: Option<Recipient>,
    message: Message,
}

impl Outbox {
    /// Opens the outbox. What was on its way when the object ended may have gone out, and stays as it is.
    pub fn open(sql: &dyn Sql, now_ms: i64) -> Result<Self, SqlError> {
        sql.exec(
            "CREATE TABLE IF NOT EXISTS sends (id TEXT PRIMARY KEY, place INTEGER NOT NULL, \
             conversation INTEGER NOT NULL, state TEXT NOT NULL, stored TEXT, asked_ms INTEGER NOT NULL, \
             changed_ms INTEGER NOT NULL) STRICT, WITHOUT ROWID",
            &[],
        )?;
        sql.exec(
            "DELETE FROM sends WHERE asked_ms < ?1",
            &[now_ms.saturating_sub(KEPT_MS).into()],
        )?;
        let restarted = |state: &State| write_state(&state.clone().after(Happened::Restarted));
        sql.exec(
            "UPDATE sends SET state = ?1, stored = NULL, changed_ms = ?2 WHERE state = ?3",
            &[
                restarted(&State::Started).into(),
                now_ms.into(),
                write_state(&State::Started).into(),
            ],
        )?;
        let mut outbox = Self {
            waiting: BTreeMap::new(),
            busy: HashSet::new(),
            last: 0,
        };
        let rows = sql.exec(
            "SELECT place, id, conversation FROM sends WHERE state = ?1",
            &[write_state(&State::Queued).into()],
        )?;
        for row in rows {
            let waiting = Waiting {
                id: row.required_text(1)?.to_owned(),
                conversation: row.required_integer(2)?,
                attempts: 0,
                next_ms: 0,
            };
            outbox.waiting.insert(row.required_integer(0)?, waiting);
        }
        if let Some(row) = sql.exec("SELECT max(place) FROM sends", &[])?.first() {
            outbox.last = row.integer(0)?.unwrap_or(0);
        }
        Ok(outbox)
    }

    /// Takes a send in, unless one was asked for under the same id before.
    pub fn add(&mut self, sql: &dyn Sql, send: Send, now_ms: i64) -> Result<(), SqlError> {
        let place = self.last + 1;
        let stored = Stored {
            to: send.to,
            message: send.message,
        };
        let added = sql.exec(
            "INSERT INTO sends (id, place, conversation, state, stored, asked_ms, changed_ms) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?6) ON CONFLICT DO NOTHING RETURNING place",
            &[
                send.id.as_str().into(),
                place.into(),
                send.conversation.into(),
                write_state(&State::Queued).into(),
                serde_json::to_string(&stored).unwrap_or_default().into(),
                now_ms.into(),
            ],
        )?;
        if !added.is_empty() {
            self.last = place;
            let waiting = Waiting {
                id: send.id,
                conversation: send.conversation,
                attempts: 0,
                next_ms: now_ms,
            };
            self.waiting.insert(place, waiting);
        }
        Ok(())
    }

    /// The next send whose turn has come, marked as started. The caller commits that before the request leaves.
    pub fn next(&mut self, sql: &dyn Sql, now_ms: i64) -> Result<Option<Started>, SqlError> {
        loop {
            if self.busy.len() >= MOST_IN_FLIGHT {
                return Ok(None);
            }
            let mut held = self.busy.clone();
            let turn = self.waiting.iter().find(|(_, waiting)| {
                held.insert(waiting.conversation) && waiting.next_ms <= now_ms
            });
            let Some((place, waiting)) = turn.map(|(place, waiting)| (*place, waiting.clone()))
            else {
                return Ok(None);
            };
            let rows = sql.exec(
                "SELECT stored FROM sends WHERE id = ?1",
                &[waiting.id.as_str().into()],
            )?;
            let stored = rows.first().map(|row| row.text(0)).transpose()?.flatten();
            let stored = stored.and_then(|text| serde_json::from_str::<Stored>(text).ok());
            self.waiting.remove(&place);
            let Some(stored) = stored else { continue };
            let state = State::Queued.after(Happened::Start);
            Self::write(sql, &waiting.id, &state, now_ms)?;
            self.busy.insert(waiting.conversation);
            return Ok(Some(Started {
                send: Send {
                    id: waiting.id,
                    conversation: waiting.conversation,
                    to: stored.to,
                    message: stored.message,
                },
                place,
                attempts: waiting.attempts,
            }));
        }
    }

    /// Takes note of what became of a send, and gives the state it is in now.
    pub fn done(
        &mut self,
        sql: &dyn Sql,
        started: Started,
        happened: Happened,
        now_ms: i64,
    ) -> Result<State, SqlError> {
        let state = match happened {
            // It was looked at again before anything was sent.
            Happened::Refuse(_) => State::Queued.after(happened),
            other => State::Started.after(other),
        };
        Self::write(sql, &started.send.id, &state, now_ms)?;
        self.busy.remove(&started.send.conversation);
        if state == State::Queued {
            let wait = FIRST_WAIT_MS
                .checked_shl(started.attempts)
                .map_or(LONGEST_WAIT_MS, |wait| wait.min(LONGEST_WAIT_MS));
            let waiting = Waiting {
                id: started.send.id,
                conversation: started.send.conversation,
                attempts: started.attempts + 1,
                next_ms: now_ms.saturating_add(wait),
            };
            self.waiting.insert(started.place, waiting);
        }
        Ok(state)
    }

    /// When a send is to go that cannot go now (unix milliseconds), or 0 if one can.
    pub fn wakes_at(&self, now_ms: i64) -> Option<i64> {
        let mut held = self.busy.clone();
        self.waiting
            .values()
            .filter(|waiting| held.insert(waiting.conversation))
            .map(|waiting| {
                if waiting.next_ms <= now_ms {
                    0
                } else {
                    waiting.next_ms
                }
            })
            .min()
    }

    /// The text of a message is kept only as long as it is to be sent.
    fn write(sql: &dyn Sql, id: &str, state: &State, now_ms: i64) -> Result<(), SqlError> {
        let keeps_text = matches!(state, State::Queued | State::Started);
        sql.exec(
            "UPDATE sends SET state = ?2, changed_ms = ?3, stored = iif(?4, stored, NULL) WHERE id = ?1",
            &[
                id.into(),
                write_state(state).into(),
                now_ms.into(),
                i64::from(keeps_text).into(),
            ],
        )?;
        Ok(())
    }
}

/// How the sends that answer one event went, for who asks: id and state.
pub fn states(sql: &dyn Sql, event: &str) -> Result<Vec<(String, String)>, SqlError> {
    let rows = sql.exec(
        "SELECT id, state FROM sends WHERE id > ?1 || '/' AND id < ?1 || '0' ORDER BY place",
        &[event.into()],
    )?;
    rows.iter()
        .map(|row| {
            Ok((
                row.required_text(0)?.to_owned(),
                row.required_text(1)?.to_owned(),
            ))
        })
        .collect()
}

fn write_state(state: &State) -> String {
    serde_json::to_string(state).unwrap_or_default()
}
