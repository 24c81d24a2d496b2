//! Events on their way to destinations.

use std::collections::HashMap;

use worker::{Result, console_log};

use super::{
    core::Core,
    desk::TakenWay,
    http::{self, Answer},
    mailbox::Mailbox,
    send::Leaving,
};
use crate::{
    checked::Fault,
    conversation::{budget::Exhausted, send_id},
    delivery::{self, NoAnswer, Run, answer},
    mailbox::{
        Change, Delivery, GONE, Outcome,
        address::Address,
        sql::{self, atomically},
    },
    meta::graph::Message,
    sending::{Started, replies},
};

/// Why replies are not sent of which a destination may not ask for so many.
const MORE_THAN_BUDGET: &str = "with these it would have asked for more than replies_per_day";
const MORE_THAN_SHARE: &str =
    "with these it would have asked for more than one customer's share of replies_per_day";

const TOO_MANY_WAIT: &str = "too many sends of this number wait";

/// One delivery on its way.
struct UnderWay {
    /// The opening of the mailbox that it belongs to.
    opening: u32,
    delivery: Delivery,
    _way: TakenWay,
}

/// The deliveries under way. They outlive a run of the alarm: the next one carries them on.
#[derive(Default)]
pub(super) struct Deliveries {
    /// By the tickets under which the desk tells what became of them.
    under_way: HashMap<u32, UnderWay>,
    last: u32,
}

impl Deliveries {
    pub(super) fn is_empty(&self) -> bool {
        self.under_way.is_empty()
    }

    /// How many deliveries belong to an opening of the mailbox.
    pub(super) fn of(&self, opening: u32) -> usize {
        let all = self.under_way.values();
        all.filter(|one| one.opening == opening).count()
    }
}

impl Mailbox {
    /// Starts the next event that can go, if there is one.
    pub(super) fn start_delivery(&self, now: i64) -> Result<bool> {
        self.with_core(|core| {
            let Some(mut delivery) = core.mailbox.next(now)? else {
                return Ok(false);
            };
            core.end_where_answered(&mut delivery, now)?;
            let Some(destination) = core.mailbox.destination(delivery.destination) else {
                return Ok(false);
            };
            let request = delivery::request(
                destination,
                &delivery.events,
                &core.source,
                now.div_euclid(1000),
            );
            let mut deliveries = self.deliveries.borrow_mut();
            deliveries.last = deliveries.last.wrapping_add(1);
            let ticket = deliveries.last;
            let way = self.desk.to_destination();
            way.deliver(
                ticket,
                destination.url.as_str(),
                &http::headers(request.headers),
                &request.body,
                destination.timeout_ms,
            );
            core.mailbox.shorten(&mut delivery, request.events, now);
            let under_way = UnderWay {
                opening: core.opening,
                delivery,
                _way: way,
            };
            deliveries.under_way.insert(ticket, under_way);
            Ok(true)
        })
    }

    /// Takes note of what became of those that have ended, and gives the replies that leave at once.
    pub(super) fn end_deliveries(&self, run: &mut Run, now: i64) -> Result<Vec<Leaving>> {
        // All are taken out first, since the desk tells of each once. If one cannot be written down, the mailbox is
        // opened again, and the rest are delivered again.
        let ended: Vec<_> = {
            let under_way = &mut self.deliveries.borrow_mut().under_way;
            let ended = self.desk.ended().into_iter();
            ended
                .filter_map(|(ticket, answer)| Some((under_way.remove(&ticket)?, answer)))
                .collect()
        };
        let mut leaving = Vec::new();
        for (under_way, answer) in ended {
            leaving.extend(self.end_delivery(under_way, &answer, run, now)?);
        }
        Ok(leaving)
    }

    /// Takes note of what became of a delivery. The replies that it was answered with are stored with that, at once. Gives
    /// the one that leaves at once, if one may.
    fn end_delivery(
        &self,
        under_way: UnderWay,
        answer: &std::result::Result<Answer, NoAnswer>,
        run: &mut Run,
        now: i64,
    ) -> Result<Option<Leaving>> {
        let UnderWay {
            opening, delivery, ..
        } = under_way;
        let outcome = outcome(answer, now);
        run.ended(outcome != Outcome::NotTried, now);
        let may_start = run.may_start() && !run.is_over(now);
        let body = match answer {
            Ok(answer) if outcome == Outcome::Taken => answer.body.as_slice(),
            _ => &[],
        };
        let fallback = self.settings().and_then(|it| it.config.fallback.as_ref());
        self.with_core(|core| {
            // If the database failed meanwhile, the mailbox was opened again and does not wait for this delivery: it is
            // delivered again.
            if core.opening != opening {
                return Ok(None);
            }
            let sql = core.sql.clone();
            let mut end = || {
                let (answered, started) = core.reply(&delivery, body, fallback, may_start, now)?;
                let random = js_sys::Math::random();
                for change in core.mailbox.done(&delivery, &outcome, now, random)? {
                    log_change(core, &self.address(), &delivery, change, &outcome);
                }
                // Not to be delivered again: in another batch the reply would get another id, and go twice.
                if answered {
                    core.mailbox.save(delivery.destination)?;
                }
                Ok(started.map(|started| (opening, started)))
            };
            if body.is_empty() {
                end()
            } else {
                // A reply is not to stand as started, nor as asked for, where this fails.
                atomically(&*sql, end)
            }
        })
    }
}

