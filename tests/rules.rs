//! Rules answer by themselves: what they are told to, once, and only where they should.
#![cfg(test)]

mod support;

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};
use simulator::backend;
use simulator::graph;
use simulator::local;
use simulator::webhook::{Customer, Message, Number, Webhook};
use support::{PATIENCE, Scene, Transom, eventually, text, with, writes};

impl Scene {
    async fn start(replies: Value, answering: Value) -> Self {
        Self::start_with(json!({ "replies": replies, "answering": answering })).await
    }

    /// What the event with this text says in one member of its data.
    async fn told(&self, text: &str, member: &str) -> Value {
        let event = eventually(async || {
            let events = self.backend.events();
            events.into_iter().find(|event| event.text() == Some(text))
        })
        .await;
        event.data[member].clone()
    }

    /// Waits until so many messages went to the Graph API, and gives their texts.
    async fn sent(&self, n: usize) -> Vec<String> {
        assert!(self.graph.wait_for(n, PATIENCE).await);
        let messages = self.graph.messages();
        let texts = messages.iter().filter_map(|request| request.text());
        texts.map(str::to_owned).collect()
    }

    /// A person takes the conversation over, or gives it back.
    async fn hands_over(&self, person: &str, body: Value) -> (u16, Value) {
        let number = local::PHONE_NUMBER_ID;
        let url = format!("/v1/conversations/{number}/{person}/handover");
        self.transom.ask(Method::POST, &url, &body).await
    }
}

fn answers_everything() -> Value {
    json!([{ "id": "all", "when": {}, "reply": text("Hi {{customer.name|you}}") }])
}

#[tokio::test]
async fn a_rule_answers_and_the_event_says_so() {
    let rules = json!([
        { "id": "hours", "when": { "text": "horario|hours" }, "tag": "info",
          "reply": text("Hola {{customer.name}}, abrimos de 9 a 18.") },
        { "id": "menu", "when": { "button": "menu" }, "reply": [text("One"), text("Two")] },
    ]);
    let scene = Scene::start(rules, json!({})).await;
    let ana = Customer::local();
    scene.writes(&ana, "¿Cuál es su HORÁRIO?").await;
    scene
        .writes(&ana, Message::button_reply("menu", "Menu"))
        .await;
    scene.writes(&ana, "nothing of it").await;
    let sent = scene.sent(3).await;
    assert_eq!(sent, ["Hola Ana, abrimos de 9 a 18.", "One", "Two"]);
    let rule = scene.told("¿Cuál es su HORÁRIO?", "rule").await;
    assert_eq!(
        (&rule["id"], &rule["tags"]),
        (&json!("hours"), &json!(["info"]))
    );
    assert_eq!(scene.told("nothing of it", "rule").await, Value::Null);
    let id = rule["sends"][0].as_str().unwrap();
    assert_eq!(scene.graph.messages()[0].callback_data(), Some(id));
    let went = scene.send_in_state(id, "accepted").await;
    assert_eq!(went["goes_as"], "message");
}

#[tokio::test]
async fn a_rule_answers_once_though_meta_repeats_the_webhook_and_the_power_fails() {
    let mut scene = Scene::start(answers_everything(), json!({})).await;
    let ana = Customer::local();
    let webhook = Webhook::new().message(&Number::local(), &ana, Message::text("hola"));
    for _ in 0..3 {
        scene.post(&webhook).await;
    }
    scene.sent(1).await;
    scene.transom.restart().await;
    scene.post(&webhook).await;
    scene.writes(&Customer::nth(2), "other").await;
    assert_eq!(scene.sent(2).await.len(), 2);
}

#[tokio::test]
async fn the_acknowledgement_does_not_wait_for_the_reply() {
    let scene = Scene::start(answers_everything(), json!({})).await;
    scene
        .graph
        .always(graph::Answer::Slow(Duration::from_secs(5)));
    let began = tokio::time::Instant::now();
    scene.writes(&Customer::local(), "hola").await;
    assert!(began.elapsed() < Duration::from_secs(4));
    assert!(scene.graph.wait_for(1, PATIENCE).await);
}

#[tokio::test]
async fn a_rule_replies_with_read_and_typing_where_that_is_set() {
    let scene = Scene::start_with(json!({
        "replies": [{ "when": {}, "reply": text("Hi") }], "sending": { "typing": true },
    }))
    .await;
    scene
        .writes(&Customer::local(), Message::text("hola").id("wamid.IN"))
        .await;
    scene.sent(1).await;
    let requests = scene.graph.requests();
    assert!(requests[0].is_read_receipt(), "before the message");
    assert_eq!(requests[0].body["message_id"], "wamid.IN");
    assert_eq!(requests[0].body["typing_indicator"]["type"], "text");
}

