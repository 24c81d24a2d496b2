//! A Transom with all that stands around it: a Meta before it, a backend and a Graph API behind it.

use reqwest::Method;
use serde_json::{Value, json};
use simulator::backend::Backend;
use simulator::graph::Graph;
use simulator::local;
use simulator::meta::Meta;
use simulator::webhook::{Customer, Message, Webhook};

use super::around::{client, destination, eventually, post, with, writes};
use super::settings::{ADMIN_TOKEN, Settings};
use super::workerd::Transom;

pub(crate) struct Scene {
    pub(crate) transom: Transom,
    pub(crate) meta: Meta,
    pub(crate) backend: Backend,
    pub(crate) graph: Graph,
}

impl Scene {
    /// With this `CONFIG`, and the backend as its destination.
    pub(crate) async fn start_with(config: Value) -> Self {
        Self::set(config, |settings| settings).await
    }

    /// The same with other settings.
    pub(crate) async fn set(config: Value, set: impl FnOnce(Settings) -> Settings) -> Self {
        let backend = Backend::start().await;
        let graph = Graph::start().await;
        let settings = Self::settings(config, &backend, &graph);
        let transom = set(settings).start().await;
        let meta = transom.meta();
        Self {
            transom,
            meta,
            backend,
            graph,
        }
    }

    pub(crate) fn settings(mut config: Value, backend: &Backend, graph: &Graph) -> Settings {
        config["destinations"] = json!([destination("crm", backend)]);
        Transom::builder().config(config).graph(graph)
    }

    /// Meta posts, and is told that it is stored.
    pub(crate) async fn post(&self, webhook: &Webhook) {
        post(&self.meta, webhook).await;
    }

    /// A customer writes to the local number: a text, or any message. With that their window opens.
    pub(crate) async fn writes(&self, customer: &Customer, message: impl Into<Message>) {
        writes(&self.meta, customer, message).await;
    }

    /// Asks the local number to send something; gives the status and the answer.
    pub(crate) async fn ask(&self, body: Value) -> (u16, Value) {
        let body = with(body, json!({ "phone_number_id": local::PHONE_NUMBER_ID }));
        self.transom.ask(Method::POST, "/v1/messages", &body).await
    }

    /// Asks with this `Idempotency-Key`.
    pub(crate) async fn ask_as(&self, key: &str, body: &Value) -> (u16, Value) {
        let request = client().post(self.transom.url("/v1/messages"));
        let request = request
            .bearer_auth(ADMIN_TOKEN)
            .header("idempotency-key", key);
        let body = with(
            body.clone(),
            json!({ "phone_number_id": local::PHONE_NUMBER_ID }),
        );
        let answer = request.json(&body).send().await.unwrap();
        (answer.status().as_u16(), answer.json().await.unwrap())
    }

    /// Asks for something that is taken, and gives the send's id.
    pub(crate) async fn send(&self, body: Value) -> String {
        let (status, answer) = self.ask(body).await;
        assert_eq!(status, 202, "{answer}");
        answer["messages"][0]["id"].as_str().unwrap().to_owned()
    }

    /// How a send stands.
    pub(crate) async fn send_of(&self, id: &str) -> Value {
        let (status, send) = self.transom.admin(&format!("/v1/messages/{id}")).await;
        assert_eq!(status, 200, "{send}");
        send
    }

    /// How a send stands once it is in this state.
    pub(crate) async fn send_in_state(&self, id: &str, state: &str) -> Value {
        eventually(async || {
            let send = self.send_of(id).await;
            (send["state"] == state).then_some(send)
        })
        .await
    }
}
