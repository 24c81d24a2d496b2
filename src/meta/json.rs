//! A JSON text with an index of where everything in it stands.
//!
//! A webhook is read once, and what Meta wrote is passed on as it was written; so nothing is decoded here that nobody
//! asks for, every value is a slice of the body, keys may repeat, and numbers, surrogates and nesting may be as odd as
//! they like. serde_json checks the syntax; this only finds its way in text that is known to be JSON.

use std::borrow::Cow;
use std::fmt;

use serde::Deserializer;
use serde::de::{DeserializeSeed, Error, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

/// How deep JSON may be nested that we hand on as JSON. serde_json reads 128 levels, other parsers more, and an event
/// puts a few levels around what came.
const LEVELS: u8 = 100;

/// A JSON text and its index.
pub struct Document<'a> {
    text: &'a str,
    nodes: Vec<Node>,
    tame: bool,
}

/// A value or a key. A container's nodes follow it, in order, up to `next`.
#[derive(Clone, Copy)]
struct Node {
    start: u32,
    end: u32,
    next: u32,
    /// A string that has a `\\` in it.
    escaped: bool,
}

impl<'a> Document<'a> {
    /// Indexes `text`; `None` where it is not JSON (RFC 8259), or 4 GiB long.
    pub fn parse(text: &'a str) -> Option<Self> {
        u32::try_from(text.len()).ok()?;
        let tame = is_tame(text);
        if !tame {
            serde_json::from_str::<&RawValue>(text).ok()?;
        }
        let mut document = Self {
            text,
            nodes: Vec::with_capacity(text.len() / 16),
            tame,
        };
        document.index()?;
        Some(document)
    }

    /// The outermost value.
    pub fn root(&self) -> Json<'_> {
        Json {
            document: self,
            at: 0,
        }
    }

    /// Whether all of it [is tame](is_tame).
    pub fn is_tame(&self) -> bool {
        self.tame
    }

    fn index(&mut self) -> Option<()> {
        let bytes = self.text.as_bytes();
        let mut open: Vec<usize> = Vec::new();
        let mut at = 0;
        while let Some(&byte) = bytes.get(at) {
            let start = at;
            let mut escaped = false;
            match byte {
                b' ' | b'\t' | b'\n' | b'\r' | b',' | b':' => {
                    at += 1;
                    continue;
                }
                b'}' | b']' => {
                    at += 1;
                    let next = self.nodes.len();
                    let node = self.nodes.get_mut(open.pop()?)?;
                    node.end = u32::try_from(at).ok()?;
                    node.next = u32::try_from(next).ok()?;
                    continue;
                }
                b'{' | b'[' => {
                    open.push(self.nodes.len());
                    at += 1;
                }
                b'"' => (at, escaped) = end_of_string(bytes, at + 1)?,
                _ => {
                    let ends =
                        |b: &u8| matches!(b, b',' | b'}' | b']' | b' ' | b'\t' | b'\n' | b'\r');
                    at += bytes
                        .get(at..)?
                        .iter()
                        .position(ends)
                        .unwrap_or(bytes.len() - at);
                }
            }
            let next = u32::try_from(self.nodes.len() + 1).ok()?;
            self.nodes.push(Node {
                start: u32::try_from(start).ok()?,
                end: u32::try_from(at).ok()?,
                next,
                escaped,
            });
        }
        Some(())
    }
}

/// Where the string ends, its closing quote included, whose first character is at `at`; and whether it has escapes.
fn end_of_string(bytes: &[u8], mut at: usize) -> Option<(usize, bool)> {
    let mut escaped = false;
    loop {
        match bytes.get(at)? {
            b'"' => return Some((at + 1, escaped)),
            b'\\' => {
                escaped = true;
                at += 2;
            }
            _ => at += 1,
        }
    }
}

/// A value in a [`Document`].
#[derive(Clone, Copy)]
pub struct Json<'a> {
    document: &'a Document<'a>,
    at: u32,
}

impl<'a> Json<'a> {
    #[inline]
    fn node(self) -> Node {
        let nowhere = Node {
            start: 0,
            end: 0,
            next: u32::MAX,
            escaped: false,
        };
        self.document
            .nodes
            .get(self.at as usize)
            .copied()
            .unwrap_or(nowhere)
    }

