//! What a mailbox does by itself: it delivers what waits, and sends what was asked for.
//!
//! One run goes on as long as there is something to do, with new events joining in, or until it has had its share
//! ([`Run`]), and sets the alarm for what is to be done later. It waits for the sends that it began, since what became of
//! one must be written down; deliveries that are on their way are carried on by the next run.
//!
//! The platform calls an alarm again that did not end well, at most six times; that is not enough for us, so a run ends
//! well whatever happens, and sets the next alarm itself. Should the machine be lost in the middle, the platform keeps the
//! alarm and runs it on another.

use std::{
    future::{pending, poll_fn},
    panic::AssertUnwindSafe,
    pin::pin,
    task::Poll,
    time::Duration,
};

use futures_util::{
    FutureExt as _, StreamExt as _, future::LocalBoxFuture, select_biased, stream::FuturesUnordered,
};
use worker::{Delay, Result};

use super::{
    core::Core,
    mailbox::{Mailbox, now_ms},
    send::Sent,
};
use crate::{
    delivery::{REFUSED_MS, Run},
    mailbox::Awaited,
    sending::Happened,
};

/// After how many deliveries in one run it is written down how far every cursor has got.
const SETTLE_EVERY: u32 = 200;

/// After how long in one run the place of every cursor is saved, in milliseconds. What was delivered since is delivered
/// again should the object be restarted.
const SAVE_EVERY_MS: i64 = 1_000;

/// How long we wait at most where something is on its way, in milliseconds.
const LONGEST_WAIT_MS: i64 = 60_000;

/// How long we wait where something could go and did not, in milliseconds.
const SOON_MS: i64 = 100;

/// How long we wait after the database failed or the run was lost, in milliseconds.
pub(super) const AFTER_FAILURE_MS: i64 = 5_000;

/// How long an object waits that does not know its name, in milliseconds. It is told the name when it is next woken:
/// earlier alarms would keep it awake for ever (the platform evicts what was idle for up to 140 seconds).
const NAMELESS_MS: i64 = 5 * 60 * 1000;

/// Something under way, other than a delivery, that has ended.
enum Ended {
    Sent(Sent),
    /// Another partition has delivered what these were waiting for.
    Freed(Vec<Awaited>),
    /// Two names were told to be one person's.
    Named,
}

/// What is under way, other than deliveries.
type Others<'a> = FuturesUnordered<LocalBoxFuture<'a, Ended>>;

/// When it was last written down how far every cursor has got.
struct Written {
    at: i64,
    /// How many deliveries had ended in this run by then.
    ended: u32,
}

/// A timer that is set again only if it would go off too late. To set one takes as long as to read a row; to be woken
/// too early does no harm.
#[derive(Default)]
struct Timer(Option<(i64, Delay)>);

impl Timer {
    fn at(&mut self, at: i64, now: i64) -> &mut Delay {
        let set = self.0.take().filter(|(set, _)| (now..=at).contains(set));
        let (_, delay) = self.0.insert(set.unwrap_or_else(|| {
            let wait = u64::try_from(at - now).unwrap_or(0);
            (at, Delay::from(Duration::from_millis(wait)))
        }));
        delay
    }
}

/// Marks the alarm as at work for as long as it lives.
struct AtWork<'a>(&'a Mailbox);

