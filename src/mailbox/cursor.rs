//! A cursor: how far one destination has got in one mailbox, and what is on its way to it.
//!
//! Why order holds: events are started only when nothing before them in their conversation waits or is on its way. In
//! the log that is checked against the [`Queue`], which knows what is on its way. What comes behind a refused event is
//! parked with it, and a parked conversation is delivered from the parked events alone, one request at a time.
//!
//! Why nothing is lost: the place that is written down never passes an event that is neither taken nor parked, and
//! parking copies the event. After a crash everything behind that place is delivered again, under the same ids.

use std::collections::{BTreeMap, HashSet};

use super::{
    Counted, Failure, Waiting,
    flow::{Down, Flow, May, State},
    log::{Entry, Log, Stored},
    parking::{Parking, Refusal, Refused},
    queue::{Batching, Queue, Queued},
    sql::{Sql, SqlError},
    tally::Tally,
};
use crate::config::{Destination, From};

/// How many events are looked at beyond the first that is not delivered yet.
const AHEAD: usize = 256;

/// After how many deliveries the place is written down. What was delivered since is delivered again after a crash.
const SAVE_EVERY: u32 = 100;

/// How often it is looked whether a destination that was paused or is gone is wanted again, in milliseconds: settings
/// change with a deployment, which opens no mailbox.
const LOOKED_AT_EVERY_MS: i64 = 60 * 60 * 1000;

/// The class of the answer that says that a destination wants nothing more.
pub const GONE: &str = "status 410";

/// What became of one try.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The destination took the events.
    Taken,
    /// It did not, or gave no answer.
    Refused {
        /// A short word for why: no content of the answer.
        error: String,
        /// Not to be tried again before this time (unix milliseconds), where the destination said so.
        not_before_ms: Option<i64>,
        /// It speaks of the destination as a whole, not of these events: no connection, no answer, a server error.
        whole: bool,
    },
    /// The destination wants nothing more.
    Gone,
    /// Nothing was sent: it was not the destination's fault, and does not count as a try.
    NotTried,
}

/// What a try changed that an operator wants to know of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// A conversation has to wait: it has its first failure.
    Parked,
    /// What a conversation waited for was taken.
    Resumed,
    /// Events were given up: they are dead letters now.
    Dead,
    /// The destination wants nothing more.
    Gone,
    /// The destination answers nothing any more.
    Down,
    /// The destination is back.
    Up,
}

/// Events that are on their way: all of one conversation, in order.
#[derive(Debug, Clone)]
struct Flight {
    conversation: i64,
    seqs: Vec<i64>,
    parked: bool,
}

#[derive(Debug)]
pub(super) struct Cursor {
    destination: Destination,
    /// How many events of a conversation go in one request.
    most: usize,
    parking: Parking,
    flow: Flow,
    /// Up to where the log was read.
    read: i64,
    /// The place that is written down.
    saved: i64,
    since_saved: u32,
    /// Since when (unix milliseconds) the destination is gone: it answered that it wants nothing more.
    gone_ms: Option<i64>,
    queue: Queue,
    /// Whether the queue may hold events of conversations that wait for it.
    followed: bool,
    /// By the first of their events.
    in_flight: BTreeMap<i64, Flight>,
    /// How many of these are of conversations that wait.
    retried: usize,
    /// Whether what was started last is tried again.
    retried_last: bool,
    tally: Tally,
    /// The last try that failed, as far as is known.
    failure: Option<Failure>,
}

impl Cursor {
    pub(super) fn create(sql: &dyn Sql) -> Result<(), SqlError> {
        Parking::create(sql)?;
        sql.exec(
            "CREATE TABLE IF NOT EXISTS cursors (destination TEXT PRIMARY KEY, place INTEGER NOT NULL, gone TEXT, gone_ms INTEGER, \
             down_since_ms INTEGER, down_tries INTEGER, down_next_ms INTEGER, error TEXT, error_ms INTEGER, \
             tally TEXT) STRICT, WITHOUT ROWID",
            &[],
        )?;
        Ok(())
    }

