//! Before events are stored, the partitions in which their persons were before are asked about them: each partition
//! once, however many events there are.

use std::collections::{HashMap, HashSet};

use super::{directory::Route, moved::Moved, moving::Adoption, people};
use crate::event::{Event, Name};

/// What concerns each partition, in order of first appearance. There are few.
pub(super) type ByPartition<T> = Vec<(u32, Vec<T>)>;

fn add<T>(all: &mut ByPartition<T>, partition: u32, item: T) {
    match all.iter_mut().find(|(known, _)| *known == partition) {
        Some((_, items)) => items.push(item),
        None => all.push((partition, vec![item])),
    }
}

/// What comes of the answers.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Answered {
    /// The events that are stored already, by their places.
    pub stored: HashSet<usize>,
    /// What each partition is to take in before the others are stored there; each person once.
    pub adoptions: ByPartition<Adoption>,
}

/// Which events each partition is asked for, by their places.
pub fn asked(routes: &[Route]) -> ByPartition<usize> {
    let mut asked = ByPartition::new();
    for (place, route) in routes.iter().enumerate() {
        for former in &route.former {
            add(&mut asked, *former, place);
        }
    }
    asked
}

/// An event as if it called its person by all names that the directory knows: each partition may know only some of
/// them.
pub fn by_all_names(mut event: Event, route: &Route) -> Event {
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
    let stored = answers.iter().filter(|(_, moved)| moved.stored);
    let stored: HashSet<usize> = stored.map(|(place, _)| *place).collect();
    // What is to be stored of each person, by what they are called.
    let mut ids = HashMap::<Vec<&Name>, Vec<String>>::new();
    for (place, (event, route)) in events.iter().zip(routes).enumerate() {
        if !route.former.is_empty() && !stored.contains(&place) {
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
                event: by_all_names(super::names_alone(event), route),
                moved,
                person: route.person,
                ids: ids.cloned().unwrap_or_default(),
            };
            add(&mut adoptions, route.partition, adoption);
        }
    }
    Answered { stored, adoptions }
}
