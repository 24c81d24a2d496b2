//! To a destination: in order within a conversation, until it has taken the event, whatever it answers.
#![cfg(test)]

mod support;

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use simulator::backend::{Answer, Arrival, Backend};
use simulator::local;
use simulator::webhook::{Customer, Message, Number, Status, Webhook};
use support::{
    DESTINATION_SECRET, PATIENCE, Settings, Transom, destination, set, started, started_with,
    texts, with, writes,
};

const NUMBER: &str = local::PHONE_NUMBER_ID;

fn user(customer: &Customer) -> &str {
    customer.user_id.as_deref().unwrap()
}

/// The texts that one customer's events brought, in the order in which they were taken.
fn taken_of(backend: &Backend, customer: &Customer) -> Vec<String> {
    let events = backend.events_of(user(customer));
    texts(&events).into_iter().map(str::to_owned).collect()
}

/// Waits for an answer for so long that a test sees what goes on meanwhile.
fn patient() -> Value {
    json!({ "timeout_ms": 30_000 })
}

/// How long what goes on meanwhile may take.
const BEFORE_IT_ENDS: Duration = Duration::from_secs(20);

fn none_twice(backend: &Backend) -> bool {
    backend.arrivals().iter().all(|it| it.attempt == 1)
}

/// How long after each request the next one came, in milliseconds.
fn waits(arrivals: &[Arc<Arrival>]) -> Vec<u128> {
    let pairs = arrivals.windows(2);
    pairs
        .map(|pair| (pair[1].at - pair[0].at).as_millis())
        .collect()
}

#[tokio::test]
async fn what_fails_is_tried_again_ever_later_under_the_same_id_and_nothing_overtakes_it() {
    let retry = json!({ "retry": { "first_ms": 200, "max_ms": 10_000, "total_ms": 60_000 } });
    let (_transom, meta, backend) = started_with(retry).await;
    let ana = Customer::local();
    backend.next(Answer::status(500));
    backend.next(Answer::status(404));
    backend.next(Answer::Close);
    backend.next(Answer::CloseHalfWay);
    for text in ["one", "two", "three"] {
        writes(&meta, &ana, text).await;
    }
    assert!(backend.wait_for(3, PATIENCE).await);
    assert_eq!(taken_of(&backend, &ana), ["one", "two", "three"]);

    let arrivals = backend.arrivals();
    let tries: Vec<_> = arrivals
        .iter()
        .map(|arrival| arrival.event().text().unwrap())
        .collect();
    assert_eq!(tries, ["one", "one", "one", "one", "one", "two", "three"]);
    assert!(
        arrivals[..5]
            .iter()
            .all(|arrival| arrival.webhook_id == arrivals[0].webhook_id)
    );
    // 200 ms doubling, less the jitter of a fifth. A busy machine may make a wait longer, never shorter.
    for (wait, least) in waits(&arrivals[..5]).into_iter().zip([160, 320, 640, 1280]) {
        assert!(wait + 5 >= least, "{wait} ms, not {least}");
    }
}

#[tokio::test]
async fn an_event_that_is_refused_for_ever_holds_back_its_own_customer_alone() {
    let (transom, meta, backend) = started().await;
    let (ana, bob) = (Customer::nth(1), Customer::nth(2));
    backend.when_event(|event| event.text() == Some("poison"), Answer::status(422));
    for text in ["before", "poison", "after"] {
        writes(&meta, &ana, text).await;
    }
    for n in 0..30 {
        writes(&meta, &bob, &n.to_string()).await;
    }
    assert!(backend.wait_for(31, PATIENCE).await);
    let expected: Vec<String> = (0..30).map(|n| n.to_string()).collect();
    assert_eq!(taken_of(&backend, &bob), expected);
    assert_eq!(taken_of(&backend, &ana), ["before"]);
    // The backend has what it took a moment before the mailbox has its answer.
    let waiting = transom
        .wait_for_waiting(NUMBER, "crm", |waiting| waiting["waiting_events"] == 2)
        .await;
    assert_eq!(waiting["waiting_conversations"], 1, "{waiting}");
    assert_eq!(waiting["dead_letters"], 0, "{waiting}");

    backend.behave();
    assert!(backend.wait_for(33, PATIENCE).await);
    assert_eq!(taken_of(&backend, &ana), ["before", "poison", "after"]);
    transom
        .wait_for_waiting(NUMBER, "crm", |waiting| waiting["waiting_events"] == 0)
        .await;
}

