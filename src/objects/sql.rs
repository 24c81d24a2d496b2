//! A Durable Object's SQLite, behind the small trait that a mailbox needs.
//!
//! Every call into the platform costs about as much as reading a row, so that rows are taken as one JSON text, however
//! many they are: the `worker` crate's cursors make some ten calls for each value. `SqlCursor::one` is never used, since
//! it never returns where there is no row.

use js_sys::{Array, JSON, Promise};
use serde_json::Value as Json;
use wasm_bindgen::{
    JsCast as _, JsValue,
    prelude::{ScopedClosure, wasm_bindgen},
};
use worker::State;

use crate::mailbox::sql::{Result, Row, Sql, SqlError, Value};

/// The storage of one Durable Object.
#[derive(Debug)]
pub(super) struct Storage {
    storage: ObjectStorage,
    statements: Statements,
}

#[wasm_bindgen]
extern "C" {
    /// `state.storage`, for what the `worker` crate leaves out.
    #[derive(Debug)]
    type ObjectStorage;
    #[wasm_bindgen(method, catch, js_name = transactionSync)]
    fn transaction_sync(this: &ObjectStorage, body: &JsValue) -> Result<JsValue, JsValue>;
    #[wasm_bindgen(method, catch, js_name = setAlarm)]
    fn set_alarm(this: &ObjectStorage, at_ms: f64) -> Result<Promise, JsValue>;
    #[wasm_bindgen(method, catch)]
    fn sync(this: &ObjectStorage) -> Result<Promise, JsValue>;

    /// `state.storage.sql`.
    #[derive(Debug)]
    type Statements;
    #[wasm_bindgen(method, catch, variadic)]
    fn exec(this: &Statements, statement: &str, parameters: Array) -> Result<SqlCursor, JsValue>;
    #[wasm_bindgen(method, getter, js_name = databaseSize)]
    fn database_size(this: &Statements) -> f64;

    type SqlCursor;
    #[wasm_bindgen(method, catch)]
    fn raw(this: &SqlCursor) -> Result<Rows, JsValue>;

    type Rows;
    #[wasm_bindgen(method, catch, js_name = toArray)]
    fn to_array(this: &Rows) -> Result<Array, JsValue>;
}

impl Storage {
    pub(super) fn of(state: &State) -> Self {
        let storage = state.storage();
        let sql = storage.sql();
        let statements: &JsValue = sql.as_ref();
        let storage: &JsValue = storage.as_raw().as_ref();
        Self {
            statements: statements.clone().unchecked_into(),
            storage: storage.clone().unchecked_into(),
        }
    }

    /// Sets the alarm (unix milliseconds). It is committed with what was written before and after, as long as nothing
    /// is awaited in between, and what is answered waits for that.
    pub(super) fn set_alarm(&self, at_ms: i64) -> Result<(), JsValue> {
        // Within ±2^53.
        #[allow(clippy::cast_precision_loss)]
        self.storage.set_alarm(at_ms as f64).map(drop)
    }

    /// Resolves when what was written so far is committed.
    pub(super) fn committed(&self) -> Result<Promise, JsValue> {
        self.storage.sync()
    }

    /// How much it holds, in bytes.
    pub(super) fn size(&self) -> f64 {
        self.statements.database_size()
    }

    fn begin(&self, statement: &str, parameters: &[Value]) -> Result<SqlCursor> {
        let parameters: Array = parameters.iter().map(to_platform).collect();
        self.statements.exec(statement, parameters).map_err(refused)
    }
}

impl Sql for Storage {
    fn exec(&self, statement: &str, parameters: &[Value]) -> Result<Vec<Row>> {
        let cursor = self.begin(statement, parameters)?;
        let rows = cursor.raw().and_then(|rows| rows.to_array());
        let rows = rows.map_err(refused)?;
        if rows.length() == 0 {
            return Ok(Vec::new());
        }
        let json = JSON::stringify(&rows).map_err(refused)?;
        from_platform(&String::from(json))
    }

    /// A statement that gives no rows is done as soon as `exec` returns.
    fn run(&self, statement: &str, parameters: &[Value]) -> Result<()> {
        self.begin(statement, parameters).map(drop)
    }

    /// Without a transaction, what was written before a failure would stay.
    fn transaction(&self, body: &mut dyn FnMut() -> Result<()>) -> Result<()> {
        let mut outcome = Ok(());
        let mut run = || -> Result<(), JsValue> {
            outcome = body();
            match &outcome {
                Ok(()) => Ok(()),
                // Thrown so that the platform rolls back.
                Err(error) => Err(JsValue::from_str(&error.to_string())),
            }
        };
        let called = {
            let run =
                ScopedClosure::<dyn FnMut() -> Result<(), JsValue>>::borrow_mut_assert_unwind_safe(
                    &mut run,
                );
            self.storage.transaction_sync(run.as_js_value())
        };
        outcome?;
        called.map(drop).map_err(refused)
    }
}

fn to_platform(value: &Value) -> JsValue {
    match value {
        Value::Null => JsValue::NULL,
        // Within ±2^53, where every number is a double.
        #[allow(clippy::cast_precision_loss)]
        Value::Integer(value) => JsValue::from_f64(*value as f64),
        Value::Text(value) => JsValue::from_str(value),
    }
}

/// Reads rows from an array of arrays.
fn from_platform(json: &str) -> Result<Vec<Row>> {
    let Ok(Json::Array(rows)) = serde_json::from_str(json) else {
        return Err(never());
    };
    let value = |value| match value {
        Json::Null => Ok(Value::Null),
        Json::Number(value) => value.as_i64().map(Value::Integer).ok_or_else(never),
        Json::String(value) => Ok(Value::Text(value)),
        _ => Err(never()),
    };
    rows.into_iter()
        .map(|row| match row {
            Json::Array(row) => {
                let values = row.into_iter().map(value);
                values.collect::<Result<_, _>>().map(Row)
            }
            _ => Err(never()),
        })
        .collect()
}

fn never() -> SqlError {
    SqlError::Refused("a type that is never stored".to_owned())
}

/// The platform's words name tables and columns, never what is in them.
#[allow(clippy::needless_pass_by_value, reason = "for `map_err`")]
fn refused(error: JsValue) -> SqlError {
    let words = match error.dyn_ref::<js_sys::Error>() {
        Some(error) => Some(String::from(error.message())),
        None => error.as_string(),
    };
    SqlError::Refused(words.unwrap_or_default())
}
