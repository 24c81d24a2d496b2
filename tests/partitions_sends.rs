//! Messages go out from the partition that has the conversation, wherever its person was before.
#![cfg(test)]

mod support;

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};
use simulator::graph::Answer;
use simulator::local;
use simulator::webhook::{Customer, Message, Number, Status, Update, Webhook};
use support::{PATIENCE, Scene, called, eventually, template, text, with};

const NUMBER: &str = local::PHONE_NUMBER_ID;

async fn start_with(config: Value) -> Scene {
    let partitions = json!({ "numbers": [{ "phone_number_id": NUMBER, "partitions": 4 }] });
    Scene::start_with(with(partitions, config)).await
}

fn says(customer: &Customer, text: &str) -> Update {
    Update::message(&Number::local(), customer, Message::text(text))
}

#[tokio::test]
async fn messages_go_to_whom_they_are_for_from_the_partition_that_knows_them() {
    let scene = start_with(json!({})).await;
    let hello = text("hola");
    let mut ids = std::collections::BTreeSet::new();
    for n in 0..6 {
        let [phone, user, both] = called(n);
        scene.writes(&both, "hola").await;
        for whom in [
            json!({ "to": phone.phone }),
            json!({ "recipient": user.user_id }),
            json!({ "conversation": user.user_id }),
        ] {
            let id = scene.send(with(whom, json!({ "message": hello }))).await;
            ids.insert(id);
        }
    }
    assert_eq!(ids.len(), 18, "no two sends have the same id");
    for id in ids {
        scene.send_in_state(&id, "accepted").await;
    }
    let nobodys = json!({ "to": "16505550199", "message": hello });
    let (status, answer) = scene.ask(nobodys.clone()).await;
    assert_eq!(status, 409, "nobody's window: {answer}");
    let (status, answer) = scene.ask(json!({ "sends": [nobodys, nobodys] })).await;
    assert_eq!(status, 422, "{answer}");
}

#[tokio::test]
async fn partitions_together_send_no_faster_than_their_number_may() {
    const FIRST: usize = 20;
    let scene = start_with(json!({ "sending": { "per_second": 20 } })).await;
    for n in 0..4 * FIRST {
        let to = Customer::nth(n).phone;
        let send = json!({ "to": to, "message": template("hello") });
        scene.send(send).await;
    }
    assert!(scene.graph.wait_for(4 * FIRST, PATIENCE).await);
    let requests = scene.graph.requests();
    // The first may be late, and those behind them on time.
    let took = requests[4 * FIRST - 1].at - requests[FIRST].at;
    assert!(took > Duration::from_millis(2_700), "60 in {took:?}");
}

#[tokio::test]
async fn partitions_together_answer_no_more_in_a_day_than_their_number_may() {
    let all = json!({ "id": "all", "when": {}, "reply": text("Hi") });
    let scene = start_with(json!({ "replies": [all], "answering": { "per_day": 6 } })).await;
    let webhook = Webhook::of((0..40).map(|n| says(&Customer::nth(n), "hola")));
    scene.post(&webhook).await;
    let told = eventually(async || {
        let mut events = scene.backend.events();
        events.retain(|event| event.text().is_some());
        (events.len() == 40).then_some(events)
    });
    let told = told.await.into_iter();
    let withheld = told.filter(|event| event.data["rule"]["withheld"] == "budget");
    assert_eq!(withheld.count(), 34);
    assert!(scene.graph.wait_for(6, PATIENCE).await);
    assert_eq!(scene.graph.messages().len(), 6);
}

