//! The Durable Object that keeps a mailbox.
//!
//! It answers `append` once the events are committed and an alarm is set to deliver them: both are written without
//! awaiting anything in between, so they are committed together, and the platform holds the answer back until they
//! are. All work on the log is synchronous, so no two requests ever see each other half way; what is on its way
//! to destinations runs in the alarm (`alarm.rs`), which appending wakes if it is running.

use std::{
    cell::{Cell, RefCell, RefMut},
    rc::Rc,
};

use futures_util::task::AtomicWaker;
use worker::{
    DurableObject, Env, Method, Request, Response, Result, State, console_error, durable_object,
};

use super::{core::Core, deliver::Deliveries, desk::Desk, mirror::Mirroring, sql::Storage};
use crate::{
    config::{Consent, Settings},
    conversation::{Answers, Policy, budget::Budget, mirror::Mirror},
    delivery::{cloudevent, destinations, share},
    environment::{self, Environment},
    event::{Event, Home},
    mailbox::{
        self, Directory, Pulse,
        address::{self, Address},
        sql::{self, Sql, SqlError, atomically},
    },
    sending::{Outbox, Rates, ReplyBudgets, repeats::Repeats},
    written::Object,
    zones,
};

/// How long the alarm may be silent before it counts as gone, in milliseconds: longer than any of its waits.
const SILENCE_MS: i64 = 60_000;

/// From this size on nothing new is taken in, in bytes. An object holds 10 GB (Cloudflare: "Limits" of Durable Objects). What
/// is left is needed to get rid of what is there: an event that is refused is copied before it is passed.
const FULL: f64 = if cfg!(feature = "panic-routes") {
    2e6
} else {
    9e9
};

/// How many times something is taken in before the size is asked for again: that costs as much as a statement.
const SIZED_EVERY: u32 = 256;

/// The object of one business number (or account).
#[durable_object(alarm)]
pub struct Mailbox {
    pub(super) state: State,
    /// What it is called, where that is known.
    pub(super) name: Option<String>,
    pub(super) storage: Rc<Storage>,
    pub(super) env: Env,
    pub(super) environment: Environment,
    /// Opened when it is first needed, and again after its database failed.
    pub(super) core: RefCell<Option<Core>>,
    /// Set while a task works on the core. If the next task finds it set, the last one panicked.
    is_at_task: Cell<bool>,
    /// The directory, where this object keeps one; opened as the core is.
    directory: RefCell<Option<Directory>>,
    /// How often the core was opened. A new core knows nothing of what the former one had under way.
    openings: Cell<u32>,
    /// When the alarm is set for (unix milliseconds), where we have set it.
    alarm: Cell<Option<i64>>,
    /// Whether it was full when its size was last asked for.
    is_full: Cell<bool>,
    /// How many times it was to take something in.
    taken_in: Cell<u32>,
    /// When webhooks came.
    pub(super) pulse: Cell<Pulse>,
    /// When the alarm was last seen at work (unix milliseconds); `None` while it is not.
    pub(super) at_work: Cell<Option<i64>>,
    /// The alarm is not set earlier (unix milliseconds): back-off after lost runs (`lost.rs`). In memory only.
    pub(super) not_before: Cell<i64>,
    pub(super) wake: Rc<AtomicWaker>,
    pub(super) mirror: Rc<Mirroring>,
    pub(super) desk: Desk,
    pub(super) deliveries: RefCell<Deliveries>,
}

// Nothing is left half done by a panic: the log is in the database, and the rest is read from there again.
impl std::panic::RefUnwindSafe for Mailbox {}

