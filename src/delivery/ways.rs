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

/// Who makes one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// The mailbox makes it.
    Itself,
    /// This courier makes it, counted from 0.
    Courier(usize),
}

/// How many requests go each way.
#[derive(Debug)]
pub struct Ways {
    most_itself: usize,
    itself: usize,
    /// How many each courier has.
    couriers: Vec<usize>,
    /// The courier that was called last.
    last: usize,
}

impl Ways {
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
            last: 0,
        }
    }

    /// The way for one more request. [`Ways::leave`] is to be called when it has ended.
    ///
    /// The mailbox comes first, then the courier that was called last: requests that one courier gets at the same time
    /// are one call. If that one is full, it is the first that is half empty, so that the others can sleep.
    pub fn enter(&mut self) -> Way {
        if self.itself < self.most_itself {
            self.itself += 1;
            return Way::Itself;
        }
        if self
            .couriers
            .get(self.last)
            .is_none_or(|busy| *busy >= EACH)
        {
            let half_empty = |busy: &usize| *busy <= EACH / 2;
            let found = self.couriers.iter().position(half_empty);
            self.last = found.unwrap_or(self.couriers.len());
        }
        match self.couriers.get_mut(self.last) {
            Some(busy) => *busy += 1,
            None => self.couriers.push(1),
        }
        Way::Courier(self.last)
    }

    /// Takes note that a request has ended.
    pub fn leave(&mut self, way: Way) {
        let busy = match way {
            Way::Itself => Some(&mut self.itself),
            Way::Courier(courier) => self.couriers.get_mut(courier),
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
        let mut ways = Ways::to_destinations();
        let all: Vec<Way> = (0..12).map(|_| ways.enter()).collect();
        let by = |way| all.iter().filter(|taken| **taken == way).count();
        assert_eq!(by(Way::Itself), 4);
        assert_eq!((by(Way::Courier(0)), by(Way::Courier(1))), (6, 2));
        ways.leave(Way::Itself);
        assert_eq!(ways.enter(), Way::Itself);
    }

    #[test]
    fn what_is_begun_together_goes_together() {
        let mut ways = Ways::to_destinations();
        let all: Vec<Way> = (0..16).map(|_| ways.enter()).collect();
        ways.leave(Way::Courier(0));
        ways.leave(Way::Courier(1));
        assert_eq!(ways.enter(), Way::Courier(1), "the last, as it has room");
        assert_eq!(ways.enter(), Way::Courier(2), "one has room for one alone");
        for way in all.iter().filter(|way| **way == Way::Courier(0)).take(2) {
            ways.leave(*way);
        }
        let next: Vec<Way> = (0..6).map(|_| ways.enter()).collect();
        assert_eq!(
            next.iter().filter(|way| **way == Way::Courier(2)).count(),
            5
        );
        assert_eq!(next.last(), Some(&Way::Courier(0)), "half of it is free");
    }

    proptest! {
        /// Whatever ends when, nobody has more connections than the platform gives.
        #[test]
        fn no_way_is_ever_too_full(ends in proptest::collection::vec(any::<Option<proptest::sample::Index>>(), 0..400)) {
            let mut ways = Ways::to_destinations();
            let mut under_way = Vec::new();
            for end in ends {
                match end {
                    Some(index) if !under_way.is_empty() => {
                        ways.leave(under_way.swap_remove(index.index(under_way.len())));
                    }
                    _ => under_way.push(ways.enter()),
                }
                prop_assert!(ways.itself <= TO_DESTINATIONS && ways.couriers.iter().all(|busy| *busy <= EACH));
                prop_assert_eq!(ways.itself + ways.couriers.iter().sum::<usize>(), under_way.len());
            }
        }
    }
}
