//! Many rows in one statement: they are handed over as one JSON array, which SQLite takes apart (`json_each`).
//!
//! One statement costs one crossing into the platform, and may have no more than 100 parameters. A parameter may have
//! no more than 2 MB, so a batch that is larger goes in several.

use serde::Serialize;

/// How long a parameter may get, in bytes: half of the platform's limit of 2 MB, so that the last row may be long.
const PARAMETER: usize = 1_000_000;

/// JSON arrays of these rows.
pub(super) fn rows(rows: impl Iterator<Item: Serialize>) -> impl Iterator<Item = String> {
    // What is put together here always can be written as JSON.
    let mut rows = rows.map(|row| serde_json::to_string(&row).unwrap_or_default());
    std::iter::from_fn(move || array(&mut rows))
}

/// An array of some of these rows; `None` where there are none. Apart from [`rows`], which is compiled for each kind of
/// row.
fn array(rows: &mut dyn Iterator<Item = String>) -> Option<String> {
    let mut array = format!("[{}", rows.next()?);
    while array.len() < PARAMETER
        && let Some(row) = rows.next()
    {
        array.push(',');
        array.push_str(&row);
    }
    array.push(']');
    Some(array)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_large_batch_goes_in_several_parameters_and_keeps_its_order() {
        let texts: Vec<String> = (0..30).map(|n| format!("{n}").repeat(50_000)).collect();
        let arrays: Vec<String> = rows(texts.iter()).collect();
        assert!(arrays.len() > 1);
        assert!(arrays.iter().all(|array| array.len() < 2_000_000));
        let back: Vec<String> = arrays
            .iter()
            .flat_map(|array| serde_json::from_str::<Vec<String>>(array).unwrap())
            .collect();
        assert_eq!(back, texts);
    }

    #[test]
    fn no_rows_make_no_statement() {
        assert_eq!(rows(std::iter::empty::<i64>()).count(), 0);
    }
}
