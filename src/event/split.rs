//! From a webhook's body to its events: every entry, change and item becomes one, whatever is in it.

use std::borrow::Cow;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;

use super::change::Change;
use super::common::Common;
use super::draft::{Draft, seconds};
use super::events::Events;
use super::person::{id, line, phone};
use super::shell::{CARRIED, Shell};
use super::{Event, Home, UNKNOWN, fields};
use crate::meta::json::{Document, Json, Key};
use crate::written::push_string;

/// Bodies over this size (bytes) are not looked at for what is unknown.
const LOOKED_AT: usize = 256 * 1024;

/// The events of a webhook, by the mailbox that keeps them, in order of first appearance.
///
/// The body is taken as it is: what is not JSON, not of WhatsApp or of a shape unknown to us becomes an event of the
/// type `whatsapp.unknown`, and so does each item that does not fit among others that do. Only a webhook without an
/// entry has no event. The same items give the same ids, whatever else is in the body; only what has neither an id nor
/// names anybody is told apart by the one contact beside it. What would take too much memory as events is one as a whole.
pub fn split(body: &[u8]) -> Vec<(Home, Vec<Event>)> {
    events(body, document(body).as_ref()).homes
}

/// Like [`split`], and with the paths of what is unknown in it (`drift`): the body is read once for both. One over 256 KB
/// is not looked at for members: it has those that smaller ones have.
pub fn split_and_look(body: &[u8]) -> (Vec<(Home, Vec<Event>)>, Vec<String>) {
    let document = document(body);
    let mut events = events(body, document.as_ref());
    if let Some(document) = document.filter(|_| body.len() <= LOOKED_AT) {
        events.drift.look(&document);
    }
    (events.homes, events.drift.0)
}

fn document(body: &[u8]) -> Option<Document<'_>> {
    Document::parse(std::str::from_utf8(body).ok()?)
}

fn events(body: &[u8], document: Option<&Document<'_>>) -> Events {
    let mut events = Events::default();
    match document {
        Some(document) => {
            events.odd = !document.is_tame();
            webhook(document.root(), &mut events);
            if events.are_too_many() {
                events = Events::default();
                events.odd = !document.is_tame();
                whole(document.root(), &mut events);
            }
        }
        None => not_json(body, &mut events),
    }
    events
}

fn not_json(body: &[u8], events: &mut Events) {
    let (name, text) = match std::str::from_utf8(body) {
        Ok(text) => ("body", Cow::Borrowed(text)),
        Err(_) => ("body_base64", Cow::Owned(BASE64.encode(body))),
    };
    let mut data = format!("{{\"{name}\":");
    push_string(&mut data, &text);
    data.push('}');
    let mut change = Change::of(Common::default(), events);
    change.emit_data(Draft::unknown_text(text), data);
}

fn webhook<'a>(root: Json<'a>, events: &mut Events) {
    let whatsapp =
        root.get("object").and_then(Json::text).as_deref() == Some("whatsapp_business_account");
    let is_entry = |(key, _): &(Key<'a>, Json<'a>)| key.is("entry");
    let lists = root
        .members()
        .filter(is_entry)
        .all(|(_, value)| value.is_list());
    let no_entry = root
        .members()
        .filter(is_entry)
        .flat_map(|(_, list)| list.items())
        .next()
        .is_none();
    let only_these = root
        .members()
        .all(|(key, _)| key.is("object") || key.is("entry"));
    if !whatsapp || !lists || root.get("entry").is_none() || (no_entry && !only_these) {
        whole(root, events);
        return;
    }
    let mut shell = Shell::default();
    if let Some(members) = shell.object(root, CARRIED, &["object"], |key, _| key.is("entry")) {
        Change::of(Common::default(), events).left_out(&Shell::default(), &members);
    }
    shell.list("entry");
    for item in root
        .members()
        .filter(is_entry)
        .flat_map(|(_, list)| list.items())
    {
        entry(item, &shell, events);
    }
}

/// Makes one event of a webhook.
fn whole(root: Json<'_>, events: &mut Events) {
    Change::of(Common::default(), events)
        .emit(Draft::unknown(root), &|out| out.push_str(root.raw()));
}

fn entry(entry: Json<'_>, shell: &Shell, events: &mut Events) {
    if events.are_too_many() {
        return;
    }
    let written = entry.get("time");
    let time = written.and_then(seconds);
    let at = match time {
        Some(time) => time.to_string().into(),
        None => written.map(Json::raw).unwrap_or_default().into(),
    };
    let common = Common {
        account: entry.get("id").and_then(id),
        time,
        at,
        ..Common::default()
    };
    let Some(changes) = entry
        .only("changes")
        .filter(|changes| changes.items().next().is_some())
    else {
        Change::of(common, events)
            .emit(Draft::unknown(entry), &|out| shell.around(entry.raw(), out));
        return;
    };
    let mut inside = shell.inside();
    if let Some(members) =
        inside.object(entry, CARRIED, &["id", "time"], |key, _| key.is("changes"))
    {
        Change::of(common.clone(), events).left_out(shell, &members);
    }
    inside.list("changes");
    for item in changes.items() {
        change(item, common.clone(), &inside, events);
    }
}

fn change<'a>(json: Json<'a>, entry: Common<'a>, shell: &Shell, events: &mut Events) {
    if events.are_too_many() {
        return;
    }
    let value = json.only("value").filter(|value| value.is_object());
    let field = json.get("field").and_then(id);
    let (Some(field), Some(value)) = (field, value) else {
        let mut change = Change::of(entry, events);
        let draft = change.managed(UNKNOWN, None, json);
        change.emit(draft, &|out| shell.around(json.raw(), out));
        return;
    };
    let mut change = Change::of(entry.of_change(field, value), events);
    let mut inside = shell.inside();
    if let Some(members) = inside.object(json, CARRIED, &["field"], |key, _| key.is("value")) {
        change.left_out(shell, &members);
    }
    inside.member("value");
    if !fields::read(&mut change, &inside, value) {
        change.not_read("", value);
        let draft = change.managed(UNKNOWN, None, value);
        change.emit(draft, &|out| inside.around(value.raw(), out));
    }
}

impl<'a> Common<'a> {
    /// Adds what a change tells of the number that it is about.
    ///
    /// An entry's id is not always the account's: where partners are concerned it is the business portfolio's, and
    /// the account is named inside, if at all. (Meta: "`account_update`", "`partner_solutions`".)
    fn of_change(self, field: Cow<'a, str>, value: Json<'a>) -> Self {
        let within = |name: &str, member: &str| value.get(name)?.get(member);
        let alert = || {
            let number = value.get("entity_type")?.text()? == "PHONE_NUMBER";
            number.then(|| value.get("entity_id")).flatten()
        };
        let number = within("metadata", "phone_number_id")
            .or_else(|| within("recipient", "phone_number_id"))
            .or_else(|| within("phone_number_settings", "phone_number_id"))
            .or_else(alert);
        let display = within("metadata", "display_phone_number")
            .or_else(|| within("recipient", "display_phone_number"))
            .or_else(|| value.get("display_phone_number"));
        let inside = value.get("waba_info");
        let to_portfolio =
            field == "partner_solutions" || (field == "account_update" && inside.is_some());
        let (account, portfolio) = if to_portfolio {
            (None, self.account)
        } else {
            (self.account, None)
        };
        let named = inside.and_then(|inside| inside.get("waba_id"));
        Self {
            field,
            account: named.and_then(id).or(account),
            portfolio,
            number: number.and_then(id),
            display_phone_number: display.and_then(line).and_then(phone),
            time: self.time,
            at: self.at,
        }
    }
}
