//! The settings of this deployment, read from what Cloudflare binds to the Worker.

use std::cell::OnceCell;

use js_sys::{JSON, Reflect};
use wasm_bindgen::JsValue;
use worker::Env;

use crate::{
    config::{Secret, Settings, SettingsFault},
    meta::signature::AppSecrets,
    zones,
};

/// All that is set, and the app secrets as keys that are ready for use.
pub(crate) struct Ready {
    pub(crate) settings: Settings,
    pub(crate) app_secrets: AppSecrets,
}

/// Lives as long as the isolate. Its bindings do not change: a new secret is a new deployment.
pub(crate) type Environment = &'static Result<Ready, Vec<SettingsFault>>;

thread_local! {
    static ENVIRONMENT: OnceCell<Environment> = const { OnceCell::new() };
}

/// The settings, read and checked once in an isolate.
pub(crate) fn read(env: &Env) -> Environment {
    ENVIRONMENT.with(|cell| *cell.get_or_init(|| Box::leak(Box::new(read_anew(env)))))
}

fn read_anew(env: &Env) -> Result<Ready, Vec<SettingsFault>> {
    let settings = Settings::read(|name| lookup(env, name))?.in_known_zones(zones::offset)?;
    let secrets = settings.app_secrets.iter().map(Secret::expose);
    Ok(Ready {
        app_secrets: AppSecrets::new(secrets),
        settings,
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