#[tokio::test]
async fn after_the_last_try_it_is_a_dead_letter_and_the_customers_next_messages_go_on() {
    let retry = json!({ "retry": { "first_ms": 50, "max_ms": 200, "total_ms": 800 } });
    let (mut transom, meta, backend) = started_with(retry).await;
    let ana = Customer::local();
    backend.when_event(|event| event.text() == Some("poison"), Answer::status(500));
    for text in ["poison", "next", "and next"] {
        writes(&meta, &ana, text).await;
    }
    assert!(backend.wait_for(2, PATIENCE).await);
    assert_eq!(taken_of(&backend, &ana), ["next", "and next"]);
    let waiting = transom
        .wait_for_waiting(NUMBER, "crm", |waiting| waiting["waiting_events"] == 0)
        .await;
    assert_eq!(waiting["dead_letters"], 1, "{waiting}");
    let tries = backend.attempts(&backend.arrivals()[0].webhook_id);
    assert!(tries.len() >= 3, "{} tries", tries.len());
    assert!(tries[tries.len() - 1].at - tries[0].at >= Duration::from_millis(790));

    // It stays until it is looked at.
    transom.restart().await;
    assert_eq!(transom.waiting(NUMBER, "crm").await["dead_letters"], 1);
}

#[tokio::test]
async fn while_the_backend_is_down_meta_gets_200_and_nothing_is_lost() {
    let (transom, meta, backend) = started().await;
    backend.down();
    for n in 0..30 {
        writes(&meta, &Customer::nth(n % 3), &n.to_string()).await;
    }
    transom
        .wait_for_waiting(NUMBER, "crm", |waiting| waiting["waiting_events"] == 30)
        .await;
    backend.up().await;
    assert!(backend.wait_for(30, PATIENCE).await);
    for customer in 0..3 {
        let expected: Vec<String> = (0..10).map(|n| (customer + 3 * n).to_string()).collect();
        assert_eq!(taken_of(&backend, &Customer::nth(customer)), expected);
    }
}

#[tokio::test]
async fn a_backend_that_refuses_everything_gets_one_try_at_a_time_and_then_all_in_order() {
    let retry = json!({ "first_ms": 20, "max_ms": 100, "total_ms": 60_000 });
    let members = json!({ "retry": retry, "max_in_flight": 6 });
    let (_transom, meta, backend) = started_with(members).await;
    let answered_after = Duration::from_millis(50);
    backend.always(Answer::After(answered_after, Box::new(Answer::status(500))));
    for n in 0..40 {
        writes(&meta, &Customer::nth(n % 20), &n.to_string()).await;
    }
    // It takes some failures to see that it is not about the events.
    let (some, more) = (15, 5);
    assert!(backend.wait_for_requests(some + more, PATIENCE).await);
    for wait in waits(&backend.arrivals()[some..]) {
        assert!(wait + 5 >= answered_after.as_millis(), "{wait} ms");
    }
    backend.behave();
    assert!(backend.wait_for(40, PATIENCE).await);
    for n in 0..20 {
        assert_eq!(
            taken_of(&backend, &Customer::nth(n)),
            [n.to_string(), (n + 20).to_string()]
        );
    }
}

#[tokio::test]
async fn a_destination_that_stalls_holds_back_itself_alone() {
    let stalling = Backend::start().await;
    let quick = Backend::start().await;
    let settings = Transom::builder().destinations([
        with(destination("stalling", &stalling), patient()),
        destination("quick", &quick),
    ]);
    let transom = settings.start().await;
    stalling.always(Answer::Stall);
    for n in 0..40 {
        writes(&transom.meta(), &Customer::nth(n % 10), &n.to_string()).await;
    }
    assert!(quick.wait_for(40, BEFORE_IT_ENDS).await);
    assert!(stalling.wait_for_requests(1, BEFORE_IT_ENDS).await);
    assert!(none_twice(&stalling), "its time was not over");
}

