//! The little that a mailbox needs of a database, so that the SQL which runs in a Durable Object is the SQL that is
//! tested natively.

use thiserror::Error;

/// A value that goes into a statement or comes out of one.
///
/// Integers must fit ±2^53: the platform carries them as JavaScript numbers.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// SQL's NULL.
    Null,
    /// A whole number.
    Integer(i64),
    /// Text.
    Text(String),
}

impl From<i64> for Value {
    fn from(value: i64) -> Self {
        Self::Integer(value)
    }
}

impl From<&str> for Value {
    fn from(value: &str) -> Self {
        Self::Text(value.to_owned())
    }
}

impl From<String> for Value {
    fn from(value: String) -> Self {
        Self::Text(value)
    }
}

impl<T: Into<Value>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

/// One row of an answer, its columns in the order in which the statement names them.
#[derive(Debug, Clone, PartialEq)]
pub struct Row(pub Vec<Value>);

/// What a column is read as. Where it may be NULL, that is an [`Option`].
pub trait Column<'a>: Sized {
    /// `None` where the column holds something else.
    fn of(value: &'a Value) -> Option<Self>;
}

impl Column<'_> for i64 {
    fn of(value: &Value) -> Option<Self> {
        match value {
            Value::Integer(value) => Some(*value),
            _ => None,
        }
    }
}

impl<'a> Column<'a> for &'a str {
    fn of(value: &'a Value) -> Option<Self> {
        match value {
            Value::Text(value) => Some(value),
            _ => None,
        }
    }
}

impl Column<'_> for String {
    fn of(value: &Value) -> Option<Self> {
        <&str>::of(value).map(str::to_owned)
    }
}

impl<'a, T: Column<'a>> Column<'a> for Option<T> {
    fn of(value: &'a Value) -> Option<Self> {
        match value {
            Value::Null => Some(None),
            value => T::of(value).map(Some),
        }
    }
}

impl Row {
    /// What is in a column.
    pub fn get<'a, T: Column<'a>>(&'a self, column: usize) -> Result<T> {
        let value = self.0.get(column).and_then(T::of);
        value.ok_or(SqlError::Column(column))
    }
}

/// Why the database did not do what it was asked.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum SqlError {
    /// The database refused the statement. Its words name tables and columns, never what is in them.
    #[error("the database refused: {0}")]
    Refused(String),
    /// A column holds something that we never write there.
    #[error("column {0} of a stored row does not hold what was stored there")]
    Column(usize),
    /// Without settings nothing is opened.
    #[error("the settings are wrong: see /health")]
    NotSetUp,
    /// An event belongs to another partition from now on: it is to be looked for again where it goes. Nothing was done.
    #[error("the event's person has moved to another partition")]
    Moved,
}

/// What a database gives.
pub type Result<T, E = SqlError> = std::result::Result<T, E>;

/// How many rows are read at once of a statement that may give very many.
const PAGE: usize = 1_000;

/// A SQLite database that one mailbox has for itself.
pub trait Sql: std::fmt::Debug {
    /// Runs one statement to its end and gives its rows.
    fn exec(&self, statement: &str, parameters: &[Value]) -> Result<Vec<Row>>;

    /// Runs one statement that gives no rows.
    fn run(&self, statement: &str, parameters: &[Value]) -> Result<()> {
        self.exec(statement, parameters).map(drop)
    }

    /// Like [`Self::each_behind`], for all rows of a statement that orders them by their first column, which is no
    /// negative number.
    fn each(
        &self,
        statement: &str,
        parameters: &[Value],
        each: &mut dyn FnMut(&Row) -> Result<()>,
    ) -> Result<()> {
        self.each_behind(statement, vec![(-1).into()], parameters, each)
    }

    /// Gives each row of a statement that may give very many to `each`. They are read in pages: what one call gives is in
    /// memory several times over. The statement is to order them by as many of their first columns as `after` has, which
    /// no two rows have in common, and to leave out those in which these are no greater than its first parameters;
    /// `parameters` are the others.
    fn each_behind(
        &self,
        statement: &str,
        mut after: Vec<Value>,
        parameters: &[Value],
        each: &mut dyn FnMut(&Row) -> Result<()>,
    ) -> Result<()> {
        let statement = format!("{statement} LIMIT {PAGE}");
        loop {
            let mut rows = self.exec(&statement, &[&after, parameters].concat())?;
            for row in &rows {
                each(row)?;
            }
            let is_last = rows.len() < PAGE;
            let Some(Row(mut last)) = rows.pop().filter(|_| !is_last) else {
                return Ok(());
            };
            last.truncate(after.len());
            after = last;
        }
    }

    /// The first column of the first row; `None` where there is no row, or NULL in it.
    fn first_integer(&self, statement: &str, parameters: &[Value]) -> Result<Option<i64>> {
        let rows = self.exec(statement, parameters)?;
        rows.first().map_or(Ok(None), |row| row.get(0))
    }

    /// Whether there is a table or an index of this name.
    fn has(&self, name: &str) -> Result<bool> {
        let rows = self.exec(
            "SELECT 1 FROM sqlite_master WHERE name = ?1",
            &[name.into()],
        )?;
        Ok(!rows.is_empty())
    }

    /// Runs `body` so that all it wrote is kept, or, where it fails, none of it.
    fn transaction(&self, body: &mut dyn FnMut() -> Result<()>) -> Result<()>;
}

/// [`Sql::transaction`] for a body that gives something back.
pub fn atomically<T>(sql: &dyn Sql, body: impl FnOnce() -> Result<T>) -> Result<T> {
    let mut body = Some(body);
    let mut result = None;
    sql.transaction(&mut || {
        if let Some(body) = body.take() {
            result = Some(body()?);
        }
        Ok(())
    })?;
    result.ok_or_else(|| SqlError::Refused("the transaction did not run".to_owned()))
}
