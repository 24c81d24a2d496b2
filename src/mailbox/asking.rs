//! What is asked, before events are stored, of the partitions in which their persons were before: each partition once,
//! however many events there are.

use std::collections::HashSet;

use super::{directory::Route, moved::Moved, moving::Adoption, people};
use crate::event::Event;

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
            let event = super::names_alone(event);
            let adoption = Adoption { event, moved };
            add(&mut answered.adoptions, route.partition, adoption);
        }
    }
    answered
}
