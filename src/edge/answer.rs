//! Every request comes in here.

use std::{panic::AssertUnwindSafe, thread::LocalKey};

use js_sys::{Object, Promise};
use wasm_bindgen::{JsValue, prelude::wasm_bindgen};
use wasm_bindgen_futures::future_to_promise;
use worker::{Env, Request, Response, Result, console_error};

use super::{
    admin, health, messages,
    problem::Problem,
    routes::{self, Action, Found, NotFound},
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
    (found.route.action == Action::Receive).then_some(&webhook::TAKE)
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

/// The answer as the platform takes it. Whoever asks is not told what an error says: that is logged.
pub(super) fn answered(answer: Result<Response>) -> std::result::Result<JsValue, JsValue> {
    let response = answer.or_else(|error| {
        console_error!("{error}");
        Response::error("INTERNAL SERVER ERROR", 500)
    })?;
    Ok(web_sys::Response::from(response).into())
}

async fn other(
    found: std::result::Result<Found, NotFound>,
    path: &str,
    request: Request,
    env: Env,
    environment: Environment,
) -> Result<Response> {
    #[cfg(feature = "panic-routes")]
    if let Some(response) = panic_on_purpose(path, &env).await {
        return response;
    }
    // Before 404 and 405: without a token nobody learns which routes there are.
    let needs_token = match &found {
        Ok(found) => found.route.action.needs_token(),
        Err(_) => path.starts_with("/v1/"),
    };
    let settings = if needs_token {
        match admin::enter(&request, environment)? {
            Ok(settings) => Some(settings),
            Err(problem) => return problem.response(),
        }
    } else {
        None
    };
    let found = match found {
        Ok(found) => found,
        Err(NotFound::Path) => return Problem::NotFound.response(),
        Err(NotFound::Method(allowed)) => return Problem::MethodNotAllowed(allowed).response(),
    };
    match (found.route.action, settings) {
        (Action::Send, Some(settings)) => messages::send(request, &env, settings).await,
        (Action::Sent, Some(settings)) => messages::send_status(&found, &env, settings).await,
        (_, Some(settings)) => admin::answer(&found, request, &env, settings).await,
        (Action::Challenge, None) => webhook::challenge(&request, environment),
        (Action::Health, None) => health::answer(environment),
        (Action::Describe, None) => Ok(describe().into()),
        // A webhook. It comes here only while the settings are wrong: otherwise `receive.js` takes it.
        (_, None) => {
            seldom("webhook.not_stored", "the settings are wrong: see /health");
            Problem::NotSetUp.response()
        }
    }
}

#[cfg(feature = "panic-routes")]
#[allow(clippy::panic)]
async fn panic_on_purpose(path: &str, env: &Env) -> Option<Result<Response>> {
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
async fn panic_in_object(env: &Env, path: &str) -> Result<Response> {
    use crate::objects::{BINDING, fetch, post};
    let path = path.trim_start_matches('/');
    fetch(env, BINDING, "panic", path, &post(&[])).await
}
