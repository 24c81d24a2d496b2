//! Figures in Prometheus' text format, version 0.0.4.

use std::fmt::Write as _;

use chrono::DateTime;
use serde_json::Value;

/// The `content-type`.
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// The states of a destination that `GET /v1/destinations` tells, from the best to the worst.
pub(super) const STATES: [&str; 5] = ["removed", "active", "paused", "down", "gone"];

/// A figure.
struct Figure {
    /// Its name here.
    name: &'static str,
    kind: Kind,
    /// Where `GET /v1/destinations` tells it: in its answer, or of a destination.
    member: &'static str,
    /// What it is.
    help: &'static str,
}

/// How a figure is told.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// As it is.
    Gauge,
    /// As 1 where there is such a member, else 0.
    Flag,
    /// It only grows, until the mailbox is restarted.
    Counter,
}

const fn figure(
    kind: Kind,
    name: &'static str,
    member: &'static str,
    help: &'static str,
) -> Figure {
    Figure {
        name,
        kind,
        member,
        help,
    }
}

use Kind::{Counter, Flag, Gauge};

/// What every mailbox has, whatever it answers.
const UP: Figure = figure(
    Gauge,
    "transom_mailbox_up",
    "",
    "Whether the mailbox answered.",
);

#[rustfmt::skip]
const OF_A_MAILBOX: [Figure; 6] = [
    figure(Gauge, "transom_waiting_sends", "/waiting_sends", "Messages to customers that wait to go."),
    figure(Flag, "transom_number_blocked", "/number_blocked",
        "Whether the number can send nothing, or no template, until a person has put something right."),
    figure(Flag, "transom_graph_silent", "/graph_silent_since",
        "Whether Meta answers nothing that can be read, so that messages go one at a time."),
    figure(Counter, "transom_accepted_sends_total", "/accepted_sends", "Messages to customers that Meta took."),
    figure(Counter, "transom_failed_sends_total", "/failed_sends",
        "Messages to customers that were not sent, and will not be."),
    figure(Counter, "transom_unknown_sends_total", "/unknown_sends",
        "Messages to customers of which nobody knows whether they went out."),
];

#[rustfmt::skip]
const OF_A_DESTINATION: [Figure; 10] = [
    figure(Gauge, "transom_waiting_conversations", "/waiting_conversations",
        "Conversations that wait because the destination did not take an event."),
    figure(Gauge, "transom_waiting_events", "/waiting_events", "Events that the destination has not taken yet."),
    figure(Gauge, "transom_oldest_waiting_timestamp_seconds", "/oldest_waiting",
        "When the first of those events was received that is not replayed."),
    figure(Gauge, "transom_waiting_tries", "/tries", "How often what has failed for longest was tried."),
    figure(Gauge, "transom_dead_letters", "/dead_letters",
        "Events that were given up and neither deleted nor replayed."),
    figure(Gauge, "transom_last_error_timestamp_seconds", "/last_error/time", "When a try failed last."),
    figure(Gauge, "transom_delivered_last_hour", "/delivered_last_hour",
        "Events that the destination took within the last hour, as far as is known."),
    figure(Counter, "transom_delivered_total", "/delivered", "Events that the destination took."),
    figure(Counter, "transom_failed_tries_total", "/failed_tries", "Tries that failed."),
    figure(Counter, "transom_refused_replies_total", "/refused_replies",
        "Answers whose replies are not sent."),
];

const STATE: Figure = figure(
    Gauge,
    "transom_destination_state",
    "/state",
    "1 for the state that the destination is in.",
);

/// What one mailbox answered.
#[derive(Debug)]
pub struct MailboxAnswer {
    /// Whose mailbox it is, by its `phone_number_id`.
    pub mailbox: String,
    /// Which of the number's partitions, where it has several.
    pub partition: Option<u32>,
    /// What `GET /v1/destinations` answers for it; `None` where it gave no answer.
    pub answer: Option<Value>,
}

impl MailboxAnswer {
    fn labels(&self) -> String {
        let mut labels = format!("phone_number_id=\"{}\"", self.mailbox);
        if let Some(partition) = self.partition {
            // Writing to a string does not fail.
            let _ = write!(labels, ",partition=\"{partition}\"");
        }
        labels
    }
}

/// What a figure is of, by its labels, and what tells it.
type Told<'a> = (String, &'a Value);

/// Writes the figures of these mailboxes. Each partition has its own series, since each begins to count when it is
/// woken: `rate` cannot read a sum of counters that begin at different times. There are mailboxes times destinations
/// times figures series. Settings name them all, so a customer never chooses the value of a label.
pub fn render(answers: &[MailboxAnswer]) -> String {
    let mut out = String::new();
    UP.head(&mut out);
    for mailbox in answers {
        UP.series(&mailbox.labels(), mailbox.answer.is_some().into(), &mut out);
    }
    let told = answers
        .iter()
        .filter_map(|mailbox| Some((mailbox.labels(), mailbox.answer.as_ref()?)));
    let mailboxes: Vec<Told<'_>> = told.collect();
    for figure in &OF_A_MAILBOX {
        figure.write(&mailboxes, &mut out);
    }
    let destinations: Vec<Told<'_>> = mailboxes.iter().flat_map(destinations).collect();
    for figure in &OF_A_DESTINATION {
        figure.write(&destinations, &mut out);
    }
    STATE.head(&mut out);
    for (labels, destination) in &destinations {
        let is_in = destination.get("state").and_then(Value::as_str);
        for state in STATES {
            let labels = format!("{labels},state=\"{state}\"");
            STATE.series(&labels, (is_in == Some(state)).into(), &mut out);
        }
    }
    out
}

/// The destinations that a mailbox tells of. Nothing in the labels needs escapes: they are ids, which were checked.
fn destinations<'a>((labels, answer): &Told<'a>) -> Vec<Told<'a>> {
    let all = answer.get("destinations").and_then(Value::as_array);
    let told = |destination: &'a Value| {
        let id = destination.get("id").and_then(Value::as_str);
        let id = id.unwrap_or_default();
        (format!("{labels},destination=\"{id}\""), destination)
    };
    all.into_iter().flatten().map(told).collect()
}

// Writing to a string does not fail.
impl Figure {
    fn write(&self, all: &[Told<'_>], out: &mut String) {
        self.head(out);
        for (labels, of) in all {
            if let Some(value) = self.value(of) {
                self.series(labels, value, out);
            }
        }
    }

    /// A number, or a time in unix seconds.
    fn value(&self, of: &Value) -> Option<i64> {
        let found = of.pointer(self.member);
        if self.kind == Flag {
            return Some(found.is_some().into());
        }
        let time = |text| Some(DateTime::parse_from_rfc3339(text).ok()?.timestamp());
        found?.as_i64().or_else(|| found?.as_str().and_then(time))
    }

    fn head(&self, out: &mut String) {
        let Self { name, help, .. } = self;
        let kind = match self.kind {
            Gauge | Flag => "gauge",
            Counter => "counter",
        };
        let _ = writeln!(out, "# HELP {name} {help}\n# TYPE {name} {kind}");
    }

    fn series(&self, labels: &str, value: i64, out: &mut String) {
        let _ = writeln!(out, "{}{{{labels}}} {value}", self.name);
    }
}

#[cfg(test)]
mod tests;
