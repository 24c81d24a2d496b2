//! Hundreds of customers who write, and a Meta that repeats each webhook until it gets its 200.
//!
//! A customer's next message goes out only after the 200 for the one before, so that the order is known.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use simulator::clock;
use simulator::meta::Meta;
use simulator::webhook::{self, Customer, Number, Webhook};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use crate::ledger::{Conversation, Ledger, Message, text};
use crate::support::PATIENCE;

/// Who writes, and how fast.
#[derive(Debug, Clone)]
pub(crate) struct Shape {
    /// Business numbers, and customers of each.
    pub(crate) numbers: usize,
    pub(crate) customers: usize,
    /// How many webhooks are on their way at the same time, at most.
    pub(crate) lines: usize,
    /// Messages in one webhook, at most.
    pub(crate) most: usize,
    /// How long a line rests after each, in milliseconds.
    pub(crate) rest_ms: Range<u64>,
    /// What Meta calls the customer who writes a message.
    pub(crate) called: fn(Message) -> Customer,
    pub(crate) seed: u64,
}

/// A load that lasts until it is told to stop.
pub(crate) struct Load {
    stop: Arc<AtomicBool>,
    lines: JoinSet<()>,
}

impl Load {
    /// Starts it.
    pub(crate) fn start(meta: &Meta, ledger: &Arc<Ledger>, shape: &Shape) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let mut lines = JoinSet::new();
        for line in 0..shape.lines {
            let line = Line {
                meta: meta.clone(),
                ledger: Arc::clone(ledger),
                shape: shape.clone(),
                random: StdRng::seed_from_u64(shape.seed.wrapping_add(line as u64)),
                first: line,
                places: HashMap::new(),
            };
            lines.spawn(line.run(Arc::clone(&stop)));
        }
        Self { stop, lines }
    }

    /// Writes nothing new, and returns when all that was begun has its 200.
    pub(crate) async fn stop(self) {
        self.stop.store(true, Ordering::SeqCst);
        self.lines.join_all().await;
    }
}

/// One line to Meta's callback URL, with customers of its own.
struct Line {
    meta: Meta,
    ledger: Arc<Ledger>,
    shape: Shape,
    random: StdRng,
    /// Its first customer. The others are every n-th after that one, n being how many lines there are.
    first: usize,
    places: HashMap<Conversation, usize>,
}

impl Line {
    async fn run(mut self, stop: Arc<AtomicBool>) {
        while !stop.load(Ordering::SeqCst) {
            let count = self.random.random_range(1..=self.shape.most);
            let messages: Vec<_> = (0..count).map(|_| self.next()).collect();
            let webhook = webhook_as(&messages, self.shape.called);
            post_until_taken(&self.meta, &self.ledger, &messages, &webhook).await;
            let rest = self.random.random_range(self.shape.rest_ms.clone());
            sleep(Duration::from_millis(rest)).await;
        }
    }

    fn next(&mut self) -> Message {
        let number = self.random.random_range(0..self.shape.numbers);
        let own = self.shape.customers / self.shape.lines;
        let customer = self.first + self.shape.lines * self.random.random_range(0..own.max(1));
        let place = self.places.entry((number, customer)).or_default();
        *place += 1;
        ((number, customer), *place)
    }
}

/// Posts these messages in one webhook until it gets its 200.
pub(crate) async fn post(meta: &Meta, ledger: &Ledger, messages: &[Message]) {
    post_until_taken(meta, ledger, messages, &webhook_of(messages)).await;
}

async fn post_until_taken(meta: &Meta, ledger: &Ledger, messages: &[Message], webhook: &Webhook) {
    let deadline = Instant::now() + 2 * PATIENCE;
    loop {
        ledger.post(messages, clock::instant());
        let answer = meta.post(webhook).await;
        if answer.status == 200 {
            ledger.acknowledge(messages, answer.latency);
            return;
        }
        assert!(Instant::now() < deadline, "never taken, at last {answer:?}");
        sleep(Duration::from_millis(25)).await;
    }
}

/// A customer by all names.
pub(crate) fn by_all_names(((_, customer), _): Message) -> Customer {
    Customer::nth(customer)
}

/// One webhook with these messages.
pub(crate) fn webhook_of(messages: &[Message]) -> Webhook {
    webhook_as(messages, by_all_names)
}

fn webhook_as(messages: &[Message], called: fn(Message) -> Customer) -> Webhook {
    messages.iter().fold(Webhook::new(), |webhook, message| {
        let ((number, _), _) = *message;
        let said = webhook::Message::text(&text(*message));
        webhook.message(&Number::nth(number), &called(*message), said)
    })
}
