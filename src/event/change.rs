//! One change of a webhook on its way to becoming events: how each of its items is read and written.

use std::borrow::Cow;

use super::common::Common;
use super::contacts::Contacts;
use super::draft::{Draft, seconds};
use super::events::{Events, MOST_EVENTS};
use super::person::{self, Person, TO};
use super::shell::{CARRIED, Shell};
use super::{Effect, Event, Name, UNKNOWN, drift, fields};
use crate::meta::json::{Json, Key, is_tame};
use crate::written::{begin_member, push_string};

/// Reads one item; `None` where it does not have the shape that it should have.
pub(super) type Reader = for<'a> fn(&Change<'_, 'a>, Json<'a>) -> Option<Draft<'a>>;

/// A list of items in a change, by the name of its member.
pub(super) struct List {
    pub(super) name: &'static str,
    pub(super) read: Reader,
    /// How an item that cannot be read names the person whom it is about; `None` where it is about nobody, and has no
    /// time.
    pub(super) person: Option<&'static person::Keys>,
}

impl List {
    /// A list whose items say when it was, and whom they are about.
    pub(super) const fn new(
        name: &'static str,
        read: Reader,
        person: &'static person::Keys,
    ) -> Self {
        Self {
            name,
            read,
            person: Some(person),
        }
    }
}

/// One change, and where its events go.
pub(super) struct Change<'o, 'a> {
    pub(super) common: Common<'a>,
    /// The person whom a container of the items names.
    pub(super) thread: Person<'a>,
    /// The object that the items' lists stand in.
    pub(super) container: Option<Json<'a>>,
    /// The people whom it names beside its items.
    pub(super) contacts: Vec<Json<'a>>,
    /// The group that all its items are of.
    group: Vec<Name>,
    place: usize,
    business: String,
    events: &'o mut Events,
}

/// An item on its way: its list's key as it was written, the item, and what it was read as.
type Item<'a> = (&'a str, Json<'a>, Draft<'a>);

/// A member that has the name of a list and is none.
type Misfit<'a> = (Key<'a>, Json<'a>);

impl<'o, 'a> Change<'o, 'a> {
    pub(super) fn of(common: Common<'a>, events: &'o mut Events) -> Self {
        let (place, business) = (events.place(&common), common.business());
        Self {
            common,
            thread: Person::default(),
            container: None,
            contacts: Vec::new(),
            group: Vec::new(),
            place,
            business,
            events,
        }
    }

