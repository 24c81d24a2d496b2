//! The routes.

mod admin;
#[cfg(feature = "bench-routes")]
mod bench;
mod body;
mod health;
mod problem;
mod webhook;

use worker::{Env, Method, Request, Response, Result};

use crate::environment;
use problem::Problem;

/// Answers a request.
pub(crate) async fn answer(request: Request, env: &Env) -> Result<Response> {
    let environment = environment::read(env);
    let path = request.path();
    match (request.method(), path.as_str()) {
        (Method::Get, "/webhook") => webhook::challenge(&request, &environment),
        (Method::Post, "/webhook") => webhook::receive(request, env, &environment).await,
        (_, "/webhook") => Problem::MethodNotAllowed("GET, POST").response(),
        (Method::Get | Method::Head, "/health") => health::answer(&environment),
        (_, "/health") => Problem::MethodNotAllowed("GET, HEAD").response(),
        (method, path) if path.starts_with("/v1/") => {
            admin::answer(&method, path, &request, env, &environment).await
        }
        #[cfg(feature = "bench-routes")]
        (Method::Post, "/bench/normalize") => bench::normalize(request, &environment).await,
        #[cfg(feature = "panic-routes")]
        #[allow(clippy::panic)]
        (Method::Post, "/panic/fetch") => panic!("on purpose"),
        #[cfg(feature = "panic-routes")]
        (Method::Post, "/panic/object") => {
            let stub = env
                .durable_object(crate::objects::BINDING)?
                .get_by_name("panic")?;
            let init = worker::RequestInit {
                method: Method::Post,
                ..Default::default()
            };
            stub.fetch_with_request(Request::new_with_init("https://mailbox/panic", &init)?)
                .await
        }
        _ => Problem::NotFound.response(),
    }
}