    /// The value as it was written.
    pub fn raw(self) -> &'a str {
        let Node { start, end, .. } = self.node();
        self.document
            .text
            .get(start as usize..end as usize)
            .unwrap_or_default()
    }

    fn first_byte(self) -> Option<u8> {
        self.document
            .text
            .as_bytes()
            .get(self.node().start as usize)
            .copied()
    }

    /// Whether it is an object.
    pub fn is_object(self) -> bool {
        self.first_byte() == Some(b'{')
    }

    /// Whether it is a list.
    pub fn is_list(self) -> bool {
        self.first_byte() == Some(b'[')
    }

    /// Whether it is a string.
    pub fn is_string(self) -> bool {
        self.first_byte() == Some(b'"')
    }

    /// Whether it is `null`.
    pub fn is_null(self) -> bool {
        self.first_byte() == Some(b'n')
    }

    /// What is in it, in order: a list's items; an object's keys and values in turn.
    fn children(self, of_kind: bool) -> impl Iterator<Item = Json<'a>> {
        let document = self.document;
        let end = if of_kind { self.node().next } else { 0 };
        let mut at = self.at + 1;
        std::iter::from_fn(move || {
            if at >= end {
                return None;
            }
            let child = Json { document, at };
            at = document.nodes.get(at as usize)?.next;
            Some(child)
        })
    }

    /// A list's items; nothing where it is not a list.
    pub fn items(self) -> impl Iterator<Item = Json<'a>> {
        self.children(self.is_list())
    }

    /// An object's members in order, with those whose key repeats; nothing where it is not an object.
    pub fn members(self) -> impl Iterator<Item = (Key<'a>, Json<'a>)> {
        let mut children = self.children(self.is_object());
        std::iter::from_fn(move || Some((Key(children.next()?), children.next()?)))
    }

    /// The member of that name; the last one where it repeats, as most parsers have it; `None` where it is `null`.
    pub fn get(self, name: &str) -> Option<Json<'a>> {
        let Self { document, at } = self;
        if !self.is_object() {
            return None;
        }
        let end = self.node().next;
        let mut key = at + 1;
        let mut found = None;
        // Where most of the time of reading a webhook goes: the length tells most keys apart.
        while key < end {
            let Node {
                start,
                end,
                escaped,
                ..
            } = *document.nodes.get(key as usize)?;
            if (escaped || (end - start) as usize == name.len() + 2)
                && Key(Json { document, at: key }).is(name)
            {
                found = Some(Json {
                    document,
                    at: key + 1,
                });
            }
            key = document.nodes.get(key as usize + 1)?.next;
        }
        found.filter(|value| !value.is_null())
    }

    /// The member of that name, where there is exactly one and it is not `null`.
    pub fn only(self, name: &str) -> Option<Json<'a>> {
        let mut values = self
            .members()
            .filter(|(key, _)| key.is(name))
            .map(|(_, value)| value);
        let value = values.next()?;
        (values.next().is_none() && !value.is_null()).then_some(value)
    }

    /// The first of these names that there is.
    pub fn any(self, names: &[&str]) -> Option<Json<'a>> {
        names.iter().find_map(|name| self.get(name))
    }

    /// The characters of a string, or the digits of a number, since Meta writes ids and times as either. `None` for
    /// anything else, and for a string that is not Unicode (a lone surrogate).
    pub fn text(self) -> Option<Cow<'a, str>> {
        match self.first_byte()? {
            b'"' => self.string(),
            b'-' | b'0'..=b'9' => Some(Cow::Borrowed(self.raw())),
            _ => None,
        }
    }

    fn string(self) -> Option<Cow<'a, str>> {
        let inner = self.raw().strip_prefix('"')?.strip_suffix('"')?;
        if self.node().escaped {
            serde_json::from_str(self.raw()).ok().map(Cow::Owned)
        } else {
            Some(Cow::Borrowed(inner))
        }
    }

    /// A whole number, written as one or as a string.
    pub fn integer(self) -> Option<i64> {
        self.text()?.parse().ok()
    }

    /// Writes it with its keys sorted, white space left out and strings decoded, so that two ways to write the same
    /// value give the same text. What lies deeper than 32 levels is taken as it was written.
    pub fn canonical(self) -> String {
        let mut out = String::with_capacity(self.raw().len());
        self.write_canonical(32, &mut out);
        out
    }

    fn write_canonical(self, levels: u8, out: &mut String) {
        if levels > 0 && self.is_object() {
            let mut members: Vec<_> = self.members().collect();
            members.sort_by_cached_key(|(key, _)| key.text().into_owned());
            out.push('{');
            for (key, value) in members {
                key.0.write_canonical(0, out);
                value.write_canonical(levels - 1, out);
            }
            out.push('}');
        } else if levels > 0 && self.is_list() {
            out.push('[');
            for item in self.items() {
                item.write_canonical(levels - 1, out);
                out.push(',');
            }
            out.push(']');
        } else if let Some(text) = self.is_string().then(|| self.string()).flatten() {
            push_string(out, &text);
        } else {
            out.push_str(self.raw());
        }
    }
}

