//! Takes in what was asked for: all of it, or, where anything in it cannot go, nothing.

#[cfg(test)]
mod tests;

use super::{
    asked::Wanted,
    guard::{self, Goes, WindowClosed},
    outbox::Outbox,
    stored::{Draft, Send},
    whom::{Whom, group, name_of, names, recipient_of},
};
use crate::{
    checked::Fault,
    config::Consent,
    conversation::consent::{Objection, Standing},
    event::Name,
    mailbox::{Found, Mailbox, by_any, sql::Result},
    meta::graph::{Message, NOT_IN_GROUPS},
};

/// How large a message and its fallback may be together, in bytes. They are stored in one row, which may have 2 MB.
const LARGEST: usize = 256 * 1024;

/// Why nothing of a request goes.
#[derive(Debug, Clone, PartialEq)]
pub enum Refusal {
    /// Too many sends wait.
    Full,
    /// Somebody is not known, or a message is too long.
    Faults(Vec<Fault>),
    /// A window is closed: where in the request, and when it closed.
    Closed(Vec<(String, WindowClosed)>),
    /// Somebody does not want it, or has not said so: where in the request, and which of both.
    Objections(Vec<(String, Objection)>),
}

/// A send that was taken in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Queued {
    /// Its id.
    pub id: String,
    /// When it goes, as far as can be told (unix milliseconds).
    pub goes_ms: i64,
    /// What goes, as the window stands; `None` where nothing does, since the fallback goes for another.
    pub goes: Option<Goes>,
}

/// Where the sends are taken in.
pub struct Intake<'a> {
    /// The number's mailbox.
    pub mailbox: &'a mut Mailbox,
    /// The number's sends.
    pub outbox: &'a mut Outbox,
    /// What the ids of the mailbox's sends begin with.
    pub sends_as: &'a str,
    /// The template for those that name none.
    pub fallback: Option<&'a Message>,
    /// What is set about consent.
    pub consent: Option<&'a Consent>,
    /// Unix milliseconds.
    pub now_ms: i64,
}

/// Takes it in, and gives a send for each message.
pub fn take(intake: &mut Intake<'_>, wanted: Vec<Wanted>) -> Result<Result<Vec<Queued>, Refusal>> {
    if intake.outbox.is_for_answers() {
        return Ok(Err(Refusal::Full));
    }
    let (mut ready, mut faults) = (Vec::new(), Vec::new());
    let (mut closed, mut objections) = (Vec::new(), Vec::new());
    for wanted in wanted {
        let path = wanted.path.clone();
        match check(intake, wanted)? {
            Ok(one) => ready.push(one),
            Err(Stop::Fault(fault)) => faults.push(fault),
            Err(Stop::Closed(why)) => closed.push((path, why)),
            Err(Stop::Objection(why)) => objections.push((path, why)),
        }
    }
    if !faults.is_empty() {
        return Ok(Err(Refusal::Faults(faults)));
    }
    if !closed.is_empty() {
        return Ok(Err(Refusal::Closed(closed)));
    }
    if !objections.is_empty() {
        return Ok(Err(Refusal::Objections(objections)));
    }
    queue(intake, ready).map(Ok)
}

/// What is wanted, found good.
struct Ready {
    wanted: Wanted,
    name: Name,
    /// The conversation with who has that name, if there is one.
    conversation: Option<i64>,
    fallback: Option<Message>,
    /// What goes of each message.
    goes: Vec<Option<Goes>>,
}

/// Why something may not go.
enum Stop {
    Fault(Fault),
    Closed(WindowClosed),
    Objection(Objection),
}

