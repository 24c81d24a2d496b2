//! What a mailbox does by itself: it delivers what waits, and sends what was asked for.
//!
//! One run goes on as long as there is something to do, with new events joining in, and sets the alarm for what is to
//! be done later. The platform calls an alarm again that did not end well, at most six times; that is not enough for
//! us, so a run ends well whatever happens, and sets the next alarm itself. Should the machine be lost in the middle,
//! the platform keeps the alarm and runs it on another.

use std::{future::poll_fn, pin::pin, task::Poll, time::Duration};

use futures_util::{
    FutureExt as _, StreamExt as _, future::LocalBoxFuture, select_biased, stream::FuturesUnordered,
};
use worker::{Delay, Result, console_log};

use super::{
    http::{self, NoAnswer},
    mailbox::{Core, Mailbox, now_ms},
};
use crate::{
    config::Destination,
    delivery::{self, Answer, ErrorClass, Outgoing, cloudevent, signature},
    mailbox::{Change, Delivery, Outcome},
    meta::graph::{self, Class, Message, Request},
    sending::{Happened, Send, Started, State, guard, recipient},
};

/// How long one run may take before it makes way for the next, in milliseconds. The platform's limit is 15 minutes.
const RUN_MS: i64 = 10 * 60 * 1000;

/// After how many deliveries in one run it is written down how far everyone has got.
const REST_EVERY: u32 = 200;

/// How long we wait after the database failed, in milliseconds.
const AFTER_FAILURE_MS: i64 = 5_000;

/// How long Meta may take to answer, in milliseconds.
const GRAPH_TIMEOUT_MS: u32 = 20_000;

/// Something that was on its way and has come to its end.
enum Ended {
    Delivered(Box<Delivery>, Outcome, Vec<Message>),
    Sent(Box<Started>, Happened),
}

/// Marks the alarm as at work for as long as it lives.
struct AtWork<'a>(&'a Mailbox);

impl AtWork<'_> {
    fn seen(&self) {
        self.0.at_work.set(Some(now_ms()));
    }
}

impl Drop for AtWork<'_> {
    fn drop(&mut self) {
        self.0.at_work.set(None);
    }
}

impl Mailbox {
    /// One run of the alarm.
    pub(super) async fn work(&self) -> Result<()> {
        let next = match self.run().await {
            Ok(next) => next,
            Err(_) => Some(now_ms() + AFTER_FAILURE_MS),
        };
        self.arm(next).await
    }

    /// Works until there is nothing to do, and gives when there will be.
    async fn run(&self) -> Result<Option<i64>> {
        let at_work = AtWork(self);
        let began = now_ms();
        let mut under_way: FuturesUnordered<LocalBoxFuture<'_, Ended>> = FuturesUnordered::new();
        let mut ended = 0;
        let mut not_tried = false;
        loop {
            at_work.seen();
            let now = now_ms();
            let winding_up = not_tried || now - began > RUN_MS;
            if !winding_up {
                while let Some(task) = self.start(now)? {
                    under_way.push(task);
                }
            }
            if under_way.is_empty() {
                let next = self.with_core(|core| {
                    core.mailbox.rest()?;
                    Ok(core.wakes_at(now))
                })?;
                match next {
                    Some(at) if at <= now && !winding_up => continue,
                    next => return Ok(next),
                }
            }
            let until = self.with_core(|core| Ok(core.wakes_at(now)))?;
            if let Some(task) = self.ended_or_woken(&mut under_way, until, now).await {
                not_tried |= matches!(&task, Ended::Delivered(_, Outcome::NotTried, _));
                self.end(task)?;
                ended += 1;
                if ended % REST_EVERY == 0 {
                    self.with_core(|core| core.mailbox.rest())?;
                }
            }
        }
    }