#[tokio::test]
async fn what_meta_tells_of_a_send_reaches_it_where_its_person_was_when_it_went() {
    let scene = start_with(json!({})).await;
    let [phone, user, both] = called(7);
    let message = json!({ "message": text("hola"), "fallback": template("hello") });
    // One of each pair goes out where they are no more.
    let (mut lost, mut late) = (Vec::new(), Vec::new());
    for (customer, whom) in [
        (&phone, json!({ "to": phone.phone })),
        (&user, json!({ "recipient": user.user_id })),
    ] {
        scene.writes(customer, "hola").await;
        scene.graph.next(Answer::Close);
        let id = scene.send(with(whom.clone(), message.clone())).await;
        scene.send_in_state(&id, "unknown").await;
        lost.push(id);
        let id = scene.send(with(whom, message.clone())).await;
        let accepted = scene.send_in_state(&id, "accepted").await;
        late.push((id, accepted["message_id"].as_str().unwrap().to_owned()));
    }
    scene.writes(&both, "hola").await;
    let told = async |status: Status| {
        let webhook = Webhook::new().status(&Number::local(), &both, status);
        scene.post(&webhook).await;
        // Meta is in doubt.
        scene.post(&webhook).await;
    };
    for id in &lost {
        told(Status::sent(&format!("wamid.{id}")).callback_data(id)).await;
        let send = scene.send_in_state(id, "accepted").await;
        assert_eq!(send["message_id"], format!("wamid.{id}"), "{send}");
    }
    for (id, message_id) in &late {
        told(Status::failed(message_id, 131_047).callback_data(id)).await;
        let fell_back = eventually(async || {
            let send = scene.send_in_state(id, "accepted").await;
            (send["goes_as"] == "fallback").then_some(send)
        });
        assert_ne!(fell_back.await["message_id"], json!(message_id));
    }
    let sent: Vec<String> = scene
        .graph
        .messages()
        .iter()
        .map(|sent| sent.kind().to_owned())
        .collect();
    assert_eq!(
        sent,
        ["text", "text", "text", "text", "template", "template"]
    );
}

#[tokio::test]
async fn a_rules_reply_that_waits_where_somebody_was_does_not_go_once_a_person_has_taken_over() {
    let hours = json!({ "id": "hours", "when": { "text": "hours" },
                        "reply": text("9 to 18") });
    let scene = start_with(json!({ "replies": [hours] })).await;
    let [phone, user, both] = called(7);
    let [other_phone, other, other_both] = called(8);
    for phone in [&phone, &other_phone] {
        let webhook = Webhook::of([says(phone, "as a phone number")]);
        scene.post(&webhook).await;
    }
    // Meta lets both replies wait.
    scene.graph.fail_all(131_056);
    let webhook = Webhook::of([says(&user, "hours?"), says(&other, "hours?")]);
    scene.post(&webhook).await;
    assert!(scene.graph.wait_for(4, PATIENCE).await);
    let webhook = Webhook::of([says(&both, "as both"), says(&other_both, "as both")]);
    scene.post(&webhook).await;
    let echo = json!({
        "messaging_product": "whatsapp",
        "message_echoes": [{ "from": "15550783881", "to": phone.phone, "id": "wamid.ECHO",
                             "timestamp": simulator::clock::unix_now().to_string(), "type": "text",
                             "text": { "body": "I do this" } }],
    });
    let echo = Webhook::new().change_of(&Number::local(), "smb_message_echoes", echo);
    scene.post(&echo).await;
    scene.graph.behave();
    let sends = eventually(async || {
        let mut events = scene.backend.events();
        events.retain(|event| event.text() == Some("hours?"));
        (events.len() == 2).then_some(events)
    });
    for event in sends.await {
        let id = event.data["rule"]["sends"][0].as_str().unwrap().to_owned();
        if event.subject == user.user_id {
            let failed = scene.send_in_state(&id, "failed").await;
            assert_eq!(
                failed["error"],
                json!({ "class": "handover", "code": null })
            );
        } else {
            scene.send_in_state(&id, "accepted").await;
        }
    }
}

