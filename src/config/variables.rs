//! `CONFIG` in several variables, `CONFIG`, `CONFIG_2` and so on: how they become one, and how a fault in it is told by the
//! variable that it stands in.

use serde_json::{Map, Value};

use super::settings::optional_text;
use crate::checked::{self, Fault, Node};

/// Over how many variables it may be spread: Cloudflare takes 5 KB in each.
const MOST_VARIABLES: usize = 20;

const MEMBERS: [&str; 10] = [
    "destinations",
    "numbers",
    "keep_hours",
    "couriers",
    "sending",
    "fallback",
    "replies",
    "answering",
    "consent",
    "windows",
];

/// A member of `CONFIG`, or of a variable beside it.
pub(super) struct Part {
    variable: usize,
    member: &'static str,
    /// How many items of the same list stand in the variables before.
    before: usize,
}

fn name_of(number: usize) -> String {
    match number {
        1 => "CONFIG".to_owned(),
        _ => format!("CONFIG_{number}"),
    }
}

fn parsed(variable: &str, text: &str) -> Result<Value, Fault> {
    let value: Value = serde_json::from_str(text).map_err(|error| {
        let (line, column) = (error.line(), error.column());
        let reason = format!("is not JSON: line {line}, column {column}");
        Fault::new(variable, reason)
    })?;
    if value.is_object() {
        Ok(value)
    } else {
        Err(Fault::new(variable, "must be an object"))
    }
}

/// What the variables hold together: lists of the same name one behind the other, all else from one of them alone.
pub(super) fn joined(
    lookup: &dyn Fn(&str) -> Option<String>,
    faults: &mut Vec<Fault>,
) -> (Map<String, Value>, Vec<Part>) {
    let (mut whole, mut parts) = (Map::new(), Vec::<Part>::new());
    for number in 1..=MOST_VARIABLES {
        let name = name_of(number);
        let Some(text) = optional_text(lookup, &name) else {
            continue;
        };
        let read = parsed(&name, &text).map_err(|fault| vec![fault]);
        let read = read.and_then(|value| {
            let path = if number == 1 { "" } else { &name };
            checked::read(path, &value, |root| {
                root.only(&MEMBERS);
                for member in MEMBERS {
                    if let Some(node) = root.get(member) {
                        add(&node, number, member, &mut whole, &mut parts);
                    }
                }
            })
        });
        faults.extend(read.err().into_iter().flatten());
    }
    (whole, parts)
}

/// Adds a member of one variable to what those before it hold.
fn add(
    node: &Node<'_>,
    variable: usize,
    member: &'static str,
    whole: &mut Map<String, Value>,
    parts: &mut Vec<Part>,
) {
    let mut before = 0;
    match (whole.get_mut(member), node.value()) {
        (None, value) => {
            whole.insert(member.to_owned(), value.clone());
        }
        (Some(Value::Array(there)), Value::Array(more)) => {
            before = there.len();
            there.extend_from_slice(more);
        }
        _ => {
            let first = parts.iter().find(|part| part.member == member);
            let first = name_of(first.map_or(1, |part| part.variable));
            node.fault(format!("is in {first}, too: only lists may be in several"));
        }
    }
    parts.push(Part {
        variable,
        member,
        before,
    });
}

/// The fault, with the place in its variable: `CONFIG_2.replies[0].when` for what is `replies[40].when` of all.
pub(super) fn placed(mut fault: Fault, parts: &[Part]) -> Fault {
    let path = &fault.path;
    let (member, rest) = path.split_at(path.find(['.', '[']).unwrap_or(path.len()));
    let item = rest
        .strip_prefix('[')
        .and_then(|rest| rest.split_once(']'))
        .and_then(|(index, rest)| Some((index.parse::<usize>().ok()?, rest)));
    let index = item.map_or(0, |(index, _)| index);
    let mut parts = parts.iter().rev();
    let part = parts.find(|part| part.member == member && part.before <= index);
    if let Some(part) = part.filter(|part| part.variable > 1) {
        let variable = name_of(part.variable);
        fault.path = match item {
            Some((_, rest)) => format!("{variable}.{member}[{}]{rest}", index - part.before),
            None => format!("{variable}.{path}"),
        };
    }
    fault
}
