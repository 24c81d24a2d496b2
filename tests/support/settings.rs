//! What a test sets before it starts Transom.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::Transom;

/// The app secret where a test sets none.
pub(crate) const APP_SECRET: &str = "test-app-secret";
/// The verify token where a test sets none.
pub(crate) const VERIFY_TOKEN: &str = "test-verify-token";
/// The admin token where a test sets none.
pub(crate) const ADMIN_TOKEN: &str = "test-admin-token";

/// The secret of every destination that [`super::destination`] makes.
pub(crate) const DESTINATION_SECRET: &str = simulator::local::DESTINATION_SECRET;

/// The settings of one Transom. `Default` has what is required, the admin token, the secret of destinations, and none of
/// these.
#[derive(Clone)]
#[must_use]
pub(crate) struct Settings {
    pub(super) values: BTreeMap<String, Value>,
    pub(super) panic_routes: bool,
    /// The module that stands around Transom, if one does.
    pub(super) wrapper: Option<&'static str>,
    pub(super) environment: BTreeMap<&'static str, PathBuf>,
    /// Where the KV namespace `WINDOWS` is, if there is one.
    pub(super) windows: Option<String>,
    pub(super) stranger: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self::none()
            .secret("META_APP_SECRET", APP_SECRET)
            .secret("META_VERIFY_TOKEN", VERIFY_TOKEN)
            .secret("ADMIN_TOKEN", ADMIN_TOKEN)
            .secret("DESTINATION_SECRET", DESTINATION_SECRET)
    }
}

impl Settings {
    /// Nothing at all.
    pub(crate) fn none() -> Self {
        Self {
            values: BTreeMap::new(),
            panic_routes: false,
            wrapper: None,
            environment: BTreeMap::new(),
            windows: None,
            stranger: false,
        }
    }

    /// Sets a secret. The Worker sees it as it sees a text variable.
    pub(crate) fn secret(self, name: &str, value: &str) -> Self {
        self.var(name, value)
    }

    /// Sets a variable.
    pub(crate) fn var(mut self, name: &str, value: &str) -> Self {
        self.values.insert(name.to_owned(), json!(value));
        self
    }

    /// Takes a setting away, also one of those that `Default` brings.
    pub(crate) fn without(mut self, name: &str) -> Self {
        self.values.remove(name);
        self
    }

    /// Sets `CONFIG`, as the tables of wrangler.toml do. To give it as text, use [`Settings::var`].
    pub(crate) fn config(mut self, config: Value) -> Self {
        self.values.insert("CONFIG".to_owned(), config);
        self
    }

    /// Has windows told to this namespace, from which the Worker of docs/windows.md reads them.
    pub(crate) fn windows(mut self, kv: &simulator::kv::Kv) -> Self {
        self.windows = Some(kv.address());
        self
    }

    /// With another Worker, which asks mailboxes by their ids alone: [`Transom::wake_by_id`].
    pub(crate) fn with_stranger(mut self) -> Self {
        self.stranger = true;
        self
    }

    /// Starts Transom in workerd, and returns when it takes requests.
    pub(crate) async fn start(self) -> Transom {
        Transom::start(self).await
    }

    /// Sets an environment variable of workerd itself, which the Worker does not see.
    pub(crate) fn environment(mut self, name: &'static str, path: &Path) -> Self {
        self.environment.insert(name, path.to_owned());
        self
    }

    /// Counts what the platform bills: [`Transom::counts`].
    pub(crate) fn counted(mut self) -> Self {
        self.wrapper = Some("bench/contestants/counted.js");
        self
    }

    /// Lets calls of its mailboxes hang: [`Transom::hang`].
    pub(crate) fn hanging(mut self) -> Self {
        self.wrapper = Some("tests/support/hanging.js");
        self
    }

    /// Takes the build that has routes which panic on purpose.
    pub(crate) fn with_panic_routes(mut self) -> Self {
        self.panic_routes = true;
        self
    }
}
