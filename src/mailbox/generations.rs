//! Tables by generation: rows are added to the newest, and a generation whose time is over is dropped whole.
//!
//! The platform bills every row that is deleted and none of a table that is dropped.

use std::rc::Rc;

use super::sql::{Result, Sql};

/// The generations of one kind of table that exist: `{kind}_{number}`, oldest first.
#[derive(Debug)]
pub(super) struct Generations {
    pub(super) sql: Rc<dyn Sql>,
    kind: &'static str,
    columns: &'static str,
    numbers: Vec<i64>,
}

impl Generations {
    /// Finds the generations that exist. `columns` is what stands in their `CREATE TABLE` behind the name.
    pub(super) fn load(
        sql: Rc<dyn Sql>,
        kind: &'static str,
        columns: &'static str,
    ) -> Result<Self> {
        let rows = sql.exec(
            "SELECT name FROM sqlite_master WHERE type = 'table' AND name GLOB ?1",
            &[format!("{kind}_[0-9]*").into()],
        )?;
        let mut numbers = Vec::new();
        for row in rows {
            let number = row.get::<&str>(0)?.strip_prefix(kind);
            numbers.extend(number.and_then(|rest| rest.strip_prefix('_')?.parse::<i64>().ok()));
        }
        numbers.sort_unstable();
        Ok(Self {
            sql,
            kind,
            columns,
            numbers,
        })
    }

    /// The generation to add to, if there is one.
    pub(super) fn newest(&self) -> Option<i64> {
        self.numbers.last().copied()
    }

    /// Makes `number` the newest generation, unless there is one that is newer: a clock that goes back must not put
    /// new rows behind old ones.
    pub(super) fn open(&mut self, number: i64) -> Result<()> {
        if self.newest().is_none_or(|newest| newest < number) {
            let table = self.table(number);
            let statement = format!("CREATE TABLE {table} {}", self.columns);
            self.sql.run(&statement, &[])?;
            self.numbers.push(number);
        }
        Ok(())
    }

    /// The numbers of the generations, oldest first.
    pub(super) fn numbers(&self) -> impl DoubleEndedIterator<Item = i64> {
        self.numbers.iter().copied()
    }

    /// The names of all tables, newest first, since what is looked for is mostly recent.
    pub(super) fn tables(&self) -> impl Iterator<Item = String> {
        self.numbers.iter().rev().map(|number| self.table(*number))
    }

    /// Drops the generations that `over` says are over.
    pub(super) fn drop_where(&mut self, mut over: impl FnMut(i64) -> bool) -> Result<()> {
        for number in self.numbers.clone() {
            if over(number) {
                self.sql
                    .run(&format!("DROP TABLE {}", self.table(number)), &[])?;
                self.numbers.retain(|kept| *kept != number);
            }
        }
        Ok(())
    }

    /// The name of a generation's table.
    pub(super) fn table(&self, number: i64) -> String {
        format!("{}_{number}", self.kind)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mailbox::native::Native;

    #[test]
    fn a_generation_that_is_over_is_gone_and_the_others_stay() {
        let sql = Native::new();
        let mut generations =
            Generations::load(sql.clone(), "ids", "(id TEXT PRIMARY KEY)").unwrap();
        for number in [1, 2, 3] {
            generations.open(number).unwrap();
        }
        generations.drop_where(|number| number < 3).unwrap();
        assert_eq!(sql.tables(), ["ids_3"]);
    }

    #[test]
    fn a_clock_that_goes_back_opens_no_older_generation() {
        let sql = Native::new();
        let mut generations =
            Generations::load(sql.clone(), "ids", "(id TEXT PRIMARY KEY)").unwrap();
        generations.open(7).unwrap();
        generations.open(5).unwrap();
        assert_eq!(sql.tables(), ["ids_7"]);
    }

    #[test]
    fn generations_are_found_again_in_their_order() {
        let sql = Native::new();
        let mut before = Generations::load(sql.clone(), "ids", "(id TEXT PRIMARY KEY)").unwrap();
        for number in [9, 10] {
            before.open(number).unwrap();
        }
        let after = Generations::load(sql.clone(), "ids", "(id TEXT PRIMARY KEY)").unwrap();
        assert_eq!(after.newest(), Some(10));
        assert_eq!(after.tables().collect::<Vec<_>>(), ["ids_10", "ids_9"]);
    }
}
