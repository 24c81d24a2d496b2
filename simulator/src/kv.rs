//! A KV namespace: what a Worker's binding talks to, as the runtime talks to it.

use std::future::ready;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use hyper::Method;

use crate::clock::unix_now;
use crate::records::Records;
use crate::server::{self, Received, Server};

/// A KV namespace that records what is written. It stops when it is dropped.
pub struct Kv {
    server: Server,
    state: Arc<State>,
}

#[derive(Default)]
struct State {
    writes: Records<Vec<Write>>,
    failing: AtomicUsize,
}

/// One value that was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Write {
    /// Its key.
    pub key: String,
    /// The value.
    pub value: String,
    /// When it expires, in unix seconds; `None`: never.
    pub expires_at: Option<i64>,
}

impl Kv {
    /// Starts on a free port of loopback.
    pub async fn start() -> Self {
        let state = Arc::<State>::default();
        let shared = Arc::clone(&state);
        let handler = move |received: Received| ready(Ok(serve(&shared, &received)));
        let server = Server::start(0, handler).await;
        Self {
            server: server.expect("a free port on loopback"),
            state,
        }
    }

    /// Where it listens: `127.0.0.1:port`.
    pub fn address(&self) -> String {
        self.server.url().replace("http://", "")
    }

    /// All that was written, in the order in which it came.
    pub fn writes(&self) -> Vec<Write> {
        self.state.writes.read(Clone::clone)
    }

    /// Whether at least `n` values were written within the time.
    #[must_use = "whether it came is for the test to check"]
    pub async fn wait_for(&self, n: usize, within: Duration) -> bool {
        let writes = &self.state.writes;
        writes.wait_until(within, |writes| writes.len() >= n).await
    }

    /// The next `n` writes are refused, as where one key is written twice in a second.
    pub fn fail_next(&self, n: usize) {
        self.state.failing.store(n, Ordering::SeqCst);
    }
}

fn serve(state: &State, received: &Received) -> hyper::Response<server::Body> {
    let path = received.uri().path().trim_start_matches('/');
    let key = decoded(path);
    let parameter = |name: &str| {
        let query = received.uri().query().unwrap_or_default();
        let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
        pairs.find(|(key, _)| *key == name).map(|(_, value)| value)
    };
    let plain = |status, body: Bytes| server::answer(status, "text/plain", body);
    if received.method() == Method::PUT {
        let failing = &state.failing;
        let fails = failing.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |n| n.checked_sub(1));
        if fails.is_ok() {
            return plain(429, Bytes::new());
        }
        let expires_at = parameter("expiration").and_then(|time| time.parse().ok());
        // The platform takes nothing that expires within a minute.
        if expires_at.is_some_and(|expires_at: i64| expires_at < unix_now() + 60) {
            return plain(400, Bytes::new());
        }
        let value = String::from_utf8_lossy(received.body()).into_owned();
        let write = Write {
            key,
            value,
            expires_at,
        };
        state.writes.write(|writes| writes.push(write));
        return plain(200, Bytes::new());
    }
    let found = state.writes.read(|writes| {
        let found = writes.iter().rev().find(|write| write.key == key);
        let found = found.filter(|write| write.expires_at.is_none_or(|at| at > unix_now()));
        found.map(|write| write.value.clone())
    });
    match found {
        Some(value) => plain(200, value.into()),
        None => plain(404, Bytes::new()),
    }
}

/// A key without its percent signs.
fn decoded(path: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = path.as_bytes();
    while let Some((first, behind)) = rest.split_first() {
        let code = behind.get(..2).filter(|_| *first == b'%');
        let code = code.and_then(|code| hex::decode(code).ok());
        if let Some(code) = code {
            bytes.extend(code);
            rest = &behind[2..];
        } else {
            bytes.push(*first);
            rest = behind;
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
