//! Before events are stored, the partitions in which their persons were before are asked about them: each partition
//! once, however many events there are.

use std::collections::{HashMap, HashSet};

use super::{directory::Route, moved::Moved, moving::Adoption};
use crate::{
    event::{Event, Name},
    mailbox::people,
};

/// What concerns each partition, in order of first appearance. There are few.
type ByPartition<T> = Vec<(u32, Vec<T>)>;

fn add<T>(all: &mut ByPartition<T>, partition: u32, item: T) {
    match all.iter_mut().find(|(known, _)| *known == partition) {
        Some((_, items)) => items.push(item),
        None => all.push((partition, vec![item])),
    }
}

/// What one partition is asked ([`crate::mailbox::Mailbox::cede`]).
#[derive(Debug, PartialEq, Eq)]
pub struct CedeRequest {
    /// Which one.
    pub former: u32,
    /// The events that it is asked about, by their places among all.
    pub places: Vec<usize>,
    /// What it is told of them.
    pub events: Vec<Event>,
    /// The ids by which the directory knows their persons.
    pub persons: Vec<i64>,
}

/// What comes of the answers.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Answered {
    /// For each event, by its place, the name of the object where it is stored already, if it is.
    pub stored: Vec<Option<String>>,
    /// What each partition is to take in before the others are stored there; each person once.
    pub adoptions: ByPartition<Adoption>,
}

/// What each partition is asked about events before they are stored. It is told the data only of an event that
/// `needs_data`.
pub fn cede_requests(
    events: &[Event],
    routes: &[Route],
    needs_data: fn(&Event) -> bool,
) -> Vec<CedeRequest> {
    let mut asked = ByPartition::new();
    for (place, (event, route)) in events.iter().zip(routes).enumerate() {
        for former in &route.former {
            add(&mut asked, *former, (place, event, route));
        }
    }
    let told = |event: &Event| {
        if needs_data(event) {
            event.clone()
        } else {
            event.without_data()
        }
    };
    let asked = asked.into_iter().map(|(former, about)| CedeRequest {
        former,
        places: about.iter().map(|(place, ..)| *place).collect(),
        events: about
            .iter()
            .map(|(_, event, route)| by_all_names(told(event), route))
            .collect(),
        persons: about.iter().map(|(.., route)| route.person).collect(),
    });
    asked.collect()
}

/// An event as if it called its person by all names that the directory knows: each partition may know only some of
/// them.
fn by_all_names(mut event: Event, route: &Route) -> Event {
    for name in &route.names {
        if !event.names.contains(name) {
            event.names.push(name.clone());
        }
    }
    event
}

/// Puts together what the partitions answered: for each event, by its place, what one of them knows.
pub fn answered(
    events: &[Event],
    routes: &[Route],
    answers: impl IntoIterator<Item = (usize, Moved)>,
) -> Answered {
    let answers: Vec<(usize, Moved)> = answers.into_iter().collect();
    let mut stored = vec![None; events.len()];
    for (place, moved) in answers.iter().filter(|(_, moved)| moved.stored) {
        if let Some(there) = stored.get_mut(*place) {
            *there = Some(moved.former.clone());
        }
    }
    // What is to be stored of each person, by what they are called.
    let mut ids = HashMap::<Vec<&Name>, Vec<String>>::new();
    for ((event, route), there) in events.iter().zip(routes).zip(&stored) {
        if !route.former.is_empty() && there.is_none() {
            let of = ids.entry(people::all_names(event).collect()).or_default();
            of.push(event.id.clone());
        }
    }
    let mut adoptions = ByPartition::new();
    let mut told = HashSet::new();
    for (place, moved) in answers {
        let (Some(event), Some(route)) = (events.get(place), routes.get(place)) else {
            continue;
        };
        let names: Vec<_> = people::all_names(event).collect();
        let ids = ids.get(&names);
        if told.insert((route.partition, moved.former.clone(), names)) {
            let adoption = Adoption {
                event: by_all_names(event.names_alone(), route),
                moved,
                person: route.person,
                ids: ids.cloned().unwrap_or_default(),
            };
            add(&mut adoptions, route.partition, adoption);
        }
    }
    Answered { stored, adoptions }
}
