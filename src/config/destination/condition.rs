//! A condition on an event's data.

use serde_json::Value;

use crate::{
    checked::Node,
    event::{ADDED, DATA_MEMBERS},
    meta::json::Json,
};

/// How many conditions a destination may have, and how many values each may allow.
const MOST: usize = 20;

/// That the value at a path is one of a few. Where there is a list on the way, any of its items will do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Condition {
    /// The members that lead to it, below `data`.
    path: Vec<String>,
    /// As they are written in JSON, but for the quotes: Meta writes ids and times as strings or as numbers.
    allowed: Vec<String>,
}

impl Condition {
    /// Whether it holds for an event's `data`.
    pub fn holds(&self, data: Json<'_>) -> bool {
        self.holds_at(data, &self.path)
    }

    fn holds_at(&self, value: Json<'_>, path: &[String]) -> bool {
        if value.is_list() {
            return value.items().any(|item| self.holds_at(item, path));
        }
        match path.split_first() {
            Some((name, rest)) => value
                .get(name)
                .is_some_and(|member| self.holds_at(member, rest)),
            None if value.is_object() => false,
            None => {
                let text = value.text().unwrap_or_else(|| value.raw().into());
                self.allowed.iter().any(|allowed| *allowed == *text)
            }
        }
    }

    /// Reads `{"data.message.kind": ["image", "document"]}`.
    pub(super) fn read_all(node: &Node<'_>) -> Vec<Self> {
        let members = node.members(MOST, "conditions").into_iter();
        let read = |(path, node): (&str, Node<'_>)| {
            let path = read_path(path, &node)?;
            let allowed = node.one_or_several(MOST, "values");
            let allowed = allowed.iter().filter_map(read_scalar).collect();
            Some(Self { path, allowed })
        };
        members.filter_map(read).collect()
    }
}

fn read_path(path: &str, node: &Node<'_>) -> Option<Vec<String>> {
    let names = path.strip_prefix("data.").unwrap_or_default();
    let path: Vec<String> = names.split('.').map(str::to_owned).collect();
    if path.iter().any(String::is_empty) {
        return node.refuse("a condition is on a member of data, such as data.message.kind");
    }
    match path.first().map(String::as_str) {
        Some(first) if DATA_MEMBERS.contains(&first) => Some(path),
        Some(first) if ADDED.contains(&first) => {
            node.refuse("the mailbox adds this after it is known who wants the event")
        }
        _ => node.refuse("no event has such a member: docs/events.md lists them"),
    }
}

fn read_scalar(node: &Node<'_>) -> Option<String> {
    match node.value() {
        Value::String(text) => Some(text.clone()),
        value @ (Value::Number(_) | Value::Bool(_)) => Some(value.to_string()),
        _ => node.refuse("must be a string, a number, true or false, or a list of such"),
    }
}
