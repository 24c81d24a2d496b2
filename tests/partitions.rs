//! A busy number's conversations are spread over several objects, and nobody notices.
#![cfg(test)]

mod support;

use serde_json::{Value, json};
use simulator::backend::{Answer, Backend};
use simulator::graph::Graph;
use simulator::local;
use simulator::webhook::{Customer, Message, Number, Update, Webhook};
use support::{
    ADMIN_TOKEN, DESTINATION_SECRET, PATIENCE, Settings, Transom, destination, texts, with,
};

const NUMBER: &str = local::PHONE_NUMBER_ID;

fn settings(backend: &Backend, partitions: u32) -> Settings {
    settings_with(backend, partitions, json!({}))
}

fn settings_with(backend: &Backend, partitions: u32, more: Value) -> Settings {
    let patient = json!({ "retry": { "first_ms": 300, "max_ms": 500, "total_ms": 3_600_000 } });
    Transom::builder()
        .secret("DESTINATION_SECRET", DESTINATION_SECRET)
        .config(with(
            json!({
                "destinations": [with(destination("crm", backend), patient)],
                "numbers": [{ "phone_number_id": NUMBER, "partitions": partitions }],
            }),
            more,
        ))
}

fn text(customer: &Customer, text: &str) -> Update {
    Update::message(&Number::local(), customer, Message::text(text))
}

/// Customer `n` by phone number alone, by user id alone, and by both.
fn called(n: usize) -> [Customer; 3] {
    let both = Customer::nth(n);
    let phone = Customer::new(both.phone.clone().unwrap());
    let user = Customer::without_phone(both.user_id.clone().unwrap());
    [phone, user, both]
}

async fn takes(transom: &Transom, webhook: &Webhook) {
    assert_eq!(transom.meta().post(webhook).await.status, 200);
}

