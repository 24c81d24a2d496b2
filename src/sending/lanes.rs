//! The sends that wait, by conversation. Each conversation is a lane: its first send waits for its time, the others
//! wait for the first.

use std::collections::{BTreeSet, HashMap, VecDeque};

use super::{pair::Pair, stored::TurnedAway};

/// How often lanes that are empty are removed, in milliseconds.
const SWEPT_EVERY_MS: i64 = 60_000;

/// A send that waits.
#[derive(Debug, Clone)]
pub(super) struct WaitingSend {
    pub(super) id: String,
    pub(super) place: i64,
    pub(super) is_template: bool,
    /// How often Meta turned it away.
    pub(super) turned_away: TurnedAway,
    /// It was put back as the number was blocked.
    pub(super) put_back: bool,
    /// It does not go before that (unix milliseconds).
    pub(super) next_ms: i64,
}

impl WaitingSend {
    /// One that was never tried.
    pub(super) fn new(id: String, place: i64, is_template: bool) -> Self {
        Self {
            id,
            place,
            is_template,
            turned_away: TurnedAway::default(),
            put_back: false,
            next_ms: 0,
        }
    }
}

/// The sends of one conversation.
#[derive(Debug, Default)]
struct Lane {
    queue: VecDeque<WaitingSend>,
    /// How many of its sends are on their way: at most one, unless conversations turned out to be one.
    busy: usize,
    pair: Pair,
    /// Its entry among the heads, if it has one.
    raised: Option<Head>,
}

/// The first of a lane: when it may go, its place and its conversation.
type Head = (i64, i64, i64);

/// The kinds of sends that may go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kinds {
    All,
    FreeForm,
    Templates,
}

/// All lanes.
#[derive(Debug)]
pub(super) struct Lanes {
    by_conversation: HashMap<i64, Lane>,
    /// The first sends of the lanes that have nothing on their way: those that are no templates.
    free_form: BTreeSet<Head>,
    /// Those of them that are templates.
    templates: BTreeSet<Head>,
    waiting: usize,
    /// Conversations that turned out to be part of another, each with that one.
    became: HashMap<i64, i64>,
    swept_ms: i64,
}

impl Lanes {
    pub(super) fn new(now_ms: i64) -> Self {
        Self {
            by_conversation: HashMap::new(),
            free_form: BTreeSet::new(),
            templates: BTreeSet::new(),
            waiting: 0,
            became: HashMap::new(),
            swept_ms: now_ms,
        }
    }

    /// How many wait.
    pub(super) fn len(&self) -> usize {
        self.waiting
    }

    /// How many wait in one conversation.
    pub(super) fn len_of(&self, conversation: i64) -> usize {
        self.lane(conversation).map_or(0, |lane| lane.queue.len())
    }

    /// How many wait before a place: in all, and in one conversation.
    pub(super) fn before(&self, place: i64, conversation: i64) -> (usize, usize) {
        let before = |lane: &Lane| {
            let queue = lane.queue.iter();
            queue.filter(|other| other.place < place).count()
        };
        let all = self.by_conversation.values().map(before).sum();
        (all, self.lane(conversation).map_or(0, before))
    }

    /// A message went to one customer lately: as if it had gone now.
    pub(super) fn went(&mut self, conversation: i64, now_ms: i64) {
        let conversation = self.end(conversation);
        let lane = self.by_conversation.entry(conversation).or_default();
        lane.pair = lane.pair.took(now_ms);
    }

    /// A conversation turned out to be part of another: what waits in both goes in one order.
    pub(super) fn join(&mut self, from: i64, into: i64, now_ms: i64) {
        let into = self.end(into);
        for became in self.became.values_mut().filter(|became| **became == from) {
            *became = into;
        }
        self.became.insert(from, into);
        let Some(lane) = self.by_conversation.remove(&from) else {
            return;
        };
        if let Some(head) = lane.raised {
            self.lower(head);
        }
        let whole = self.by_conversation.entry(into).or_default();
        whole.busy += lane.busy;
        whole.pair = whole.pair.joined(lane.pair, now_ms);
        whole.queue.extend(lane.queue);
        whole
            .queue
            .make_contiguous()
            .sort_by_key(|waiting| waiting.place);
        self.raise(into, now_ms);
    }

    /// The conversations of which something is known.
    pub(super) fn conversations(&self) -> impl Iterator<Item = i64> {
        self.by_conversation.keys().copied()
    }

    /// Takes note that there is such a conversation.
    pub(super) fn meet(&mut self, conversation: i64) {
        self.by_conversation.entry(conversation).or_default();
    }

    /// Whether what waits at this place is a template.
    pub(super) fn is_template(&self, conversation: i64, place: i64) -> bool {
        let lane = self.lane(conversation);
        let mut queue = lane.iter().flat_map(|lane| &lane.queue);
        queue.any(|waiting| waiting.place == place && waiting.is_template)
    }

    fn lane(&self, conversation: i64) -> Option<&Lane> {
        self.by_conversation.get(&self.end(conversation))
    }

