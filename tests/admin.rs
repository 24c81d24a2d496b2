//! The admin API: dead letters, figures, and what is said to who asks wrongly.
#![cfg(test)]

mod support;

use std::time::Duration;

use reqwest::{Method, Response};
use serde_json::{Value, json};
use simulator::backend::{Answer, Backend};
use simulator::local;
use simulator::webhook::{Customer, Message, Number, Webhook};
use support::{ADMIN_TOKEN, Transom, client, hasty, with};

const NUMBER: &str = local::PHONE_NUMBER_ID;

/// Transom with a destination `crm` that gives an event up at once, and `other`, which wants nothing of itself.
async fn started() -> (Transom, Backend) {
    let backend = Backend::start().await;
    let crm = hasty("crm", &backend);
    let other = with(
        crm.clone(),
        json!({ "id": "other", "events": ["whatsapp.flow.*"] }),
    );
    let settings = Transom::builder().config(json!({
        "destinations": [crm, other],
        "numbers": [{ "phone_number_id": NUMBER }],
    }));
    (settings.start().await, backend)
}

/// The same with so many dead letters.
async fn with_dead_letters(n: usize) -> (Transom, Backend) {
    let (transom, backend) = started().await;
    backend.always(Answer::status(500));
    write(&transom, n).await;
    (transom, backend)
}

async fn ask(transom: &Transom, method: Method, path: &str) -> Response {
    let request = client()
        .request(method, transom.url(path))
        .bearer_auth(ADMIN_TOKEN);
    request.send().await.unwrap()
}

async fn get(transom: &Transom, path: &str) -> Value {
    let answer = ask(transom, Method::GET, path).await;
    let status = answer.status();
    let body = answer.text().await.unwrap();
    assert_eq!(status, 200, "{path}: {body}");
    serde_json::from_str(&body).unwrap()
}

