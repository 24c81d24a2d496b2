//! Who does not want to be written to is not written to, however they said so, and it can be looked up.
#![cfg(test)]

mod support;

use reqwest::Method;
use serde_json::{Value, json};
use simulator::clock::unix_now;
use simulator::local;
use simulator::webhook::{Customer, Message, Number, Status, Webhook};
use support::{PATIENCE, Scene, eventually, template, text, with};

const NUMBER: &str = local::PHONE_NUMBER_ID;

impl Scene {
    /// With these members of `CONFIG.consent`.
    async fn start(consent: Value) -> Self {
        Self::start_with(json!({ "consent": consent })).await
    }

    async fn prefers(&self, customer: &Customer, value: &str, at: i64) {
        let user_id = customer.user_id.clone();
        let preference = json!({
            "wa_id": customer.phone, "user_id": user_id, "category": "marketing_messages",
            "value": value, "timestamp": at,
        });
        let value = json!({ "messaging_product": "whatsapp", "user_preferences": [preference] });
        let webhook = Webhook::new().change_of(&Number::local(), "user_preferences", value);
        self.post(&webhook).await;
    }

    /// Has a template sent; gives the status, and the send's id or what is refused.
    async fn promote(&self, customer: &Customer, more: Value) -> (u16, Value) {
        let body = with(
            json!({ "phone_number_id": NUMBER, "to": customer.phone, "message": template("promo") }),
            more,
        );
        let (status, answer) = self.transom.ask(Method::POST, "/v1/messages", &body).await;
        let told = if status == 202 {
            answer["messages"][0]["id"].clone()
        } else {
            answer["refused"].clone()
        };
        (status, told)
    }

    async fn consent(&self, customer: &Customer) -> Value {
        let phone = customer.phone.as_deref().unwrap();
        let path = format!("/v1/consent/{NUMBER}/+{phone}");
        let (status, told) = self.transom.ask(Method::GET, &path, &Value::Null).await;
        assert_eq!(status, 200, "{told}");
        told
    }

