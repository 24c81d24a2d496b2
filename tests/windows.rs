//! Who a conversation is with and how long the business may write, as the admin API and the events tell it.
#![cfg(test)]

mod support;

use serde_json::json;
use simulator::local;
use simulator::webhook::{Customer, Message, Number, Status, Webhook};
use support::{ADMIN_TOKEN, PATIENCE, Transom, client, post, started, unix, writes};

const HOUR: i64 = 3600;

fn now() -> i64 {
    simulator::clock::unix_now()
}

/// When the customer service window of the conversation with this person closes, in seconds since 1970.
async fn closes_at(transom: &Transom, person: &str) -> i64 {
    let found = transom.conversation(person).await;
    unix(
        found["window"]["customer_service"]["closes_at"]
            .as_str()
            .unwrap(),
    )
}

#[tokio::test]
async fn the_window_closes_a_day_after_the_customer_wrote_whenever_we_were_told() {
    let transom = Transom::builder().start().await;
    let meta = transom.meta();
    let (ana, written) = (Customer::local(), now() - 5 * HOUR);
    writes(&meta, &ana, Message::text("hola").at(written)).await;
    assert_eq!(
        closes_at(&transom, local::CUSTOMER_PHONE).await,
        written + 24 * HOUR
    );
    // A message that was written before and arrives late moves nothing back.
    writes(&meta, &ana, Message::text("late").at(written - HOUR)).await;
    assert_eq!(
        closes_at(&transom, local::CUSTOMER_PHONE).await,
        written + 24 * HOUR
    );
    // What the business wrote does not open it, and what the customer takes back neither.
    let status = Status::delivered("wamid.1").at(written + HOUR);
    post(
        &meta,
        &Webhook::new().status(&Number::local(), &ana, status),
    )
    .await;
    writes(&meta, &ana, Message::revoke("wamid.0").at(written + HOUR)).await;
    assert_eq!(
        closes_at(&transom, local::CUSTOMER_PHONE).await,
        written + 24 * HOUR
    );
    writes(&meta, &ana, Message::text("more").at(written + HOUR)).await;
    assert_eq!(
        closes_at(&transom, local::CUSTOMER_PHONE).await,
        written + 25 * HOUR
    );
}

#[tokio::test]
async fn the_answer_to_a_click_on_an_advertisement_opens_the_free_entry_point() {
    let transom = Transom::builder().start().await;
    let meta = transom.meta();
    let (ana, written) = (Customer::local(), now() - 3 * HOUR);
    writes(&meta, &ana, Message::text("hola").referral().at(written)).await;
    let before = transom.conversation(local::CUSTOMER_PHONE).await;
    assert_eq!(
        before["window"]["free_entry_point"],
        json!({ "open": false })
    );
    let status = Status::sent("wamid.1").at(written + HOUR);
    post(
        &meta,
        &Webhook::new().status(&Number::local(), &ana, status),
    )
    .await;
    let after = transom.conversation(local::CUSTOMER_PHONE).await;
    let free = &after["window"]["free_entry_point"];
    assert_eq!(free["open"], true);
    assert_eq!(
        unix(free["closes_at"].as_str().unwrap()),
        written + 73 * HOUR
    );
}

#[tokio::test]
async fn a_person_is_found_by_every_name() {
    let transom = Transom::builder().start().await;
    let ana = Customer::local().parent_user_id("US.ENT.1");
    writes(&transom.meta(), &ana, "hola").await;
    let found = transom.conversation(local::CUSTOMER_USER_ID).await;
    assert_eq!(
        found["names"],
        json!([
            "parent:US.ENT.1",
            format!("phone:{}", local::CUSTOMER_PHONE),
            format!("user:{}", local::CUSTOMER_USER_ID),
        ])
    );
    for name in [
        local::CUSTOMER_PHONE,
        "+16505551234",
        "%2B16505551234",
        "US.ENT.1",
    ] {
        assert_eq!(transom.conversation(name).await, found, "{name}");
    }
}

#[tokio::test]
async fn two_names_that_turn_out_to_be_one_persons_lead_to_one_conversation() {
    let (transom, meta, backend) = started().await;
    let (phone, user_id, written) = ("16505550001", "US.1", now() - 5 * HOUR);
    writes(&meta, &Customer::new(phone), Message::text("1").at(written)).await;
    writes(
        &meta,
        &Customer::without_phone(user_id),
        Message::text("2").at(written + HOUR),
    )
    .await;
    assert_eq!(closes_at(&transom, phone).await, written + 24 * HOUR);
    assert_eq!(closes_at(&transom, user_id).await, written + 25 * HOUR);

    let both = Customer::new(phone).user_id(user_id);
    writes(&meta, &both, Message::text("3").at(written - HOUR)).await;
    let found = transom.conversation(phone).await;
    assert_eq!(found, transom.conversation(user_id).await);
    assert_eq!(
        found["names"],
        json!([format!("phone:{phone}"), format!("user:{user_id}")])
    );
    assert_eq!(closes_at(&transom, phone).await, written + 25 * HOUR);
    // And the event says so, too.
    assert!(backend.wait_for(3, PATIENCE).await);
    let third = backend
        .events()
        .into_iter()
        .find(|event| event.text() == Some("3"))
        .unwrap();
    let told = &third.data["window"]["customer_service"]["closes_at"];
    assert_eq!(unix(told.as_str().unwrap()), written + 25 * HOUR);
}

