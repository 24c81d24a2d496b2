//! The admin API answers for a number with partitions as for one without.
#![cfg(test)]

mod support;

use std::collections::BTreeSet;

use reqwest::Method;
use serde_json::{Value, json};
use simulator::backend::{Answer, Backend};
use simulator::local;
use simulator::webhook::{Customer, Message, Number, Webhook};
use support::{ADMIN_TOKEN, Transom, client, destination, eventually, hasty, post, with};

const NUMBER: &str = local::PHONE_NUMBER_ID;

/// Transom, whose number has four partitions, and a destination that gives everything up at once.
async fn start(crm: &Backend) -> Transom {
    let settings = Transom::builder().config(json!({
        "destinations": [hasty("crm", crm)],
        "numbers": [{ "phone_number_id": NUMBER, "partitions": 4 }],
    }));
    settings.start().await
}

async fn writes(transom: &Transom, customers: &[Customer], text: &str) {
    let webhook = customers.iter().fold(Webhook::new(), |webhook, customer| {
        webhook.message(&Number::local(), customer, Message::text(text))
    });
    post(&transom.meta(), &webhook).await;
}

async fn get(transom: &Transom, path: &str) -> Value {
    let (status, answer) = transom.admin(path).await;
    assert_eq!(status, 200, "{path}: {answer}");
    answer
}

/// The dead letters that a query finds, page by page.
async fn dead_letters(transom: &Transom, query: &str) -> Vec<Value> {
    let mut all = Vec::new();
    let mut after = String::new();
    loop {
        let path = format!("/v1/dead-letters/{NUMBER}?limit=5{query}{after}");
        let page = get(transom, &path).await;
        all.extend(page["dead_letters"].as_array().unwrap().iter().cloned());
        let Some(next) = page["next"].as_str() else {
            return all;
        };
        after = format!("&after={next}");
    }
}

/// So many customers, each with a dead letter.
async fn with_dead_letters(transom: &Transom, crm: &Backend, customers: &[Customer]) -> Vec<Value> {
    crm.always(Answer::status(422));
    writes(transom, customers, "hola").await;
    let all = eventually(async || {
        let letters = dead_letters(transom, "").await;
        (letters.len() == customers.len()).then_some(letters)
    });
    let all = all.await;
    crm.behave();
    all
}

#[tokio::test]
async fn each_destination_is_told_once_with_all_partitions_or_with_one() {
    let crm = Backend::start().await;
    let transom = start(&crm).await;
    let customers: Vec<Customer> = (0..12).map(Customer::nth).collect();
    with_dead_letters(&transom, &crm, &customers).await;
    let path = format!("/v1/destinations/{NUMBER}");
    let all = get(&transom, &path).await;
    assert_eq!(all["destinations"].as_array().unwrap().len(), 1, "{all}");
    let told = &all["destinations"][0];
    assert_eq!(
        (&told["id"], &told["state"], &told["dead_letters"]),
        (&json!("crm"), &json!("active"), &json!(12))
    );
    assert_eq!(told["last_error"]["class"], "status 422");
    for partition in 0..4 {
        let one = get(&transom, &format!("{path}?partition={partition}")).await;
        assert_eq!(one["destinations"][0]["dead_letters"], 3, "{one}");
    }
    let (status, problem) = transom.admin(&format!("{path}?partition=4")).await;
    assert_eq!(status, 404, "{problem}");
}

#[tokio::test]
async fn what_waits_is_tried_in_all_partitions() {
    let crm = Backend::start().await;
    let patient = json!({ "retry": { "first_ms": 600_000, "max_ms": 600_000 } });
    let settings = Transom::builder().config(json!({
        "destinations": [with(destination("crm", &crm), patient)],
        "numbers": [{ "phone_number_id": NUMBER, "partitions": 4 }],
    }));
    let transom = settings.start().await;
    crm.always(Answer::status(401));
    let customers: Vec<Customer> = (0..12).map(Customer::nth).collect();
    writes(&transom, &customers, "hola").await;
    let path = format!("/v1/destinations/{NUMBER}");
    eventually(async || {
        let all = get(&transom, &path).await;
        (all["destinations"][0]["waiting_conversations"] == 12).then_some(())
    })
    .await;
    crm.behave();
    let retry = format!("{path}/crm/retry");
    let (status, told) = transom.ask(Method::POST, &retry, &Value::Null).await;
    assert_eq!((status, &told["waiting_events"]), (200, &json!(12)));
    eventually(async || {
        let all = get(&transom, &path).await;
        (all["destinations"][0]["waiting_events"] == 0).then_some(())
    })
    .await;
}

