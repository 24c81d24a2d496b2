//! Windows that are about to close, in which nobody has answered.
//!
//! The state of a conversation says when its window is to be told of. It is looked up by an index, which exists only if
//! somebody wants to know: an index costs a row with every row.

use super::{
    people::People,
    sql::{Result, Sql},
};
use crate::{conversation::State, event::Event};

/// The expression that is indexed. The query must use exactly the same.
const AT: &str = "state ->> '$.closing.at'";

/// How many are told at once.
const AT_ONCE: i64 = 100;

/// When the next is to be told.
#[derive(Debug, Default)]
pub(super) struct Closings {
    /// Whether anybody wants to know.
    wanted: bool,
    /// In unix seconds.
    next: Option<i64>,
}

impl Closings {
    /// Finds the next, where somebody wants to know of any. Where nobody does, what was remembered is forgotten: nobody takes
    /// note of answers meanwhile.
    pub(super) fn open(sql: &dyn Sql, wanted: bool) -> Result<Self> {
        let mut closings = Self { wanted, next: None };
        if wanted {
            sql.run(
                &format!("CREATE INDEX IF NOT EXISTS closing ON conversations ({AT}) WHERE {AT} IS NOT NULL"),
                &[],
            )?;
            closings.find(sql)?;
        } else if sql.has("closing")? {
            sql.run(
                &format!(
                    "UPDATE conversations SET state = json_remove(state, '$.closing') WHERE {AT} IS NOT NULL"
                ),
                &[],
            )?;
            sql.run("DROP INDEX closing", &[])?;
        }
        Ok(closings)
    }

    /// Takes note of one more.
    pub(super) fn add(&mut self, at: i64) {
        if self.wanted {
            self.next = Some(self.next.map_or(at, |next| next.min(at)));
        }
    }

    /// When the next is to be told, in unix milliseconds.
    pub(super) fn wakes_at(&self) -> Option<i64> {
        Some(self.next?.saturating_mul(1000))
    }

    /// The events for windows whose time has come. Each is given once, so the caller must append them in the same
    /// transaction. Conversations that have `moved` to another partition are left out: they are answered there.
    pub(super) fn take(
        &mut self,
        sql: &dyn Sql,
        people: &mut People,
        moved: impl Fn(i64) -> bool,
        phone_number_id: &str,
        now_ms: i64,
    ) -> Result<Vec<Event>> {
        if self.wakes_at().is_none_or(|at| at > now_ms) {
            return Ok(Vec::new());
        }
        let rows = sql.exec(
            &format!("SELECT id, state FROM conversations WHERE {AT} <= ?1 ORDER BY {AT} LIMIT ?2"),
            &[now_ms.div_euclid(1000).into(), AT_ONCE.into()],
        )?;
        let mut events = Vec::new();
        for row in rows {
            let mut state = State::read(row.get::<Option<&str>>(1)?);
            let conversation = row.get(0)?;
            let closing = state.closing.take().filter(|_| !moved(conversation));
            events.extend(closing.and_then(|closing| closing.event(phone_number_id)));
            sql.run(
                "UPDATE conversations SET state = ?2 WHERE id = ?1",
                &[conversation.into(), state.write().into()],
            )?;
            people.forget(conversation);
        }
        self.find(sql)?;
        Ok(events)
    }

    fn find(&mut self, sql: &dyn Sql) -> Result<()> {
        self.next = sql.first_integer(
            &format!("SELECT min({AT}) FROM conversations WHERE {AT} IS NOT NULL"),
            &[],
        )?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mailbox::{Mailbox, native::Native};

    #[test]
    fn it_is_found_without_walking_through_all_conversations() {
        let sql = Native::new();
        Mailbox::open(sql.clone(), Vec::new()).unwrap();
        Closings::open(&*sql, true).unwrap();
        let plan = |query: &str| sql.plan(query, &[]);
        let due = plan(&format!(
            "SELECT id, state FROM conversations WHERE {AT} <= 1 ORDER BY {AT} LIMIT 1"
        ));
        assert!(due.contains("USING INDEX closing"), "{due}");
        let next = plan(&format!(
            "SELECT min({AT}) FROM conversations WHERE {AT} IS NOT NULL"
        ));
        assert!(next.contains("INDEX closing"), "{next}");
    }
}
