//! Killed at every step of a send: no message goes out twice, and what may have gone out ends as `unknown`, until a
//! status that names it tells.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use reqwest::StatusCode;
use serde_json::{Value, json};
use simulator::backend;
use simulator::graph::{Answer, Request};
use simulator::local;
use simulator::webhook::{Customer, Message, Number, Status, Webhook};

use crate::scale::{seed, short_or, turn};
use crate::support::{ADMIN_TOKEN, PATIENCE, Scene, client, eventually};

/// Whom a test writes to so as to know that all that could go before has gone.
const MARKER: usize = 99_999;

impl Scene {
    /// With these members in `CONFIG.sending`.
    async fn start(sending: Value) -> Self {
        Self::start_with(json!({ "sending": sending })).await
    }

    /// A customer writes, and Meta repeats it until it is stored. With that their window opens.
    async fn wrote(&self, customer: &Customer) {
        let webhook = Webhook::new().message(&Number::local(), customer, Message::text("hola"));
        assert!(self.meta.deliver(&webhook).await.taken());
    }

    /// Asks until it is taken, under the same key; gives the send's id.
    async fn asked(&self, key: &str, customer: &Customer) -> String {
        let body = json!({
            "phone_number_id": local::PHONE_NUMBER_ID,
            "to": format!("+{}", customer.phone.as_ref().unwrap()),
            "message": { "type": "text", "text": { "body": key } },
            "fallback": { "type": "template", "template": { "name": "hello", "language": { "code": "de" } } },
        });
        let client = client();
        eventually(async || {
            let request = client.post(self.transom.url("/v1/messages"));
            let request = request
                .bearer_auth(ADMIN_TOKEN)
                .header("idempotency-key", key);
            let answer = request.json(&body).send().await.ok()?;
            let taken = answer.status() == StatusCode::ACCEPTED;
            let answer: Value = answer.json().await.ok()?;
            taken.then(|| answer["messages"][0]["id"].as_str().unwrap().to_owned())
        })
        .await
    }

    async fn state(&self, id: &str) -> Value {
        self.transom.admin(&format!("/v1/messages/{id}")).await.1
    }

    /// Waits until all has gone that could go before what is asked for now.
    async fn has_gone(&self, key: &str) {
        let marker = Customer::nth(MARKER);
        self.wrote(&marker).await;
        let id = self.asked(key, &marker).await;
        eventually(async || (self.state(&id).await["state"] == "accepted").then_some(())).await;
    }

    /// The requests of one send, in their order; of a read receipt it is not known whose it is.
    fn requests_of(&self, id: &str) -> Vec<Arc<Request>> {
        let requests = self.graph.requests().into_iter();
        requests
            .filter(|request| request.callback_data() == Some(id))
            .collect()
    }

    /// Meta tells by a status that a message went out.
    async fn tell(&self, customer: &Customer, request: &Request) {
        let status = Status::sent(request.wamid.as_ref().unwrap());
        let status = status.callback_data(request.callback_data().unwrap());
        let webhook = Webhook::new().status(&Number::local(), customer, status);
        assert!(self.meta.deliver(&webhook).await.taken());
    }
}

/// How a send stands after the kill, and by how many requests of which it may have gone out.
async fn killed_once_asked(
    scene: &mut Scene,
    customer: &Customer,
    requests: usize,
) -> (String, Value) {
    scene.wrote(customer).await;
    let id = scene
        .asked(&format!("to {:?}", customer.phone), customer)
        .await;
    assert!(scene.graph.wait_for(requests, PATIENCE).await);
    scene.transom.restart().await;
    scene.graph.behave();
    scene.has_gone(&format!("after {id}")).await;
    let view = scene.state(&id).await;
    (id, view)
}

#[tokio::test]
async fn killed_while_it_is_queued_a_send_goes_out_once() {
    let _turn = turn().await;
    let mut scene = Scene::start(json!({ "per_second": 2 })).await;
    let customers: Vec<_> = (0..4).map(Customer::nth).collect();
    let mut ids = Vec::new();
    for customer in &customers {
        scene.wrote(customer).await;
        ids.push(
            scene
                .asked(&format!("{:?}", customer.phone), customer)
                .await,
        );
    }
    scene.transom.restart().await;
    scene.has_gone("marker").await;
    for id in &ids {
        let state = scene.state(id).await["state"].clone();
        let requests = scene.requests_of(id).len();
        // The first may have been on its way.
        assert!(
            requests == 1 || (requests == 0 && state == "unknown"),
            "{requests}, {state}"
        );
    }
    assert_eq!(
        scene.requests_of(&ids[3]).len(),
        1,
        "it waited for its turn"
    );
}

#[tokio::test]
async fn killed_while_meta_holds_its_answer_back_a_send_is_unknown_until_a_status_names_it() {
    let _turn = turn().await;
    let mut scene = Scene::start(json!({})).await;
    let ana = Customer::local();
    scene.graph.next(Answer::Stall);
    let (id, view) = killed_once_asked(&mut scene, &ana, 1).await;
    assert_eq!(view["state"], "unknown");
    let requests = scene.requests_of(&id);
    assert_eq!(requests.len(), 1);
    scene.tell(&ana, &requests[0]).await;
    let view = scene.state(&id).await;
    assert_eq!(
        (&view["state"], &view["message_id"]),
        (&json!("accepted"), &json!(requests[0].wamid))
    );
    assert_eq!(scene.requests_of(&id).len(), 1);
}

