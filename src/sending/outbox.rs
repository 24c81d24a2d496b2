//! Sends that wait, are on their way, or have come to an end: each is stored under an id that says what asked for it,
//! so that whatever asks twice sends once.
//!
//! Why nothing is sent twice: a send is marked as started, and that is committed, before its request leaves. Whatever
//! is found started when the object begins anew may have gone out, and is left alone.
//!
//! Order is kept within a conversation by `lanes`. What becomes of a send is in `ending` and, where Meta tells it later, in
//! `reports`.

use std::{
    collections::{HashMap, HashSet},
    rc::Rc,
};

use super::{
    blocked::{Blocked, may_be_of_templates},
    guard::Goes,
    lanes::{Kinds, Lanes, WaitingSend},
    number::{HeardOf, Number},
    pacing::{Pacing, Rates},
    pair,
    reports::Report,
    state::{Ended, Happened, SendState},
    stored::{Draft, Keep, Record, Send, Table, TurnedAway},
};
use crate::{
    conversation::{
        send_id::{self, Asker},
        window,
    },
    mailbox::sql::{Result, Sql},
    meta::graph::Class,
};

/// How long an answer of Meta's may take without the rate suffering for it, in milliseconds.
const ANSWERED_WITHIN_MS: u32 = 500;

/// At least and at most so many sends of one mailbox are on their way at the same time.
const IN_FLIGHT: (u32, u32) = (6, 128);

/// From so many sends that wait on, no more is taken in. Each takes up to 400 bytes of the memory: together 40 of the 128 MB
/// that an object has.
const MOST_WAITING: usize = 100_000;

/// How many of these the API leaves for what answers customers: that goes also where templates have to wait.
const FOR_ANSWERS: usize = 10_000;

/// How often sends that are too old are removed, in milliseconds.
const SWEPT_EVERY_MS: i64 = 60 * 60 * 1000;

/// The sends of one mailbox.
#[derive(Debug)]
pub struct Outbox {
    pub(super) table: Table,
    pub(super) lanes: Lanes,
    /// The last place that was given. After a restart it is the last of those that wait or went lately, which is enough:
    /// an id has the time in it, too.
    last: i64,
    pub(super) pacing: Pacing,
    most_in_flight: usize,
    pub(super) number: Number,
    /// The sends of which a status of Meta's would tell something new.
    pub(super) watched: HashSet<String>,
    /// Those that were refused or did not leave, and went again: a failure may be of either try.
    pub(super) tried_before: HashSet<String>,
    /// The sends on their way.
    pub(super) under_way: HashMap<String, UnderWay>,
    pub(super) ended: Ended,
    swept_ms: i64,
    /// The sends that were on their way when the object ended, until somebody asks for them.
    interrupted: Vec<Send>,
}

/// What is known of a send on its way.
#[derive(Debug, Default)]
pub(super) struct UnderWay {
    /// It goes as its fallback, since the window was closed when its turn came: that is written with what is told of it
    /// next.
    pub(super) fell_back: bool,
    /// A status has told that it went out.
    pub(super) overtaken: bool,
    /// One has told, too, that the window was closed: its fallback waits for it to end.
    pub(super) falls_back: bool,
    /// Failures that may be of an earlier try: the answer will tell.
    pub(super) early: Vec<Report>,
}

/// A send whose turn has come: it is marked as started.
#[derive(Debug, Clone, PartialEq)]
pub struct Started {
    /// What is to be sent.
    pub send: Send,
    /// When it was asked for (unix milliseconds).
    pub asked_ms: i64,
    /// When its turn came (unix milliseconds).
    pub(super) left_ms: i64,
    pub(super) place: i64,
    pub(super) turned_away: TurnedAway,
    pub(super) put_back: bool,
    /// It goes to see whether the number can send again: since when it could not (unix milliseconds).
    pub(super) probes: Option<i64>,
}

