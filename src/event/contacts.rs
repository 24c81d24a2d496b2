//! The contacts beside the items of a change: who they are is told here, who did what is told by the items.

use std::borrow::Cow;
use std::collections::BTreeMap;

use super::person::Person;
use super::shell::CARRIED;
use crate::meta::json::Json;

/// The contacts of a change, to be found by the names of an item.
pub(super) struct Contacts<'a> {
    all: Vec<(Json<'a>, Person<'a>, bool)>,
    by_user: BTreeMap<Cow<'a, str>, usize>,
    by_phone: BTreeMap<Cow<'a, str>, usize>,
}

impl<'a> Contacts<'a> {
    pub(super) fn new(contacts: &[Json<'a>]) -> Self {
        let all: Vec<_> = contacts
            .iter()
            .map(|contact| (*contact, Person::contact(*contact), false))
            .collect();
        let mut by_user = BTreeMap::new();
        let mut by_phone = BTreeMap::new();
        for (place, (_, person, _)) in all.iter().enumerate() {
            if let Some(user) = &person.user {
                by_user.entry(user.clone()).or_insert(place);
            }
            if let Some(phone) = &person.phone {
                by_phone.entry(phone.clone()).or_insert(place);
            }
        }
        Self {
            all,
            by_user,
            by_phone,
        }
    }

    /// Adds to `person` what his contact tells of him, and returns the contact. One that is large is returned once.
    pub(super) fn join(&mut self, person: &mut Person<'a>) -> Option<&'a str> {
        let by_user = person
            .user
            .as_deref()
            .and_then(|user| self.by_user.get(user));
        let place = by_user.or_else(|| self.by_phone.get(person.phone.as_deref()?))?;
        let (contact, known, told) = self.all.get_mut(*place)?;
        // A phone that two people share, in Meta's view, makes one of neither.
        if let (Some(one), Some(other)) = (&person.user, &known.user)
            && one != other
        {
            return None;
        }
        *person = std::mem::take(person).or(known.clone());
        let again = std::mem::replace(told, true);
        let raw = contact.raw();
        (!again || raw.len() <= CARRIED).then_some(raw)
    }

    /// The contacts that no item asked for.
    pub(super) fn alone(self) -> impl Iterator<Item = &'a str> {
        self.all
            .into_iter()
            .filter(|(_, _, told)| !told)
            .map(|(contact, _, _)| contact.raw())
    }
}
