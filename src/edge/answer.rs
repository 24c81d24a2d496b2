//! Every request comes in here.

use std::{panic::AssertUnwindSafe, thread::LocalKey};

use js_sys::{Object, Promise};
use wasm_bindgen::{JsValue, prelude::wasm_bindgen};
use wasm_bindgen_futures::future_to_promise;
use worker::{Env, Request};

use super::{
    admin, health, messages,
    problem::{Answered, Problem},
    routes::{self, Action, Found, NotFound, Open},
    signed::{self, Take},
    webhook,
};
use crate::environment::{self, Environment};

#[wasm_bindgen(module = "/src/edge/describe.js")]
extern "C" {
    /// The answer that describes all routes.
    fn describe() -> web_sys::Response;
}

#[wasm_bindgen(module = "/src/edge/log.js")]
extern "C" {
    /// Logs an error once a minute.
    fn seldom(event: &str, error: &str);
}

/// The options for `receive.js`, if this is the webhook route and the settings are valid.
pub(crate) fn webhooks(url: &str, env: &Env) -> Option<Object> {
    let take = take(routes::path_of(url))?;
    let environment = environment::read(env);
    let ready = environment.as_ref().ok()?;
    Some(signed::webhooks(&ready.settings, take))
}

/// What takes the body of a POST to this path, if Meta signs what it posts there.
fn take(path: &str) -> Option<&'static LocalKey<Take>> {
    #[cfg(feature = "bench-routes")]
    if path == "/bench/normalize" {
        return Some(&super::bench::TAKE);
    }
    #[cfg(feature = "panic-routes")]
    match path {
        "/panic/body" => return Some(&signed::panic::TAKE),
        "/trap/body" => return Some(&signed::panic::TRAP),
        _ => {}
    }
    let found = routes::find("POST", path).ok()?;
    (found.route.action == Action::Open(Open::Receive)).then_some(&webhook::TAKE)
}

/// Gives the promise of the answer to any other request.
pub(crate) fn answer(request: web_sys::Request, env: Env) -> Promise {
    let environment = environment::read(&env);
    // Read here, since `worker::Request::method` takes methods that it does not know for GET.
    let method = request.method();
    let path = routes::path_of(&request.url()).to_owned();
    let found = routes::find(&method, &path);
    future_to_promise(AssertUnwindSafe(async move {
        answered(other(found, &path, request.into(), env, environment).await)
    }))
}

/// The answer as the platform takes it.
pub(super) fn answered(answer: Answered) -> std::result::Result<JsValue, JsValue> {
    let response = answer.or_else(Problem::response)?;
    Ok(web_sys::Response::from(response).into())
}

async fn other(
    found: std::result::Result<Found, NotFound>,
    path: &str,
    request: Request,
    env: Env,
    environment: Environment,
) -> Answered {
    #[cfg(feature = "panic-routes")]
    if let Some(response) = panic_on_purpose(path, &env).await {
        return Ok(response?);
    }
    let found = match found {
        Ok(found) => found,
        Err(why) => {
            // Without a token nobody learns which routes there are.
            if path.starts_with("/v1/") {
                admin::enter(&request, environment)?;
            }
            return Err(match why {
                NotFound::Path => Problem::NotFound,
                NotFound::Method(allowed) => Problem::MethodNotAllowed(allowed),
            });
        }
    };
    let action = found.route.action;
    if let Action::Open(open) = action {
        return to_anybody(open, &request, environment);
    }
    let settings = admin::enter(&request, environment)?;
    match action {
        Action::Send => messages::send(request, &env, settings).await,
        Action::Sent => messages::send_status(&found, &env, settings).await,
        _ => admin::answer(&found, request, &env, settings).await,
    }
}

/// What is answered without a bearer token.
fn to_anybody(open: Open, request: &Request, environment: Environment) -> Answered {
    match open {
        Open::Challenge => webhook::challenge(request, environment),
        Open::Health => Ok(health::answer(environment)?),
        Open::Describe => Ok(describe().into()),
        // It comes here only while the settings are wrong: otherwise `receive.js` takes it.
        Open::Receive => {
            seldom("webhook.not_stored", "the settings are wrong: see /health");
            Err(Problem::NotSetUp)
        }
    }
}

#[cfg(feature = "panic-routes")]
#[allow(clippy::panic)]
async fn panic_on_purpose(path: &str, env: &Env) -> Option<worker::Result<worker::Response>> {
    match path {
        "/panic/fetch" => panic!("on purpose"),
        "/trap/fetch" => std::process::abort(),
        "/panic/object" | "/panic/alarm" | "/trap/object" | "/trap/append" | "/trap/alarm" => {
            Some(panic_in_object(env, path).await)
        }
        _ => None,
    }
}

#[cfg(feature = "panic-routes")]
async fn panic_in_object(env: &Env, path: &str) -> worker::Result<worker::Response> {
    use crate::objects::{BINDING, fetch, post};
    let path = path.trim_start_matches('/');
    fetch(env, BINDING, "panic", path, &post(&[])).await
}
