//! What becomes of a webhook: its events, sorted by the mailbox that keeps them.

use super::common::Common;
use super::drift::Drift;
use super::id::Ids;
use super::{Event, Home};

/// How much the events of a webhook may take together, in bytes: a Worker has 128 MB. What Meta may send (1,000 updates in
/// 3 MB) takes less, whatever stands around them.
const MOST: usize = 32 * 1024 * 1024;

/// How much an event takes beside its data while it is made, in bytes, at most about.
const BESIDE_DATA: usize = 512;

/// How many events fit into that.
pub(super) const MOST_EVENTS: usize = MOST / BESIDE_DATA;

/// What became of a webhook: its events, by the mailbox that keeps them, in order of first appearance.
#[derive(Default)]
pub(super) struct Events {
    /// Whether the webhook holds JSON that other parsers may refuse.
    pub(super) odd: bool,
    pub(super) homes: Vec<(Home, Vec<Event>)>,
    /// Where each of them stands, in the order of the mailboxes.
    places: Vec<usize>,
    place: usize,
    /// How much they take so far.
    size: usize,
    pub(super) ids: Ids,
    /// What we could not read of what we know.
    pub(super) drift: Drift,
    /// Where the data of one event after the other is written, before it is known how long it gets.
    pub(super) written: String,
}

impl Events {
    /// Takes note of how much more they take.
    pub(super) fn grow(&mut self, data: usize) {
        self.size = self.size.saturating_add(data + BESIDE_DATA);
    }

    /// Whether that is too much: the webhook is to be one event as a whole.
    pub(super) fn are_too_many(&self) -> bool {
        self.size > MOST
    }

    /// Where the events of a change's mailbox stand. Mostly it is the one that was asked for last.
    pub(super) fn place(&mut self, common: &Common<'_>) -> usize {
        let Self {
            homes,
            places,
            place,
            ..
        } = self;
        if homes
            .get(*place)
            .is_some_and(|(home, _)| common.is_at(home))
        {
            return *place;
        }
        let home = common.home();
        let known =
            places.binary_search_by(|place| homes.get(*place).map(|(it, _)| it).cmp(&Some(&home)));
        *place = match known {
            Ok(known) => places.get(known).copied().unwrap_or_default(),
            Err(new) => {
                places.insert(new, homes.len());
                homes.push((home, Vec::new()));
                homes.len() - 1
            }
        };
        *place
    }
}