impl DurableObject for Mailbox {
    fn new(state: State, env: Env) -> Self {
        let environment = environment::read(&env);
        let wake = Rc::new(AtomicWaker::new());
        let storage = Rc::new(Storage::of(&state));
        let name = state.id().name().or_else(|| address::kept(&*storage));
        let called = name.as_deref().unwrap_or_default();
        Self {
            desk: Desk::of(called, &env, environment, wake.clone()),
            environment,
            core: RefCell::new(None),
            is_at_task: Cell::new(false),
            directory: RefCell::new(None),
            openings: Cell::new(0),
            alarm: Cell::new(None),
            is_full: Cell::new(false),
            taken_in: Cell::new(0),
            pulse: Cell::default(),
            at_work: Cell::new(None),
            not_before: Cell::default(),
            deliveries: RefCell::default(),
            wake,
            mirror: Rc::new(Mirroring::of(&env)),
            name,
            storage,
            state,
            env,
        }
    }

    async fn fetch(&self, mut request: Request) -> Result<Response> {
        match (request.method(), request.path().as_str()) {
            (Method::Post, "/messages") => self.take_sends(&mut request).await,
            (Method::Get, "/message") => self.send_of(&request),
            #[cfg(feature = "panic-routes")]
            #[allow(clippy::panic)]
            (Method::Post, "/panic/object") => panic!("on purpose"),
            #[cfg(feature = "panic-routes")]
            (Method::Post, "/trap/object") => std::process::abort(),
            #[cfg(feature = "panic-routes")]
            (Method::Post, place @ ("/panic/alarm" | "/trap/alarm" | "/trap/append")) => {
                super::alarm::PLACE.set(place.to_owned());
                self.wake.wake();
                Response::empty()
            }
            _ => self.administer(&request),
        }
    }

    async fn alarm(&self) -> Result<Response> {
        self.alarm.set(None);
        self.work().await?;
        Response::empty()
    }
}

impl Mailbox {
    /// Runs `task` on what is kept. After a failure of the database, and after a panic, it is opened anew, since what is
    /// in memory may not be what was committed.
    pub(super) fn with_core<T>(&self, task: impl FnOnce(&mut Core) -> sql::Result<T>) -> Result<T> {
        let mut slot = self.opened()?;
        let Some(core) = slot.as_mut() else {
            return Err("the mailbox did not open".into());
        };
        self.is_at_task.set(true);
        let result = task(core);
        self.is_at_task.set(false);
        result.map_err(|error| self.failed(&mut slot, &error))
    }

    /// Runs `task` on the core, and sets the alarm for what there is to do then. Nothing is awaited in between, so that
    /// both are committed together.
    pub(super) fn change<T>(
        &self,
        now: i64,
        task: impl FnOnce(&mut Core) -> sql::Result<T>,
    ) -> Result<T> {
        let (done, wakes_at) = self.with_core(|core| {
            let done = task(core)?;
            Ok((done, core.wakes_at(now)))
        })?;
        self.arm(wakes_at)?;
        Ok(done)
    }

    /// Drops the core if it takes anything to be under way that nobody waits for; it is opened again when it is next
    /// needed.
    pub(super) fn forget_what_was_lost(&self) -> Result<()> {
        let mut slot = self.core.try_borrow_mut().map_err(|_| "busy")?;
        let deliveries = self.deliveries.try_borrow().map_err(|_| "busy")?;
        slot.take_if(|core| {
            let waited_for = deliveries.of(core.opening);
            core.mailbox.delivering() != waited_for || core.outbox.is_sending()
        });
        Ok(())
    }

