//! What is billed for a message: rows written (setting an alarm is one), calls of objects, alarms.
#![cfg(test)]

mod support;

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::json;
use simulator::backend::{Answer, Backend};
use simulator::clock;
use simulator::graph::Graph;
use simulator::local;
use simulator::webhook::{Customer, Message, Number, Status, Update, Webhook};
use support::{PATIENCE, Settings, Transom, destination, set};

/// How long nothing must have come for a message to count as alone, with room for a slow machine.
const ALONE: Duration = Duration::from_millis(600);

/// Message `n` of one of ten customers, each a second later than the one before.
fn message(n: usize) -> Webhook {
    let at = clock::unix_now() - 1000 + i64::try_from(n).unwrap();
    let message = Message::text("hola").at(at);
    Webhook::new().message(&Number::local(), &Customer::nth(n % 10), message)
}

/// The status of a message of ours, to one of ten customers.
fn status(n: usize) -> Webhook {
    let status = Status::delivered(&format!("wamid.{n}"));
    Webhook::new().status(&Number::local(), &Customer::nth(n % 10), status)
}

/// What was billed since the last time.
struct Bill {
    before: BTreeMap<String, f64>,
}

impl Bill {
    async fn new(transom: &Transom) -> Self {
        Self {
            before: settled(transom).await,
        }
    }

    /// Rows written (alarms that were set among them) and read, calls of objects and alarms, for each of `messages`.
    async fn each(&mut self, transom: &Transom, messages: u32) -> (f64, f64, f64, f64) {
        let now = settled(transom).await;
        let each = |name: &str| (now[name] - self.before[name]) / f64::from(messages);
        let bill = (
            each("rows_written") + each("set_alarms"),
            each("rows_read"),
            each("requests"),
            each("alarms"),
        );
        self.before = now;
        bill
    }

    /// Holds one message to so many rows written and read, and to one call and one alarm.
    async fn one(&mut self, transom: &Transom, most_written: f64, most_read: f64) {
        let (written, read, calls, alarms) = self.each(transom, 1).await;
        assert!(written <= most_written, "{written} rows written");
        assert!(read <= most_read, "{read} rows read");
        assert_eq!((calls, alarms), (1.0, 1.0));
    }
}

/// What was counted when nothing happens any more.
async fn settled(transom: &Transom) -> BTreeMap<String, f64> {
    let mut before = BTreeMap::new();
    loop {
        tokio::time::sleep(ALONE).await;
        let now = transom.counts().await;
        if now == before {
            return now;
        }
        before = now;
    }
}

/// Counts what is billed.
async fn started() -> (Transom, Backend) {
    let (transom, _, backend) = set(json!({}), Settings::counted).await;
    (transom, backend)
}

async fn post_all(transom: &Transom, webhooks: impl IntoIterator<Item = Webhook>) {
    let meta = transom.meta();
    for webhook in webhooks {
        assert_eq!(meta.post(&webhook).await.status, 200);
    }
}

/// The first ten, which go together.
async fn post_ten(transom: &Transom, backend: &Backend) {
    post_all(transom, (0..10).map(message)).await;
    assert!(backend.wait_for(10, PATIENCE).await);
}

#[tokio::test]
async fn a_message_that_is_received_and_delivered_alone_writes_five_rows_and_a_status_four() {
    let (transom, backend) = started().await;
    post_ten(&transom, &backend).await;
    settled(&transom).await;
    // What came in quick succession went with its table. The first that comes then pays for the next one.
    post_all(&transom, [message(20)]).await;
    assert!(backend.wait_for(11, PATIENCE).await);
    let mut bill = Bill::new(&transom).await;
    for n in 21..24 {
        post_all(&transom, [message(n)]).await;
        assert!(backend.wait_for(n - 9, PATIENCE).await);
        bill.one(&transom, 5.0, 7.0).await;
    }
    post_all(&transom, [status(1)]).await;
    assert!(backend.wait_for(15, PATIENCE).await);
    bill.one(&transom, 4.0, 6.0).await;
}

#[tokio::test]
async fn a_message_that_is_answered_by_its_destination_writes_nine_rows() {
    let graph = Graph::start().await;
    let (transom, _, backend) = set(json!({}), |settings| settings.counted().graph(&graph)).await;
    post_ten(&transom, &backend).await;
    settled(&transom).await;
    backend.always(Answer::reply("hola"));
    post_all(&transom, [message(20)]).await;
    assert!(graph.wait_for(1, PATIENCE).await);
    let mut bill = Bill::new(&transom).await;
    for n in 21..24 {
        post_all(&transom, [message(n)]).await;
        assert!(graph.wait_for(n - 19, PATIENCE).await);
        bill.one(&transom, 9.0, 17.0).await;
    }
}