#[tokio::test]
async fn nobody_is_answered_where_a_person_has_the_conversation_in_hand() {
    let scene = Scene::start(answers_everything(), json!({})).await;
    let (ana, ben) = (Customer::local(), Customer::nth(2));
    let (status, _) = scene
        .hands_over(local::CUSTOMER_PHONE, json!({ "paused": true }))
        .await;
    assert_eq!(status, 404, "nobody knows her yet");
    scene.writes(&ana, "one").await;
    scene.sent(1).await;
    let hand_over = json!({ "paused": true, "for_s": 3600 });
    let (status, body) = scene.hands_over(local::CUSTOMER_PHONE, hand_over).await;
    assert_eq!((status, &body["handover"]["by"]), (200, &json!("api")));
    scene.writes(&ana, "two").await;
    let withheld = json!({ "id": "all", "withheld": "handover" });
    assert_eq!(scene.told("two", "rule").await, withheld);
    assert_eq!(scene.told("two", "handover").await, body["handover"]);
    let conversation = scene.transom.conversation(local::CUSTOMER_PHONE).await;
    assert_eq!(conversation["handover"], body["handover"]);
    let told = conversation["names"][0].as_str().unwrap();
    assert_eq!(scene.transom.conversation(told).await, conversation);
    scene
        .hands_over(local::CUSTOMER_PHONE, json!({ "paused": false }))
        .await;
    scene.writes(&ana, "three").await;
    scene.writes(&ben, "four").await;
    assert_eq!(scene.sent(3).await.len(), 3);
    assert_eq!(scene.told("three", "handover").await, Value::Null);
}

#[tokio::test]
async fn a_reply_that_waits_does_not_go_once_a_person_has_taken_over_and_costs_nothing() {
    let mut scene = Scene::start(
        json!([
            { "when": { "text": "agent" }, "reply": text("Somebody will come."), "hand_over": true },
            { "id": "all", "when": {}, "reply": text("Hi") },
        ]),
        json!({ "per_day": 2 }),
    )
    .await;
    let (ana, ben) = (Customer::local(), Customer::nth(2));
    // Meta lets the first reply wait.
    scene.graph.fail_all(131_056);
    scene.writes(&ana, "hola").await;
    assert!(scene.graph.wait_for(1, PATIENCE).await);
    let (status, _) = scene
        .hands_over(local::CUSTOMER_PHONE, json!({ "paused": true }))
        .await;
    assert_eq!(status, 200);
    scene.graph.behave();
    let sends = scene.told("hola", "rule").await["sends"].clone();
    let id = sends[0].as_str().unwrap();
    let told = scene.send_in_state(id, "failed").await;
    assert_eq!(told["error"], json!({ "class": "handover", "code": null }));
    // The reply of a rule that hands over goes, though it waits as well.
    scene.graph.forget();
    scene.graph.fail_all(131_056);
    scene.writes(&ben, "agent").await;
    assert!(scene.graph.wait_for(1, PATIENCE).await);
    assert!(scene.told("agent", "handover").await.is_object());
    scene.graph.behave();
    let went = scene.graph.wait_until(PATIENCE, |requests| {
        requests.iter().any(|request| request.wamid.is_some())
    });
    assert!(went.await);
    assert_eq!(scene.sent(2).await, ["Somebody will come."]);
    scene.transom.restart().await;
    for (n, withheld) in [(3, Value::Null), (4, json!("budget"))] {
        let name = format!("customer {n}");
        scene.writes(&Customer::nth(n), &name).await;
        assert_eq!(scene.told(&name, "rule").await["withheld"], withheld);
    }
}

#[tokio::test]
async fn a_reply_that_has_waited_for_too_long_does_not_go() {
    let graph = graph::Graph::start().await;
    let settings = || {
        let config = json!({ "answering": { "late_s": 1 }, "replies": [ { "when": {}, "reply": text("Hi") } ] });
        Transom::builder().graph(&graph).config(config)
    };
    let mut transom = settings().without("GRAPH_ACCESS_TOKEN").start().await;
    writes(&transom.meta(), &Customer::local(), "hola").await;
    eventually(async || transom.log().contains("number.blocked").then_some(())).await;
    tokio::time::sleep(Duration::from_millis(2_100)).await;
    transom.restart_with(settings()).await;
    let ben = Customer::nth(2);
    let phone = ben.phone.clone().unwrap();
    writes(&transom.meta(), &ben, "hola").await;
    assert!(graph.wait_for(1, PATIENCE).await);
    eventually(async || transom.log().contains("\"class\":\"late\"").then_some(())).await;
    let sent = graph.messages();
    assert_eq!(sent.len(), 1);
    assert_eq!(sent[0].to(), format!("+{phone}"));
}

