//! What a mailbox promises, on real SQLite.

mod appending;
mod batches;
mod clock;
mod dead_letters;
mod delivering;
mod elsewhere;
mod following;
mod forgetting;
mod holding;
mod joins;
mod keeping;
mod laws;
mod moving;
mod partitions;
mod people;
mod player;
mod remembered;
mod replays;
mod stored;
mod waiting;
mod whole;

use proptest::prelude::*;

use super::{native::Native, sql::SqlError, *};
use crate::{
    config::{CheckedUrl, Format, Pattern, Retry},
    conversation::Reply,
    event::{Effect, Event},
};

const NOW: i64 = 1_770_000_000_000;

fn destination(id: &str) -> Destination {
    let url = CheckedUrl::parse("http://127.0.0.1:9/hooks").unwrap();
    Destination {
        timeout_ms: 1000,
        max_in_flight: 4,
        retry: Retry {
            first_ms: 1000,
            max_ms: 60_000,
            total_ms: 3_600_000,
        },
        ..Destination::new(id.to_owned(), url, Vec::new())
    }
}

fn paused(id: &str) -> Destination {
    Destination {
        paused: true,
        ..destination(id)
    }
}

/// One that gives an event up when it has refused it once.
fn hasty(id: &str) -> Destination {
    let mut hasty = destination(id);
    hasty.retry.total_ms = 0;
    hasty
}

/// One that wants events of these types alone.
fn wanting(types: &str, id: &str) -> Destination {
    Destination {
        events: vec![Pattern::parse(types).unwrap()],
        ..destination(id)
    }
}

fn batching(quiet_ms: u32) -> Destination {
    Destination {
        format: Format::CloudEventsBatch,
        quiet_ms,
        quiet_max_ms: 5_000,
        ..destination("bot")
    }
}

/// One that wants nothing but the message `1a`.
fn choosy(id: &str) -> Destination {
    let config = r#"{"destinations":[{"id":"crm","url":"http://127.0.0.1:9/","secret":"env:S","when":{"data.message.id":"1a"}}]}"#;
    let settings = crate::config::Settings::read(|name| {
        Some(match name {
            "CONFIG" => config.to_owned(),
            "S" => format!("whsec_{}", "A".repeat(32)),
            "META_APP_SECRET" | "META_VERIFY_TOKEN" => "x".to_owned(),
            _ => return None,
        })
    });
    Destination {
        when: settings.unwrap().config.destinations.remove(0).when,
        ..destination(id)
    }
}

/// Opens a mailbox with these destinations.
fn open(sql: &Rc<Native>, destinations: &[&str]) -> Mailbox {
    let destinations = destinations.iter().map(|id| destination(id));
    Mailbox::open(sql.clone(), destinations.collect()).unwrap()
}

/// What happens to a mailbox while nothing fails.
impl Mailbox {
    /// Events come. Gives how many are new.
    fn store(&mut self, events: impl IntoIterator<Item = Event>, now_ms: i64) -> usize {
        self.append(events.into_iter().collect(), now_ms).unwrap()
    }

    /// The next delivery, where there must be one.
    fn start(&mut self, now_ms: i64) -> Delivery {
        self.next(now_ms).unwrap().unwrap()
    }

    fn end(&mut self, delivery: &Delivery, outcome: &Outcome, now_ms: i64) -> Vec<Change> {
        self.done(delivery, outcome, now_ms, 0.5).unwrap()
    }

    /// All that can go is taken. Gives the ids.
    fn deliver(&mut self, now_ms: i64) -> Vec<String> {
        deliver(self, now_ms, |_| true)
    }

    /// All that can go is refused.
    fn refuse(&mut self, now_ms: i64) {
        deliver(self, now_ms, |_| false);
    }

    /// All dead letters.
    fn dead(&self) -> Vec<DeadLetter> {
        self.dead_letters(&Which::default(), false, None, 99)
            .unwrap()
    }

    /// The conversation with somebody who must be known.
    fn with(&self, name: &Name) -> Found {
        self.find(name).unwrap().unwrap()
    }
}

fn user(id: &str) -> Name {
    Name::User(id.to_owned())
}

fn phone(digits: &str) -> Name {
    Name::Phone(digits.to_owned())
}

/// A message of somebody by all these names.
fn of(names: &[Name], id: &str) -> Event {
    Event {
        names: names.to_vec(),
        ..message("", id)
    }
}

/// A message of each of many people.
fn many(people: std::ops::Range<usize>) -> impl Iterator<Item = Event> {
    people.map(|n| message(&n.to_string(), &n.to_string()))
}

fn message(person: &str, id: &str) -> Event {
    Event {
        id: format!("{id}-0"),
        kind: "whatsapp.message.received".to_owned(),
        time: Some(NOW / 1000),
        names: vec![Name::Phone(person.to_owned())],
        effect: Effect::Opens { referral: false },
        data: format!(r#"{{"message":{{"id":"{id}"}}}}"#),
    }
}

/// One that is stored in parts.
fn large(person: &str, id: &str) -> Event {
    Event {
        data: format!(r#"{{"raw":"{}"}}"#, "ä".repeat(500_000)),
        ..message(person, id)
    }
}

fn status(person: &str, about: &str, status: MessageStatus) -> Event {
    Event {
        id: format!("{about}-{}", status as u8),
        kind: "whatsapp.status.something".to_owned(),
        effect: Effect::Status {
            message: format!("wamid.{about}"),
            status,
            free_until: None,
        },
        ..message(person, about)
    }
}

fn refused() -> Outcome {
    Outcome::Refused {
        error: "status 422".to_owned(),
        not_before_ms: None,
        whole: false,
    }
}

fn unreachable() -> Outcome {
    Outcome::Refused {
        error: "connection refused".to_owned(),
        not_before_ms: None,
        whole: true,
    }
}

/// Starts all that can go at `now_ms`, and ends each as `outcome` says.
fn end_all(
    mailbox: &mut Mailbox,
    now_ms: i64,
    mut outcome: impl FnMut(&Delivery) -> Outcome,
) -> Vec<Change> {
    let mut changes = Vec::new();
    while let Some(delivery) = mailbox.next(now_ms).unwrap() {
        changes.extend(mailbox.end(&delivery, &outcome(&delivery), now_ms));
    }
    mailbox.settle().unwrap();
    changes
}

/// Delivers all that can go at `now_ms`; `takes` says whether the destination takes it.
fn deliver(
    mailbox: &mut Mailbox,
    now_ms: i64,
    mut takes: impl FnMut(&Delivery) -> bool,
) -> Vec<String> {
    let mut ids = Vec::new();
    end_all(mailbox, now_ms, |delivery| {
        if !takes(delivery) {
            return refused();
        }
        ids.push(delivery.events[0].id.clone());
        Outcome::Taken
    });
    ids
}

fn added_member(event: &Stored, member: &str) -> serde_json::Value {
    serde_json::from_str::<serde_json::Value>(&event.added).unwrap()[member].clone()
}

/// Has all that `crm` wants delivered to it once more.
fn replay_all(mailbox: &mut Mailbox, id: &str, now_ms: i64) {
    let wish = super::replay::Wish {
        id: id.to_owned(),
        which: Which {
            destination: Some("crm".to_owned()),
            ..Which::default()
        },
        kept: true,
        to: "crm".to_owned(),
    };
    mailbox.replay(wish, now_ms).unwrap();
}