impl Started {
    /// What matters of it for what is heard of the number.
    pub(super) fn heard_of(&self) -> HeardOf {
        HeardOf {
            is_template: !self.send.draft.message.is_free_form(),
            probes: self.probes,
        }
    }
}

impl Outbox {
    /// Opens the outbox. What was on its way when the object ended may have gone out, and stays as it is. `settings`
    /// is a digest of the settings that a blocked number may become right by.
    pub fn open(sql: Rc<dyn Sql>, rates: Rates, settings: String, now_ms: i64) -> Result<Self> {
        let table = Table::open(sql.clone())?;
        table.sweep(now_ms)?;
        let interrupted = table.started()?;
        let restarted = SendState::Started.after(Happened::Restarted);
        table.change_all(&SendState::Started, &restarted, now_ms)?;
        let (lanes, last, went_ms) = went_lately(&table, now_ms)?;
        let wanted = rates.per_second.saturating_mul(ANSWERED_WITHIN_MS) / 1_000;
        let mut outbox = Self {
            table,
            lanes,
            last,
            pacing: Pacing::new(rates, went_ms, now_ms),
            most_in_flight: wanted.clamp(IN_FLIGHT.0, IN_FLIGHT.1) as usize,
            number: Number::open(sql, settings, now_ms)?,
            watched: HashSet::new(),
            tried_before: HashSet::new(),
            under_way: HashMap::new(),
            ended: Ended {
                unknown: i64::try_from(interrupted.len()).unwrap_or(i64::MAX),
                ..Ended::default()
            },
            swept_ms: now_ms,
            interrupted,
        };
        outbox.read_left(now_ms)?;
        Ok(outbox)
    }

    /// Reads what waits, and what a status may yet tell of.
    fn read_left(&mut self, now_ms: i64) -> Result<()> {
        let mut tried = 0;
        self.table.clone().left(&mut |left| {
            self.lanes.meet(left.conversation);
            self.last = self.last.max(left.place);
            let was_tried = left.put_back.is_some() || left.turned_away.is_some();
            if was_tried {
                self.tried_before.insert(left.id.clone());
            }
            if was_tried || !left.is_queued {
                self.watched.insert(left.id.clone());
            }
            if !left.is_queued {
                return;
            }
            // It went as its fallback where that stopped templates alone.
            let went_as_fallback =
                left.has_fallback && left.put_back.is_some_and(may_be_of_templates);
            let is_template = left.is_template || went_as_fallback;
            let mut waiting = WaitingSend::new(left.id, left.place, is_template);
            waiting.turned_away = left.turned_away.unwrap_or_default();
            waiting.next_ms = left.next_ms.unwrap_or(0);
            // Sends that were tried while the number could send nothing go after all others: they have had their try.
            if left.put_back.is_some() {
                tried += 1;
                waiting.put_back = true;
                waiting.next_ms = now_ms + tried;
            }
            self.lanes.insert(left.conversation, waiting, now_ms);
        })
    }

    /// The sends that were on their way when the object ended, and so are `unknown` since the outbox was opened. They are given
    /// once.
    pub fn take_interrupted(&mut self) -> Vec<Send> {
        std::mem::take(&mut self.interrupted)
    }

    /// What rules and destinations have asked for since a time (unix milliseconds), but for what we refused ourselves: each
    /// id with its conversation. That is a walk through all sends since.
    pub fn answers(&self, since_ms: i64, each: &mut dyn FnMut(&str, i64)) -> Result<()> {
        self.table.answers(since_ms, each)
    }

    /// An id that no send of the number had or will have. It begins with what the mailbox's sends begin with.
    pub fn new_id(&self, sends_as: &str, now_ms: i64) -> String {
        send_id::by_api(sends_as, now_ms, self.last + 1)
    }

    /// Takes a send in, and gives when it will go as far as can be told (unix milliseconds); `None` where one was asked
    /// for under the same id before.
    pub fn add(&mut self, send: Send, now_ms: i64) -> Result<Option<i64>> {
        self.add_as(&SendState::Queued, send, now_ms)
    }

