//! The database of the tests: SQLite itself, in memory.

use std::{cell::Cell, rc::Rc};

use rusqlite::{Connection, StatementStatus, params_from_iter, types::ValueRef};

use super::sql::{Result, Row, Sql, SqlError, Value};

#[derive(Debug)]
pub(crate) struct Native {
    connection: Connection,
    log_read: Cell<usize>,
    steps: Cell<i32>,
    most_rows: Cell<usize>,
    fails_after: Cell<Option<u32>>,
}

impl Native {
    pub(crate) fn new() -> Rc<Self> {
        Rc::new(Self {
            connection: Connection::open_in_memory().unwrap(),
            log_read: Cell::new(0),
            steps: Cell::new(0),
            most_rows: Cell::new(0),
            fails_after: Cell::new(None),
        })
    }

    /// How many rows of any table hold something, for tests that ask what is left.
    pub(crate) fn count(&self, table: &str) -> i64 {
        self.first_integer(&format!("SELECT count(*) FROM {table}"), &[])
            .unwrap()
            .unwrap()
    }

    /// How SQLite would run a statement.
    pub(crate) fn plan(&self, statement: &str, parameters: &[Value]) -> String {
        let rows = self.exec(&format!("EXPLAIN QUERY PLAN {statement}"), parameters);
        format!("{:?}", rows.unwrap())
    }

    /// How many statements have read a table of the log so far, or changed what they read of it.
    pub(crate) fn log_read(&self) -> usize {
        self.log_read.get()
    }

    /// How many steps the database has made so far: walking through a table makes some for each row.
    pub(crate) fn steps(&self) -> i32 {
        self.steps.get()
    }

    /// How many rows one statement has given at most since this was asked last.
    pub(crate) fn most_rows(&self) -> usize {
        self.most_rows.take()
    }

    /// How many rows were written so far.
    pub(crate) fn changes(&self) -> u64 {
        self.connection.total_changes()
    }

    /// Has one statement fail after so many that do not; `None`: none fails.
    pub(crate) fn fails_after(&self, statements: Option<u32>) {
        self.fails_after.set(statements);
    }

    /// Runs `body`, in which no statement fails.
    pub(crate) fn unfailing<T>(&self, body: impl FnOnce() -> T) -> T {
        let fails_after = self.fails_after.take();
        let result = body();
        self.fails_after.set(fails_after);
        result
    }

    pub(crate) fn tables(&self) -> Vec<String> {
        self.exec(
            "SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name",
            &[],
        )
        .unwrap()
        .iter()
        .map(|row| row.get(0).unwrap())
        .collect()
    }
}

impl Sql for Native {
    fn exec(&self, statement: &str, parameters: &[Value]) -> Result<Vec<Row>> {
        let refused = |error: rusqlite::Error| SqlError::Refused(error.to_string());
        if [" FROM log_", "UPDATE log_"]
            .iter()
            .any(|walk| statement.contains(walk))
        {
            self.log_read.set(self.log_read.get() + 1);
        }
        if let Some(left) = self.fails_after.take() {
            let left = left
                .checked_sub(1)
                .ok_or(SqlError::Refused("full".to_owned()))?;
            self.fails_after.set(Some(left));
        }
        let mut statement = self.connection.prepare_cached(statement).map_err(refused)?;
        let columns = statement.column_count();
        let parameters = parameters.iter().map(|value| match value {
            Value::Null => rusqlite::types::Value::Null,
            Value::Integer(value) => rusqlite::types::Value::Integer(*value),
            Value::Text(value) => rusqlite::types::Value::Text(value.clone()),
        });
        let mut rows = statement
            .query(params_from_iter(parameters))
            .map_err(refused)?;
        let mut all = Vec::new();
        while let Some(row) = rows.next().map_err(refused)? {
            let mut values = Vec::with_capacity(columns);
            for column in 0..columns {
                values.push(match row.get_ref(column).map_err(refused)? {
                    ValueRef::Null => Value::Null,
                    ValueRef::Integer(value) => Value::Integer(value),
                    ValueRef::Text(value) => {
                        Value::Text(String::from_utf8(value.to_vec()).unwrap())
                    }
                    other => panic!("we store no {:?}", other.data_type()),
                });
            }
            all.push(Row(values));
        }
        drop(rows);
        let steps = statement.reset_status(StatementStatus::VmStep);
        self.steps.set(self.steps.get() + steps);
        self.most_rows.set(all.len().max(self.most_rows.get()));
        Ok(all)
    }

    fn transaction(&self, body: &mut dyn FnMut() -> Result<()>) -> Result<()> {
        let run = |statement| self.connection.execute_batch(statement).unwrap();
        run("SAVEPOINT body");
        let result = body();
        if result.is_err() {
            run("ROLLBACK TO body");
        }
        run("RELEASE body");
        result
    }
}
