//! What became of what was on its way to a destination.

use super::{Cursor, Flight, flow::BROKEN, parking::Refusal};
use crate::mailbox::{
    Failure,
    log::{Log, Queued},
    sql::Result,
};

/// After how many deliveries the place is written down. What was delivered since is delivered again after a crash.
const SAVE_EVERY: u32 = 100;

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
        /// It speaks of the destination as a whole, not of these events: no connection, no answer, a server error, too many
        /// requests.
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
    /// So many events were given up, the first of them: they are dead letters now.
    Dead(usize),
    /// The destination wants nothing more.
    Gone,
    /// The destination answers nothing any more.
    Down,
    /// The destination is back.
    Up,
}

impl Cursor {
    /// Takes note of what became of the events that were on their way and began with `first`. `random` is from 0 to 1.
    pub(in crate::mailbox) fn done(
        &mut self,
        log: &Log,
        first: i64,
        outcome: &Outcome,
        now_ms: i64,
        random: f64,
    ) -> Result<Vec<Change>> {
        let Some(flight) = self.in_flight.get(&first).cloned() else {
            return Ok(Vec::new());
        };
        let changes = match outcome {
            Outcome::Taken => self.taken(&flight, now_ms)?,
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
                self.refused(log, &flight, *whole, &refusal)?
            }
            Outcome::Gone => {
                self.failed(GONE, now_ms);
                self.write_gone(now_ms)?;
                self.back_to_queue(&flight, now_ms);
                vec![Change::Gone]
            }
            Outcome::NotTried => {
                self.back_to_queue(&flight, now_ms);
                Vec::new()
            }
        };
        self.queue.free(flight.conversation);
        self.retried -= usize::from(flight.parked);
        self.in_flight.remove(&first);
        if self.since_saved >= SAVE_EVERY {
            self.save()?;
        }
        Ok(changes)
    }

    fn taken(&mut self, flight: &Flight, now_ms: i64) -> Result<Vec<Change>> {
        let mut changes = Vec::new();
        if flight.parked && self.parking.taken(flight.conversation, &flight.seqs)? {
            changes.push(Change::Resumed);
        }
        self.tally.took(flight.seqs.len(), now_ms);
        self.since_saved += 1;
        if self.answered(now_ms, flight.conversation) {
            self.parking.all_due(now_ms)?;
            self.write_down()?;
            changes.push(Change::Up);
        }
        Ok(changes)
    }

    /// The destination itself is well: it took an event, or refused one for what is in it. Gives whether that ends an
    /// outage.
    fn answered(&mut self, now_ms: i64, conversation: i64) -> bool {
        let refused = self.parking.refused_before(BROKEN);
        self.flow.answered(now_ms, conversation, refused)
    }

    fn failed(&mut self, error: &str, now_ms: i64) {
        self.tally.failed += 1;
        self.failure = Some(Failure {
            class: error.to_owned(),
            at_ms: now_ms,
        });
    }

    pub(super) fn back_to_queue(&mut self, flight: &Flight, now_ms: i64) {
        if !flight.parked {
            for seq in &flight.seqs {
                self.queue.insert(Queued {
                    seq: *seq,
                    conversation: flight.conversation,
                    received_ms: now_ms,
                });
            }
            self.followed = true;
        }
    }

    fn refused(
        &mut self,
        log: &Log,
        flight: &Flight,
        whole: bool,
        refusal: &Refusal<'_>,
    ) -> Result<Vec<Change>> {
        let was_down = self.flow.down().is_some();
        self.followed = true;
        let is_back = !whole && self.answered(refusal.now_ms, flight.conversation);
        if is_back {
            // All that waits but this one, which has a time of its own.
            self.parking.all_due(refusal.now_ms)?;
        }
        let refused = self.parking.refused(
            log,
            flight.conversation,
            &flight.seqs,
            !flight.parked,
            refusal,
        )?;
        let mut changes = Vec::from_iter(refused);
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
        }
        if is_back {
            changes.push(Change::Up);
        }
        if was_down || self.flow.down().is_some() {
            self.write_down()?;
        }
        Ok(changes)
    }
}
