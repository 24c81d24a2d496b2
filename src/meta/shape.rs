//! What a value of Meta's looks like, written down as a table, so that one reader serves them all.
//!
//! A shape is used twice: to copy what it knows of a value into an event, tolerant of the ways in which Meta writes
//! the same thing, and to tell which members of a value it does not know.

use std::borrow::Cow;

use serde_json::Value;

use crate::meta::json::{Json, Key, is_tame, marks_of};
use crate::written::{begin_member, push_string, separate};

/// What a value looks like, and how it is written into an event.
#[derive(Debug, Clone, Copy)]
pub enum Shape {
    /// A string, or a number that is written as one.
    Text,
    /// Like `Text`, left out where it is empty.
    Filled,
    /// Like `Text`, in upper case.
    Upper,
    /// Like `Text`, with the letters `-` and `_` taken for the same.
    Underscored,
    /// A number, or a string that holds one.
    Number,
    /// `true` or `false`, or a string that says so.
    Bool,
    /// A phone number, of which the digits are written; a text that is none is written as it is.
    Phone,
    /// A username, with or without `@`, which is left out.
    Username,
    /// A string that holds JSON, which is written as that JSON; as the string where it does not.
    JsonText,
    /// Whatever it is, as it came.
    Any,
    /// Known, but not written: it is told elsewhere in the event, or must not be relied on.
    Hidden,
    /// `true` where the object has no such member, or an empty one; it has no member of its own.
    TrueWithout(&'static str),
    /// A list of values of one shape.
    List(&'static Shape),
    /// An object with these members, each of which may be missing. Others are left out.
    Object(&'static [Member]),
}

/// A member of an object.
#[derive(Debug, Clone, Copy)]
pub struct Member {
    names: &'static [&'static str],
    written: &'static str,
    shape: Shape,
    marks: u64,
}

/// A member that is written under Meta's name.
pub const fn member(names: &'static [&'static str], shape: Shape) -> Member {
    let written = match names {
        [first, ..] => first,
        [] => "",
    };
    Member {
        names,
        written,
        shape,
        marks: marks_of(names),
    }
}

impl Member {
    /// The member under another name of ours.
    #[must_use]
    pub const fn written(self, written: &'static str) -> Self {
        Self { written, ..self }
    }

    /// The one that a key names.
    fn of<'m>(members: &'m [Self], key: Key<'_>) -> Option<&'m Self> {
        let marks = key.marks();
        members.iter().find(|member| {
            member.marks & marks != 0 && member.names.iter().any(|name| key.is(name))
        })
    }
}

/// The value does not have the shape that its place calls for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Misfit;

impl Shape {
    /// The members, where this is an object.
    pub const fn members(&self) -> &'static [Member] {
        match self {
            Self::Object(members) => members,
            _ => &[],
        }
    }

    /// Whether nothing in it can be unknown.
    const fn is_leaf(&self) -> bool {
        !matches!(self, Self::List(_) | Self::Object(_))
    }

    /// Writes what this shape knows of `json`. What was written before a misfit was met is left in `out`.
    pub fn write(&self, json: Json<'_>, out: &mut String) -> Result<(), Misfit> {
        match self {
            Self::Text | Self::Filled if json.is_string() => out.push_str(json.raw()),
            Self::Text | Self::Filled => push_string(out, &json.text().ok_or(Misfit)?),
            Self::Upper => push_string(out, &json.text().ok_or(Misfit)?.to_ascii_uppercase()),
            Self::Underscored => push_string(out, &json.text().ok_or(Misfit)?.replace('-', "_")),
            Self::Phone => {
                let text = json.text().ok_or(Misfit)?;
                push_string(out, digits(&text).as_deref().unwrap_or(&text));
            }
            Self::Username => push_string(out, json.text().ok_or(Misfit)?.trim_start_matches('@')),
            Self::Number => {
                let text = json.text().ok_or(Misfit)?;
                let Ok(Value::Number(_)) = serde_json::from_str(&text) else {
                    return Err(Misfit);
                };
                out.push_str(text.trim());
            }
            Self::Bool => match json.raw().trim_matches('"') {
                text @ ("true" | "false") => out.push_str(text),
                _ => return Err(Misfit),
            },
            Self::JsonText => match json.text() {
                Some(text) if text.starts_with(['{', '[']) && is_tame(&text) => out.push_str(&text),
                _ => out.push_str(json.raw()),
            },
            Self::Any | Self::Hidden => out.push_str(json.raw()),
            Self::TrueWithout(_) => out.push_str("true"),
            Self::List(shape) => {
                if !json.is_list() {
                    return Err(Misfit);
                }
                out.push('[');
                for item in json.items() {
                    separate(out, '[');
                    shape.write(item, out)?;
                }
                out.push(']');
            }
            Self::Object(members) => {
                if !json.is_object() {
                    return Err(Misfit);
                }
                out.push('{');
                write_members(members, json, out)?;
                out.push('}');
            }
        }
        Ok(())
    }

