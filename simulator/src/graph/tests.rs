use serde_json::{Value, json};

use super::*;

const SOON: Duration = Duration::from_secs(5);

fn hola() -> Value {
    json!({ "messaging_product": "whatsapp", "to": "+16505551234", "type": "text", "text": { "body": "hola" } })
}

async fn send(graph: &Graph, body: &Value) -> reqwest::Result<(u16, Value)> {
    let url = format!("{}/v25.0/106540352242922/messages", graph.url());
    let client = reqwest::Client::builder()
        .no_proxy()
        .timeout(Duration::from_millis(500))
        .build()?;
    let request = client
        .post(url)
        .bearer_auth(local::GRAPH_TOKEN)
        .header("content-type", "application/json");
    let response = request.body(body.to_string()).send().await?;
    let status = response.status().as_u16();
    Ok((
        status,
        serde_json::from_slice(&response.bytes().await?).unwrap_or_default(),
    ))
}

#[tokio::test]
async fn a_message_is_taken_and_gets_a_wamid() {
    let graph = Graph::start().await;
    let (status, answer) = send(&graph, &hola()).await.unwrap();
    assert_eq!(status, 200);
    assert_eq!(
        answer["contacts"][0],
        json!({ "input": "+16505551234", "wa_id": "16505551234" })
    );
    assert!(graph.wait_for(1, SOON).await);
    let message = &graph.messages()[0];
    assert_eq!(
        answer["messages"][0]["id"].as_str(),
        message.wamid.as_deref()
    );
    assert_eq!(
        (message.kind(), message.to(), message.text()),
        ("text", "+16505551234", Some("hola"))
    );
    assert_eq!(
        (message.version.as_str(), message.phone_number_id.as_str()),
        ("v25.0", "106540352242922")
    );
}

#[tokio::test]
async fn every_error_comes_with_its_status_and_next_to_nothing_goes_out() {
    let graph = Graph::start().await;
    for error in errors::all() {
        graph.fail_next(error.code);
        let (status, answer) = send(&graph, &hola()).await.unwrap();
        assert_eq!(
            (status, &answer["error"]["code"]),
            (error.status, &json!(error.code))
        );
        let went = graph.messages().len();
        assert_eq!(
            went,
            usize::from([1, 2, 131_000, 131_016].contains(&error.code)),
            "{}",
            error.code
        );
        graph.forget();
    }
    assert_eq!(send(&graph, &hola()).await.unwrap().0, 200);
}

#[tokio::test]
async fn who_is_written_to_is_told_where_that_is_known() {
    let graph = Graph::start().await;
    graph.knows("16505551234", "US.1");
    let (_, answer) = send(&graph, &hola()).await.unwrap();
    let ana = json!({ "input": "+16505551234", "wa_id": "16505551234", "user_id": "US.1" });
    assert_eq!(answer["contacts"][0], ana);
    for (id, member) in [("US.1", "user_id"), ("US.ENT.1", "parent_user_id")] {
        let body =
            json!({ "messaging_product": "whatsapp", "recipient": id, "text": { "body": "hola" } });
        let (_, answer) = send(&graph, &body).await.unwrap();
        assert_eq!(answer["contacts"][0], json!({ "input": id, member: id }));
    }
}

#[tokio::test]
async fn a_group_is_told_with_the_message() {
    let graph = Graph::start().await;
    let mut body = hola();
    body["recipient_type"] = json!("group");
    body["to"] = json!("Y2FwaV9ncm91cDoxNzA1");
    let (_, answer) = send(&graph, &body).await.unwrap();
    assert_eq!(answer["contacts"][0], json!({ "input": body["to"] }));
    assert_eq!(answer["messages"][0]["group_id"], body["to"]);
}

#[tokio::test]
async fn more_than_45_at_once_to_one_are_taken_and_remembered() {
    let graph = Graph::start().await;
    graph.expect_faults();
    let mut other = hola();
    other["to"] = json!("+16505551235");
    assert_eq!(send(&graph, &other).await.unwrap().0, 200);
    for _ in 0..45 {
        assert_eq!(send(&graph, &hola()).await.unwrap().0, 200);
    }
    assert_eq!(graph.faults(), [""; 0]);
    assert_eq!(send(&graph, &hola()).await.unwrap().0, 200);
    let fault = "request 47: 16505551234: gets more than 45 messages at once";
    assert_eq!(graph.faults(), [fault]);
}

#[tokio::test]
async fn a_wrong_shape_is_refused_and_remembered() {
    let graph = Graph::start().await;
    graph.expect_faults();
    let (status, answer) = send(
        &graph,
        &json!({ "messaging_product": "whatsapp", "to": "+16505551234" }),
    )
    .await
    .unwrap();
    assert_eq!((status, &answer["error"]["code"]), (400, &json!(100)));
    assert_eq!(graph.faults(), ["request 1: text: is missing"]);
}

#[tokio::test]
async fn a_wrong_token_and_a_wrong_path_are_refused() {
    let graph = Graph::start_on(0, "another").await.unwrap();
    assert_eq!(send(&graph, &hola()).await.unwrap().0, 401);
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let response = client
        .get(format!("{}/v25.0/me", graph.url()))
        .send()
        .await
        .unwrap();
    assert_eq!(response.status(), 400);
    assert_eq!(
        graph
            .faults()
            .iter()
            .filter(|fault| fault.contains("Bearer"))
            .count(),
        2
    );
}

#[tokio::test]
async fn what_breaks_off_has_gone_out_all_the_same() {
    let graph = Graph::start().await;
    let answers = [Answer::Stall, Answer::Close, Answer::CloseHalfWay];
    for answer in answers {
        graph.next(answer);
        assert!(send(&graph, &hola()).await.is_err(), "{answer:?}");
    }
    graph.next(Answer::Status(502));
    assert_eq!(send(&graph, &hola()).await.unwrap(), (502, Value::Null));
    graph.next(Answer::Garbage);
    assert_eq!(send(&graph, &hola()).await.unwrap(), (200, Value::Null));
    graph.next(Answer::Slow(Duration::from_millis(50)));
    assert_eq!(send(&graph, &hola()).await.unwrap().0, 200);
    assert_eq!(graph.messages().len(), 6);
}

#[tokio::test]
async fn a_receipt_is_no_message() {
    let graph = Graph::start().await;
    let read =
        json!({ "messaging_product": "whatsapp", "status": "read", "message_id": "wamid.A" });
    assert_eq!(
        send(&graph, &read).await.unwrap(),
        (200, json!({ "success": true }))
    );
    assert_eq!((graph.requests().len(), graph.messages().len()), (1, 0));
}

#[tokio::test]
async fn some_requests_may_fail_while_others_pass() {
    let graph = Graph::start().await;
    graph.when(
        |request| request.text() == Some("no"),
        Answer::Error(131_056),
    );
    let mut no = hola();
    no["text"]["body"] = json!("no");
    assert_eq!(send(&graph, &no).await.unwrap().0, 400);
    assert_eq!(send(&graph, &hola()).await.unwrap().0, 200);
    graph.behave();
    assert_eq!(send(&graph, &no).await.unwrap().0, 200);
}
