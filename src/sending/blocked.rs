//! A number that can send nothing until a person has put something right: the token, the account, the payment, the
//! registration. Its sends wait, and one of them goes from time to time to see whether it is right again.

use crate::{
    event::{self, Effect, Event, Home, rfc3339},
    mailbox::sql::{Sql, SqlError},
    meta::graph::errors::{self, Class},
};

/// How long between two tries, in milliseconds.
const TRIED_EVERY_MS: i64 = 5 * 60 * 1000;

/// Why a number can send nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Blocked {
    /// Meta's error code.
    pub code: u32,
    /// Since when (unix milliseconds).
    pub since_ms: i64,
    /// When it is tried next (unix milliseconds).
    pub tries_ms: i64,
}

/// A number stopped, or began again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// It can send nothing.
    Blocked(Blocked),
    /// It could not, and can again.
    Unblocked(Blocked),
}

impl Blocked {
    /// Reads how it stands. With other settings than those under which it stopped, it is tried at once.
    pub(super) fn open(
        sql: &dyn Sql,
        settings: &str,
        now_ms: i64,
    ) -> Result<Option<Self>, SqlError> {
        sql.exec(
            "CREATE TABLE IF NOT EXISTS blocked (one INTEGER PRIMARY KEY CHECK (one = 1), code INTEGER NOT NULL, \
             since_ms INTEGER NOT NULL, tries_ms INTEGER NOT NULL, settings TEXT NOT NULL) STRICT",
            &[],
        )?;
        let rows = sql.exec(
            "SELECT code, since_ms, tries_ms, settings FROM blocked",
            &[],
        )?;
        let Some(row) = rows.first() else {
            return Ok(None);
        };
        let same = row.required_text(3)? == settings;
        Ok(Some(Self {
            code: u32::try_from(row.required_integer(0)?).unwrap_or_default(),
            since_ms: row.required_integer(1)?,
            tries_ms: if same {
                row.required_integer(2)?
            } else {
                now_ms
            },
        }))
    }

    /// It stops now.
    pub(super) fn now(code: u32, now_ms: i64) -> Self {
        Self {
            code,
            since_ms: now_ms,
            tries_ms: now_ms + TRIED_EVERY_MS,
        }
    }

    /// It is tried now.
    pub(super) fn tried(&mut self, now_ms: i64) {
        self.tries_ms = now_ms + TRIED_EVERY_MS;
    }

    pub(super) fn save(&self, sql: &dyn Sql, settings: &str) -> Result<(), SqlError> {
        sql.exec(
            "INSERT OR REPLACE INTO blocked (one, code, since_ms, tries_ms, settings) VALUES (1, ?1, ?2, ?3, ?4)",
            &[
                i64::from(self.code).into(),
                self.since_ms.into(),
                self.tries_ms.into(),
                settings.into(),
            ],
        )?;
        Ok(())
    }

    pub(super) fn remove(sql: &dyn Sql) -> Result<(), SqlError> {
        sql.exec("DELETE FROM blocked", &[])?;
        Ok(())
    }

    /// What an event and the API say about it.
    pub fn view(&self) -> serde_json::Value {
        let (class, meaning, advice) = errors::find(self.code)
            .map_or((Class::Other, "", ""), |entry| {
                (entry.class, entry.meaning, entry.advice)
            });
        serde_json::json!({
            "code": self.code, "class": class.name(), "meaning": meaning, "advice": advice,
            "since": rfc3339(self.since_ms.div_euclid(1000)),
        })
    }
}

impl Change {
    /// The event that tells the destinations: `transom.number.blocked` or `transom.number.unblocked`.
    pub fn event(&self, phone_number_id: &str, now_ms: i64) -> Event {
        let (blocked, what) = match self {
            Self::Blocked(blocked) => (blocked, "blocked"),
            Self::Unblocked(blocked) => (blocked, "unblocked"),
        };
        let home = Home::Number(phone_number_id.to_owned());
        let data = serde_json::json!({
            "business": { "phone_number_id": phone_number_id },
            "blocked": blocked.view(),
        });
        Event {
            id: format!("{}-{:024x}", event::about(&home, what), blocked.since_ms),
            kind: format!("transom.number.{what}"),
            time: Some(now_ms.div_euclid(1000)),
            names: Vec::new(),
            effect: Effect::None,
            data: data.to_string(),
        }
    }
}