#[tokio::test]
async fn what_is_not_answered_in_time_counts_as_not_taken() {
    let short = json!({ "timeout_ms": 500 });
    let (_transom, meta, backend) = started_with(short).await;
    backend.always(Answer::Stall);
    for n in 0..40 {
        writes(&meta, &Customer::nth(n % 10), &n.to_string()).await;
    }
    let tried_again = |arrivals: &[Arc<Arrival>]| arrivals.iter().any(|it| it.attempt > 1);
    assert!(backend.wait_until(PATIENCE, tried_again).await);
    backend.behave();
    assert!(backend.wait_for(40, PATIENCE).await);
    for customer in 0..10 {
        let expected: Vec<String> = (0..4).map(|n| (customer + 10 * n).to_string()).collect();
        assert_eq!(taken_of(&backend, &Customer::nth(customer)), expected);
    }
}

#[tokio::test]
async fn an_answer_that_does_not_end_is_not_read_to_its_end() {
    let (_transom, meta, backend) = started_with(patient()).await;
    backend.next(Answer::Endless);
    for text in ["one", "two"] {
        writes(&meta, &Customer::local(), text).await;
    }
    assert!(backend.wait_for(2, BEFORE_IT_ENDS).await);
    assert!(none_twice(&backend), "200 is 200");
}

/// One run of a mailbox's alarm makes 5,000 requests, and then makes way for the next.
#[tokio::test]
async fn a_slow_answer_holds_back_nobody_however_much_goes_out_meanwhile_and_counts_when_it_comes()
{
    let slow = Backend::start().await;
    let quick = Backend::start().await;
    let statuses = json!({ "events": ["whatsapp.status.*"], "timeout_ms": 20_000 });
    let messages = json!({ "events": ["whatsapp.message.*"], "max_in_flight": 100 });
    let settings = Transom::builder().destinations([
        with(destination("slow", &slow), statuses),
        with(destination("quick", &quick), messages),
    ]);
    let transom = settings.start().await;
    let (meta, number) = (transom.meta(), Number::local());
    slow.next(Answer::slow(Duration::from_secs(10)));
    for status in [Status::sent("wamid.1"), Status::read("wamid.1")] {
        let webhook = Webhook::new().status(&number, &Customer::nth(0), status);
        assert_eq!(meta.post(&webhook).await.status, 200);
    }
    let all = 6_000;
    for first in (0..all).step_by(500) {
        let customers = (first..first + 500).map(Customer::nth);
        let webhook = customers.fold(Webhook::new(), |webhook, customer| {
            webhook.message(&number, &customer, Message::text("hola"))
        });
        assert_eq!(meta.post(&webhook).await.status, 200);
    }
    assert!(quick.wait_for(all, PATIENCE).await);
    assert_eq!(quick.arrivals().len(), all, "nothing comes twice");
    let longest = waits(&quick.arrivals()).into_iter().max();
    assert!(longest < Some(5_000), "{longest:?} ms");
    assert!(slow.wait_for(2, PATIENCE).await);
    let attempts: Vec<_> = slow.arrivals().iter().map(|it| it.attempt).collect();
    assert_eq!(attempts, [1, 1]);
}

#[tokio::test]
async fn a_conversation_that_waits_for_its_answer_does_not_hold_back_others() {
    let (_transom, meta, backend) = started_with(patient()).await;
    let ana = Customer::nth(1);
    backend.when_event(|event| event.text() == Some("slow"), Answer::Stall);
    for text in ["slow", "next"] {
        writes(&meta, &ana, text).await;
    }
    for n in 2..12 {
        writes(&meta, &Customer::nth(n), "quick").await;
    }
    assert!(backend.wait_for(10, BEFORE_IT_ENDS).await);
    assert_eq!(texts(&backend.events()), ["quick"; 10]);
    assert!(none_twice(&backend), "its time was not over");
}

#[tokio::test]
async fn as_many_requests_go_to_a_destination_at_once_as_it_wants() {
    let two = with(patient(), json!({ "max_in_flight": 2 }));
    let (_transom, meta, backend) = started_with(two).await;
    backend.always(Answer::Stall);
    for n in 0..6 {
        writes(&meta, &Customer::nth(n), "hola").await;
    }
    assert!(backend.wait_for_requests(2, BEFORE_IT_ENDS).await);
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!(backend.arrivals().len(), 2);
}