impl Core {
    /// Lets a batch that comes again end with an event that it was answered at. With those that came since it would be
    /// answered at another: that reply has another id, and the customer would be told the same twice.
    fn end_where_answered(&mut self, delivery: &mut Delivery, now: i64) -> sql::Result<()> {
        if delivery.events.len() < 2 {
            return Ok(());
        }
        let number = self.phone_number_id.as_deref().unwrap_or_default();
        let destination = self.id_of(delivery.destination);
        let events = delivery.events.iter();
        let first_replies: Vec<String> = events
            .map(|event| send_id::by_destination(number, &event.id, destination, 0))
            .collect();
        if let Some(answered) = self.outbox.first_known(&first_replies)? {
            self.mailbox.shorten(delivery, answered + 1, now);
        }
        Ok(())
    }

    /// Takes in what a delivery was answered with, and gives whether that was anything that has somebody to go to, and which
    /// reply is started by it.
    fn reply(
        &mut self,
        delivery: &Delivery,
        body: &[u8],
        fallback: Option<&Message>,
        may_start: bool,
        now: i64,
    ) -> sql::Result<(bool, Option<Started>)> {
        let (event, messages) = match answer::replies(&delivery.events, body) {
            Ok(Some(found)) => found,
            Ok(None) => return Ok((false, None)),
            Err(faults) => {
                self.refuse_replies(delivery, &faults);
                return Ok((false, None));
            }
        };
        if self.outbox.is_full() {
            self.refuse_replies(delivery, &[Fault::new("replies", TOO_MANY_WAIT)]);
            return Ok((false, None));
        }
        if let Some(fault) = self.spend(delivery, event.conversation, messages.len(), now)? {
            self.refuse_replies(delivery, &[fault]);
            return Ok((false, None));
        }
        self.follow_joins(now);
        let number = self.phone_number_id.as_deref().unwrap_or_default();
        let destination = self.id_of(delivery.destination);
        let sends = replies::sends(event, messages, number, destination, fallback);
        let go_to_somebody = sends.iter().any(|send| send.draft.to.is_some());
        let mut started = None;
        for send in sends {
            let id = send.id.clone();
            let (is_new, starts) = self.outbox.add_and_start(send, may_start, now)?;
            started = started.or(starts);
            // What was asked for before was counted then.
            if !is_new {
                self.reply_budgets
                    .give_back(&id, event.conversation, now.div_euclid(1000));
            }
        }
        Ok((go_to_somebody, started))
    }

    /// Spends so many replies of what the destination may ask for today, or says why it may not have them. That all of it
    /// is spent is told by an event.
    fn spend(
        &mut self,
        delivery: &Delivery,
        conversation: i64,
        replies: usize,
        now: i64,
    ) -> sql::Result<Option<Fault>> {
        let destination = self.id_of(delivery.destination).to_owned();
        let seconds = now.div_euclid(1000);
        let budgets = &mut self.reply_budgets;
        let reason = match budgets.spend(&destination, conversation, replies, seconds) {
            Ok(()) => return Ok(None),
            Err(Exhausted::Share) => MORE_THAN_SHARE,
            Err(Exhausted::Budget) => {
                let number = self.phone_number_id.as_deref().unwrap_or_default();
                if let Some(told) = budgets.exhausted(&destination, number, seconds) {
                    self.mailbox.tell(told, now)?;
                }
                MORE_THAN_BUDGET
            }
        };
        Ok(Some(Fault::new("replies", reason)))
    }

    /// Counts and logs that the replies that a destination asked for are not sent, and why.
    fn refuse_replies(&mut self, delivery: &Delivery, faults: &[Fault]) {
        self.mailbox.count_refused_replies(delivery.destination);
        let faults: Vec<String> = faults.iter().map(ToString::to_string).collect();
        let last = delivery.events.last();
        let mut line = self.line_about(delivery.destination, "replies.refused");
        line.text_or_null("id", last.map(|event| event.id.as_str()))
            .json(
                "faults",
                &serde_json::to_string(&faults).unwrap_or_default(),
            );
        console_log!("{}", line.finish());
    }
}

/// What an answer means for a delivery.
fn outcome(answer: &std::result::Result<Answer, NoAnswer>, now: i64) -> Outcome {
    match answer {
        Ok(answer) => answer::read(answer.status, answer.retry_after.as_deref(), now),
        Err(no_answer) => no_answer.outcome(),
    }
}

/// Logs what has changed: ids and classes, no content.
fn log_change(
    core: &Core,
    address: &Address,
    delivery: &Delivery,
    change: Change,
    outcome: &Outcome,
) {
    let event = match change {
        Change::Parked => "conversation.parked",
        Change::Resumed => "conversation.resumed",
        Change::Dead(_) => "event.dead",
        Change::Gone => "destination.gone",
        Change::Down => "destination.down",
        Change::Up => "destination.up",
    };
    let last = match change {
        Change::Dead(count) => delivery.events.iter().take(count).next_back(),
        _ => delivery.events.last(),
    };
    let error = match outcome {
        Outcome::Refused { error, .. } => Some(error.as_str()),
        Outcome::Gone => Some(GONE),
        _ => None,
    };
    let mut line = core.line_about(delivery.destination, event);
    if let Some(event) = last {
        line.text("id", &event.id)
            .number("conversation", address.public_id(event.conversation));
    }
    line.text_or_null("error", error);
    console_log!("{}", line.finish());
}