    /// Waits until something has ended, something new has come, or the time has come for something that waits.
    async fn ended_or_woken(
        &self,
        under_way: &mut FuturesUnordered<LocalBoxFuture<'_, Ended>>,
        until: Option<i64>,
        now: i64,
    ) -> Option<Ended> {
        let mut polled = false;
        let woken = poll_fn(|context| {
            self.wake.register(context.waker());
            if std::mem::replace(&mut polled, true) {
                Poll::Ready(())
            } else {
                Poll::Pending
            }
        });
        // What could go now but did not has no room; it goes when something ends.
        let wait = until.filter(|at| *at > now).map_or(RUN_MS, |at| at - now);
        let wait = Duration::from_millis(u64::try_from(wait).unwrap_or(0));
        let time = Delay::from(wait);
        let (mut woken, mut time) = (pin!(woken.fuse()), pin!(time.fuse()));
        select_biased! {
            task = under_way.next() => task,
            () = woken => None,
            () = time => None,
        }
    }

    /// Starts the next thing that can go.
    fn start(&self, now: i64) -> Result<Option<LocalBoxFuture<'_, Ended>>> {
        let delivery = self.with_core(|core| {
            let Some(delivery) = core.mailbox.next(now)? else {
                return Ok(None);
            };
            let body = Outgoing {
                id: &delivery.event.id,
                kind: &delivery.event.kind,
                source: &core.source,
                subject: delivery.event.subject.as_deref(),
                time: delivery
                    .event
                    .time
                    .or(Some(delivery.event.received_ms.div_euclid(1000))),
                data: &delivery.event.data,
                added: &delivery.event.added,
            }
            .render();
            let destination = core.mailbox.destination(delivery.destination).cloned();
            Ok(destination.map(|destination| (Box::new(delivery), destination, body)))
        })?;
        if let Some((delivery, destination, body)) = delivery {
            return Ok(Some(deliver(delivery, destination, body).boxed_local()));
        }
        let started = self.with_core(|core| {
            let Some(started) = core.outbox.next(&*core.sql, now)? else {
                return Ok(None);
            };
            let windows = core.mailbox.windows(started.send.conversation)?;
            let closes_at = windows.customer_service;
            let refused = guard::check(&started.send.message, closes_at, now.div_euclid(1000))
                .err()
                .map(|_| Class::Window);
            Ok(Some((
                Box::new(started),
                refused,
                core.phone_number_id.clone(),
            )))
        })?;
        Ok(started.map(|(started, refused, phone_number_id)| {
            self.send(started, refused, phone_number_id).boxed_local()
        }))
    }

    /// Takes note of what became of something.
    fn end(&self, task: Ended) -> Result<()> {
        let now = now_ms();
        match task {
            Ended::Delivered(delivery, outcome, replies) => self.with_core(|core| {
                let to = recipient::of(&delivery.event.data);
                let id = core
                    .mailbox
                    .destination(delivery.destination)
                    .map(|found| found.id.clone());
                let id = id.unwrap_or_default();
                for (number, message) in replies.into_iter().enumerate() {
                    let send = Send {
                        id: format!("{}/{id}/{number}", delivery.event.id),
                        conversation: delivery.event.conversation,
                        to: to.clone(),
                        message,
                    };
                    core.outbox.add(&*core.sql, send, now)?;
                }
                let change = core
                    .mailbox
                    .done(&delivery, &outcome, now, js_sys::Math::random())?;
                tell(core, &id, &delivery.event.id, change, &outcome);
                Ok(())
            }),
            Ended::Sent(started, happened) => self.with_core(|core| {
                let id = started.send.id.clone();
                let state = core.outbox.done(&*core.sql, *started, happened, now)?;
                if !matches!(state, State::Accepted { .. } | State::Queued) {
                    let state = serde_json::to_value(&state).unwrap_or_default();
                    console_log!(
                        "{}",
                        serde_json::json!({ "event": "send.ended", "send": id, "state": state })
                    );
                }
                Ok(())
            }),
        }
    }

    /// Sends a message that is marked as started.
    async fn send(
        &self,
        started: Box<Started>,
        refused: Option<Class>,
        phone_number_id: Option<String>,
    ) -> Ended {
        let happened = match refused {
            Some(class) => Happened::Refuse(class),
            None => self
                .post_message(&started.send, phone_number_id)
                .await
                .unwrap_or_else(Happened::Refuse),
        };
        Ended::Sent(started, happened)
    }

    async fn post_message(
        &self,
        send: &Send,
        phone_number_id: Option<String>,
    ) -> std::result::Result<Happened, Class> {
        let Ok(ready) = &*self.environment else {
            return Err(Class::Other);
        };
        let graph = &ready.settings.graph;
        let token = graph.token.as_ref().ok_or(Class::Token)?;
        let to = send.to.as_ref().ok_or(Class::Recipient)?;
        let request = Request {
            phone_number_id: phone_number_id.as_deref().ok_or(Class::Number)?,
            to,
            message: &send.message,
            in_reply_to: None,
            callback_data: Some(&send.id),
        };
        let url = request.url(graph.base_url.as_str(), &graph.version);
        let url = url.map_err(|_| Class::Number)?;
        let body = request.body().map_err(|_| Class::Recipient)?;
        let headers = [
            ("authorization", format!("Bearer {}", token.expose())),
            ("content-type", "application/json".to_owned()),
        ];
        Ok(
            match http::post(&url, headers, &body, GRAPH_TIMEOUT_MS).await {
                Ok(answer) => Happened::Answered(graph::answer::read(answer.status, &answer.body)),
                Err(NoAnswer::NotTried | NoAnswer::Failed(ErrorClass::ConnectionRefused)) => {
                    Happened::ConnectionRefused
                }
                Err(NoAnswer::Failed(_)) => Happened::NoAnswer,
            },
        )
    }
}