#[tokio::test]
async fn who_writes_in_the_business_app_silences_the_rules() {
    let scene = Scene::start(answers_everything(), json!({})).await;
    let now = simulator::clock::unix_now();
    let echo = json!({
        "messaging_product": "whatsapp",
        "message_echoes": [{ "from": "15550783881", "to": local::CUSTOMER_PHONE, "id": "wamid.ECHO",
                             "timestamp": now.to_string(), "type": "text", "text": { "body": "I do this" } }],
    });
    let number = Number::local();
    scene
        .post(&Webhook::new().change_of(&number, "smb_message_echoes", echo))
        .await;
    let ana = Customer::new(local::CUSTOMER_PHONE);
    scene.writes(&ana, "thanks").await;
    assert_eq!(scene.told("thanks", "handover").await["by"], "app");
    assert_eq!(scene.told("thanks", "rule").await["withheld"], "handover");
    scene.writes(&Customer::nth(2), "other").await;
    assert_eq!(scene.sent(1).await.len(), 1);
}

#[tokio::test]
async fn what_meta_passes_to_another_app_is_silent_until_it_is_passed_to_ours() {
    let scene = Scene::start(answers_everything(), json!({ "app_id": "57" })).await;
    let ana = Customer::local();
    let now = simulator::clock::unix_now();
    let number = Number::local();
    let passed_to = |app: &str| {
        let passed = json!({
            "sender": { "phone_number": local::CUSTOMER_PHONE },
            "recipient": { "phone_number_id": local::PHONE_NUMBER_ID },
            "timestamp": now.to_string(), "type": "control_passed",
            "control_passed": { "new_owner_role": "customer_service", "new_owner_app_id": app },
        });
        Webhook::new().change_of(&number, "messaging_handovers", passed)
    };
    scene.post(&passed_to("58")).await;
    let passed = eventually(async || {
        let mut events = scene.backend.events().into_iter();
        events.find(|event| event.kind == "whatsapp.handover.control_passed")
    })
    .await;
    assert_eq!(passed.data["control"]["new_owner_app_id"], "58");
    assert_eq!(passed.data["handover"]["by"], "meta");
    scene.writes(&ana, "one").await;
    assert_eq!(scene.told("one", "handover").await["by"], "meta");
    assert_eq!(scene.told("one", "rule").await["withheld"], "handover");
    scene.post(&passed_to("57")).await;
    scene.writes(&ana, "two").await;
    assert_eq!(scene.told("two", "handover").await, Value::Null);
    assert_eq!(scene.sent(1).await, ["Hi Ana"]);
}

#[tokio::test]
async fn groups_late_repetitions_edits_and_history_are_not_answered() {
    let scene = Scene::start(answers_everything(), json!({ "late_s": 60 })).await;
    let ana = Customer::local();
    let now = simulator::clock::unix_now();
    scene
        .writes(&ana, Message::text("in a group").group("Y2FwaV9ncm91cA"))
        .await;
    scene.writes(&ana, Message::text("late").at(now - 90)).await;
    scene.writes(&ana, Message::edit("wamid.X", "edited")).await;
    let before = json!({ "from": local::CUSTOMER_PHONE, "id": "wamid.H", "timestamp": now.to_string(),
                         "type": "text", "text": { "body": "before" } });
    let threads = json!([{ "id": local::CUSTOMER_PHONE, "messages": [before] }]);
    let history = json!({ "history": [{ "metadata": { "progress": 55 }, "threads": threads }] });
    scene
        .post(&Webhook::new().change_of(&Number::local(), "history", history))
        .await;
    assert_eq!(scene.told("in a group", "rule").await["withheld"], "group");
    assert_eq!(scene.told("late", "rule").await["withheld"], "late");
    assert_eq!(scene.told("before", "rule").await, Value::Null);
    scene.writes(&ana, "now").await;
    assert_eq!(scene.sent(1).await, ["Hi Ana"]);
    assert!(scene.backend.wait_for(6, PATIENCE).await);
    assert_eq!(scene.backend.events().len(), 6);
}

