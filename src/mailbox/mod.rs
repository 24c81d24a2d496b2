//! The mailbox: everything that is kept for one business number, as a log with cursors.
//!
//! Events are appended once, under an id that Meta's repetitions bear too. Each destination has a cursor; delivering
//! is moving the cursor. Nothing here does I/O but through [`sql::Sql`], reads a clock or draws a number by chance: the
//! Durable Object hands all of that in.
//!
//! - [`sql`]: the database, as much as is needed of it
//! - `generations`, `batch`: how rows are written and got rid of cheaply
//! - `appending`: how a webhook's events are taken in
//! - `seen`: what was seen before
//! - `people`: whose conversation an event belongs to, and its windows
//! - `following`: what follows from an event; `closing`: windows that are about to close
//! - `log`: the events, while somebody waits for them
//! - `cursor`: how far a destination has got, what is on its way to it, and what waits because it was refused
//! - `dead_letters`: what a destination never took
//! - [`replay`]: events that are delivered once more
//! - `partition`: a number with several mailboxes, and people who move between them; [`address`]: which object keeps what
//! - `pulse`: whether the next webhook is waited for
//! - [`drift`]: what Meta sends that we do not know

mod appending;
mod batch;
mod closing;
mod cursor;
mod dead_letters;
pub mod drift;
mod following;
mod generations;
mod log;
#[cfg(test)]
pub(crate) mod native;
mod partition;
mod people;
mod pulse;
pub mod replay;
mod seen;
pub mod sql;
#[cfg(test)]
mod tests;

use std::rc::Rc;

pub use cursor::{
    Change, GONE, Outcome,
    waiting::{Counted, Failure, Waiting},
};
pub use dead_letters::{DeadLetter, LetterPlace, MOST_CONTENT, Summary, Which};
pub use log::Stored;
pub use partition::{
    address,
    asking::{Answered, CedeRequest, answered, cede_requests},
    directory::{Directory, Route},
    holding::{Awaited, Behind, Question},
    moved::{FormerConversation, Moved},
    moving::Adoption,
};
pub use people::{
    conversations::{Join, untold},
    person::{Found, by_any},
};
pub use pulse::Pulse;

use crate::{
    config::Destination,
    conversation::{
        Policy, State,
        mirror::{Mirror, Mirrored},
        window::Windows,
    },
    event::{MessageStatus, Name},
};
use closing::Closings;
use cursor::{Cursor, parking::Parking};
use log::Log;
use partition::{ceded::Ceded, holding::Holds};
use people::{People, conversations, person};
use replay::Job;
use seen::ids::Ids;
use sql::{Result, Sql};

/// For how long it is remembered what has been seen, in milliseconds: Meta repeats for seven days.
pub const MAY_COME_AGAIN_MS: i64 = 9 * 24 * 60 * 60 * 1000;

/// How often events that wait for destinations taken out of the settings are looked for at most, in milliseconds.
const LAPSES_EVERY_MS: i64 = 3_600_000;

/// Everything that is kept for one business number (or for an account, where an event concerns no number).
///
/// What is in memory changes as it is written. After a call that failed, unless with [`sql::SqlError::Moved`], the
/// database may not hold what is in memory: drop the mailbox and open it again.
#[derive(Debug)]
pub struct Mailbox {
    sql: Rc<dyn Sql>,
    ids: Ids,
    people: People,
    log: Log,
    cursors: Vec<Cursor>,
    ceded: Ceded,
    holds: Holds,
    policy: Option<Policy>,
    closings: Closings,
    mirror: Option<Mirror>,
    mirrored: Vec<Mirrored>,
    joins: Vec<Join>,
    /// Since when it is counted what destinations take (unix milliseconds).
    counts_since_ms: Option<i64>,
    /// The replays that have not ended.
    replays: Vec<Job>,
    newly_taken_out: Vec<(String, i64)>,
    /// When events are next to be let go that wait for destinations taken out of the settings.
    lapses_ms: Option<i64>,
    /// The time that was told last (unix milliseconds).
    now_ms: i64,
}

/// Events to be delivered in one request, and where to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// Which of the destinations, in the order in which the mailbox was opened with them.
    pub destination: usize,
    /// What is to be delivered: events of one conversation, in order, one at least.
    pub events: Vec<Stored>,
}