impl Core {
    /// When there is something to do (unix milliseconds).
    fn wakes_at(&self, now: i64) -> Option<i64> {
        let times = [self.mailbox.wakes_at(), self.outbox.wakes_at(now)];
        times.into_iter().flatten().min()
    }
}

/// Posts an event to a destination.
async fn deliver(delivery: Box<Delivery>, destination: Destination, body: String) -> Ended {
    let id = &delivery.event.id;
    let seconds = now_ms().div_euclid(1000);
    let headers = signature::headers(id, seconds, &body, &destination.secrets)
        .into_iter()
        .chain([("content-type", cloudevent::CONTENT_TYPE.to_owned())]);
    let answer = http::post(
        destination.url.as_str(),
        headers,
        &body,
        destination.timeout_ms,
    )
    .await;
    let refused = |class: ErrorClass, not_before_ms| Outcome::Refused {
        error: class.to_string(),
        not_before_ms,
    };
    let (outcome, replies) = match answer {
        Ok(answer) => {
            let retry_after = answer.retry_after.as_deref();
            match delivery::answer::read(answer.status, retry_after, &answer.body, now_ms()) {
                Answer::Taken { replies } => {
                    let replies = replies.unwrap_or_else(|faults| {
                        let faults: Vec<String> = faults.iter().map(ToString::to_string).collect();
                        console_log!(
                            "{}",
                            serde_json::json!({
                                "event": "replies.refused", "destination": destination.id, "id": id, "faults": faults,
                            })
                        );
                        Vec::new()
                    });
                    (Outcome::Taken, replies)
                }
                Answer::Gone => (Outcome::Gone, Vec::new()),
                Answer::Later { at_ms, class } => (refused(class, Some(at_ms)), Vec::new()),
                Answer::Refused { class } => (refused(class, None), Vec::new()),
            }
        }
        Err(NoAnswer::NotTried) => (Outcome::NotTried, Vec::new()),
        Err(NoAnswer::Failed(class)) => (refused(class, None), Vec::new()),
    };
    Ended::Delivered(delivery, outcome, replies)
}

/// Tells an operator of what has changed: ids and classes, no content.
fn tell(core: &Core, destination: &str, id: &str, change: Change, outcome: &Outcome) {
    let event = match change {
        Change::None => return,
        Change::Parked => "conversation.parked",
        Change::Dead => "event.dead",
        Change::Stopped => "destination.gone",
    };
    let error = match outcome {
        Outcome::Refused { error, .. } => Some(error),
        _ => None,
    };
    console_log!(
        "{}",
        serde_json::json!({
            "event": event, "source": core.source, "destination": destination, "id": id, "error": error,
        })
    );
}
