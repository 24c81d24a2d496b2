//! Who turned out to be somebody else, as a number's directory knows it.
//!
//! It is kept for good, since names stay with the person with whom they were met; so it is looked up, not walked through.

use std::{collections::HashMap, rc::Rc};

use crate::mailbox::{
    Join,
    sql::{Result, Sql},
};

/// A person who turned out to be another, and when (unix milliseconds).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Former {
    pub(super) person: i64,
    pub(super) at_ms: i64,
}

/// All joins, each from a person to the one who they are in the end.
#[derive(Debug)]
pub(super) struct Joins {
    sql: Rc<dyn Sql>,
    became: HashMap<i64, i64>,
    former: HashMap<i64, Vec<Former>>,
}

impl Joins {
    pub(super) fn load(sql: Rc<dyn Sql>) -> Result<Self> {
        sql.run(
            "CREATE TABLE IF NOT EXISTS joins (person INTEGER PRIMARY KEY, became INTEGER NOT NULL, \
             at_ms INTEGER NOT NULL) STRICT",
            &[],
        )?;
        let mut joins = Self {
            sql,
            became: HashMap::new(),
            former: HashMap::new(),
        };
        let sql = joins.sql.clone();
        sql.each(
            "SELECT person, became, at_ms FROM joins WHERE person > ?1 ORDER BY person",
            &[],
            &mut |row| {
                let former = Former {
                    person: row.get(0)?,
                    at_ms: row.get(2)?,
                };
                joins.insert(former, row.get(1)?);
                Ok(())
            },
        )?;
        Ok(joins)
    }

    /// A person turned out to be another.
    pub(super) fn add(&mut self, join: Join, now_ms: i64) -> Result<()> {
        let Join { from, into } = join;
        self.sql.run(
            "INSERT OR REPLACE INTO joins (person, became, at_ms) VALUES (?1, ?2, ?3)",
            &[from.into(), into.into(), now_ms.into()],
        )?;
        for former in self.former.remove(&from).unwrap_or_default() {
            self.sql.run(
                "UPDATE joins SET became = ?2 WHERE person = ?1",
                &[former.person.into(), into.into()],
            )?;
            self.insert(former, into);
        }
        let former = Former {
            person: from,
            at_ms: now_ms,
        };
        self.insert(former, into);
        Ok(())
    }

    /// The person who somebody is in the end.
    pub(super) fn end(&self, person: i64) -> i64 {
        self.became.get(&person).copied().unwrap_or(person)
    }

    /// Those who turned out to be this person.
    pub(super) fn former(&self, person: i64) -> &[Former] {
        self.former.get(&person).map_or(&[], Vec::as_slice)
    }

    fn insert(&mut self, former: Former, into: i64) {
        self.became.insert(former.person, into);
        self.former.entry(into).or_default().push(former);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mailbox::native::Native;

    #[test]
    fn everyone_is_who_they_are_in_the_end_also_after_a_restart() {
        let sql = Native::new();
        let mut joins = Joins::load(sql.clone()).unwrap();
        for (from, into, at) in [(1, 2, 10), (3, 2, 20), (2, 4, 30)] {
            let join = Join { from, into };
            joins.add(join, at).unwrap();
        }
        for joins in [joins, Joins::load(sql.clone()).unwrap()] {
            assert_eq!([1, 2, 3, 4, 5].map(|one| joins.end(one)), [4, 4, 4, 4, 5]);
            let mut former: Vec<_> = joins
                .former(4)
                .iter()
                .map(|it| (it.person, it.at_ms))
                .collect();
            former.sort_unstable();
            assert_eq!(former, [(1, 10), (2, 30), (3, 20)]);
            assert_eq!(joins.former(2), []);
        }
    }

    #[test]
    fn however_many_there_are_they_are_read_a_few_at_a_time() {
        let sql = Native::new();
        let mut joins = Joins::load(sql.clone()).unwrap();
        for from in 1..2_500 {
            joins.add(Join { from, into: 0 }, 0).unwrap();
        }
        sql.most_rows();
        let again = Joins::load(sql.clone()).unwrap();
        assert_eq!(again.became, joins.became);
        assert!(sql.most_rows() <= 1_000);
    }
}
