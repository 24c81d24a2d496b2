//! Whether a customer wants to be written to: what they said about it, when and how.
//!
//! What was said last holds, by the time at which it was said. So the order in which we are told of it does not matter.

use crate::{
    config::{Category, Consent, OptIn, Said},
    event::{self, Effect, Event, Name, rfc3339},
    meta::json::{Document, Json},
    written::{Object, list},
};

/// How much is remembered of one customer.
const MOST: usize = 10;

/// Meta's code for a customer who wants no marketing from this business.
const OPTED_OUT: i64 = 131_050;

/// The type of the event that tells that it changed.
const CHANGED: &str = "transom.consent.changed";

/// How it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// They have not said.
    Unknown,
    /// They want it.
    OptedIn,
    /// They do not want it.
    OptedOut,
}

impl Standing {
    /// Its word.
    pub fn name(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::OptedIn => "opted_in",
            Self::OptedOut => "opted_out",
        }
    }
}

/// How we know.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum How {
    /// By a word that they wrote.
    Word,
    /// By a button that they pressed.
    Button,
    /// By WhatsApp's own switch (Meta: `user_preferences`).
    Preference,
    /// By Meta's refusing a message (131050).
    Refusal,
    /// By whoever asked the admin API.
    Api,
}

const HOWS: [(How, &str); 5] = [
    (How::Word, "word"),
    (How::Button, "button"),
    (How::Preference, "preference"),
    (How::Refusal, "refusal"),
    (How::Api, "api"),
];

impl How {
    fn name(self) -> &'static str {
        HOWS.iter()
            .find(|(how, _)| *how == self)
            .map_or("", |(_, name)| name)
    }
}

/// One thing that was said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// They want it.
    pub opted_in: bool,
    /// How we know.
    pub how: How,
    /// When it was said, in unix seconds.
    pub at: i64,
    /// By what: one of our own words, Meta's, or what the admin API was told.
    pub note: Option<String>,
    /// The event that told it, or the send that was refused.
    pub by: Option<String>,
}

impl Entry {
    /// Whoever asks the admin API says so, of this time (unix seconds).
    pub fn told(opted_in: bool, at: i64, note: Option<String>) -> Self {
        Self {
            opted_in,
            how: How::Api,
            at,
            note,
            by: None,
        }
    }

    /// Meta refused a message (131050): by this code, at this time (unix seconds), and the send's id.
    pub fn refusal(code: u32, at: i64, send: &str) -> Self {
        Self {
            opted_in: false,
            how: How::Refusal,
            at,
            note: Some(code.to_string()),
            by: Some(send.to_owned()),
        }
    }

    fn standing(&self) -> Standing {
        if self.opted_in {
            Standing::OptedIn
        } else {
            Standing::OptedOut
        }
    }

    /// Of two things said in one second the stricter is taken for the last.
    fn order(&self) -> (i64, bool, How, Option<&str>) {
        (self.at, !self.opted_in, self.how, self.by.as_deref())
    }

    fn read(json: Json<'_>) -> Option<Self> {
        let text = |name| Some(json.get(name)?.text()?.into_owned());
        let how = text("how")?;
        let (how, _) = HOWS.iter().find(|(_, name)| *name == how)?;
        Some(Self {
            opted_in: text("state")? == Standing::OptedIn.name(),
            how: *how,
            at: json.get("at")?.integer()?,
            note: text("note"),
            by: text("by"),
        })
    }

    fn write(&self) -> String {
        let mut entry = Object::default();
        entry
            .text("state", self.standing().name())
            .text("how", self.how.name())
            .number("at", self.at)
            .text_if("note", self.note.as_deref())
            .text_if("by", self.by.as_deref());
        entry.finish()
    }

    /// As events and the admin API tell it.
    pub fn view(&self) -> String {
        self.object().finish()
    }

    fn object(&self) -> Object {
        let mut entry = Object::default();
        entry
            .text("state", self.standing().name())
            .text("how", self.how.name())
            .text_if("time", rfc3339(self.at).as_deref())
            .text_if("note", self.note.as_deref())
            .text_if("by", self.by.as_deref());
        entry
    }
}

/// What one customer said, as far as it is remembered: the last [`MOST`] things, oldest first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ledger(Vec<Entry>);

impl Ledger {
    /// Reads what [`Ledger::write`] wrote. What cannot be read is not remembered.
    pub(super) fn read(json: Json<'_>) -> Self {
        json.items().filter_map(Entry::read).collect()
    }

    /// As it is stored: a JSON list.
    pub(super) fn write(&self) -> String {
        list(&self.0.iter().map(Entry::write).collect::<Vec<_>>())
    }

    /// Whether nothing was said.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How it stands.
    pub fn standing(&self) -> Standing {
        self.last().map_or(Standing::Unknown, Entry::standing)
    }

    /// What was said last.
    pub fn last(&self) -> Option<&Entry> {
        self.0.last()
    }

    /// With one thing more that was said.
    #[must_use]
    pub fn with(self, entry: Entry) -> Self {
        self.0.into_iter().chain([entry]).collect()
    }

    /// What was said by one person whom we knew as two.
    #[must_use]
    pub fn joined(self, other: Self) -> Self {
        self.0.into_iter().chain(other.0).collect()
    }

    /// As the admin API tells it, newest first.
    pub fn view(&self) -> String {
        list(&self.0.iter().rev().map(Entry::view).collect::<Vec<_>>())
    }
}

impl FromIterator<Entry> for Ledger {
    fn from_iter<T: IntoIterator<Item = Entry>>(entries: T) -> Self {
        let mut entries: Vec<Entry> = entries.into_iter().collect();
        entries.sort_by(|one, other| one.order().cmp(&other.order()));
        entries.dedup();
        entries.drain(..entries.len().saturating_sub(MOST));
        Self(entries)
    }
}

/// What one of these says: that they want it, how we know, and by what.
type Heard = (bool, How, String);

/// What an event of a person's conversation says about it; `now` (unix seconds) is when, where Meta does not say.
pub fn heard(event: &Event, settings: &Consent, ledger: &Ledger, now: i64) -> Option<Entry> {
    let read: fn(Json<'_>, &Consent, &Ledger) -> Option<Heard> = match event.kind.as_str() {
        "whatsapp.message.received" => message,
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
    let at = |path: &[&str]| {
        path.iter()
            .try_fold(message, |json, name| json.get(name))?
            .text()
    };
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
        Said::Stop => Some((false, how, word)),
        Said::Start => Some((true, how, word)),
        Said::Resume => (ledger.standing() == Standing::OptedOut).then_some((true, how, word)),
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
pub struct About {
    /// The event, the send or the request by which it did: something that names no other change.
    pub cause: String,
    /// The person's names, best first.
    pub names: Vec<Name>,
    /// The business: a JSON object.
    pub business: String,
    /// The person: a JSON object.
    pub customer: String,
}

impl About {
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

    /// The person who is known by these names.
    pub fn person(cause: String, names: Vec<Name>, phone_number_id: &str) -> Self {
        let mut customer = Object::default();
        for name in &names {
            let member = match name {
                Name::User(_) => "user_id",
                Name::Parent(_) => "parent_user_id",
                Name::Phone(_) => "phone",
                Name::Group(_) | Name::Topic(_) => continue,
            };
            customer.text(member, name.value());
        }
        Self {
            cause,
            names,
            business: Object::default()
                .text("phone_number_id", phone_number_id)
                .finish(),
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
            names: self.names,
            effect: Effect::None,
            data: data.finish(),
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

#[cfg(test)]
mod tests;
