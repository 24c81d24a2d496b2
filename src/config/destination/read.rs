//! Reads a destination out of `CONFIG`.

use std::ops::RangeInclusive;

use super::{Condition, Destination, Format, Header, StartsAt};
use crate::{
    checked::Node,
    config::{
        CheckedUrl, Pattern, Retry, SigningSecret, UrlError, answering::MOST_PER_DAY, id, number,
        reference,
    },
    event::OWN,
};

/// The longest that a conversation may be held back until it is quiet, in milliseconds.
const LONGEST_QUIET_MS: u32 = 300_000;

const MEMBERS: [&str; 18] = [
    "id",
    "url",
    "any_port",
    "secret",
    "events",
    "numbers",
    "when",
    "format",
    "headers",
    "from",
    "timeout_ms",
    "max_in_flight",
    "max_per_second",
    "quiet_ms",
    "quiet_max_ms",
    "retry",
    "replies_per_day",
    "paused",
];

impl Destination {
    /// Reads one; `None` if something that it cannot be without is wrong. All faults are recorded.
    pub(in crate::config) fn read(
        node: &Node<'_>,
        lookup: &dyn Fn(&str) -> Option<String>,
    ) -> Option<Self> {
        node.object()?;
        node.only(&MEMBERS);
        let id = node.need("id").and_then(|id| id::read(&id));
        let any_port = node.get("any_port").and_then(|node| node.flag());
        let url = node.need("url");
        let url = url.and_then(|url| read_url(&url, any_port.unwrap_or(false)));
        let secrets = node
            .need("secret")
            .map(|secret| read_secrets(&secret, lookup));
        // With a fault anywhere nothing of this is used, so a stand-in does where the URL is wrong.
        let stand_in = || CheckedUrl::parse("https://destination.example").ok();
        let is_right = id.is_some() && url.is_some() && secrets.is_some();
        let mut read = Self::new(
            id.unwrap_or_default(),
            url.or_else(stand_in)?,
            secrets.unwrap_or_default(),
        );
        read.read_form(node, lookup);
        read.read_choice(node);
        read.read_pace(node);
        is_right.then_some(read)
    }

    /// Which events it wants.
    fn read_choice(&mut self, node: &Node<'_>) {
        if let Some(events) = node.get("events") {
            self.events = read_patterns(&events, self.format);
        }
        self.numbers = node
            .get("numbers")
            .map(|numbers| number::read_ids(&numbers));
        if let Some(when) = node.get("when") {
            self.when = Condition::read_all(&when);
        }
        if let Some(from) = node.get("from").and_then(|from| read_from(&from)) {
            self.from = from;
        }
    }

    /// How they are written.
    fn read_form(&mut self, node: &Node<'_>, lookup: &dyn Fn(&str) -> Option<String>) {
        if let Some(format) = node.get("format").and_then(|format| read_format(&format)) {
            self.format = format;
        }
        if let Some(headers) = node.get("headers") {
            self.headers = Header::read_all(&headers, lookup);
        }
    }

    /// When, and how many.
    fn read_pace(&mut self, node: &Node<'_>) {
        let requests = |key| node.get(key)?.whole(&(1..=1000), "requests");
        let timeout_ms = ms(node, "timeout_ms", 100..=30_000);
        self.timeout_ms = timeout_ms.unwrap_or(self.timeout_ms);
        self.max_in_flight = requests("max_in_flight").unwrap_or(self.max_in_flight);
        self.max_per_second = requests("max_per_second");
        self.read_quiet(node);
        if let Some(retry) = node.get("retry") {
            self.retry = read_retry(&retry);
        }
        let replies = node.get("replies_per_day");
        self.replies_per_day = replies.and_then(|node| node.whole(&(0..=MOST_PER_DAY), "messages"));
        if let Some(paused) = node.get("paused").and_then(|paused| paused.flag()) {
            self.paused = paused;
        }
    }

    fn read_quiet(&mut self, node: &Node<'_>) {
        self.quiet_ms = ms(node, "quiet_ms", 0..=60_000).unwrap_or(self.quiet_ms);
        let quiet_max_ms = ms(node, "quiet_max_ms", 0..=LONGEST_QUIET_MS);
        self.quiet_max_ms = quiet_max_ms.unwrap_or(self.quiet_max_ms.max(self.quiet_ms));
        for member in ["quiet_ms", "quiet_max_ms"] {
            let Some(node) = node.get(member) else {
                continue;
            };
            if self.format != Format::CloudEventsBatch {
                node.fault("is for the format cloudevents-batch alone");
            } else if self.quiet_max_ms < self.quiet_ms && member == "quiet_max_ms" {
                node.fault("must not be below quiet_ms");
            }
        }
    }
}

fn read_url(node: &Node<'_>, any_port: bool) -> Option<CheckedUrl> {
    CheckedUrl::parse_on(node.text()?, any_port)
        .map_err(|error| match error {
            UrlError::Port => node.fault(format!("{error}, unless any_port is true")),
            error => node.fault(error.to_string()),
        })
        .ok()
}

fn read_secrets(node: &Node<'_>, lookup: &dyn Fn(&str) -> Option<String>) -> Vec<SigningSecret> {
    let references = node.one_or_several(2, "secrets (the new one and the old one)");
    let read = |node| read_secret(node, lookup);
    references.iter().filter_map(read).collect()
}

fn read_secret(node: &Node<'_>, lookup: &dyn Fn(&str) -> Option<String>) -> Option<SigningSecret> {
    let (name, value) = reference::read(node, lookup)?;
    SigningSecret::parse(&value)
        .map_err(|error| node.fault(format!("{name} {error}")))
        .ok()
}

fn read_patterns(node: &Node<'_>, format: Format) -> Vec<Pattern> {
    let read = |node: &Node<'_>| {
        let text = node.text()?;
        if format == Format::Meta && text.starts_with(OWN) {
            return node.refuse("Meta has no such event, so the format meta cannot tell of it");
        }
        Pattern::parse(text)
            .map_err(|error| node.fault(error.to_string()))
            .ok()
    };
    node.items(1..=100, "event types")
        .iter()
        .filter_map(read)
        .collect()
}

fn read_format(node: &Node<'_>) -> Option<Format> {
    match node.one_of(&["cloudevents", "cloudevents-batch", "meta"])? {
        "cloudevents" => Some(Format::CloudEvents),
        "meta" => Some(Format::Meta),
        _ => Some(Format::CloudEventsBatch),
    }
}

fn read_from(node: &Node<'_>) -> Option<StartsAt> {
    match node.one_of(&["now", "beginning"])? {
        "now" => Some(StartsAt::Now),
        _ => Some(StartsAt::Beginning),
    }
}

/// The longest schedule is a week: as long as Meta itself repeats a webhook.
const WEEK_MS: u32 = 7 * 24 * 3_600_000;

fn read_retry(node: &Node<'_>) -> Retry {
    let default = Retry::default();
    if node.object().is_none() {
        return default;
    }
    node.only(&["first_ms", "max_ms", "total_ms"]);
    let read = |key, least, otherwise| ms(node, key, least..=WEEK_MS).map_or(otherwise, u64::from);
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

#[allow(
    clippy::needless_pass_by_value,
    reason = "a range is written where it is passed"
)]
fn ms(node: &Node<'_>, key: &str, range: RangeInclusive<u32>) -> Option<u32> {
    node.get(key)?.whole(&range, "ms")
}
