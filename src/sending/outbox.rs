//! Sends that wait, are on their way, or have come to an end: each is stored under an id that says what asked for it,
//! so that whatever asks twice sends once.
//!
//! Why nothing is sent twice: a send is marked as started, and that is committed, before its request leaves. Whatever
//! is found started when the object begins anew may have gone out, and is left alone.
//!
//! Order is kept within a conversation: each is a lane, of which the first waits for its time and the others for it.

use std::collections::{BTreeSet, HashMap, HashSet, VecDeque};

use super::{
    blocked::{Blocked, Change},
    guard::Goes,
    pacing::{Pacing, Rates},
    pair::{self, Pair},
    state::{Happened, State},
    stored::{self, Draft, Keep, Record, Send, write_state},
};
use crate::{
    mailbox::sql::{Sql, SqlError},
    meta::graph::{Answer, Class},
};

/// How long an answer of Meta's may take without the rate suffering for it, in milliseconds.
const ANSWERED_WITHIN_MS: u32 = 500;

/// At least and at most so many sends of one mailbox are on their way at the same time.
const IN_FLIGHT: (u32, u32) = (6, 128);

/// How long a send that Meta turned away waits, in milliseconds: twice as long after each time, up to a minute.
const FIRST_WAIT_MS: i64 = 1_000;
const LONGEST_WAIT_MS: i64 = 60_000;

/// How often lanes that are empty are removed, in milliseconds.
const SWEPT_EVERY_MS: i64 = 60_000;

/// Meta's code for a closed window.
pub(super) const WINDOW_CLOSED: u32 = 131_047;

/// The sends of one mailbox.
#[derive(Debug)]
pub struct Outbox {
    pub(super) lanes: HashMap<i64, Lane>,
    /// The first of each lane that has nothing on its way: when it may go, its place and its conversation.
    heads: BTreeSet<(i64, i64, i64)>,
    waiting: usize,
    busy: usize,
    last: i64,
    pacing: Pacing,
    most_in_flight: usize,
    pub(super) blocked: Option<Blocked>,
    /// What the number's being blocked depends on, beside Meta: a digest of settings.
    settings: String,
    /// The sends of which a status of Meta's would tell something new.
    pub(super) watched: HashSet<String>,
    /// Those on their way of which a status has told that they went out.
    pub(super) overtaken: HashSet<String>,
    swept_ms: i64,
}

/// The sends of one conversation.
#[derive(Debug, Default)]
pub(super) struct Lane {
    queue: VecDeque<Waiting>,
    busy: bool,
    pair: Pair,
    /// Where it stands among the heads: when it may go, and its place.
    raised: Option<(i64, i64)>,
}

#[derive(Debug, Clone)]
struct Waiting {
    id: String,
    place: i64,
    /// How often Meta turned it away.
    attempts: u32,
    /// It was put back as the number was blocked.
    put_back: bool,
    next_ms: i64,
}

/// A send whose turn has come: it is marked as started.
#[derive(Debug, Clone, PartialEq)]
pub struct Started {
    /// What is to be sent.
    pub send: Send,
    /// When it was asked for (unix milliseconds).
    pub asked_ms: i64,
    place: i64,
    attempts: u32,
    put_back: bool,
    /// It goes to see whether the number can send again.
    pub(super) probes: bool,
    fell_back: bool,
}

impl Started {
    /// Takes note of what the window lets go.
    pub fn goes_as(&mut self, goes: Goes) {
        self.fell_back |= goes == Goes::Fallback && self.send.draft.fall_back();
    }
}