#[tokio::test]
async fn after_410_nothing_more_is_sent_there() {
    let gone = Backend::start().await;
    let other = Backend::start().await;
    let settings =
        Transom::builder().destinations([destination("gone", &gone), destination("other", &other)]);
    let mut transom = settings.start().await;
    let ana = Customer::local();
    gone.next(Answer::status(410));
    writes(&transom.meta(), &ana, "one").await;
    transom
        .wait_for_waiting(NUMBER, "gone", |waiting| waiting["state"] == "gone")
        .await;
    writes(&transom.meta(), &ana, "two").await;
    transom.restart().await;
    writes(&transom.meta(), &ana, "three").await;
    assert!(other.wait_for(3, PATIENCE).await);
    assert_eq!(gone.arrivals().len(), 1);
    assert_eq!(transom.waiting(NUMBER, "other").await["state"], "active");
}

#[tokio::test]
async fn what_is_not_sent_after_410_goes_to_its_new_address() {
    let gone = Backend::start().await;
    let moved = Backend::start().await;
    let settings = |backend| Transom::builder().destinations([destination("crm", backend)]);
    let mut transom = settings(&gone).start().await;
    let ana = Customer::local();
    gone.always(Answer::status(410));
    writes(&transom.meta(), &ana, "one").await;
    assert!(gone.wait_for_requests(1, PATIENCE).await);
    writes(&transom.meta(), &ana, "two").await;
    transom.restart_with(settings(&moved)).await;
    writes(&transom.meta(), &ana, "three").await;
    assert!(moved.wait_for(3, PATIENCE).await);
    assert_eq!(taken_of(&moved, &ana), ["one", "two", "three"]);
}

#[tokio::test]
async fn when_a_destination_says_when_to_come_again_it_is_obeyed() {
    let (_transom, meta, backend) = started().await;
    backend.next(Answer::retry_after(429, "2"));
    backend.next(Answer::retry_after(503, "1"));
    writes(&meta, &Customer::local(), "hola").await;
    assert!(backend.wait_for(1, PATIENCE).await);
    let waits = waits(&backend.arrivals());
    assert!(waits[0] >= 1_990 && waits[1] >= 990, "{waits:?}");
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let backend = Backend::start().await;
    let elsewhere = Backend::start().await;
    let settings = Transom::builder().destinations([destination("crm", &backend)]);
    let transom = settings.start().await;
    for status in [301, 302, 307, 308] {
        backend.next(Answer::status(status).header("location", &elsewhere.url()));
    }
    writes(&transom.meta(), &Customer::local(), "hola").await;
    assert!(backend.wait_for(1, PATIENCE).await);
    assert_eq!(backend.arrivals().len(), 5);
    assert_eq!(elsewhere.arrivals().len(), 0);
}

#[tokio::test]
async fn while_a_secret_is_rotated_both_sign() {
    const NEW: &str = "whsec_bmV3LWRlc3RpbmF0aW9uLXNlY3JldC1uZXctbmV3";
    let both = json!({ "secret": ["env:NEW_SECRET", "env:DESTINATION_SECRET"] });
    let (_transom, meta, backend) = set(both, |settings| settings.secret("NEW_SECRET", NEW)).await;
    writes(&meta, &Customer::local(), "hola").await;
    assert!(backend.wait_for(1, PATIENCE).await);
    let arrival = &backend.arrivals()[0];
    assert!(arrival.verifies_under(DESTINATION_SECRET) && arrival.verifies_under(NEW));
    let signatures: Vec<_> = arrival.header("webhook-signature").split(' ').collect();
    assert_eq!(signatures.len(), 2);
    assert!(
        signatures
            .iter()
            .all(|signature| signature.starts_with("v1,"))
    );
}

