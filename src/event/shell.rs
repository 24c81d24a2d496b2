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
    /// The closing brackets, innermost last.
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
    /// Members that are large together would be large in every event. They are then left out, except the small ones
    /// named in `essential`, and returned as an object, to become an event of their own.
    pub(super) fn object<'a>(
        &mut self,
        of: Json<'a>,
        essential: &[&str],
        aside: impl Fn(Key<'a>, Json<'a>) -> bool,
    ) -> Option<String> {
        let carried = || of.members().filter(|(key, value)| !aside(*key, *value));
        let small = |(_, value): &(Key<'a>, Json<'a>)| value.raw().len() <= CARRIED / 4;
        let all_fit = carried()
            .map(|(key, value)| key.raw().len() + value.raw().len())
            .sum::<usize>()
            <= CARRIED;
        let left_out = (!all_fit).then(|| object_of(carried()));
        self.before.push('{');
        for (key, value) in carried() {
            if all_fit || (essential.iter().any(|name| key.is(name)) && small(&(key, value))) {
                push_member(&mut self.before, key.raw(), value.raw());
            }
        }
        self.closing.push('}');
        left_out
    }

    /// Opens the list `name` in the object that was opened last.
    pub(super) fn list(&mut self, name: &str) {
        self.member(name);
        self.before.push('[');
        self.closing.push(']');
    }

    /// Opens the member `name` in the object that was opened last.
    pub(super) fn member(&mut self, name: &str) {
        begin_member(&mut self.before, name);
    }

    /// Writes the envelope with `value` in it; with an empty one, nothing more than it has.
    pub(super) fn around(&self, value: &str, out: &mut String) {
        out.push_str(&self.before);
        out.push_str(value);
        self.close(out);
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
        self.close(out);
    }

    /// Writes the envelope with one further member in the object that was opened last.
    pub(super) fn around_member(&self, key: &str, value: &str, out: &mut String) {
        out.push_str(&self.before);
        push_member(out, key, value);
        self.close(out);
    }

    fn close(&self, out: &mut String) {
        out.extend(self.closing.chars().rev());
    }
}

fn object_of<'a>(members: impl Iterator<Item = (Key<'a>, Json<'a>)>) -> String {
    let mut out = String::from("{");
    for (key, value) in members {
        push_member(&mut out, key.raw(), value.raw());
    }
    out.push('}');
    out
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