    /// The core, opened if it was not. Apart from `with_core`, which is compiled once for each task.
    #[inline(never)]
    fn opened(&self) -> Result<RefMut<'_, Option<Core>>> {
        let mut slot = self.core.try_borrow_mut().map_err(|_| "busy")?;
        if self.is_at_task.take() {
            *slot = None;
        }
        if slot.is_none() {
            // What is found to be `unknown` is to stand so only where that is told as well.
            let opened = atomically(&*self.storage, || self.open());
            *slot = Some(opened.map_err(|error| self.failed(&mut None, &error))?);
        }
        if let Some(core) = slot.as_mut() {
            for conversation in self.mirror.failed() {
                core.mailbox.forget(conversation);
            }
        }
        Ok(slot)
    }

    /// Drops the core: what is in memory may not be what was committed.
    #[inline(never)]
    fn failed(&self, core: &mut Option<Core>, error: &SqlError) -> worker::Error {
        // Found before anything was done.
        if *error == SqlError::Moved {
            return worker::Error::RustError(error.to_string());
        }
        *core = None;
        let error = error.to_string();
        let mut line = Object::default();
        line.text("event", "mailbox.failed")
            .text("source", &cloudevent::source(&self.address().home()))
            .text("error", &error);
        console_error!("{}", line.finish());
        worker::Error::RustError(error)
    }

    fn open(&self) -> sql::Result<Core> {
        let sql: Rc<dyn Sql> = self.storage.clone();
        self.keep_name()?;
        let address = self.address();
        let home = address.home();
        let phone_number_id = match &home {
            Home::Number(id) => Some(id.clone()),
            Home::Account(_) => None,
        };
        let Ok(ready) = self.environment else {
            return Err(SqlError::NotSetUp);
        };
        let Settings { graph, config, .. } = &ready.settings;
        let rates = Rates {
            per_second: share(&address, config.sending.per_second),
            per_minute: config.sending.per_minute.map(|most| share(&address, most)),
        };
        let destinations = destinations(config, phone_number_id.as_deref(), &address);
        let mut mailbox = mailbox::Mailbox::open(sql.clone(), destinations)?;
        let source = cloudevent::source(&home);
        log_taken_out(&mut mailbox, &source);
        let now = now_ms();
        let mut outbox = Outbox::open(sql.clone(), rates, graph.digest(), now)?;
        for join in mailbox.joined_among(outbox.conversations())? {
            outbox.join(join.from, join.into, now);
        }
        let per_day = config.answering.as_ref().map_or(0, |it| it.per_day);
        let (reply_budgets, budget) = ReplyBudgets::open(
            &outbox,
            mailbox.destinations(),
            address.share_of(per_day),
            address.partition(),
            now.div_euclid(1000),
        )?;
        let answers = answers(
            budget,
            &ready.settings,
            phone_number_id.as_deref(),
            &address,
        );
        let policy = Policy::new(answers, config.consent.clone());
        let mirror = self.mirror.is_bound();
        let mirror = mirror.then(|| Mirror::new(config.window_step_s));
        self.openings.set(self.openings.get().wrapping_add(1));
        let interrupted = outbox.take_interrupted();
        let mut core = Core {
            opening: self.openings.get(),
            mailbox: mailbox
                .with_policy(policy)?
                .with_mirror(mirror)
                .keeping(i64::from(config.keep_hours) * 3_600_000),
            outbox,
            reply_budgets,
            repeats: Repeats::open(sql.clone())?,
            sql,
            source,
            phone_number_id,
            sends_as: address.sends_as(),
        };
        core.tell_interrupted(&interrupted, now)?;
        Ok(core)
    }

    /// What is set about consent.
    pub(super) fn consent(&self) -> Option<&Consent> {
        self.settings()?.config.consent.as_ref()
    }

    /// What is set.
    pub(super) fn settings(&self) -> Option<&Settings> {
        let ready = self.environment.as_ref().ok()?;
        Some(&ready.settings)
    }

    pub(super) fn address(&self) -> Address {
        Address::read(self.name.as_deref().unwrap_or_default())
    }

    /// Lets the object know its name also when it is woken without it. An object that does not know its name keeps
    /// nothing: it would be the mailbox of another number.
    fn keep_name(&self) -> sql::Result<()> {
        let name = self.name.as_deref();
        let unknown = || SqlError::Refused("its name is not known".to_owned());
        address::keep(&*self.storage, name.ok_or_else(unknown)?)
    }

    /// Runs `task` on the directory of a number, which this object keeps instead of a mailbox.
    pub(super) fn with_directory<T>(
        &self,
        task: impl FnOnce(&mut Directory) -> sql::Result<T>,
    ) -> Result<T> {
        let mut slot = self.directory.try_borrow_mut().map_err(|_| "busy")?;
        let worked = match slot.take() {
            Some(directory) => Ok(directory),
            None => match self.address() {
                Address::Directory { partitions, .. } => self
                    .keep_name()
                    .and_then(|()| Directory::open(self.storage.clone(), partitions)),
                _ => return Err("this is no directory".into()),
            },
        };
        let worked = worked.and_then(|mut directory| {
            let done = task(&mut directory)?;
            Ok((directory, done))
        });
        let (directory, done) = worked.map_err(|error| self.failed(&mut None, &error))?;
        *slot = Some(directory);
        Ok(done)
    }

    /// Appends events.
    pub(super) fn take_in(&self, events: Vec<Event>) -> Result<()> {
        let now = now_ms();
        if let Err(full) = self.refuse_if_full() {
            // What is there goes on, though its alarm may have been given up.
            self.change(now, |_| Ok(()))?;
            return Err(full);
        }
        self.pulse.set(self.pulse.get().after(now));
        // Sets the alarm even if nothing was new: should an earlier call have failed to, this one does.
        self.change(now, |core| {
            core.append(events, now)?;
            #[cfg(feature = "panic-routes")]
            core.sql.transaction(&mut || {
                super::alarm::end_on_purpose("append");
                Ok(())
            })?;
            Ok(())
        })?;
        self.tell_windows(now)
    }

    /// Fails if there is no more room for anything new.
    pub(super) fn refuse_if_full(&self) -> Result<()> {
        let times = self.taken_in.get();
        self.taken_in.set(times.wrapping_add(1));
        if self.is_full.get() || times.is_multiple_of(SIZED_EVERY) {
            self.is_full.set(self.storage.size() > FULL);
        }
        if self.is_full.get() {
            return Err(
                "the mailbox is full: it keeps too much that waits, is dead or is kept".into(),
            );
        }
        Ok(())
    }

    /// Makes sure that the alarm is at work, or will be by `wakes_at` (unix milliseconds).
    ///
    /// To ask for an alarm that was set before this object was loaded would have to be awaited. It is set again
    /// instead, which is always right, since `wakes_at` looks at all there is to do.
    pub(super) fn arm(&self, wakes_at: Option<i64>) -> Result<()> {
        let Some(wakes_at) = wakes_at else {
            return Ok(());
        };
        let now = now_ms();
        if self
            .at_work
            .get()
            .is_some_and(|seen| now - seen < SILENCE_MS)
        {
            self.wake.wake();
            return Ok(());
        }
        let wakes_at = wakes_at.max(now).max(self.not_before.get());
        if self.alarm.get().is_none_or(|at| at > wakes_at) {
            self.storage.set_alarm(wakes_at)?;
            self.alarm.set(Some(wakes_at));
        }
        Ok(())
    }
}

/// Logs what waited for destinations that were taken out of the settings.
fn log_taken_out(mailbox: &mut mailbox::Mailbox, source: &str) {
    for (destination, waiting) in mailbox.newly_taken_out() {
        let mut line = Object::default();
        line.text("event", "destination.left")
            .text("source", source)
            .text("destination", &destination)
            .number("waiting_events", waiting);
        console_error!("{}", line.finish());
    }
}

/// The rules of a number, with what is left of its budget; `None` where there are none.
fn answers(
    budget: Budget,
    settings: &Settings,
    number: Option<&str>,
    address: &Address,
) -> Option<Answers> {
    let (Some(answering), Some(number)) = (&settings.config.answering, number) else {
        return None;
    };
    let mut answering = answering.clone();
    let in_use = Address::mailboxes(number, settings.partitions_of(number));
    if !in_use.contains(address) {
        // `partitions` was changed: who was met here is answered in another mailbox.
        answering.closing_s = None;
    }
    Some(Answers::new(answering, number, zones::offset, budget))
}

/// The time (unix milliseconds): one call, where an object made for it would be two.
#[allow(clippy::cast_possible_truncation)]
pub(super) fn now_ms() -> i64 {
    js_sys::Date::now() as i64
}
