//! The settings of this deployment, read from what Cloudflare binds to the Worker.

use std::{cell::OnceCell, rc::Rc};

use js_sys::{JSON, Reflect};
use wasm_bindgen::JsValue;
use worker::Env;

use crate::{
    config::{Settings, SettingsFault},
    meta::signature::AppSecrets,
    zones,
};

/// All that is set, and the app secrets as keys that are ready for use.
pub(crate) struct Ready {
    pub(crate) settings: Settings,
    pub(crate) app_secrets: AppSecrets,
}

pub(crate) type Environment = Rc<Result<Ready, Vec<SettingsFault>>>;

thread_local! {
    /// Bindings do not change while an isolate lives: a new secret is a new deployment.
    static ENVIRONMENT: OnceCell<Environment> = const { OnceCell::new() };
}

/// The settings, read and checked once in an isolate.
pub(crate) fn read(env: &Env) -> Environment {
    ENVIRONMENT.with(|cell| {
        cell.get_or_init(|| {
            let settings = Settings::read(|name| lookup(env, name));
            let settings = settings.and_then(|it| it.in_known_zones(zones::offset));
            Rc::new(settings.map(|settings| {
                Ready {
                    app_secrets: AppSecrets::new(
                        settings
                            .app_secrets
                            .iter()
                            .map(crate::config::Secret::expose),
                    ),
                    settings,
                }
            }))
        })
        .clone()
    })
}

/// A secret or a variable; a table in wrangler.toml (`[[vars.CONFIG.destinations]]`) is bound as an object.
fn lookup(env: &Env, name: &str) -> Option<String> {
    let env: &JsValue = env.as_ref();
    let value = Reflect::get(env, &JsValue::from_str(name)).ok()?;
    if value.is_undefined() || value.is_null() {
        return None;
    }
    value
        .as_string()
        .or_else(|| JSON::stringify(&value).ok()?.as_string())
}
