//! What goes next to a destination.

use super::{Cursor, Flight, flow::May};
use crate::{
    config::Format,
    mailbox::{
        log::{Log, Stored},
        sql::Result,
    },
};

/// How many events are read at once. More are read until half as many conversations have one that could go.
const AHEAD: usize = 256;

/// How many events are looked at at most beyond the first that is not delivered yet: they take some 2 MB.
const MOST_AHEAD: usize = 10_000;

impl Cursor {
    /// The next events to be delivered, if there are any and room for them.
    pub(in crate::mailbox) fn next(
        &mut self,
        log: &Log,
        now_ms: i64,
    ) -> Result<Option<Vec<Stored>>> {
        if self.destination.paused || self.gone_ms.is_some() {
            return Ok(None);
        }
        let room = usize::try_from(self.destination.max_in_flight).unwrap_or(usize::MAX);
        let may = self.flow.may(now_ms, self.in_flight.len());
        if self.in_flight.len() >= room || matches!(may, May::Wait(_)) {
            return Ok(None);
        }
        // Parked conversations and replays never take all the room, nor more than every second turn: what is new must
        // get through beside them.
        let may_retry = self.retried < room.div_ceil(2);
        // While the destination is down there are few tries, and a restart forgets what the last one was. So the number
        // of tries decides: every second one is a new event, since all parked ones may be what breaks it.
        let new_first = match self.flow.down() {
            Some(down) => down.tries % 2 == 0,
            None => self.retried_last,
        };
        let mut events = None;
        if new_first {
            events = self.next_in_log(log, now_ms)?;
        }
        self.retried_last = false;
        if events.is_none() && may_retry {
            events = self.next_parked(log, now_ms, may == May::Try)?;
            self.retried_last = events.is_some();
        }
        if events.is_none() {
            events = self.next_in_log(log, now_ms)?;
        }
        if events.is_some() {
            self.flow.started(now_ms);
            if may == May::Try {
                // So that the next try is of the other kind, even if this one ends in a crash.
                self.write_down()?;
            }
        }
        Ok(events)
    }

    /// The next events of a parked conversation: the one that has waited longest of those that are due, or of all, if
    /// `any`.
    fn next_parked(&mut self, log: &Log, now_ms: i64, any: bool) -> Result<Option<Vec<Stored>>> {
        // Where two conversations became one, queued events of one may belong between parked events of the other. After
        // a restart the log must be read again up to these.
        self.read_ahead(log, now_ms)?;
        if self.is_catching_up(log) {
            return Ok(None);
        }
        self.park_followers(log)?;
        let next = |cursor: &Self| {
            let busy = |conversation| cursor.queue.is_busy(conversation);
            cursor.parking.next(now_ms, any, busy)
        };
        while let Some(conversation) = next(self) {
            let events = self
                .parking
                .events(conversation, self.destination.format.most_events())?;
            let unwanted = self.unwanted(&events);
            if !unwanted.is_empty() {
                self.parking.taken(conversation, &unwanted)?;
            } else if events.is_empty() {
                self.parking.release(conversation)?;
            } else {
                self.begin_flight(&events, true);
                return Ok(Some(events));
            }
        }
        Ok(None)
    }

    /// Those of these parked events that the destination does not want any more: its settings were changed, say, because it
    /// refuses such events. What is replayed goes whatever it wants.
    fn unwanted(&self, events: &[Stored]) -> Vec<i64> {
        let wants = |event: &Stored| {
            self.destination.wants(&event.kind) && self.destination.wants_data(&event.data)
        };
        let unwanted = events
            .iter()
            .filter(|event| !event.is_replayed() && !wants(event));
        unwanted.map(|event| event.seq).collect()
    }

    fn next_in_log(&mut self, log: &Log, now_ms: i64) -> Result<Option<Vec<Stored>>> {
        loop {
            self.read_ahead(log, now_ms)?;
            self.park_followers(log)?;
            let Some(seqs) = self.queue.next(now_ms) else {
                return Ok(None);
            };
            let mut events = Vec::with_capacity(seqs.len());
            let mut bytes = 0;
            for seq in seqs {
                // What is behind does not fit into the request: a hundred long ones are more than there is memory for.
                if bytes >= Format::MOST_BYTES {
                    break;
                }
                self.queue.remove(seq);
                let event = log.read_wanted(&self.destination, seq)?;
                bytes += event.as_ref().map_or(0, |event| event.data.len());
                events.extend(event);
            }
            if !events.is_empty() {
                self.begin_flight(&events, false);
                return Ok(Some(events));
            }
        }
    }