    /// Takes a send in, and gives whether none was asked for under the same id before. If requests may start and it would be
    /// the next to go, it is marked as started in the first place and given, which is a row less: the caller commits that
    /// before the request leaves, or nothing of it.
    pub fn add_and_start(
        &mut self,
        send: Send,
        may_start: bool,
        now_ms: i64,
    ) -> Result<(bool, Option<Started>)> {
        let goes = may_start
            && self.lanes.len() == 0
            && self.lanes.is_free(send.conversation)
            && self.number.blocked().is_none()
            && self.under_way.len() < self.most_in_flight
            && self.expected(send.conversation, false, (0, 0), now_ms) <= now_ms;
        if !goes {
            return Ok((self.add(send, now_ms)?.is_some(), None));
        }
        let state = SendState::Queued.after(Happened::Start);
        let draft = send.draft.clone();
        if self.add_as(&state, send, now_ms)?.is_none() {
            return Ok((false, None));
        }
        let taken = self.lanes.take(Kinds::All, now_ms);
        let started = taken.map(|taken| self.start(taken, (draft, now_ms), false, now_ms));
        Ok((true, started.transpose()?))
    }

    /// Whether so many wait that no more is to be taken in.
    pub fn is_full(&self) -> bool {
        self.lanes.len() >= MOST_WAITING
    }

    /// Whether so many wait that no more is to be taken in but what answers customers.
    pub fn is_for_answers(&self) -> bool {
        self.lanes.len() >= MOST_WAITING - FOR_ANSWERS
    }

    /// Writes down that a reply was asked for and does not go, since too many wait, and gives the state that it is in.
    pub fn refuse(&mut self, send: &Send, now_ms: i64) -> Result<SendState> {
        let state = SendState::Failed {
            code: None,
            class: Class::Withheld,
        };
        self.last += 1;
        if self.table.add(send, &state, self.last, now_ms)? {
            self.table
                .write(&send.id, &state, &Keep::Nothing, false, now_ms)?;
            self.ended.count(&state);
        }
        Ok(state)
    }

    fn add_as(&mut self, state: &SendState, send: Send, now_ms: i64) -> Result<Option<i64>> {
        if now_ms.saturating_sub(self.swept_ms) > SWEPT_EVERY_MS {
            self.swept_ms = now_ms;
            self.table.sweep(now_ms)?;
        }
        let place = self.last + 1;
        if !self.table.add(&send, state, place, now_ms)? {
            return Ok(None);
        }
        self.last = place;
        let ahead = (self.lanes.len(), self.lanes.len_of(send.conversation));
        let is_template = !send.draft.message.is_free_form();
        let goes_ms = self.expected(send.conversation, is_template, ahead, now_ms);
        let waiting = WaitingSend::new(send.id, place, is_template);
        self.lanes.insert(send.conversation, waiting, now_ms);
        Ok(Some(goes_ms))
    }

    /// The next send whose turn has come, marked as started. The caller commits that before the request leaves.
    pub fn next(&mut self, now_ms: i64) -> Result<Option<Started>> {
        loop {
            let Some((at, kinds, probes)) = self.turn(now_ms) else {
                return Ok(None);
            };
            let alone = probes && kinds == Kinds::All;
            let busy = self.under_way.len();
            if at > now_ms || busy >= self.most_in_flight || alone && busy > 0 {
                return Ok(None);
            }
            let Some((conversation, waiting)) = self.lanes.take(kinds, now_ms) else {
                return Ok(None);
            };
            let Some((draft, asked_ms)) = self.table.draft(&waiting.id)? else {
                let state = SendState::Failed {
                    code: None,
                    class: Class::Other,
                };
                self.table
                    .write(&waiting.id, &state, &Keep::Nothing, false, now_ms)?;
                self.lanes.free(conversation, now_ms);
                continue;
            };
            let state = SendState::Queued.after(Happened::Start);
            self.table
                .write(&waiting.id, &state, &Keep::AsItIs, false, now_ms)?;
            let taken = (conversation, waiting);
            let started = self.start(taken, (draft, asked_ms), probes, now_ms)?;
            return Ok(Some(started));
        }
    }

