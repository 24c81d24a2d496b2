//! A number that can send nothing until a person has put something right: the token, the account, the payment, the
//! registration. Its sends wait, and one of them goes from time to time to see whether it is right again.
//!
//! Where Meta refuses a template for the payment or the account, only templates wait until it refuses another message, too:
//! of what is written within the window Meta charges nothing for the first 1,000 a month (since 1 October 2026; before, for
//! none), an account that may not begin conversations may answer, and the customer who wrote waits for it.
//!
//! Meta may take a message and tell by a status later that it will not arrive. So when a status blocked the number, one
//! accepted message does not unblock it; a second one, a minute later, does.

use crate::{
    event::{self, Event, rfc3339},
    mailbox::sql::{Result, Sql},
    meta::graph::errors::{self, Class},
};

/// How long between two tries, in milliseconds.
const TRIED_EVERY_MS: i64 = 5 * 60 * 1000;

/// How long after a message was taken a status would have told that it was refused, in milliseconds.
const TOLD_WITHIN_MS: i64 = 60 * 1000;

/// Why a number can send nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Blocked {
    /// Meta's error code.
    pub code: u32,
    /// Whether it is templates alone that it cannot send.
    pub of_templates: bool,
    /// Whether a status told it, not an answer.
    pub by_status: bool,
    /// When Meta took a message that was sent to try the number (unix milliseconds).
    pub taken_ms: Option<i64>,
    /// Since when (unix milliseconds).
    pub since_ms: i64,
    /// When it is tried next (unix milliseconds).
    pub tries_ms: i64,
}

/// A number stopped, or began again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NumberChange {
    /// It can send nothing.
    Blocked(Blocked),
    /// It could not, and can again.
    Unblocked(Blocked),
}

impl Blocked {
    /// Reads why the number is blocked, if it is, and when it last could send again (unix milliseconds). If the
    /// settings are others than those with which it stopped, it is tried at once.
    pub(super) fn open(sql: &dyn Sql, settings: &str, now_ms: i64) -> Result<(Option<Self>, i64)> {
        sql.run(
            "CREATE TABLE IF NOT EXISTS stopped (one INTEGER PRIMARY KEY CHECK (one = 1), code INTEGER NOT NULL, \
             since_ms INTEGER NOT NULL, tries_ms INTEGER NOT NULL, settings TEXT NOT NULL, \
             of_templates INTEGER NOT NULL, by_status INTEGER NOT NULL, taken_ms INTEGER) STRICT",
            &[],
        )?;
        sql.run(
            "CREATE TABLE IF NOT EXISTS put_right (one INTEGER PRIMARY KEY CHECK (one = 1), at_ms INTEGER NOT NULL) STRICT",
            &[],
        )?;
        let right_ms = sql.first_integer("SELECT at_ms FROM put_right", &[])?;
        let right_ms = right_ms.unwrap_or(i64::MIN);
        let rows = sql.exec(
            "SELECT code, since_ms, tries_ms, settings, of_templates, by_status, taken_ms FROM stopped",
            &[],
        )?;
        let Some(row) = rows.first() else {
            return Ok((None, right_ms));
        };
        let same = row.get::<&str>(3)? == settings;
        let flag = |column| row.get::<i64>(column).map(|flag| flag != 0);
        let blocked = Self {
            code: u32::try_from(row.get::<i64>(0)?).unwrap_or_default(),
            of_templates: flag(4)?,
            by_status: flag(5)?,
            taken_ms: row.get(6)?,
            since_ms: row.get(1)?,
            tries_ms: if same { row.get(2)? } else { now_ms },
        };
        Ok((Some(blocked), right_ms))
    }

    /// It stops now, as Meta answers to a message.
    pub(super) fn by_answer(code: u32, is_template: bool, now_ms: i64) -> Self {
        Self {
            code,
            of_templates: is_template && may_be_of_templates(code),
            by_status: false,
            taken_ms: None,
            since_ms: now_ms,
            tries_ms: now_ms + TRIED_EVERY_MS,
        }
    }

