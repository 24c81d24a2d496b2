//! Events are delivered once more when somebody asks for it: under their ids, marked, in small steps, until stopped.
#![cfg(test)]

mod support;

use std::collections::BTreeSet;
use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};
use simulator::backend::{Answer, Backend, Event};
use simulator::local;
use simulator::webhook::{Customer, Message, Number, Webhook};
use support::{PATIENCE, Transom, destination, eventually, hasty, with};

const NUMBER: &str = local::PHONE_NUMBER_ID;

/// Transom with these destinations, where events are kept for a day.
async fn keeping(destinations: impl IntoIterator<Item = Value>) -> Transom {
    let destinations: Vec<Value> = destinations.into_iter().collect();
    Transom::builder()
        .config(json!({ "destinations": destinations, "keep_hours": 24 }))
        .start()
        .await
}

/// So many customers write one message each, in webhooks of a hundred.
async fn write(transom: &Transom, customers: std::ops::Range<usize>) {
    let all: Vec<usize> = customers.collect();
    for some in all.chunks(100) {
        let mut webhook = Webhook::new();
        for n in some {
            let message = Message::text(&format!("message {n}"));
            webhook = webhook.message(&Number::local(), &Customer::nth(*n), message);
        }
        assert_eq!(transom.meta().post(&webhook).await.status, 200);
    }
}

async fn post(transom: &Transom, path: &str, body: &Value) -> (u16, Value) {
    let path = format!("/v1/replays/{NUMBER}{path}");
    transom.ask(Method::POST, &path, body).await
}

/// Begins a replay and gives its id.
async fn begin(transom: &Transom, body: Value) -> String {
    let (status, replay) = post(transom, "", &body).await;
    assert_eq!(
        (status, &replay["state"]),
        (202, &json!("running")),
        "{replay}"
    );
    replay["id"].as_str().unwrap().to_owned()
}

async fn told(transom: &Transom, id: &str) -> Value {
    let (status, replay) = transom.admin(&format!("/v1/replays/{NUMBER}/{id}")).await;
    assert_eq!(status, 200, "{replay}");
    replay
}

async fn wait_for_end(transom: &Transom, id: &str) -> Value {
    eventually(async || {
        let replay = told(transom, id).await;
        (replay["state"] != "running" && replay["ended"].is_string()).then_some(replay)
    })
    .await
}

fn figures(replay: &Value) -> [i64; 5] {
    ["found", "waiting", "delivered", "died", "dropped"].map(|name| replay[name].as_i64().unwrap())
}

async fn dead_letters(transom: &Transom) -> Vec<String> {
    let (status, page) = transom.admin(&format!("/v1/dead-letters/{NUMBER}")).await;
    assert_eq!(status, 200, "{page}");
    let letters = page["dead_letters"].as_array().unwrap().iter();
    letters
        .map(|letter| letter["id"].as_str().unwrap().to_owned())
        .collect()
}

/// `n` dead letters of `crm`.
async fn with_dead_letters(transom: &Transom, crm: &Backend, n: usize) -> Vec<String> {
    crm.always(Answer::status(422));
    write(transom, 0..n).await;
    let letters = eventually(async || {
        let letters = dead_letters(transom).await;
        (letters.len() == n).then_some(letters)
    })
    .await;
    crm.behave();
    letters
}

