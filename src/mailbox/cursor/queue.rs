//! What one destination wants of the log and has not been started, by conversation.
//!
//! Every step is a look-up, however much waits: with hundreds of requests under way, walking over them for each would
//! take longer than delivering.

use std::collections::{BTreeSet, HashMap};

use crate::mailbox::{Join, log::Queued};

/// A [`Queued`] event in the order of the log: its place, its conversation, and when it was received.
type InLog = (i64, i64, i64);

/// The same in the order of the conversations: its conversation, its place, and when it was received.
type InConversation = (i64, i64, i64);

/// A conversation is busy while a request of it is under way: nothing of it can go.
#[derive(Debug)]
pub(super) struct Queue {
    /// How many events of a conversation go in one request.
    most: usize,
    /// How long the conversation must have been quiet, in milliseconds, and how long that is waited for at most.
    quiet_ms: i64,
    quiet_max_ms: i64,
    events: BTreeSet<InLog>,
    by_conversation: BTreeSet<InConversation>,
    /// How many requests of a conversation are under way: after two became one, there may be two.
    busy: HashMap<i64, usize>,
    /// The first event of each conversation that is not busy.
    heads: BTreeSet<InLog>,
}

impl Queue {
    pub(super) fn new(most: usize, quiet_ms: u32, quiet_max_ms: u32) -> Self {
        Self {
            most,
            quiet_ms: quiet_ms.into(),
            quiet_max_ms: quiet_max_ms.into(),
            events: BTreeSet::new(),
            by_conversation: BTreeSet::new(),
            busy: HashMap::new(),
            heads: BTreeSet::new(),
        }
    }

    pub(super) fn len(&self) -> usize {
        self.events.len()
    }

    /// How many conversations have an event that could go.
    pub(super) fn ready(&self) -> usize {
        self.heads.len()
    }

    /// The places of all events, in their order.
    pub(super) fn places(&self) -> impl Iterator<Item = &i64> {
        self.events.iter().map(|(seq, ..)| seq)
    }

    /// The conversations that have an event here.
    pub(super) fn conversations(&self) -> impl Iterator<Item = i64> {
        let mut last = None;
        let all = self.by_conversation.iter().map(|(one, ..)| *one);
        all.filter(move |one| last.replace(*one) != Some(*one))
    }

    /// The places of all events of a conversation, in their order.
    pub(super) fn of(&self, conversation: i64) -> impl Iterator<Item = i64> {
        self.events_of(conversation).map(|(seq, ..)| seq)
    }

    fn events_of(&self, conversation: i64) -> impl Iterator<Item = InLog> {
        let from: InConversation = (conversation, i64::MIN, i64::MIN);
        let events = self.by_conversation.range(from..);
        events
            .take_while(move |(one, ..)| *one == conversation)
            .map(|(one, seq, received_ms)| (*seq, *one, *received_ms))
    }

    pub(super) fn insert(&mut self, event: Queued) {
        let Queued {
            seq,
            conversation,
            received_ms,
        } = event;
        self.lower(conversation);
        self.events.insert((seq, conversation, received_ms));
        self.by_conversation
            .insert((conversation, seq, received_ms));
        self.raise(conversation);
    }

    pub(super) fn remove(&mut self, seq: i64) {
        let mut from = self.events.range((seq, i64::MIN, i64::MIN)..);
        let Some(event) = from.next().copied().filter(|(place, ..)| *place == seq) else {
            return;
        };
        let (_, conversation, received_ms) = event;
        self.lower(conversation);
        self.events.remove(&event);
        self.by_conversation
            .remove(&(conversation, seq, received_ms));
        self.raise(conversation);
    }

    /// Takes note that a request of a conversation is under way.
    pub(super) fn begin(&mut self, conversation: i64) {
        self.lower(conversation);
        *self.busy.entry(conversation).or_default() += 1;
    }

    /// Takes note that a request of a conversation has ended.
    pub(super) fn free(&mut self, conversation: i64) {
        if let Some(requests) = self.busy.get_mut(&conversation) {
            *requests = requests.saturating_sub(1);
            if *requests == 0 {
                self.busy.remove(&conversation);
            }
        }
        self.raise(conversation);
    }

    pub(super) fn is_busy(&self, conversation: i64) -> bool {
        self.busy.contains_key(&conversation)
    }

    /// Takes note that a conversation became part of another.
    pub(super) fn join(&mut self, join: Join) {
        let Join { from, into } = join;
        for conversation in [from, into] {
            self.lower(conversation);
        }
        let moving: Vec<InLog> = self.events_of(from).collect();
        for event in moving {
            let (seq, _, received_ms) = event;
            self.events.remove(&event);
            self.by_conversation.remove(&(from, seq, received_ms));
            self.events.insert((seq, into, received_ms));
            self.by_conversation.insert((into, seq, received_ms));
        }
        if let Some(requests) = self.busy.remove(&from) {
            *self.busy.entry(into).or_default() += requests;
        }
        self.raise(into);
    }

    /// The first events that can go at `now_ms`: the next ones of one conversation.
    pub(super) fn next(&self, now_ms: i64) -> Option<Vec<i64>> {
        let mut conversations = self.waiting();
        let conversation = conversations.find(|waiting| self.ready_at(*waiting) <= now_ms)?;
        Some(self.of(conversation).take(self.most).collect())
    }

