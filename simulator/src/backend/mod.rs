//! A team's endpoint: verifies, parses and records what arrives, and answers as it is told.

mod answer;
mod arrival;
mod event;

use std::collections::{HashMap, HashSet};
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

pub use answer::Answer;
pub use arrival::{Arrival, Format};
pub use event::Event;

use crate::faults::Faults;
use crate::records::Records;
use crate::script::Script;
use crate::server::{self, Received, Server};
use crate::{local, pace};

/// A backend that records what arrives and answers as it is told, by default with 204. What is not rightly signed
/// or not well formed gets 400. It stops when it is dropped; one that was made by [`Backend::start`] then panics if
/// anything was ever wrong with a request, unless that was to be so.
pub struct Backend {
    server: Server,
    state: Arc<State>,
}

type Observer = Box<dyn Fn(&Arrival) + Send + Sync>;

struct State {
    secret: String,
    seen: Records<Seen>,
    script: Script<Arrival, Answer>,
    observer: Mutex<Option<Observer>>,
    answer_observer: Mutex<Option<Observer>>,
    keeps_nothing: AtomicBool,
    any_time: AtomicBool,
    faults: Mutex<Faults>,
}

#[derive(Default)]
struct Seen {
    arrivals: Vec<Arc<Arrival>>,
    attempts: HashMap<String, usize>,
    taken: Vec<Event>,
    ids: HashSet<String>,
}

impl Backend {
    /// Starts on a free port of loopback, with the destination secret [`local::DESTINATION_SECRET`].
    ///
    /// # Panics
    /// If there is no free port.
    pub async fn start() -> Self {
        let backend = Self::start_on(0, local::DESTINATION_SECRET).await;
        let backend = backend.expect("a free port on loopback");
        backend.state.faults.lock().unwrap().forbidden = true;
        backend
    }

    /// Something is to be wrong with requests: what that is, is for the test to look at.
    pub fn expect_faults(&self) {
        self.state.faults.lock().unwrap().forbidden = false;
    }

    /// Starts on this port of loopback, with this destination secret (`whsec_…`).
    pub async fn start_on(port: u16, secret: &str) -> io::Result<Self> {
        let state = Arc::new(State {
            secret: secret.into(),
            seen: Records::default(),
            script: Script::new(),
            observer: Mutex::default(),
            answer_observer: Mutex::default(),
            keeps_nothing: AtomicBool::new(false),
            any_time: AtomicBool::new(false),
            faults: Mutex::default(),
        });
        let shared = Arc::clone(&state);
        let server =
            Server::start(port, move |received| serve(Arc::clone(&shared), received)).await?;
        Ok(Self { server, state })
    }

    /// The destination's `url`: `http://127.0.0.1:port/events`.
    pub fn url(&self) -> String {
        format!("{}/events", self.server.url())
    }

    /// Takes signatures whenever they say that they were made: the other side has no right clock.
    pub fn accept_any_time(&self) {
        self.state.any_time.store(true, Ordering::SeqCst);
    }

    /// The next request gets this answer.
    pub fn next(&self, answer: Answer) {
        self.next_n(1, answer);
    }

    /// The next `n` requests get this answer.
    pub fn next_n(&self, n: usize, answer: Answer) {
        self.state.script.add(Some(n), |_| true, answer);
    }

    /// Every request gets this answer, where no earlier rule has another.
    pub fn always(&self, answer: Answer) {
        self.when(|_| true, answer);
    }

    /// Every request that `matches` gets this answer, where no earlier rule has another.
    pub fn when(&self, matches: impl Fn(&Arrival) -> bool + Send + Sync + 'static, answer: Answer) {
        self.state.script.add(None, matches, answer);
    }

    /// Every request with an event in it that `matches` gets this answer, where no earlier rule has another.
    pub fn when_event(
        &self,
        matches: impl Fn(&Event) -> bool + Send + Sync + 'static,
        answer: Answer,
    ) {
        self.when(move |arrival| arrival.events.iter().any(&matches), answer);
    }

    /// Forgets what was said about answers: everything is taken again.
    pub fn behave(&self) {
        self.state.script.clear();
    }

    /// Every request so far, in the order in which they came.
    pub fn arrivals(&self) -> Vec<Arc<Arrival>> {
        self.state.seen.read(|seen| seen.arrivals.clone())
    }

    /// The requests for this `webhook-id`.
    pub fn attempts(&self, webhook_id: &str) -> Vec<Arc<Arrival>> {
        let arrivals = self.arrivals().into_iter();
        arrivals
            .filter(|arrival| arrival.webhook_id == webhook_id)
            .collect()
    }

    /// The events that were answered with 2xx, in the order of the answers, each as often as it was taken.
    pub fn events(&self) -> Vec<Event> {
        self.state.seen.read(|seen| seen.taken.clone())
    }

