//! Which events a replay is to deliver next: dead letters, and what is kept of what was delivered.

use std::collections::HashSet;

use super::Replay;
use crate::{
    config::Destination,
    mailbox::{
        Which,
        log::{Listed, Log},
        sql::{Result, Sql},
    },
};

/// How many events are looked at in one piece, and how many pieces in one step.
const PIECE: usize = 1_000;
const PIECES: usize = 10;

/// An event that may be replayed.
pub(super) struct Candidate {
    pub(super) seq: i64,
    pub(super) conversation: i64,
    kind: String,
    pub(super) is_dead: bool,
}

/// Looks for the events of one replay.
pub(super) struct Search<'a> {
    pub(super) sql: &'a dyn Sql,
    pub(super) log: &'a Log,
    /// Whose events they are, if it is still there.
    pub(super) of: Option<&'a Destination>,
    /// The destination that gets them.
    pub(super) to: &'a Destination,
    /// How far that one had read when the replay was begun ([`super::Job`]).
    pub(super) read: i64,
    pub(super) coming: &'a HashSet<i64>,
    /// The ids that the conversation has had, where one is asked for.
    pub(super) ids: Option<HashSet<i64>>,
}

impl Search<'_> {
    /// The next events, `room` at most; takes note of how far it has looked.
    pub(super) fn next(&self, replay: &mut Replay, room: usize) -> Result<Vec<Candidate>> {
        let mut chosen = Vec::new();
        for _ in 0..PIECES {
            let (candidates, last) = self.piece(replay, room)?;
            for candidate in candidates {
                if chosen.len() >= room {
                    return Ok(chosen);
                }
                replay.place = candidate.seq;
                if self.to.can_be_told(&candidate.kind) && !self.is_coming(replay, &candidate)? {
                    chosen.push(candidate);
                }
            }
            let Some(last) = last else {
                replay.looked = true;
                break;
            };
            replay.place = last;
        }
        // There is but one event of an id.
        replay.looked |= replay.which.event.is_some() && !chosen.is_empty();
        Ok(chosen)
    }

    /// The next events behind the place, in order, and up to where these are all that there are (`None`: up to the
    /// end).
    fn piece(&self, replay: &Replay, room: usize) -> Result<(Vec<Candidate>, Option<i64>)> {
        let mut candidates = Vec::new();
        let mut last = None;
        if let Some(of) = self.of.filter(|_| replay.kept) {
            let listed = self.log.listed(replay.place, replay.end, PIECE)?;
            last = listed
                .last()
                .filter(|_| listed.len() >= PIECE)
                .map(|found| found.seq);
            for found in listed {
                if self.is_meant(&replay.which, of, &found)? {
                    let candidate = Candidate {
                        seq: found.seq,
                        conversation: found.conversation,
                        kind: found.kind,
                        is_dead: false,
                    };
                    candidates.push(candidate);
                }
            }
        }
        let until = last.unwrap_or(replay.end);
        let dead = replay
            .which
            .dead_letters_between(self.sql, replay.place, until, room)?;
        // If there are more dead letters, the rest is for the next piece.
        if let Some((seq, ..)) = dead.last().filter(|_| dead.len() >= room) {
            candidates.retain(|other| other.seq <= *seq);
            last = Some(*seq);
        }
        // A dead letter may still be in the log: it is replayed once.
        candidates.retain(|one| !dead.iter().any(|(seq, ..)| *seq == one.seq));
        for (seq, conversation, kind) in dead {
            let candidate = Candidate {
                seq,
                conversation,
                kind,
                is_dead: true,
            };
            candidates.push(candidate);
        }
        candidates.sort_unstable_by_key(|one| one.seq);
        Ok((candidates, last))
    }

    /// Whether the destination was still to get an event out of the log when the replay began. Such an event is not
    /// replayed to it, even if it has it by now. Its own dead letters are replayed all the same. Another destination's
    /// may have left the log, and then do not come from there.
    fn is_coming(&self, replay: &Replay, candidate: &Candidate) -> Result<bool> {
        let to = self.to;
        let is_own = candidate.is_dead && replay.which.destination.as_ref() == Some(&to.id);
        Ok(!is_own
            && ((candidate.seq > self.read && to.wants(&candidate.kind))
                || self.coming.contains(&candidate.seq))
            && ((to.when.is_empty() && !candidate.is_dead)
                || self.log.read_wanted(to, candidate.seq)?.is_some()))
    }

    fn is_meant(&self, which: &Which, of: &Destination, found: &Listed) -> Result<bool> {
        let ids = self.ids.as_ref();
        let is_meant = of.wants(&found.kind)
            && which.event.as_ref().is_none_or(|id| *id == found.id)
            && ids.is_none_or(|ids| ids.contains(&found.conversation))
            && which.from_ms.is_none_or(|from| found.received_ms >= from)
            && which.until_ms.is_none_or(|until| found.received_ms < until);
        // Where there are no conditions, the event need not be read.
        Ok(is_meant && (of.when.is_empty() || self.log.read_wanted(of, found.seq)?.is_some()))
    }
}
