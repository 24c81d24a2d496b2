//! Figures in Prometheus' text format, version 0.0.4.

use std::fmt::Write as _;

use chrono::DateTime;
use serde_json::Value;

/// The `content-type`.
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// The states of a destination that `GET /v1/destinations` tells, from the best to the worst.
pub(super) const STATES: [&str; 5] = ["removed", "active", "paused", "down", "gone"];

/// A figure of a destination.
struct Figure {
    /// Its name here.
    name: &'static str,
    /// `gauge`, or `counter`: it only grows, until the mailbox is restarted.
    kind: &'static str,
    /// What it is.
    help: &'static str,
    /// Where `GET /v1/destinations` tells it.
    member: &'static str,
}

const FIGURES: [Figure; 10] = [
    Figure {
        name: "transom_waiting_conversations",
        kind: GAUGE,
        help: "Conversations that wait because the destination did not take an event.",
        member: "/waiting_conversations",
    },
    Figure {
        name: "transom_waiting_events",
        kind: GAUGE,
        help: "Events that the destination has not taken yet.",
        member: "/waiting_events",
    },
    Figure {
        name: "transom_oldest_waiting_timestamp_seconds",
        kind: GAUGE,
        help: "When the first of those events was received that is not replayed.",
        member: "/oldest_waiting",
    },
    Figure {
        name: "transom_waiting_tries",
        kind: GAUGE,
        help: "How often what has failed for longest was tried.",
        member: "/tries",
    },
    Figure {
        name: "transom_dead_letters",
        kind: GAUGE,
        help: "Events that were given up and neither deleted nor replayed.",
        member: "/dead_letters",
    },
    Figure {
        name: "transom_last_error_timestamp_seconds",
        kind: GAUGE,
        help: "When a try failed last.",
        member: "/last_error/time",
    },
    Figure {
        name: "transom_delivered_last_hour",
        kind: GAUGE,
        help: "Events that the destination took within the last hour, as far as is known.",
        member: "/delivered_last_hour",
    },
    Figure {
        name: "transom_delivered_total",
        kind: COUNTER,
        help: "Events that the destination took.",
        member: "/delivered",
    },
    Figure {
        name: "transom_failed_tries_total",
        kind: COUNTER,
        help: "Tries that failed.",
        member: "/failed_tries",
    },
    Figure {
        name: "transom_refused_replies_total",
        kind: COUNTER,
        help: "Answers whose replies are not sent, since something is wrong with them.",
        member: "/refused_replies",
    },
];

/// What became of a mailbox's messages: a counter's name here, what it is, and where `GET /v1/destinations` tells it.
const SENDS: [(&str, &str, &str); 3] = [
    (
        "transom_accepted_sends_total",
        "Messages to customers that Meta took.",
        "accepted_sends",
    ),
    (
        "transom_failed_sends_total",
        "Messages to customers that were not sent, and will not be.",
        "failed_sends",
    ),
    (
        "transom_unknown_sends_total",
        "Messages to customers of which nobody knows whether they went out.",
        "unknown_sends",
    ),
];

const GAUGE: &str = "gauge";
const COUNTER: &str = "counter";

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

/// Writes the figures of these mailboxes. Each partition has its own series, since each begins to count when it is
/// woken: `rate` cannot read a sum of counters that begin at different times. There are mailboxes times destinations
/// times figures series. Settings name them all, so a customer never chooses the value of a label.
pub fn render(answers: &[MailboxAnswer]) -> String {
    let mut out = String::new();
    let mut of_mailboxes = |name, kind, help, value: &dyn Fn(&MailboxAnswer) -> Option<i64>| {
        head(&mut out, name, kind, help);
        for mailbox in answers {
            if let Some(value) = value(mailbox) {
                // Writing to a string does not fail.
                let _ = writeln!(out, "{name}{{{}}} {value}", mailbox.labels());
            }
        }
    };
    of_mailboxes(
        "transom_mailbox_up",
        GAUGE,
        "Whether the mailbox answered.",
        &|mailbox| Some(mailbox.answer.is_some().into()),
    );
    of_mailboxes(
        "transom_waiting_sends",
        GAUGE,
        "Messages to customers that wait to go.",
        &|mailbox| mailbox.answer.as_ref()?.get("waiting_sends")?.as_i64(),
    );
    of_mailboxes(
        "transom_number_blocked",
        GAUGE,
        "Whether the number can send nothing, or no template, until a person has put something right.",
        &|mailbox| {
            let answer = mailbox.answer.as_ref()?;
            Some(answer.get("number_blocked").is_some().into())
        },
    );
    of_mailboxes(
        "transom_graph_silent",
        GAUGE,
        "Whether Meta answers nothing that can be read, so that messages go one at a time.",
        &|mailbox| {
            let answer = mailbox.answer.as_ref()?;
            Some(answer.get("graph_silent_since").is_some().into())
        },
    );
    for (name, help, member) in SENDS {
        of_mailboxes(name, COUNTER, help, &|mailbox| {
            mailbox.answer.as_ref()?.get(member)?.as_i64()
        });
    }
    for Figure {
        name,
        kind,
        help,
        member,
    } in FIGURES
    {
        head(&mut out, name, kind, help);
        each(answers, |labels, destination| {
            if let Some(value) = destination.pointer(member).and_then(number) {
                let _ = writeln!(out, "{name}{{{labels}}} {value}");
            }
        });
    }
    let name = "transom_destination_state";
    head(
        &mut out,
        name,
        GAUGE,
        "1 for the state that the destination is in.",
    );
    each(answers, |labels, destination| {
        for state in STATES {
            let is = u8::from(destination.get("state").and_then(Value::as_str) == Some(state));
            let _ = writeln!(out, "{name}{{{labels},state=\"{state}\"}} {is}");
        }
    });
    out
}

/// A number, or a time in unix seconds.
fn number(value: &Value) -> Option<i64> {
    let time = |text| Some(DateTime::parse_from_rfc3339(text).ok()?.timestamp());
    value.as_i64().or_else(|| value.as_str().and_then(time))
}

fn head(out: &mut String, name: &str, kind: &str, help: &str) {
    let _ = writeln!(out, "# HELP {name} {help}\n# TYPE {name} {kind}");
}

/// Every destination with its labels. Nothing in those needs escapes: they are ids, which were checked.
fn each(answers: &[MailboxAnswer], mut write: impl FnMut(&str, &Value)) {
    for mailbox in answers {
        let answer = mailbox.answer.as_ref();
        let list = answer.and_then(|answer| answer.get("destinations")?.as_array());
        for destination in list.into_iter().flatten() {
            let id = destination
                .get("id")
                .and_then(Value::as_str)
                .unwrap_or_default();
            let labels = mailbox.labels();
            write(&format!("{labels},destination=\"{id}\""), destination);
        }
    }
}

#[cfg(test)]
mod tests;
