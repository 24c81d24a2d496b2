//! Takes in what was asked for: all of it, or, where anything in it cannot go, nothing.

#[cfg(test)]
mod tests;

use super::{
    asked::Wanted,
    guard::{self, Goes, WindowClosed},
    outbox::Outbox,
    stored::{Draft, Send},
    whom::{Whom, recipient_of},
};
use crate::{
    checked::Fault,
    config::Consent,
    conversation::consent::{Objection, Standing},
    event::Name,
    mailbox::{
        Mailbox,
        sql::{Sql, SqlError},
    },
    meta::graph::Message,
};

/// How large a message and its fallback may be together, in bytes. They are stored in one row, which may have 2 MB.
const LARGEST: usize = 256 * 1024;

/// What becomes of a request.
#[derive(Debug, Clone, PartialEq)]
pub enum Taken {
    /// Each message has become a send.
    Sends(Vec<Queued>),
    /// A window is closed: where in the request, and when it closed.
    Closed(Vec<(String, WindowClosed)>),
    /// Somebody does not want it, or has not said so: where in the request, and which of both.
    Objections(Vec<(String, Objection)>),
    /// Somebody is not known.
    Faults(Vec<Fault>),
}

/// A send that was taken in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Queued {
    /// Its id.
    pub id: String,
    /// When it goes, as far as can be told (unix milliseconds).
    pub goes_ms: i64,
    /// What goes, as the window stands.
    pub goes: Goes,
}

/// Where the sends are taken in.
pub struct Into<'a> {
    /// The number's mailbox.
    pub mailbox: &'a mut Mailbox,
    /// The number's sends.
    pub outbox: &'a mut Outbox,
    /// Their database.
    pub sql: &'a dyn Sql,
    /// What the ids of the mailbox's sends begin with.
    pub sends_as: &'a str,
    /// The template for those that name none.
    pub fallback: Option<&'a Message>,
    /// What is set about consent.
    pub consent: Option<&'a Consent>,
    /// Unix milliseconds.
    pub now_ms: i64,
}

/// Takes it in. `names` gives what a person may mean who writes down a name.
pub fn take(
    into: &mut Into<'_>,
    wanted: Vec<Wanted>,
    names: impl Fn(&str) -> Vec<Name>,
) -> Result<Taken, SqlError> {
    let (mut ready, mut closed, mut faults) = (Vec::new(), Vec::new(), Vec::new());
    let mut objections = Vec::new();
    for wanted in wanted {
        let candidates = match &wanted.to {
            Whom::Person(_) => wanted.to.name().into_iter().collect(),
            Whom::Conversation(name) => names(name),
        };
        let mut known = None;
        for name in &candidates {
            if let Some(found) = into.mailbox.look(name)? {
                known = Some((name.clone(), found));
                break;
            }
        }
        let closes_at = known
            .as_ref()
            .and_then(|(_, found)| found.windows.customer_service);
        let standing = known.as_ref().map_or(Standing::Unknown, |(_, found)| {
            found.state.consent.standing()
        });
        let (name, conversation) = match (known, &wanted.to) {
            (Some((name, found)), _) => (name, Some(found.conversation)),
            (None, Whom::Person(_)) => match candidates.into_iter().next() {
                Some(name) => (name, None),
                None => continue,
            },
            (None, Whom::Conversation(_)) => {
                faults.push(Fault {
                    path: path(&wanted, "conversation"),
                    reason: "nobody of this name is known here: give to or recipient".to_owned(),
                });
                continue;
            }
        };
        let fallback = wanted.fallback.as_ref().or(into.fallback);
        let size = |message: &Message| {
            message
                .members()
                .iter()
                .map(|(_, value)| value.to_string().len())
                .sum::<usize>()
        };
        let longest = wanted.messages.iter().map(size).max().unwrap_or(0);
        if longest + fallback.map_or(0, size) > LARGEST {
            faults.push(Fault {
                path: path(&wanted, "message"),
                reason: "at most 256 KB, the fallback included".to_owned(),
            });
            continue;
        }
        let going = going(into, &wanted, fallback, closes_at, standing);
        let goes = match going {
            Ok(goes) => goes,
            Err(Stop::Closed(why)) => {
                closed.push((wanted.path, why));
                continue;
            }
            Err(Stop::Objection(why)) => {
                objections.push((wanted.path, why));
                continue;
            }
        };
        let fallback = fallback.cloned();
        ready.push((wanted, name, conversation, fallback, goes));
    }
    if !faults.is_empty() {
        return Ok(Taken::Faults(faults));
    }
    if !closed.is_empty() {
        return Ok(Taken::Closed(closed));
    }
    if !objections.is_empty() {
        return Ok(Taken::Objections(objections));
    }
    Ok(Taken::Sends(queue(into, ready)?))
}

/// Why something may not go.
enum Stop {
    Closed(WindowClosed),
    Objection(Objection),
}

/// What goes of each message.
fn going(
    into: &Into<'_>,
    wanted: &Wanted,
    fallback: Option<&Message>,
    closes_at: Option<i64>,
    standing: Standing,
) -> Result<Vec<Goes>, Stop> {
    let now = into.now_ms.div_euclid(1000);
    let one = |message| {
        let goes = guard::check(message, fallback.is_some(), closes_at, now);
        let goes = goes.map_err(Stop::Closed)?;
        let leaves = match goes {
            Goes::Message => message,
            Goes::Fallback => fallback.unwrap_or(message),
        };
        let (consent, category) = (into.consent, wanted.category);
        match guard::objection(consent, leaves, category, standing, closes_at, now) {
            Some(objection) => Err(Stop::Objection(objection)),
            None => Ok(goes),
        }
    };
    wanted.messages.iter().map(one).collect()
}

/// What was checked, by whom it goes to.
type Ready = (Wanted, Name, Option<i64>, Option<Message>, Vec<Goes>);

fn queue(into: &mut Into<'_>, ready: Vec<Ready>) -> Result<Vec<Queued>, SqlError> {
    let mut sends = Vec::new();
    for (wanted, name, conversation, fallback, goes) in ready {
        let conversation = match conversation {
            Some(conversation) => conversation,
            None => into.mailbox.meet(&name)?,
        };
        let mut in_reply_to = wanted.in_reply_to;
        for (message, goes) in wanted.messages.into_iter().zip(goes) {
            let id = into.outbox.new_id(into.sends_as, into.now_ms);
            let draft = Draft {
                to: recipient_of(&name),
                fallback: fallback.clone().filter(|_| message.is_free_form()),
                message,
                category: wanted.category,
                in_reply_to: in_reply_to.take(),
                answers: None,
            };
            let send = Send {
                id: id.clone(),
                conversation,
                draft,
            };
            let goes_ms = into.outbox.add(into.sql, send, into.now_ms)?;
            sends.push(Queued {
                id,
                goes_ms: goes_ms.unwrap_or(into.now_ms),
                goes,
            });
        }
    }
    Ok(sends)
}

fn path(wanted: &Wanted, member: &str) -> String {
    if wanted.path.is_empty() {
        member.to_owned()
    } else {
        format!("{}.{member}", wanted.path)
    }
}
