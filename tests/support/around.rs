//! What stands around a Transom in a test: a Meta before it, backends and a Graph API behind it.

use std::time::Duration;

use reqwest::{Client, Method, Response};
use serde_json::{Value, json};
use simulator::backend::{Backend, Event};
use simulator::graph::Graph;
use simulator::local;
use simulator::meta::Meta;
use simulator::webhook::{Customer, Message, Number, Webhook};

use super::settings::{ADMIN_TOKEN, APP_SECRET, Settings};
use super::workerd::Transom;

/// How long a test waits for what must come. It goes on as soon as it is there.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// A destination of `CONFIG`. What it refuses is tried again soon, and for a minute.
pub(crate) fn destination(id: &str, backend: &Backend) -> Value {
    json!({
        "id": id, "url": backend.url(), "secret": "env:DESTINATION_SECRET",
        "retry": { "first_ms": 50, "max_ms": 500, "total_ms": 60_000 },
    })
}

/// One that gives an event up at once.
pub(crate) fn hasty(id: &str, backend: &Backend) -> Value {
    let retry = json!({ "retry": { "first_ms": 10, "max_ms": 10, "total_ms": 0 } });
    with(destination(id, backend), retry)
}

/// A destination with these members.
pub(crate) fn with(mut destination: Value, members: Value) -> Value {
    let Value::Object(members) = members else {
        panic!("members stand in an object")
    };
    for (name, value) in members {
        destination[name] = value;
    }
    destination
}

/// Customer `n` by phone number alone, by user id alone, and by both: two until Meta tells of the third.
pub(crate) fn called(n: usize) -> [Customer; 3] {
    let both = Customer::nth(n);
    let phone = Customer::new(both.phone.clone().unwrap());
    let user = Customer::without_phone(both.user_id.clone().unwrap());
    [phone, user, both]
}

/// Asks what is on this machine: by no proxy, and for no longer than a test waits.
pub(crate) fn client() -> Client {
    let client = Client::builder().no_proxy().timeout(PATIENCE);
    client.build().unwrap()
}

/// A text message.
pub(crate) fn text(body: &str) -> Value {
    json!({ "type": "text", "text": { "body": body } })
}

/// A template message.
pub(crate) fn template(name: &str) -> Value {
    json!({ "type": "template", "template": { "name": name, "language": { "code": "es" } } })
}

/// Meta posts, and is told that it is stored.
pub(crate) async fn post(meta: &Meta, webhook: &Webhook) {
    let answer = meta.post(webhook).await;
    assert_eq!(answer.status, 200, "{answer:?}");
}

/// A customer writes to the local number: a text, or any message.
pub(crate) async fn writes(meta: &Meta, customer: &Customer, message: impl Into<Message>) {
    let webhook = Webhook::new().message(&Number::local(), customer, message.into());
    post(meta, &webhook).await;
}

/// A Transom with one destination, its Meta and its backend.
pub(crate) async fn started() -> (Transom, Meta, Backend) {
    started_with(json!({})).await
}

/// The same where the destination has these members as well.
pub(crate) async fn started_with(members: Value) -> (Transom, Meta, Backend) {
    set(members, |settings| settings).await
}

/// The same with other settings.
pub(crate) async fn set(
    members: Value,
    set: impl FnOnce(Settings) -> Settings,
) -> (Transom, Meta, Backend) {
    let backend = Backend::start().await;
    let crm = with(destination("crm", &backend), members);
    let settings = Transom::builder().destinations([crm]);
    let transom = set(settings).start().await;
    let meta = transom.meta();
    (transom, meta, backend)
}

impl Settings {
    /// Sets `CONFIG.destinations`.
    pub(crate) fn destinations(self, destinations: impl IntoIterator<Item = Value>) -> Self {
        let destinations: Vec<Value> = destinations.into_iter().collect();
        self.config(json!({ "destinations": destinations }))
    }

    /// Sends by this Graph API.
    pub(crate) fn graph(self, graph: &Graph) -> Self {
        self.var("GRAPH_BASE_URL", &graph.url())
            .secret("GRAPH_ACCESS_TOKEN", local::GRAPH_TOKEN)
    }
}

impl Transom {
    /// The Meta that sends webhooks here.
    pub(crate) fn meta(&self) -> Meta {
        Meta::new(APP_SECRET, self.url("/webhook"))
    }

    /// What it answers to whoever shows no token.
    pub(crate) async fn get(&self, path: &str) -> Response {
        client().get(self.url(path)).send().await.unwrap()
    }

    /// What the admin API answers: the status, and the body where it is JSON.
    pub(crate) async fn admin(&self, path: &str) -> (u16, Value) {
        self.ask(Method::GET, path, &Value::Null).await
    }

    /// The same, asked with this method, and with this body where it is not `null`.
    pub(crate) async fn ask(&self, method: Method, path: &str, body: &Value) -> (u16, Value) {
        let mut request = client().request(method, self.url(path));
        if !body.is_null() {
            request = request.json(body);
        }
        let answer = request.bearer_auth(ADMIN_TOKEN).send().await.unwrap();
        let status = answer.status().as_u16();
        (status, answer.json().await.unwrap_or_default())
    }

    /// What the admin API says of the conversation of the local number with this person.
    pub(crate) async fn conversation(&self, person: &str) -> Value {
        let path = format!("/v1/conversations/{}/{person}", local::PHONE_NUMBER_ID);
        let (status, told) = self.admin(&path).await;
        assert_eq!(status, 200, "{person}: {told}");
        told
    }

    /// What the admin API says of one destination, from the mailbox of this number.
    pub(crate) async fn waiting(&self, phone_number_id: &str, destination: &str) -> Value {
        let (status, body) = self
            .admin(&format!("/v1/destinations/{phone_number_id}"))
            .await;
        assert_eq!(status, 200, "{body}");
        let all = body["destinations"].as_array().unwrap();
        all.iter()
            .find(|found| found["id"] == destination)
            .unwrap()
            .clone()
    }

    /// Waits until `holds` comes true of what the admin API says of a destination; gives what it said.
    pub(crate) async fn wait_for_waiting(
        &self,
        phone_number_id: &str,
        destination: &str,
        holds: impl Fn(&Value) -> bool,
    ) -> Value {
        eventually(async || {
            let waiting = self.waiting(phone_number_id, destination).await;
            holds(&waiting).then_some(waiting)
        })
        .await
    }
}

/// Asks again and again until there is an answer.
pub(crate) async fn eventually<T>(mut ask: impl AsyncFnMut() -> Option<T>) -> T {
    let deadline = tokio::time::Instant::now() + PATIENCE;
    loop {
        if let Some(answer) = ask().await {
            return answer;
        }
        assert!(
            tokio::time::Instant::now() < deadline,
            "it did not come true in {PATIENCE:?}"
        );
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// The texts of events, in their order.
pub(crate) fn texts(events: &[Event]) -> Vec<&str> {
    events.iter().filter_map(Event::text).collect()
}

/// A time of an event (RFC 3339), in seconds since 1970.
pub(crate) fn unix(time: &str) -> i64 {
    chrono::DateTime::parse_from_rfc3339(time)
        .unwrap()
        .timestamp()
}
