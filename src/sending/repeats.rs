//! Requests that bear an `Idempotency-Key`: asked again with the same body within 24 hours, they are answered as they
//! were. (IETF draft "The Idempotency-Key HTTP Header Field".)

use sha2::{Digest as _, Sha256};

use crate::mailbox::sql::{Sql, SqlError};

/// How long a key is remembered, in milliseconds.
const KEPT_MS: i64 = 24 * 60 * 60 * 1000;

/// How often keys that are too old are removed, in milliseconds.
const SWEPT_EVERY_MS: i64 = 60 * 60 * 1000;

/// The longest key, in bytes.
pub const LONGEST_KEY: usize = 255;

/// What is known of a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Known {
    /// It is new.
    No,
    /// The same was asked before; this was the answer.
    Answered(String),
    /// Something else was asked under it.
    Another,
}

/// The keys of one mailbox.
#[derive(Debug)]
pub struct Repeats {
    swept_ms: i64,
}

impl Repeats {
    /// Opens the table, and makes it where there is none.
    pub fn open(sql: &dyn Sql) -> Result<Self, SqlError> {
        sql.run(
            "CREATE TABLE IF NOT EXISTS repeats (key TEXT PRIMARY KEY, body TEXT NOT NULL, answer TEXT NOT NULL, \
             asked_ms INTEGER NOT NULL) STRICT, WITHOUT ROWID",
            &[],
        )?;
        Ok(Self { swept_ms: i64::MIN })
    }

    /// What is known of a key with which this is asked.
    pub fn find(
        &self,
        sql: &dyn Sql,
        key: &str,
        body: &[u8],
        now_ms: i64,
    ) -> Result<Known, SqlError> {
        let rows = sql.exec(
            "SELECT body, answer FROM repeats WHERE key = ?1 AND asked_ms > ?2",
            &[key.into(), now_ms.saturating_sub(KEPT_MS).into()],
        )?;
        let Some(row) = rows.first() else {
            return Ok(Known::No);
        };
        Ok(if row.required_text(0)? == digest(body) {
            Known::Answered(row.required_text(1)?.to_owned())
        } else {
            Known::Another
        })
    }

    /// Remembers what was answered.
    pub fn add(
        &mut self,
        sql: &dyn Sql,
        key: &str,
        body: &[u8],
        answer: &str,
        now_ms: i64,
    ) -> Result<(), SqlError> {
        if now_ms.saturating_sub(self.swept_ms) > SWEPT_EVERY_MS {
            self.swept_ms = now_ms;
            sql.run(
                "DELETE FROM repeats WHERE asked_ms <= ?1",
                &[now_ms.saturating_sub(KEPT_MS).into()],
            )?;
        }
        sql.run(
            "INSERT OR REPLACE INTO repeats (key, body, answer, asked_ms) VALUES (?1, ?2, ?3, ?4)",
            &[
                key.into(),
                digest(body).into(),
                answer.into(),
                now_ms.into(),
            ],
        )
    }
}

fn digest(body: &[u8]) -> String {
    hex::encode(Sha256::digest(body))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mailbox::native::Native;

    #[test]
    fn the_same_key_gets_the_same_answer_for_24_hours_and_no_other_body() {
        let sql = Native::new();
        let mut repeats = Repeats::open(&*sql).unwrap();
        let find = |repeats: &Repeats, key, body: &str, now| {
            repeats.find(&*sql, key, body.as_bytes(), now).unwrap()
        };
        assert_eq!(find(&repeats, "k", "{}", 1_000), Known::No);
        repeats.add(&*sql, "k", b"{}", "answer", 1_000).unwrap();
        let day = 24 * 3_600_000;
        assert_eq!(
            find(&repeats, "k", "{}", 999 + day),
            Known::Answered("answer".into())
        );
        assert_eq!(find(&repeats, "k", "{ }", 2_000), Known::Another);
        assert_eq!(find(&repeats, "other", "{}", 2_000), Known::No);
        assert_eq!(find(&repeats, "k", "{ }", 1_000 + day), Known::No);
        repeats.add(&*sql, "k", b"{ }", "new", 1_000 + day).unwrap();
        assert_eq!(sql.count("repeats"), 1);
    }
}
