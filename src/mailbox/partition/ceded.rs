//! Events that this partition must not store any more, since the person they are of is in another from now on.
//!
//! When Meta repeats an event that came before its person was found to be in another partition, the partition in which
//! the person was says whether it has stored it. Where it has not, it promises never to, so that of two copies of one
//! webhook which are under way at the same time one at most is stored. Requests that bear an `Idempotency-Key` are
//! asked about in the same way.
//!
//! A promise is made for the sake of a person, and holds the id by which the directory knows them. That person may
//! turn out to be somebody met before them, who has a smaller id, and whose partition is the one that promised.
//! Then it takes the promise back and stores the event: the partition that was to store it is asked first, and promises
//! the same for the sake of the smaller id. Copies that are still on their way there are refused.
//!
//! A promise holds for an hour after it was last made, and no copy is on its way for longer: so what Meta repeats is stored
//! also if a name has become somebody else's meanwhile, or its person was forgotten, and who has it now is where the event
//! was promised not to be stored.
//!
//! Whether a message that waits here for such a person may go is decided by what is known of them where they are now.

use std::{collections::HashSet, rc::Rc};

use crate::{
    event::Event,
    mailbox::{
        batch,
        sql::{Result, Sql},
    },
};

/// For how long a promise holds, and how often old ones are looked for at most, in milliseconds: that is a walk through all
/// of them.
const HOLDS_MS: i64 = 60 * 60 * 1000;

/// Whether anything was ever promised, and the conversations whose persons are in another partition. Promises are looked up
/// as events come: there may be very many.
#[derive(Debug)]
pub(in crate::mailbox) struct Ceded {
    sql: Rc<dyn Sql>,
    promises: bool,
    conversations: HashSet<i64>,
    /// When old promises are looked for next (unix milliseconds).
    lets_go_ms: i64,
}

impl Ceded {
    /// There are tables only where anything was ever ceded.
    pub(in crate::mailbox) fn load(sql: Rc<dyn Sql>) -> Result<Self> {
        let mut conversations = HashSet::new();
        if sql.has("moved")? {
            sql.each(
                "SELECT conversation FROM moved WHERE conversation > ?1 ORDER BY conversation",
                &[],
                &mut |row| {
                    conversations.insert(row.get(0)?);
                    Ok(())
                },
            )?;
        }
        Ok(Self {
            promises: sql.has("promised")?,
            conversations,
            lets_go_ms: 0,
            sql,
        })
    }

    /// Whether no conversation has moved.
    pub(in crate::mailbox) fn is_empty(&self) -> bool {
        self.conversations.is_empty()
    }

    /// Whether a conversation's person is in another partition.
    pub(in crate::mailbox) fn has_moved(&self, conversation: i64) -> bool {
        self.conversations.contains(&conversation)
    }

    /// Takes note that a conversation has moved.
    pub(in crate::mailbox) fn moved(&mut self, conversation: i64) -> Result<()> {
        if self.conversations.insert(conversation) {
            self.sql.run(
                "CREATE TABLE IF NOT EXISTS moved (conversation INTEGER PRIMARY KEY) STRICT",
                &[],
            )?;
            self.sql.run(
                "INSERT INTO moved (conversation) VALUES (?1)",
                &[conversation.into()],
            )?;
        }
        Ok(())
    }

    /// Takes note that a conversation's person is here again.
    pub(in crate::mailbox) fn returned(&mut self, conversation: i64) -> Result<()> {
        if self.conversations.remove(&conversation) {
            self.sql.run(
                "DELETE FROM moved WHERE conversation = ?1",
                &[conversation.into()],
            )?;
        }
        Ok(())
    }