impl AtWork<'_> {
    fn seen(&self, now: i64) {
        self.0.at_work.set(Some(now));
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
        let next = match AssertUnwindSafe(self.run()).catch_unwind().await {
            Ok(Ok(next)) => next,
            _ if self.name.is_none() => Some(now_ms() + NAMELESS_MS),
            Ok(Err(_)) | Err(_) => Some(now_ms() + AFTER_FAILURE_MS),
        };
        self.arm(next)
    }

    /// Works until there is nothing to do or the next run is to begin, and gives when that is.
    async fn run(&self) -> Result<Option<i64>> {
        let at_work = AtWork(self);
        self.forget_what_was_lost()?;
        let mut others: Others<'_> = FuturesUnordered::new();
        let mut timer = Timer::default();
        let now = now_ms();
        let mut run = Run::begins(now);
        let mut written = Written { at: now, ended: 0 };
        loop {
            let now = now_ms();
            at_work.seen(now);
            #[cfg(feature = "panic-routes")]
            self.with_core(|_| {
                end_on_purpose("alarm");
                Ok(())
            })?;
            for leaving in self.end_deliveries(&mut run, now)? {
                others.push(self.leave(leaving, now).map(Ended::Sent).boxed_local());
                run.started();
            }
            self.write_down(&mut written, &run, now)?;
            let is_over = run.is_over(now);
            if is_over && others.is_empty() {
                self.with_core(Core::settle)?;
                return Ok(Some(now));
            }
            if run.may_start() {
                self.with_core(|core| core.tell_closing(now))?;
                while self.start(now, &others, is_over)? {
                    run.started();
                }
            }
            let under_way = !others.is_empty() || !self.deliveries.borrow().is_empty();
            let lingers_until = self.pulse.get().lingers_until(now);
            let lingers_until = lingers_until.filter(|_| run.may_start() && !under_way);
            if !under_way && lingers_until.is_none() {
                return self.rests_until(&run, now);
            }
            let until = self.with_core(|core| Ok(core.wakes_after(now)))?;
            let until = [until, lingers_until, run.goes_on_ms()];
            let until = until.into_iter().flatten().min();
            // What is under way ends within half a minute, and wakes this. (A timer of more than 24 days goes off at once.)
            let until = until.unwrap_or(i64::MAX).min(now + LONGEST_WAIT_MS);
            let ended = self
                .ended_or_woken(&mut others, &mut timer, until, now)
                .await;
            if let Some(ended) = ended {
                self.note_ended(ended, &mut others, &mut run)?;
            }
        }
    }

    /// Takes note of what has ended that was no delivery.
    fn note_ended<'a>(
        &'a self,
        ended: Ended,
        others: &mut Others<'a>,
        run: &mut Run,
    ) -> Result<()> {
        match ended {
            Ended::Sent((opening, started, happened)) => {
                run.ended(happened != Happened::NotTried, now_ms());
                // If the database failed meanwhile, the mailbox was opened again and does not wait for this send: it may
                // have gone out, and stays `unknown`.
                if self.with_core(|core| Ok(core.opening))? == opening {
                    let names = self.end_send(started, happened)?;
                    // Where it fails, they turn out to be one with the next message.
                    others.extend(names.map(|names| {
                        let told = self.are_one(names).map(|_| Ended::Named);
                        told.boxed_local()
                    }));
                }
            }
            Ended::Freed(over) => self.with_core(|core| core.mailbox.freed(&over, now_ms()))?,
            Ended::Named => {}
        }
        Ok(())
    }

    /// Writes down how far every cursor has got, if that was last done long ago.
    fn write_down(&self, written: &mut Written, run: &Run, now: i64) -> Result<()> {
        if run.count() - written.ended >= SETTLE_EVERY {
            self.with_core(Core::settle)?;
            written.ended = run.count();
        }
        if now - written.at > SAVE_EVERY_MS {
            self.with_core(|core| core.mailbox.save_all())?;
            written.at = now;
        }
        Ok(())
    }

    /// Ends a run that has nothing to do, and gives when there will be something.
    fn rests_until(&self, run: &Run, now: i64) -> Result<Option<i64>> {
        let next = self.with_core(|core| {
            core.settle()?;
            Ok(core.wakes_at(now))
        })?;
        Ok(match next {
            Some(at) if run.is_refused() => Some(at.max(now + REFUSED_MS)),
            // The clock stands still while nothing is awaited, so that trying again at once would not end.
            Some(at) if at <= now => Some(now + SOON_MS),
            next => next,
        })
    }

    /// Waits until something under way has ended, something new has come, or something that waits is due.
    async fn ended_or_woken(
        &self,
        others: &mut Others<'_>,
        timer: &mut Timer,
        until: i64,
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
        // Where nothing is on its way, nothing ends.
        let ended = async {
            match others.next().await {
                Some(ended) => ended,
                None => pending().await,
            }
        };
        let mut ended = pin!(ended.fuse());
        let (mut woken, mut time) = (pin!(woken.fuse()), pin!(timer.at(until, now).fuse()));
        select_biased! {
            ended = ended => return Some(ended),
            () = woken => return None,
            () = time => {}
        }
        timer.0 = None;
        None
    }

    /// Starts the next thing that can go, if there is one: events before sends, since a send answers an event, and then
    /// what another partition is asked. A run that is over starts only events.
    fn start<'a>(&'a self, now: i64, others: &Others<'a>, is_over: bool) -> Result<bool> {
        if self.start_delivery(now)? {
            return Ok(true);
        }
        if is_over {
            return Ok(false);
        }
        if let Some(send) = self.start_send(now)? {
            others.push(send.map(Ended::Sent).boxed_local());
        } else if let Some(question) = self.start_question(now)? {
            others.push(question.map(Ended::Freed).boxed_local());
        } else {
            return Ok(false);
        }
        Ok(true)
    }
}

#[cfg(feature = "panic-routes")]
thread_local! {
    /// How it is to end, and where: `/panic/alarm`.
    pub(super) static PLACE: std::cell::RefCell<String> = const { std::cell::RefCell::new(String::new()) };
}

#[cfg(feature = "panic-routes")]
#[allow(clippy::panic)]
pub(super) fn end_on_purpose(place: &str) {
    if !PLACE.with_borrow(|at| at.ends_with(place)) {
        return;
    }
    if PLACE.take().starts_with("/trap") {
        std::process::abort();
    }
    panic!("on purpose");
}