#[tokio::test]
async fn dead_letters_come_again_under_their_ids_and_say_what_they_are() {
    let crm = Backend::start().await;
    let other = Backend::start().await;
    let choosy = with(
        destination("other", &other),
        json!({ "events": ["whatsapp.flow.*"] }),
    );
    let settings = Transom::builder().destinations([hasty("crm", &crm), choosy]);
    let transom = settings.start().await;
    let letters = with_dead_letters(&transom, &crm, 3).await;

    let one = begin(
        &transom,
        json!({ "destination": "crm", "event": letters[1] }),
    )
    .await;
    assert_eq!(
        figures(&wait_for_end(&transom, &one).await),
        [1, 0, 1, 0, 0]
    );
    let event = crm.events().remove(0);
    assert_eq!(
        (&event.id, &event.data["replayed"]),
        (&letters[1], &json!(true))
    );

    let person = Customer::nth(2);
    let person = person.user_id.as_deref().unwrap();
    let of_person = begin(&transom, json!({ "destination": "crm", "person": person })).await;
    assert_eq!(wait_for_end(&transom, &of_person).await["delivered"], 1);
    assert_eq!(crm.events()[1].text(), Some("message 2"));

    let until = "2099-01-01T00:00:00Z";
    let rest = begin(
        &transom,
        json!({ "destination": "crm", "to": "other", "until": until }),
    )
    .await;
    let rest = wait_for_end(&transom, &rest).await;
    assert_eq!(
        (&rest["until"], &rest["to"]),
        (&json!(until), &json!("other"))
    );
    assert_eq!(other.events()[0].id, letters[0]);
    assert_eq!(dead_letters(&transom).await, Vec::<String>::new());

    let (_, page) = transom
        .admin(&format!("/v1/replays/{NUMBER}?limit=2"))
        .await;
    assert_eq!(page["replays"][0]["id"], rest["id"], "the latest first");
    let next = page["next"].as_str().unwrap();
    let (_, page) = transom
        .admin(&format!("/v1/replays/{NUMBER}?limit=2&after={next}"))
        .await;
    assert_eq!(page["replays"][0]["id"], json!(one));
    assert!(page.get("next").is_none());
}

#[tokio::test]
async fn what_cannot_be_replayed_is_refused_and_said() {
    let crm = Backend::start().await;
    let transom = Transom::builder()
        .destinations([destination("crm", &crm)])
        .start()
        .await;
    for (body, status, detail) in [
        (json!({}), 400, "destination or to: one is required"),
        (
            json!({ "destination": "crm", "of": "some" }),
            400,
            "of: must be dead-letters or all",
        ),
        (
            json!({ "destination": "crm", "to": "erp" }),
            404,
            "there is no destination to replay to: name one in `to`",
        ),
        (
            json!({ "destination": "crmm", "to": "crm", "of": "all" }),
            404,
            "there is no such `destination`: of one that was taken out, only dead letters can be replayed",
        ),
        (
            json!({ "destination": "crm", "person": "16505550000" }),
            404,
            "this number has no conversation with this person",
        ),
    ] {
        let (told, problem) = post(&transom, "", &body).await;
        assert_eq!(
            (told, problem["detail"].as_str()),
            (status, Some(detail)),
            "{body}"
        );
    }
}

#[tokio::test]
async fn what_was_delivered_long_ago_comes_again_also_to_a_destination_that_is_new() {
    let crm = Backend::start().await;
    let bot = Backend::start().await;
    let destinations = [destination("crm", &crm), destination("bot", &bot)];
    let mut transom = keeping([destinations[0].clone()]).await;
    write(&transom, 0..250).await;
    assert!(crm.wait_for(250, PATIENCE).await);
    transom
        .restart_with(
            Transom::builder().config(json!({ "destinations": destinations, "keep_hours": 24 })),
        )
        .await;
    let id = begin(
        &transom,
        json!({ "destination": "crm", "to": "bot", "of": "all" }),
    )
    .await;
    let replay = wait_for_end(&transom, &id).await;
    assert_eq!(
        (&replay["state"], figures(&replay)),
        (&json!("done"), [250, 0, 250, 0, 0])
    );
    // What crm took in its last second before the restart may come to it again, but nothing of the replay does.
    let ids = |backend: &Backend| -> BTreeSet<String> {
        backend.events().into_iter().map(|event| event.id).collect()
    };
    assert_eq!((ids(&crm).len(), bot.events().len()), (250, 250));
    assert_eq!(ids(&crm), ids(&bot));
    let marked = |event: &Event| event.data["replayed"] == true;
    assert!(!crm.events().iter().any(marked));
    assert!(bot.events().iter().all(marked));
}