#[tokio::test]
async fn figures_are_told_for_each_partition() {
    let crm = Backend::start().await;
    let transom = start(&crm).await;
    let request = client()
        .get(transom.url("/metrics"))
        .bearer_auth(ADMIN_TOKEN);
    let metrics = request.send().await.unwrap().text().await.unwrap();
    for partition in 0..4 {
        let labels = format!(r#"phone_number_id="{NUMBER}",partition="{partition}""#);
        let line = format!("transom_mailbox_up{{{labels}}} 1\n");
        assert!(metrics.contains(&line), "{line} in {metrics}");
    }
}

#[tokio::test]
async fn dead_letters_are_listed_chosen_and_deleted_as_of_one_mailbox() {
    let crm = Backend::start().await;
    let transom = start(&crm).await;
    let customers: Vec<Customer> = (0..12).map(Customer::nth).collect();
    let letters = with_dead_letters(&transom, &crm, &customers).await;
    let text = |letter: &Value, name: &str| letter[name].as_str().unwrap().to_owned();
    let ids: BTreeSet<String> = letters.iter().map(|one| text(one, "id")).collect();
    assert_eq!(ids.len(), 12, "none is told twice");
    let conversations: BTreeSet<i64> = letters
        .iter()
        .map(|one| one["conversation"].as_i64().unwrap())
        .collect();
    assert_eq!(conversations.len(), 12, "no two have the same number");

    for letter in &letters {
        let (id, subject) = (text(letter, "id"), text(letter, "subject"));
        let conversation = &letter["conversation"];
        for query in [
            format!("&event={id}"),
            format!("&person={subject}"),
            format!("&conversation={conversation}"),
            format!("&conversation={conversation}&person={subject}"),
        ] {
            let found = dead_letters(&transom, &query).await;
            assert_eq!(found, std::slice::from_ref(letter), "{query}");
        }
        let found = transom.conversation(&subject).await;
        assert_eq!(found["conversation"], *conversation);
    }
    let (status, problem) = transom
        .admin(&format!("/v1/dead-letters/{NUMBER}?person=19995550000"))
        .await;
    assert_eq!(status, 404, "{problem}");

    let delete = async |query: &str| {
        let path = format!("/v1/dead-letters/{NUMBER}?destination=crm{query}");
        transom.ask(Method::DELETE, &path, &Value::Null).await
    };
    let one = format!("&event={}", text(&letters[4], "id"));
    let (_, would_go) = delete(&one).await;
    assert_eq!(would_go["count"], 1);
    let went = delete(&format!("{one}&confirm={}", would_go["confirm"])).await;
    assert_eq!(went, (200, json!({ "deleted": 1 })));
    let (status, would_go) = delete("&confirm=12").await;
    assert_eq!((status, &would_go["count"]), (409, &json!(11)));
    assert!(would_go["oldest"].is_string() && would_go["newest"].is_string());
    assert_eq!(dead_letters(&transom, "").await.len(), 11);
    let went = delete(&format!("&confirm={}", would_go["confirm"])).await;
    assert_eq!(went, (200, json!({ "deleted": 11 })));
    assert_eq!(delete("&confirm=0").await, (200, json!({ "deleted": 0 })));
    assert_eq!(dead_letters(&transom, "").await, Vec::<Value>::new());
}

#[tokio::test]
async fn a_replay_of_a_number_is_one_with_the_progress_of_all() {
    let crm = Backend::start().await;
    let transom = start(&crm).await;
    let customers: Vec<Customer> = (0..12).map(Customer::nth).collect();
    let letters = with_dead_letters(&transom, &crm, &customers).await;
    let replays = format!("/v1/replays/{NUMBER}");
    let post = async |path: String, body: Value| transom.ask(Method::POST, &path, &body).await;
    let ended = async |id: &Value| {
        let path = format!("{replays}/{}", id.as_str().unwrap());
        eventually(async || {
            let replay = get(&transom, &path).await;
            replay["ended"].is_string().then_some(replay)
        })
        .await
    };
    let subject = &letters[3]["subject"];
    let (status, of_person) = post(
        replays.clone(),
        json!({ "destination": "crm", "person": subject }),
    )
    .await;
    assert_eq!(status, 202, "{of_person}");
    let of_person = ended(&of_person["id"]).await;
    assert_eq!(
        (&of_person["found"], &of_person["delivered"]),
        (&json!(1), &json!(1))
    );

    let (status, all) = post(replays.clone(), json!({ "destination": "crm" })).await;
    assert_eq!(status, 202, "{all}");
    let all = ended(&all["id"]).await;
    assert_eq!(
        (&all["state"], &all["found"], &all["delivered"]),
        (&json!("done"), &json!(11), &json!(11))
    );
    assert_eq!(dead_letters(&transom, "").await, Vec::<Value>::new());
    assert_eq!(crm.events().len(), 12);

    let first = get(&transom, &format!("{replays}?limit=1")).await;
    assert_eq!(first["replays"], json!([all]));
    let next = first["next"].as_str().unwrap();
    let second = get(&transom, &format!("{replays}?limit=1&after={next}")).await;
    assert_eq!(second["replays"], json!([of_person]));
    assert_eq!(second["next"], Value::Null);

    let stop = format!("{replays}/{}/stop", all["id"].as_str().unwrap());
    let (status, told) = post(stop, json!({})).await;
    assert_eq!((status, &told), (200, &all), "it was over");
    let (status, _) = transom.admin(&format!("{replays}/1-a")).await;
    assert_eq!(status, 404);
    let (status, problem) = post(replays.clone(), json!({ "to": "nobody" })).await;
    assert_eq!(status, 404, "{problem}");
}

#[tokio::test]
async fn what_died_before_somebody_moved_is_found_by_any_of_their_names() {
    let crm = Backend::start().await;
    let transom = start(&crm).await;
    let both = Customer::nth(7);
    let phone = Customer::new(both.phone.clone().unwrap());
    let user = Customer::without_phone(both.user_id.clone().unwrap());
    with_dead_letters(&transom, &crm, &[phone.clone(), user.clone()]).await;
    writes(&transom, &[both], "as both").await;
    for name in [phone.phone.unwrap(), user.user_id.unwrap()] {
        let letters = dead_letters(&transom, &format!("&person={name}")).await;
        assert_eq!(letters.len(), 2, "{name}");
    }
}
