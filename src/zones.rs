//! Time zones, as the platform knows them: their rules change often, and would be large in the WASM.

use std::{cell::RefCell, collections::HashMap};

use js_sys::{Array, Date, Function, Object, Reflect};
use wasm_bindgen::{JsCast as _, JsValue};

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
    let offset = ask(zone, quarter * SAME_S)?;
    KNOWN.with_borrow_mut(|known| known.insert(zone.to_owned(), (quarter, offset)));
    Some(offset)
}

/// Has the platform write the time as a clock there shows it, and compares.
fn ask(zone: &str, at: i64) -> Option<i64> {
    let options = Object::new();
    for (name, value) in [
        ("timeZone", zone),
        ("hourCycle", "h23"),
        ("year", "numeric"),
        ("month", "numeric"),
        ("day", "numeric"),
        ("hour", "numeric"),
        ("minute", "numeric"),
    ] {
        Reflect::set(&options, &name.into(), &value.into()).ok()?;
    }
    let constructor = Reflect::get(&js_sys::global(), &"Intl".into()).ok()?;
    let constructor: Function = Reflect::get(&constructor, &"DateTimeFormat".into())
        .ok()?
        .dyn_into()
        .ok()?;
    // It throws where there is no such zone.
    let format = Reflect::construct(&constructor, &Array::of2(&"en-US".into(), &options)).ok()?;
    let to_parts: Function = Reflect::get(&format, &"formatToParts".into())
        .ok()?
        .dyn_into()
        .ok()?;
    #[allow(clippy::cast_precision_loss, reason = "a time of our days")]
    let date = Date::new(&JsValue::from_f64(at as f64 * 1000.0));
    let parts: Array = to_parts.call1(&format, &date).ok()?.dyn_into().ok()?;
    let part = |name: &str| {
        let found = parts.iter().find(|part| {
            Reflect::get(part, &"type".into()).is_ok_and(|kind| kind == JsValue::from_str(name))
        })?;
        let value = Reflect::get(&found, &"value".into()).ok()?.as_string()?;
        value.parse::<u32>().ok()
    };
    let date = chrono::NaiveDate::from_ymd_opt(
        i32::try_from(part("year")?).ok()?,
        part("month")?,
        part("day")?,
    )?;
    let local = date.and_hms_opt(part("hour")?, part("minute")?, 0)?;
    Some(local.and_utc().timestamp() - at)
}
