//! A JSON text with an index of where everything in it stands.
//!
//! A webhook is read once, and what Meta wrote is passed on as it was written; so nothing is decoded here that nobody
//! asks for, every value is a slice of the body, keys may repeat, and numbers, surrogates and nesting may be as odd as
//! they like.

mod read;

use std::borrow::Cow;

use read::Reader;
use serde_json::Value;

use crate::written::push_string;

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
    /// The [`marks`] of a key, or of all keys of an object.
    marks: u64,
}

/// The mark of a key: a bit that it shares with few others. An object has the marks of all its keys, so that a key
/// whose mark it lacks need not be looked for.
const fn marks(key: &[u8]) -> u64 {
    let (first, last) = match key {
        [first, .., last] => (*first, *last),
        [only] => (*only, *only),
        [] => (0, 0),
    };
    1 << ((key.len() + 3 * first as usize + 5 * last as usize) % 64)
}

/// The marks of all these names.
pub(super) const fn marks_of(names: &[&str]) -> u64 {
    match names {
        [first, rest @ ..] => marks(first.as_bytes()) | marks_of(rest),
        [] => 0,
    }
}

impl<'a> Document<'a> {
    /// Indexes `text`; `None` where it is not JSON (RFC 8259), or 4 GiB long.
    pub fn parse(text: &'a str) -> Option<Self> {
        u32::try_from(text.len()).ok()?;
        let mut reader = Reader::new(text);
        reader.read()?;
        let Reader { nodes, tame, .. } = reader;
        Some(Self { text, nodes, tame })
    }

    /// The outermost value.
    pub fn root(&self) -> Json<'_> {
        Json {
            document: self,
            at: 0,
        }
    }

    /// Whether any JSON parser would read it: it is not nested too deeply, and has neither lone surrogates nor numbers
    /// that no `f64` holds.
    pub fn is_tame(&self) -> bool {
        self.tame
    }
}

/// Whether it is JSON that [is tame](Document::is_tame).
pub fn is_tame(text: &str) -> bool {
    Document::parse(text).is_some_and(|document| document.tame)
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
            marks: 0,
        };
        self.document
            .nodes
            .get(self.at as usize)
            .copied()
            .unwrap_or(nowhere)
    }

    /// The value as it was written.
    #[inline]
    pub fn raw(self) -> &'a str {
        let Node { start, end, .. } = self.node();
        self.document
            .text
            .get(start as usize..end as usize)
            .unwrap_or_default()
    }

    #[inline]
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

    /// A list's numbers.
    pub fn integers(self) -> Vec<i64> {
        self.items().filter_map(Json::integer).collect()
    }

    /// A list's texts.
    pub fn texts(self) -> Vec<String> {
        let texts = self.items().filter_map(Json::text);
        texts.map(Cow::into_owned).collect()
    }

    /// An object's members in order, with those whose key repeats; nothing where it is not an object.
    pub fn members(self) -> impl Iterator<Item = (Key<'a>, Json<'a>)> {
        let mut children = self.children(self.is_object());
        std::iter::from_fn(move || Some((Key(children.next()?), children.next()?)))
    }

    /// The marks of all its keys, where it is an object.
    #[inline]
    pub(super) fn marks(self) -> u64 {
        self.node().marks
    }

    /// The member of that name; the last one where it repeats, as most parsers have it; `None` where it is `null`.
    #[inline]
    pub fn get(self, name: &str) -> Option<Json<'a>> {
        let mark = self::marks(name.as_bytes());
        if self.marks() & mark == 0 {
            return None;
        }
        self.find(name, mark)
    }

    fn find(self, name: &str, mark: u64) -> Option<Json<'a>> {
        let Self { document, at } = self;
        let next = self.node().next;
        let mut key = at + 1;
        let mut found = None;
        while key < next {
            let marks = document.nodes.get(key as usize)?.marks;
            if marks & mark != 0 && Key(Json { document, at: key }).is(name) {
                found = Some(Json {
                    document,
                    at: key + 1,
                });
            }
            key = document.nodes.get(key as usize + 1)?.next;
        }
        found.filter(|value| !value.is_null())
    }

    /// What these names lead to, each a member of the one before.
    pub fn at(self, path: &[&str]) -> Option<Json<'a>> {
        path.iter().try_fold(self, |json, name| json.get(name))
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
        let Node {
            start,
            end,
            escaped,
            ..
        } = self.node();
        if escaped {
            return match serde_json::from_str(self.raw()) {
                Ok(Value::String(text)) => Some(Cow::Owned(text)),
                _ => None,
            };
        }
        // Between the quotes.
        let inner = start as usize + 1..(end as usize).checked_sub(1)?;
        self.document.text.get(inner).map(Cow::Borrowed)
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
    #[inline]
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

    /// Its mark; all of them where it has escapes.
    pub(super) fn marks(self) -> u64 {
        self.0.node().marks
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

#[cfg(test)]
mod tests;
