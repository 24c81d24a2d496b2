//! The contacts beside the items of a change: who they are is told here, who did what is told by the items.

use std::borrow::Cow;

use super::person::Person;
use super::shell::CARRIED;
use crate::meta::json::Json;

/// The contacts of a change, to be found by the names of an item.
pub(super) struct Contacts<'a> {
    all: Vec<(Json<'a>, Person<'a>, bool)>,
    by_user: Places<'a>,
    by_phone: Places<'a>,
    by_parent: Places<'a>,
}

impl<'a> Contacts<'a> {
    pub(super) fn new(contacts: &[Json<'a>]) -> Self {
        let all: Vec<_> = contacts
            .iter()
            .map(|contact| (*contact, Person::contact(*contact), false))
            .collect();
        Self {
            by_user: Places::new(&all, |person| person.user.as_ref()),
            by_phone: Places::new(&all, |person| person.phone.as_ref()),
            by_parent: Places::new(&all, |person| person.parent.as_ref()),
            all,
        }
    }

    /// Adds to `person` what their contact tells of them, and returns the contact. One that is large is returned once.
    pub(super) fn join(&mut self, person: &mut Person<'a>) -> Option<&'a str> {
        let by_user = self.by_user.find(person.user.as_deref());
        let place = by_user
            .or_else(|| self.by_phone.find(person.phone.as_deref()))
            .or_else(|| self.by_parent.find(person.parent.as_deref()))?;
        let (contact, known, told) = self.all.get_mut(place)?;
        // Two people who share a phone, in Meta's view, are still two.
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

/// Where the contacts stand that have a name, sorted by it.
struct Places<'a>(Vec<(Cow<'a, str>, usize)>);

impl<'a> Places<'a> {
    fn new<'c>(
        contacts: &'c [(Json<'a>, Person<'a>, bool)],
        name: fn(&'c Person<'a>) -> Option<&'c Cow<'a, str>>,
    ) -> Self {
        let contacts = contacts.iter().enumerate();
        let mut places: Vec<_> = contacts
            .filter_map(|(place, (_, person, _))| Some((name(person)?.clone(), place)))
            .collect();
        places.sort_unstable();
        Self(places)
    }

    /// The place of the first contact that has this name.
    fn find(&self, name: Option<&str>) -> Option<usize> {
        let name = name?;
        let at = self.0.partition_point(|(other, _)| other.as_ref() < name);
        let (other, place) = self.0.get(at)?;
        (other == name).then_some(*place)
    }
}