    /// A send that is marked as started goes now.
    fn start(
        &mut self,
        (conversation, waiting): (i64, WaitingSend),
        (draft, asked_ms): (Draft, i64),
        probes: bool,
        now_ms: i64,
    ) -> Result<Started> {
        let probes = self.number.took(probes, now_ms)?;
        self.watched.insert(waiting.id.clone());
        self.under_way
            .insert(waiting.id.clone(), UnderWay::default());
        self.pacing.took(now_ms);
        Ok(Started {
            send: Send {
                id: waiting.id,
                conversation,
                draft,
            },
            asked_ms,
            left_ms: now_ms,
            place: waiting.place,
            turned_away: waiting.turned_away,
            put_back: waiting.put_back,
            probes,
        })
    }

    /// Why a send whose turn has come does not go after all, if it does not, by what was decided of it. What a destination
    /// asked for has no fallback where one has gone to the customer since the window closed, at `closes_at` (unix seconds):
    /// each would be the same template, and costs. If it goes, `started` is now what goes.
    pub fn decided(
        &mut self,
        started: &mut Started,
        (goes, refused): (Goes, Option<Class>),
        closes_at: Option<i64>,
    ) -> Result<Option<Class>> {
        let Send {
            id, conversation, ..
        } = &started.send;
        if goes == Goes::Fallback
            && refused.is_none()
            && let Asker::Destination(_) = Asker::of(id)
        {
            // Fallbacks go from the margin on.
            let since = closes_at.map_or(0, |at| at.saturating_sub(window::MARGIN_S));
            let since_ms = since.saturating_mul(1000);
            if self.table.has_fallen_back(*conversation, since_ms)? {
                return Ok(Some(Class::Window));
            }
        }
        self.goes_as(started, goes);
        Ok(refused)
    }

    /// Takes note of what goes of a send whose turn has come: its message or, since the window is closed, its fallback.
    pub(super) fn goes_as(&mut self, started: &mut Started, goes: Goes) {
        if goes == Goes::Fallback && started.send.draft.fall_back() {
            let under_way = self.under_way.get_mut(&started.send.id);
            if let Some(under_way) = under_way {
                under_way.fell_back = true;
            }
        }
    }

    /// Whether a send whose turn had come as a text goes as its fallback, which waits while no template goes.
    pub fn waits_as_template(&self, started: &Started) -> bool {
        let stops_it = |blocked: &Blocked| blocked.of_templates && started.probes.is_none();
        self.goes_as_fallback(&started.send.id) && self.blocked().is_some_and(stops_it)
    }

    /// Whether a send is on its way as its fallback.
    pub(super) fn goes_as_fallback(&self, id: &str) -> bool {
        self.under_way.get(id).is_some_and(|it| it.fell_back)
    }

    /// Forgets a send that is done with.
    pub(super) fn forget(&mut self, id: &str) -> Result<()> {
        self.watched.remove(id);
        if self.tried_before.remove(id) {
            self.table.waits_no_more(id)?;
        }
        Ok(())
    }

    /// When a send is to go that cannot go now (unix milliseconds), or 0 if one can.
    pub fn wakes_at(&self, now_ms: i64) -> Option<i64> {
        let (at, ..) = self.turn(now_ms)?;
        Some(if at <= now_ms { 0 } else { at })
    }