#[tokio::test]
async fn each_destination_gets_what_it_wants() {
    let messages = Backend::start().await;
    let failures = Backend::start().await;
    let all = Backend::start().await;
    let wants = |events: &[&str]| json!({ "events": events });
    let settings = Transom::builder().destinations([
        with(
            destination("messages", &messages),
            wants(&["whatsapp.message.*"]),
        ),
        with(
            destination("failures", &failures),
            wants(&["whatsapp.status.failed", "whatsapp.unknown"]),
        ),
        destination("all", &all),
    ]);
    let transom = settings.start().await;
    let (number, ana) = (Number::local(), Customer::local());
    let webhook = Webhook::new()
        .message(&number, &ana, Message::text("hola"))
        .status(&number, &ana, Status::delivered("wamid.1"))
        .status(&number, &ana, Status::failed("wamid.2", 131_047))
        .message(&number, &ana, Message::bare("hologram"))
        .message(&number, &ana, Message::text("end"));
    assert_eq!(transom.meta().post(&webhook).await.status, 200);
    assert!(all.wait_for(5, PATIENCE).await);
    assert!(messages.wait_for(2, PATIENCE).await);
    assert!(failures.wait_for(2, PATIENCE).await);
    let kinds = |backend: &Backend| -> Vec<String> {
        backend
            .events()
            .into_iter()
            .map(|event| event.kind)
            .collect()
    };
    assert_eq!(kinds(&messages), ["whatsapp.message.received"; 2]);
    assert_eq!(
        kinds(&failures),
        ["whatsapp.status.failed", "whatsapp.unknown"]
    );
}

#[tokio::test]
async fn a_destination_that_is_added_begins_where_it_is_told_to() {
    let crm = Backend::start().await;
    let all = Backend::start().await;
    let new = Backend::start().await;
    let with_others = |others: Vec<Value>| {
        let destinations = [vec![destination("crm", &crm)], others].concat();
        let config = json!({ "destinations": destinations, "keep_hours": 1 });
        Transom::builder().config(config)
    };
    let ana = Customer::local();
    let mut transom = with_others(Vec::new()).start().await;
    writes(&transom.meta(), &ana, "kept").await;
    assert!(crm.wait_for(1, PATIENCE).await);
    let others = vec![
        with(destination("all", &all), json!({ "from": "beginning" })),
        destination("new", &new),
    ];
    transom.restart_with(with_others(others)).await;
    writes(&transom.meta(), &ana, "new").await;
    assert!(all.wait_for(2, PATIENCE).await);
    assert!(new.wait_for(1, PATIENCE).await);
    assert_eq!(taken_of(&all, &ana), ["kept", "new"]);
    assert_eq!(taken_of(&new, &ana), ["new"]);
}

fn with_crm_paused(backend: &Backend, paused: bool) -> Settings {
    let paused = json!({ "paused": paused });
    Transom::builder().destinations([with(destination("crm", backend), paused)])
}

#[tokio::test]
async fn events_wait_for_a_destination_that_is_paused() {
    let backend = Backend::start().await;
    let settings = |paused| with_crm_paused(&backend, paused);
    let mut transom = settings(true).start().await;
    for text in ["one", "two"] {
        writes(&transom.meta(), &Customer::local(), text).await;
    }
    transom.restart_with(settings(false)).await;
    writes(&transom.meta(), &Customer::local(), "three").await;
    assert!(backend.wait_for(3, PATIENCE).await);
    assert_eq!(
        taken_of(&backend, &Customer::local()),
        ["one", "two", "three"]
    );
}

#[tokio::test]
async fn what_waits_for_a_destination_that_is_paused_no_more_goes_when_it_is_asked_how_it_stands() {
    let backend = Backend::start().await;
    let settings = |paused| with_crm_paused(&backend, paused);
    let mut transom = settings(true).start().await;
    writes(&transom.meta(), &Customer::local(), "one").await;
    transom.restart_with(settings(false)).await;
    transom.waiting(NUMBER, "crm").await;
    assert!(backend.wait_for(1, PATIENCE).await);
}

#[tokio::test]
async fn what_waits_goes_within_the_hour_though_nothing_else_wakes_the_mailbox() {
    let backend = Backend::start().await;
    let settings = |paused| {
        let paused = json!({ "paused": paused });
        let config = json!({
            "destinations": [with(destination("crm", &backend), paused)],
            "numbers": [{ "phone_number_id": NUMBER }],
        });
        let settings = Transom::builder();
        settings.config(config).counted()
    };
    let mut transom = settings(true).start().await;
    for n in 0..4 {
        writes(&transom.meta(), &Customer::nth(n), "hola").await;
    }
    transom.restart_with(settings(false)).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(backend.arrivals().len(), 0);
    transom.hour_strikes().await;
    assert!(backend.wait_for(4, PATIENCE).await);
}
