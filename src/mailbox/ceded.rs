//! Events that this partition must not store any more, since the person they are of is in another from now on.
//!
//! When Meta repeats an event that came before its person was found to be in another partition, the partition in which
//! the person was says whether it has stored it. Where it has not, it promises never to, so that of two copies of one
//! webhook which are under way at the same time one at most is stored.
//!
//! What is still to be sent from here to such a person is looked at again where they are now.

use std::collections::HashSet;

use super::{
    batch,
    sql::{Sql, SqlError},
};

/// For how long a promise is kept, in milliseconds: Meta repeats for seven days.
const KEPT_MS: i64 = 9 * 24 * 60 * 60 * 1000;

/// Ids of events, and the conversations whose persons are in another partition.
#[derive(Debug, Default)]
pub(super) struct Ceded {
    ids: HashSet<String>,
    conversations: HashSet<i64>,
}

impl Ceded {
    /// There are tables only where anything was ever ceded.
    pub(super) fn load(sql: &dyn Sql) -> Result<Self, SqlError> {
        let mut ceded = Self::default();
        let table = "SELECT 1 FROM sqlite_master WHERE name = ?1";
        if !sql.exec(table, &["ceded".into()])?.is_empty() {
            for row in sql.exec("SELECT id FROM ceded", &[])? {
                ceded.ids.insert(row.required_text(0)?.to_owned());
            }
        }
        if !sql.exec(table, &["moved".into()])?.is_empty() {
            for row in sql.exec("SELECT conversation FROM moved", &[])? {
                ceded.conversations.insert(row.required_integer(0)?);
            }
        }
        Ok(ceded)
    }

    /// Whether nobody's conversation has gone.
    pub(super) fn is_empty(&self) -> bool {
        self.conversations.is_empty()
    }

    /// Whether a conversation's person is in another partition.
    pub(super) fn has_moved(&self, conversation: i64) -> bool {
        self.conversations.contains(&conversation)
    }

    /// Takes note that a conversation's person is.
    pub(super) fn moved(&mut self, sql: &dyn Sql, conversation: i64) -> Result<(), SqlError> {
        if self.conversations.insert(conversation) {
            sql.run(
                "CREATE TABLE IF NOT EXISTS moved (conversation INTEGER PRIMARY KEY) STRICT",
                &[],
            )?;
            sql.run(
                "INSERT INTO moved (conversation) VALUES (?1)",
                &[conversation.into()],
            )?;
        }
        Ok(())
    }

    pub(super) fn holds(&self, id: &str) -> bool {
        self.ids.contains(id)
    }

    pub(super) fn add(
        &mut self,
        sql: &dyn Sql,
        ids: Vec<String>,
        now_ms: i64,
    ) -> Result<(), SqlError> {
        sql.exec(
            "CREATE TABLE IF NOT EXISTS ceded (id TEXT PRIMARY KEY, at_ms INTEGER NOT NULL) STRICT, WITHOUT ROWID",
            &[],
        )?;
        let over = [now_ms.saturating_sub(KEPT_MS).into()];
        sql.exec("DELETE FROM ceded WHERE at_ms < ?1", &over)?;
        for texts in batch::texts(ids.iter().map(String::as_str)) {
            sql.exec(
                "INSERT OR IGNORE INTO ceded (id, at_ms) SELECT value, ?2 FROM json_each(?1)",
                &[texts.into(), now_ms.into()],
            )?;
        }
        self.ids.extend(ids);
        Ok(())
    }
}
