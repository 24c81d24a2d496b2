//! `/v1/…`: for the team that runs this, with its bearer token.

use worker::{Env, Method, Request, Response, Result};

use super::problem::Problem;
use crate::{
    config::Secret,
    environment::Environment,
    meta::challenge,
    objects::{self, drift},
};

/// Answers a request to the admin API. Without `ADMIN_TOKEN` it refuses everyone.
pub(super) async fn answer(
    method: &Method,
    path: &str,
    request: &Request,
    env: &Env,
    environment: &Environment,
) -> Result<Response> {
    let Ok(ready) = &**environment else {
        return Problem::NotSetUp.response();
    };
    if !may_enter(request, ready.settings.admin_token.as_ref())? {
        return Problem::Unauthorized.response();
    }
    let parts: Vec<&str> = path.trim_start_matches("/v1/").split('/').collect();
    if *method != Method::Get {
        return Problem::MethodNotAllowed("GET").response();
    }
    let (mailbox, command) = match parts.as_slice() {
        ["conversations", number, person] => {
            let person = decoded(person);
            let query: String = url::form_urlencoded::Serializer::new(String::new())
                .append_pair("person", &person)
                .finish();
            (decoded(number), format!("conversation?{query}"))
        }
        ["destinations", number] => (decoded(number), "destinations".to_owned()),
        ["drift"] => return drift::all(env).await,
        _ => return Problem::NotFound.response(),
    };
    let stub = env
        .durable_object(objects::BINDING)?
        .get_by_name(&mailbox)?;
    let answer = stub
        .fetch_with_str(&format!("https://mailbox/{command}"))
        .await?;
    match answer.status_code() {
        404 => Problem::NotFound.response(),
        200 => Ok(answer),
        _ => Problem::TryAgain.response(),
    }
}

fn may_enter(request: &Request, token: Option<&Secret>) -> Result<bool> {
    let header = request.headers().get("authorization")?.unwrap_or_default();
    let given = header.strip_prefix("Bearer ").unwrap_or_default();
    Ok(token.is_some_and(|token| challenge::same(token.expose(), given)))
}

fn decoded(segment: &str) -> String {
    // A plus stands for itself in a path, as it does in front of a phone number.
    let segment = segment.replace('+', "%2B");
    url::form_urlencoded::parse(segment.as_bytes())
        .next()
        .map(|(name, _)| name.into_owned())
        .unwrap_or_default()
}
