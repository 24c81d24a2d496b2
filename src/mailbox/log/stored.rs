//! An event as the mailbox keeps it: a row, and where its data is long, parts beside it.

use std::fmt;

use serde::Serialize;

use crate::mailbox::sql::{Result, Row, Sql};

/// How much of an event's data a row may hold, in bytes. What is longer is stored in parts of this size, since the
/// platform allows a row 2 MB and Meta sends up to 3.
const PART: usize = 256 * 1024;

/// What stands in the columns of a stored event, in their order. Parked events and dead letters have the same.
pub(in crate::mailbox) const COLUMNS: &str =
    "seq, conversation, id, kind, time, received_ms, subject, added, data";

/// Those columns as SQL declares them.
pub(in crate::mailbox) const DECLARED: &str = "seq INTEGER NOT NULL, conversation INTEGER NOT NULL, id TEXT NOT NULL, \
     kind TEXT NOT NULL, time INTEGER, received_ms INTEGER NOT NULL, subject TEXT, added TEXT NOT NULL, \
     data TEXT NOT NULL";

/// An event as the mailbox keeps it. `Debug` does not show its data.
#[derive(Clone, PartialEq, Eq)]
pub struct Stored {
    /// Its place in the log.
    pub seq: i64,
    /// The conversation it belongs to, by the mailbox's id for it.
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

impl Stored {
    /// Whether it is delivered once more, by a replay.
    pub fn is_replayed(&self) -> bool {
        self.added.contains(r#""replayed":true"#)
    }
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

#[cfg(test)]
impl Stored {
    /// One for tests.
    pub(crate) fn example() -> Self {
        Self {
            seq: 1,
            conversation: 1,
            id: "a1-b2".to_owned(),
            kind: "whatsapp.message.received".to_owned(),
            time: None,
            received_ms: 1_795_334_400_999,
            subject: Some("US.13491208655302741918".to_owned()),
            added: "{}".to_owned(),
            data: "{}".to_owned(),
        }
    }
}

impl Stored {
    /// Reads a row of [`COLUMNS`].
    pub(in crate::mailbox) fn read(row: &Row) -> Result<Self> {
        Ok(Self {
            seq: row.get(0)?,
            conversation: row.get(1)?,
            id: row.get(2)?,
            kind: row.get(3)?,
            time: row.get(4)?,
            received_ms: row.get(5)?,
            subject: row.get(6)?,
            added: row.get(7)?,
            data: row.get(8)?,
        })
    }

    pub(super) fn is_large(&self) -> bool {
        self.data.len() > PART
    }

    pub(super) fn row(&self) -> impl Serialize {
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

/// Fills in the data of an event whose data is stored in parts.
pub(in crate::mailbox) fn complete(sql: &dyn Sql, mut event: Stored) -> Result<Stored> {
    if event.data.is_empty() {
        let rows = sql.exec(
            "SELECT data FROM parts WHERE seq = ?1 ORDER BY part",
            &[event.seq.into()],
        )?;
        for row in rows {
            event.data.push_str(row.get::<&str>(0)?);
        }
    }
    Ok(event)
}

/// Cuts a text into parts of at most [`PART`] bytes.
pub(super) fn parts(text: &str) -> impl Iterator<Item = &str> {
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
