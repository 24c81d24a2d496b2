//! A cursor: how far one destination has got in one mailbox, and what is on its way to it.
//!
//! Why order holds: events are started only when nothing before them in their conversation waits or is on its way. In
//! the log that is checked against the [`Queue`], which knows what is on its way. What comes behind a refused event is
//! parked with it, and a parked conversation is delivered from the parked events alone, one request at a time.
//!
//! Why nothing is lost: the place that is written down never passes an event that is neither taken nor parked, and
//! parking copies the event. After a crash everything behind that place is delivered again, under the same ids.
//!
//! - `row`: what is written down of it
//! - `queue`: what the destination wants of the log and has not got
//! - `parking`: conversations that wait because it refused something
//! - `flow`: how fast it may be written to
//! - `next`: what goes next
//! - `done`: what became of what was on its way
//! - `tally`, `waiting`: how much it took lately, and how it stands

mod done;
mod flow;
mod next;
pub(super) mod parking;
mod queue;
mod row;
mod tally;
pub(super) mod waiting;

use std::{
    collections::{HashMap, HashSet},
    rc::Rc,
};

pub use done::{Change, GONE, Outcome};
pub(super) use row::TAKEN_OUT;

use super::{
    Counted, Failure, Join, Waiting, count,
    log::{KindCount, Log},
    partition::holding::Holds,
    sql::{Result, Sql},
};
use crate::config::Destination;
use flow::{Flow, May};
use parking::Parking;
use queue::Queue;
use tally::Tally;

/// How often a destination that is paused or gone is looked at again, in milliseconds: a deployment may change its
/// settings, but does not open the mailbox.
const LOOKED_AT_EVERY_MS: i64 = 60 * 60 * 1000;

/// Events that are on their way: all of one conversation, in order.
#[derive(Debug, Clone)]
struct Flight {
    conversation: i64,
    seqs: Vec<i64>,
    parked: bool,
}

/// Events that were not read yet, counted by type. The count is kept: while a destination takes nothing there may be
/// very many, and whoever watches asks every few seconds.
#[derive(Debug, Default)]
struct Unread {
    /// They are behind the first of these places, up to the second.
    from: i64,
    to: i64,
    kinds: Vec<KindCount>,
}

#[derive(Debug)]
pub(super) struct Cursor {
    sql: Rc<dyn Sql>,
    destination: Destination,
    parking: Parking,
    flow: Flow,
    /// Up to where the log was read, and when what was read last had been received (unix milliseconds).
    read: i64,
    read_ms: i64,
    /// The place that is written down.
    saved: i64,
    since_saved: u32,
    /// Since when (unix milliseconds) the destination is gone: it answered that it wants nothing more.
    gone_ms: Option<i64>,
    queue: Queue,
    /// Whether the queue may hold events of parked conversations.
    followed: bool,
    /// Requests under way, by the first of their events.
    in_flight: HashMap<i64, Flight>,
    /// How many of these are of parked conversations.
    retried: usize,
    /// Whether the last request was of a parked conversation.
    retried_last: bool,
    tally: Tally,
    /// What lies behind what was read, as far as it was counted.
    unread: Unread,
    /// The last try that failed, as far as is known.
    failure: Option<Failure>,
}