#[tokio::test]
async fn a_replay_goes_on_after_a_power_cut_and_no_event_of_it_is_lost() {
    let crm = Backend::start().await;
    let slow = json!({ "max_in_flight": 4 });
    let mut transom = keeping([with(destination("crm", &crm), slow)]).await;
    write(&transom, 0..300).await;
    assert!(crm.wait_for(300, PATIENCE).await);
    crm.forget();
    crm.always(Answer::slow(Duration::from_millis(20)));
    let id = begin(&transom, json!({ "destination": "crm", "of": "all" })).await;
    for taken in [40, 150] {
        assert!(crm.wait_for(taken, PATIENCE).await);
        transom.restart().await;
    }
    let replay = wait_for_end(&transom, &id).await;
    assert_eq!(
        (&replay["state"], figures(&replay)),
        (&json!("done"), [300, 0, 300, 0, 0])
    );
    assert_eq!(crm.distinct(), 300);
}

#[tokio::test]
async fn a_replay_leaves_room_for_what_is_new_and_can_be_stopped() {
    let crm = Backend::start().await;
    let slow = json!({ "max_per_second": 40, "max_in_flight": 2 });
    let transom = keeping([with(destination("crm", &crm), slow)]).await;
    write(&transom, 0..200).await;
    assert!(crm.wait_for(200, PATIENCE).await);
    crm.forget();
    let id = begin(&transom, json!({ "destination": "crm", "of": "all" })).await;
    assert!(crm.wait_for(20, PATIENCE).await);
    write(&transom, 1000..1010).await;
    let fresh = |crm: &Backend| {
        let events = crm.events();
        events
            .iter()
            .filter(|event| event.data.get("replayed").is_none())
            .count()
    };
    eventually(async || (fresh(&crm) == 10).then_some(())).await;
    let so_far = crm.events().len();
    assert!(so_far < 100, "the replay went first: {so_far}");

    let (status, stopped) = post(&transom, &format!("/{id}/stop"), &json!({})).await;
    assert_eq!(
        (status, &stopped["state"]),
        (200, &json!("stopped")),
        "{stopped}"
    );
    let stopped = wait_for_end(&transom, &id).await;
    let [found, waiting, delivered, died, dropped] = figures(&stopped);
    assert_eq!(
        (waiting, died, found),
        (0, 0, delivered + dropped),
        "{stopped}"
    );
    assert!(dropped > 0, "{stopped}");
    let taken = crm.events().len();
    assert_eq!(i64::try_from(taken - 10).unwrap(), delivered);
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!(crm.events().len(), taken, "nothing more goes");
    assert_eq!(transom.waiting(NUMBER, "crm").await["waiting_events"], 0);
}

#[tokio::test]
async fn what_a_replay_may_still_deliver_is_not_deleted() {
    let crm = Backend::start().await;
    let transom = keeping([hasty("crm", &crm)]).await;
    with_dead_letters(&transom, &crm, 2).await;
    crm.always(Answer::slow(PATIENCE));
    let id = begin(&transom, json!({ "destination": "crm" })).await;
    let path = format!("/v1/dead-letters/{NUMBER}?destination=crm");
    let (status, problem) = transom.ask(Method::DELETE, &path, &Value::Null).await;
    assert_eq!((status, problem.get("confirm")), (409, None), "{problem}");
    assert!(
        problem["detail"].as_str().unwrap().contains(&id),
        "{problem}"
    );
}

#[tokio::test]
async fn without_the_setting_nothing_that_was_delivered_is_there_to_be_replayed() {
    let crm = Backend::start().await;
    let transom = Transom::builder()
        .destinations([destination("crm", &crm)])
        .start()
        .await;
    write(&transom, 0..5).await;
    assert!(crm.wait_for(5, PATIENCE).await);
    transom
        .wait_for_waiting(NUMBER, "crm", |told| told["waiting_events"] == 0)
        .await;
    let id = begin(&transom, json!({ "destination": "crm", "of": "all" })).await;
    assert_eq!(figures(&wait_for_end(&transom, &id).await), [0, 0, 0, 0, 0]);
}