impl Outbox {
    /// Opens the outbox. What was on its way when the object ended may have gone out, and stays as it is. `settings`
    /// is a digest of the settings that a blocked number may become right by.
    pub fn open(
        sql: &dyn Sql,
        rates: Rates,
        settings: String,
        now_ms: i64,
    ) -> Result<Self, SqlError> {
        stored::create(sql, now_ms)?;
        let restarted = State::Started.after(Happened::Restarted);
        stored::change_all(sql, &State::Started, &restarted, now_ms)?;
        let rows = sql.exec("SELECT max(place), max(changed_ms) FROM sends", &[])?;
        let (last, changed_ms) = match rows.first() {
            Some(row) => (row.integer(0)?.unwrap_or(0), row.integer(1)?.unwrap_or(0)),
            None => (0, 0),
        };
        let wanted = rates.per_second.saturating_mul(ANSWERED_WITHIN_MS) / 1_000;
        let mut outbox = Self {
            lanes: HashMap::new(),
            heads: BTreeSet::new(),
            waiting: 0,
            busy: 0,
            last,
            pacing: Pacing::new(rates, changed_ms, now_ms),
            most_in_flight: wanted.clamp(IN_FLIGHT.0, IN_FLIGHT.1) as usize,
            blocked: Blocked::open(sql, &settings, now_ms)?,
            settings,
            watched: HashSet::new(),
            overtaken: HashSet::new(),
            swept_ms: now_ms,
        };
        if changed_ms > now_ms - pair::MEMORY_MS {
            let rows = sql.exec(
                "SELECT conversation, count(*) FROM sends WHERE changed_ms > ?1 AND state <> ?2 GROUP BY conversation",
                &[
                    (now_ms - pair::MEMORY_MS).into(),
                    write_state(&State::Queued).into(),
                ],
            )?;
            for row in rows {
                let lane = outbox.lanes.entry(row.required_integer(0)?).or_default();
                lane.pair = Pair::after(row.required_integer(1)?, now_ms);
            }
        }
        let rows = sql.exec(
            "SELECT id, place, conversation, state = ?1 FROM sends WHERE state IN (?1, ?2) OR draft IS NOT NULL \
             ORDER BY place",
            &[write_state(&State::Queued).into(), write_state(&State::Unknown).into()],
        )?;
        for row in rows {
            let id = row.required_text(0)?.to_owned();
            outbox.watched.insert(id.clone());
            if row.required_integer(3)? == 1 {
                outbox.push(row.required_integer(2)?, id, row.required_integer(1)?);
            }
        }
        let conversations: Vec<i64> = outbox.lanes.keys().copied().collect();
        for conversation in conversations {
            outbox.raise(conversation, now_ms);
        }
        Ok(outbox)
    }

    /// How many sends were asked for since a time (unix milliseconds) whose ids have this in them, but for those that we
    /// refused ourselves.
    pub fn count(sql: &dyn Sql, part: &str, since_ms: i64) -> Result<u32, SqlError> {
        let rows = sql.exec(
            "SELECT count(*) FROM sends WHERE asked_ms >= ?1 AND instr(id, ?2) \
             AND NOT (state ->> 'state' = 'failed' AND state ->> 'code' IS NULL)",
            &[since_ms.into(), part.into()],
        )?;
        let count = rows
            .first()
            .map(|row| row.required_integer(0))
            .transpose()?;
        Ok(count.map_or(0, |count| u32::try_from(count).unwrap_or(u32::MAX)))
    }

    /// An id that no send of the number had or will have. It begins with what the mailbox's sends begin with.
    pub fn new_id(&self, sends_as: &str, now_ms: i64) -> String {
        format!("{sends_as}.{now_ms:x}-{:x}", self.last + 1)
    }

    /// Takes a send in, and gives when it will go as far as can be told (unix milliseconds); `None` where one was asked
    /// for under the same id before.
    pub fn add(&mut self, sql: &dyn Sql, send: Send, now_ms: i64) -> Result<Option<i64>, SqlError> {
        let place = self.last + 1;
        if !stored::add(sql, &send, place, now_ms)? {
            return Ok(None);
        }
        self.last = place;
        let ahead = self.lanes.get(&send.conversation);
        let ahead = ahead.map_or(0, |lane| lane.queue.len());
        let goes_ms = self.expected(send.conversation, self.waiting, ahead, now_ms);
        self.push(send.conversation, send.id, place);
        self.raise(send.conversation, now_ms);
        Ok(Some(goes_ms))
    }

    /// The next send whose turn has come, marked as started. The caller commits that before the request leaves.
    pub fn next(&mut self, sql: &dyn Sql, now_ms: i64) -> Result<Option<Started>, SqlError> {
        loop {
            if self.busy >= self.most_in_flight || self.ready_at(now_ms) > now_ms {
                return Ok(None);
            }
            let probes = self.blocked.is_some();
            if probes && self.busy > 0 {
                return Ok(None);
            }
            let Some((_, _, conversation)) = self
                .heads
                .first()
                .copied()
                .filter(|(due, ..)| *due <= now_ms)
            else {
                return Ok(None);
            };
            self.heads.pop_first();
            let Some(waiting) = self.lanes.get_mut(&conversation).and_then(|lane| {
                lane.raised = None;
                lane.queue.pop_front()
            }) else {
                continue;
            };
            self.waiting -= 1;
            let Some((draft, asked_ms)) = stored::draft(sql, &waiting.id)? else {
                self.raise(conversation, now_ms);
                continue;
            };
            let state = State::Queued.after(Happened::Start);
            stored::write(sql, &waiting.id, &state, &Keep::AsItIs, false, now_ms)?;
            if let Some(blocked) = &mut self.blocked {
                blocked.tried(now_ms);
                blocked.save(sql, &self.settings)?;
            }
            self.watched.insert(waiting.id.clone());
            self.busy += 1;
            self.pacing.took(now_ms);
            if let Some(lane) = self.lanes.get_mut(&conversation) {
                lane.busy = true;
                lane.pair = lane.pair.took(now_ms);
            }
            return Ok(Some(Started {
                send: Send {
                    id: waiting.id,
                    conversation,
                    draft,
                },
                asked_ms,
                place: waiting.place,
                attempts: waiting.attempts,
                put_back: waiting.put_back,
                probes,
                fell_back: false,
            }));
        }
    }

