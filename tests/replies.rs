//! A backend answers an event with replies: each is sent once, and only while the customer may be written to.
#![cfg(test)]

mod support;

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use simulator::backend::{self, Backend};
use simulator::graph::{self, Graph};
use simulator::local;
use simulator::webhook::{Customer, Message, Number, Status, Webhook};
use support::{PATIENCE, Scene, Transom, destination, eventually, template, text, with, writes};

impl Scene {
    async fn start() -> Self {
        Self::start_with(json!({})).await
    }

    /// What went to the Graph API after a further customer has written and was answered: what was not sent by then is
    /// not going to be, unless it waits to be sent again.
    async fn sent(&self) -> Vec<String> {
        let marker = message(&Customer::nth(99), Message::text("marker"));
        let told = |event: &backend::Event| event.text() == Some("marker");
        self.backend
            .when_event(told, backend::Answer::reply("to the marker"));
        self.post(&marker).await;
        let answered = |requests: &[Arc<graph::Request>]| {
            requests
                .iter()
                .any(|request| request.text() == Some("to the marker"))
        };
        assert!(self.graph.wait_until(PATIENCE, answered).await);
        self.texts()
    }

    /// The texts of all requests to the Graph API but the marker's.
    fn texts(&self) -> Vec<String> {
        let requests = self.graph.requests();
        let texts = requests.iter().filter_map(|request| request.text());
        texts
            .filter(|text| *text != "to the marker")
            .map(str::to_owned)
            .collect()
    }

    /// Waits until so many sends have ended in this state, by what Transom prints.
    async fn wait_for_ended(&self, n: usize, state: &str) {
        eventually(async || {
            let log = self.transom.log();
            let ended = log
                .lines()
                .filter(|line| line.contains("send.ended") && line.contains(state));
            (ended.count() >= n).then_some(())
        })
        .await;
    }
}

fn message(customer: &Customer, message: Message) -> Webhook {
    Webhook::new().message(&Number::local(), customer, message)
}

#[tokio::test]
async fn a_reply_goes_out_as_the_graph_api_wants_it() {
    let scene = Scene::start().await;
    scene.backend.next(backend::Answer::reply("¡Hola Ana! 😀"));
    scene.writes(&Customer::local(), "hola").await;
    assert!(scene.graph.wait_for(1, PATIENCE).await);
    let request = &scene.graph.messages()[0];
    assert_eq!(request.text(), Some("¡Hola Ana! 😀"));
    assert_eq!(request.phone_number_id, local::PHONE_NUMBER_ID);
    assert_eq!(
        request.path,
        format!("/v25.0/{}/messages", local::PHONE_NUMBER_ID)
    );
    assert_eq!(request.to().trim_start_matches('+'), local::CUSTOMER_PHONE);
}

#[tokio::test]
async fn a_customer_without_a_phone_number_is_answered_by_user_id() {
    let scene = Scene::start().await;
    scene.backend.next(backend::Answer::reply("hi"));
    scene.writes(&Customer::without_phone("US.7"), "hola").await;
    assert!(scene.graph.wait_for(1, PATIENCE).await);
    assert_eq!(scene.graph.messages()[0].body["recipient"], "US.7");
}

#[tokio::test]
async fn what_is_written_in_a_group_is_answered_in_the_group_and_opens_nobodys_own_window() {
    const GROUP: &str = "Y2FwaV9ncm91cDoxNzA1";
    let scene = Scene::start().await;
    scene.backend.next(backend::Answer::reply("hi all"));
    let ana = Customer::local();
    let hola = Message::text("hola").group(GROUP);
    scene.post(&message(&ana, hola)).await;
    assert!(scene.graph.wait_for(1, PATIENCE).await);
    let body = &scene.graph.messages()[0].body;
    assert_eq!(
        (&body["recipient_type"], &body["to"]),
        (&json!("group"), &json!(GROUP))
    );
    let opened = &scene.backend.events()[0].data["window"];
    assert_eq!(opened["customer_service"]["open"], true);
    let number = local::PHONE_NUMBER_ID;
    for (who, status) in [(GROUP, 200), (local::CUSTOMER_PHONE, 404)] {
        let path = format!("/v1/conversations/{number}/{who}");
        assert_eq!(scene.transom.admin(&path).await.0, status, "{who}");
    }
}

#[tokio::test]
async fn several_replies_go_out_in_their_order() {
    let scene = Scene::start().await;
    let image = json!({ "type": "image", "image": { "link": "https://a.example/1.png", "caption": "two" } });
    scene
        .graph
        .next(graph::Answer::Slow(Duration::from_millis(300)));
    scene.backend.next(backend::Answer::replies([
        text("one"),
        image,
        text("three"),
    ]));
    scene.backend.next(backend::Answer::reply("four"));
    scene.writes(&Customer::local(), "hola").await;
    scene.writes(&Customer::local(), "more").await;
    assert!(scene.graph.wait_for(4, PATIENCE).await);
    let requests = scene.graph.messages();
    let order: Vec<_> = requests
        .iter()
        .map(|request| request.text().unwrap_or(request.kind()).to_owned())
        .collect();
    assert_eq!(order, ["one", "image", "three", "four"]);
}