#[tokio::test]
async fn every_event_arrives_once_in_the_order_of_its_conversation() {
    let backend = Backend::start(DESTINATION_SECRET).await;
    let mut transom = settings(&backend, 4).start().await;
    for round in 0..5 {
        let all = (0..20).map(|n| text(&Customer::nth(n), &format!("{n} {round}")));
        let webhook = Webhook::of(all);
        takes(&transom, &webhook).await;
        takes(&transom, &webhook).await;
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
    assert_eq!(backend.faults(), Vec::<String>::new());
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
async fn whatever_somebody_is_called_it_is_one_conversation() {
    let backend = Backend::start(DESTINATION_SECRET).await;
    let transom = settings(&backend, 4).start().await;
    for n in 0..8 {
        let [phone, user, both] = called(n);
        for (customer, words) in [
            (&phone, "one"),
            (&both, "two"),
            (&user, "three"),
            (&phone, "four"),
        ] {
            takes(&transom, &Webhook::of([text(customer, words)])).await;
        }
        let mut conversations = Vec::new();
        for name in [phone.phone.unwrap(), user.user_id.unwrap()] {
            let path = format!("/v1/conversations/{NUMBER}/{name}");
            let (status, found) = transom.admin(&path).await;
            assert_eq!(status, 200, "{found}");
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
    let backend = Backend::start(DESTINATION_SECRET).await;
    let transom = settings(&backend, 4).start().await;
    let [phone, user, both] = called(7);
    let early = Webhook::of([text(&user, "as a user")]);
    takes(&transom, &Webhook::of([text(&phone, "as a phone number")])).await;
    takes(&transom, &early).await;
    takes(&transom, &Webhook::of([text(&both, "as both")])).await;
    // Meta is in doubt and repeats what the other partition has.
    takes(&transom, &early).await;
    takes(&transom, &Webhook::of([text(&user, "as a user again")])).await;
    assert!(backend.wait_for(4, PATIENCE).await);
    let path = format!("/v1/conversations/{NUMBER}/{}", user.user_id.unwrap());
    let (_, found) = transom.admin(&path).await;
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
    let backend = Backend::start(DESTINATION_SECRET).await;
    let mut transom = settings(&backend, 4).start().await;
    let [phone, user, both] = called(7);
    backend.when(
        |arrival| arrival.event().text() == Some("as a user") && arrival.attempt < 3,
        Answer::status(422),
    );
    takes(&transom, &Webhook::of([text(&phone, "as a phone number")])).await;
    takes(&transom, &Webhook::of([text(&user, "as a user")])).await;
    takes(&transom, &Webhook::of([text(&both, "as both")])).await;
    assert!(backend.wait_for_requests(2, PATIENCE).await);
    transom.restart().await;
    takes(&transom, &Webhook::of([text(&phone, "again")])).await;
    takes(&transom, &Webhook::of([text(&user, "and again")])).await;
    // Others do not wait.
    takes(&transom, &Webhook::of([text(&Customer::nth(8), "hola")])).await;
    assert!(backend.wait_for(6, PATIENCE).await);
    let events = backend.events();
    let mut seen = std::collections::HashSet::new();
    let mut taken = texts(&events);
    taken.retain(|text| seen.insert(*text) && !["as a phone number", "hola"].contains(text));
    assert_eq!(taken, ["as a user", "as both", "again", "and again"]);
}

#[tokio::test]
async fn a_webhook_with_a_thousand_events_of_people_who_moved_is_stored_at_once() {
    let backend = Backend::start(DESTINATION_SECRET).await;
    let transom = settings(&backend, 4).start().await;
    let people: Vec<[Customer; 3]> = (0..250).map(called).collect();
    for (name, words) in [(0, "as a phone number"), (1, "as a user")] {
        let all = people.iter().map(|names| text(&names[name], words));
        takes(&transom, &Webhook::of(all)).await;
    }
    let rounds = ["one", "two", "three", "four"];
    let all = rounds
        .iter()
        .flat_map(|words| people.iter().map(move |names| text(&names[2], words)));
    let webhook = Webhook::of(all);
    let answer = transom.meta().post(&webhook).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let again = transom.meta().post(&webhook).await;
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
    assert_eq!(backend.faults(), Vec::<String>::new());
}

#[tokio::test]
async fn messages_go_to_whom_they_are_for_from_the_partition_that_knows_them() {
    let (backend, graph) = (
        Backend::start(DESTINATION_SECRET).await,
        Graph::start().await,
    );
    let transom = settings(&backend, 4).graph(&graph).start().await;
    let client = reqwest::Client::new();
    let post = async |body: Value| {
        let request = client
            .post(transom.url("/v1/messages"))
            .bearer_auth(ADMIN_TOKEN);
        let answer = request.json(&body).send().await.unwrap();
        (
            answer.status().as_u16(),
            answer.json::<Value>().await.unwrap(),
        )
    };
    let hello = json!({ "type": "text", "text": { "body": "hola" } });
    let mut ids = std::collections::BTreeSet::new();
    for n in 0..6 {
        let [phone, user, both] = called(n);
        takes(&transom, &Webhook::of([text(&both, "hola")])).await;
        for whom in [
            json!({ "to": phone.phone }),
            json!({ "recipient": user.user_id }),
            json!({ "conversation": user.user_id }),
        ] {
            let mut body = json!({ "phone_number_id": NUMBER, "message": hello });
            body.as_object_mut()
                .unwrap()
                .extend(whom.as_object().unwrap().clone());
            let (status, answer) = post(body).await;
            assert_eq!(status, 202, "{answer}");
            ids.insert(answer["messages"][0]["id"].as_str().unwrap().to_owned());
        }
    }
    assert_eq!(ids.len(), 18, "no two sends have the same id");
    for id in ids {
        let sent = support::eventually(async || {
            let (status, send) = transom.admin(&format!("/v1/messages/{id}")).await;
            assert_eq!(status, 200, "{send}");
            (send["state"] == "accepted").then_some(send)
        });
        sent.await;
    }
    let (status, answer) =
        post(json!({ "phone_number_id": NUMBER, "to": "16505550199", "message": hello })).await;
    assert_eq!(status, 409, "nobody's window: {answer}");
    let one = json!({ "to": "16505550199", "message": hello });
    let (status, answer) = post(json!({ "phone_number_id": NUMBER, "sends": [one, one] })).await;
    assert_eq!(status, 422, "{answer}");
}

#[tokio::test]
async fn a_rules_reply_that_waits_where_somebody_was_does_not_go_once_a_person_has_taken_over() {
    let (backend, graph) = (
        Backend::start(DESTINATION_SECRET).await,
        Graph::start().await,
    );
    let hours = json!({ "id": "hours", "when": { "text": "hours" },
                        "reply": { "type": "text", "text": { "body": "9 to 18" } } });
    let settings = settings_with(&backend, 4, json!({ "replies": [hours] }));
    let transom = settings.graph(&graph).start().await;
    let [phone, user, both] = called(7);
    let [other_phone, other, other_both] = called(8);
    for phone in [&phone, &other_phone] {
        takes(&transom, &Webhook::of([text(phone, "as a phone number")])).await;
    }
    // Meta lets both replies wait.
    graph.fail_all(131_056);
    takes(
        &transom,
        &Webhook::of([text(&user, "hours?"), text(&other, "hours?")]),
    )
    .await;
    assert!(graph.wait_for(4, PATIENCE).await);
    graph.behave();
    takes(
        &transom,
        &Webhook::of([text(&both, "as both"), text(&other_both, "as both")]),
    )
    .await;
    let echo = json!({
        "messaging_product": "whatsapp",
        "message_echoes": [{ "from": "15550783881", "to": phone.phone, "id": "wamid.ECHO",
                             "timestamp": simulator::clock::unix_now().to_string(), "type": "text",
                             "text": { "body": "I do this" } }],
    });
    let echo = Webhook::new().change_of(&Number::local(), "smb_message_echoes", echo);
    takes(&transom, &echo).await;
    let sends = support::eventually(async || {
        let mut events = backend.events();
        events.retain(|event| event.text() == Some("hours?"));
        (events.len() == 2).then_some(events)
    });
    for event in sends.await {
        let id = event.data["rule"]["sends"][0].as_str().unwrap().to_owned();
        let path = format!("/v1/messages/{id}");
        let ended = support::eventually(async || {
            let (_, told) = transom.admin(&path).await;
            (told["state"] == "accepted" || told["state"] == "failed").then_some(told)
        });
        let ended = ended.await;
        if event.subject == user.user_id {
            assert_eq!(
                ended["error"],
                json!({ "class": "handover", "code": null }),
                "{ended}"
            );
        } else {
            assert_eq!(ended["state"], "accepted", "{ended}");
        }
    }
}
