//! Meta as a server: the Graph API's `POST /{version}/{phone_number_id}/messages`.

pub mod errors;
pub mod shape;

mod answer;
mod pairs;
mod request;

use std::collections::HashMap;
use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;

pub use answer::Answer;
pub use request::Request;

use pairs::Pairs;

use crate::faults::Faults;
use crate::records::Records;
use crate::script::Script;
use crate::server::{self, Received, Server};
use crate::{local, pace};

/// A Graph API that records what it is asked and answers as it is told. It stops when it is dropped; one that was made by
/// [`Graph::start`] then panics if anything was ever wrong with a request, unless that was to be so.
pub struct Graph {
    server: Server,
    state: Arc<State>,
}

type Observer = Box<dyn Fn(&Request) + Send + Sync>;

struct State {
    token: String,
    requests: Records<Vec<Arc<Request>>>,
    script: Script<Request, Answer>,
    observer: Mutex<Option<Observer>>,
    /// The user ids of those who have these phone numbers.
    known: Mutex<HashMap<String, String>>,
    pairs: Mutex<Pairs>,
    faults: Mutex<Faults>,
}

impl Graph {
    /// Starts on a free port of loopback and expects the bearer token [`local::GRAPH_TOKEN`].
    ///
    /// # Panics
    /// If there is no free port.
    pub async fn start() -> Self {
        let graph = Self::start_on(0, local::GRAPH_TOKEN).await;
        let graph = graph.expect("a free port on loopback");
        graph.state.faults.lock().unwrap().forbidden = true;
        graph
    }

    /// Something is to be wrong with requests: what that is, is for the test to look at.
    pub fn expect_faults(&self) {
        self.state.faults.lock().unwrap().forbidden = false;
    }

    /// Starts on this port of loopback and expects this bearer token.
    pub async fn start_on(port: u16, token: &str) -> io::Result<Self> {
        let state = Arc::new(State {
            token: token.into(),
            requests: Records::default(),
            script: Script::new(),
            observer: Mutex::default(),
            known: Mutex::default(),
            pairs: Mutex::default(),
            faults: Mutex::default(),
        });
        let shared = Arc::clone(&state);
        let server =
            Server::start(port, move |received| serve(Arc::clone(&shared), received)).await?;
        Ok(Self { server, state })
    }

    /// What `GRAPH_BASE_URL` should be: `http://127.0.0.1:port`.
    pub fn url(&self) -> String {
        self.server.url()
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
    pub fn when(&self, matches: impl Fn(&Request) -> bool + Send + Sync + 'static, answer: Answer) {
        self.state.script.add(None, matches, answer);
    }

    /// The next request fails with this code: `next(Answer::Error(code))`.
    pub fn fail_next(&self, code: u32) {
        self.next(Answer::Error(code));
    }

    /// Every request fails with this code: `always(Answer::Error(code))`.
    pub fn fail_all(&self, code: u32) {
        self.always(Answer::Error(code));
    }

    /// Forgets what was said about answers: everything is taken again.
    pub fn behave(&self) {
        self.state.script.clear();
    }

    /// Who has this phone number, as WhatsApp knows it, is told with every message to it.
    pub fn knows(&self, phone: &str, user_id: &str) {
        let mut known = self.state.known.lock().unwrap();
        known.insert(phone.into(), user_id.into());
    }

    /// Every request so far, in the order in which they came.
    pub fn requests(&self) -> Vec<Arc<Request>> {
        self.state.requests.read(Clone::clone)
    }

    /// The requests by which a message went out, whether or not the sender could know it: what customers have seen.
    pub fn messages(&self) -> Vec<Arc<Request>> {
        let requests = self.requests().into_iter();
        requests
            .filter(|request| request.wamid.is_some() && !request.is_read_receipt())
            .collect()
    }

    /// Everything that was wrong with any request, each as `request 3: text.body: is missing`.
    pub fn faults(&self) -> Vec<String> {
        self.state.faults.lock().unwrap().all.clone()
    }

    /// Whether at least `n` requests came within the time.
    #[must_use = "whether it came is for the test to check"]
    pub async fn wait_for(&self, n: usize, within: Duration) -> bool {
        self.state
            .requests
            .wait_until(within, |requests| requests.len() >= n)
            .await
    }

    /// Whether `holds` came true of all requests so far within the time.
    #[must_use = "whether it came true is for the test to check"]
    pub async fn wait_until(
        &self,
        within: Duration,
        mut holds: impl FnMut(&[Arc<Request>]) -> bool,
    ) -> bool {
        self.state
            .requests
            .wait_until(within, |requests| holds(requests))
            .await
    }

    /// The most requests that came within any stretch as long as `window`.
    pub fn most_within(&self, window: Duration) -> usize {
        pace::most_within(window, self.requests().iter().map(|request| request.at))
    }

    /// Forgets all requests so far.
    pub fn forget(&self) {
        self.state.requests.write(Vec::clear);
    }

    /// Calls this for every request that comes.
    pub fn on_request(&self, observer: impl Fn(&Request) + Send + Sync + 'static) {
        *self.state.observer.lock().unwrap() = Some(Box::new(observer));
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

impl Drop for Graph {
    fn drop(&mut self) {
        self.state.faults.lock().unwrap().check("the Graph API");
    }
}

async fn serve(state: Arc<State>, received: Received) -> io::Result<hyper::Response<server::Body>> {
    let mut request = Request::read(&received, &state.token);
    let answer = match request.refusal() {
        Some(code) => Answer::Error(code),
        None => state.script.next(&request).unwrap_or(Answer::Take),
    };
    if answer.goes_out() {
        request.wamid = Some(crate::webhook::wamid());
        request.user_id = state.known.lock().unwrap().get(&request.whom()).cloned();
        let too_fast = state.pairs.lock().unwrap().count(&request);
        request.faults.extend(too_fast);
    }
    state.faults.lock().unwrap().note(&request.faults);
    let request = Arc::new(request);
    if let Some(observer) = &*state.observer.lock().unwrap() {
        observer(&request);
    }
    state
        .requests
        .write(|requests| requests.push(Arc::clone(&request)));
    answer.give(&request).await
}

#[cfg(test)]
mod tests;