    /// Whether it was promised not to store any of these events.
    pub(in crate::mailbox) fn promised_any(&self, events: &[Event], now_ms: i64) -> Result<bool> {
        if !self.promises {
            return Ok(false);
        }
        for ids in batch::rows(events.iter().map(|event| &event.id)) {
            let held = self.sql.exec(
                "SELECT 1 FROM json_each(?1) AS wanted CROSS JOIN promised ON promised.id = wanted.value \
                 WHERE at_ms > ?2 LIMIT 1",
                &[ids.into(), now_ms.saturating_sub(HOLDS_MS).into()],
            )?;
            if !held.is_empty() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Promises not to store events, each for a person's sake.
    pub(in crate::mailbox) fn promise(
        &mut self,
        events: &[(&str, i64)],
        now_ms: i64,
    ) -> Result<()> {
        self.sql.run(
            "CREATE TABLE IF NOT EXISTS promised (id TEXT PRIMARY KEY, person INTEGER NOT NULL, at_ms INTEGER NOT NULL) \
             STRICT, WITHOUT ROWID",
            &[],
        )?;
        if now_ms >= self.lets_go_ms {
            self.sql.run(
                "DELETE FROM promised WHERE at_ms < ?1",
                &[now_ms.saturating_sub(HOLDS_MS).into()],
            )?;
            self.lets_go_ms = now_ms.saturating_add(HOLDS_MS);
        }
        for rows in batch::rows(events.iter()) {
            self.sql.run(
                "INSERT INTO promised (id, person, at_ms) SELECT value ->> 0, value ->> 1, ?2 FROM json_each(?1) \
                 WHERE true ON CONFLICT (id) DO UPDATE SET person = min(person, excluded.person), at_ms = excluded.at_ms",
                &[rows.into(), now_ms.into()],
            )?;
        }
        self.promises = true;
        Ok(())
    }

    /// Takes back promises about these events, which are to be stored here for the sake of a person: those that were
    /// made for somebody met later, who has a greater id.
    pub(in crate::mailbox) fn release(&self, ids: &[String], person: i64) -> Result<()> {
        for ids in batch::rows(ids.iter().filter(|_| self.promises)) {
            self.sql.run(
                "DELETE FROM promised WHERE person > ?2 AND id IN (SELECT value FROM json_each(?1))",
                &[ids.into(), person.into()],
            )?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mailbox::native::Native;

    #[test]
    fn a_promise_is_taken_back_for_who_was_met_earlier_and_no_other_with_it() {
        let mut ceded = Ceded::load(Native::new()).unwrap();
        let promised = |ceded: &Ceded, id: &str| {
            let event = Event {
                id: id.to_owned(),
                ..Event::named(Vec::new())
            };
            ceded.promised_any(&[event], 0).unwrap()
        };
        ceded.promise(&[("a", 5), ("b", 5)], 0).unwrap();
        ceded.promise(&[("a", 7)], 0).unwrap();
        for (person, holds) in [(5, true), (4, false)] {
            ceded.release(&["a".to_owned()], person).unwrap();
            assert_eq!(promised(&ceded, "a"), holds);
            assert!(promised(&ceded, "b"));
        }
    }

    #[test]
    fn who_comes_back_brings_nobody_else_along_after_a_restart_either() {
        let sql = Native::new();
        let mut ceded = Ceded::load(sql.clone()).unwrap();
        for conversation in [1, 2] {
            ceded.moved(conversation).unwrap();
        }
        ceded.returned(1).unwrap();
        for ceded in [ceded, Ceded::load(sql).unwrap()] {
            assert_eq!([1, 2].map(|one| ceded.has_moved(one)), [false, true]);
        }
    }

    #[test]
    fn however_many_are_elsewhere_they_are_read_a_few_at_a_time() {
        let sql = Native::new();
        let mut ceded = Ceded::load(sql.clone()).unwrap();
        for conversation in 0..2_500 {
            ceded.moved(conversation).unwrap();
        }
        sql.most_rows();
        let again = Ceded::load(sql.clone()).unwrap();
        assert_eq!(again.conversations, ceded.conversations);
        assert!(sql.most_rows() <= 1_000);
    }
}
