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
use worker::{Delay, Result};

use super::mailbox::{Core, Mailbox, now_ms};
use crate::{
    mailbox::{Delivery, Outcome},
    meta::graph::Message,
    sending::{Happened, Started},
};

/// How long one run may take before it makes way for the next, in milliseconds. The platform's limit is 15 minutes.
const RUN_MS: i64 = 10 * 60 * 1000;

/// After how many deliveries in one run it is written down how far everyone has got.
const REST_EVERY: u32 = 200;

/// How long we wait after the database failed, in milliseconds.
const AFTER_FAILURE_MS: i64 = 5_000;

/// Something that was on its way and has come to its end.
pub(super) enum Ended {
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
                not_tried |= matches!(
                    &task,
                    Ended::Delivered(_, Outcome::NotTried, _)
                        | Ended::Sent(_, Happened::ConnectionRefused)
                );
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

    /// Starts the next thing that can go: events before sends, since a send answers an event.
    fn start(&self, now: i64) -> Result<Option<LocalBoxFuture<'_, Ended>>> {
        match self.start_delivery(now)? {
            Some(delivery) => Ok(Some(delivery)),
            None => self.start_send(now),
        }
    }

    /// Takes note of what became of something.
    fn end(&self, task: Ended) -> Result<()> {
        match task {
            Ended::Delivered(delivery, outcome, replies) => {
                self.end_delivery(&delivery, &outcome, replies)
            }
            Ended::Sent(started, happened) => self.end_send(*started, happened),
        }
    }
}

impl Core {
    /// When there is something to do (unix milliseconds).
    pub(super) fn wakes_at(&self, now: i64) -> Option<i64> {
        let times = [self.mailbox.wakes_at(now), self.outbox.wakes_at(now)];
        times.into_iter().flatten().min()
    }
}