impl Mailbox {
    /// Opens the mailbox, and makes its tables where there are none.
    pub fn open(sql: Rc<dyn Sql>, destinations: Vec<Destination>) -> Result<Self> {
        People::create(&*sql)?;
        Cursor::create(&*sql)?;
        let passed = sql.first_integer(
            "SELECT max(seq) FROM (SELECT max(place) AS seq FROM cursors \
             UNION ALL SELECT (SELECT max(seq) FROM parked_events WHERE destination = cursors.destination) FROM cursors \
             UNION ALL SELECT (SELECT max(seq) FROM dead_letters WHERE destination = cursors.destination) FROM cursors)",
            &[],
        )?;
        let log = Log::load(sql.clone(), passed.unwrap_or(0))?;
        let newly_taken_out = Cursor::take_out(&*sql, &log, &destinations)?;
        let cursors = destinations
            .into_iter()
            .map(|destination| Cursor::load(sql.clone(), destination, &log))
            .collect::<Result<Vec<_>, _>>()?;
        let mut mailbox = Self {
            replays: Job::load_all(&*sql, &cursors)?,
            ids: Ids::load(sql.clone())?,
            people: People::new(sql.clone()),
            ceded: Ceded::load(sql.clone())?,
            holds: Holds::load(&*sql)?,
            log,
            cursors,
            policy: None,
            closings: Closings::default(),
            mirror: None,
            mirrored: Vec::new(),
            joins: Vec::new(),
            counts_since_ms: None,
            newly_taken_out,
            lapses_ms: Parking::lapses_ms(&*sql)?,
            sql,
            now_ms: 0,
        };
        mailbox.hold_back();
        Ok(mailbox)
    }

    /// Keeps events for so long (milliseconds) after they were received, so that they can be replayed although everyone
    /// has got them. Without it, nothing is kept that nobody waits for.
    #[must_use]
    pub fn keeping(mut self, keep_ms: i64) -> Self {
        self.log.keep(keep_ms);
        self
    }

    /// The destinations that were found to be no longer in the settings when the mailbox was opened, and for which
    /// something waited, each with how many events at most. They are given once.
    pub fn newly_taken_out(&mut self) -> Vec<(String, i64)> {
        std::mem::take(&mut self.newly_taken_out)
    }

    /// The next events to be delivered, if any can go now. [`Mailbox::done`] is to be called with what became of it.
    pub fn next(&mut self, now_ms: i64) -> Result<Option<Delivery>> {
        self.now_ms = now_ms;
        self.counts_since_ms.get_or_insert(now_ms);
        self.step_replays(now_ms)?;
        for (destination, cursor) in self.cursors.iter_mut().enumerate() {
            if let Some(events) = cursor.next(&self.log, now_ms)? {
                return Ok(Some(Delivery {
                    destination,
                    events,
                }));
            }
        }
        Ok(None)
    }

    /// Takes note that only the first `count` events of a delivery fit into one request.
    pub fn shorten(&mut self, delivery: &mut Delivery, count: usize, now_ms: i64) {
        let cursor = self.cursors.get_mut(delivery.destination);
        if let (Some(cursor), Some(first)) = (cursor, delivery.events.first()) {
            cursor.shorten(first.seq, count, now_ms);
        }
        delivery.events.truncate(count);
    }

    /// Takes note of what became of a delivery. `random` (from 0 to 1) spreads the tries that follow a failure.
    pub fn done(
        &mut self,
        delivery: &Delivery,
        outcome: &Outcome,
        now_ms: i64,
        random: f64,
    ) -> Result<Vec<Change>> {
        let (Some(cursor), Some(first)) = (
            self.cursors.get_mut(delivery.destination),
            delivery.events.first(),
        ) else {
            return Ok(Vec::new());
        };
        let changes = cursor.done(&self.log, first.seq, outcome, now_ms, random)?;
        self.replayed(delivery, outcome, &changes, now_ms)?;
        Ok(changes)
    }

    /// Writes down how far every cursor has got, and lets go of what nobody waits for. To be called when nothing can be
    /// started for now.
    ///
    /// If all is passed and nothing is kept, no place need be written: a cursor with nothing behind its place is at the
    /// end, wherever that place is.
    ///
    /// Gives the destinations that have been gone for so long that what waited for them was let go.
    pub fn settle(&mut self) -> Result<Vec<usize>> {
        self.stop_replays_to_nowhere()?;
        let mut given_up = Vec::new();
        for (index, cursor) in self.cursors.iter_mut().enumerate() {
            let is_given_up = cursor.is_given_up(self.now_ms) && cursor.flights() == 0;
            if is_given_up && cursor.give_up(&self.log)? {
                given_up.push(index);
            }
        }
        if self.lapses_ms.is_some_and(|at| at <= self.now_ms) {
            Parking::lapse(&*self.sql, self.now_ms)?;
            let next = Parking::lapses_ms(&*self.sql)?;
            self.lapses_ms = next.map(|at| at.max(self.now_ms + LAPSES_EVERY_MS));
        }
        let passed = self.passed();
        if passed < self.log.last() || self.log.keeps() {
            self.save_all()?;
        }
        self.log.let_go(passed, self.now_ms)?;
        Ok(given_up)
    }

