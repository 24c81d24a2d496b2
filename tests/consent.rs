//! Who does not want to be written to is not written to, however they said so, and it can be looked up.
#![cfg(test)]

mod support;

use reqwest::Method;
use serde_json::{Value, json};
use simulator::backend::Backend;
use simulator::clock::unix_now;
use simulator::graph::Graph;
use simulator::local;
use simulator::meta::Meta;
use simulator::webhook::{Customer, Message, Number, Status, Webhook};
use support::{
    ADMIN_TOKEN, DESTINATION_SECRET, PATIENCE, Settings, Transom, destination, eventually, with,
};

const NUMBER: &str = local::PHONE_NUMBER_ID;

struct Bench {
    transom: Transom,
    meta: Meta,
    graph: Graph,
    backend: Backend,
}

impl Bench {
    /// With these members of `CONFIG.consent`.
    async fn new(consent: Value) -> Self {
        let (graph, backend) = (
            Graph::start().await,
            Backend::start(DESTINATION_SECRET).await,
        );
        let settings = settings(&graph, &backend, &consent);
        let transom = settings.start().await;
        let meta = transom.meta();
        Self {
            transom,
            meta,
            graph,
            backend,
        }
    }

    async fn writes(&self, customer: &Customer, message: Message) {
        let webhook = Webhook::new().message(&Number::local(), customer, message);
        assert_eq!(self.meta.post(&webhook).await.status, 200);
    }

    async fn prefers(&self, customer: &Customer, value: &str, at: i64) {
        let user_id = customer.user_id.clone();
        let preference = json!({
            "wa_id": customer.phone, "user_id": user_id, "category": "marketing_messages",
            "value": value, "timestamp": at,
        });
        let value = json!({ "messaging_product": "whatsapp", "user_preferences": [preference] });
        let webhook = Webhook::new().change_of(&Number::local(), "user_preferences", value);
        assert_eq!(self.meta.post(&webhook).await.status, 200);
    }

    async fn ask(&self, method: Method, path: &str, body: Option<Value>) -> (u16, Value) {
        let client = reqwest::Client::new();
        let mut request = client.request(method, self.transom.url(path));
        if let Some(body) = body {
            request = request.json(&body);
        }
        let answer = request.bearer_auth(ADMIN_TOKEN).send().await.unwrap();
        (answer.status().as_u16(), answer.json().await.unwrap())
    }

    /// Has a template sent; gives the status, and the send's id or what is refused.
    async fn promote(&self, customer: &Customer, more: Value) -> (u16, Value) {
        let mut body = with(
            json!({ "phone_number_id": NUMBER, "to": customer.phone, "message": template("promo") }),
            more,
        );
        let (status, answer) = self
            .ask(Method::POST, "/v1/messages", Some(body.take()))
            .await;
        let told = if status == 202 {
            answer["messages"][0]["id"].clone()
        } else {
            answer["refused"].clone()
        };
        (status, told)
    }

    /// How a send ends.
    async fn ended(&self, id: &Value, state: &str) -> Value {
        let path = format!("/v1/messages/{}", id.as_str().unwrap());
        eventually(async || {
            let (_, told) = self.ask(Method::GET, &path, None).await;
            (told["state"] == state).then_some(told)
        })
        .await
    }

    async fn consent(&self, customer: &Customer) -> Value {
        let phone = customer.phone.as_deref().unwrap();
        let path = format!("/v1/consent/{NUMBER}/+{phone}");
        let (status, told) = self.ask(Method::GET, &path, None).await;
        assert_eq!(status, 200, "{told}");
        told
    }

    async fn says(&self, customer: &Customer, body: Value) -> Value {
        let phone = customer.phone.as_deref().unwrap();
        let path = format!("/v1/consent/{NUMBER}/{phone}");
        let (status, told) = self.ask(Method::PUT, &path, Some(body)).await;
        assert_eq!(status, 200, "{told}");
        told
    }

    /// What destinations were told of customers' consent: the new state, the old one, and how it changed.
    async fn changes(&self, count: usize) -> Vec<[String; 3]> {
        let changes = || {
            let events = self.backend.events();
            let changes = events
                .iter()
                .filter(|event| event.json["type"] == "transom.consent.changed")
                .map(|event| {
                    ["state", "before", "how"].map(|name| {
                        event.json["data"]["consent"][name]
                            .as_str()
                            .unwrap()
                            .to_owned()
                    })
                });
            changes.collect::<Vec<_>>()
        };
        eventually(async || (changes().len() >= count).then_some(())).await;
        changes()
    }

    fn check(&self) {
        assert_eq!(self.graph.violations(), [""; 0]);
    }
}