#[tokio::test]
async fn killed_while_the_fallback_is_on_its_way_it_goes_out_once_and_the_message_not_at_all() {
    let _turn = turn().await;
    let mut scene = Scene::start(json!({})).await;
    let ana = Customer::local();
    scene.graph.next(Answer::Error(131_047));
    scene.graph.next(Answer::Stall);
    let (id, view) = killed_once_asked(&mut scene, &ana, 2).await;
    assert_eq!(
        (&view["state"], &view["goes_as"]),
        (&json!("unknown"), &json!("fallback"))
    );
    let requests = scene.requests_of(&id);
    let kinds: Vec<_> = requests.iter().map(|request| request.kind()).collect();
    assert_eq!(kinds, ["text", "template"]);
    scene.tell(&ana, &requests[1]).await;
    assert_eq!(scene.state(&id).await["state"], "accepted");
    assert_eq!(scene.requests_of(&id).len(), 2);
}

#[tokio::test]
async fn killed_while_the_receipt_is_on_its_way_no_reply_goes_out() {
    let _turn = turn().await;
    let mut scene = Scene::start(json!({ "typing": true })).await;
    scene.backend.next(backend::Answer::reply("adiós"));
    scene.graph.when(Request::is_read_receipt, Answer::Stall);
    scene.wrote(&Customer::local()).await;
    assert!(scene.graph.wait_for(1, PATIENCE).await);
    scene.transom.restart().await;
    scene.graph.behave();
    scene.has_gone("marker").await;
    let replies = scene.graph.messages().into_iter();
    let replies = replies
        .filter(|request| request.text() == Some("adiós"))
        .count();
    assert_eq!(replies, 0, "whether it had gone was not known");
}

/// What Meta answers, by chance.
fn answer(random: &mut StdRng) -> Answer {
    match random.random_range(0..22) {
        0 => Answer::Close,
        1 => Answer::CloseHalfWay,
        2 => Answer::Garbage,
        3 => Answer::Status(500),
        4 => Answer::Error(131_056),
        5 => Answer::Error(131_047),
        6 => Answer::Error(131_026),
        7 => Answer::Error(131_000),
        8 => Answer::Error(131_016),
        9..15 => Answer::Slow(Duration::from_millis(random.random_range(1..200))),
        _ => Answer::Take,
    }
}

/// How many sends came to which end.
#[derive(Debug, Default)]
struct Ends {
    requests: usize,
    accepted: usize,
    failed: usize,
    unknown: usize,
    told_by_status: usize,
    twice: usize,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_at_any_moment_no_message_goes_out_twice_whatever_meta_answers() {
    let _turn = turn().await;
    let seed = seed();
    let mut random = StdRng::seed_from_u64(seed);
    let mut scene = Scene::start(json!({ "per_second": 1_000 })).await;
    let is_message = |event: &backend::Event| event.text() == Some("hola");
    scene
        .backend
        .when_event(is_message, backend::Answer::reply("hi"));
    let mut asked: HashMap<String, Customer> = HashMap::new();
    let kills = short_or(8, 100);
    for round in 0..kills {
        scene.graph.behave();
        for _ in 0..20 {
            scene.graph.next(answer(&mut random));
        }
        let customers: Vec<_> = (0..10).map(|n| Customer::nth(round * 10 + n)).collect();
        for customer in &customers {
            scene.wrote(customer).await;
            let key = format!("{:?}", customer.phone);
            asked.insert(scene.asked(&key, customer).await, customer.clone());
        }
        let ms = 10f64.powf(random.random_range(0.0..2.3));
        tokio::time::sleep(Duration::from_secs_f64(ms / 1000.0)).await;
        scene.transom.restart().await;
    }
    scene.graph.behave();
    for customer in asked.clone().into_values() {
        let subject = customer.user_id.clone().unwrap();
        let event = eventually(async || {
            let events = scene.backend.events_of(&subject);
            events.into_iter().find(is_message)
        })
        .await;
        let reply = format!("{}.{}.crm.0", local::PHONE_NUMBER_ID, event.id);
        asked.insert(reply, customer);
    }
    let mut ends = Ends::default();
    for (id, customer) in &asked {
        let state = eventually(async || {
            let state = scene.state(id).await["state"]
                .as_str()
                .unwrap_or_default()
                .to_owned();
            (!["", "queued", "started"].contains(&state.as_str())).then_some(state)
        })
        .await;
        let requests = scene.requests_of(id);
        let out: Vec<_> = requests
            .iter()
            .filter(|request| request.wamid.is_some())
            .collect();
        ends.requests += requests.len();
        ends.twice += out.len().saturating_sub(1);
        match state.as_str() {
            "accepted" => {
                ends.accepted += 1;
                assert_eq!(out.len(), 1);
            }
            "failed" => {
                ends.failed += 1;
                assert_eq!(out.len(), 0);
            }
            "unknown" => {
                ends.unknown += 1;
                if let [request] = out.as_slice() {
                    scene.tell(customer, request).await;
                    let view = scene.state(id).await;
                    assert_eq!(
                        (&view["state"], &view["message_id"]),
                        (&json!("accepted"), &json!(request.wamid))
                    );
                    ends.told_by_status += 1;
                }
            }
            other => panic!("{id} is {other}"),
        }
    }
    println!(
        "killed {kills} times, {} sends asked for: {ends:?}",
        asked.len()
    );
    assert_eq!(ends.twice, 0);
    let all = scene.graph.requests().len();
    assert_eq!(ends.requests, all, "each is of a send that is known");
}
