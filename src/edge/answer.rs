//! Every request comes in here.

use worker::{Context, Env, Request, Response, Result};

use super::{
    admin, health, messages,
    problem::Problem,
    routes::{self, Action, NotFound},
    webhook,
};
use crate::environment;

/// The description of all routes.
const DESCRIPTION: &str = include_str!("openapi.json");

/// Answers a request.
pub(crate) async fn answer(request: Request, env: Env, context: &Context) -> Result<Response> {
    #[cfg(feature = "panic-routes")]
    if let Some(response) = panic_on_purpose(&request, &env).await {
        return response;
    }
    let path = request.path();
    let environment = environment::read(&env);
    #[cfg(feature = "bench-routes")]
    if path == "/bench/normalize" {
        return super::bench::normalize(request, &environment).await;
    }
    // As it came: `Request::method` takes what it does not know for GET.
    let found = routes::find(&request.inner().method(), &path);
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
        Action::Receive => webhook::receive(request, env, &environment, context).await,
        Action::Health => health::answer(&environment),
        Action::Describe => {
            let response = Response::ok(DESCRIPTION)?;
            response.headers().set("content-type", "application/json")?;
            Ok(response)
        }
        Action::Send => messages::send(request, &env, &environment).await,
        Action::Sent => messages::tell(&found, &env).await,
        _ => admin::answer(&found, request, &env, &environment).await,
    }
}

#[cfg(feature = "panic-routes")]
#[allow(clippy::panic)]
async fn panic_on_purpose(request: &Request, env: &Env) -> Option<Result<Response>> {
    match request.path().as_str() {
        "/panic/fetch" => panic!("on purpose"),
        "/panic/object" => Some(panic_in_object(env).await),
        _ => None,
    }
}

#[cfg(feature = "panic-routes")]
async fn panic_in_object(env: &Env) -> Result<Response> {
    let stub = env
        .durable_object(crate::objects::BINDING)?
        .get_by_name("panic")?;
    let init = worker::RequestInit {
        method: worker::Method::Post,
        ..Default::default()
    };
    stub.fetch_with_request(Request::new_with_init("https://mailbox/panic", &init)?)
        .await
}