    /// The conversation that this one has become part of, or itself.
    fn end(&self, conversation: i64) -> i64 {
        self.became
            .get(&conversation)
            .copied()
            .unwrap_or(conversation)
    }

    /// Whether nothing of a conversation is on its way.
    pub(super) fn is_free(&self, conversation: i64) -> bool {
        self.lane(conversation).is_none_or(|lane| lane.busy == 0)
    }

    /// Puts a send where its place is.
    pub(super) fn insert(&mut self, conversation: i64, waiting: WaitingSend, now_ms: i64) {
        let conversation = self.end(conversation);
        let queue = &mut self.by_conversation.entry(conversation).or_default().queue;
        let index = queue.partition_point(|other| other.place < waiting.place);
        queue.insert(index, waiting);
        self.waiting += 1;
        self.raise(conversation, now_ms);
    }

    /// Takes a send out that waits.
    pub(super) fn remove(&mut self, conversation: i64, id: &str, now_ms: i64) {
        let conversation = self.end(conversation);
        if let Some(lane) = self.by_conversation.get_mut(&conversation) {
            let before = lane.queue.len();
            lane.queue.retain(|waiting| waiting.id != id);
            self.waiting -= before - lane.queue.len();
        }
        self.raise(conversation, now_ms);
    }

    /// When the first of these may go (unix milliseconds).
    pub(super) fn due(&self, kinds: Kinds) -> Option<i64> {
        self.first(kinds).map(|(due, ..)| due)
    }

    fn first(&self, kinds: Kinds) -> Option<Head> {
        let free_form = self.free_form.first().filter(|_| kinds != Kinds::Templates);
        let template = self.templates.first().filter(|_| kinds != Kinds::FreeForm);
        free_form.into_iter().chain(template).min().copied()
    }

    /// The first of these that may go now, and its conversation, which is busy until [`Lanes::free`].
    pub(super) fn take(&mut self, kinds: Kinds, now_ms: i64) -> Option<(i64, WaitingSend)> {
        while let Some(head) = self.first(kinds).filter(|(due, ..)| *due <= now_ms) {
            self.lower(head);
            let (.., conversation) = head;
            let lane = self.by_conversation.get_mut(&conversation);
            let taken = lane.and_then(|lane| {
                lane.raised = None;
                let waiting = lane.queue.pop_front()?;
                lane.busy += 1;
                lane.pair = lane.pair.took(now_ms);
                Some(waiting)
            });
            if let Some(waiting) = taken {
                self.waiting -= 1;
                return Some((conversation, waiting));
            }
        }
        None
    }

    /// What was taken last of a conversation did not go after all.
    pub(super) fn give_back(&mut self, conversation: i64) {
        let conversation = self.end(conversation);
        if let Some(lane) = self.by_conversation.get_mut(&conversation) {
            lane.pair = lane.pair.gave_back();
        }
    }

    /// A send of a conversation is no longer on its way.
    pub(super) fn free(&mut self, conversation: i64, now_ms: i64) {
        let conversation = self.end(conversation);
        if let Some(lane) = self.by_conversation.get_mut(&conversation) {
            lane.busy = lane.busy.saturating_sub(1);
        }
        self.raise(conversation, now_ms);
        self.sweep(now_ms);
    }

    /// When a send may go that has `ahead` others of its conversation before it (unix milliseconds).
    pub(super) fn expected(&self, conversation: i64, ahead: usize, now_ms: i64) -> i64 {
        let lane = self.lane(conversation);
        let pair = lane.map(|lane| lane.pair).unwrap_or_default();
        let first = lane.and_then(|lane| lane.queue.front());
        let first = first.map_or(i64::MIN, |first| first.next_ms);
        pair.at(ahead, now_ms).max(first)
    }

    fn lower(&mut self, head: Head) {
        // It is in one of them.
        self.free_form.remove(&head);
        self.templates.remove(&head);
    }

    /// Looks anew at when the first of a lane may go.
    fn raise(&mut self, conversation: i64, now_ms: i64) {
        let lane = self.by_conversation.get_mut(&conversation);
        if let Some(head) = lane.and_then(|lane| lane.raised.take()) {
            self.lower(head);
        }
        let Some(lane) = self.by_conversation.get_mut(&conversation) else {
            return;
        };
        if let Some(first) = lane.queue.front().filter(|_| lane.busy == 0) {
            let due = first.next_ms.max(lane.pair.at(0, now_ms));
            let head = (due, first.place, conversation);
            lane.raised = Some(head);
            if first.is_template {
                self.templates.insert(head);
            } else {
                self.free_form.insert(head);
            }
        }
    }

    fn sweep(&mut self, now_ms: i64) {
        if now_ms - self.swept_ms < SWEPT_EVERY_MS {
            return;
        }
        self.swept_ms = now_ms;
        self.by_conversation.retain(|_, lane| {
            lane.busy > 0 || !lane.queue.is_empty() || !lane.pair.is_rested(now_ms)
        });
    }
}