/// A member's key.
#[derive(Clone, Copy)]
pub struct Key<'a>(Json<'a>);

impl<'a> Key<'a> {
    /// Whether it is `name`.
    pub fn is(self, name: &str) -> bool {
        let Node {
            start,
            end,
            escaped,
            ..
        } = self.0.node();
        if escaped {
            return self.0.string().is_some_and(|key| key == name);
        }
        let (start, end) = (start as usize + 1, (end as usize).saturating_sub(1));
        end.saturating_sub(start) == name.len()
            && self.0.document.text.as_bytes().get(start..end) == Some(name.as_bytes())
    }

    /// The key, or, where it is not Unicode, what stands for it.
    pub fn text(self) -> Cow<'a, str> {
        self.0.string().unwrap_or(Cow::Borrowed(self.0.raw()))
    }

    /// The key as it was written, quotes included.
    pub fn raw(self) -> &'a str {
        self.0.raw()
    }
}

/// Whether any JSON parser would read it: JSON that is not nested too deeply, without lone surrogates, and without
/// numbers that no `f64` holds.
pub fn is_tame(text: &str) -> bool {
    let mut parser = serde_json::Deserializer::from_str(text);
    Tame(LEVELS).deserialize(&mut parser).is_ok() && parser.end().is_ok()
}

/// Reads a value and keeps nothing of it; fails where it is nested deeper than so many levels.
#[derive(Clone, Copy)]
struct Tame(u8);

impl Tame {
    fn inner<E: Error>(self) -> Result<Self, E> {
        self.0
            .checked_sub(1)
            .map(Self)
            .ok_or_else(|| E::custom("nested too deeply"))
    }
}