#[tokio::test]
async fn an_opt_out_told_before_the_customer_writes_is_kept_with_partitions() {
    let scene = start_with(json!({ "consent": {} })).await;
    let promo = json!({ "message": template("promo") });
    let mut partitions = std::collections::BTreeSet::new();
    for n in 1..=6 {
        let [_, user, both] = called(n);
        for (whom, person) in [("to", &both.phone), ("recipient", &user.user_id)] {
            let person = person.as_deref().unwrap();
            let path = format!("/v1/consent/{NUMBER}/{person}");
            let out = json!({ "state": "opted_out" });
            let (status, told) = scene.transom.ask(Method::PUT, &path, &out).await;
            assert_eq!(status, 200, "{told}");
            let (_, kept) = scene.transom.admin(&path).await;
            assert_eq!(kept["state"], "opted_out", "{kept}");
            partitions.insert(kept["conversation"].as_i64().unwrap() % 4);
            let (status, answer) = scene
                .ask(with(json!({ (whom): person }), promo.clone()))
                .await;
            assert_eq!(status, 403, "{answer}");
        }
        scene.writes(&both, "hola").await;
        let whom = json!({ "to": both.phone });
        let (status, answer) = scene.ask(with(whom, promo.clone())).await;
        assert_eq!(status, 403, "once they have written: {answer}");
    }
    assert!(partitions.len() > 1, "not all in one: {partitions:?}");
}

#[tokio::test]
async fn whom_meta_tells_to_have_stopped_where_they_were_gets_no_advertising_where_they_are() {
    let scene = start_with(json!({ "consent": {} })).await;
    let [phone, user, both] = called(7);
    for customer in [&user, &phone] {
        scene.writes(customer, "hola").await;
    }
    // The message waits where they were until they are elsewhere.
    scene.graph.fail_all(131_056);
    let whom = json!({ "to": phone.phone, "message": text("hola") });
    let id = scene.send(whom).await;
    assert!(scene.graph.wait_for(1, PATIENCE).await);
    scene.writes(&both, "as both").await;
    scene.graph.behave();
    scene.graph.fail_all(131_050);
    scene.send_in_state(&id, "failed").await;
    let promo = json!({ "recipient": user.user_id, "message": template("promo") });
    let (status, answer) = scene.ask(promo).await;
    assert_eq!(status, 403, "{answer}");
}

#[tokio::test]
async fn a_request_is_repeated_without_effect_wherever_its_person_is_by_then() {
    let scene = start_with(json!({})).await;
    let [phone, user, both] = called(7);
    let parent = Customer::default().parent_user_id("US.ENT.1");
    for customer in [&user, &parent, &phone] {
        scene.post(&Webhook::of([says(customer, "hola")])).await;
    }
    let request = json!({ "to": phone.phone, "message": template("order") });
    let other = json!({ "to": phone.phone, "message": template("other") });
    let (status, first) = scene.ask_as("order-981", &request).await;
    assert_eq!(status, 202, "{first}");
    for known in [
        phone.clone().parent_user_id("US.ENT.1"),
        both.clone().parent_user_id("US.ENT.1"),
    ] {
        scene.post(&Webhook::of([says(&known, "hola")])).await;
        let (one, another) = tokio::join!(
            scene.ask_as("order-981", &request),
            scene.ask_as("order-981", &request)
        );
        assert_eq!([&one, &another], [&(202, first.clone()); 2]);
        let (status, answer) = scene.ask_as("order-981", &other).await;
        assert_eq!(status, 422, "{answer}");
        let (one, another) = tokio::join!(
            scene.ask_as("order-982", &request),
            scene.ask_as("order-982", &request)
        );
        assert_eq!(one.0, 202, "{one:?}");
        assert_eq!(one, another);
    }
    assert!(scene.graph.wait_for(2, PATIENCE).await);
    let last = scene.send(json!({ "to": phone.phone, "message": text("last") }));
    scene.send_in_state(&last.await, "accepted").await;
    assert_eq!(scene.graph.messages().len(), 3);
}

/// With the number that WhatsApp knows somebody by, Meta tells whose it is, who may write without it.
#[tokio::test]
async fn who_opts_out_under_a_user_id_that_meta_told_of_is_not_written_to_again_with_partitions() {
    let scene = start_with(json!({ "consent": {} })).await;
    scene.graph.knows("551187654321", "BR.1");
    let promo = json!({ "to": "5511987654321", "message": template("promo") });
    let id = scene.send(promo.clone()).await;
    scene.send_in_state(&id, "accepted").await;
    let ana = Customer::without_phone("BR.1");
    scene.writes(&ana, "STOP").await;
    let (status, answer) = scene.ask(promo).await;
    assert_eq!(status, 403, "{answer}");
}
