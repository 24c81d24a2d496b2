//! Parameters of the admin API: what they may be, and what is said where they are something else.

use chrono::DateTime;
use serde_json::Value;
use url::form_urlencoded;

use crate::checked::Node;

/// How many items there are on a page at most, and where nothing is said.
const LIMIT: std::ops::RangeInclusive<i64> = 1..=100;
const USUAL_LIMIT: i64 = 20;

/// Beyond this, JavaScript has no whole numbers.
const LARGEST: i64 = (1 << 53) - 1;

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

/// What a parameter may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A `phone_number_id`, or `account/` and the id of an account.
    Mailbox,
    /// A destination's id.
    Destination,
    /// 1 to 128 characters.
    Text,
    /// A whole number that is not negative.
    Whole,
    /// How many items a page may have.
    Limit,
    /// Where the page before ended: a destination's id, a colon and a number.
    Place,
    /// Where the page before ended: a number, a colon and a path.
    Seen,
    /// Whether a customer wants to be written to: `opted_in` or `opted_out`.
    Standing,
    /// `true` or `false`.
    Flag,
    /// What is replayed: `dead-letters` or `all`.
    Of,
    /// A time as RFC 3339 writes it.
    Time,
}

impl Kind {
    /// The value in the form in which it is handed on (a time as unix milliseconds), or what it must be.
    fn read(self, text: &str) -> Result<String, &'static str> {
        match self {
            Self::Mailbox => {
                let id = text.strip_prefix("account/").unwrap_or(text);
                kept(
                    text,
                    is_word(id, |b| b.is_ascii_alphanumeric()),
                    "a phone_number_id, or account/ and the id of an account",
                )
            }
            Self::Destination => kept(text, is_destination(text), "the id of a destination"),
            Self::Text => {
                let fits = !text.is_empty() && text.chars().nth(128).is_none();
                kept(text, fits, "1 to 128 characters")
            }
            Self::Whole => {
                let fits = whole(text).is_some();
                kept(text, fits, "a whole number")
            }
            Self::Limit => {
                let fits = whole(text).is_some_and(|number| LIMIT.contains(&number));
                kept(text, fits, "1 to 100")
            }
            Self::Place => {
                let fits = text
                    .rsplit_once(':')
                    .is_some_and(|(id, seq)| is_destination(id) && whole(seq).is_some());
                kept(text, fits, NEXT)
            }
            Self::Seen => {
                let fits = text
                    .split_once(':')
                    .is_some_and(|(first, _)| whole(first).is_some());
                kept(text, fits, NEXT)
            }
            Self::Standing => kept(
                text,
                matches!(text, "opted_in" | "opted_out"),
                "opted_in or opted_out",
            ),
            Self::Of => kept(
                text,
                matches!(text, "dead-letters" | "all"),
                "dead-letters or all",
            ),
            Self::Flag => kept(text, matches!(text, "true" | "false"), "true or false"),
            Self::Time => DateTime::parse_from_rfc3339(text)
                .map(|time| time.timestamp_millis().to_string())
                .map_err(|_| "a time such as 2026-11-22T08:00:00Z"),
        }
    }
}

/// What leads to the next page.
const NEXT: &str = "`next` of the page before, as it was";

