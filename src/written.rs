//! Writes JSON member by member: to build a value first would add several times as much to the WASM. Gives the words that
//! stand in JSON for values, too.

use std::fmt::Write as _;

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

    /// Adds a string, or `null` where there is none.
    pub fn text_or_null(&mut self, name: &str, value: Option<&str>) -> &mut Self {
        match value {
            Some(value) => self.text(name, value),
            None => self.json(name, "null"),
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

/// The word for `value` in a table of both.
pub fn word_of<T: Copy + PartialEq>(table: &[(T, &'static str)], value: T) -> &'static str {
    let found = table.iter().find(|(known, _)| *known == value);
    found.map_or("", |(_, word)| word)
}

/// The value of `word` in a table of both.
pub fn of_word<T: Copy>(table: &[(T, &str)], word: &str) -> Option<T> {
    let found = table.iter().find(|(_, known)| *known == word);
    found.map(|(value, _)| *value)
}

/// Writes `text` as a JSON string.
pub fn push_string(out: &mut String, text: &str) {
    if plain(text.as_bytes()) == text.len() {
        out.push('"');
        out.push_str(text);
        out.push('"');
    } else {
        // Cannot fail: a string has no keys, and a `String` takes everything.
        out.push_str(&serde_json::to_string(text).unwrap_or_default());
    }
}

/// Puts a comma where something stands already.
pub fn separate(out: &mut String, opened: char) {
    if out.as_bytes().last().copied().map(char::from) != Some(opened) {
        out.push(',');
    }
}

/// Begins a member of an object: its value is to follow. The name must have nothing in it that needs escaping.
pub fn begin_member(out: &mut String, name: &str) {
    separate(out, '{');
    out.push('"');
    out.push_str(name);
    out.push_str("\":");
}

/// How many bytes come before the first that ends a JSON string or must be escaped in it. Looks at eight bytes at a
/// time: arithmetic on all eight sets the highest bit of each that is found.
pub fn plain(bytes: &[u8]) -> usize {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGHEST: u64 = 0x8080_8080_8080_8080;
    let mut length = 0;
    let mut rest = bytes;
    while let Some((eight, after)) = rest.split_first_chunk::<8>() {
        let eight = u64::from_le_bytes(*eight);
        let is = |byte: u8| {
            let difference = eight ^ (ONES * u64::from(byte));
            difference.wrapping_sub(ONES) & !difference
        };
        let control = eight.wrapping_sub(ONES * 0x20) & !eight;
        let found = (is(b'"') | is(b'\\') | control) & HIGHEST;
        if found != 0 {
            return length + found.trailing_zeros() as usize / 8;
        }
        length += 8;
        rest = after;
    }
    let ends = |byte: &u8| *byte < 0x20 || matches!(byte, b'"' | b'\\');
    length + rest.iter().position(ends).unwrap_or(rest.len())
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
            .text_or_null("b", None)
            .number("c", -7)
            .json("d", &list(&["{}".to_owned(), "1".to_owned()]));
        assert_eq!(
            object.finish(),
            r#"{"a":"x\"\n","b":null,"c":-7,"d":[{},1]}"#
        );
    }
}