    /// Opens a destination's cursor. One that was not there before begins behind `last`, and gets what comes from now
    /// on; or, if it asks for that, at the beginning of what is still in the log.
    pub(super) fn load(
        sql: &dyn Sql,
        destination: Destination,
        last: i64,
    ) -> Result<Self, SqlError> {
        let id = destination.id.as_str();
        let rows = sql.exec(
            "SELECT place, gone, down_since_ms, down_tries, down_next_ms, error, error_ms, tally, gone_ms FROM cursors \
             WHERE destination = ?1",
            &[id.into()],
        )?;
        let mut saved = match destination.from {
            From::Now => last,
            From::Beginning => 0,
        };
        let mut gone_ms = None;
        let mut down = None;
        let mut failure = None;
        let mut tally = Tally::default();
        if let Some(row) = rows.first() {
            saved = row.required_integer(0)?;
            if row.text(1)? == Some(destination.url.as_str()) {
                gone_ms = row.integer(8)?;
            }
            if let Some(since_ms) = row.integer(2)? {
                down = Some(Down {
                    since_ms,
                    tries: u32::try_from(row.required_integer(3)?).unwrap_or(u32::MAX),
                    next_ms: row.required_integer(4)?,
                });
            }
            failure = Failure::read(row, 5)?;
            tally = Tally::read(row.text(7)?);
        } else {
            sql.exec(
                "INSERT INTO cursors (destination, place) VALUES (?1, ?2)",
                &[id.into(), saved.into()],
            )?;
        }
        Ok(Self {
            parking: Parking::load(sql, id, destination.retry)?,
            flow: Flow::new(destination.retry, destination.max_per_second, down),
            most: destination.format.most_events(),
            read: saved,
            saved,
            since_saved: 0,
            gone_ms,
            queue: Queue::new(Batching {
                most: destination.format.most_events(),
                quiet_ms: i64::from(destination.quiet_ms),
                quiet_max_ms: i64::from(destination.quiet_max_ms),
            }),
            followed: false,
            in_flight: BTreeMap::new(),
            retried: 0,
            retried_last: false,
            tally,
            failure,
            destination,
        })
    }

    pub(super) fn destination(&self) -> &Destination {
        &self.destination
    }

    fn id(&self) -> &str {
        &self.destination.id
    }

    /// Up to where every event is taken, parked or not wanted.
    pub(super) fn place(&self) -> i64 {
        let flying = self.in_flight.iter().find(|(_, flight)| !flight.parked);
        let first = [self.queue.places().next(), flying.map(|(seq, _)| seq)];
        let first = first.into_iter().flatten().min();
        first.map_or(self.read, |seq| seq - 1)
    }

    /// The place that is written down.
    pub(super) fn saved(&self) -> i64 {
        self.saved
    }

    /// The next events to be delivered, if there are any and room for them.
    pub(super) fn next(
        &mut self,
        sql: &dyn Sql,
        log: &Log,
        now_ms: i64,
    ) -> Result<Option<Vec<Stored>>, SqlError> {
        if self.destination.paused || self.gone_ms.is_some() {
            return Ok(None);
        }
        let room = usize::try_from(self.destination.max_in_flight).unwrap_or(usize::MAX);
        let may = self.flow.may(now_ms, self.in_flight.len());
        if self.in_flight.len() >= room || matches!(may, May::Wait(_)) {
            return Ok(None);
        }
        // Conversations that are tried again, and replays, never take all the room, nor more than every second turn: what
        // is new must get through beside them.
        let may_retry = self.retried < room.div_ceil(2);
        let mut events = None;
        if self.retried_last {
            events = self.next_in_log(sql, log, now_ms)?;
        }
        let log_is_next = events.is_none() && !self.retried_last;
        self.retried_last = false;
        if events.is_none() && may_retry {
            events = self.next_parked(sql, log, now_ms, may == May::Try)?;
            self.retried_last = events.is_some();
        }
        if events.is_none() && log_is_next {
            events = self.next_in_log(sql, log, now_ms)?;
        }
        if events.is_some() {
            self.flow.started(now_ms);
        }
        Ok(events)
    }