impl<'de> DeserializeSeed<'de> for Tame {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Tame {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        let inner = self.inner()?;
        while items.next_element_seed(inner)?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<(), A::Error> {
        let inner = self.inner()?;
        while members.next_key_seed(inner)?.is_some() {
            members.next_value_seed(inner)?;
        }
        Ok(())
    }
}

/// Writes `text` as a JSON string.
pub fn push_string(out: &mut String, text: &str) {
    let plain = |b: u8| b >= b' ' && b != b'"' && b != b'\\';
    if text.bytes().all(plain) {
        out.push('"');
        out.push_str(text);
        out.push('"');
    } else {
        // Cannot fail: a string has no keys, and a `String` takes everything.
        out.push_str(&serde_json::to_string(text).unwrap_or_default());
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;

    #[test]
    fn every_value_is_the_slice_of_the_text_that_wrote_it() {
        let text = r#" {"a" : [1, "x\"]", { } ] ,"a\u0062":"\u00e9","n":null,"a":-1.5e3} "#;
        let document = Document::parse(text).unwrap();
        let root = document.root();
        let members: Vec<_> = root
            .members()
            .map(|(key, value)| (key.text(), value.raw()))
            .collect();
        let expected = [
            ("a", r#"[1, "x\"]", { } ]"#),
            ("ab", r#""\u00e9""#),
            ("n", "null"),
            ("a", "-1.5e3"),
        ];
        assert_eq!(
            members,
            expected.map(|(key, raw)| (Cow::Borrowed(key), raw))
        );
        let first = root.members().next().unwrap().1;
        assert_eq!(
            first.items().map(Json::raw).collect::<Vec<_>>(),
            ["1", r#""x\"]""#, "{ }"]
        );
        assert_eq!(root.get("ab").unwrap().text().unwrap(), "é");
        assert_eq!(
            root.get("a").unwrap().raw(),
            "-1.5e3",
            "the last of a repeated key counts"
        );
        assert!(root.get("n").is_none() && root.get("b").is_none() && first.get("a").is_none());
        assert_eq!(root.items().count() + first.members().count(), 0);
    }

    #[test]
    fn what_is_odd_is_still_json() {
        let deep = format!("{}1{}", "[".repeat(100_000), "]".repeat(100_000));
        for text in [
            &deep,
            r#""\ud800""#,
            "1e999999",
            r#"{"":{"":0}}"#,
            r#""\u0000""#,
        ] {
            let document = Document::parse(text).unwrap();
            assert_eq!(document.root().raw(), text);
            assert_eq!(
                document.is_tame(),
                text.len() < 100 && text.contains(['{', 'u']) && !text.contains("d8")
            );
            assert!(!document.root().canonical().is_empty());
        }
        assert_eq!(Document::parse(r#""\ud800""#).unwrap().root().text(), None);
    }

    #[test]
    fn what_is_not_json_is_refused() {
        for text in [
            "",
            "{",
            "[1,]",
            "{}{}",
            "\"\0\"",
            "nul",
            "01",
            "{\"a\"}",
            "\u{feff}{}",
        ] {
            assert!(Document::parse(text).is_none(), "{text}");
        }
    }

    #[test]
    fn numbers_are_read_from_strings_too() {
        let document = Document::parse(r#"[12,"12","+1 2",1.5,true,[]]"#).unwrap();
        let numbers: Vec<_> = document.root().items().map(Json::integer).collect();
        assert_eq!(numbers, [Some(12), Some(12), None, None, None, None]);
    }

    #[test]
    fn two_ways_to_write_a_value_are_one_canonical_text() {
        let canonical = |text: &str| Document::parse(text).unwrap().root().canonical();
        assert_eq!(
            canonical(r#"{"b":[1,"é"],"a":{"d":2,"c":null}}"#),
            canonical(" {\"a\":{\"c\":null,\"d\":2},\n\"b\":[1,\"\\u00e9\"]}")
        );
        assert_ne!(canonical(r#"["a","b"]"#), canonical(r#"["a,b"]"#));
        assert_ne!(canonical(r#"{"a":"b"}"#), canonical(r#"{"a":["b"]}"#));
        assert_ne!(canonical("[1,2]"), canonical("[2,1]"));
    }

    fn any_json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<String>().prop_map(Value::from)
        ];
        leaf.prop_recursive(4, 64, 8, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..8).prop_map(Value::from),
                prop::collection::vec((any::<String>(), inner), 0..8)
                    .prop_map(|members| Value::Object(members.into_iter().collect()))
            ]
        })
    }

    fn rebuild(json: Json<'_>) -> Value {
        if json.is_object() {
            Value::Object(
                json.members()
                    .map(|(key, value)| (key.text().into_owned(), rebuild(value)))
                    .collect(),
            )
        } else if json.is_list() {
            Value::Array(json.items().map(rebuild).collect())
        } else {
            serde_json::from_str(json.raw()).unwrap()
        }
    }

    proptest! {
        #[test]
        fn the_index_finds_what_serde_json_finds(value in any_json(), pretty: bool) {
            let text = if pretty { serde_json::to_string_pretty(&value) } else { serde_json::to_string(&value) }.unwrap();
            prop_assert_eq!(rebuild(Document::parse(&text).unwrap().root()), value);
        }

        #[test]
        fn no_text_breaks_it(text in "[\\[\\]{}\",:\\\\u0d8 a1-]*") {
            if let Some(document) = Document::parse(&text) {
                document.root().canonical();
            }
        }
    }
}
