//! A Durable Object's SQLite, behind the small trait that a mailbox needs.

use js_sys::{Function, Reflect};
use wasm_bindgen::{JsCast, JsValue, prelude::ScopedClosure};
use worker::{SqlStorageValue, State};

use crate::mailbox::sql::{Row, Sql, SqlError, Value};

/// The storage of one Durable Object.
#[derive(Debug)]
pub(super) struct Storage(worker::Storage);

impl Storage {
    pub(super) fn of(state: &State) -> Self {
        Self(state.storage())
    }
}

impl Sql for Storage {
    /// The cursor is read to its end at once; `SqlCursor::one` is never used, since it never returns where there is no
    /// row.
    fn exec(&self, statement: &str, parameters: &[Value]) -> Result<Vec<Row>, SqlError> {
        let parameters: Vec<SqlStorageValue> = parameters.iter().map(to_platform).collect();
        let cursor = self.0.sql().exec(statement, parameters).map_err(refused)?;
        cursor
            .raw()
            .map(|row| {
                let values = row.map_err(refused)?;
                Ok(Row(values
                    .into_iter()
                    .map(from_platform)
                    .collect::<Result<_, _>>()?))
            })
            .collect()
    }

    /// The `worker` crate has no `transactionSync`, so it is called by its name. Without it, what was written before
    /// a failure would stay.
    fn transaction(&self, body: &mut dyn FnMut() -> Result<(), SqlError>) -> Result<(), SqlError> {
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
            let storage: &JsValue = self.0.as_raw().as_ref();
            Reflect::get(storage, &JsValue::from_str("transactionSync"))
                .and_then(JsCast::dyn_into::<Function>)
                .and_then(|function| function.call1(storage, run.as_js_value()))
        };
        outcome?;
        called
            .map(drop)
            .map_err(|error| SqlError::Refused(error.as_string().unwrap_or_default()))
    }
}

fn to_platform(value: &Value) -> SqlStorageValue {
    match value {
        Value::Null => SqlStorageValue::Null,
        Value::Integer(value) => SqlStorageValue::Integer(*value),
        Value::Text(value) => SqlStorageValue::String(value.clone()),
    }
}

fn from_platform(value: SqlStorageValue) -> Result<Value, SqlError> {
    match value {
        SqlStorageValue::Null => Ok(Value::Null),
        SqlStorageValue::Integer(value) => Ok(Value::Integer(value)),
        SqlStorageValue::String(value) => Ok(Value::Text(value)),
        SqlStorageValue::Boolean(_) | SqlStorageValue::Float(_) | SqlStorageValue::Blob(_) => {
            Err(SqlError::Refused("a type that is never stored".to_owned()))
        }
    }
}

#[allow(clippy::needless_pass_by_value, reason = "for `map_err`")]
fn refused(error: worker::Error) -> SqlError {
    SqlError::Refused(error.to_string())
}
