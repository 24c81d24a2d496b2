//! A busy number's conversations are spread over several objects, and nobody notices.
#![cfg(test)]

mod support;

use std::collections::BTreeSet;
use std::fs;

use serde_json::{Value, json};
use simulator::backend::{Answer, Backend};
use simulator::local;
use simulator::webhook::{Customer, Message, Number, Update, Webhook};
use support::{
    PATIENCE, Settings, Transom, called, destination, eventually, post, texts, with, writes,
};

const NUMBER: &str = local::PHONE_NUMBER_ID;

fn settings(backend: &Backend, partitions: u32) -> Settings {
    let patient = json!({ "retry": { "first_ms": 300, "max_ms": 500, "total_ms": 3_600_000 } });
    Transom::builder().config(json!({
        "destinations": [with(destination("crm", backend), patient)],
        "numbers": [{ "phone_number_id": NUMBER, "partitions": partitions }],
    }))
}

fn text(customer: &Customer, text: &str) -> Update {
    Update::message(&Number::local(), customer, Message::text(text))
}

#[tokio::test]
async fn every_event_arrives_once_in_the_order_of_its_conversation() {
    let backend = Backend::start().await;
    let mut transom = settings(&backend, 4).start().await;
    let meta = transom.meta();
    for round in 0..5 {
        let all = (0..20).map(|n| text(&Customer::nth(n), &format!("{n} {round}")));
        let webhook = Webhook::of(all);
        post(&meta, &webhook).await;
        post(&meta, &webhook).await;
        if round == 2 {
            transom.restart().await;
        }
    }
    assert!(backend.wait_for(100, PATIENCE).await);
    for n in 0..20 {
        let events = backend.events_of(&Customer::nth(n).user_id.unwrap());
        // What was taken just before the power went may be delivered again.
        let mut seen = std::collections::HashSet::new();
        let mut of_customer = texts(&events);
        of_customer.retain(|text| seen.insert(*text));
        let expected: Vec<String> = (0..5).map(|round| format!("{n} {round}")).collect();
        assert_eq!(of_customer, expected);
    }
    let sources: Vec<Value> = backend
        .arrivals()
        .iter()
        .map(|one| one.event().source.clone().into())
        .collect();
    assert!(
        sources
            .iter()
            .all(|source| *source == format!("/whatsapp/{NUMBER}"))
    );
    // Four partitions and the number's directory.
    assert_eq!(transom.objects("mailbox"), 5);
}

#[tokio::test]
async fn each_partition_and_the_directory_know_their_names_where_they_were_woken_by_their_ids() {
    let backend = Backend::start().await;
    let mut transom = settings(&backend, 2).with_stranger().start().await;
    let meta = transom.meta();
    let webhook = Webhook::of((0..4).map(|n| text(&Customer::nth(n), "hola")));
    post(&meta, &webhook).await;
    assert!(backend.wait_for(4, PATIENCE).await);
    transom.restart().await;
    for object in ["0of2", "1of2", "of2"] {
        transom.wake_by_id(&format!("{NUMBER}%2F{object}")).await;
    }
    post(&meta, &webhook).await;
    writes(&meta, &Customer::nth(0), "again").await;
    writes(&meta, &Customer::nth(1), "again").await;
    // What was taken just before the power went may be delivered again.
    let source = format!("/whatsapp/{NUMBER}");
    eventually(async || {
        let events = backend.events().into_iter();
        let own = events.filter(|event| event.source == source);
        let ids: BTreeSet<String> = own.map(|event| event.id).collect();
        (ids.len() == 6).then_some(())
    })
    .await;
    assert_eq!(transom.objects("mailbox"), 3);
}