    /// An event of management, which is the whole value of its change. It is known again by all that it says.
    pub(super) fn managed(
        &self,
        kind: impl Into<Cow<'static, str>>,
        topic: Option<String>,
        value: Json<'a>,
    ) -> Draft<'a> {
        let Common {
            field, time, at, ..
        } = &self.common;
        let canonical = value.canonical();
        let about = topic.clone().unwrap_or_else(|| canonical.clone());
        let key = vec![
            "management".into(),
            at.clone(),
            field.clone(),
            canonical.into(),
        ];
        Draft {
            time: *time,
            names: topic.into_iter().map(Name::Topic).collect(),
            ..Draft::new(kind, about, key)
        }
    }

    /// Makes an event of every item of the `lists` in `container`, around which `shell` stands; `false` where there was
    /// not one. Members that are named in `elsewhere` are not looked at.
    pub(super) fn lists(
        &mut self,
        shell: &Shell,
        container: Json<'a>,
        lists: &[List],
        elsewhere: &[&str],
    ) -> bool {
        if self.common.number.is_none() {
            return false;
        }
        self.container = Some(container);
        self.contacts = container
            .members()
            .filter(|(key, value)| key.is("contacts") && value.is_list())
            .flat_map(|(_, list)| list.items())
            .collect();
        let (items, misfits) = self.read_all(container, lists);
        if items.is_empty() {
            return false;
        }
        for (list, item, draft) in &items {
            if draft.kind == UNKNOWN {
                self.not_read(list.trim_matches('"'), *item);
            }
        }
        let mut names = items.iter().map(|(_, _, draft)| &draft.names);
        let first = names.next();
        self.group = first
            .filter(|first| names.all(|names| names == *first))
            .cloned()
            .unwrap_or_default();
        let mut inside = shell.inside();
        let alone = items.len() + misfits.len() == 1;
        let left_out = inside.object(
            container,
            if alone { usize::MAX } else { CARRIED },
            &["messaging_product", "metadata"],
            |key, value| {
                (key.is("contacts") && value.is_list())
                    || (lists.iter().any(|list| key.is(list.name)) && !value.is_null())
                    || elsewhere.iter().any(|name| key.is(name))
            },
        );
        self.write_items(&inside, items);
        for (key, value) in misfits {
            let draft = Draft::unknown_text(format!("{}:{}", key.text(), value.canonical()));
            self.emit(draft, &|out| {
                inside.around_member(key.raw(), value.raw(), out);
            });
        }
        if let Some(members) = left_out {
            self.left_out(shell, &members);
        }
        true
    }

    /// The items of the `lists` in `container`, as they are read, and what has the name of a list and is none.
    fn read_all(&self, container: Json<'a>, lists: &[List]) -> (Vec<Item<'a>>, Vec<Misfit<'a>>) {
        let (mut items, mut misfits) = (Vec::new(), Vec::new());
        for (key, value) in container.members() {
            let Some(list) = lists.iter().find(|list| key.is(list.name)) else {
                continue;
            };
            if value.is_list() {
                let most = MOST_EVENTS.saturating_sub(items.len());
                let read = |item| (key.raw(), item, self.read(list, item));
                items.extend(value.items().take(most).map(read));
            } else if !value.is_null() {
                misfits.push((key, value));
            }
        }
        (items, misfits)
    }

    fn read(&self, list: &List, item: Json<'a>) -> Draft<'a> {
        let time = item.get("timestamp").and_then(seconds);
        let mut draft = (list.read)(self, item).unwrap_or_else(|| Draft {
            time,
            person: self.thread.clone().or(list
                .person
                .map(|keys| self.customer(item, keys))
                .unwrap_or_default()),
            names: person::group(item),
            ..Draft::unknown(item)
        });
        if list.person.is_some() {
            draft.time = draft.time.or(time);
            if draft.names.is_empty() && draft.person.is_nobody() {
                self.give_to_the_contact(&mut draft, item.get("id").is_some());
            }
        }
        draft
    }

    /// Whom an item is about that may be from a customer or to one.
    pub(super) fn customer(&self, item: Json<'a>, keys: &person::Keys) -> Person<'a> {
        let person = Person::read(item, keys);
        if self.common.is_ours(&person) {
            Person::read(item, &TO)
        } else {
            person
        }
    }

    /// If an item names nobody and there is one contact, it is that person's. An item without an id is recognised by
    /// what it says. Two people may say the same in one second, so whose it is then counts as well.
    fn give_to_the_contact(&self, draft: &mut Draft<'a>, has_id: bool) {
        let [contact] = self.contacts.as_slice() else {
            return;
        };
        draft.person = Person::contact(*contact);
        if let Some(name) = draft.person.names().first().filter(|_| !has_id) {
            draft.key.push(name.key().into());
        }
    }

    fn write_items(&mut self, shell: &Shell, mut items: Vec<Item<'a>>) {
        let mut contacts = Contacts::new(&self.contacts);
        let mut own: Vec<Option<&str>> = Vec::with_capacity(items.len());
        for (_, _, draft) in &mut items {
            own.push(contacts.join(&mut draft.person));
        }
        let mut alone: Vec<&str> = contacts.alone().collect();
        for ((key, item, draft), contact) in items.into_iter().zip(own) {
            self.emit(draft, &|out| {
                let contacts = contact.iter().chain(&alone).copied();
                shell.around_item(contacts, key, item.raw(), out);
            });
            alone.clear();
        }
    }

    /// Makes an event of members that are too large to be carried along with every item.
    pub(super) fn left_out(&mut self, shell: &Shell, members: &str) {
        let mut draft = Draft::unknown_text(members);
        draft.names.clone_from(&self.group);
        if draft.names.is_empty() {
            self.give_to_the_contact(&mut draft, false);
        }
        self.emit(draft, &|out| {
            shell.around(members, out);
        });
    }

    /// Takes note of an item that we could not read though we know its field; `list` is where it stands.
    pub(super) fn not_read(&mut self, list: &str, item: Json<'a>) {
        let field = &self.common.field;
        if fields::shape(field).is_some() {
            self.events.drift.not_read(&drift::place(field, list), item);
        }
    }

    /// Writes the event of an item, with the envelope around it, which `raw` writes. What other parsers refuse is written as
    /// text; where it stands in the payload, that goes too.
    pub(super) fn emit(&mut self, mut draft: Draft<'_>, raw: &dyn Fn(&mut String)) {
        let mut data = std::mem::take(&mut self.events.written);
        data.clear();
        data.push('{');
        if !self.business.is_empty() {
            push_member(&mut data, "business", &self.business);
        }
        draft.person.write("customer", &mut data);
        let common = data.len();
        if let Some((name, json)) = &draft.payload {
            push_member(&mut data, name, json);
        }
        let modelled = data.len();
        push_member(&mut data, "raw", "");
        raw(&mut data);
        data.push('}');
        if self.events.odd && !is_tame(&data) {
            data.truncate(modelled);
            if draft
                .payload
                .take()
                .is_some_and(|(_, json)| !is_tame(&json))
            {
                data.truncate(common);
                draft.kind = UNKNOWN.into();
            }
            let mut text = String::new();
            raw(&mut text);
            push_member(&mut data, "body", "");
            push_string(&mut data, &text);
            data.push('}');
        }
        self.emit_data(draft, data.as_str().to_owned());
        self.events.written = data;
    }

    /// Makes an event with this `data`.
    pub(super) fn emit_data(&mut self, draft: Draft<'_>, data: String) {
        let Draft {
            kind,
            time,
            person,
            mut names,
            mut effect,
            about,
            key,
            ..
        } = draft;
        if names.is_empty() {
            names = person.names();
        }
        let in_vain = match effect {
            Effect::Opens { .. } => names.is_empty() || time.is_none(),
            Effect::Answers => names.is_empty(),
            _ => false,
        };
        if in_vain {
            effect = Effect::None;
        }
        self.events.grow(data.len());
        if self.events.are_too_many() {
            return;
        }
        let Events { homes, ids, .. } = &mut *self.events;
        let Some((home, events)) = homes.get_mut(self.place) else {
            return;
        };
        let id = ids.event(home, &about, &key);
        events.push(Event {
            id,
            kind: kind.into_owned(),
            time,
            names,
            effect,
            data,
        });
    }
}

fn push_member(out: &mut String, name: &str, json: &str) {
    begin_member(out, name);
    out.push_str(json);
}