#[tokio::test]
async fn what_rules_may_send_in_a_day_is_counted_over_a_restart_and_its_end_is_told_once() {
    let mut scene = Scene::start(answers_everything(), json!({ "per_day": 2 })).await;
    for n in 1..=3 {
        scene.writes(&Customer::nth(n), "hola").await;
    }
    scene.sent(2).await;
    scene.transom.restart().await;
    scene.writes(&Customer::nth(4), "fourth").await;
    assert_eq!(scene.told("fourth", "rule").await["withheld"], "budget");
    let told = eventually(async || {
        let events = scene.backend.events();
        let told = events
            .into_iter()
            .filter(|event| event.kind == "transom.budget.exhausted");
        let told: Vec<backend::Event> = told.collect();
        (!told.is_empty()).then_some(told)
    })
    .await;
    // It may be delivered again after a power cut, as any event.
    assert!(told.iter().all(|event| event.id == told[0].id));
    assert_eq!(told[0].data["budget"]["per_day"], 2);
    assert_eq!(scene.sent(2).await.len(), 2);
}

#[tokio::test]
async fn a_window_that_is_about_to_close_is_answered_where_nobody_has() {
    let rules =
        json!([{ "id": "sorry", "when": { "window": "closing" }, "reply": text("Still here") }]);
    let scene = Scene::start(rules, json!({ "closing_s": 82_800 })).await;
    // The window closes 24 hours after the message, and counts as closing 23 hours before.
    let written = simulator::clock::unix_now() - 3_597;
    scene
        .writes(&Customer::local(), Message::text("anybody?").at(written))
        .await;
    assert_eq!(scene.sent(1).await, ["Still here"]);
    let event = eventually(async || {
        let events = scene.backend.events();
        events
            .into_iter()
            .find(|event| event.kind == "transom.window.closing")
    })
    .await;
    assert_eq!(event.data["rule"]["id"], "sorry");
    assert_eq!(event.data["customer"]["phone"], local::CUSTOMER_PHONE);
    assert_eq!(event.data["window"]["customer_service"]["open"], true);
}

#[tokio::test]
async fn a_window_that_is_about_to_close_is_not_answered_by_an_object_that_is_no_longer_the_numbers()
 {
    let rules = json!([{ "id": "sorry", "when": { "window": "closing" }, "reply": text("{{customer.name}}?") }]);
    let config = json!({ "replies": rules, "answering": { "closing_s": 82_800 } });
    let mut scene = Scene::start_with(config.clone()).await;
    let closing_in = |s| Message::text("anybody?").at(simulator::clock::unix_now() - 3_600 + s);
    scene.writes(&Customer::nth(1), closing_in(4)).await;
    let in_two = json!([{ "phone_number_id": local::PHONE_NUMBER_ID, "partitions": 2 }]);
    let config = with(config, json!({ "numbers": in_two }));
    let settings = Scene::settings(config, &scene.backend, &scene.graph);
    scene.transom.restart_with(settings).await;
    scene.meta = scene.transom.meta();
    scene.writes(&Customer::nth(2), closing_in(6)).await;
    let name = Customer::nth(2).name.unwrap();
    assert_eq!(scene.sent(1).await, [format!("{name}?")]);
}

#[tokio::test]
async fn office_hours_are_those_of_the_place() {
    // Ten minutes around now in a zone that is never at UTC.
    let local = simulator::clock::unix_now() + 20_700;
    let minute = |at: i64| {
        let minute = at.rem_euclid(86_400) / 60;
        format!("{:02}:{:02}", minute / 60, minute % 60)
    };
    let open = format!("mon-sun {}-{}", minute(local - 300), minute(local + 300));
    let hours = json!({ "time_zone": "Asia/Kathmandu", "open": [open] });
    let rules = json!([
        { "when": { "office_hours": "outside" }, "reply": text("closed") },
        { "when": { "office_hours": "inside" }, "reply": text("open") },
    ]);
    let scene = Scene::start(rules, json!({ "office_hours": hours })).await;
    scene.writes(&Customer::local(), "hola").await;
    assert_eq!(scene.sent(1).await, ["open"]);
}

#[tokio::test]
async fn a_time_zone_that_is_none_is_refused_with_its_path() {
    let hours = json!({ "time_zone": "Europe/Atlantis", "open": ["mon 09:00-18:00"] });
    let config = json!({ "answering": { "office_hours": hours } });
    let transom = Transom::builder().config(config).start().await;
    let health = transom.get("/health").await;
    assert_eq!(health.status(), 503);
    let body: Value = health.json().await.unwrap();
    let fault = "answering.office_hours.time_zone: is no time zone that is known: it must be one such as Europe/Madrid";
    assert_eq!(body["faults"], json!([fault]));
}