    /// The same, for one subject: one conversation's events in their order.
    pub fn events_of(&self, subject: &str) -> Vec<Event> {
        self.events()
            .into_iter()
            .filter(|event| event.subject.as_deref() == Some(subject))
            .collect()
    }

    /// How many different events were answered with 2xx.
    pub fn distinct(&self) -> usize {
        self.state.seen.read(|seen| seen.ids.len())
    }

    /// Everything that was wrong with any request, each as `request 3: signature invalid`.
    pub fn faults(&self) -> Vec<String> {
        self.state.faults.lock().unwrap().all.clone()
    }

    /// Whether at least `n` different events were taken within the time.
    #[must_use = "whether they came is for the test to check"]
    pub async fn wait_for(&self, n: usize, within: Duration) -> bool {
        self.state
            .seen
            .wait_until(within, |seen| seen.ids.len() >= n)
            .await
    }

    /// Whether at least `n` requests came within the time, however they were answered.
    #[must_use = "whether they came is for the test to check"]
    pub async fn wait_for_requests(&self, n: usize, within: Duration) -> bool {
        self.state
            .seen
            .wait_until(within, |seen| seen.arrivals.len() >= n)
            .await
    }

    /// Whether `holds` came true of all requests so far within the time.
    #[must_use = "whether it came true is for the test to check"]
    pub async fn wait_until(
        &self,
        within: Duration,
        mut holds: impl FnMut(&[Arc<Arrival>]) -> bool,
    ) -> bool {
        self.state
            .seen
            .wait_until(within, |seen| holds(&seen.arrivals))
            .await
    }

    /// The most requests that came within any stretch as long as `window`.
    pub fn most_within(&self, window: Duration) -> usize {
        pace::most_within(window, self.arrivals().iter().map(|arrival| arrival.at))
    }

    /// Forgets all that came so far.
    pub fn forget(&self) {
        self.state.seen.write(|seen| *seen = Seen::default());
    }

    /// Calls this for every request that comes.
    pub fn on_arrival(&self, observer: impl Fn(&Arrival) + Send + Sync + 'static) {
        *self.state.observer.lock().unwrap() = Some(Box::new(observer));
    }

    /// Calls this for every request once it is answered. One whose answer stalls or breaks off never is.
    pub fn on_answer(&self, observer: impl Fn(&Arrival) + Send + Sync + 'static) {
        *self.state.answer_observer.lock().unwrap() = Some(Box::new(observer));
    }

    /// Keeps no request from now on, which takes a few kilobytes each, but counts on: for runs of very many. What is
    /// to be known of them, an observer must note.
    pub fn keep_nothing(&self) {
        self.state.keeps_nothing.store(true, Ordering::SeqCst);
    }

    /// Closes every connection and refuses new ones.
    pub fn down(&self) {
        self.server.down();
    }

    /// Listens again, on the same port.
    ///
    /// # Panics
    /// If another program has taken the port meanwhile.
    pub async fn up(&self) {
        self.server.up().await.expect("the port is still free");
    }
}

impl Drop for Backend {
    fn drop(&mut self) {
        self.state.faults.lock().unwrap().check("a backend");
    }
}

async fn serve(state: Arc<State>, received: Received) -> io::Result<hyper::Response<server::Body>> {
    let any_time = state.any_time.load(Ordering::SeqCst);
    let mut arrival = Arrival::read(received, &state.secret, any_time);
    state.faults.lock().unwrap().note(&arrival.faults);
    let (arrival, answer) = state.seen.write(|seen| {
        let attempts = seen.attempts.entry(arrival.key()).or_default();
        *attempts += 1;
        arrival.attempt = *attempts;
        let answer = if arrival.faults.is_empty() {
            state.script.next(&arrival).unwrap_or_else(Answer::take)
        } else {
            Answer::status(400).body(arrival.faults.join("; "))
        };
        let arrival = Arc::new(arrival);
        if !state.keeps_nothing.load(Ordering::SeqCst) {
            seen.arrivals.push(Arc::clone(&arrival));
        }
        (arrival, answer)
    });
    if let Some(observer) = &*state.observer.lock().unwrap() {
        observer(&arrival);
    }
    let broken_off = answer.breaks_off();
    let response = answer.give().await?;
    if !broken_off {
        let status = response.status().as_u16();
        arrival.answered.store(status, Ordering::SeqCst);
        // Before anybody who waits for it can see it.
        if let Some(observer) = &*state.answer_observer.lock().unwrap() {
            observer(&arrival);
        }
        let keeps = !state.keeps_nothing.load(Ordering::SeqCst);
        state.seen.write(|seen| seen.answered(&arrival, keeps));
    }
    Ok(response)
}

impl Seen {
    fn answered(&mut self, arrival: &Arrival, keeps: bool) {
        if arrival.taken() {
            if keeps {
                self.taken.extend(arrival.events.iter().cloned());
            }
            self.ids
                .extend(arrival.events.iter().map(|event| event.id.clone()));
        }
    }
}

#[cfg(test)]
mod tests;
