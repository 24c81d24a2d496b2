//! Meta that does not answer, or not so that anybody can tell what became of a message.
//!
//! A message that was on its way then may have gone out, and is never sent again by itself, unless no connection came
//! about. An outage must not do this to all that waits: once some in a row have ended like this, messages go one at a
//! time, and less and less often, until Meta says something that can be read. An outage is stored: between its tries
//! the object may end.

use super::ending::doubled;
use crate::mailbox::sql::{Result, Sql};

/// How many in a row are an outage.
const BEARABLE: u32 = 5;

/// How long it is waited after that, in milliseconds: twice as long after each time, up to a minute.
const FIRST_WAIT_MS: i64 = 5_000;
const LONGEST_WAIT_MS: i64 = 60_000;

/// How long an answer may take, in milliseconds, and some more.
const ANSWERED_WITHIN_MS: i64 = 30_000;

/// How long Meta has said nothing that can be read.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) struct Silence {
    in_a_row: u32,
    /// When the first of them ended (unix milliseconds).
    since_ms: i64,
    /// A message is on its way that went alone.
    alone: bool,
    until_ms: i64,
}

impl Silence {
    /// Reads whether Meta was silent.
    pub(super) fn open(sql: &dyn Sql) -> Result<Self> {
        sql.run(
            "CREATE TABLE IF NOT EXISTS outage (one INTEGER PRIMARY KEY CHECK (one = 1), in_a_row INTEGER NOT NULL, \
             until_ms INTEGER NOT NULL, since_ms INTEGER NOT NULL) STRICT",
            &[],
        )?;
        let rows = sql.exec("SELECT in_a_row, until_ms, since_ms FROM outage", &[])?;
        let Some(row) = rows.first() else {
            return Ok(Self::default());
        };
        Ok(Self {
            in_a_row: u32::try_from(row.get::<i64>(0)?).unwrap_or(BEARABLE),
            since_ms: row.get(2)?,
            alone: false,
            until_ms: row.get(1)?,
        })
    }

    /// Writes down an outage, or its end, if anything has changed.
    pub(super) fn save(self, sql: &dyn Sql, before: Self) -> Result<()> {
        if self == before {
            return Ok(());
        }
        if self.is_outage() {
            sql.run(
                "INSERT OR REPLACE INTO outage (one, in_a_row, until_ms, since_ms) VALUES (1, ?1, ?2, ?3)",
                &[i64::from(self.in_a_row).into(), self.until_ms.into(), self.since_ms.into()],
            )?;
        } else if before.is_outage() {
            sql.run("DELETE FROM outage", &[])?;
        }
        Ok(())
    }

    fn is_outage(self) -> bool {
        self.in_a_row >= BEARABLE
    }

    /// Since when there is an outage, where there is one (unix milliseconds).
    pub(super) fn since_ms(self) -> Option<i64> {
        self.is_outage().then_some(self.since_ms)
    }

    /// When the next message may go (unix milliseconds).
    pub(super) fn until_ms(self) -> i64 {
        self.until_ms
    }

    /// A message goes now. In a silence it goes alone.
    pub(super) fn took(&mut self, now_ms: i64) {
        self.alone = self.is_outage();
        if self.alone {
            self.until_ms = now_ms.saturating_add(ANSWERED_WITHIN_MS);
        }
    }

    /// What became of a message cannot be told. Those that were on their way when the silence began are one try, not many.
    pub(super) fn goes_on(&mut self, now_ms: i64) {
        if self.is_outage() && !self.alone {
            return;
        }
        if self.in_a_row == 0 {
            self.since_ms = now_ms;
        }
        self.in_a_row = self.in_a_row.saturating_add(1);
        if let Some(times) = self.in_a_row.checked_sub(BEARABLE) {
            let wait_ms = doubled(FIRST_WAIT_MS, times, LONGEST_WAIT_MS);
            self.until_ms = now_ms.saturating_add(wait_ms);
        }
        self.alone = false;
    }

    /// A message that went alone did not leave, or not to Meta: another may go at once.
    pub(super) fn tells_nothing(&mut self, now_ms: i64) {
        if std::mem::take(&mut self.alone) {
            self.until_ms = now_ms;
        }
    }

    /// Meta has taken a message, or turned it away.
    pub(super) fn ends(&mut self) {
        *self = Self::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn some_in_a_row_are_an_outage_and_it_is_waited_longer_and_longer() {
        let mut silence = Silence::default();
        let mut waits = Vec::new();
        for _ in 0..12 {
            silence.took(100);
            silence.goes_on(100);
            waits.push(silence.until_ms());
        }
        let after_five = [
            5_100, 10_100, 20_100, 40_100, 60_100, 60_100, 60_100, 60_100,
        ];
        assert_eq!((&waits[..4], &waits[4..]), (&[0; 4][..], &after_five[..]));
    }

    #[test]
    fn what_did_not_leave_costs_no_time() {
        let mut silence = Silence::default();
        (0..5).for_each(|_| silence.goes_on(100));
        silence.took(5_100);
        silence.tells_nothing(5_200);
        assert_eq!(silence.until_ms(), 5_200);
        silence.took(5_200);
        silence.goes_on(5_300);
        assert_eq!(silence.until_ms(), 15_300, "and it goes on where it was");
    }

    #[test]
    fn while_it_lasts_one_goes_at_a_time() {
        let mut silence = Silence::default();
        for _ in 0..5 {
            silence.goes_on(0);
        }
        silence.took(5_000);
        assert!(
            silence.until_ms() > 25_000,
            "Meta may take 20 seconds to answer"
        );
    }
}
