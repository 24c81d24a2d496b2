//! What was sent, what Meta was told is stored, and what each backend took: the books that must balance.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use simulator::backend::{Arrival, Backend, Event};
use simulator::pace;

/// A customer and the business number that they write to, each by its index.
pub(crate) type Conversation = (usize, usize);

/// A conversation's message, and its place there.
pub(crate) type Message = (Conversation, usize);

/// The text of a message says which it is.
pub(crate) fn text(((number, customer), place): Message) -> String {
    format!("{number} {customer} {place}")
}

fn message(event: &Event) -> Option<Message> {
    let mut parts = event.text()?.split(' ').map(str::parse);
    let mut next = || parts.next()?.ok();
    Some(((next()?, next()?), next()?))
}

/// The books of one run.
#[derive(Default)]
pub(crate) struct Ledger(Mutex<Books>);

#[derive(Default)]
struct Books {
    posts: usize,
    /// When it was first posted.
    sent: HashMap<Message, Instant>,
    /// How long the post took that got the 200.
    acknowledged: HashMap<Message, Duration>,
    backends: BTreeMap<String, Taken>,
    /// The event's id, by the message; and how many came under a second one.
    ids: HashMap<Message, String>,
    unstable: usize,
}

/// What one backend took.
#[derive(Default)]
struct Taken {
    /// When each came, every time that it was taken.
    arrivals: HashMap<Message, Vec<Instant>>,
    /// In the order in which they were taken first.
    order: HashMap<Conversation, Vec<usize>>,
}

/// What came of a run at one backend.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) sent: usize,
    pub(crate) posts: usize,
    pub(crate) acknowledged: usize,
    pub(crate) delivered: usize,
    pub(crate) repeated: usize,
    pub(crate) lost: usize,
    pub(crate) out_of_order: usize,
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "sent {} (in {} posts), acknowledged {}, delivered {}, repeated {}, lost {}, out of order {}",
            self.sent,
            self.posts,
            self.acknowledged,
            self.delivered,
            self.repeated,
            self.lost,
            self.out_of_order
        )
    }
}

/// How long things took, shortest first.
#[derive(Debug, Clone)]
pub(crate) struct Latencies(Vec<Duration>);

impl Latencies {
    fn of(all: impl Iterator<Item = Duration>) -> Self {
        let mut all: Vec<_> = all.collect();
        all.sort_unstable();
        Self(all)
    }

    /// What so many in a hundred do not exceed.
    pub(crate) fn percentile(&self, percent: usize) -> Duration {
        self.0[(self.0.len() - 1) * percent / 100]
    }
}

impl fmt::Display for Latencies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ms = |percent| self.percentile(percent).as_secs_f64() * 1000.0;
        write!(
            f,
            "p50 {:.1} ms, p99 {:.1} ms ({})",
            ms(50),
            ms(99),
            self.0.len()
        )
    }
}

impl Ledger {
    /// Notes from now on what this backend takes.
    pub(crate) fn watch(self: &Arc<Self>, name: &str, backend: &Backend) {
        let (ledger, name) = (Arc::clone(self), name.to_owned());
        ledger.write(|books| books.backends.insert(name.clone(), Taken::default()));
        backend.keep_nothing();
        backend.on_answer(move |arrival| ledger.write(|books| books.answered(&name, arrival)));
    }

    /// These are posted.
    pub(crate) fn post(&self, messages: &[Message], at: Instant) {
        self.write(|books| {
            books.posts += 1;
            for message in messages {
                books.sent.entry(*message).or_insert(at);
            }
        });
    }

    /// These got their 200.
    pub(crate) fn acknowledge(&self, messages: &[Message], latency: Duration) {
        self.write(|books| {
            books
                .acknowledged
                .extend(messages.iter().map(|message| (*message, latency)));
        });
    }

    /// How long the 200s took for what was posted since.
    pub(crate) fn latencies(&self, since: Instant) -> Latencies {
        self.write(|books| {
            let late = books
                .acknowledged
                .iter()
                .filter(|(message, _)| books.sent[message] >= since);
            Latencies::of(late.map(|(_, latency)| *latency))
        })
    }

    /// How long it took from Meta's post until this backend had it, for what was posted since.
    pub(crate) fn delays(&self, backend: &str, since: Instant) -> Latencies {
        self.write(|books| {
            let first = books.backends[backend].arrivals.iter();
            let first =
                first.filter_map(|(message, all)| Some((books.sent[message], *all.first()?)));
            let late = first.filter(|(sent, _)| *sent >= since);
            Latencies::of(late.map(|(sent, at)| at.duration_since(sent)))
        })
    }