    /// From the conversation that has waited longest of those whose time has come, or, where `any`, of all.
    fn next_parked(
        &mut self,
        sql: &dyn Sql,
        log: &Log,
        now_ms: i64,
        any: bool,
    ) -> Result<Option<Vec<Stored>>, SqlError> {
        // After two conversations became one, what was queued of one may belong between what is parked of the other; and
        // after a restart it is still to be read, however far behind.
        self.read_ahead(sql, log)?;
        if self.is_catching_up(log) {
            return Ok(None);
        }
        self.park_followers(sql, log)?;
        let next = |cursor: &Self| {
            let busy = |conversation| cursor.queue.is_busy(conversation);
            cursor.parking.next(now_ms, any, busy)
        };
        while let Some(conversation) = next(self) {
            let events = self.parking.events(sql, conversation, self.most)?;
            if !events.is_empty() {
                self.fly(&events, true);
                return Ok(Some(events));
            }
            self.parking.release(sql, conversation)?;
        }
        Ok(None)
    }

    fn next_in_log(
        &mut self,
        sql: &dyn Sql,
        log: &Log,
        now_ms: i64,
    ) -> Result<Option<Vec<Stored>>, SqlError> {
        loop {
            self.read_ahead(sql, log)?;
            self.park_followers(sql, log)?;
            let Some(seqs) = self.queue.next(now_ms) else {
                return Ok(None);
            };
            let mut events = Vec::with_capacity(seqs.len());
            for seq in seqs {
                self.queue.remove(seq);
                events.extend(read_wanted(sql, log, &self.destination, seq)?);
            }
            if !events.is_empty() {
                self.fly(&events, false);
                return Ok(Some(events));
            }
        }
    }

    /// Reads on in the log until there is enough to choose from.
    fn read_ahead(&mut self, sql: &dyn Sql, log: &Log) -> Result<(), SqlError> {
        while self.can_read(log) {
            let entries = log.behind(sql, self.read, AHEAD)?;
            let Some(last) = entries.last() else {
                self.read = log.last();
                break;
            };
            self.read = last.seq;
            self.followed = true;
            for Entry {
                seq,
                conversation,
                received_ms,
                kind,
            } in entries
            {
                if self.destination.wants(&kind) {
                    let queued = Queued {
                        conversation,
                        received_ms,
                    };
                    self.queue.insert(seq, queued);
                }
            }
        }
        Ok(())
    }

    fn can_read(&self, log: &Log) -> bool {
        self.queue.len() < AHEAD / 2 && self.read < log.last() && !log.is_empty()
    }

    /// Whether there is something to read again that lies before what is parked.
    fn is_catching_up(&self, log: &Log) -> bool {
        self.read < self.parking.last().min(log.last()) && !log.is_empty()
    }

    /// Moves what has come in conversations that wait behind what they wait for.
    fn park_followers(&mut self, sql: &dyn Sql, log: &Log) -> Result<(), SqlError> {
        if !std::mem::take(&mut self.followed) || self.parking.is_empty() {
            return Ok(());
        }
        let waiting = self.queue.conversations();
        let waiting = waiting.filter(|conversation| self.parking.holds(*conversation));
        let followers: Vec<i64> = waiting.flat_map(|one| self.queue.of(one)).collect();
        for seq in followers {
            // What it does not want is not parked either; reading it is spared where there are no conditions.
            if self.destination.when.is_empty()
                || read_wanted(sql, log, &self.destination, seq)?.is_some()
            {
                self.parking.put_aside(sql, log, seq)?;
            }
            self.queue.remove(seq);
        }
        Ok(())
    }

