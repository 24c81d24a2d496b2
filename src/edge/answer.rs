//! Every request comes in here.

use std::{panic::AssertUnwindSafe, thread::LocalKey};

use js_sys::{Array, Promise};
use wasm_bindgen::JsValue;
use wasm_bindgen_futures::future_to_promise;
use worker::{Env, Request, Response, Result, console_error, worker_sys::Context};

use super::{
    admin,
    asked::Asked,
    health, messages,
    problem::{Problem, unsigned_parts},
    routes::{self, Action, Found, NotFound},
    signed::{self, Taken},
    webhook,
};
use crate::environment::{self, Environment};

/// The description of all routes.
const DESCRIPTION: &str = include_str!("openapi.json");

/// Answers a request, with a `Response` or the promise of one.
pub(crate) fn answer(request: web_sys::Request, env: Env, context: Context) -> JsValue {
    let environment = environment::read(&env);
    let asked = Asked::of(&request);
    let path = routes::path_of(asked.url());
    #[cfg(feature = "panic-routes")]
    if path == "/panic/body" {
        return super::signed::panic(&request, env, context);
    }
    let found = routes::find(asked.method(), path);
    if let Some(taken) = taken(&found, path) {
        return signed::receive(&request, &asked, env, &environment, context, taken);
    }
    let path = path.to_owned();
    promise(async move { other(found, &path, request.into(), env, environment).await }).into()
}

/// What takes the body of such a request, where it is one that Meta signs.
#[cfg_attr(not(feature = "bench-routes"), allow(unused_variables))]
fn taken(
    found: &std::result::Result<Found, NotFound>,
    path: &str,
) -> Option<&'static LocalKey<Taken>> {
    #[cfg(feature = "bench-routes")]
    if path == "/bench/normalize" {
        return Some(&super::bench::TAKEN);
    }
    let found = found.as_ref().ok()?;
    (found.route.action == Action::Receive).then_some(&webhook::TAKEN)
}

/// What a POST to this URL is answered where it bears no signature, if it is then refused whatever else it says.
pub(crate) fn refusal(url: &str, env: &Env) -> Option<Array> {
    let found = routes::find("POST", routes::path_of(url)).ok()?;
    let is_refused = found.route.action == Action::Receive && environment::read(env).is_ok();
    is_refused.then(unsigned_parts)
}

/// The promise of an answer.
pub(super) fn promise<R>(answer: impl Future<Output = Result<R>> + 'static) -> Promise
where
    R: Into<web_sys::Response>,
{
    future_to_promise(AssertUnwindSafe(async move { answered(answer.await) }))
}

/// An answer; an error is logged, and not told.
pub(super) fn answered<R>(answer: Result<R>) -> std::result::Result<JsValue, JsValue>
where
    R: Into<web_sys::Response>,
{
    let response = match answer {
        Ok(response) => response.into(),
        Err(error) => {
            console_error!("{error}");
            Response::error("INTERNAL SERVER ERROR", 500)?.into()
        }
    };
    Ok(response.into())
}

/// Answers all but a webhook.
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
    // Who has no token is not told either what there is.
    let needs_token = match &found {
        Ok(found) => found.route.action.needs_token(),
        Err(_) => path.starts_with("/v1/"),
    };
    if needs_token && let Some(problem) = admin::refusal(&request, &environment)? {
        return problem.response();
    }
    let found = match found {
        Ok(found) => found,
        Err(NotFound::Path) => return Problem::NotFound.response(),
        Err(NotFound::Method(allowed)) => return Problem::MethodNotAllowed(allowed).response(),
    };
    match found.route.action {
        Action::Challenge => webhook::challenge(&request, &environment),
        Action::Health => health::answer(&environment),
        Action::Describe => {
            let response = Response::ok(DESCRIPTION)?;
            response.headers().set("content-type", "application/json")?;
            Ok(response)
        }
        Action::Send => messages::send(request, &env, &environment).await,
        Action::Sent => messages::tell(&found, &env, &environment).await,
        _ => admin::answer(&found, request, &env, &environment).await,
    }
}

#[cfg(feature = "panic-routes")]
#[allow(clippy::panic)]
async fn panic_on_purpose(path: &str, env: &Env) -> Option<Result<Response>> {
    match path {
        "/panic/fetch" => panic!("on purpose"),
        "/panic/object" => Some(panic_in_object(env).await),
        _ => None,
    }
}

#[cfg(feature = "panic-routes")]
async fn panic_in_object(env: &Env) -> Result<Response> {
    use crate::objects::{BINDING, ask, post};
    ask(env, BINDING, "panic", "panic", &post(&[])).await
}
