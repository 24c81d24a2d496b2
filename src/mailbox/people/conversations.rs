//! The conversations of a mailbox by their ids: one that turned out to be part of another leads there.

use std::collections::HashSet;

use crate::{
    conversation::{State, window::Windows},
    mailbox::{
        batch,
        sql::{Result, Row, Sql, Value},
    },
};

/// Selects all ids that a conversation has had, by any of them.
pub(in crate::mailbox) const IDS: &str = "WITH RECURSIVE same(id) AS (SELECT ? \
     UNION SELECT conversations.id FROM conversations JOIN same ON conversations.joined = same.id \
     UNION SELECT conversations.joined FROM conversations JOIN same ON conversations.id = same.id \
     WHERE conversations.joined IS NOT NULL) SELECT id FROM same";

/// A conversation that turned out to be part of another; in a directory, a person who turned out to be another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Join {
    /// Which one.
    pub from: i64,
    /// The one that it is part of, by the id which that one has now.
    pub into: i64,
}

/// One conversation.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in crate::mailbox) struct Conversation {
    pub(in crate::mailbox) user: Option<String>,
    pub(in crate::mailbox) windows: Windows,
    /// The conversation that this one turned out to be part of.
    pub(in crate::mailbox) joined: Option<i64>,
    /// [`State`] as it is stored.
    pub(in crate::mailbox) state: Option<String>,
}

impl Conversation {
    pub(in crate::mailbox) fn state(&self) -> State {
        State::read(self.state.as_deref())
    }

    /// Reads a row whose columns are a name and then all of a conversation's.
    pub(in crate::mailbox) fn read(row: &Row) -> Result<Self> {
        Ok(Self {
            user: row.get(2)?,
            windows: Windows {
                customer_service: row.get(3)?,
                free_entry_point: row.get(4)?,
                referred: row.get(5)?,
            },
            joined: row.get(6)?,
            state: row.get(7)?,
        })
    }
}

/// The conversation that this one has become part of, or itself.
pub(in crate::mailbox) fn joined_into(sql: &dyn Sql, conversation: i64) -> Result<i64> {
    let now = sql.first_integer(&now("?1"), &[conversation.into()])?;
    Ok(now.unwrap_or(conversation))
}

/// Selects the id that a conversation has now: ids only ever get smaller.
fn now(id: &str) -> String {
    format!(
        "WITH RECURSIVE same(id) AS (SELECT {id} UNION SELECT conversations.joined FROM conversations \
         JOIN same ON conversations.id = same.id WHERE conversations.joined IS NOT NULL) SELECT min(id) FROM same"
    )
}

/// Which of these conversations have become part of another.
pub(in crate::mailbox) fn joined_among(
    sql: &dyn Sql,
    conversations: impl Iterator<Item = i64>,
) -> Result<Vec<Join>> {
    let now = now("wanted.value");
    let mut joined = Vec::new();
    for conversations in batch::rows(conversations) {
        let rows = sql.exec(
            &format!(
                "SELECT wanted.value, ({now}) FROM json_each(?1) AS wanted \
                 WHERE wanted.value IN (SELECT id FROM conversations WHERE joined IS NOT NULL)"
            ),
            &[conversations.into()],
        )?;
        for row in &rows {
            joined.push(Join {
                from: row.get(0)?,
                into: row.get(1)?,
            });
        }
    }
    Ok(joined)
}

/// Gives events of a table the ids that their conversations have now: those events that `clause` selects with its
/// parameter.
pub(in crate::mailbox) fn update_ids(
    sql: &dyn Sql,
    table: &str,
    clause: &str,
    parameter: Value,
) -> Result<()> {
    let now = now("conversation");
    sql.run(
        &format!(
            "UPDATE OR REPLACE {table} SET conversation = ({now}) \
             WHERE {clause} AND conversation IN (SELECT id FROM conversations WHERE joined IS NOT NULL)"
        ),
        &[parameter],
    )
}

/// Writes down that the windows of a conversation could not be told to other Workers: they are told with its next
/// event. Gives the conversation's id now; whoever has it in memory must forget it ([`crate::mailbox::Mailbox::forget`]).
pub fn untold(sql: &dyn Sql, conversation: i64) -> Result<Option<i64>> {
    let now = now("?1");
    sql.first_integer(
        &format!(
            "UPDATE conversations SET state = json_set(coalesce(state, '{{}}'), '$.untold', json('true')) \
             WHERE id = ({now}) RETURNING id"
        ),
        &[conversation.into()],
    )
}

/// Takes back that a rule fired in a conversation at this time (unix seconds), unless it has fired again. Gives the
/// conversation's id now, if that changes its state.
pub(in crate::mailbox) fn unfired(
    sql: &dyn Sql,
    conversation: i64,
    rule: &str,
    at: i64,
) -> Result<Option<i64>> {
    let now = now("?1");
    sql.first_integer(
        &format!(
            "UPDATE conversations SET state = json_remove(state, ?2) WHERE id = ({now}) AND state ->> ?2 = ?3 RETURNING id"
        ),
        &[
            conversation.into(),
            format!("$.fired.\"{rule}\"").as_str().into(),
            at.into(),
        ],
    )
}

/// All ids that a conversation has had, by any of them.
pub(in crate::mailbox) fn ids(sql: &dyn Sql, conversation: i64) -> Result<HashSet<i64>> {
    let rows = sql.exec(IDS, &[conversation.into()])?;
    rows.iter().map(|row| row.get(0)).collect()
}

/// A conversation, or the one that it has become part of.
pub(in crate::mailbox) fn by_id(sql: &dyn Sql, conversation: i64) -> Result<Conversation> {
    let now = now("?1");
    let rows = sql.exec(
        &format!("SELECT '', conversations.* FROM conversations WHERE id = ({now})"),
        &[conversation.into()],
    )?;
    rows.first()
        .map_or_else(|| Ok(Conversation::default()), Conversation::read)
}