    /// Whose turn it is next and when (unix milliseconds), and whether that is to see if the number can send again.
    fn turn(&self, now_ms: i64) -> Option<(i64, Kinds, bool)> {
        let due = |kinds| self.lanes.due(kinds);
        let (at, kinds, probes) = match self.number.blocked() {
            None => (due(Kinds::All)?, Kinds::All, false),
            Some(blocked) if blocked.of_templates => {
                let template = due(Kinds::Templates).map(|at| (at.max(blocked.tries_ms), true));
                let free_form = due(Kinds::FreeForm).map(|at| (at, false));
                let (at, probes) = free_form.into_iter().chain(template).min()?;
                let kinds = if probes {
                    Kinds::Templates
                } else {
                    Kinds::FreeForm
                };
                (at, kinds, probes)
            }
            Some(blocked) => (due(Kinds::All)?.max(blocked.tries_ms), Kinds::All, true),
        };
        let ready = self.pacing.at(now_ms).max(self.number.silence.until_ms());
        Some((at.max(ready), kinds, probes))
    }

    /// How a send stands; and, while it waits, when it will go as far as can be told (unix milliseconds).
    pub fn find(&self, id: &str, now_ms: i64) -> Result<Option<(Record, Option<i64>)>> {
        let Some(record) = self.table.find(id)? else {
            return Ok(None);
        };
        let goes_ms = (record.state == SendState::Queued).then(|| {
            let ahead = self.lanes.before(record.place, record.conversation);
            let is_template = self.lanes.is_template(record.conversation, record.place);
            self.expected(record.conversation, is_template, ahead, now_ms)
        });
        Ok(Some((record, goes_ms)))
    }

    /// The place of the first of these ids under which there is a send.
    pub fn first_known(&self, ids: &[String]) -> Result<Option<usize>> {
        self.table.first_known(ids)
    }

    /// The conversations of which something is known.
    pub fn conversations(&self) -> impl Iterator<Item = i64> {
        self.lanes.conversations()
    }

    /// A conversation turned out to be part of another: from now on what waits in both goes in one order.
    pub fn join(&mut self, from: i64, into: i64, now_ms: i64) {
        self.lanes.join(from, into, now_ms);
    }

    /// How many sends wait.
    pub fn waiting(&self) -> i64 {
        i64::try_from(self.lanes.len()).unwrap_or(i64::MAX)
    }

    /// Whether any send is on its way.
    pub fn is_sending(&self) -> bool {
        !self.under_way.is_empty()
    }

    /// Why the number can send nothing, where it cannot.
    pub fn blocked(&self) -> Option<&Blocked> {
        self.number.blocked()
    }

    /// How many sends have come to an end since it was opened.
    pub fn ended(&self) -> Ended {
        self.ended
    }

    /// Since when there is an outage of Meta's, where there is one (unix milliseconds).
    pub fn silent_since_ms(&self) -> Option<i64> {
        self.number.silence.since_ms()
    }

    /// When a send goes that has so many before it, in all and in its conversation.
    fn expected(
        &self,
        conversation: i64,
        is_template: bool,
        (ahead, ahead_in_lane): (usize, usize),
        now_ms: i64,
    ) -> i64 {
        let waits = |blocked: &&Blocked| is_template || !blocked.of_templates;
        let blocked = self.number.blocked().filter(waits);
        self.pacing
            .expected(ahead, now_ms)
            .max(self.lanes.expected(conversation, ahead_in_lane, now_ms))
            .max(self.number.silence.until_ms())
            .max(blocked.map_or(0, |blocked| blocked.tries_ms))
    }
}

/// The lanes as the messages that went lately left them, the last place that one of these had, and when the last went (unix
/// milliseconds).
fn went_lately(table: &Table, now_ms: i64) -> Result<(Lanes, i64, i64)> {
    let mut lanes = Lanes::new(now_ms);
    let (mut last, mut went_ms) = (0, i64::MIN);
    table.lately(
        now_ms - pair::MEMORY_MS,
        &mut |conversation, place, changed_ms, went| {
            last = last.max(place);
            if went {
                lanes.went(conversation, now_ms);
                went_ms = went_ms.max(changed_ms);
            }
        },
    )?;
    Ok((lanes, last, went_ms))
}