    /// It stops now, as Meta says in a status.
    pub(super) fn by_status(code: u32, is_template: bool, now_ms: i64) -> Self {
        Self {
            by_status: true,
            ..Self::by_answer(code, is_template, now_ms)
        }
    }

    /// It is tried now.
    pub(super) fn tried(&mut self, now_ms: i64) {
        self.tries_ms = now_ms + TRIED_EVERY_MS;
    }

    /// Meta says again that it can send nothing.
    pub(super) fn goes_on(&mut self, why: &Self) {
        self.by_status |= why.by_status;
        if self.taken_ms.take().is_some() {
            self.tries_ms = why.tries_ms;
        }
    }

    /// Meta has taken a message that was sent to try the number. Gives whether the number can send again.
    pub(super) fn ends(&mut self, now_ms: i64) -> bool {
        if self.by_status && self.taken_ms.is_none() {
            self.taken_ms = Some(now_ms);
            self.tries_ms = now_ms + TOLD_WITHIN_MS;
            return false;
        }
        true
    }

    /// Whether it was for what Meta holds against the account. To send all that waited at once might bring it about again.
    pub(super) fn was_held_against(&self) -> bool {
        errors::find(self.code).is_some_and(|entry| entry.class == Class::Account)
    }

    pub(super) fn save(&self, sql: &dyn Sql, settings: &str) -> Result<()> {
        sql.run(
            "INSERT OR REPLACE INTO stopped (one, code, since_ms, tries_ms, settings, of_templates, by_status, taken_ms) \
             VALUES (1, ?1, ?2, ?3, ?4, ?5, ?6, ?7)",
            &[
                i64::from(self.code).into(),
                self.since_ms.into(),
                self.tries_ms.into(),
                settings.into(),
                i64::from(self.of_templates).into(),
                i64::from(self.by_status).into(),
                self.taken_ms.into(),
            ],
        )
    }

    /// The number can send again. Since when is kept: what failed before that says nothing.
    pub(super) fn ended(sql: &dyn Sql, now_ms: i64) -> Result<()> {
        sql.run("DELETE FROM stopped", &[])?;
        sql.run(
            "INSERT OR REPLACE INTO put_right (one, at_ms) VALUES (1, ?1)",
            &[now_ms.into()],
        )
    }

    /// What an event and the API say about it.
    pub fn view(&self) -> serde_json::Value {
        let (class, meaning, advice) = errors::find(self.code)
            .map_or((Class::Other, "", ""), |entry| {
                (entry.class, entry.meaning, entry.advice)
            });
        serde_json::json!({
            "code": self.code, "class": class.name(), "meaning": meaning, "advice": advice,
            "since": rfc3339(self.since_ms.div_euclid(1000)), "templates_only": self.of_templates,
        })
    }
}

/// Whether other messages may go though Meta refuses templates by this code.
pub(super) fn may_be_of_templates(code: u32) -> bool {
    errors::find(code).is_some_and(|entry| matches!(entry.class, Class::Account | Class::Payment))
}

impl NumberChange {
    /// The event that tells the destinations: `transom.number.blocked` or `transom.number.unblocked`.
    pub fn event(&self, phone_number_id: &str, now_ms: i64) -> Event {
        let (blocked, what) = match self {
            Self::Blocked(blocked) => (blocked, "blocked"),
            Self::Unblocked(blocked) => (blocked, "unblocked"),
        };
        let data = serde_json::json!({
            "business": { "phone_number_id": phone_number_id },
            "blocked": blocked.view(),
        });
        Event {
            id: event::ours(phone_number_id, what, blocked.since_ms),
            kind: format!("transom.number.{what}"),
            time: Some(now_ms.div_euclid(1000)),
            data: data.to_string(),
            ..Event::named(Vec::new())
        }
    }
}
