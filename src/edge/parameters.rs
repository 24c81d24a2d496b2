//! Parameters of the admin API: what they may be, and what is said where they are something else.

mod kind;

use serde_json::Value;
use url::form_urlencoded;

use crate::checked::{self, Node};
pub use kind::Kind;

/// How many items a page has where `limit` is not given.
const USUAL_LIMIT: i64 = 20;

/// A parameter of a route.
#[derive(Debug, PartialEq, Eq)]
pub struct Parameter {
    /// Its name.
    pub name: &'static str,
    /// Whether it must be there.
    pub required: bool,
    /// What it may be.
    pub kind: Kind,
}

/// A parameter that must be there.
pub(super) const fn required(name: &'static str, kind: Kind) -> Parameter {
    Parameter {
        name,
        required: true,
        kind,
    }
}

/// A parameter that need not be there.
pub(super) const fn optional(name: &'static str, kind: Kind) -> Parameter {
    Parameter {
        name,
        required: false,
        kind,
    }
}

/// Parameters that were checked.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Parameters(Vec<(&'static str, String)>);

impl Parameters {
    /// A parameter's value.
    pub fn get(&self, name: &str) -> Option<&str> {
        let mut found = self.0.iter().filter(|(key, _)| *key == name);
        found.next().map(|(_, value)| value.as_str())
    }

    /// The page of `ids` that `after` and `limit` ask for, sorted, and what leads to the next page.
    pub fn page<'a>(&self, mut ids: Vec<&'a str>) -> (Vec<&'a str>, Option<&'a str>) {
        let after = self.get("after").unwrap_or_default();
        let limit = self.get("limit").and_then(|limit| limit.parse().ok());
        ids.sort_unstable();
        ids.retain(|id| *id > after);
        let more = ids.len() > limit.unwrap_or(usize::MAX);
        ids.truncate(limit.unwrap_or(usize::MAX));
        let next = ids.last().copied().filter(|_| more);
        (ids, next)
    }

    /// The parameters without this one.
    #[must_use]
    pub fn without(&self, name: &str) -> Self {
        let others = self.0.iter().filter(|(key, _)| *key != name);
        Self(others.cloned().collect())
    }

    /// The parameters as a query, for the mailbox.
    pub fn query(&self) -> String {
        form_urlencoded::Serializer::new(String::new())
            .extend_pairs(&self.0)
            .finish()
    }

    fn add(&mut self, parameter: &Parameter, value: Option<&str>) -> Result<(), String> {
        let Parameter {
            name,
            required,
            kind,
        } = parameter;
        match value {
            None if *required => Err(format!("{name}: is required")),
            None => Ok(()),
            Some(value) => {
                let value = kind
                    .read(value)
                    .map_err(|expected| format!("{name}: must be {expected}"))?;
                self.0.push((name, value));
                Ok(())
            }
        }
    }
}

/// Checks the parameters in a path.
pub fn in_path(values: &[String], known: &'static [Parameter]) -> Result<Parameters, String> {
    let mut parameters = Parameters::default();
    for (parameter, value) in known.iter().zip(values) {
        parameters.add(parameter, Some(value))?;
    }
    Ok(parameters)
}

/// Checks the parameters in a query. Sets the limit of a page where it is not given.
pub fn in_query(query: &str, known: &'static [Parameter]) -> Result<Parameters, String> {
    let given: Vec<_> = form_urlencoded::parse(query.as_bytes()).collect();
    for (number, (name, _)) in given.iter().enumerate() {
        if !known.iter().any(|parameter| parameter.name == name) {
            let names: Vec<_> = known.iter().map(|parameter| parameter.name).collect();
            return Err(match names.as_slice() {
                [] => format!("{name}: is not known here; no parameters are"),
                names => format!("{name}: is not known here; known are {}", names.join(", ")),
            });
        }
        if given.iter().take(number).any(|(other, _)| other == name) {
            return Err(format!("{name}: is there twice"));
        }
    }
    let mut parameters = Parameters::default();
    for parameter in known {
        let value = given.iter().find(|(name, _)| name == parameter.name);
        parameters.add(parameter, value.map(|(_, value)| value.as_ref()))?;
        if parameter.kind == Kind::Limit && value.is_none() {
            parameters.0.push((parameter.name, USUAL_LIMIT.to_string()));
        }
    }
    Ok(parameters)
}

/// Checks the members of a JSON body.
pub fn in_body(body: &[u8], known: &'static [Parameter]) -> Result<Parameters, String> {
    let body: Value = checked::json(body).ok_or("the body must be JSON")?;
    let read = |root: &Node<'_>| {
        let mut parameters = Parameters::default();
        let names: Vec<_> = known.iter().map(|parameter| parameter.name).collect();
        if root.object().is_none() {
            return parameters;
        }
        root.only(&names);
        for parameter in known {
            let node = root.get(parameter.name);
            let value = node.and_then(|node| member(&node, parameter.kind));
            if (value.is_some() || node.is_none())
                && let Err(reason) = parameters.add(parameter, value.as_deref())
            {
                root.fault(reason);
            }
        }
        parameters
    };
    crate::checked::read("", &body, read).map_err(|faults| {
        let faults: Vec<String> = faults.iter().map(ToString::to_string).collect();
        faults.join("; ")
    })
}

/// A member of a body, as it would stand in a query.
fn member(node: &Node<'_>, kind: Kind) -> Option<String> {
    match (kind, node.value()) {
        // To JSON Schema, 7.0 is whole.
        (Kind::Whole, Value::Number(number)) => {
            let number = number.to_string();
            Some(number.strip_suffix(".0").unwrap_or(&number).to_owned())
        }
        (Kind::Whole, _) => node.refuse("must be a whole number"),
        (Kind::Flag, _) => node.flag().map(|flag| flag.to_string()),
        _ => node.text().map(str::to_owned),
    }
}

#[cfg(test)]
mod tests;
