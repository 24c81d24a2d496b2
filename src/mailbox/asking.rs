//! What is asked, before events are stored, of the partitions in which their persons were before: each partition once,
//! however many events there are.

use std::collections::{BTreeMap, HashSet};

use super::{directory::Route, moved::Moved, moving::Adoption, people};
use crate::event::Event;

/// What comes of the answers.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Answered {
    /// The events that are stored already, by their places.
    pub stored: HashSet<usize>,
    /// What each partition is to take in before the others are stored there; each person once.
    pub adoptions: BTreeMap<u32, Vec<Adoption>>,
}

/// Which events each partition is asked for, by their places.
pub fn asked(routes: &[Route]) -> BTreeMap<u32, Vec<usize>> {
    let mut asked: BTreeMap<u32, Vec<usize>> = BTreeMap::new();
    for (place, route) in routes.iter().enumerate() {
        for former in &route.former {
            asked.entry(*former).or_default().push(place);
        }
    }
    asked
}

/// Puts together what the partitions answered: for each event, by its place, what one of them knows.
pub fn answered(
    events: &[Event],
    routes: &[Route],
    answers: impl IntoIterator<Item = (usize, Moved)>,
) -> Answered {
    let mut answered = Answered::default();
    let mut told = HashSet::new();
    for (place, moved) in answers {
        if moved.stored {
            answered.stored.insert(place);
        }
        let (Some(event), Some(route)) = (events.get(place), routes.get(place)) else {
            continue;
        };
        let names: Vec<_> = people::all_names(event).collect();
        if told.insert((route.partition, moved.former.clone(), names)) {
            let adoptions = answered.adoptions.entry(route.partition);
            adoptions.or_default().push(Adoption {
                event: super::names_alone(event),
                moved,
            });
        }
    }
    answered
}