    fn fly(&mut self, events: &[Stored], parked: bool) {
        if let Some(first) = events.first() {
            let flight = Flight {
                conversation: first.conversation,
                seqs: events.iter().map(|event| event.seq).collect(),
                parked,
            };
            self.queue.hold(flight.conversation);
            self.retried += usize::from(parked);
            self.in_flight.insert(first.seq, flight);
        }
    }

    /// Takes note of what became of the events that were on their way and began with `first`. `random` is from 0 to 1.
    pub(super) fn done(
        &mut self,
        sql: &dyn Sql,
        log: &Log,
        first: i64,
        outcome: &Outcome,
        now_ms: i64,
        random: f64,
    ) -> Result<Vec<Change>, SqlError> {
        let Some(flight) = self.in_flight.get(&first).cloned() else {
            return Ok(Vec::new());
        };
        let mut changes = Vec::new();
        match outcome {
            Outcome::Taken => {
                if flight.parked && self.parking.taken(sql, flight.conversation, &flight.seqs)? {
                    changes.push(Change::Resumed);
                }
                self.tally.took(flight.seqs.len(), now_ms);
                self.since_saved += 1;
                if self.flow.answered(now_ms) {
                    self.parking.all_due(now_ms);
                    self.write_down(sql)?;
                    changes.push(Change::Up);
                }
            }
            Outcome::Refused {
                error,
                not_before_ms,
                whole,
            } => {
                self.failed(error, now_ms);
                let refusal = Refusal {
                    error,
                    not_before_ms: *not_before_ms,
                    now_ms,
                    random,
                };
                changes = self.refused(sql, log, &flight, *whole, &refusal)?;
            }
            Outcome::Gone => {
                self.failed(GONE, now_ms);
                sql.exec(
                    "UPDATE cursors SET gone = ?2, error = ?3, error_ms = ?4, gone_ms = ?4 WHERE destination = ?1",
                    &[
                        self.id().into(),
                        self.destination.url.as_str().into(),
                        GONE.into(),
                        now_ms.into(),
                    ],
                )?;
                self.gone_ms = Some(now_ms);
                self.back_to_queue(&flight, now_ms);
                changes.push(Change::Gone);
            }
            Outcome::NotTried => self.back_to_queue(&flight, now_ms),
        }
        self.queue.free(flight.conversation);
        self.retried -= usize::from(flight.parked);
        self.in_flight.remove(&first);
        if self.since_saved >= SAVE_EVERY {
            self.save(sql)?;
        }
        Ok(changes)
    }

    fn failed(&mut self, error: &str, now_ms: i64) {
        self.tally.failed += 1;
        self.failure = Some(Failure {
            class: error.to_owned(),
            at_ms: now_ms,
        });
    }

    fn back_to_queue(&mut self, flight: &Flight, now_ms: i64) {
        if !flight.parked {
            let queued = Queued {
                conversation: flight.conversation,
                received_ms: now_ms,
            };
            for seq in &flight.seqs {
                self.queue.insert(*seq, queued);
            }
            self.followed = true;
        }
    }

    fn refused(
        &mut self,
        sql: &dyn Sql,
        log: &Log,
        flight: &Flight,
        whole: bool,
        refusal: &Refusal<'_>,
    ) -> Result<Vec<Change>, SqlError> {
        let was_down = matches!(self.flow.state, State::Down(_));
        self.followed = true;
        let refused = self.parking.refused(
            sql,
            log,
            flight.conversation,
            &flight.seqs,
            !flight.parked,
            refusal,
        )?;
        let mut changes = match refused {
            Refused::Parked => vec![Change::Parked],
            Refused::Again => vec![],
            Refused::Dead => vec![Change::Dead],
        };
        if whole {
            if self
                .flow
                .failed(refusal.now_ms, flight.conversation, refusal.random)
            {
                changes.push(Change::Down);
            }
            if let Some(at_ms) = refusal.not_before_ms {
                self.flow.not_before(at_ms);
            }
        } else if self.flow.answered(refusal.now_ms) {
            self.parking.all_due(refusal.now_ms);
            changes.push(Change::Up);
        }
        if was_down || matches!(self.flow.state, State::Down(_)) {
            self.write_down(sql)?;
        }
        Ok(changes)
    }