    async fn says(&self, customer: &Customer, body: Value) -> Value {
        let phone = customer.phone.as_deref().unwrap();
        let path = format!("/v1/consent/{NUMBER}/{phone}");
        let (status, told) = self.transom.ask(Method::PUT, &path, &body).await;
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
}

fn opted_out() -> Value {
    json!([{ "path": "", "reason": "the customer has opted out" }])
}

#[tokio::test]
async fn who_writes_stop_gets_no_advertising_and_is_told_so_once() {
    let scene = Scene::start(
        json!({ "confirm_stop": text("Hecho."), "confirm_start": text("¡Hola de nuevo!") }),
    )
    .await;
    let ana = Customer::local();
    let (status, _) = scene.promote(&ana, json!({})).await;
    assert_eq!(status, 202);
    assert!(scene.graph.wait_for(1, PATIENCE).await);

    let earlier = Message::text("¡BAJA!").at(unix_now() - 2);
    scene.writes(&ana, earlier).await;
    scene.writes(&ana, "stop").await;
    assert!(scene.graph.wait_for(2, PATIENCE).await);
    assert_eq!(scene.promote(&ana, json!({})).await, (403, opted_out()));
    let (status, _) = scene
        .promote(&ana, json!({ "message": text("¿algo más?") }))
        .await;
    assert_eq!(status, 202, "what is not advertising goes");
    let (status, _) = scene.promote(&ana, json!({ "category": "utility" })).await;
    assert_eq!(status, 202);

    let told = scene.consent(&ana).await;
    assert_eq!(told["state"], "opted_out");
    assert_eq!(
        (&told["history"][0]["note"], &told["history"][1]["note"]),
        (&json!("stop"), &json!("baja")),
        "{told}"
    );

    let later = Message::text("Alta").at(unix_now() + 1);
    scene.writes(&ana, later).await;
    assert_eq!(scene.consent(&ana).await["state"], "opted_in");
    let (status, _) = scene.promote(&ana, json!({})).await;
    assert_eq!(status, 202);
    let expected = [
        ["opted_out", "unknown", "word"],
        ["opted_in", "opted_out", "word"],
    ];
    assert_eq!(scene.changes(2).await, expected);
    assert!(scene.graph.wait_for(6, PATIENCE).await);
    let texts: Vec<_> = scene
        .graph
        .messages()
        .iter()
        .filter_map(|sent| sent.text().map(str::to_owned))
        .collect();
    assert_eq!(texts, ["Hecho.", "¿algo más?", "¡Hola de nuevo!"]);
}

#[tokio::test]
async fn a_button_whatsapps_own_switch_and_metas_refusals_count_as_well() {
    let scene = Scene::start(json!({ "stop": ["NO_PROMO"] })).await;
    let [bob, eve, joe, zoe] = [1, 2, 3, 4].map(Customer::nth);
    scene
        .writes(&bob, Message::button("NO_PROMO", "No, gracias"))
        .await;

    scene.prefers(&eve, "stop", 1_770_000_010).await;
    scene.prefers(&eve, "resume", 1_770_000_005).await;

    scene.graph.fail_next(131_050);
    let (status, id) = scene.promote(&joe, json!({})).await;
    assert_eq!(status, 202);
    scene.send_in_state(id.as_str().unwrap(), "failed").await;

    let (status, id) = scene.promote(&zoe, json!({})).await;
    assert_eq!(status, 202);
    assert!(scene.graph.wait_for(2, PATIENCE).await);
    let wamid = scene.graph.messages()[0].wamid.clone().unwrap();
    let failed = Status::failed(&wamid, 131_050).callback_data(id.as_str().unwrap());
    let webhook = Webhook::new().status(&Number::local(), &zoe, failed);
    assert_eq!(scene.meta.post(&webhook).await.status, 200);

    for (customer, how) in [
        (&bob, "button"),
        (&eve, "preference"),
        (&joe, "refusal"),
        (&zoe, "refusal"),
    ] {
        assert_eq!(
            scene.promote(customer, json!({})).await,
            (403, opted_out()),
            "{how}"
        );
        let told = scene.consent(customer).await;
        assert_eq!(
            (&told["state"], &told["history"][0]["how"]),
            (&json!("opted_out"), &json!(how))
        );
    }
    assert_eq!(scene.changes(4).await.len(), 4);
}

#[tokio::test]
async fn a_send_that_waits_is_looked_at_again_when_its_turn_comes() {
    let scene = Scene::start(json!({})).await;
    let ana = Customer::local();
    // Two, of which Meta lets the second wait.
    let (_, first) = scene.promote(&ana, json!({})).await;
    assert!(scene.graph.wait_for(1, PATIENCE).await);
    scene.graph.fail_all(130_429);
    let (status, second) = scene.promote(&ana, json!({})).await;
    assert_eq!(status, 202);
    assert!(scene.graph.wait_for(2, PATIENCE).await);
    scene.writes(&ana, "STOP").await;
    scene.graph.behave();
    let told = scene
        .send_in_state(second.as_str().unwrap(), "failed")
        .await;
    assert_eq!(told["error"], json!({ "class": "opt_out", "code": null }));
    assert_ne!(first, second);
    assert_eq!(scene.graph.messages().len(), 1);
}

#[tokio::test]
async fn where_an_opt_in_is_asked_for_nobody_is_written_to_without() {
    let consent = json!({ "opt_in": "all", "templates": { "order_*": "utility" } });
    let scene = Scene::start(consent).await;
    let ana = Customer::local();
    let order = json!({ "message": template("order_ready") });
    let not_opted_in = json!([{ "path": "", "reason": "the customer has not opted in" }]);
    assert_eq!(
        scene.promote(&ana, order.clone()).await,
        (403, not_opted_in.clone())
    );

    // On a form of the team's, before the first message.
    let told = scene
        .says(
            &ana,
            json!({ "state": "opted_in", "note": "form of 2026-11-02" }),
        )
        .await;
    assert_eq!(told["state"], "opted_in");
    assert_eq!(told["history"][0]["note"], "form of 2026-11-02");
    assert_eq!(scene.promote(&ana, order.clone()).await.0, 202);
    assert_eq!(scene.promote(&ana, json!({})).await.0, 202);

    // Who writes may be answered.
    let bob = Customer::nth(1);
    scene.writes(&bob, "hola").await;
    assert_eq!(scene.promote(&bob, order).await.0, 202);
    assert_eq!(scene.promote(&bob, json!({})).await, (403, not_opted_in));
    assert_eq!(scene.changes(1).await, [["opted_in", "unknown", "api"]]);
}

#[tokio::test]
async fn what_is_said_of_nobody_is_refused_and_switched_off_is_switched_off() {
    let scene = Scene::start(json!({})).await;
    let path = format!("/v1/consent/{NUMBER}/nobody");
    let body = json!({ "state": "opted_in" });
    assert_eq!(
        scene.transom.ask(Method::GET, &path, &Value::Null).await.0,
        404
    );
    assert_eq!(scene.transom.ask(Method::PUT, &path, &body).await.0, 400);
    let wrong = json!({ "state": "maybe", "by": "me" });
    let (status, told) = scene.transom.ask(Method::PUT, &path, &wrong).await;
    assert_eq!(status, 400);
    assert!(
        told["detail"]
            .as_str()
            .unwrap()
            .contains("opted_in or opted_out"),
        "{told}"
    );

    let off = Scene::start(Value::Null).await;
    off.writes(&Customer::local(), "STOP").await;
    assert_eq!(off.promote(&Customer::local(), json!({})).await.0, 202);
    assert_eq!(off.transom.ask(Method::PUT, &path, &body).await.0, 409);
}

/// Meta answers with the number that WhatsApp knows somebody by, and it is under that one that they write.
#[tokio::test]
async fn who_opts_out_under_another_number_than_was_written_to_is_not_written_to_again() {
    let scene = Scene::start(json!({})).await;
    let as_known = Customer {
        phone: Some("5511987654321".to_owned()),
        ..Customer::nth(1)
    };
    let as_writing = Customer {
        phone: Some("551187654321".to_owned()),
        ..Customer::nth(1)
    };
    assert_eq!(scene.promote(&as_known, json!({})).await.0, 202);
    assert!(scene.graph.wait_for(1, PATIENCE).await);
    scene.writes(&as_writing, "STOP").await;
    let is_out = async || scene.consent(&as_known).await["state"] == "opted_out";
    eventually(async || is_out().await.then_some(())).await;
    let refused = (403, opted_out());
    assert_eq!(scene.promote(&as_known, json!({})).await, refused);
}

/// With the number, Meta tells whose it is, who may write without it.
#[tokio::test]
async fn who_opts_out_under_a_user_id_that_meta_told_of_is_not_written_to_again() {
    let scene = Scene::start(json!({})).await;
    let as_known = Customer::new("5511987654321");
    scene.graph.knows("551187654321", "BR.1");
    let (_, id) = scene.promote(&as_known, json!({})).await;
    scene.send_in_state(id.as_str().unwrap(), "accepted").await;
    let ana = Customer::without_phone("BR.1");
    scene.writes(&ana, "STOP").await;
    let is_out = async || scene.consent(&as_known).await["state"] == "opted_out";
    eventually(async || is_out().await.then_some(())).await;
    let refused = (403, opted_out());
    assert_eq!(scene.promote(&as_known, json!({})).await, refused);
}
