//! What becomes of a send that was on its way, and of the number by it.

use super::{
    blocked::NumberChange,
    lanes::WaitingSend,
    number::{Heard, HeardOf},
    outbox::{Outbox, Started, UnderWay},
    pair,
    state::{Happened, SendState},
    stored::{Keep, Record, Send, TurnedAway},
};
use crate::{
    mailbox::sql::Result,
    meta::graph::{Class, GraphAnswer},
};

/// How long a send that Meta turned away waits, in milliseconds: twice as long after each time, up to a minute.
const FIRST_WAIT_MS: i64 = 1_000;
const LONGEST_WAIT_MS: i64 = 60_000;

/// Meta's code for a closed window.
pub(super) const WINDOW_CLOSED: u32 = 131_047;

/// What becomes of a send.
#[derive(Debug)]
struct Ending {
    state: SendState,
    /// Where it is queued again: how long it waits (milliseconds), how often it was turned away by now, and the code by
    /// which the number stopped, where it did.
    wait_ms: i64,
    turned_away: TurnedAway,
    put_back: Option<u32>,
    /// Whether its fallback goes in its place, where it has one.
    falls_back: bool,
    /// Whether its text was let go, since a status had told that it will not arrive.
    text_is_gone: bool,
    /// Whether the number sends faster than Meta takes it.
    slows_down: bool,
    /// What it says of the number.
    heard: Heard,
}

impl Ending {
    /// `others_go`: the number can send, for all that is known, and has just sent others like this one.
    fn of(started: &Started, happened: Happened, others_go: bool) -> Self {
        let mut ending = Self {
            state: SendState::Queued,
            wait_ms: 0,
            turned_away: started.turned_away,
            put_back: None,
            falls_back: false,
            text_is_gone: false,
            slows_down: false,
            heard: Heard::Nothing,
        };
        match &happened {
            Happened::Answered(GraphAnswer::Refused { code, class, again })
                if class.blocks_number() && !again =>
            {
                // A send that is refused like this again, while others go, is at fault itself.
                ending.heard = Heard::Doubts;
                if !started.put_back || !others_go {
                    ending.heard = Heard::Stops(*code);
                    ending.put_back = Some(*code);
                }
            }
            Happened::Answered(GraphAnswer::Refused {
                again: true,
                class: Class::PairRate,
                ..
            }) => {
                ending.heard = Heard::Refuses;
                ending.wait_ms = pair::wait_ms(started.turned_away.by_pair.into());
                ending.turned_away.by_pair = started.turned_away.by_pair.saturating_add(1);
            }
            Happened::Answered(GraphAnswer::Refused {
                again: true, class, ..
            }) => {
                ending.heard = Heard::Refuses;
                ending.slows_down = *class != Class::Group;
                ending.waits();
            }
            Happened::Answered(GraphAnswer::Refused { code, .. }) => {
                ending.heard = Heard::Refuses;
                ending.falls_back = *code == WINDOW_CLOSED;
            }
            Happened::Answered(GraphAnswer::Accepted { .. }) => ending.heard = Heard::Takes,
            Happened::Answered(GraphAnswer::Unknown { .. }) => ending.heard = Heard::Silence,
            Happened::NoAnswer | Happened::ConnectionRefused => {
                ending.heard = Heard::Silence;
                ending.waits();
            }
            Happened::Refuse(_) => {}
            _ => ending.waits(),
        }
        // Where the number stops by it, it waits until that can send again.
        if ending.put_back.is_none() {
            ending.state = SendState::Started.after(happened);
        }
        ending
    }

    /// The send did not go, or was refused for what it is: that says nothing about the number.
    fn tells_nothing(&self) -> bool {
        matches!(self.state, SendState::Failed { .. } | SendState::Queued)
            && self.put_back.is_none()
    }