    /// Writes down how far every cursor has got.
    pub fn save_all(&mut self) -> Result<()> {
        for cursor in &mut self.cursors {
            cursor.save()?;
        }
        Ok(())
    }

    /// Up to where every cursor has passed the log.
    fn passed(&self) -> i64 {
        let places = self.cursors.iter().map(Cursor::place);
        places.min().unwrap_or(i64::MAX)
    }

    /// When there is something to do again (unix milliseconds; a time that is past: now), or `None` while there is
    /// nothing.
    pub fn wakes_at(&self, now_ms: i64) -> Option<i64> {
        self.wakes_after(now_ms, i64::MIN)
    }

    /// Like [`Self::wakes_at`], but only for what is to be done later than `after`.
    pub fn wakes_after(&self, now_ms: i64, after: i64) -> Option<i64> {
        let cursors = self.cursors.iter();
        cursors
            .filter_map(|cursor| cursor.wakes_at(&self.log, now_ms, after))
            .chain(self.log.expires_ms(self.passed()))
            .chain(self.can_step_replays().then_some(0))
            .chain(self.closings.wakes_at())
            .chain(self.holds.wakes_at())
            .chain(self.lapses_ms)
            .filter(|at| *at > after)
            .min()
    }

    /// How many deliveries are on their way.
    pub fn delivering(&self) -> usize {
        self.cursors.iter().map(Cursor::flights).sum()
    }

    /// Writes down how far a destination has got, so that what it has taken is not delivered again after a crash. Where
    /// that is the one event of the log and nobody waits for it any more, it is let go: [`Mailbox::settle`] would do that
    /// next, and it is one row instead of two.
    pub fn save(&mut self, destination: usize) -> Result<()> {
        let passed = self.passed();
        if passed >= self.log.last() && self.log.has_one() && !self.log.keeps() {
            return self.log.let_go(passed, self.now_ms);
        }
        match self.cursors.get_mut(destination) {
            Some(cursor) => cursor.save(),
            None => Ok(()),
        }
    }

    /// A destination, by its place among those that the mailbox was opened with.
    pub fn destination(&self, index: usize) -> Option<&Destination> {
        self.cursors.get(index).map(Cursor::destination)
    }

    /// All destinations, in their order.
    pub fn destinations(&self) -> impl Iterator<Item = &Destination> {
        self.cursors.iter().map(Cursor::destination)
    }

    /// The id that a conversation has now, by any that it has had.
    pub fn current_id(&self, conversation: i64) -> Result<i64> {
        conversations::joined_into(&*self.sql, conversation)
    }

    /// What a conversation remembers, and how its windows stand.
    pub fn state_and_windows(&self, conversation: i64) -> Result<(State, Windows)> {
        let here = conversations::by_id(&*self.sql, conversation)?;
        Ok((here.state(), here.windows))
    }

    /// Finds a conversation by any of the person's names.
    pub fn find(&self, name: &Name) -> Result<Option<Found>> {
        person::find(&self.sql, name)
    }

    /// Like [`Self::find`] without the person's names: these take a look-up of their own.
    pub fn find_without_names(&self, name: &Name) -> Result<Option<Found>> {
        person::find_without_names(&self.sql, name)
    }

    /// The statuses of one message, by what the ids of all events about it begin with ([`crate::event::about`]), each
    /// with its time in unix seconds; in the order in which a message goes through them.
    pub fn statuses_of(&self, about: &str) -> Result<Vec<(MessageStatus, Option<i64>)>> {
        self.ids.statuses_of(about)
    }

    /// The last status of the messages that were sent in a conversation lately, newest first.
    pub fn statuses(
        &self,
        conversation: i64,
        most: usize,
    ) -> Result<Vec<(String, MessageStatus, Option<i64>)>> {
        self.ids.statuses(conversation, most)
    }
}

fn count(length: usize) -> i64 {
    i64::try_from(length).unwrap_or(i64::MAX)
}