#[tokio::test]
async fn a_message_that_is_kept_writes_one_row_more() {
    let backend = Backend::start().await;
    let config = json!({ "destinations": [destination("crm", &backend)], "keep_hours": 1 });
    let transom = Transom::builder().config(config).counted().start().await;
    post_ten(&transom, &backend).await;
    let mut bill = Bill::new(&transom).await;
    for n in 20..23 {
        post_all(&transom, [message(n)]).await;
        assert!(backend.wait_for(n - 9, PATIENCE).await);
        bill.one(&transom, 6.0, 7.0).await;
    }
}

#[tokio::test]
async fn what_meta_repeats_writes_nothing() {
    let (transom, backend) = started().await;
    let both = [message(0), status(0)];
    post_all(&transom, both.clone()).await;
    assert!(backend.wait_for(2, PATIENCE).await);
    let mut bill = Bill::new(&transom).await;
    post_all(&transom, both).await;
    assert_eq!(bill.each(&transom, 2).await, (0.0, 2.0, 1.0, 0.0));
    assert_eq!(backend.arrivals().len(), 2);
}

#[tokio::test]
async fn under_load_a_message_writes_little_more_than_three_rows_and_a_status_little_more_than_two()
{
    const MANY: u16 = 400;
    let many = usize::from(MANY);
    let (transom, backend) = started().await;
    post_ten(&transom, &backend).await;
    let mut bill = Bill::new(&transom).await;
    post_all(&transom, (10..10 + many).map(message)).await;
    assert!(backend.wait_for(10 + many, PATIENCE).await);
    let (rows, read, calls, alarms) = bill.each(&transom, MANY.into()).await;
    assert!(rows <= 3.2, "a message: {rows} rows, {alarms} alarms");
    assert!(read <= 7.0, "a message: {read} rows read");
    assert!(calls <= 1.0);
    assert!(alarms <= 0.1, "a message: {alarms} alarms");
    post_all(&transom, (0..many).map(status)).await;
    assert!(backend.wait_for(10 + 2 * many, PATIENCE).await);
    let (rows, read, _, alarms) = bill.each(&transom, MANY.into()).await;
    assert!(rows <= 2.2, "a status: {rows} rows, {alarms} alarms");
    assert!(read <= 6.0, "a status: {read} rows read");
    assert!(alarms <= 0.1, "a status: {alarms} alarms");
}

#[tokio::test]
async fn what_comes_together_is_written_together() {
    const MANY: u16 = 320;
    let (transom, backend) = started().await;
    post_ten(&transom, &backend).await;
    let mut bill = Bill::new(&transom).await;
    // All of one customer, so that a group moves one window, once.
    let webhooks = (1..=usize::from(MANY)).map(|n| message(10 * n));
    for together in webhooks.collect::<Vec<_>>().chunks(32) {
        let posts = together.iter().map(|webhook| {
            let (meta, webhook) = (transom.meta().clone(), webhook.clone());
            tokio::spawn(async move { meta.post(&webhook).await.status })
        });
        for post in posts.collect::<Vec<_>>() {
            assert_eq!(post.await.unwrap(), 200);
        }
    }
    assert!(backend.wait_for(10 + usize::from(MANY), PATIENCE).await);
    let (rows, _, calls, _) = bill.each(&transom, MANY.into()).await;
    assert!(rows <= 2.7, "{rows} rows");
    assert!(calls <= 1.0);
}

#[tokio::test]
async fn what_nobody_wants_costs_no_body_and_no_alarm() {
    let transom = Transom::builder().counted().start().await;
    post_all(&transom, (0..10).map(message)).await;
    let mut bill = Bill::new(&transom).await;
    post_all(&transom, [message(10)]).await;
    assert_eq!(bill.each(&transom, 1).await, (2.0, 4.0, 1.0, 0.0));
    post_all(&transom, [status(10)]).await;
    assert_eq!(bill.each(&transom, 1).await, (1.0, 3.0, 1.0, 0.0));
}

#[tokio::test]
async fn a_webhook_calls_one_object_for_each_number_and_where_there_are_partitions_the_directory() {
    let numbers = json!([{ "phone_number_id": local::PHONE_NUMBER_ID, "partitions": 4 }]);
    let settings = Transom::builder().config(json!({ "numbers": numbers }));
    let transom = settings.counted().start().await;
    let [one, another, third] = [1, 2, 3].map(Number::nth);
    let mut called = Vec::new();
    for (numbers, updates) in [
        (vec![Number::local()], 1),
        (vec![one.clone()], 100),
        (vec![one, another, third], 100),
    ] {
        let updates = (0..updates)
            .zip(numbers.iter().cycle())
            .map(|(n, number)| Update::message(number, &Customer::nth(n), Message::text("hola")));
        post_all(&transom, [Webhook::of(updates)]).await;
        called.push(transom.counts().await["requests"]);
    }
    assert_eq!(called, [2.0, 2.0 + 1.0, 2.0 + 1.0 + 3.0]);
}
