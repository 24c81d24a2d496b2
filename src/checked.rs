//! Reads JSON that a person or a backend wrote, and tells the path and the reason of everything that is wrong with
//! it, not just of the first, as far as anybody would read on.

use std::{cell::RefCell, fmt, ops::RangeInclusive};

use serde_json::{Map, Value};

/// How many faults are told.
const MOST: usize = 100;

/// What is wrong, and where. Never holds a value, only names and limits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// Where: `destinations[0].url`. Empty for the whole.
    pub path: String,
    /// What would be right: `must be https, or http on loopback`.
    pub reason: String,
}

impl Fault {
    /// What is wrong at a path.
    pub fn new(path: impl Into<String>, reason: impl Into<String>) -> Self {
        Self {
            path: path.into(),
            reason: reason.into(),
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.path.is_empty() {
            write!(f, "{}: ", self.path)?;
        }
        f.write_str(&self.reason)
    }
}

/// A value, where it stands, and where its faults go. A member that is `null` counts as one that is not there.
///
/// It owns nothing, so there is nothing to drop. Otherwise every call in a reader would need a landing pad, and readers
/// make many calls.
#[derive(Clone, Copy)]
pub(crate) struct Node<'a> {
    value: &'a Value,
    /// Its path, by its place in `Reading::paths`.
    path: usize,
    reading: &'a Reading,
}

/// What is kept while a value is read.
#[derive(Default)]
struct Reading {
    paths: RefCell<Vec<String>>,
    faults: RefCell<Vec<Fault>>,
}

/// The JSON in a body, behind a byte order mark or without one. All JSON is read from text: a reader of bytes would be
/// in the WASM as well.
pub(crate) fn json(body: &[u8]) -> Option<Value> {
    let text = str::from_utf8(body).ok()?;
    serde_json::from_str(text.strip_prefix('\u{feff}').unwrap_or(text)).ok()
}