    /// The most events that a backend took within any one second.
    pub(crate) fn most_in_a_second(&self, backend: &str) -> usize {
        self.write(|books| {
            let arrivals = books.backends[backend].arrivals.values().flatten();
            pace::most_within(Duration::from_secs(1), arrivals.copied())
        })
    }

    /// What came of it at one backend.
    pub(crate) fn counts(&self, backend: &str) -> Counts {
        self.counts_of(backend, |_, _| true)
    }

    /// The same where not all of a conversation's messages have an order: `in_order` says whether one of them is to come
    /// before a later one, by their places.
    pub(crate) fn counts_of(&self, backend: &str, in_order: fn(usize, usize) -> bool) -> Counts {
        self.write(|books| {
            let taken = &books.backends[backend];
            let all: usize = taken.arrivals.values().map(Vec::len).sum();
            let lost = books.acknowledged.keys();
            Counts {
                sent: books.sent.len(),
                posts: books.posts,
                acknowledged: books.acknowledged.len(),
                delivered: taken.arrivals.len(),
                repeated: all - taken.arrivals.len(),
                lost: lost
                    .filter(|message| !taken.arrivals.contains_key(message))
                    .count(),
                out_of_order: taken
                    .order
                    .values()
                    .map(|order| inversions(order, in_order))
                    .sum(),
            }
        })
    }

    /// Whether a backend took this message.
    pub(crate) fn has(&self, backend: &str, message: &Message) -> bool {
        self.write(|books| books.backends[backend].arrivals.contains_key(message))
    }

    /// What a backend was given again though it had taken it and none of these moments lay in between: only what a crash
    /// made forget may come again. Each with how long after the last crash it came, both times.
    pub(crate) fn repeated_without(&self, backend: &str, crashes: &[Instant]) -> Vec<String> {
        let since_crash = |at: Instant| {
            let before = crashes.iter().filter(|crash| **crash < at);
            before.max().map(|crash| at.duration_since(*crash))
        };
        self.write(|books| {
            let arrivals = books.backends[backend].arrivals.iter();
            let pairs = arrivals.flat_map(|(message, all)| {
                all.windows(2).map(move |pair| (message, pair[0], pair[1]))
            });
            let unexplained = pairs.filter(|(_, first, again)| {
                !crashes.iter().any(|crash| (first..=again).contains(&crash))
            });
            unexplained
                .map(|(message, first, again)| {
                    let (first, again) = (since_crash(first), since_crash(again));
                    format!("{message:?}: {first:?} and {again:?} after a crash")
                })
                .collect()
        })
    }

    /// How many events came under more than one id, counted at all backends.
    pub(crate) fn unstable_ids(&self) -> usize {
        self.write(|books| books.unstable)
    }

    /// Waits until every backend has all that was acknowledged, for as long as something still arrives: whoever stands
    /// still for `patience` has lost something.
    pub(crate) async fn settle(&self, patience: Duration) {
        let arrived = |books: &mut Books| -> (bool, usize) {
            let all = books.backends.values().all(|taken| {
                let mut acknowledged = books.acknowledged.keys();
                acknowledged.all(|message| taken.arrivals.contains_key(message))
            });
            let arrivals = books
                .backends
                .values()
                .flat_map(|taken| taken.arrivals.values());
            (all, arrivals.map(Vec::len).sum())
        };
        let mut last = (self.write(arrived).1, tokio::time::Instant::now());
        loop {
            let (all, count) = self.write(arrived);
            if count > last.0 {
                last = (count, tokio::time::Instant::now());
            }
            if all || last.1.elapsed() > patience {
                return;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    fn write<T>(&self, change: impl FnOnce(&mut Books) -> T) -> T {
        change(&mut self.0.lock().unwrap())
    }
}

impl Books {
    fn answered(&mut self, backend: &str, arrival: &Arrival) {
        if !arrival.taken() {
            return;
        }
        let Some(taken) = self.backends.get_mut(backend) else {
            return;
        };
        for event in &arrival.events {
            let Some(message) = message(event) else {
                continue;
            };
            let id = self.ids.entry(message).or_insert_with(|| event.id.clone());
            self.unstable += usize::from(*id != event.id);
            let arrivals = taken.arrivals.entry(message).or_default();
            arrivals.push(arrival.at);
            if arrivals.len() == 1 {
                let (conversation, place) = message;
                taken.order.entry(conversation).or_default().push(place);
            }
        }
    }
}

/// How many came after one that should have come later.
fn inversions(order: &[usize], in_order: fn(usize, usize) -> bool) -> usize {
    let late = order.iter().enumerate().filter(|(at, place)| {
        let mut before = order[..*at].iter();
        before.any(|other| *place < other && in_order(**place, *other))
    });
    late.count()
}
