//! Whether a customer wants to be written to: what events say about it, and what may not go for it.

mod ledger;
#[cfg(test)]
mod tests;

pub use ledger::{Entry, How, Ledger, Standing};

use crate::{
    config::{Category, Consent, Meaning, OptIn},
    event::{self, Event, Name},
    meta::json::{Document, Json},
    written::Object,
};

/// Meta's code for a customer who wants no marketing from this business.
const OPTED_OUT: i64 = 131_050;

/// The type of the event that tells that it changed.
const CHANGED: &str = "transom.consent.changed";

/// The type of what a customer writes while another app has the conversation.
pub const STANDBY: &str = "whatsapp.standby.received";

/// What one of these says: that they want it, how we know, and by what.
type Heard = (bool, How, String);

/// What an event of a person's conversation says about it; `now` (unix seconds) is when, where Meta does not say.
pub fn heard(event: &Event, settings: &Consent, ledger: &Ledger, now: i64) -> Option<Entry> {
    if event.is_of_a_group() {
        return None;
    }
    let read: fn(Json<'_>, &Consent, &Ledger) -> Option<Heard> = match event.kind.as_str() {
        "whatsapp.message.received" | STANDBY => message,
        "whatsapp.customer.preference" => |root, _, _| preference(root),
        "whatsapp.status.failed" => |root, _, _| refusal(root),
        _ => return None,
    };
    let document = Document::parse(&event.data)?;
    let (opted_in, how, note) = read(document.root(), settings, ledger)?;
    Some(Entry {
        opted_in,
        how,
        at: event.time.unwrap_or(now),
        note: Some(note),
        by: Some(event.id.clone()),
    })
}

/// What somebody wrote or pressed. What is said in a group is said to the group.
fn message(root: Json<'_>, settings: &Consent, ledger: &Ledger) -> Option<Heard> {
    let message = root.get("message")?;
    if message.get("group_id").is_some() {
        return None;
    }
    let at = |path: &[&str]| message.at(path)?.text();
    let pressed: [&[&str]; 6] = [
        &["button", "payload"],
        &["button", "text"],
        &["interactive", "button_reply", "id"],
        &["interactive", "button_reply", "title"],
        &["interactive", "list_reply", "id"],
        &["interactive", "list_reply", "title"],
    ];
    let written = at(&["text", "body"]).map(|text| (How::Word, text));
    let pressed = pressed
        .iter()
        .filter_map(|path| Some((How::Button, at(path)?)));
    let (how, said, word) = written.into_iter().chain(pressed).find_map(|(how, text)| {
        let (said, word) = settings.said(&text)?;
        Some((how, said, word))
    })?;
    match said {
        Meaning::Stop => Some((false, how, word)),
        // The business chose what stands on a button: "exit", "back" and "continue" are what many menus have.
        Meaning::Leave => message
            .get("interactive")
            .is_none()
            .then_some((false, how, word)),
        Meaning::Start => Some((true, how, word)),
        Meaning::Resume => (how == How::Word && ledger.standing() == Standing::OptedOut)
            .then_some((true, how, word)),
    }
}

/// WhatsApp's own switch for marketing messages.
fn preference(root: Json<'_>) -> Option<Heard> {
    let preference = root.get("preference")?;
    let text = |name| preference.get(name).and_then(Json::text);
    if text("category").is_some_and(|category| category != "marketing_messages") {
        return None;
    }
    let value = text("value")?.into_owned();
    let opted_in = match value.as_str() {
        "stop" => false,
        "resume" | "signup" => true,
        _ => return None,
    };
    Some((opted_in, How::Preference, value))
}

fn refusal(root: Json<'_>) -> Option<Heard> {
    let errors = root.get("status")?.get("errors")?;
    let code = |error: Json<'_>| error.get("code").and_then(Json::integer);
    errors
        .items()
        .any(|error| code(error) == Some(OPTED_OUT))
        .then(|| (false, How::Refusal, OPTED_OUT.to_string()))
}

/// Whose consent changed, and by what.
#[derive(Debug, Clone)]
pub struct Whose {
    /// The event, the send or the request by which it did: something that names no other change.
    pub cause: String,
    /// The person's names, best first.
    pub names: Vec<Name>,
    /// The business: a JSON object.
    pub business: String,
    /// The person: a JSON object.
    pub customer: String,
}

impl Whose {
    /// Whom an event is about.
    pub fn of(event: &Event) -> Self {
        let document = Document::parse(&event.data);
        let member = |name| {
            let member = document
                .as_ref()
                .and_then(|document| document.root().get(name));
            member.map_or_else(|| "{}".to_owned(), |member| member.raw().to_owned())
        };
        Self {
            cause: event.id.clone(),
            names: event.names.clone(),
            business: member("business"),
            customer: member("customer"),
        }
    }

    /// The person who is known by these names. Of those that say the same the first is told: the others may be former ones.
    pub fn person(cause: String, mut names: Vec<Name>, phone_number_id: &str) -> Self {
        let mut told = Vec::new();
        names.retain(|name| {
            let is_first = !told.contains(&name.member());
            told.push(name.member());
            is_first
        });
        names.sort();
        let mut customer = Object::default();
        for name in &names {
            if let Some(member) = name.member() {
                customer.text(member, name.value());
            }
        }
        Self {
            cause,
            names,
            business: event::business(Some(phone_number_id)),
            customer: customer.finish(),
        }
    }

    /// The event that tells that it was `before` and is now as the ledger says; `None` where that is the same.
    pub fn changed(self, before: Standing, ledger: &Ledger) -> Option<Event> {
        let last = ledger.last().filter(|last| last.standing() != before)?;
        let consent = last.object().text("before", before.name()).finish();
        let mut data = Object::default();
        data.json("business", &self.business)
            .json("customer", &self.customer)
            .json("consent", &consent);
        Some(Event {
            id: event::consequence(&self.cause, CHANGED),
            kind: CHANGED.to_owned(),
            time: Some(last.at),
            data: data.finish(),
            ..Event::named(self.names)
        })
    }
}

/// Why a template may not go to a customer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Objection {
    /// They do not want it.
    #[error("the customer has opted out")]
    OptedOut,
    /// They have not said that they want it.
    #[error("the customer has not opted in")]
    NotOptedIn,
}

/// Why a template of this category may not go, if it may not; `open` says whether the customer service window is.
pub fn objection(
    settings: &Consent,
    standing: Standing,
    category: Category,
    open: bool,
) -> Option<Objection> {
    let marketing = category == Category::Marketing;
    let (bound, needs_opt_in) = match settings.opt_in {
        OptIn::None => (marketing, false),
        OptIn::Marketing => (marketing, marketing),
        OptIn::All => (marketing || !open, marketing || !open),
    };
    match standing {
        Standing::OptedOut if bound => Some(Objection::OptedOut),
        Standing::Unknown if needs_opt_in => Some(Objection::NotOptedIn),
        _ => None,
    }
}
