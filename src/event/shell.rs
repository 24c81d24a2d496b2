//! Meta's envelope around one item: what stood around the item in the webhook, without its neighbours.
//!
//! So what is stored of each event can be forwarded as a webhook of Meta's, and nothing that Meta wrote beside the
//! items is lost.

use crate::meta::json::{Json, Key};
use crate::written::{begin_member, separate};

/// How many bytes of members that we do not know are copied into every event, at each level of the envelope.
pub(super) const CARRIED: usize = 4096;

/// An envelope that is open at the place where the item goes.
#[derive(Debug, Default)]
pub(super) struct Shell {
    before: String,
    /// The closing brackets, as they are written: innermost first.
    closing: String,
}

impl Shell {
    /// The same envelope, with room for what is to be opened in it.
    pub(super) fn inside(&self) -> Self {
        let mut inside = Self {
            before: String::with_capacity(self.before.len() + 384),
            closing: String::with_capacity(16),
        };
        inside.before.push_str(&self.before);
        inside.closing.push_str(&self.closing);
        inside
    }

    /// Opens an object that has all members of `of` but those for which `aside` is true.
    ///
    /// Members that are larger together than `carried` (bytes) would make every event that large. They are then left
    /// out, except the small ones named in `essential`, and returned as an object, to become an event of their own.
    pub(super) fn object<'a>(
        &mut self,
        of: Json<'a>,
        carried: usize,
        essential: &[&str],
        aside: impl Fn(Key<'a>, Json<'a>) -> bool,
    ) -> Option<String> {
        self.closing.insert(0, '}');
        self.before.push('{');
        let start = self.before.len();
        let mut length = 0;
        for (key, value) in of.members().filter(|(key, value)| !aside(*key, *value)) {
            length += key.raw().len() + value.raw().len();
            push_member(&mut self.before, key.raw(), value.raw());
        }
        if length <= carried {
            return None;
        }
        let left_out = format!("{{{}}}", self.before.split_off(start));
        let is_essential = |key: Key<'a>| essential.iter().any(|name| key.is(name));
        for (key, value) in of.members() {
            if is_essential(key) && value.raw().len() <= CARRIED / 4 && !aside(key, value) {
                push_member(&mut self.before, key.raw(), value.raw());
            }
        }
        Some(left_out)
    }

    /// Opens the list `name` in the object that was opened last.
    pub(super) fn list(&mut self, name: &str) {
        self.member(name);
        self.before.push('[');
        self.closing.insert(0, ']');
    }

    /// Opens the member `name` in the object that was opened last.
    pub(super) fn member(&mut self, name: &str) {
        begin_member(&mut self.before, name);
    }

    /// Writes the envelope with `value` in it; with an empty one, nothing more than it has.
    pub(super) fn around(&self, value: &str, out: &mut String) {
        out.push_str(&self.before);
        out.push_str(value);
        out.push_str(&self.closing);
    }

    /// Writes the envelope with further members in the object that was opened last: `contacts`, and the member `key`,
    /// written as it came, with a list of `item` alone.
    pub(super) fn around_item<'c>(
        &self,
        contacts: impl IntoIterator<Item = &'c str>,
        key: &str,
        item: &str,
        out: &mut String,
    ) {
        out.push_str(&self.before);
        let mut contacts = contacts.into_iter().peekable();
        if contacts.peek().is_some() {
            push_list(out, r#""contacts""#, contacts);
        }
        push_list(out, key, [item]);
        out.push_str(&self.closing);
    }

    /// Writes the envelope with one further member in the object that was opened last.
    pub(super) fn around_member(&self, key: &str, value: &str, out: &mut String) {
        out.push_str(&self.before);
        push_member(out, key, value);
        out.push_str(&self.closing);
    }
}

fn push_member(out: &mut String, key: &str, value: &str) {
    separate(out, '{');
    out.push_str(key);
    out.push(':');
    out.push_str(value);
}

fn push_list<'i>(out: &mut String, key: &str, items: impl IntoIterator<Item = &'i str>) {
    separate(out, '{');
    out.push_str(key);
    out.push_str(":[");
    for item in items {
        separate(out, '[');
        out.push_str(item);
    }
    out.push(']');
}
