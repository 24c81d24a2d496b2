//! A team's endpoint, as `CONFIG` describes it.

use crate::{
    checked::Node,
    config::{Address, Pattern, Retry, SigningSecret},
};

/// A team's HTTPS endpoint that wants some of the events.
#[derive(Debug, Clone)]
pub struct Destination {
    /// Its name, by which its cursor is kept: 1 to 64 of `a-z`, `0-9`, `_`, `-`. Unique.
    pub id: String,
    /// Where events are posted to.
    pub url: Address,
    /// One, or two while it is rotated: both sign.
    pub secrets: Vec<SigningSecret>,
    /// It gets what matches any of these.
    pub events: Vec<Pattern>,
    /// How events are written.
    pub format: Format,
    /// How long it may take to answer, in milliseconds.
    pub timeout_ms: u32,
    /// How many requests it gets at the same time from one mailbox.
    pub max_in_flight: u32,
    /// When what it did not take is tried again.
    pub retry: Retry,
    /// Events wait for it until it is taken out.
    pub paused: bool,
}

/// How events are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// CloudEvents 1.0, structured JSON, one event a request.
    CloudEvents,
}

impl Destination {
    /// Whether it wants events of this type.
    pub fn wants(&self, kind: &str) -> bool {
        self.events.iter().any(|pattern| pattern.matches(kind))
    }

    /// Reads one; `None` if something that it cannot be without is wrong. All faults are recorded.
    pub(super) fn read(node: &Node<'_>, lookup: &dyn Fn(&str) -> Option<String>) -> Option<Self> {
        node.object()?;
        node.only(&[
            "id",
            "url",
            "secret",
            "events",
            "format",
            "timeout_ms",
            "max_in_flight",
            "retry",
            "paused",
        ]);
        let id = node.need("id").and_then(|id| read_id(&id));
        let url = node.need("url").and_then(|url| {
            Address::parse(url.text()?)
                .map_err(|error| url.fault(error.to_string()))
                .ok()
        });
        let secrets = node
            .need("secret")
            .map(|secret| read_secrets(&secret, lookup));
        let events = node
            .get("events")
            .map_or_else(|| vec![Pattern::all()], |events| read_patterns(&events));
        let format = node
            .get("format")
            .map_or(Some(Format::CloudEvents), |format| read_format(&format));
        let timeout_ms = small(node, "timeout_ms", 100, 30_000, "ms").unwrap_or(10_000);
        let max_in_flight = small(node, "max_in_flight", 1, 100, "requests").unwrap_or(6);
        let retry = node
            .get("retry")
            .map_or_else(Retry::default, |retry| read_retry(&retry));
        let paused = node
            .get("paused")
            .and_then(|paused| paused.flag())
            .unwrap_or(false);
        Some(Self {
            id: id?,
            url: url?,
            secrets: secrets?,
            events,
            format: format?,
            timeout_ms,
            max_in_flight,
            retry,
            paused,
        })
    }
}

fn read_id(node: &Node<'_>) -> Option<String> {
    let id = node.text()?;
    let fits = (1..=64).contains(&id.len())
        && id
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_' || b == b'-');
    if fits {
        Some(id.to_owned())
    } else {
        node.refuse("must be 1 to 64 of a-z, 0-9, _ and -")
    }
}

fn read_secrets(node: &Node<'_>, lookup: &dyn Fn(&str) -> Option<String>) -> Vec<SigningSecret> {
    if node.value().is_array() {
        let references = node.items(1..=2, "secrets (the new one and the old one)");
        references
            .iter()
            .filter_map(|node| read_secret(node, lookup))
            .collect()
    } else {
        read_secret(node, lookup).into_iter().collect()
    }
}

fn read_secret(node: &Node<'_>, lookup: &dyn Fn(&str) -> Option<String>) -> Option<SigningSecret> {
    // A secret that was written here by mistake has lower-case letters: it is no name, so it is not repeated.
    let is_name = |name: &&str| {
        (1..=64).contains(&name.len())
            && name
                .bytes()
                .all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_')
    };
    let name = node
        .value()
        .as_str()
        .and_then(|text| text.strip_prefix("env:"))
        .filter(is_name);
    let Some(name) = name else {
        return node.refuse("must be a reference such as env:CRM_SECRET, never the secret itself");
    };
    match lookup(name).filter(|value| !value.trim().is_empty()) {
        None => node.refuse(format!("{name} is not set: wrangler secret put {name}")),
        Some(value) => SigningSecret::parse(&value)
            .map_err(|error| node.fault(format!("{name} {error}")))
            .ok(),
    }
}

fn read_patterns(node: &Node<'_>) -> Vec<Pattern> {
    let read = |node: &Node<'_>| {
        Pattern::parse(node.text()?)
            .map_err(|error| node.fault(error.to_string()))
            .ok()
    };
    node.items(1..=100, "event types")
        .iter()
        .filter_map(read)
        .collect()
}

fn read_format(node: &Node<'_>) -> Option<Format> {
    match node.text()? {
        "cloudevents" => Some(Format::CloudEvents),
        "cloudevents-batch" | "meta" => {
            node.refuse("is not there yet: cloudevents is the one format for now")
        }
        _ => node.refuse("must be cloudevents"),
    }
}

/// The longest schedule is a week: as long as Meta itself repeats a webhook.
const WEEK_MS: u64 = 7 * 24 * 3_600_000;

fn read_retry(node: &Node<'_>) -> Retry {
    let default = Retry::default();
    if node.object().is_none() {
        return default;
    }
    node.only(&["first_ms", "max_ms", "total_ms"]);
    let read = |key, least, otherwise| {
        node.get(key)
            .and_then(|node| node.whole(&(least..=WEEK_MS), "ms"))
            .unwrap_or(otherwise)
    };
    let first_ms = read("first_ms", 10, default.first_ms);
    // Who sets a first wait longer than the usual cap means what they say.
    let max_ms = read("max_ms", 10, default.max_ms.max(first_ms));
    let total_ms = read("total_ms", 0, default.total_ms);
    if max_ms < first_ms {
        node.fault("max_ms must not be below first_ms");
    }
    Retry {
        first_ms,
        max_ms,
        total_ms,
    }
}

fn small(node: &Node<'_>, key: &str, least: u32, most: u32, unit: &str) -> Option<u32> {
    let number = node.get(key)?.whole(&(least.into()..=most.into()), unit)?;
    u32::try_from(number).ok()
}