    /// The first time later than `after` at which something can go (unix milliseconds; 0: at any time).
    pub(super) fn wakes_at(&self, after: i64) -> Option<i64> {
        if self.quiet_ms == 0 {
            return self.heads.first().map(|_| 0).filter(|at| *at > after);
        }
        let times = self
            .waiting()
            .map(|conversation| self.ready_at(conversation));
        times.filter(|at| *at > after).min()
    }

    /// The conversations that are not busy, in the order of their first events.
    fn waiting(&self) -> impl Iterator<Item = i64> {
        self.heads.iter().map(|(_, conversation, _)| *conversation)
    }

    /// When the first events of a conversation may go (unix milliseconds): when nothing more has come for a while, when
    /// they are as many as may go, or when the first has waited for long enough.
    fn ready_at(&self, conversation: i64) -> i64 {
        if self.quiet_ms == 0 {
            return 0;
        }
        let mut received = self
            .events_of(conversation)
            .map(|(.., received_ms)| received_ms);
        let Some(first) = received.next() else {
            return 0;
        };
        let (mut count, mut last) = (1, first);
        for received_ms in received.take(self.most - 1) {
            (count, last) = (count + 1, received_ms);
        }
        if count >= self.most {
            return 0;
        }
        let quiet = last.saturating_add(self.quiet_ms);
        quiet.min(first.saturating_add(self.quiet_max_ms))
    }

    fn lower(&mut self, conversation: i64) {
        let first = self.events_of(conversation).next();
        if let Some(first) = first {
            self.heads.remove(&first);
        }
    }

    fn raise(&mut self, conversation: i64) {
        let first = self.events_of(conversation).next();
        if let Some(first) = first
            && !self.is_busy(conversation)
        {
            self.heads.insert(first);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    fn queue(most: usize, quiet_ms: u32) -> Queue {
        Queue::new(most, quiet_ms, 10_000)
    }

    fn put(queue: &mut Queue, seq: i64, conversation: i64) {
        queue.insert(Queued {
            seq,
            conversation,
            received_ms: seq * 1000,
        });
    }

    #[test]
    fn the_oldest_of_a_conversation_that_is_not_busy_goes_first() {
        let mut queue = queue(1, 0);
        for (seq, conversation) in [(1, 7), (2, 7), (3, 8)] {
            put(&mut queue, seq, conversation);
        }
        assert_eq!(queue.next(0), Some(vec![1]));
        queue.remove(1);
        queue.begin(7);
        assert_eq!(queue.next(0), Some(vec![3]));
        queue.remove(3);
        assert_eq!((queue.next(0), queue.wakes_at(-1)), (None, None));
        queue.free(7);
        assert_eq!(
            (queue.next(0), queue.wakes_at(-1)),
            (Some(vec![2]), Some(0))
        );
    }

    #[test]
    fn what_came_together_goes_when_it_is_quiet_or_enough() {
        let mut queue = queue(3, 1_500);
        put(&mut queue, 1, 7);
        put(&mut queue, 2, 7);
        assert_eq!((queue.next(3_499), queue.wakes_at(0)), (None, Some(3_500)));
        assert_eq!(queue.next(3_500), Some(vec![1, 2]));
        put(&mut queue, 3, 7);
        put(&mut queue, 4, 7);
        assert_eq!(queue.next(0), Some(vec![1, 2, 3]));
    }

    #[test]
    fn two_that_became_one_are_busy_until_both_requests_have_ended() {
        let mut queue = queue(1, 0);
        put(&mut queue, 1, 7);
        put(&mut queue, 2, 8);
        queue.begin(7);
        queue.begin(8);
        queue.join(Join { from: 8, into: 7 });
        queue.free(7);
        assert_eq!(queue.next(0), None);
        queue.free(7);
        assert_eq!(queue.next(0), Some(vec![1]));
        queue.remove(1);
        assert_eq!(queue.next(0), Some(vec![2]));
    }

    proptest! {
        /// Whatever happens, it finds what a walk over all of it would find.
        #[test]
        fn it_gives_what_a_walk_would_give(steps in proptest::collection::vec((0..5u8, 0..4i64, 0..4i64), 0..200)) {
            let mut queue = queue(1, 0);
            let mut busy: Vec<i64> = Vec::new();
            let mut events: BTreeMap<i64, i64> = BTreeMap::new();
            for (seq, (step, one, other)) in (0..).zip(steps) {
                match step {
                    0 | 1 => {
                        put(&mut queue, seq, one);
                        events.insert(seq, one);
                    }
                    2 => {
                        queue.begin(one);
                        busy.push(one);
                    }
                    3 => if let Some(at) = busy.iter().position(|held| *held == one) {
                        busy.swap_remove(at);
                        queue.free(one);
                    }
                    _ if one != other => {
                        queue.join(Join { from: one, into: other });
                        for conversation in events.values_mut().chain(&mut busy) {
                            if *conversation == one {
                                *conversation = other;
                            }
                        }
                    }
                    _ => {}
                }
                let expected = events.iter().find(|(_, conversation)| !busy.contains(conversation));
                let expected = expected.map(|(seq, _)| *seq);
                prop_assert_eq!(queue.next(0), expected.map(|seq| vec![seq]));
                let all: BTreeSet<i64> = events.values().copied().collect();
                prop_assert!(queue.conversations().eq(all));
                if let (3, Some(seq)) = (step, expected) {
                    queue.remove(seq);
                    events.remove(&seq);
                }
            }
        }
    }
}
