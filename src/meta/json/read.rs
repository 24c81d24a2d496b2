//! Reads JSON (RFC 8259) once: checks it, and notes where everything in it stands.

use serde_json::Value;

use super::{Node, marks};
use crate::written::plain;

/// How deep JSON may be nested that we hand on as JSON. serde_json reads 128 levels, other parsers more, and an event
/// puts a few levels around what came.
const LEVELS: u32 = 100;

/// No container: the outermost value stands in none.
const NONE: u32 = u32::MAX;

/// What is read of a text.
pub(super) struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
    pub(super) nodes: Vec<Node>,
    /// The innermost container that is open. The `next` of one that is open is the container around it.
    container: u32,
    depth: u32,
    /// Whether any parser would read it so far.
    pub(super) tame: bool,
}

impl<'a> Reader<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self {
            bytes: text.as_bytes(),
            at: 0,
            // A message has one for 15 bytes or so; where there are more, they are moved once.
            nodes: Vec::with_capacity(text.len() / 12),
            container: NONE,
            depth: 0,
            tame: true,
        }
    }

    /// Reads all of it; `None` where it is not JSON.
    pub(super) fn read(&mut self) -> Option<()> {
        loop {
            let is_open = self.value()?;
            if is_open {
                continue;
            }
            while let Some(is_object) = self.is_in_object()? {
                match self.byte()? {
                    b',' => {
                        self.at += 1;
                        if is_object {
                            self.key()?;
                        }
                        break;
                    }
                    b'}' if is_object => self.close()?,
                    b']' if !is_object => self.close()?,
                    _ => return None,
                }
            }
            if self.container == NONE {
                self.blank();
                return (self.at == self.bytes.len()).then_some(());
            }
        }
    }

    /// Reads a value, or the beginning of one: then it is true, and the next value is due.
    fn value(&mut self) -> Option<bool> {
        match self.byte()? {
            b'{' => {
                self.open()?;
                if self.byte()? == b'}' {
                    self.close()?;
                } else {
                    self.key()?;
                    return Some(true);
                }
            }
            b'[' => {
                self.open()?;
                if self.byte()? == b']' {
                    self.close()?;
                } else {
                    return Some(true);
                }
            }
            b'"' => self.string().map(|_| ())?,
            b't' => self.word(b"true")?,
            b'f' => self.word(b"false")?,
            b'n' => self.word(b"null")?,
            _ => self.number()?,
        }
        Some(false)
    }

    /// Whether the innermost open container is an object; `None` within where there is none.
    #[allow(
        clippy::option_option,
        reason = "the outer one is an error, as everywhere here"
    )]
    fn is_in_object(&self) -> Option<Option<bool>> {
        if self.container == NONE {
            return Some(None);
        }
        let node = self.nodes.get(self.container as usize)?;
        Some(Some(self.bytes.get(node.start as usize)? == &b'{'))
    }

    fn blank(&mut self) {
        while let Some(b' ' | b'\t' | b'\n' | b'\r') = self.bytes.get(self.at) {
            self.at += 1;
        }
    }

    /// The next byte that is not blank.
    fn byte(&mut self) -> Option<u8> {
        self.blank();
        self.bytes.get(self.at).copied()
    }

    fn push(&mut self, start: usize, escaped: bool) -> Option<()> {
        let next = u32::try_from(self.nodes.len() + 1).ok()?;
        self.nodes.push(Node {
            start: u32::try_from(start).ok()?,
            end: u32::try_from(self.at).ok()?,
            next,
            escaped,
            marks: 0,
        });
        Some(())
    }

    fn open(&mut self) -> Option<()> {
        let place = u32::try_from(self.nodes.len()).ok()?;
        self.push(self.at, false)?;
        self.nodes.last_mut()?.next = self.container;
        self.container = place;
        self.depth += 1;
        self.tame &= self.depth <= LEVELS;
        self.at += 1;
        Some(())
    }

    fn close(&mut self) -> Option<()> {
        self.at += 1;
        let next = u32::try_from(self.nodes.len()).ok()?;
        let node = self.nodes.get_mut(self.container as usize)?;
        node.end = u32::try_from(self.at).ok()?;
        self.container = std::mem::replace(&mut node.next, next);
        self.depth -= 1;
        Some(())
    }

    /// Reads a key, and the colon behind it.
    fn key(&mut self) -> Option<()> {
        if self.byte()? != b'"' {
            return None;
        }
        let start = self.at + 1;
        let escaped = self.string()?;
        let marks = if escaped {
            u64::MAX
        } else {
            marks(self.bytes.get(start..self.at - 1)?)
        };
        self.nodes.last_mut()?.marks = marks;
        self.nodes.get_mut(self.container as usize)?.marks |= marks;
        if self.byte()? != b':' {
            return None;
        }
        self.at += 1;
        Some(())
    }

    /// Reads a string; true where it has escapes.
    fn string(&mut self) -> Option<bool> {
        let start = self.at;
        let mut escaped = false;
        self.at += 1;
        loop {
            self.at += plain(self.bytes.get(self.at..)?);
            match self.bytes.get(self.at)? {
                b'"' => break,
                b'\\' => {
                    escaped = true;
                    self.at += 1;
                    self.escape()?;
                }
                _ => return None,
            }
        }
        self.at += 1;
        self.push(start, escaped)?;
        Some(escaped)
    }

    /// Reads what stands behind a backslash.
    fn escape(&mut self) -> Option<()> {
        let byte = *self.bytes.get(self.at)?;
        self.at += 1;
        match byte {
            b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => {}
            b'u' => {
                let alone = match self.unit()? {
                    0xD800..=0xDBFF => !self.low_half()?,
                    unit => (0xDC00..=0xDFFF).contains(&unit),
                };
                self.tame &= !alone;
            }
            _ => return None,
        }
        Some(())
    }

    /// Reads the second half of a surrogate pair, where it is there.
    fn low_half(&mut self) -> Option<bool> {
        let place = self.at;
        if self.bytes.get(place..)?.starts_with(br"\u") {
            self.at += 2;
            if (0xDC00..=0xDFFF).contains(&self.unit()?) {
                return Some(true);
            }
            self.at = place;
        }
        Some(false)
    }

    /// Reads four hex digits.
    fn unit(&mut self) -> Option<u32> {
        let mut unit = 0;
        for _ in 0..4 {
            let digit = char::from(*self.bytes.get(self.at)?).to_digit(16)?;
            unit = unit * 16 + digit;
            self.at += 1;
        }
        Some(unit)
    }

    fn word(&mut self, word: &[u8]) -> Option<()> {
        if !self.bytes.get(self.at..)?.starts_with(word) {
            return None;
        }
        let start = self.at;
        self.at += word.len();
        self.push(start, false)
    }

    fn number(&mut self) -> Option<()> {
        let start = self.at;
        self.at += usize::from(self.byte()? == b'-');
        if self.bytes.get(self.at)? == &b'0' {
            self.at += 1;
        } else {
            self.digits()?;
        }
        if self.bytes.get(self.at) == Some(&b'.') {
            self.at += 1;
            self.digits()?;
        }
        let exponent = matches!(self.bytes.get(self.at), Some(b'e' | b'E'));
        if exponent {
            self.at += 1;
            self.at += usize::from(matches!(self.bytes.get(self.at), Some(b'+' | b'-')));
            self.digits()?;
        }
        // Only a number like this may be larger than an `f64` can be.
        if exponent || self.at - start > 300 {
            let number = str::from_utf8(self.bytes.get(start..self.at)?).ok()?;
            self.tame &= serde_json::from_str::<Value>(number).is_ok();
        }
        self.push(start, false)
    }

    /// Reads digits, of which there must be one.
    fn digits(&mut self) -> Option<()> {
        let start = self.at;
        while self.bytes.get(self.at).is_some_and(u8::is_ascii_digit) {
            self.at += 1;
        }
        (self.at > start).then_some(())
    }
}
