//! The newest events of the log, in memory: mostly an event is delivered as soon as it is committed, and then needs not
//! be read again.
//!
//! What is here is what is written. Where that fails the mailbox is opened anew, and then nothing is here.

use std::collections::VecDeque;

use super::Stored;
use crate::mailbox::Join;

/// How much of it is kept, in bytes: what comes in some tenths of a second where very much comes.
const MOST_BYTES: usize = 1024 * 1024;

/// All events of the log from some `seq` on.
#[derive(Debug)]
pub(super) struct Recent {
    from: i64,
    events: VecDeque<Stored>,
    bytes: usize,
}

impl Recent {
    /// Nothing yet, of a log whose last `seq` is `last`.
    pub(super) fn behind_all(last: i64) -> Self {
        Self {
            from: last.saturating_add(1),
            events: VecDeque::new(),
            bytes: 0,
        }
    }

    /// Takes what was added to the log.
    pub(super) fn add(&mut self, events: Vec<Stored>) {
        self.bytes += events.iter().map(bytes).sum::<usize>();
        self.events.extend(events);
        while self.bytes > MOST_BYTES {
            self.drop_first();
        }
    }

    /// The events behind a place, if all of them are here.
    pub(super) fn behind(&self, place: i64) -> Option<impl Iterator<Item = &Stored>> {
        let behind = self.index(place.saturating_add(1));
        (place.saturating_add(1) >= self.from).then(|| self.events.range(behind..))
    }

    /// An event, if it is here.
    pub(super) fn find(&self, seq: i64) -> Option<&Stored> {
        let found = self.events.get(self.index(seq));
        found.filter(|event| event.seq == seq)
    }

    /// A conversation turned out to be part of another.
    pub(super) fn join(&mut self, join: Join) {
        for event in &mut self.events {
            if event.conversation == join.from {
                event.conversation = join.into;
            }
        }
    }

    /// Drops what every cursor has passed.
    pub(super) fn let_go(&mut self, passed: i64) {
        while self.events.front().is_some_and(|event| event.seq <= passed) {
            self.drop_first();
        }
    }

    fn drop_first(&mut self) {
        if let Some(event) = self.events.pop_front() {
            self.bytes = self.bytes.saturating_sub(bytes(&event));
            self.from = event.seq.saturating_add(1);
        }
    }

    /// Where the first event is that is not below `seq`.
    fn index(&self, seq: i64) -> usize {
        self.events.partition_point(|event| event.seq < seq)
    }
}

fn bytes(event: &Stored) -> usize {
    size_of::<Stored>() + event.data.len() + event.added.len() + event.id.len() + event.kind.len()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::mailbox::{
        cursor::parking::Parking,
        log::{Log, Queued},
        native::Native,
    };

    fn event(seq: i64, conversation: i64, length: usize) -> Stored {
        Stored {
            seq,
            conversation,
            data: "x".repeat(length),
            ..Stored::example()
        }
    }

    proptest! {
        /// A log that was opened anew has nothing in memory.
        #[test]
        fn what_is_in_memory_is_what_is_in_the_tables(
            steps in proptest::collection::vec((0..4u8, 0..4i64, 0..4i64, 1..400_000usize), 1..24),
        ) {
            let sql = Native::new();
            Parking::create(&*sql).unwrap();
            let mut log = Log::load(sql.clone(), 0).unwrap();
            let (mut last, mut passed) = (0, 0);
            for (at, (step, one, other, length)) in (1..).zip(steps) {
                // A new generation is begun now and then.
                let now_ms = at * 240_000;
                match step {
                    0 | 1 => {
                        log.turn(now_ms).unwrap();
                        let first = log.next_seq(now_ms);
                        let events = vec![event(first, one, length), event(first + 1, other, 1)];
                        log.add(events).unwrap();
                        last = first + 1;
                    }
                    2 => {
                        let join = Join { from: one.max(other), into: one.min(other) };
                        log.join(passed, &[join]).unwrap();
                    }
                    _ => {
                        passed += (last - passed) * one / 3;
                        log.let_go(passed, now_ms).unwrap();
                    }
                }
                let anew = Log::load(sql.clone(), last).unwrap();
                let behind = |log: &Log| {
                    let mut all = Vec::new();
                    log.behind(passed, 100, &mut |event, kind| all.push((event, kind.to_owned()))).unwrap();
                    all
                };
                prop_assert_eq!(behind(&log), behind(&anew));
                for (Queued { seq, .. }, _) in behind(&log) {
                    prop_assert_eq!(log.read(seq).unwrap(), anew.read(seq).unwrap());
                }
            }
        }
    }

    #[test]
    fn it_holds_no_more_than_a_megabyte() {
        let mut recent = Recent::behind_all(0);
        for seq in 1..=100 {
            recent.add(vec![event(seq, 1, 100_000)]);
        }
        assert!(recent.bytes <= MOST_BYTES);
        assert!(recent.behind(0).is_none());
        assert_eq!(recent.behind(95).unwrap().count(), 5);
        assert!(recent.find(1).is_none() && recent.find(100).is_some());
        recent.let_go(100);
        assert_eq!((recent.events.len(), recent.bytes), (0, 0));
        assert_eq!(recent.behind(100).unwrap().count(), 0);
    }
}