/// Customers write, `n` of them one message each, and `crm` takes none.
async fn write(transom: &Transom, n: usize) {
    let meta = transom.meta();
    for index in 0..n {
        let customer = Customer::new(format!("1650555000{index}"));
        let message = Message::text(&format!("message {index}")).id(format!("wamid.{index}"));
        let webhook = Webhook::new().message(&Number::local(), &customer, message);
        assert!(meta.deliver(&webhook).await.taken());
    }
    let expected = i64::try_from(n).unwrap();
    for _ in 0..600 {
        let all = get(transom, &format!("/v1/destinations/{NUMBER}")).await;
        if all["destinations"][0]["dead_letters"] == expected {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("{expected} events did not become dead letters");
}

fn ids(page: &Value) -> Vec<String> {
    let letters = page["dead_letters"].as_array().unwrap().iter();
    letters
        .map(|letter| letter["id"].as_str().unwrap().to_owned())
        .collect()
}

#[tokio::test]
async fn dead_letters_are_listed_page_by_page_and_their_content_on_request() {
    let (transom, _backend) = with_dead_letters(3).await;
    let first = get(&transom, &format!("/v1/dead-letters/{NUMBER}?limit=2")).await;
    let next = first["next"].as_str().unwrap();
    let rest = get(
        &transom,
        &format!("/v1/dead-letters/{NUMBER}?limit=2&after={next}&content=true"),
    )
    .await;
    assert_eq!((ids(&first).len(), ids(&rest).len()), (2, 1));
    assert!(rest.get("next").is_none());
    let letter = &first["dead_letters"][0];
    assert_eq!(
        (
            &letter["type"],
            &letter["destination"],
            &letter["subject"],
            &letter["error"],
            &letter["attempts"]
        ),
        (
            &json!("whatsapp.message.received"),
            &json!("crm"),
            &json!("16505550000"),
            &json!("status 500"),
            &json!(1)
        )
    );
    assert!(letter.get("data").is_none() && letter["died"].is_string());
    assert_eq!(
        rest["dead_letters"][0]["data"]["message"]["text"]["body"],
        "message 2"
    );
    let none = get(
        &transom,
        &format!("/v1/dead-letters/{NUMBER}?destination=other"),
    )
    .await;
    assert_eq!(none, json!({ "dead_letters": [] }));
}

#[tokio::test]
async fn what_waits_is_tried_at_once_when_somebody_asks_for_that() {
    let patient = json!({ "retry": { "first_ms": 600_000, "max_ms": 600_000 } });
    let (transom, meta, backend) = support::started_with(patient).await;
    let destinations = format!("/v1/destinations/{NUMBER}");
    let retry = format!("{destinations}/crm/retry");
    // The one was refused, the other has the destination be gone.
    let mut came = 0;
    for (status, expected) in [(404, "active"), (410, "gone")] {
        backend.always(Answer::status(status));
        let message = Message::text("hola").id(format!("wamid.{status}"));
        let customer = Customer::nth(status.into());
        let webhook = Webhook::new().message(&Number::local(), &customer, message);
        support::post(&meta, &webhook).await;
        let failed = format!("status {status}");
        support::eventually(async || {
            let told = &get(&transom, &destinations).await["destinations"][0];
            let is_told = told["last_error"]["class"] == failed && told["state"] == expected;
            is_told.then_some(())
        })
        .await;
        backend.behave();
        came += 1;
        let told = ask(&transom, Method::POST, &retry).await;
        assert_eq!(told.status(), 200);
        let told: Value = told.json().await.unwrap();
        assert_eq!(
            (&told["id"], &told["state"], &told["waiting_events"]),
            (&json!("crm"), &json!("active"), &json!(1))
        );
        assert!(backend.wait_for(came, support::PATIENCE).await);
    }
    let none = ask(
        &transom,
        Method::POST,
        &format!("{destinations}/none/retry"),
    )
    .await;
    assert_eq!(none.status(), 404);
}

#[tokio::test]
async fn what_waits_because_it_was_refused_is_found_by_its_event() {
    let (transom, meta, backend) = support::started().await;
    backend.always(Answer::status(500));
    let webhook = Webhook::new().message(
        &Number::local(),
        &Customer::new("16505550000"),
        Message::text("hola").id("wamid.1"),
    );
    support::post(&meta, &webhook).await;
    let listed = format!("/v1/dead-letters/{NUMBER}?waiting=true&content=true");
    let letter = support::eventually(async || {
        let page = get(&transom, &listed).await;
        page["dead_letters"].get(0).cloned()
    })
    .await;
    assert_eq!(
        (&letter["subject"], &letter["error"], letter.get("died")),
        (&json!("16505550000"), &json!("status 500"), None)
    );
    assert_eq!(letter["data"]["message"]["text"]["body"], "hola");
    let by_event = format!("{listed}&event={}", letter["id"].as_str().unwrap());
    assert_eq!(ids(&get(&transom, &by_event).await).len(), 1);
    let dead = get(&transom, &format!("/v1/dead-letters/{NUMBER}")).await;
    assert_eq!(ids(&dead).len(), 0);
}

#[tokio::test]
async fn deleting_asks_for_what_will_go() {
    let (transom, _backend) = with_dead_letters(2).await;
    let path = format!("/v1/dead-letters/{NUMBER}?destination=crm");
    let mut confirm = Value::Null;
    for wrong in ["", "&confirm=1", "&confirm=2"] {
        let answer = ask(&transom, Method::DELETE, &format!("{path}{wrong}")).await;
        assert_eq!(answer.status(), 409);
        assert_eq!(answer.headers()["content-type"], "application/problem+json");
        let problem: Value = answer.json().await.unwrap();
        assert_eq!(
            (&problem["status"], &problem["count"]),
            (&json!(409), &json!(2))
        );
        assert!(problem["oldest"].is_string() && problem["newest"].is_string());
        confirm = problem["confirm"].clone();
    }
    let answer = ask(
        &transom,
        Method::DELETE,
        &format!("{path}&confirm={confirm}"),
    )
    .await;
    assert_eq!(answer.status(), 200);
    assert_eq!(
        answer.json::<Value>().await.unwrap(),
        json!({ "deleted": 2 })
    );
    assert_eq!(get(&transom, &path).await, json!({ "dead_letters": [] }));
}

#[tokio::test]
async fn who_asks_wrongly_is_told_what_is_wrong() {
    let (transom, _backend) = started().await;
    for (method, path, status, detail) in [
        (
            Method::GET,
            "/v1/dead-letters/1?limit=0",
            400,
            "limit: must be 1 to 100",
        ),
        (
            Method::GET,
            "/v1/dead-letters/1?limt=2",
            400,
            "limt: is not known here; known are destination, event, conversation, person, from, until, waiting, after, limit, content",
        ),
        (
            Method::DELETE,
            "/v1/dead-letters/1",
            400,
            "destination: is required",
        ),
        (
            Method::GET,
            "/v1/destinations/a%20b",
            400,
            "phone_number_id: must be a phone_number_id, or account/ and the id of an account",
        ),
        (
            Method::GET,
            "/v1/conversations/1/2",
            404,
            "this number has no conversation with this person",
        ),
        (Method::POST, "/v1/replays/1", 400, "the body must be JSON"),
        (
            Method::POST,
            "/v1/replays/1/none/stop",
            404,
            "there is no such replay: it never was, or ended more than a week ago",
        ),
        (
            Method::GET,
            "/v1/dead-letters/1?person=2",
            404,
            "this number has no conversation with this person",
        ),
        (
            Method::GET,
            "/metrics?x=1",
            400,
            "x: is not known here; known are phone_number_id",
        ),
    ] {
        let answer = ask(&transom, method, path).await;
        assert_eq!(answer.status(), status, "{path}");
        assert_eq!(answer.headers()["content-type"], "application/problem+json");
        assert_eq!(answer.headers()["cache-control"], "no-store");
        let problem: Value = answer.json().await.unwrap();
        assert_eq!(problem["detail"], detail);
    }
    let answer = ask(&transom, Method::PATCH, "/v1/dead-letters/1").await;
    assert_eq!(
        (
            answer.status().as_u16(),
            answer.headers()["allow"].to_str().unwrap()
        ),
        (405, "GET, DELETE")
    );
}

#[tokio::test]
async fn the_token_is_asked_for_everywhere_but_for_the_description() {
    let transom = Transom::builder().start().await;
    let description = transom.get("/v1/openapi.json").await;
    let description: Value = description.json().await.unwrap();
    assert_eq!(description["openapi"], "3.1.0");
    let mut asked = vec![("get".to_owned(), "/v1/none".to_owned())];
    for (path, operations) in description["paths"].as_object().unwrap() {
        let segments = path.split('/');
        let segments = segments.map(|it| if it.starts_with('{') { "1" } else { it });
        let path = segments.collect::<Vec<_>>().join("/");
        let methods = operations.as_object().unwrap().keys();
        asked.extend(methods.map(|method| (method.clone(), path.clone())));
    }
    asked.retain(|(_, path)| !["/webhook", "/health", "/v1/openapi.json"].contains(&&**path));
    assert!(asked.len() > 10, "{asked:?}");
    let client = client();
    for (method, path) in asked {
        let method = Method::from_bytes(method.to_uppercase().as_bytes()).unwrap();
        let request = client.request(method.clone(), transom.url(&path));
        let wrong = request
            .try_clone()
            .unwrap()
            .bearer_auth("wrong-admin-token");
        for request in [request, wrong] {
            let answer = request.send().await.unwrap();
            assert_eq!(answer.status(), 401, "{method} {path}");
            assert_eq!(answer.headers()["www-authenticate"], "Bearer");
        }
    }

    let without = Transom::builder().without("ADMIN_TOKEN").start().await;
    let answer = ask(&without, Method::GET, "/v1/destinations/1").await;
    assert_eq!(answer.status(), 401);
    let problem: Value = answer.json().await.unwrap();
    assert_eq!(
        problem["detail"],
        "ADMIN_TOKEN is not set, or has fewer than 16 characters: npx wrangler secret put ADMIN_TOKEN (locally: a line in .dev.vars)"
    );
}

#[tokio::test]
async fn figures_are_told_to_prometheus() {
    let (transom, _backend) = with_dead_letters(2).await;
    let answer = ask(&transom, Method::GET, "/metrics?phone_number_id=2").await;
    assert_eq!(answer.status(), 200);
    assert_eq!(
        answer.headers()["content-type"],
        "text/plain; version=0.0.4; charset=utf-8"
    );
    let text = answer.text().await.unwrap();
    for line in [
        format!("transom_dead_letters{{phone_number_id=\"{NUMBER}\",destination=\"crm\"}} 2"),
        format!("transom_mailbox_up{{phone_number_id=\"{NUMBER}\"}} 1"),
        format!("transom_failed_tries_total{{phone_number_id=\"{NUMBER}\",destination=\"crm\"}} 2"),
        "transom_destination_state{phone_number_id=\"2\",destination=\"other\",state=\"active\"} 1"
            .to_owned(),
    ] {
        assert!(text.lines().any(|other| other == line), "{line} in {text}");
    }
}

#[tokio::test]
async fn the_figures_of_who_is_asked_for_are_told_however_many_mailboxes_there_are() {
    let numbers = ["1", "2", "3"].map(|id| json!({ "phone_number_id": id, "partitions": 16 }));
    let transom = Transom::builder()
        .config(json!({ "numbers": numbers }))
        .start()
        .await;
    let answer = ask(&transom, Method::GET, "/metrics?phone_number_id=3").await;
    let text = answer.text().await.unwrap();
    let told = |of: &str| {
        let is_up = |line: &&str| line.starts_with("transom_mailbox_up{") && line.contains(of);
        text.lines().filter(is_up).count()
    };
    let each = ["3", "1", "2"].map(|id| told(&format!("phone_number_id=\"{id}\"")));
    assert_eq!(each, [16, 16, 8], "{text}");
}

#[tokio::test]
async fn numbers_and_destinations_are_listed_page_by_page() {
    let backend = Backend::start().await;
    let destinations = ["c", "a", "b"].map(|id| support::destination(id, &backend));
    let numbers = ["3", "1", "2"].map(|id| json!({ "phone_number_id": id }));
    let transom = Transom::builder()
        .config(json!({ "destinations": destinations, "numbers": numbers }))
        .start()
        .await;
    for (path, member, id, pages) in [
        (
            "/v1/numbers",
            "numbers",
            "phone_number_id",
            [vec!["1", "2"], vec!["3"]],
        ),
        (
            "/v1/destinations/1",
            "destinations",
            "id",
            [vec!["a", "b"], vec!["c"]],
        ),
    ] {
        let first = get(&transom, &format!("{path}?limit=2")).await;
        let next = first["next"].as_str().unwrap();
        let second = get(&transom, &format!("{path}?limit=2&after={next}")).await;
        assert!(second.get("next").is_none());
        for (page, expected) in [first, second].iter().zip(&pages) {
            let items = page[member].as_array().unwrap().iter();
            let ids: Vec<_> = items.map(|item| item[id].as_str().unwrap()).collect();
            assert_eq!(&ids, expected);
        }
    }
}