fn settings(graph: &Graph, backend: &Backend, consent: &Value) -> Settings {
    let destinations = json!([destination("crm", backend)]);
    Transom::builder()
        .graph(graph)
        .secret("DESTINATION_SECRET", DESTINATION_SECRET)
        .config(json!({ "destinations": destinations, "consent": consent }))
}

fn template(name: &str) -> Value {
    json!({ "type": "template", "template": { "name": name, "language": { "code": "es" } } })
}

fn text(body: &str) -> Value {
    json!({ "type": "text", "text": { "body": body } })
}

fn opted_out() -> Value {
    json!([{ "path": "", "reason": "the customer has opted out" }])
}

#[tokio::test]
async fn who_writes_stop_gets_no_advertising_and_is_told_so_once() {
    let bench = Bench::new(
        json!({ "confirm_stop": text("Hecho."), "confirm_start": text("¡Hola de nuevo!") }),
    )
    .await;
    let ana = Customer::local();
    let (status, _) = bench.promote(&ana, json!({})).await;
    assert_eq!(status, 202);
    assert!(bench.graph.wait_for(1, PATIENCE).await);

    let earlier = Message::text("¡BAJA!").at(unix_now() - 2);
    bench.writes(&ana, earlier).await;
    bench.writes(&ana, Message::text("stop")).await;
    assert!(bench.graph.wait_for(2, PATIENCE).await);
    assert_eq!(bench.promote(&ana, json!({})).await, (403, opted_out()));
    let (status, _) = bench
        .promote(&ana, json!({ "message": text("¿algo más?") }))
        .await;
    assert_eq!(status, 202, "what is not advertising goes");
    let (status, _) = bench.promote(&ana, json!({ "category": "utility" })).await;
    assert_eq!(status, 202);

    let told = bench.consent(&ana).await;
    assert_eq!(told["state"], "opted_out");
    assert_eq!(
        (&told["history"][0]["note"], &told["history"][1]["note"]),
        (&json!("stop"), &json!("baja")),
        "{told}"
    );

    let later = Message::text("Alta").at(unix_now() + 1);
    bench.writes(&ana, later).await;
    assert_eq!(bench.consent(&ana).await["state"], "opted_in");
    let (status, _) = bench.promote(&ana, json!({})).await;
    assert_eq!(status, 202);
    let expected = [
        ["opted_out", "unknown", "word"],
        ["opted_in", "opted_out", "word"],
    ];
    assert_eq!(bench.changes(2).await, expected);
    assert!(bench.graph.wait_for(6, PATIENCE).await);
    let texts: Vec<_> = bench
        .graph
        .messages()
        .iter()
        .filter_map(|sent| sent.text().map(str::to_owned))
        .collect();
    assert_eq!(texts, ["Hecho.", "¿algo más?", "¡Hola de nuevo!"]);
    bench.check();
}

#[tokio::test]
async fn a_button_whatsapps_own_switch_and_metas_refusals_count_as_well() {
    let bench = Bench::new(json!({ "stop": ["NO_PROMO"] })).await;
    let [bob, eve, joe, zoe] = [1, 2, 3, 4].map(Customer::nth);
    bench
        .writes(&bob, Message::button("NO_PROMO", "No, gracias"))
        .await;

    bench.prefers(&eve, "stop", 1_770_000_010).await;
    bench.prefers(&eve, "resume", 1_770_000_005).await;

    bench.graph.fail_next(131_050);
    let (status, id) = bench.promote(&joe, json!({})).await;
    assert_eq!(status, 202);
    bench.ended(&id, "failed").await;

    let (status, id) = bench.promote(&zoe, json!({})).await;
    assert_eq!(status, 202);
    assert!(bench.graph.wait_for(2, PATIENCE).await);
    let wamid = bench.graph.messages()[0].wamid.clone().unwrap();
    let failed = Status::failed(&wamid, 131_050).callback_data(id.as_str().unwrap());
    let webhook = Webhook::new().status(&Number::local(), &zoe, failed);
    assert_eq!(bench.meta.post(&webhook).await.status, 200);

    for (customer, how) in [
        (&bob, "button"),
        (&eve, "preference"),
        (&joe, "refusal"),
        (&zoe, "refusal"),
    ] {
        assert_eq!(
            bench.promote(customer, json!({})).await,
            (403, opted_out()),
            "{how}"
        );
        let told = bench.consent(customer).await;
        assert_eq!(
            (&told["state"], &told["history"][0]["how"]),
            (&json!("opted_out"), &json!(how))
        );
    }
    assert_eq!(bench.changes(4).await.len(), 4);
    bench.check();
}