#[tokio::test]
async fn replies_that_do_not_check_out_are_not_sent_and_the_event_counts_as_taken() {
    let scene = Scene::start().await;
    let wrong = json!({ "type": "text", "text": {} });
    scene
        .backend
        .next(backend::Answer::replies([text("fine"), wrong]));
    scene.backend.next(backend::Answer::garbage());
    scene.writes(&Customer::local(), "hola").await;
    scene.writes(&Customer::local(), "more").await;
    assert!(scene.backend.wait_for(2, PATIENCE).await);
    assert_eq!(scene.sent().await, Vec::<String>::new());
    assert_eq!(scene.backend.arrivals().len(), 3);
    let log = scene.transom.log();
    let refused: Vec<_> = log
        .lines()
        .filter(|line| line.contains("replies.refused"))
        .collect();
    let whose = format!(r#""source":"/whatsapp/{}""#, local::PHONE_NUMBER_ID);
    assert_eq!(refused.len(), 2, "{log}");
    for (line, reason) in refused.iter().zip([
        "replies[1].text.body: is required",
        "the answer must be JSON in UTF-8, of at most 64 KB",
    ]) {
        assert!(line.contains(&whose) && line.contains(reason), "{line}");
    }
    let path = format!("/v1/destinations/{}", local::PHONE_NUMBER_ID);
    let (_, standing) = scene.transom.admin(&path).await;
    assert_eq!(
        standing["destinations"][0]["refused_replies"], 2,
        "{standing}"
    );
}

#[tokio::test]
async fn a_backend_that_answers_everything_writes_to_the_customer_once() {
    let scene = Scene::start().await;
    scene.backend.always(backend::Answer::reply("hi"));
    scene.writes(&Customer::local(), "hola").await;
    assert!(scene.graph.wait_for(1, PATIENCE).await);
    let sent = Status::sent("wamid.1");
    scene
        .post(&Webhook::new().status(&Number::local(), &Customer::local(), sent))
        .await;
    assert!(scene.backend.wait_for(2, PATIENCE).await);
    scene.backend.behave();
    assert_eq!(scene.sent().await, ["hi"]);
}

#[tokio::test]
async fn a_reply_goes_out_once_though_meta_repeats_the_webhook() {
    let scene = Scene::start().await;
    scene.backend.always(backend::Answer::reply("once"));
    let webhook = message(&Customer::local(), Message::text("hola"));
    for _ in 0..3 {
        scene.post(&webhook).await;
    }
    assert!(scene.graph.wait_for(1, PATIENCE).await);
    scene.post(&webhook).await;
    scene.backend.behave();
    assert_eq!(scene.sent().await, ["once"]);
}

/// The backend answers `second` with a reply, and nothing else.
fn answers_second(scene: &Scene) {
    let is_second = |event: &backend::Event| event.text() == Some("second");
    let once = backend::Answer::reply("once");
    scene.backend.when_event(is_second, once);
}

/// `first` is not taken, and `second`, of somebody else, is: after a power cut both are delivered again.
async fn second_is_taken_before_first(scene: &Scene) {
    answers_second(scene);
    scene.backend.always(backend::Answer::Stall);
    scene.writes(&Customer::nth(1), "first").await;
    scene.writes(&Customer::nth(2), "second").await;
    assert!(scene.graph.wait_for(1, PATIENCE).await);
    assert!(scene.backend.wait_for_requests(2, PATIENCE).await);
}

async fn power_goes_and_all_is_taken(scene: &mut Scene, events: usize) {
    scene.transom.kill().await;
    scene.backend.behave();
    answers_second(scene);
    scene.transom.restart().await;
    assert!(scene.backend.wait_for(events, PATIENCE).await);
}

#[tokio::test]
async fn a_reply_goes_out_once_though_the_event_is_delivered_again() {
    let mut scene = Scene::start().await;
    second_is_taken_before_first(&scene).await;
    let second = scene.backend.events()[0].id.clone();
    power_goes_and_all_is_taken(&mut scene, 2).await;
    let again = scene.backend.wait_until(PATIENCE, |arrivals| {
        arrivals
            .iter()
            .filter(|arrival| arrival.webhook_id == second)
            .count()
            >= 2
    });
    assert!(again.await, "it was delivered again");
    assert_eq!(scene.sent().await, ["once"]);
}

#[tokio::test]
async fn a_reply_to_a_batch_goes_out_once_though_its_events_come_again_with_a_further_one() {
    let (backend, graph) = (Backend::start().await, Graph::start().await);
    let batches = json!({ "format": "cloudevents-batch" });
    let settings = Transom::builder().destinations([with(destination("crm", &backend), batches)]);
    let transom = settings.graph(&graph).start().await;
    let meta = transom.meta();
    let mut scene = Scene {
        transom,
        meta,
        backend,
        graph,
    };
    second_is_taken_before_first(&scene).await;
    scene.writes(&Customer::nth(2), "third").await;
    assert!(scene.backend.wait_for_requests(3, PATIENCE).await);
    power_goes_and_all_is_taken(&mut scene, 3).await;
    assert_eq!(scene.sent().await, ["once"]);
}

#[tokio::test]
async fn after_the_window_has_closed_nothing_goes_out() {
    let scene = Scene::start().await;
    scene.backend.next(backend::Answer::reply("too late"));
    let yesterday = simulator::clock::unix_now() - 25 * 3600;
    let late = Message::text("hola").at(yesterday);
    scene.post(&message(&Customer::local(), late)).await;
    scene.wait_for_ended(1, "window").await;
    let window = &scene.backend.events()[0].data["window"]["customer_service"];
    assert_eq!(window["open"], false);
    assert_eq!(
        support::unix(window["closes_at"].as_str().unwrap()),
        yesterday + 24 * 3600
    );
    assert_eq!(scene.sent().await, Vec::<String>::new());
}

#[tokio::test]
async fn after_the_window_has_closed_the_fallback_goes_once_for_all_replies() {
    let scene = Scene::start_with(json!({ "fallback": template("hello") })).await;
    let replies = backend::Answer::replies(["one", "two"].map(text));
    scene.backend.next(replies);
    let yesterday = simulator::clock::unix_now() - 25 * 3600;
    let late = Message::text("hola").at(yesterday);
    scene.post(&message(&Customer::local(), late)).await;
    scene.wait_for_ended(1, "window").await;
    assert_eq!(scene.sent().await, Vec::<String>::new());
    let messages = scene.graph.messages();
    let templates = messages.iter().filter(|sent| sent.kind() == "template");
    assert_eq!(templates.count(), 1);
}

#[tokio::test]
async fn a_reply_that_may_have_gone_out_is_not_sent_again() {
    let scene = Scene::start().await;
    let answers = [
        ("500", graph::Answer::Status(500)),
        ("502", graph::Answer::Status(502)),
        ("131000", graph::Answer::Error(131_000)),
        ("close", graph::Answer::Close),
        ("half", graph::Answer::CloseHalfWay),
        ("garbage", graph::Answer::Garbage),
        ("stall", graph::Answer::Stall),
    ];
    for (index, (text, answer)) in answers.iter().enumerate() {
        let text = *text;
        scene
            .graph
            .when(move |request| request.text() == Some(text), *answer);
        let told = move |event: &backend::Event| event.text() == Some(text);
        scene.backend.when_event(told, backend::Answer::reply(text));
        scene.writes(&Customer::nth(index), text).await;
        // So many in a row would be an outage, and the next would wait; another message is taken in between.
        if index == 3 {
            scene.wait_for_ended(4, "unknown").await;
            scene.sent().await;
        }
    }
    scene.wait_for_ended(answers.len(), "unknown").await;
    // Longer than the first wait before anything is sent again.
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    let mut sent = scene.sent().await;
    sent.sort_unstable();
    let mut expected = answers.map(|(text, _)| text.to_owned());
    expected.sort_unstable();
    assert_eq!(sent, expected);
}

#[tokio::test]
async fn what_meta_refused_for_good_is_not_sent_again_and_the_next_one_is() {
    let scene = Scene::start().await;
    scene.graph.fail_next(131_026);
    scene
        .backend
        .next(backend::Answer::replies([text("one"), text("two")]));
    scene.writes(&Customer::local(), "hola").await;
    scene.wait_for_ended(1, "131026").await;
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    assert_eq!(scene.sent().await, ["one", "two"]);
}

#[tokio::test]
async fn without_an_access_token_nothing_is_sent_until_there_is_one_and_events_go_on() {
    let backend = Backend::start().await;
    let graph = Graph::start().await;
    let settings = || {
        let settings = Transom::builder().destinations([destination("crm", &backend)]);
        settings.graph(&graph)
    };
    let without = settings().without("GRAPH_ACCESS_TOKEN");
    let mut transom = without.start().await;
    backend.always(backend::Answer::reply("hi"));
    for text in ["one", "two"] {
        let webhook = message(&Customer::local(), Message::text(text));
        assert_eq!(transom.meta().post(&webhook).await.status, 200);
    }
    assert!(backend.wait_for(2, PATIENCE).await);
    let says_so = || transom.log().contains("Set GRAPH_ACCESS_TOKEN");
    eventually(async || says_so().then_some(())).await;
    assert_eq!(graph.requests().len(), 0);
    transom.restart_with(settings()).await;
    // Whoever writes wakes it; otherwise it tries within five minutes.
    let webhook = message(&Customer::nth(2), Message::text("three"));
    assert_eq!(transom.meta().post(&webhook).await.status, 200);
    assert!(graph.wait_for(3, PATIENCE).await);
}

#[tokio::test]
async fn what_a_destination_asked_for_does_not_go_once_it_may_ask_for_nothing() {
    let backend = Backend::start().await;
    let graph = Graph::start().await;
    let settings = |members| {
        let crm = with(destination("crm", &backend), members);
        Transom::builder().destinations([crm]).graph(&graph)
    };
    let without = settings(json!({})).without("GRAPH_ACCESS_TOKEN");
    let mut transom = without.start().await;
    backend.next(backend::Answer::reply("click here"));
    writes(&transom.meta(), &Customer::local(), "hola").await;
    eventually(async || transom.log().contains("number.blocked").then_some(())).await;
    let none = json!({ "replies_per_day": 0 });
    transom.restart_with(settings(none)).await;
    writes(&transom.meta(), &Customer::nth(2), "hola").await;
    eventually(async || transom.log().contains("withheld").then_some(())).await;
    assert_eq!(graph.requests().len(), 0);
}

#[tokio::test]
async fn a_destination_gets_no_more_replies_a_day_than_it_may_have_and_that_is_told_once() {
    let (backend, graph) = (Backend::start().await, Graph::start().await);
    let may_ask = |most| {
        let crm = with(
            destination("crm", &backend),
            json!({ "replies_per_day": most }),
        );
        Transom::builder().destinations([crm]).graph(&graph)
    };
    let mut transom = may_ask(2).start().await;
    let meta = transom.meta();
    let is_message = |event: &backend::Event| event.text().is_some();
    backend.when_event(is_message, backend::Answer::reply("ok"));
    let told = || {
        let events = backend.events();
        let told = events.into_iter();
        told.filter(|event| event.kind == "transom.budget.exhausted")
            .map(|event| event.data["budget"].clone())
            .collect::<Vec<_>>()
    };
    for n in 1..=2 {
        writes(&meta, &Customer::nth(n), "hola").await;
    }
    assert!(graph.wait_for(2, PATIENCE).await);
    // What went counts, although the object begins anew.
    transom.restart().await;
    for n in 3..=4 {
        writes(&meta, &Customer::nth(n), "hola").await;
    }
    eventually(async || (!told().is_empty()).then_some(())).await;
    assert!(backend.wait_for(5, PATIENCE).await);
    assert!(transom.log().contains("more than replies_per_day"));
    assert_eq!(told()[0]["destination"], "crm");
    assert_eq!(told()[0]["per_day"], 2);
    // One that may ask for nothing gets its events all the same, and nothing is told of it.
    transom.restart_with(may_ask(0)).await;
    writes(&meta, &Customer::nth(5), "the fifth").await;
    let is_fifth = |event: &backend::Event| event.text() == Some("the fifth");
    let fifth = eventually(async || backend.events().into_iter().find(is_fifth)).await;
    eventually(async || transom.log().contains(&fifth.id).then_some(())).await;
    assert!(told().iter().all(|budget| budget["per_day"] == 2));
    assert_eq!(graph.messages().len(), 2);
}

#[tokio::test]
async fn a_backend_is_told_that_its_reply_did_not_go_and_cannot_reply_to_that() {
    let scene = Scene::start().await;
    scene.backend.always(backend::Answer::reply("hi"));
    scene.graph.fail_next(131_026);
    scene.writes(&Customer::local(), "hola").await;
    let told = eventually(async || {
        let mut events = scene.backend.events().into_iter();
        events.find(|event| event.kind == "transom.send.failed")
    })
    .await;
    let asked = &scene.backend.events()[0];
    let number = local::PHONE_NUMBER_ID;
    assert_eq!(
        told.data["send"]["id"],
        format!("{number}.{}.crm.0", asked.id)
    );
    assert_eq!(told.data["send"]["error"]["code"], 131_026);
    assert_eq!(told.data["customer"]["phone"], local::CUSTOMER_PHONE);
    // It stands in the customer's conversation, so it comes with what is known of that.
    assert_eq!(told.data["window"]["customer_service"]["open"], true);
    eventually(async || {
        let log = scene.transom.log();
        log.contains("replies.refused").then_some(())
    })
    .await;
    assert_eq!(scene.graph.requests().len(), 1);
}