#[tokio::test]
async fn whatever_somebody_is_called_it_is_one_conversation() {
    let backend = Backend::start().await;
    let transom = settings(&backend, 4).start().await;
    let meta = transom.meta();
    for n in 0..8 {
        let [phone, user, both] = called(n);
        for (customer, words) in [
            (&phone, "one"),
            (&both, "two"),
            (&user, "three"),
            (&phone, "four"),
        ] {
            writes(&meta, customer, words).await;
        }
        let mut conversations = Vec::new();
        for name in [phone.phone.unwrap(), user.user_id.unwrap()] {
            let found = transom.conversation(&name).await;
            assert_eq!(found["window"]["customer_service"]["open"], true);
            assert_eq!(found["names"].as_array().unwrap().len(), 2, "{found}");
            conversations.push(found["conversation"].clone());
        }
        assert_eq!(conversations[0], conversations[1]);
    }
    assert!(backend.wait_for(32, PATIENCE).await);
    let (status, _) = transom
        .admin(&format!("/v1/conversations/{NUMBER}/19995550000"))
        .await;
    assert_eq!(status, 404);
}

#[tokio::test]
async fn who_was_met_as_two_in_two_partitions_is_one_from_the_moment_it_is_told() {
    let backend = Backend::start().await;
    let transom = settings(&backend, 4).start().await;
    let meta = transom.meta();
    let [phone, user, both] = called(7);
    let early = Webhook::of([text(&user, "as a user")]);
    writes(&meta, &phone, "as a phone number").await;
    post(&meta, &early).await;
    writes(&meta, &both, "as both").await;
    // Meta is in doubt and repeats what the other partition has.
    post(&meta, &early).await;
    writes(&meta, &user, "as a user again").await;
    assert!(backend.wait_for(4, PATIENCE).await);
    let found = transom.conversation(&user.user_id.unwrap()).await;
    assert_eq!(found["names"].as_array().unwrap().len(), 2, "{found}");
    tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    let events = backend.events();
    let mut taken = texts(&events);
    taken.sort_unstable();
    assert_eq!(
        taken,
        [
            "as a phone number",
            "as a user",
            "as a user again",
            "as both"
        ]
    );
}

#[tokio::test]
async fn what_came_before_somebody_moved_is_delivered_before_what_came_after() {
    let backend = Backend::start().await;
    let mut transom = settings(&backend, 4).start().await;
    let meta = transom.meta();
    let [phone, user, both] = called(7);
    backend.when(
        |arrival| arrival.event().text() == Some("as a user") && arrival.attempt < 3,
        Answer::status(422),
    );
    writes(&meta, &phone, "as a phone number").await;
    writes(&meta, &user, "as a user").await;
    writes(&meta, &both, "as both").await;
    assert!(backend.wait_for_requests(2, PATIENCE).await);
    transom.restart().await;
    writes(&meta, &phone, "again").await;
    writes(&meta, &user, "and again").await;
    // Others do not wait.
    writes(&meta, &Customer::nth(8), "hola").await;
    assert!(backend.wait_for(6, PATIENCE).await);
    let events = backend.events();
    let mut seen = std::collections::HashSet::new();
    let mut taken = texts(&events);
    taken.retain(|text| seen.insert(*text) && !["as a phone number", "hola"].contains(text));
    assert_eq!(taken, ["as a user", "as both", "again", "and again"]);
}

#[tokio::test]
async fn a_webhook_with_a_thousand_events_of_people_who_moved_is_stored_at_once() {
    let backend = Backend::start().await;
    let transom = settings(&backend, 4).start().await;
    let meta = transom.meta();
    let people: Vec<[Customer; 3]> = (0..250).map(called).collect();
    for (name, words) in [(0, "as a phone number"), (1, "as a user")] {
        let all = people.iter().map(|names| text(&names[name], words));
        post(&meta, &Webhook::of(all)).await;
    }
    let rounds = ["one", "two", "three", "four"];
    let all = rounds
        .iter()
        .flat_map(|words| people.iter().map(move |names| text(&names[2], words)));
    let webhook = Webhook::of(all);
    let answer = meta.post(&webhook).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let again = meta.post(&webhook).await;
    assert_eq!(again.status, 200, "{again:?}");
    println!(
        "200 after {:?}, and again after {:?}",
        answer.latency, again.latency
    );
    assert!(
        backend.wait_for(1_500, PATIENCE).await,
        "{} arrived",
        backend.distinct()
    );
    let events = backend.events();
    for [_, user, _] in &people {
        let of_person = events.iter().filter(|event| event.subject == user.user_id);
        let mut texts: Vec<&str> = of_person.filter_map(|event| event.text()).collect();
        texts.retain(|text| rounds.contains(text));
        assert_eq!(texts, rounds);
    }
}

