//! Which way a request to a destination or to the Graph API leaves a mailbox.
//!
//! The platform lets one invocation wait for six answers at the same time, and a Worker that is called through a
//! service binding shares these six ("Limits": simultaneous open connections). A Durable Object has six of its own. So
//! a mailbox makes a few requests itself, and gives those beside them to couriers: objects that do nothing else.

/// How many requests a mailbox makes itself: to destinations, and to the Graph API. Together they are six.
const TO_DESTINATIONS: usize = 4;
const TO_GRAPH: usize = 2;

/// How many requests one courier makes at the same time.
const EACH: usize = 6;

/// The way of one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lane {
    /// The mailbox makes it.
    Itself,
    /// This courier makes it, counted from 0.
    Courier(usize),
}

/// What is on its way, by lane.
#[derive(Debug)]
pub struct Lanes {
    most_itself: usize,
    itself: usize,
    couriers: Vec<usize>,
}

impl Lanes {
    /// For requests to destinations.
    pub fn to_destinations() -> Self {
        Self::of(TO_DESTINATIONS)
    }

    /// For requests to the Graph API. They have couriers of their own.
    pub fn to_graph() -> Self {
        Self::of(TO_GRAPH)
    }

    fn of(most_itself: usize) -> Self {
        Self {
            most_itself,
            itself: 0,
            couriers: Vec::new(),
        }
    }

    /// The lane for one more request: the mailbox, then the first courier with room, so that those that were called
    /// last are called again and the others sleep. [`Lanes::leave`] is to be called when it has ended.
    pub fn enter(&mut self) -> Lane {
        if self.itself < self.most_itself {
            self.itself += 1;
            return Lane::Itself;
        }
        let free = self.couriers.iter_mut().enumerate();
        if let Some((courier, busy)) = free.into_iter().find(|(_, busy)| **busy < EACH) {
            *busy += 1;
            return Lane::Courier(courier);
        }
        self.couriers.push(1);
        Lane::Courier(self.couriers.len() - 1)
    }

    /// Takes note that a request has ended.
    pub fn leave(&mut self, lane: Lane) {
        let busy = match lane {
            Lane::Itself => Some(&mut self.itself),
            Lane::Courier(courier) => self.couriers.get_mut(courier),
        };
        if let Some(busy) = busy {
            *busy = busy.saturating_sub(1);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_few_go_from_the_mailbox_and_the_others_by_couriers() {
        let mut lanes = Lanes::to_destinations();
        let all: Vec<Lane> = (0..12).map(|_| lanes.enter()).collect();
        let by = |lane| all.iter().filter(|taken| **taken == lane).count();
        assert_eq!(by(Lane::Itself), 4);
        assert_eq!((by(Lane::Courier(0)), by(Lane::Courier(1))), (6, 2));
        lanes.leave(Lane::Courier(0));
        assert_eq!(lanes.enter(), Lane::Courier(0));
        lanes.leave(Lane::Itself);
        assert_eq!(lanes.enter(), Lane::Itself);
    }

    proptest! {
        /// Whatever ends when, nobody has more connections than the platform gives.
        #[test]
        fn no_lane_is_ever_too_full(ends in proptest::collection::vec(any::<Option<proptest::sample::Index>>(), 0..400)) {
            let mut lanes = Lanes::to_destinations();
            let mut under_way = Vec::new();
            for end in ends {
                match end {
                    Some(index) if !under_way.is_empty() => {
                        lanes.leave(under_way.swap_remove(index.index(under_way.len())));
                    }
                    _ => under_way.push(lanes.enter()),
                }
                prop_assert!(lanes.itself <= TO_DESTINATIONS && lanes.couriers.iter().all(|busy| *busy <= EACH));
                prop_assert_eq!(lanes.itself + lanes.couriers.iter().sum::<usize>(), under_way.len());
            }
        }
    }
}