#[tokio::test]
async fn a_change_of_number_carries_the_conversation_over() {
    let transom = Transom::builder().start().await;
    let meta = transom.meta();
    let before = Customer::new("16505550001").user_id("US.1");
    let after = Customer::new("16505550002").user_id("US.2");
    let written = now() - 5 * HOUR;
    writes(&meta, &before, Message::text("hola").at(written)).await;
    let changed = Message::changed_number(&before, &after).at(written + HOUR);
    writes(&meta, &before, changed).await;
    for name in ["16505550002", "US.2"] {
        assert_eq!(
            closes_at(&transom, name).await,
            written + 24 * HOUR,
            "{name}"
        );
    }
    writes(
        &meta,
        &after,
        Message::text("it is me").at(written + 2 * HOUR),
    )
    .await;
    assert_eq!(closes_at(&transom, "US.2").await, written + 26 * HOUR);
    assert_eq!(closes_at(&transom, "US.1").await, written + 26 * HOUR);
}

#[tokio::test]
async fn who_gets_a_number_that_was_given_up_has_a_conversation_of_their_own() {
    let transom = Transom::builder().start().await;
    let meta = transom.meta();
    let (phone, written) = ("16505550001", now() - 5 * HOUR);
    let ana = Customer::new(phone).user_id("US.1");
    let bob = Customer::new(phone).user_id("US.2");
    writes(&meta, &ana, Message::text("hola").at(written)).await;
    writes(&meta, &bob, Message::text("hello").at(written + HOUR)).await;
    assert_eq!(closes_at(&transom, "US.1").await, written + 24 * HOUR);
    assert_eq!(closes_at(&transom, "US.2").await, written + 25 * HOUR);
    assert_eq!(closes_at(&transom, phone).await, written + 25 * HOUR);
}

#[tokio::test]
async fn a_status_that_a_further_one_overtook_is_told_and_does_not_count() {
    let (transom, meta, backend) = started().await;
    let (number, ana) = (Number::local(), Customer::local());
    for status in [
        Status::sent("wamid.1"),
        Status::read("wamid.1"),
        Status::delivered("wamid.1"),
    ] {
        post(&meta, &Webhook::new().status(&number, &ana, status)).await;
    }
    assert!(backend.wait_for(3, PATIENCE).await);
    let told: Vec<_> = backend
        .events()
        .iter()
        .map(|event| (event.kind.clone(), event.data.get("superseded").cloned()))
        .collect();
    assert_eq!(
        told,
        [
            ("whatsapp.status.sent".to_owned(), None),
            ("whatsapp.status.read".to_owned(), None),
            ("whatsapp.status.delivered".to_owned(), Some(json!(true))),
        ]
    );
    let statuses = transom.conversation(local::CUSTOMER_PHONE).await["statuses"].clone();
    assert_eq!(statuses.as_array().unwrap().len(), 1, "{statuses}");
    assert_eq!(statuses[0]["message_id"], "wamid.1");
    assert_eq!(statuses[0]["status"], "read");
    let without = format!("{}?statuses=false", local::CUSTOMER_PHONE);
    assert_eq!(transom.conversation(&without).await["statuses"], json!([]));
}

#[tokio::test]
async fn what_is_known_of_a_conversation_outlives_a_power_cut() {
    let mut transom = Transom::builder().start().await;
    let written = now() - HOUR;
    writes(
        &transom.meta(),
        &Customer::local(),
        Message::text("hola").at(written),
    )
    .await;
    let found = transom.conversation(local::CUSTOMER_PHONE).await;
    transom.restart().await;
    assert_eq!(transom.conversation(local::CUSTOMER_PHONE).await, found);
}

#[tokio::test]
async fn the_admin_api_is_for_who_has_its_token() {
    let transom = Transom::builder().start().await;
    writes(&transom.meta(), &Customer::local(), "hola").await;
    let client = client();
    let paths = [
        format!(
            "/v1/conversations/{}/{}",
            local::PHONE_NUMBER_ID,
            local::CUSTOMER_PHONE
        ),
        format!("/v1/destinations/{}", local::PHONE_NUMBER_ID),
        "/v1/whatever".to_owned(),
    ];
    for path in &paths {
        let ask = async |authorization: Option<&str>| {
            let request = client.get(transom.url(path));
            let request = match authorization {
                Some(value) => request.header("authorization", value),
                None => request,
            };
            request.send().await.unwrap().status().as_u16()
        };
        assert_eq!(ask(None).await, 401);
        let basic = format!("Basic {ADMIN_TOKEN}");
        for wrong in ["", "Bearer", "Bearer ", "Bearer wrong", ADMIN_TOKEN, &basic] {
            assert_eq!(ask(Some(wrong)).await, 401, "{wrong}");
        }
    }
    let nobody = format!("/v1/conversations/{}/16505559999", local::PHONE_NUMBER_ID);
    for unknown in ["/v1/whatever", "/v1/conversations/1", &nobody] {
        assert_eq!(transom.admin(unknown).await.0, 404, "{unknown}");
    }
    let post = client.post(transom.url(&paths[0])).bearer_auth(ADMIN_TOKEN);
    assert_eq!(post.send().await.unwrap().status(), 405);
}

#[tokio::test]
async fn without_an_admin_token_the_admin_api_refuses_everyone() {
    for settings in [
        Transom::builder().without("ADMIN_TOKEN"),
        Transom::builder().secret("ADMIN_TOKEN", " "),
    ] {
        let transom = settings.start().await;
        let url = transom.url(&format!("/v1/destinations/{}", local::PHONE_NUMBER_ID));
        for token in ["", " ", "undefined", ADMIN_TOKEN] {
            let request = client().get(&url).bearer_auth(token);
            assert_eq!(request.send().await.unwrap().status(), 401, "{token}");
        }
    }
}