/// Reads `value`, which stands at `path`, and gives what `reader` made of it, or all the faults that it found.
pub(crate) fn read<T>(
    path: &str,
    value: &Value,
    reader: impl FnOnce(&Node<'_>) -> T,
) -> Result<T, Vec<Fault>> {
    let reading = Reading::default();
    let result = reader(&reading.node(path.to_owned(), value));
    match reading.faults.into_inner() {
        faults if faults.is_empty() => Ok(result),
        faults => Err(faults),
    }
}

impl Reading {
    fn node<'a>(&'a self, path: String, value: &'a Value) -> Node<'a> {
        let mut paths = self.paths.borrow_mut();
        paths.push(path);
        Node {
            value,
            path: paths.len() - 1,
            reading: self,
        }
    }
}

impl<'a> Node<'a> {
    /// Records a fault of this value.
    pub(crate) fn fault(&self, reason: impl Into<String>) {
        let mut faults = self.reading.faults.borrow_mut();
        if faults.len() < MOST {
            faults.push(Fault::new(self.path(), reason));
        }
    }

    /// Records a fault and gives nothing, for the end of a chain.
    pub(crate) fn refuse<T>(&self, reason: impl Into<String>) -> Option<T> {
        self.fault(reason);
        None
    }

    /// Where it stands; empty for the whole.
    pub(crate) fn path(&self) -> String {
        let paths = self.reading.paths.borrow();
        paths.get(self.path).cloned().unwrap_or_default()
    }

    /// This value as it is.
    pub(crate) fn value(&self) -> &'a Value {
        self.value
    }

    /// The members, where it is an object.
    pub(crate) fn object(&self) -> Option<&'a Map<String, Value>> {
        self.value
            .as_object()
            .or_else(|| self.refuse("must be an object"))
    }

    /// Every member that is not in `known` is a fault, and so is anything else than an object.
    pub(crate) fn only(&self, known: &[&str]) {
        let members = self.object();
        for (key, _) in members
            .into_iter()
            .flatten()
            .filter(|(key, value)| !value.is_null() && !known.contains(&key.as_str()))
            .take(MOST)
        {
            let hint = hint(key, if is_plain(key) { known } else { &[] });
            self.child(key, self.value)
                .fault(format!("is not known here{hint}"));
        }
    }

    /// A member, where it is there.
    pub(crate) fn get(&self, key: &str) -> Option<Node<'a>> {
        self.value
            .get(key)
            .filter(|value| !value.is_null())
            .map(|value| self.child(key, value))
    }

    /// A member that must be there.
    pub(crate) fn need(&self, key: &str) -> Option<Node<'a>> {
        self.get(key)
            .or_else(|| self.child(key, self.value).refuse("is required"))
    }

    /// The members of an object that has `most` of them at most, but for those that are `null`; anything else is a fault.
    /// `what` names them in the plural.
    pub(crate) fn members(&self, most: usize, what: &str) -> Vec<(&'a str, Node<'a>)> {
        let Some(members) = self.object() else {
            return Vec::new();
        };
        if members.len() > most {
            self.fault(format!("at most {most} {what}"));
        }
        let member = |key: &'a String| Some((key.as_str(), self.get(key)?));
        members.keys().filter_map(member).collect()
    }

    /// The items of a list that has as many as `count` says; another count is a fault, and the items are given all
    /// the same, but no more than there may be. `what` names them in the plural.
    pub(crate) fn items(&self, count: RangeInclusive<usize>, what: &str) -> Vec<Node<'a>> {
        let Some(items) = self.value.as_array() else {
            self.fault(format!("must be a list of {what}"));
            return Vec::new();
        };
        if items.len() < *count.start() {
            self.fault(format!("at least {} {what}", count.start()));
        } else if items.len() > *count.end() {
            self.fault(format!("at most {} {what}", count.end()));
        }
        let path = self.path();
        let item = |(index, value)| self.reading.node(format!("{path}[{index}]"), value);
        let may_be = items.iter().take(*count.end());
        may_be.enumerate().map(item).collect()
    }

    /// [`Self::items`] of a member that must be there.
    pub(crate) fn need_items(
        &self,
        key: &str,
        count: RangeInclusive<usize>,
        what: &str,
    ) -> Vec<Node<'a>> {
        let list = self.need(key);
        list.map(|list| list.items(count, what)).unwrap_or_default()
    }

    /// One value, or a list of 1 to `most`.
    pub(crate) fn one_or_several(&self, most: usize, what: &str) -> Vec<Node<'a>> {
        if self.value.is_array() {
            self.items(1..=most, what)
        } else {
            vec![*self]
        }
    }

    /// A string.
    pub(crate) fn text(&self) -> Option<&'a str> {
        self.value
            .as_str()
            .or_else(|| self.refuse("must be a string"))
    }

    /// A string that is not blank.
    pub(crate) fn filled_text(&self) -> Option<&'a str> {
        let text = self.text()?;
        if text.trim().is_empty() {
            self.refuse("must not be blank")
        } else {
            Some(text)
        }
    }

    /// A string that is not blank and has at most `max` characters. Characters are Unicode scalar values. Any other way
    /// of counting finds as many or more, so this is never stricter than the next reader.
    pub(crate) fn short_text(&self, max: usize) -> Option<&'a str> {
        let text = self.filled_text()?;
        if text.chars().nth(max).is_some() {
            self.refuse(format!("at most {max} characters"))
        } else {
            Some(text)
        }
    }

    /// A whole number within `range`. `unit` names what is counted.
    pub(crate) fn whole(&self, range: &RangeInclusive<u32>, unit: &str) -> Option<u32> {
        let number = self.value.as_u64();
        let number = number.and_then(|number| u32::try_from(number).ok());
        number.filter(|number| range.contains(number)).or_else(|| {
            self.refuse(format!(
                "must be {} to {} {unit}",
                range.start(),
                range.end()
            ))
        })
    }

    /// `true` or `false`.
    pub(crate) fn flag(&self) -> Option<bool> {
        self.value
            .as_bool()
            .or_else(|| self.refuse("must be true or false"))
    }

    /// One of the words of `known`.
    pub(crate) fn one_of(&self, known: &[&'static str]) -> Option<&'static str> {
        let word = known
            .iter()
            .find(|word| self.value.as_str() == Some(**word))
            .copied();
        word.or_else(|| self.refuse(format!("must be {}", known.join(" or "))))
    }

    fn child(&self, key: &str, value: &'a Value) -> Node<'a> {
        let key = if is_plain(key) { key } else { "?" };
        let mut path = self.path();
        if !path.is_empty() {
            path.push('.');
        }
        path.push_str(key);
        self.reading.node(path, value)
    }
}

/// `, did you mean timeout_ms?`, where one of the names that are known is two slips away at most; else nothing.
pub(crate) fn hint<N: AsRef<str>>(text: &str, known: impl IntoIterator<Item = N>) -> String {
    let is_near = |name: &N| strsim::osa_distance(name.as_ref(), text) <= 2;
    let near = known.into_iter().find(is_near);
    near.map(|name| format!(", did you mean {}?", name.as_ref()))
        .unwrap_or_default()
}

/// A path is printed and logged; a key that is anything else than a name, a path of names or the beginning of a name is
/// not put into it.
fn is_plain(key: &str) -> bool {
    (1..=64).contains(&key.len())
        && key
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"_-.*".contains(&byte))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn faults(value: &Value, reader: impl FnOnce(&Node<'_>)) -> Vec<String> {
        let faults = read("", value, reader).err().unwrap_or_default();
        faults.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn every_fault_is_told_with_its_path() {
        let found = faults(
            &json!({ "list": [ { "n": "two" }, {}, { "n": "one too many" } ] }),
            |node| {
                for item in node
                    .need("list")
                    .into_iter()
                    .flat_map(|list| list.items(0..=2, "things"))
                {
                    let _ = item.need("n").and_then(|n| n.whole(&(1..=9), "apples"));
                }
            },
        );
        assert_eq!(
            found,
            [
                "list: at most 2 things",
                "list[0].n: must be 1 to 9 apples",
                "list[1].n: is required"
            ]
        );
    }

    #[test]
    fn a_key_with_a_slip_is_told_what_it_may_have_meant() {
        let found = faults(&json!({ "tiemout": 1, "colour": 2 }), |node| {
            node.only(&["timeout", "url"]);
        });
        assert_eq!(
            found,
            [
                "colour: is not known here",
                "tiemout: is not known here, did you mean timeout?"
            ]
        );
    }

    #[test]
    fn a_member_that_is_null_counts_as_one_that_is_not_there() {
        let value = json!({ "url": null, "colour": null });
        let found = faults(&value, |node| {
            node.only(&["url"]);
            node.need("url");
        });
        assert_eq!(found, ["url: is required"]);
    }

    #[test]
    fn a_key_that_is_no_name_is_not_repeated() {
        let found = faults(&json!({ "my secret\n": 1 }), |node| node.only(&[]));
        assert_eq!(found, ["?: is not known here"]);
    }

    #[test]
    fn characters_are_counted_not_bytes() {
        let found = faults(&json!({ "three": "äöü", "four": "äöüß" }), |node| {
            for key in ["three", "four"] {
                let _ = node.need(key).and_then(|text| text.short_text(3));
            }
        });
        assert_eq!(found, ["four: at most 3 characters"]);
    }
}