impl Cursor {
    /// The cursor of the destination with this id.
    pub(super) fn of<'a>(cursors: &'a [Self], destination: &str) -> Option<&'a Self> {
        cursors.iter().find(|cursor| cursor.id() == destination)
    }

    /// Like [`Cursor::of`], to be changed.
    pub(super) fn of_mut<'a>(cursors: &'a mut [Self], destination: &str) -> Option<&'a mut Self> {
        cursors.iter_mut().find(|cursor| cursor.id() == destination)
    }

    pub(super) fn destination(&self) -> &Destination {
        &self.destination
    }

    fn id(&self) -> &str {
        &self.destination.id
    }

    /// Up to where every event is taken, parked or not wanted.
    pub(super) fn place(&self) -> i64 {
        let flying = self.in_flight.iter().filter(|(_, flight)| !flight.parked);
        let flying = flying.map(|(seq, _)| seq).min();
        let first = [self.queue.places().next(), flying];
        let first = first.into_iter().flatten().min();
        first.map_or(self.read, |seq| seq - 1)
    }

    /// The place that is written down.
    pub(super) fn saved(&self) -> i64 {
        self.saved
    }

    /// When something can go again (unix milliseconds; a time that is past: now), or `None` while nothing can. Times up
    /// to `after` are left out: what could have gone by then has found no room.
    pub(super) fn wakes_at(&self, log: &Log, now_ms: i64, after: i64) -> Option<i64> {
        let busy = |conversation| self.queue.is_busy(conversation);
        let parked = self.parking.wakes_at(i64::MIN, busy).is_some();
        if self.destination.paused || self.gone_ms.is_some() {
            // Its settings may have changed when it is looked at again.
            let waits = parked || self.queue.wakes_at(i64::MIN).is_some() || self.is_behind(log);
            let looked_at = now_ms.saturating_add(LOOKED_AT_EVERY_MS);
            let at = self
                .kept_until_ms()
                .map_or(looked_at, |at| at.min(looked_at));
            return waits.then_some(at);
        }
        let may = self.flow.may(now_ms, self.in_flight.len());
        let not_before = match may {
            May::Go | May::Try => i64::MIN,
            May::Wait(i64::MAX) => return None,
            May::Wait(until) if parked && self.flow.down().is_some() => return Some(until),
            May::Wait(until) => until,
        };
        let later = if not_before > after { i64::MIN } else { after };
        // Any parked conversation can be the one that is tried.
        let may_retry = !self.is_catching_up(log);
        let at_once = self.can_read(log, now_ms) || (may == May::Try && parked && may_retry);
        let times = [
            self.parking.wakes_at(later, busy).filter(|_| may_retry),
            self.queue.wakes_at(later),
            at_once.then_some(0),
        ];
        let times = times.into_iter().flatten().map(|at| at.max(not_before));
        times.filter(|at| *at > after).min()
    }

    /// Up to where the log was read.
    pub(super) fn read(&self) -> i64 {
        self.read
    }

    /// Events that were read and not delivered yet. Of some it may turn out that the destination does not want what is
    /// in them.
    pub(super) fn coming(&self) -> impl Iterator<Item = &i64> {
        let flying = self.in_flight.values().filter(|flight| !flight.parked);
        self.queue.places().chain(flying.flat_map(|f| &f.seqs))
    }

    /// All that is on its way.
    pub(super) fn flying(&self) -> HashSet<i64> {
        let flights = self.in_flight.values();
        flights
            .flat_map(|flight| flight.seqs.iter().copied())
            .collect()
    }

    /// How many events of the log wait in memory.
    #[cfg(test)]
    pub(super) fn waits_in_memory(&self) -> usize {
        self.queue.len()
    }

    /// Whether a restart would find what was refused as it is.
    #[cfg(test)]
    pub(super) fn parking_is_written(&self) -> bool {
        self.parking.is_written()
    }

    /// How many requests are on their way.
    pub(super) fn flights(&self) -> usize {
        self.in_flight.len()
    }

    /// Up to when what waits for it is kept though it is gone (unix milliseconds): as long as it would have been tried.
    fn kept_until_ms(&self) -> Option<i64> {
        let total_ms = self.destination.retry.total_ms;
        self.gone_ms.map(|at| at.saturating_add_unsigned(total_ms))
    }

    /// Whether it wants nothing more.
    pub(super) fn is_gone(&self) -> bool {
        self.gone_ms.is_some()
    }

    /// Whether it has been gone for so long that nothing more is kept for it.
    pub(super) fn is_given_up(&self, now_ms: i64) -> bool {
        self.kept_until_ms().is_some_and(|until| until <= now_ms)
    }

    /// Lets go of all that waits for it. Gives whether there was anything.
    pub(super) fn give_up(&mut self, log: &Log) -> Result<bool> {
        // Events that came later than that were kept for others.
        let behind = log.kinds_behind(self.read)?;
        let waits = self.queue.len() > 0
            || self.parking.wakes_at(i64::MIN, |_| false).is_some()
            || behind.iter().any(|one| {
                self.destination.wants(&one.kind) && Some(one.oldest_ms) < self.kept_until_ms()
            });
        let places: Vec<i64> = self.queue.places().copied().collect();
        for place in places {
            self.queue.remove(place);
        }
        self.read = log.last();
        self.parking.clear()?;
        Ok(waits)
    }

    /// After events were parked from outside or taken back: see [`Parking::begin_anew`].
    pub(super) fn begin_anew(&mut self, events: &[(i64, i64)], now_ms: i64) -> Result<()> {
        self.followed |= self.parking.begin_anew(events, now_ms)?;
        Ok(())
    }

    /// Takes note that only so many of the events that were started, beginning with `first`, fit into one request.
    pub(super) fn shorten(&mut self, first: i64, count: usize, now_ms: i64) {
        let Some(flight) = self.in_flight.get_mut(&first) else {
            return;
        };
        let rest = Flight {
            seqs: flight.seqs.split_off(count.min(flight.seqs.len())),
            ..*flight
        };
        self.back_to_queue(&rest, now_ms);
    }

    /// What waits in one conversation from now on waits in the one that it turned out to be part of.
    pub(super) fn join(&mut self, join: Join) -> Result<()> {
        self.parking.join(join)?;
        self.queue.join(join);
        self.followed = true;
        for flight in self.in_flight.values_mut() {
            if flight.conversation == join.from {
                flight.conversation = join.into;
            }
        }
        Ok(())
    }

    /// Holds back what is held for its destination now.
    pub(super) fn hold_back(&mut self, holds: &Holds) {
        self.parking.hold_back(holds.of(self.id()));
        self.followed = true;
    }

    /// Has a parked conversation be tried, unless it has a time of its own.
    pub(super) fn schedule(&mut self, conversation: i64, now_ms: i64) -> Result<()> {
        self.followed = true;
        self.parking.schedule(conversation, now_ms)
    }

    /// Events of these conversations that are still to be delivered, each with its conversation: not all, but the first
    /// and the last of each conversation. Events behind `until` may be missing.
    pub(super) fn undelivered(
        &self,
        log: &Log,
        conversations: &[i64],
        until: i64,
    ) -> Result<Vec<(i64, i64)>> {
        let mut undelivered = log.undelivered(self.read, until, conversations)?;
        for conversation in conversations {
            let mut seqs = self.parking.undelivered(*conversation)?;
            seqs.extend(self.queue.of(*conversation));
            for flight in self.in_flight.values() {
                if flight.conversation == *conversation {
                    seqs.extend_from_slice(&flight.seqs);
                }
            }
            undelivered.extend(seqs.into_iter().map(|seq| (*conversation, seq)));
        }
        Ok(undelivered)
    }

    /// What waits for the destination, and how that goes. What is on its way waits as well. Behind what was read, events
    /// are counted by their type alone, since reading them all would take too long.
    pub(super) fn waiting(&mut self, log: &Log) -> Result<Waiting> {
        self.count_unread(log)?;
        let mut waiting = Parking::waiting(&*self.sql, self.id())?;
        waiting.gone = self.gone_ms.is_some();
        if let Some(down) = self.flow.down() {
            waiting.down_since_ms = Some(down.since_ms);
            waiting.tries = i64::from(down.tries);
        }
        waiting.last_error = waiting.last_error.max(self.failure.clone());
        waiting.events += count(self.coming().count());
        if let Some(first) = self.coming().min() {
            waiting.waits_since(log.received_ms(*first)?);
        }
        for one in &self.unread.kinds {
            if self.destination.wants(&one.kind) {
                waiting.events += one.count;
                waiting.waits_since(Some(one.oldest_ms));
            }
        }
        Ok(waiting)
    }

    fn count_unread(&mut self, log: &Log) -> Result<()> {
        let unread = &mut self.unread;
        if unread.from != self.read {
            *unread = Unread {
                from: self.read,
                to: self.read,
                kinds: Vec::new(),
            };
        }
        for one in log.kinds_behind(unread.to)? {
            let mut known = unread.kinds.iter_mut();
            match known.find(|known| known.kind == one.kind) {
                Some(known) => known.count += one.count,
                None => unread.kinds.push(one),
            }
        }
        unread.to = unread.to.max(log.last());
        Ok(())
    }

    /// Counts an answer whose replies were refused.
    pub(super) fn count_refused_replies(&mut self) {
        self.tally.refused_replies += 1;
    }

    /// What was counted since the mailbox was opened, at `since_ms`.
    pub(super) fn counted(&self, since_ms: i64, now_ms: i64) -> Counted {
        Counted {
            since_ms,
            delivered: self.tally.delivered,
            failed: self.tally.failed,
            refused_replies: self.tally.refused_replies,
            delivered_last_hour: self.tally.last_hour(now_ms),
        }
    }
}
