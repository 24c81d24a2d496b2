//! What is held back of a conversation whose person was in another partition before ([`crate::mailbox::holding`]), and
//! what this one still has to deliver of it.

use super::Cursor;
use crate::mailbox::{log::Log, sql::Result};

impl Cursor {
    /// Holds a conversation back from the event `before` on; `None` ends that.
    pub(in crate::mailbox) fn hold(&mut self, conversation: i64, before: Option<i64>) {
        self.parking.hold(conversation, before);
        self.followed = true;
    }

    /// Has a parked conversation be tried, unless it has a time of its own.
    pub(in crate::mailbox) fn schedule(&mut self, conversation: i64, now_ms: i64) -> Result<()> {
        self.followed = true;
        self.parking.schedule(conversation, now_ms)
    }

    /// Events of these conversations that are still to be delivered, each with its conversation: not all, but the first
    /// and the last of each conversation. Events behind `until` may be missing.
    pub(in crate::mailbox) fn undelivered(
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
}
