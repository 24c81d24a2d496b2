//! A team's endpoint, as `CONFIG` describes it, and which events it wants.

mod condition;
mod header;
mod read;

pub use condition::Condition;
pub use header::Header;

use crate::{
    config::{CheckedUrl, Pattern, Retry, SigningSecret},
    event::OWN,
    meta::json::Document,
};

/// A team's HTTPS endpoint that wants some of the events.
#[derive(Debug, Clone)]
pub struct Destination {
    /// Its name, by which its cursor is kept: 1 to 64 of `a-z`, `0-9`, `_`, `-`. Unique.
    pub id: String,
    /// Where events are posted to.
    pub url: CheckedUrl,
    /// One, or two while it is rotated: both sign. The new one first.
    pub secrets: Vec<SigningSecret>,
    /// It gets what matches any of these.
    pub events: Vec<Pattern>,
    /// It gets what concerns these business numbers (`phone_number_id`) alone; `None`: whatever it concerns.
    pub numbers: Option<Vec<String>>,
    /// It gets what meets all of these.
    pub when: Vec<Condition>,
    /// How events are written.
    pub format: Format,
    /// Sent along with every request.
    pub headers: Vec<Header>,
    /// Where it begins in the log of a mailbox that does not know it yet.
    pub from: StartsAt,
    /// How long it may take to answer, in milliseconds.
    pub timeout_ms: u32,
    /// How many requests it gets at the same time from one mailbox.
    pub max_in_flight: u32,
    /// How many requests it gets within a second from one mailbox; `None`: as many as there are.
    pub max_per_second: Option<u32>,
    /// For how long a conversation must have been quiet before what came together goes out as one batch, in
    /// milliseconds; 0: at once.
    pub quiet_ms: u32,
    /// After how long it goes out although the conversation was not quiet, in milliseconds.
    pub quiet_max_ms: u32,
    /// When what it did not take is tried again.
    pub retry: Retry,
    /// How many replies it may ask for in a day from one business number; `None`: as many as it likes.
    pub replies_per_day: Option<u32>,
    /// Events wait for it until it is taken out.
    pub paused: bool,
}

/// How events are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// CloudEvents 1.0, structured JSON, one event a request.
    CloudEvents,
    /// CloudEvents 1.0, a JSON list of the events of one conversation.
    CloudEventsBatch,
    /// Meta's own webhook with one event in it, signed as Meta signs.
    Meta,
}

impl Format {
    /// How long a request with several events may be, in bytes. One event that is longer goes alone.
    pub const MOST_BYTES: usize = 256 * 1024;

    /// How many events one request may hold.
    pub fn most_events(self) -> usize {
        match self {
            Self::CloudEvents | Self::Meta => 1,
            Self::CloudEventsBatch => 100,
        }
    }
}

/// Where a destination begins in the log of a mailbox that does not know it yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StartsAt {
    /// It gets what comes from then on.
    Now,
    /// It gets what is still in the log as well: what another destination has not got yet.
    Beginning,
}

impl Destination {
    /// One with the defaults, which wants everything.
    pub fn new(id: String, url: CheckedUrl, secrets: Vec<SigningSecret>) -> Self {
        Self {
            id,
            url,
            secrets,
            events: vec![Pattern::all()],
            numbers: None,
            when: Vec::new(),
            format: Format::CloudEvents,
            headers: Vec::new(),
            from: StartsAt::Now,
            timeout_ms: 10_000,
            max_in_flight: 20,
            max_per_second: None,
            quiet_ms: 0,
            quiet_max_ms: 30_000,
            retry: Retry::default(),
            replies_per_day: None,
            paused: false,
        }
    }

    /// Whether it wants events of this type, and can be told of them.
    pub fn wants(&self, kind: &str) -> bool {
        self.can_be_told(kind) && self.events.iter().any(|pattern| pattern.matches(kind))
    }

    /// Whether its format holds events of this type: Meta has no envelope for Transom's own.
    pub fn can_be_told(&self, kind: &str) -> bool {
        self.format != Format::Meta || !kind.starts_with(OWN)
    }

    /// Whether it wants what concerns this number; `None`: what concerns none.
    pub fn wants_number(&self, phone_number_id: Option<&str>) -> bool {
        self.numbers.as_ref().is_none_or(|numbers| {
            phone_number_id.is_some_and(|id| numbers.iter().any(|number| number == id))
        })
    }

    /// Whether it wants an event with this data, before the mailbox adds to it. It is read only where there are
    /// conditions.
    pub fn wants_data(&self, data: &str) -> bool {
        if self.when.is_empty() {
            return true;
        }
        Document::parse(data).is_some_and(|data| {
            let holds = |condition: &Condition| condition.holds(data.root());
            self.when.iter().all(holds)
        })
    }
}

#[cfg(test)]
mod tests;