    fn waits(&mut self) {
        let times = self.turned_away.otherwise;
        self.wait_ms = doubled(FIRST_WAIT_MS, times.into(), LONGEST_WAIT_MS);
        self.turned_away.otherwise = times.saturating_add(1);
    }
}

impl Outbox {
    /// Takes note of what became of a send, and gives the state it is in now, and whether the number stopped or began
    /// again by it.
    pub fn done(
        &mut self,
        started: Started,
        happened: Happened,
        now_ms: i64,
    ) -> Result<(SendState, Option<NumberChange>)> {
        let id = started.send.id.as_str();
        let conversation = started.send.conversation;
        if matches!(happened, Happened::Refuse(_)) {
            // It never left: others may go in its place.
            self.pacing.give_back(started.left_ms);
            self.lanes.give_back(conversation);
        }
        self.lanes.free(conversation, now_ms);
        let under_way = self.under_way.remove(id).unwrap_or_default();
        let is_refused = matches!(&happened, Happened::Answered(GraphAnswer::Refused { .. }));
        let found = if under_way.overtaken && is_refused {
            self.table.find(id)?
        } else {
            None
        };
        // Meta may tell of a refusal by a status, too. The answer says whether it may go again.
        let text_is_gone = found.is_some_and(|found| found.error.is_some());
        if under_way.overtaken && !text_is_gone {
            self.overtaken_by_status(started, under_way, now_ms)
        } else {
            self.ends_by_itself(started, under_way, happened, text_is_gone, now_ms)
        }
    }

    /// What happened to a send is what counts.
    fn ends_by_itself(
        &mut self,
        started: Started,
        under_way: UnderWay,
        happened: Happened,
        text_is_gone: bool,
        now_ms: i64,
    ) -> Result<(SendState, Option<NumberChange>)> {
        let message = started.heard_of();
        let probes = self.number.is_tried_by(message);
        let others_go = self.number.others_go(message.is_template);
        let mut ending = Ending::of(&started, happened, others_go);
        ending.text_is_gone = text_is_gone;
        let failed = under_way.early.into_iter().find(|report| {
            matches!(&ending.state, SendState::Accepted { message_id } if *message_id == report.message_id)
        });
        if let Some(report) = &failed {
            ending.heard = Heard::Refuses;
            ending.falls_back = report.code == Some(WINDOW_CLOSED);
        }
        if probes && ending.tells_nothing() {
            // A send to a customer who is written to too often waits for up to an hour, but the number's next try does
            // not.
            let wait_ms = ending.wait_ms.min(LONGEST_WAIT_MS);
            self.number.tries_another(wait_ms, now_ms)?;
        }
        if ending.slows_down {
            self.pacing.slow_down(now_ms);
        }
        let change = self.hears(ending.heard, message, now_ms)?;
        let state = self.end(started, under_way.fell_back, &ending, now_ms)?;
        self.ended.count(&state);
        let later = match failed {
            Some(report) => self.take(report, now_ms)?,
            None => None,
        };
        Ok((state, change.or(later)))
    }

    /// Takes note of what a message says of the number.
    fn hears(
        &mut self,
        heard: Heard,
        message: HeardOf,
        now_ms: i64,
    ) -> Result<Option<NumberChange>> {
        let change = self.number.hears(heard, message, now_ms)?;
        if let Some(NumberChange::Unblocked(blocked)) = &change
            && blocked.was_held_against()
        {
            self.pacing.start_slowly(now_ms);
        }
        Ok(change)
    }

    /// A status has told of a send before its answer: it is the status that counts.
    fn overtaken_by_status(
        &mut self,
        started: Started,
        under_way: UnderWay,
        now_ms: i64,
    ) -> Result<(SendState, Option<NumberChange>)> {
        let mut change = None;
        for report in under_way.early {
            change = self.take(report, now_ms)?.or(change);
        }
        let message = started.heard_of();
        let Send {
            id, conversation, ..
        } = started.send;
        let found = self.table.find(&id)?;
        let later = match &found {
            Some(found) if under_way.falls_back => {
                let waiting = WaitingSend::new(id, found.place, true);
                self.lanes.insert(conversation, waiting, now_ms);
                None
            }
            Some(found) if found.error.is_none() => self.hears(Heard::Takes, message, now_ms)?,
            _ => None,
        };
        let state = found.map_or(SendState::Unknown, |found| found.state);
        self.ended.count(&state);
        Ok((state, later.or(change)))
    }