    /// Takes note of what became of a send, and gives the state it is in now, and whether the number stopped or began
    /// again by it.
    pub fn done(
        &mut self,
        sql: &dyn Sql,
        started: Started,
        happened: Happened,
        now_ms: i64,
    ) -> Result<(State, Option<Change>), SqlError> {
        let Started { send, place, .. } = started;
        let Send {
            id,
            conversation,
            mut draft,
        } = send;
        self.busy = self.busy.saturating_sub(1);
        if let Some(lane) = self.lanes.get_mut(&conversation) {
            lane.busy = false;
        }
        self.sweep(now_ms);
        if self.overtaken.remove(&id) {
            self.raise(conversation, now_ms);
            let found = stored::find(sql, &id)?;
            return Ok((found.map_or(State::Unknown, |found| found.state), None));
        }
        let answer = match &happened {
            Happened::Answered(answer) => Some(answer.clone()),
            _ => None,
        };
        let mut state = match happened {
            // It was looked at again before anything was sent.
            Happened::Refuse(_) => State::Queued.after(happened),
            other => State::Started.after(other),
        };
        // A probe that we refused ourselves was none: the next may go at once.
        if started.probes
            && state.is_refused_here()
            && let Some(blocked) = &mut self.blocked
        {
            blocked.tries_ms = now_ms;
            blocked.save(sql, &self.settings)?;
        }
        let mut fell_back = started.fell_back;
        let mut wait_ms = 0;
        let mut put_back = started.put_back;
        let mut change = None;
        match answer {
            Some(Answer::Refused { code, class, again }) if class.blocks_number() && !again => {
                // One that was put back and is refused again, while others go, is at fault itself.
                if started.probes || self.blocked.is_some() || !started.put_back {
                    change = self.block(sql, code, now_ms)?;
                    state = State::Queued;
                    put_back = true;
                }
            }
            Some(Answer::Refused {
                again: true, class, ..
            }) => {
                if class == Class::PairRate {
                    wait_ms = pair::wait_ms(started.attempts);
                } else {
                    self.pacing.slow_down(now_ms);
                    wait_ms = wait(started.attempts);
                }
            }
            Some(Answer::Refused { code, .. }) => {
                change = self.unblock(sql)?;
                if code == WINDOW_CLOSED && draft.message.is_free_form() && draft.fall_back() {
                    fell_back = true;
                    state = State::Queued;
                }
            }
            Some(Answer::Accepted { .. }) => change = self.unblock(sql)?,
            Some(Answer::Unknown { .. }) => {}
            None => wait_ms = wait(started.attempts),
        }
        // Meta may yet tell by a status that the window was closed.
        let may_fall_back = matches!(state, State::Accepted { .. })
            && draft.message.is_free_form()
            && draft.fallback.is_some();
        let keep = match state {
            State::Queued if fell_back => Keep::This(&draft),
            State::Queued => Keep::AsItIs,
            _ if may_fall_back => Keep::AsItIs,
            _ => Keep::Nothing,
        };
        stored::write(sql, &id, &state, &keep, fell_back, now_ms)?;
        if matches!(state, State::Failed { .. })
            || matches!(state, State::Accepted { .. }) && !may_fall_back
        {
            self.watched.remove(&id);
        }
        if state == State::Queued {
            let attempts = started.attempts + u32::from(wait_ms > 0);
            let waiting = Waiting {
                id,
                place,
                attempts,
                put_back,
                next_ms: now_ms.saturating_add(wait_ms),
            };
            self.waiting += 1;
            self.lanes
                .entry(conversation)
                .or_default()
                .queue
                .push_front(waiting);
        }
        self.raise(conversation, now_ms);
        Ok((state, change))
    }

    /// When a send is to go that cannot go now (unix milliseconds), or 0 if one can.
    pub fn wakes_at(&self, now_ms: i64) -> Option<i64> {
        let (due, ..) = self.heads.first()?;
        let at = self.ready_at(now_ms).max(*due);
        Some(if at <= now_ms { 0 } else { at })
    }

