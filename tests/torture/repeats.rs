//! Meta repeats everything three times more, in other batches and out of order: each event is delivered once.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use simulator::backend::Backend;
use simulator::webhook::{
    Customer, Message, Number, Status, Update, Webhook, rebatch, shuffled, wamid,
};
use tokio::task::JoinSet;

use crate::scale::{seed, short_or, turn};
use crate::support::{PATIENCE, Transom, destination};

/// What a customer has: messages, and a message of the business that was sent, delivered and read.
fn updates(customer: usize, messages: usize) -> Vec<Update> {
    let (number, customer) = (Number::nth(customer % 3), Customer::nth(customer));
    let mut updates: Vec<_> = (0..messages)
        .map(|n| Update::message(&number, &customer, Message::text(&n.to_string())))
        .collect();
    let id = wamid();
    updates.extend(
        [Status::sent(&id), Status::delivered(&id), Status::read(&id)]
            .map(|status| Update::status(&number, &customer, status)),
    );
    updates
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_meta_repeats_in_any_batches_and_any_order_is_delivered_once() {
    let _turn = turn().await;
    let seed = seed();
    let backend = Backend::start().await;
    let taken: Arc<Mutex<HashMap<String, usize>>> = Arc::default();
    let counting = Arc::clone(&taken);
    backend.keep_nothing();
    backend.on_answer(move |arrival| {
        assert!(arrival.taken(), "{:?}", arrival.faults);
        for event in &arrival.events {
            *counting
                .lock()
                .unwrap()
                .entry(event.id.clone())
                .or_default() += 1;
        }
    });
    let transom = Transom::builder()
        .destinations([destination("crm", &backend)])
        .start()
        .await;
    let all: Vec<Update> = (0..short_or(40, 300))
        .flat_map(|customer| updates(customer, 10))
        .collect();
    let mut webhooks: Vec<Webhook> = rebatch(&all, 20, seed);
    for again in 1..=3 {
        webhooks.extend(rebatch(&shuffled(&all, seed ^ again), 30, seed ^ again));
    }
    let webhooks = shuffled(&webhooks, seed);
    let posts = webhooks.len();
    let meta = transom.meta();
    let mut lines = JoinSet::new();
    for line in 0..6 {
        let (meta, own) = (
            meta.clone(),
            webhooks
                .iter()
                .skip(line)
                .step_by(6)
                .cloned()
                .collect::<Vec<_>>(),
        );
        lines.spawn(async move {
            for webhook in own {
                assert!(meta.deliver(&webhook).await.taken());
            }
        });
    }
    lines.join_all().await;
    let arrived = backend.wait_for(all.len(), PATIENCE).await;
    // A webhook's repetition that was taken for something new would come by now: it is told behind them all.
    let last = Webhook::new().message(
        &Number::nth(0),
        &Customer::nth(0),
        Message::text("the last"),
    );
    assert_eq!(meta.post(&last).await.status, 200);
    assert!(backend.wait_for(all.len() + 1, PATIENCE).await);

    // A copy, since a failing assertion would poison the lock.
    let taken = taken.lock().unwrap().clone();
    let repeated: usize = taken.values().map(|times| times - 1).sum();
    println!(
        "{} events told four times in {posts} webhooks: delivered {}, repeated {repeated}",
        all.len(),
        taken.len() - 1
    );
    assert!(arrived, "{} of {}", taken.len(), all.len());
    assert_eq!((taken.len(), repeated), (all.len() + 1, 0));
}