fn check(intake: &Intake<'_>, wanted: Wanted) -> Result<Result<Ready, Stop>> {
    let fault = |member, reason: &str| {
        let fault = Fault::new(path(&wanted, member), reason);
        Ok(Err(Stop::Fault(fault)))
    };
    let (name, found) = match &wanted.to {
        Whom::Person(to) => {
            let name = name_of(to);
            let found = intake.mailbox.find_without_names(&name)?;
            (name, found)
        }
        Whom::Conversation(written) => {
            // The first of these names that somebody has.
            let found = by_any(&names(written), |name| {
                let found = intake.mailbox.find_without_names(name)?;
                Ok(found.map(|found| (name.clone(), Some(found))))
            })?;
            let Some((name, found)) = found.or_else(|| Some((group(written)?, None))) else {
                let unknown =
                    "nobody of this name is known here: give to or recipient, or group:<id>";
                return fault("conversation", unknown);
            };
            let now = found.as_ref().and_then(Found::now);
            // They may have another user id by now.
            let name = match name {
                Name::User(_) => now.unwrap_or(name),
                _ => name,
            };
            (name, found)
        }
    };
    if let Name::Group(_) = name
        && wanted.messages.iter().any(Message::is_for_no_group)
    {
        return fault("message.type", NOT_IN_GROUPS);
    }
    let fallback = wanted.fallback.as_ref().or(intake.fallback);
    let longest = wanted.messages.iter().map(size).max().unwrap_or(0);
    if longest + fallback.map_or(0, size) > LARGEST {
        return fault("message", "at most 256 KB, the fallback included");
    }
    let goes = match going(intake, &wanted, fallback, found.as_ref()) {
        Ok(goes) => goes,
        Err(stop) => return Ok(Err(stop)),
    };
    let fallback = fallback.cloned();
    Ok(Ok(Ready {
        name,
        conversation: found.map(|found| found.conversation),
        fallback,
        goes,
        wanted,
    }))
}

/// How large a message is, in bytes.
fn size(message: &Message) -> usize {
    let members = message.members().iter();
    members.map(|(_, value)| value.to_string().len()).sum()
}

/// What goes of each message to the person of whom this is known. The fallback is for the first that it can replace, as
/// each would be the same template, and costs.
fn going(
    intake: &Intake<'_>,
    wanted: &Wanted,
    fallback: Option<&Message>,
    found: Option<&Found>,
) -> Result<Vec<Option<Goes>>, Stop> {
    let closes_at = found.and_then(|found| found.windows.customer_service);
    let standing = found.map_or(Standing::Unknown, |found| found.state.consent.standing());
    let now = intake.now_ms.div_euclid(1000);
    let mut left = fallback;
    let any_falls_back = fallback.is_some() && wanted.messages.iter().any(Message::has_fallback);
    let one = |message: &Message| {
        let own = left.take_if(|_| message.has_fallback());
        let goes = match guard::check(message, own.is_some(), closes_at, now) {
            Err(_) if any_falls_back => return Ok(None),
            goes => goes.map_err(Stop::Closed)?,
        };
        let leaves = match goes {
            Goes::Message => message,
            Goes::Fallback => own.unwrap_or(message),
        };
        let (consent, category) = (intake.consent, wanted.category);
        match guard::objection(consent, leaves, category, standing, closes_at, now) {
            Some(objection) => Err(Stop::Objection(objection)),
            None => Ok(Some(goes)),
        }
    };
    wanted.messages.iter().map(one).collect()
}

fn queue(intake: &mut Intake<'_>, ready: Vec<Ready>) -> Result<Vec<Queued>> {
    let mut sends = Vec::new();
    for one in ready {
        let Ready {
            wanted,
            name,
            conversation,
            mut fallback,
            goes,
        } = one;
        let conversation = match conversation {
            Some(conversation) => conversation,
            None => intake.mailbox.meet(std::slice::from_ref(&name))?,
        };
        let mut in_reply_to = wanted.in_reply_to;
        for (message, goes) in wanted.messages.into_iter().zip(goes) {
            let id = intake.outbox.new_id(intake.sends_as, intake.now_ms);
            let draft = Draft {
                to: recipient_of(&name),
                fallback: fallback.take_if(|_| message.has_fallback()),
                message,
                category: wanted.category,
                in_reply_to: in_reply_to.take(),
                answers: None,
                answers_at: None,
                late_s: wanted.late_s,
            };
            let send = Send {
                id: id.clone(),
                conversation,
                draft,
            };
            let goes_ms = intake.outbox.add(send, intake.now_ms)?;
            sends.push(Queued {
                id,
                goes_ms: goes_ms.unwrap_or(intake.now_ms),
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
