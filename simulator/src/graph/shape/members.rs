//! Reads an object member by member and writes down every fault: what is missing, too long, of another type, or not
//! documented at all.

use std::cell::RefCell;
use std::ops::RangeInclusive;

use serde_json::{Map, Value};

/// The faults found so far, each as `path: what is wrong`.
pub(super) type Faults = RefCell<Vec<String>>;

/// An object that is being read. What nobody asked for by the time it is dropped is a fault.
pub(super) struct Members<'a> {
    path: String,
    map: &'a Map<String, Value>,
    asked: RefCell<Vec<&'static str>>,
    faults: &'a Faults,
}

impl<'a> Members<'a> {
    pub(super) fn read(
        path: &str,
        value: &'a Value,
        faults: &'a Faults,
        rules: impl FnOnce(&Members<'a>),
    ) {
        let Some(map) = value.as_object() else {
            faults
                .borrow_mut()
                .push(format!("{path}: must be an object"));
            return;
        };
        let members = Members {
            path: path.into(),
            map,
            asked: RefCell::default(),
            faults,
        };
        rules(&members);
        for name in map
            .keys()
            .filter(|name| !members.asked.borrow().contains(&name.as_str()))
        {
            members.fault(name, "is not documented");
        }
    }

    /// Writes down what is wrong with the member `name`.
    pub(super) fn fault(&self, name: &str, what: &str) {
        self.faults
            .borrow_mut()
            .push(format!("{}: {what}", self.at(name)));
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.map.contains_key(name)
    }

    /// The member as it is; it may be missing.
    pub(super) fn any(&self, name: &'static str) -> Option<&'a Value> {
        self.asked.borrow_mut().push(name);
        self.map.get(name)
    }

    fn must(&self, name: &'static str) -> Option<&'a Value> {
        let value = self.any(name);
        if value.is_none() {
            self.fault(name, "is missing");
        }
        value
    }

    /// A string of so many characters, which has to be there.
    pub(super) fn text(
        &self,
        name: &'static str,
        length: RangeInclusive<usize>,
    ) -> Option<&'a str> {
        self.must(name)
            .and_then(|value| self.is_text(name, value, length))
    }

    /// A string of so many characters, if it is there.
    pub(super) fn maybe_text(
        &self,
        name: &'static str,
        length: RangeInclusive<usize>,
    ) -> Option<&'a str> {
        self.any(name)
            .and_then(|value| self.is_text(name, value, length))
    }

    fn is_text(
        &self,
        name: &str,
        value: &'a Value,
        length: RangeInclusive<usize>,
    ) -> Option<&'a str> {
        let Some(text) = value.as_str() else {
            self.fault(name, "must be a string");
            return None;
        };
        let count = text.chars().count();
        if !length.contains(&count) {
            self.fault(
                name,
                &format!(
                    "has {count} characters, not {} to {}",
                    length.start(),
                    length.end()
                ),
            );
        }
        Some(text)
    }

    /// One of these words, which has to be there.
    pub(super) fn word(&self, name: &'static str, words: &[&str]) -> Option<&'a str> {
        let word = self.text(name, 0..=usize::MAX)?;
        if !words.contains(&word) {
            self.fault(name, &format!("is none of {}", words.join(", ")));
        }
        Some(word)
    }

    /// One of these words, if it is there.
    pub(super) fn maybe_word(&self, name: &'static str, words: &[&str]) -> Option<&'a str> {
        if self.has(name) {
            self.word(name, words)
        } else {
            None
        }
    }

    /// `true` or `false`, if it is there.
    pub(super) fn maybe_flag(&self, name: &'static str) {
        if self.any(name).is_some_and(|value| !value.is_boolean()) {
            self.fault(name, "must be true or false");
        }
    }

    /// A whole number within these bounds, which has to be there.
    pub(super) fn number(&self, name: &'static str, bounds: RangeInclusive<i64>) {
        if self.must(name).is_some_and(|value| {
            !value
                .as_i64()
                .is_some_and(|number| bounds.contains(&number))
        }) {
            self.fault(
                name,
                &format!(
                    "must be a whole number from {} to {}",
                    bounds.start(),
                    bounds.end()
                ),
            );
        }
    }

    /// A whole number within these bounds, if it is there.
    pub(super) fn maybe_number(&self, name: &'static str, bounds: RangeInclusive<i64>) {
        if self.has(name) {
            self.number(name, bounds);
        }
    }

    /// A coordinate: a number, or a string that is one. The documentation has it both ways.
    pub(super) fn coordinate(&self, name: &'static str, most: f64) {
        let Some(value) = self.must(name) else { return };
        let number = value.as_f64().or_else(|| value.as_str()?.parse().ok());
        if !number.is_some_and(|number| number.abs() <= most) {
            self.fault(name, &format!("must be a number from -{most} to {most}"));
        }
    }

    /// An object, which has to be there.
    pub(super) fn object(&self, name: &'static str, rules: impl FnOnce(&Members<'a>)) {
        if let Some(value) = self.must(name) {
            Self::read(&self.at(name), value, self.faults, rules);
        }
    }

    /// An object, if it is there.
    pub(super) fn maybe_object(&self, name: &'static str, rules: impl FnOnce(&Members<'a>)) {
        if let Some(value) = self.any(name) {
            Self::read(&self.at(name), value, self.faults, rules);
        }
    }

    /// An object whose members are the caller's own.
    pub(super) fn maybe_free_object(&self, name: &'static str) {
        if self.any(name).is_some_and(|value| !value.is_object()) {
            self.fault(name, "must be an object");
        }
    }

    /// A list of so many objects, which has to be there.
    pub(super) fn list(
        &self,
        name: &'static str,
        length: RangeInclusive<usize>,
        mut rules: impl FnMut(&Members<'a>),
    ) {
        let Some(value) = self.must(name) else { return };
        let Some(list) = value.as_array() else {
            self.fault(name, "must be a list");
            return;
        };
        if !length.contains(&list.len()) {
            self.fault(
                name,
                &format!(
                    "has {} items, not {} to {}",
                    list.len(),
                    length.start(),
                    length.end()
                ),
            );
        }
        for (index, item) in list.iter().enumerate() {
            Self::read(
                &format!("{}[{index}]", self.at(name)),
                item,
                self.faults,
                &mut rules,
            );
        }
    }

    /// A list of objects, if it is there.
    pub(super) fn maybe_list(&self, name: &'static str, rules: impl FnMut(&Members<'a>)) {
        if self.has(name) {
            self.list(name, 0..=usize::MAX, rules);
        }
    }

    fn at(&self, name: &str) -> String {
        if self.path.is_empty() {
            name.into()
        } else {
            format!("{}.{name}", self.path)
        }
    }
}