fn kept(text: &str, fits: bool, expected: &'static str) -> Result<String, &'static str> {
    if fits {
        Ok(text.to_owned())
    } else {
        Err(expected)
    }
}

fn is_word(text: &str, also: fn(u8) -> bool) -> bool {
    (1..=64).contains(&text.len()) && text.bytes().all(|b| b == b'_' || b == b'-' || also(b))
}

fn is_destination(text: &str) -> bool {
    is_word(text, |b| b.is_ascii_lowercase() || b.is_ascii_digit())
}

fn whole(text: &str) -> Option<i64> {
    if text.is_empty() || !text.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    text.parse().ok().filter(|number| *number <= LARGEST)
}

/// Parameters that are all what they must be.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Parameters(Vec<(&'static str, String)>);

impl Parameters {
    /// A parameter's value.
    pub fn get(&self, name: &str) -> Option<&str> {
        let mut found = self.0.iter().filter(|(key, _)| *key == name);
        found.next().map(|(_, value)| value.as_str())
    }

    /// The page of `ids` that is asked for by `after` and `limit`, in their order, and what leads to the next.
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

    /// They as a query, for the mailbox.
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

/// Checks the parameters in a query. The limit of a page is set where it is not said.
pub fn in_query(query: &str, known: &'static [Parameter]) -> Result<Parameters, String> {
    let given: Vec<_> = form_urlencoded::parse(query.as_bytes()).collect();
    for (number, (name, _)) in given.iter().enumerate() {
        if !known.iter().any(|parameter| parameter.name == name) {
            let names: Vec<_> = known.iter().map(|parameter| parameter.name).collect();
            return Err(match names.as_slice() {
                [] => "no parameters are known here".to_owned(),
                names => format!(
                    "the parameters that are known here are {}",
                    names.join(", ")
                ),
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
    let body: Value = serde_json::from_slice(body).map_err(|_| "the body must be JSON")?;
    let read = |root: &Node<'_>| {
        let mut parameters = Parameters::default();
        let names: Vec<_> = known.iter().map(|parameter| parameter.name).collect();
        if root.object().is_none() {
            return parameters;
        }
        root.only(&names);
        for parameter in known {
            let value = root.get(parameter.name);
            let value = value.and_then(|node| match (parameter.kind, node.value()) {
                // To JSON Schema, 7.0 is whole.
                (Kind::Whole, Value::Number(number)) => {
                    let number = number.to_string();
                    Some(number.strip_suffix(".0").unwrap_or(&number).to_owned())
                }
                (Kind::Whole, _) => node.refuse("must be a whole number"),
                (Kind::Flag, _) => node.flag().map(|flag| flag.to_string()),
                _ => node.text().map(str::to_owned),
            });
            let there = root.get(parameter.name).is_some();
            if (value.is_some() || !there)
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const KNOWN: &[Parameter] = &[
        required("destination", Kind::Destination),
        optional("from", Kind::Time),
        optional("conversation", Kind::Whole),
        optional("after", Kind::Place),
        optional("limit", Kind::Limit),
        optional("seen", Kind::Seen),
    ];

    const PAGED: &[Parameter] = &[
        required("destination", Kind::Destination),
        optional("after", Kind::Mailbox),
        optional("limit", Kind::Limit),
    ];

    #[test]
    fn a_query_is_read_and_handed_on() {
        let read = in_query(
            "destination=crm&from=2026-11-22T09%3A00%3A00.5%2B01:00&after=crm:12",
            KNOWN,
        )
        .unwrap();
        assert_eq!(read.get("from"), Some("1795334400500"));
        assert_eq!(
            read.query(),
            "destination=crm&from=1795334400500&after=crm%3A12&limit=20"
        );
    }

    #[test]
    fn what_is_wrong_is_said() {
        for (query, detail) in [
            ("", "destination: is required"),
            (
                "destination=",
                "destination: must be the id of a destination",
            ),
            (
                "destination=CRM",
                "destination: must be the id of a destination",
            ),
            (
                "destination=a&from=today",
                "from: must be a time such as 2026-11-22T08:00:00Z",
            ),
            (
                "destination=a&conversation=-1",
                "conversation: must be a whole number",
            ),
            (
                "destination=a&conversation=9007199254740992",
                "conversation: must be a whole number",
            ),
            ("destination=a&limit=0", "limit: must be 1 to 100"),
            ("destination=a&limit=101", "limit: must be 1 to 100"),
            (
                "destination=a&after=12",
                "after: must be `next` of the page before, as it was",
            ),
            (
                "destination=a&seen=members",
                "seen: must be `next` of the page before, as it was",
            ),
            ("destination=a&destination=b", "destination: is there twice"),
            (
                "destinatoin=a",
                "the parameters that are known here are destination, from, conversation, after, limit, seen",
            ),
        ] {
            assert_eq!(in_query(query, KNOWN).unwrap_err(), detail, "{query}");
        }
        assert_eq!(
            in_query("a=b", &[]).unwrap_err(),
            "no parameters are known here"
        );
    }

    #[test]
    fn a_body_has_the_same_parameters() {
        let read = in_body(
            br#"{"destination":"crm","conversation":7.0,"from":null}"#,
            KNOWN,
        );
        assert_eq!(read.unwrap().query(), "destination=crm&conversation=7");
        for (body, detail) in [
            ("", "the body must be JSON"),
            ("[]", "must be an object"),
            ("{}", "destination: is required"),
            (r#"{"destination":7}"#, "destination: must be a string"),
            (
                r#"{"destination":"a","conversation":"7","fro":1}"#,
                "fro: is not known here, did you mean from?; conversation: must be a whole number",
            ),
            (
                r#"{"destination":"a","conversation":1.5}"#,
                "conversation: must be a whole number",
            ),
        ] {
            assert_eq!(
                in_body(body.as_bytes(), KNOWN).unwrap_err(),
                detail,
                "{body}"
            );
        }
    }

    #[test]
    fn pages_lead_from_one_to_the_next_until_all_was_told() {
        let mut told = Vec::new();
        let mut after = String::new();
        loop {
            let query = format!("destination=x&limit=2{after}");
            let parameters = in_query(&query, PAGED).unwrap();
            let (page, next) = parameters.page(vec!["5", "1", "4", "2", "3"]);
            told.push(page.concat());
            let Some(next) = next else { break };
            after = format!("&after={next}");
        }
        assert_eq!(told, ["12", "34", "5"]);
    }

    #[test]
    fn a_mailbox_is_a_numbers_or_an_accounts() {
        const PATH: &[Parameter] = &[required("phone_number_id", Kind::Mailbox)];
        for (id, fits) in [
            ("106540352242922", true),
            ("account/102290129340398", true),
            ("", false),
            ("account/", false),
            ("a/b", false),
            ("1 2", false),
        ] {
            assert_eq!(in_path(&[id.to_owned()], PATH).is_ok(), fits, "{id}");
        }
    }

    proptest! {
        #[test]
        fn nothing_that_is_asked_is_too_much(query: String, body: Vec<u8>) {
            let _ = in_query(&query, KNOWN);
            let _ = in_body(&body, KNOWN);
        }
    }
}
