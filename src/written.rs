//! Writes JSON objects member by member. It is a fraction of what building a value first would add to the WASM.

use std::fmt::Write as _;

use crate::meta::json::push_string;

/// An object that is being written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Object(String);

impl Default for Object {
    fn default() -> Self {
        Self("{".to_owned())
    }
}

impl Object {
    /// Adds a string.
    pub fn text(&mut self, name: &str, value: &str) -> &mut Self {
        self.name(name);
        push_string(&mut self.0, value);
        self
    }

    /// Adds a string, where there is one.
    pub fn text_if(&mut self, name: &str, value: Option<&str>) -> &mut Self {
        match value {
            Some(value) => self.text(name, value),
            None => self,
        }
    }

    /// Adds a number.
    pub fn number(&mut self, name: &str, value: i64) -> &mut Self {
        self.name(name);
        // Writing to a string does not fail.
        let _ = write!(self.0, "{value}");
        self
    }

    /// Adds what is JSON already.
    pub fn json(&mut self, name: &str, value: &str) -> &mut Self {
        self.name(name);
        self.0.push_str(value);
        self
    }

    /// The object as it stands.
    pub fn finish(&self) -> String {
        format!("{}}}", self.0)
    }

    fn name(&mut self, name: &str) {
        if self.0.len() > 1 {
            self.0.push(',');
        }
        push_string(&mut self.0, name);
        self.0.push(':');
    }
}

/// A list of what is JSON already.
pub fn list(items: &[String]) -> String {
    format!("[{}]", items.join(","))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_are_written_in_their_order() {
        let mut object = Object::default();
        assert_eq!(object.finish(), "{}");
        object
            .text("a", "x\"\n")
            .text_if("b", None)
            .number("c", -7)
            .json("d", &list(&["{}".to_owned(), "1".to_owned()]));
        assert_eq!(object.finish(), r#"{"a":"x\"\n","c":-7,"d":[{},1]}"#);
    }
}