    /// Reads on in the log until there is enough to choose from.
    fn read_ahead(&mut self, log: &Log, now_ms: i64) -> Result<()> {
        self.read_on(log, now_ms)?;
        // All that may be read at once is of conversations that are busy, and hides the others. What the longest of them
        // has is parked, as if it had been refused, which makes room to read on. There may be more behind it than can be
        // parked at once: that has its turn when a request has ended.
        if self.queue.ready() == 0 && self.queue.len() >= MOST_AHEAD && self.is_behind(log) {
            let busy = self.queue.conversations();
            let Some(longest) = busy.max_by_key(|one| self.queue.of(*one).count()) else {
                return Ok(());
            };
            self.parking.schedule(longest, now_ms)?;
            self.followed = true;
            self.park_followers(log)?;
            self.read_on(log, now_ms)?;
        }
        Ok(())
    }

    fn read_on(&mut self, log: &Log, now_ms: i64) -> Result<()> {
        while self.can_read(log, now_ms) {
            let (queue, destination) = (&mut self.queue, &self.destination);
            let last = log.behind(self.read, AHEAD, &mut |event, kind| {
                if destination.wants(kind) {
                    queue.insert(event);
                }
            })?;
            let Some(last) = last else {
                self.read = log.last();
                break;
            };
            self.read = last.seq;
            self.read_ms = last.received_ms;
            self.followed = true;
        }
        Ok(())
    }

    pub(super) fn can_read(&self, log: &Log, now_ms: i64) -> bool {
        // If what was read last came within `quiet_max_ms`, it may have to wait for later events of its conversation:
        // all of the log is read.
        let quiet_max_ms = i64::from(self.destination.quiet_max_ms);
        let waits =
            self.destination.quiet_ms > 0 && self.read_ms.saturating_add(quiet_max_ms) > now_ms;
        // One conversation with many events must not hide the others.
        let enough = !waits && self.queue.ready() >= AHEAD / 2;
        !enough && self.queue.len() < MOST_AHEAD && self.is_behind(log)
    }

    /// Whether there is anything in the log that was not read.
    pub(super) fn is_behind(&self, log: &Log) -> bool {
        self.read < log.last() && !log.is_empty()
    }

    /// Whether there is something to read again that lies before what is parked.
    pub(super) fn is_catching_up(&self, log: &Log) -> bool {
        self.read < self.parking.last().min(log.last()) && !log.is_empty()
    }

    /// Moves queued events of parked conversations behind what is parked.
    fn park_followers(&mut self, log: &Log) -> Result<()> {
        if !std::mem::take(&mut self.followed) || self.parking.is_empty() {
            return Ok(());
        }
        let waiting = self.queue.conversations();
        let waiting = waiting.filter(|conversation| self.parking.contains(*conversation));
        let followers: Vec<i64> = waiting.flat_map(|one| self.queue.of(one)).collect();
        let heads = self.queue.conversations();
        let heads = heads.filter_map(|one| Some((one, self.queue.of(one).next()?)));
        let going = heads.filter(|(one, first)| self.parking.lets_go(*one, *first));
        let going: Vec<i64> = going.map(|(one, _)| one).collect();
        for seq in followers {
            // Only what it wants is parked. Where it has no conditions, the event need not be read for that.
            if self.destination.when.is_empty()
                || log.read_wanted(&self.destination, seq)?.is_some()
            {
                self.parking.put_aside(log, seq)?;
            }
            self.queue.remove(seq);
        }
        // Events from before the hold go, although those behind it do not.
        for conversation in going {
            self.parking.schedule(conversation, 0)?;
        }
        Ok(())
    }

    fn begin_flight(&mut self, events: &[Stored], parked: bool) {
        if let Some(first) = events.first() {
            let flight = Flight {
                conversation: first.conversation,
                seqs: events.iter().map(|event| event.seq).collect(),
                parked,
            };
            self.queue.begin(flight.conversation);
            self.retried += usize::from(parked);
            self.in_flight.insert(first.seq, flight);
        }
    }
}