    /// Writes down whether the destination is down, and when it is tried again.
    fn write_down(&self, sql: &dyn Sql) -> Result<(), SqlError> {
        let down = match &self.flow.state {
            State::Down(down) => Some(*down),
            _ => None,
        };
        sql.exec(
            "UPDATE cursors SET down_since_ms = ?2, down_tries = ?3, down_next_ms = ?4, error = ?5, error_ms = ?6 \
             WHERE destination = ?1",
            &[
                self.id().into(),
                down.map(|down| down.since_ms).into(),
                down.map(|down| i64::from(down.tries)).into(),
                down.map(|down| down.next_ms).into(),
                self.error().into(),
                self.error_ms().into(),
            ],
        )?;
        Ok(())
    }

    /// Writes the place down, if it has moved.
    pub(super) fn save(&mut self, sql: &dyn Sql) -> Result<(), SqlError> {
        let place = self.place();
        if place != self.saved {
            sql.exec(
                "UPDATE cursors SET place = ?2, error = ?3, error_ms = ?4, tally = ?5 WHERE destination = ?1",
                &[
                    self.id().into(),
                    place.into(),
                    self.error().into(),
                    self.error_ms().into(),
                    self.tally.written().into(),
                ],
            )?;
            self.saved = place;
        }
        self.since_saved = 0;
        Ok(())
    }

    /// When something can go again (unix milliseconds; a time that is past: now), or `None` while nothing can. Of times
    /// up to `after` nothing is told: what could go by then has found no room.
    pub(super) fn wakes_at(&self, log: &Log, now_ms: i64, after: i64) -> Option<i64> {
        let busy = |conversation| self.queue.is_busy(conversation);
        let parked = self.parking.times(busy).next().is_some();
        if self.destination.paused || self.gone_ms.is_some() {
            // Its settings may have changed when it is looked at again.
            let waits = parked || self.queue.wakes_at(i64::MIN).is_some() || self.can_read(log);
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
            May::Wait(until) if parked && matches!(self.flow.state, State::Down(_)) => {
                return Some(until);
            }
            May::Wait(until) => until,
        };
        let in_queue = if not_before > after { i64::MIN } else { after };
        // Whatever waits can be what is tried.
        let may_retry = !self.is_catching_up(log);
        let at_once = self.can_read(log) || (may == May::Try && parked && may_retry);
        let times = self.parking.times(busy).filter(|_| may_retry);
        let times = times.chain(self.queue.wakes_at(in_queue));
        let times = times.chain(at_once.then_some(0));
        times
            .map(|at| at.max(not_before))
            .filter(|at| *at > after)
            .min()
    }

    /// Whether it is still to get an event of the log, of this type.
    pub(super) fn awaits(&self, seq: i64, kind: &str) -> bool {
        let mut flights = self.in_flight.values().filter(|flight| !flight.parked);
        (seq > self.read && self.destination.wants(kind))
            || self.queue.holds(seq)
            || flights.any(|flight| flight.seqs.contains(&seq))
    }

    /// All that is on its way.
    pub(super) fn flying(&self) -> HashSet<i64> {
        let flights = self.in_flight.values();
        flights
            .flat_map(|flight| flight.seqs.iter().copied())
            .collect()
    }

    /// Whether anything is on its way.
    pub(super) fn is_flying(&self) -> bool {
        !self.in_flight.is_empty()
    }

    /// Up to when what waits for it is kept though it is gone (unix milliseconds): as long as it would have been tried.
    fn kept_until_ms(&self) -> Option<i64> {
        let total_ms = self.destination.retry.total_ms;
        self.gone_ms.map(|at| at.saturating_add_unsigned(total_ms))
    }