#[tokio::test]
async fn who_has_moved_from_a_partition_that_is_broken_holds_up_nobody_else() {
    let backend = Backend::start().await;
    let mut transom = settings(&backend, 4).start().await;
    let meta = transom.meta();
    let [phone, user, both] = called(7);
    writes(&meta, &phone, "as a phone number").await;
    let before = transom.mailbox_files();
    writes(&meta, &user, "as a user").await;
    let former: Vec<_> = transom
        .mailbox_files()
        .difference(&before)
        .cloned()
        .collect();
    writes(&meta, &both, "as both").await;
    assert!(backend.wait_for(3, PATIENCE).await);
    transom.kill().await;
    for path in former {
        fs::write(path, "no database").unwrap();
    }
    transom.restart().await;

    let others = (0..20).map(|n| text(&Customer::nth(n), "hola"));
    let webhook = Webhook::of(others.chain([text(&both, "again")]));
    assert_eq!(meta.post(&webhook).await.status, 503);
    // But for those who belong there themselves.
    assert!(backend.wait_for(3 + 8, PATIENCE).await);
    assert!(!texts(&backend.events()).contains(&"again"));
}

#[tokio::test]
async fn partitions_together_ask_no_more_of_a_destination_at_once_than_it_wants() {
    let backend = Backend::start().await;
    let patient = json!({ "max_in_flight": 8, "timeout_ms": 30_000 });
    let config = json!({
        "destinations": [with(destination("crm", &backend), patient)],
        "numbers": [{ "phone_number_id": NUMBER, "partitions": 4 }],
    });
    let transom = Transom::builder().config(config).start().await;
    backend.always(Answer::Stall);
    let webhook = Webhook::of((0..40).map(|n| text(&Customer::nth(n), "hola")));
    post(&transom.meta(), &webhook).await;
    assert!(backend.wait_for_requests(8, PATIENCE).await);
    tokio::time::sleep(std::time::Duration::from_millis(500)).await;
    assert_eq!(backend.arrivals().len(), 8);
}

#[tokio::test]
async fn a_directory_that_is_broken_holds_up_no_other_number() {
    let backend = Backend::start().await;
    let mut transom = settings(&backend, 4).start().await;
    let meta = transom.meta();
    writes(&meta, &Customer::nth(0), "first").await;
    assert!(backend.wait_for(1, PATIENCE).await);
    transom.kill().await;
    let files = transom.mailbox_files().into_iter();
    let kept: Vec<_> = files
        .map(|path| (path.clone(), fs::read(path).unwrap()))
        .collect();
    for (path, bytes) in &kept {
        fs::write(path, vec![0xa5; bytes.len()]).unwrap();
    }
    transom.restart().await;

    let (one, other) = (Customer::nth(0), Customer::nth(1));
    let at_other = Update::message(&Number::nth(1), &other, Message::text("there"));
    let webhook = Webhook::of([text(&one, "here"), at_other]);
    assert_eq!(meta.post(&webhook).await.status, 503);
    assert!(backend.wait_for(2, PATIENCE).await, "the other number's");

    transom.kill().await;
    for (path, bytes) in &kept {
        fs::write(path, bytes).unwrap();
    }
    transom.restart().await;
    post(&meta, &webhook).await;
    assert!(backend.wait_for(3, PATIENCE).await);
    assert_eq!(backend.distinct(), 3);
}