#[tokio::test]
async fn a_send_that_waits_is_looked_at_again_when_its_turn_comes() {
    let bench = Bench::new(json!({})).await;
    let ana = Customer::local();
    // Two, of which Meta lets the second wait.
    let (_, first) = bench.promote(&ana, json!({})).await;
    assert!(bench.graph.wait_for(1, PATIENCE).await);
    bench.graph.fail_all(130_429);
    let (status, second) = bench.promote(&ana, json!({})).await;
    assert_eq!(status, 202);
    assert!(bench.graph.wait_for(2, PATIENCE).await);
    bench.writes(&ana, Message::text("STOP")).await;
    bench.graph.behave();
    let told = bench.ended(&second, "failed").await;
    assert_eq!(told["error"], json!({ "class": "opt_out", "code": null }));
    assert_ne!(first, second);
    assert_eq!(bench.graph.messages().len(), 1);
    bench.check();
}

#[tokio::test]
async fn where_an_opt_in_is_asked_for_nobody_is_written_to_without() {
    let consent = json!({ "opt_in": "all", "templates": { "order_*": "utility" } });
    let bench = Bench::new(consent).await;
    let ana = Customer::local();
    let order = json!({ "message": template("order_ready") });
    let not_opted_in = json!([{ "path": "", "reason": "the customer has not opted in" }]);
    assert_eq!(
        bench.promote(&ana, order.clone()).await,
        (403, not_opted_in.clone())
    );

    // On a form of the team's, before the first message.
    let told = bench
        .says(
            &ana,
            json!({ "state": "opted_in", "note": "form of 2026-11-02" }),
        )
        .await;
    assert_eq!(told["state"], "opted_in");
    assert_eq!(told["history"][0]["note"], "form of 2026-11-02");
    assert_eq!(bench.promote(&ana, order.clone()).await.0, 202);
    assert_eq!(bench.promote(&ana, json!({})).await.0, 202);

    // Who writes may be answered.
    let bob = Customer::nth(1);
    bench.writes(&bob, Message::text("hola")).await;
    assert_eq!(bench.promote(&bob, order).await.0, 202);
    assert_eq!(bench.promote(&bob, json!({})).await, (403, not_opted_in));
    assert_eq!(bench.changes(1).await, [["opted_in", "unknown", "api"]]);
    bench.check();
}

#[tokio::test]
async fn what_is_said_of_nobody_is_refused_and_switched_off_is_switched_off() {
    let bench = Bench::new(json!({})).await;
    let path = format!("/v1/consent/{NUMBER}/nobody");
    let body = Some(json!({ "state": "opted_in" }));
    assert_eq!(bench.ask(Method::GET, &path, None).await.0, 404);
    assert_eq!(bench.ask(Method::PUT, &path, body.clone()).await.0, 400);
    let wrong = Some(json!({ "state": "maybe", "by": "me" }));
    let (status, told) = bench.ask(Method::PUT, &path, wrong).await;
    assert_eq!(status, 400);
    assert!(
        told["detail"]
            .as_str()
            .unwrap()
            .contains("opted_in or opted_out"),
        "{told}"
    );

    let off = Bench::new(Value::Null).await;
    off.writes(&Customer::local(), Message::text("STOP")).await;
    assert_eq!(off.promote(&Customer::local(), json!({})).await.0, 202);
    assert_eq!(off.ask(Method::PUT, &path, body).await.0, 409);
}

/// Meta answers with the number that WhatsApp knows somebody by, and it is under that one that they write.
#[tokio::test]
async fn who_opts_out_under_another_number_than_was_written_to_is_not_written_to_again() {
    let bench = Bench::new(json!({})).await;
    let as_known = Customer {
        phone: Some("5511987654321".to_owned()),
        ..Customer::nth(1)
    };
    let as_writing = Customer {
        phone: Some("551187654321".to_owned()),
        ..Customer::nth(1)
    };
    assert_eq!(bench.promote(&as_known, json!({})).await.0, 202);
    assert!(bench.graph.wait_for(1, PATIENCE).await);
    bench.writes(&as_writing, Message::text("STOP")).await;
    let is_out = async || bench.consent(&as_known).await["state"] == "opted_out";
    eventually(async || is_out().await.then_some(())).await;
    let refused = (403, opted_out());
    assert_eq!(bench.promote(&as_known, json!({})).await, refused);
}

/// With the number, Meta tells whose it is, who may write without it.
#[tokio::test]
async fn who_opts_out_under_a_user_id_that_meta_told_of_is_not_written_to_again() {
    let bench = Bench::new(json!({})).await;
    let as_known = Customer::new("5511987654321");
    bench.graph.knows("551187654321", "BR.1");
    let (_, id) = bench.promote(&as_known, json!({})).await;
    bench.ended(&id, "accepted").await;
    let ana = Customer::without_phone("BR.1");
    bench.writes(&ana, Message::text("STOP")).await;
    let is_out = async || bench.consent(&as_known).await["state"] == "opted_out";
    eventually(async || is_out().await.then_some(())).await;
    let refused = (403, opted_out());
    assert_eq!(bench.promote(&as_known, json!({})).await, refused);
}