    /// Whether it has been gone for so long that nothing more is kept for it.
    pub(super) fn is_given_up(&self, now_ms: i64) -> bool {
        self.kept_until_ms().is_some_and(|until| until <= now_ms)
    }

    /// Lets go of all that waits for it. Gives whether there was anything.
    pub(super) fn give_up(&mut self, sql: &dyn Sql, log: &Log) -> Result<bool, SqlError> {
        let waits = self.queue.len() > 0 || !self.parking.is_empty() || self.can_read(log);
        let places: Vec<i64> = self.queue.places().copied().collect();
        for place in places {
            self.queue.remove(place);
        }
        self.read = log.last();
        self.parking.clear(sql)?;
        Ok(waits)
    }

    /// Takes note that events were parked from outside, and that their conversation may be tried at once.
    pub(super) fn due(&mut self, conversation: i64, now_ms: i64) {
        self.parking.due(conversation, now_ms);
        self.followed = true;
    }

    /// Takes note that only so many of the events that were started, beginning with `first`, fit into one request.
    pub(super) fn keep(&mut self, first: i64, count: usize, now_ms: i64) {
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
    /// [`Cursor::joined`] is to be called once this is committed.
    pub(super) fn join(&self, sql: &dyn Sql, from: i64, into: i64) -> Result<(), SqlError> {
        self.parking.join(sql, from, into)
    }

    /// Takes note that two conversations became one.
    pub(super) fn joined(&mut self, from: i64, into: i64) {
        self.parking.joined(from, into);
        self.queue.join(from, into);
        self.followed = true;
        for flight in self.in_flight.values_mut() {
            if flight.conversation == from {
                flight.conversation = into;
            }
        }
    }

    /// What waits for the destination, and how that goes. What is on its way waits as well. Behind what was read, events
    /// are counted by their type alone, since reading them all would take too long.
    pub(super) fn waiting(&self, sql: &dyn Sql, log: &Log) -> Result<Waiting, SqlError> {
        let mut waiting = self.parking.waiting(sql)?;
        waiting.gone = self.gone_ms.is_some();
        if let State::Down(down) = &self.flow.state {
            waiting.down_since_ms = Some(down.since_ms);
            waiting.tries = i64::from(down.tries);
        }
        waiting.last_error = waiting.last_error.max(self.failure.clone());
        let flying = self.in_flight.values().filter(|flight| !flight.parked);
        let known = self.queue.places().chain(flying.flat_map(|f| &f.seqs));
        waiting.events += i64::try_from(known.clone().count()).unwrap_or(i64::MAX);
        if let Some(first) = known.min() {
            waiting.waits_since(log.received_ms(sql, *first)?);
        }
        for (kind, count, oldest_ms) in log.kinds_behind(sql, self.read)? {
            if self.destination.wants(&kind) {
                waiting.events += count;
                waiting.waits_since(Some(oldest_ms));
            }
        }
        Ok(waiting)
    }

    /// What was counted since the mailbox was opened, at `since_ms`.
    pub(super) fn counted(&self, since_ms: i64, now_ms: i64) -> Counted {
        Counted {
            since_ms,
            delivered: self.tally.delivered,
            failed: self.tally.failed,
            delivered_last_hour: self.tally.last_hour(now_ms),
        }
    }

    fn error(&self) -> Option<&str> {
        self.failure.as_ref().map(|failure| failure.class.as_str())
    }

    fn error_ms(&self) -> Option<i64> {
        self.failure.as_ref().map(|failure| failure.at_ms)
    }
}

/// An event of the log, if it is still there and the destination wants what is in it.
pub(super) fn read_wanted(
    sql: &dyn Sql,
    log: &Log,
    destination: &Destination,
    seq: i64,
) -> Result<Option<Stored>, SqlError> {
    let event = log.read(sql, seq)?;
    Ok(event.filter(|event| destination.wants_data(&event.data)))
}