    /// Calls `found` with the path of every member that this shape does not know, below `path`.
    pub fn unknown_members(&self, json: Json<'_>, path: &mut String, found: &mut impl FnMut(&str)) {
        let length = path.len();
        match self {
            Self::List(shape) => {
                path.push_str("[]");
                for item in json.items() {
                    shape.unknown_members(item, path, found);
                }
            }
            Self::Object(members) => {
                for (key, value) in json.members() {
                    let member = Member::of(members, key);
                    if member.is_some_and(|member| member.shape.is_leaf()) {
                        continue;
                    }
                    if !path.is_empty() {
                        path.push('.');
                    }
                    path.push_str(&key.text());
                    match member {
                        Some(member) => member.shape.unknown_members(value, path, found),
                        None => found(path),
                    }
                    path.truncate(length);
                }
            }
            _ => {}
        }
        path.truncate(length);
    }
}

/// Writes the members of `json` that are known, without the braces around them.
pub fn write_members(members: &[Member], json: Json<'_>, out: &mut String) -> Result<(), Misfit> {
    let present = json.marks();
    for Member {
        names,
        written,
        shape,
        marks,
    } in members
    {
        if present & marks == 0 && !matches!(shape, Shape::TrueWithout(_)) {
            continue;
        }
        let value = match shape {
            Shape::Hidden => None,
            Shape::Filled => json.any(names).filter(|value| !is_empty(*value)),
            Shape::TrueWithout(name) => json.get(name).is_none_or(is_empty).then_some(json),
            _ => json.any(names),
        };
        if let Some(value) = value {
            begin_member(out, written);
            shape.write(value, out)?;
        }
    }
    Ok(())
}

/// The digits of a phone number, however it is written; `None` where it is none.
pub fn digits(text: &str) -> Option<Cow<'_, str>> {
    if text.bytes().all(|b| b.is_ascii_digit()) {
        return (!text.is_empty()).then_some(Cow::Borrowed(text));
    }
    let digits: String = text.chars().filter(char::is_ascii_digit).collect();
    let written = |c: char| c.is_ascii_digit() || "+ -().".contains(c);
    (text.chars().all(written) && !digits.is_empty()).then_some(Cow::Owned(digits))
}

fn is_empty(json: Json<'_>) -> bool {
    json.raw() == r#""""#
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::meta::json::Document;

    const SHAPE: Shape = Shape::Object(&[
        member(&["id"], Shape::Text),
        member(&["type"], Shape::Upper).written("kind"),
        member(&["n", "number"], Shape::Number),
        member(&["on"], Shape::Bool),
        member(&["note"], Shape::Filled),
        member(&["phone"], Shape::Phone),
        member(&["username"], Shape::Username),
        member(&["json"], Shape::JsonText),
        member(&["url"], Shape::Hidden),
        member(
            &["list"],
            Shape::List(&Shape::Object(&[member(&["a"], Shape::Any)])),
        ),
        member(&[], Shape::TrueWithout("id")).written("anonymous"),
    ]);

    fn write(text: &str) -> Result<String, Misfit> {
        let mut out = String::new();
        SHAPE
            .write(Document::parse(text).unwrap().root(), &mut out)
            .map(|()| out)
    }

    #[test]
    fn what_meta_writes_in_several_ways_is_written_in_one() {
        let text = r#"{"type":"a","id":12,"number":"1.5","on":"true","phone":"+1 (650)","username":"@ana","url":"x","list":[{"a":[1],"b":2}],"c":3}"#;
        let expected = r#"{"id":"12","kind":"A","n":1.5,"on":true,"phone":"1650","username":"ana","list":[{"a":[1]}]}"#;
        assert_eq!(write(text).unwrap(), expected);
        assert_eq!(
            write(r#"{"id":"","n":null,"note":""}"#).unwrap(),
            r#"{"id":"","anonymous":true}"#
        );
    }

    #[test]
    fn json_in_a_string_is_opened_where_it_is_json() {
        assert_eq!(
            write(r#"{"id":1,"json":"{\"a\":1}"}"#).unwrap(),
            r#"{"id":"1","json":{"a":1}}"#
        );
        let deep = format!("{}{}", "[".repeat(5_000), "]".repeat(5_000));
        for text in [
            r#""{\"a\":""#,
            r#""plain""#,
            "[1]",
            r#""{\"a\":\"\\ud800\"}""#,
            &format!("\"{deep}\""),
        ] {
            assert_eq!(
                write(&format!(r#"{{"id":1,"json":{text}}}"#)).unwrap(),
                format!(r#"{{"id":"1","json":{text}}}"#)
            );
        }
    }

    #[test]
    fn another_shape_is_a_misfit() {
        for text in [
            r#"{"id":{}}"#,
            r#"{"n":"x"}"#,
            r#"{"on":1}"#,
            r#"{"list":"x"}"#,
            r#"{"list":[1]}"#,
            "[]",
            r#"{"id":true}"#,
        ] {
            assert_eq!(write(text), Err(Misfit), "{text}");
        }
    }

    #[test]
    fn unknown_members_are_told_by_path() {
        let document = Document::parse(
            r#"{"id":1,"x":{"y":1},"number":2,"list":[{"a":{"q":1},"b":2},{"b":3}]}"#,
        )
        .unwrap();
        let mut found = Vec::new();
        SHAPE.unknown_members(document.root(), &mut String::from("value"), &mut |path| {
            found.push(path.to_owned());
        });
        assert_eq!(found, ["value.x", "value.list[].b", "value.list[].b"]);
    }
}