    /// How a send stands; and, while it waits, when it will go as far as can be told (unix milliseconds).
    pub fn find(
        &self,
        sql: &dyn Sql,
        id: &str,
        now_ms: i64,
    ) -> Result<Option<(Record, Option<i64>)>, SqlError> {
        let Some(record) = stored::find(sql, id)? else {
            return Ok(None);
        };
        let before = |lane: &Lane| {
            let queue = lane.queue.iter();
            queue.filter(|other| other.place < record.place).count()
        };
        let goes_ms = (record.state == State::Queued).then(|| {
            let ahead = self.lanes.get(&record.conversation).map_or(0, before);
            let all = self.lanes.values().map(before).sum();
            self.expected(record.conversation, all, ahead, now_ms)
        });
        Ok(Some((record, goes_ms)))
    }

    /// Whether any send is on its way.
    pub fn is_sending(&self) -> bool {
        self.busy > 0
    }

    /// Why the number can send nothing, where it cannot.
    pub fn blocked(&self) -> Option<&Blocked> {
        self.blocked.as_ref()
    }

    /// Puts a send, of which it has turned out that it did not go out, back to where it was.
    pub(super) fn push(&mut self, conversation: i64, id: String, place: i64) {
        let queue = &mut self.lanes.entry(conversation).or_default().queue;
        let index = queue.partition_point(|other| other.place < place);
        let waiting = Waiting {
            id,
            place,
            attempts: 0,
            put_back: false,
            next_ms: 0,
        };
        queue.insert(index, waiting);
        self.waiting += 1;
    }

    /// Takes a send out that waits, as it did go out.
    pub(super) fn pull(&mut self, conversation: i64, id: &str, now_ms: i64) {
        if let Some(lane) = self.lanes.get_mut(&conversation) {
            let before = lane.queue.len();
            lane.queue.retain(|waiting| waiting.id != id);
            self.waiting -= before - lane.queue.len();
        }
        self.raise(conversation, now_ms);
    }

    /// Looks anew at when the first of a lane may go.
    pub(super) fn raise(&mut self, conversation: i64, now_ms: i64) {
        let Some(lane) = self.lanes.get_mut(&conversation) else {
            return;
        };
        if let Some((due, place)) = lane.raised.take() {
            self.heads.remove(&(due, place, conversation));
        }
        if let Some(first) = lane.queue.front().filter(|_| !lane.busy) {
            let due = first.next_ms.max(lane.pair.at(0, now_ms));
            lane.raised = Some((due, first.place));
            self.heads.insert((due, first.place, conversation));
        }
    }

    /// When the number may send (unix milliseconds).
    fn ready_at(&self, now_ms: i64) -> i64 {
        let tries_ms = self
            .blocked
            .as_ref()
            .map_or(i64::MIN, |blocked| blocked.tries_ms);
        self.pacing.at(now_ms).max(tries_ms)
    }

    fn expected(&self, conversation: i64, ahead: usize, ahead_in_lane: usize, now_ms: i64) -> i64 {
        let lane = self.lanes.get(&conversation);
        let pair = lane.map(|lane| lane.pair).unwrap_or_default();
        let first = lane.and_then(|lane| lane.queue.front());
        let first = first.map_or(i64::MIN, |first| first.next_ms);
        self.pacing
            .expected(ahead, now_ms)
            .max(pair.at(ahead_in_lane, now_ms))
            .max(first)
            .max(self.ready_at(now_ms))
    }

    /// The number can send nothing, as Meta says by this code.
    pub(super) fn block(
        &mut self,
        sql: &dyn Sql,
        code: u32,
        now_ms: i64,
    ) -> Result<Option<Change>, SqlError> {
        if self.blocked.is_some() {
            return Ok(None);
        }
        let blocked = Blocked::now(code, now_ms);
        blocked.save(sql, &self.settings)?;
        self.blocked = Some(blocked.clone());
        Ok(Some(Change::Blocked(blocked)))
    }

    fn unblock(&mut self, sql: &dyn Sql) -> Result<Option<Change>, SqlError> {
        let Some(blocked) = self.blocked.take() else {
            return Ok(None);
        };
        Blocked::remove(sql)?;
        Ok(Some(Change::Unblocked(blocked)))
    }

    fn sweep(&mut self, now_ms: i64) {
        if now_ms - self.swept_ms < SWEPT_EVERY_MS {
            return;
        }
        self.swept_ms = now_ms;
        self.lanes
            .retain(|_, lane| lane.busy || !lane.queue.is_empty() || !lane.pair.is_rested(now_ms));
    }
}

fn wait(attempts: u32) -> i64 {
    FIRST_WAIT_MS
        .checked_shl(attempts)
        .map_or(LONGEST_WAIT_MS, |wait| {
            wait.clamp(FIRST_WAIT_MS, LONGEST_WAIT_MS)
        })
}

/// What was kept of a send whose fallback may yet be needed goes out in its place.
pub(super) fn fallen_back(mut draft: Draft) -> Option<Draft> {
    let falls_back = draft.message.is_free_form() && draft.fall_back();
    falls_back.then_some(draft)
}
