//! Time zones, as the platform knows them: their rules change often, and would be large in the WASM.

use std::{cell::RefCell, collections::HashMap};

use wasm_bindgen::prelude::wasm_bindgen;

/// For how long an offset is taken to stay as it is, in seconds: zones change on the quarter of an hour.
const SAME_S: i64 = 15 * 60;

thread_local! {
    /// The last offset of each zone that was asked for: the quarter of an hour that it holds for, and the offset in
    /// seconds.
    static KNOWN: RefCell<HashMap<String, (i64, i64)>> = RefCell::default();
}

/// How far a zone is from UTC at a time (unix seconds), in seconds, east being positive; `None` where there is no zone
/// of this name.
pub(crate) fn offset(zone: &str, now: i64) -> Option<i64> {
    let quarter = now.div_euclid(SAME_S);
    let known = KNOWN.with_borrow(|known| known.get(zone).copied());
    if let Some((_, offset)) = known.filter(|(of, _)| *of == quarter) {
        return Some(offset);
    }
    #[allow(clippy::cast_precision_loss, reason = "a time of our days")]
    let offset = ask(zone, (quarter * SAME_S) as f64)?;
    #[allow(clippy::cast_possible_truncation, reason = "less than a day")]
    let offset = offset as i64;
    KNOWN.with_borrow_mut(|known| known.insert(zone.to_owned(), (quarter, offset)));
    Some(offset)
}

#[wasm_bindgen(module = "/src/zones.js")]
extern "C" {
    #[wasm_bindgen(js_name = offset)]
    fn ask(zone: &str, at: f64) -> Option<f64>;
}
