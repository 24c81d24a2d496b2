//! A Transom with all that stands around it: a Meta before it, a backend and a Graph API behind it.

use serde_json::{Value, json};
use simulator::backend::Backend;
use simulator::graph::Graph;
use simulator::meta::Meta;
use simulator::webhook::Webhook;

use super::around::{DESTINATION_SECRET, destination, post};
use super::settings::Settings;
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
        let backend = Backend::start(DESTINATION_SECRET).await;
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
        let settings = Transom::builder().secret("DESTINATION_SECRET", DESTINATION_SECRET);
        settings.config(config).graph(graph)
    }

    /// Meta posts, and is told that it is stored.
    pub(crate) async fn post(&self, webhook: &Webhook) {
        post(&self.meta, webhook).await;
    }
}
