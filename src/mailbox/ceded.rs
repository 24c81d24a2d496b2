//! Events that this partition must not store any more, since the person they are of is in another from now on.
//!
//! When Meta repeats an event that came before its person was found to be in another partition, the partition in which
//! the person was says whether it has stored it. Where it has not, it promises never to, so that of two copies of one
//! webhook which are under way at the same time one at most is stored.

use std::collections::HashSet;

use super::{
    batch,
    sql::{Sql, SqlError},
};

/// For how long a promise is kept, in milliseconds: Meta repeats for seven days.
const KEPT_MS: i64 = 9 * 24 * 60 * 60 * 1000;

/// Ids of events.
#[derive(Debug)]
pub(super) struct Ceded(HashSet<String>);

impl Ceded {
    /// There is a table only where anything was ever ceded.
    pub(super) fn load(sql: &dyn Sql) -> Result<Self, SqlError> {
        let table = "SELECT 1 FROM sqlite_master WHERE name = 'ceded'";
        let mut ids = HashSet::new();
        if !sql.exec(table, &[])?.is_empty() {
            for row in sql.exec("SELECT id FROM ceded", &[])? {
                ids.insert(row.required_text(0)?.to_owned());
            }
        }
        Ok(Self(ids))
    }

    pub(super) fn holds(&self, id: &str) -> bool {
        self.0.contains(id)
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
        self.0.extend(ids);
        Ok(())
    }
}