    /// The fallback of a send waits in its place; if that is still on its way, until it has ended.
    pub(super) fn falls_back(&mut self, send: Send, found: &Record, now_ms: i64) -> Result<()> {
        let keep = Keep::This(&send.draft);
        self.table
            .write(&send.id, &SendState::Queued, &keep, true, now_ms)?;
        if let Some(under_way) = self.under_way.get_mut(&send.id) {
            under_way.falls_back = true;
        } else {
            let waiting = WaitingSend::new(send.id, found.place, true);
            self.lanes.insert(send.conversation, waiting, now_ms);
        }
        Ok(())
    }

    /// Writes down what became of a send and what is kept of it, queues it where it goes again, and gives its state.
    fn end(
        &mut self,
        mut started: Started,
        fell_back: bool,
        ending: &Ending,
        now_ms: i64,
    ) -> Result<SendState> {
        let id = started.send.id.as_str();
        let draft = &mut started.send.draft;
        let is_free_form = draft.message.is_free_form();
        let falls_back = ending.falls_back && draft.fall_back();
        // Unless Meta has said that the window is closed, what goes is decided anew when its turn has come, where the text is
        // there.
        let is_decided = ending.state != SendState::Queued || ending.text_is_gone;
        let fell_back = fell_back && is_decided || falls_back;
        let state = if falls_back {
            SendState::Queued
        } else {
            ending.state.clone()
        };
        let is_accepted = matches!(state, SendState::Accepted { .. });
        // Meta may yet tell by a status that the window was closed.
        let may_fall_back = (is_accepted || state == SendState::Unknown)
            && is_free_form
            && draft.fallback.is_some();
        let keep = match state {
            SendState::Queued if falls_back || ending.text_is_gone => Keep::This(draft),
            SendState::Queued => Keep::AsItIs,
            _ if may_fall_back => Keep::AsItIs,
            _ => Keep::Nothing,
        };
        self.table.write(id, &state, &keep, fell_back, now_ms)?;
        if let Some(code) = ending.put_back {
            self.table.put_back(id, code)?;
        }
        if matches!(state, SendState::Failed { .. }) || is_accepted && !may_fall_back {
            self.forget(id)?;
        }
        if state == SendState::Queued {
            self.goes_again(started, ending, now_ms)?;
        }
        Ok(state)
    }

    /// A send is queued again.
    fn goes_again(&mut self, started: Started, ending: &Ending, now_ms: i64) -> Result<()> {
        let waiting = WaitingSend {
            is_template: !started.send.draft.message.is_free_form(),
            id: started.send.id,
            place: started.place,
            turned_away: ending.turned_away,
            put_back: started.put_back || ending.put_back.is_some(),
            next_ms: now_ms.saturating_add(ending.wait_ms),
        };
        if waiting.turned_away != started.turned_away {
            self.table
                .wait(&waiting.id, waiting.turned_away, waiting.next_ms)?;
        }
        if waiting.turned_away != TurnedAway::default() || waiting.put_back {
            self.tried_before.insert(waiting.id.clone());
        }
        self.lanes
            .insert(started.send.conversation, waiting, now_ms);
        Ok(())
    }
}

/// Twice as long after each time, up to the longest.
pub(super) fn doubled(first_ms: i64, times: u32, longest_ms: i64) -> i64 {
    let doubled = first_ms.saturating_mul(1 << times.min(16));
    doubled.min(longest_ms)
}
