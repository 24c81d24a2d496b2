//! Meta repeats everything three times more, in other batches and out of order: each event is delivered once.

use std::collections::HashSet;

use simulator::backend::Backend;
use simulator::webhook::{
    Customer, Message, Number, Status, Update, Webhook, rebatch, shuffled, wamid,
};
use tokio::task::JoinSet;

use crate::scale::{seed, short_or, turn};
use crate::support::{PATIENCE, Transom, destination, eventually, post};

const NUMBERS: usize = 3;

/// What customers write at the end.
const LAST: &str = "the last";

/// What a customer has: messages, and a message of the business that was sent, delivered and read.
fn updates(customer: usize, messages: usize) -> Vec<Update> {
    let (number, customer) = (Number::nth(customer % NUMBERS), Customer::nth(customer));
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
    assert!(arrived, "{} of {}", backend.distinct(), all.len());
    // A webhook's repetition that was taken for something new would come by now: this is told behind them all.
    for number in 0..NUMBERS {
        let last = Message::text(LAST);
        let last = Webhook::new().message(&Number::nth(number), &Customer::nth(number), last);
        post(&meta, &last).await;
    }
    let events = eventually(async || {
        let events = backend.events();
        let last = events.iter().filter(|event| event.text() == Some(LAST));
        (last.count() == NUMBERS).then_some(events)
    })
    .await;

    let ids: HashSet<_> = events.iter().map(|event| &event.id).collect();
    let repeated = events.len() - ids.len();
    println!(
        "{} events told four times in {posts} webhooks: delivered {}, repeated {repeated}",
        all.len(),
        ids.len() - NUMBERS
    );
    assert_eq!((ids.len(), repeated), (all.len() + NUMBERS, 0));
}
