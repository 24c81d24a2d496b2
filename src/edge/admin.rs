//! `/v1/…` and `/metrics`: for the team that runs this, with its bearer token. Most requests go on to the mailbox that
//! they concern.

use worker::{Env, Request, Response, Result};

use super::{
    asking, body, figures,
    parameters::{self, Parameters},
    problem::{Answered, Problem},
    routes::{Action, Found},
};
use crate::{
    config::Settings,
    environment::Environment,
    meta::challenge,
    objects::{drift, respond},
    written::{Object, list},
};

/// The settings, for a request that may come in; else why it may not. Without `ADMIN_TOKEN` it refuses everyone.
pub(super) fn enter(
    request: &Request,
    environment: Environment,
) -> std::result::Result<&'static Settings, Problem> {
    let ready = environment.as_ref().map_err(|_| Problem::NotSetUp)?;
    let header = request.headers().get("authorization")?.unwrap_or_default();
    let given = header.strip_prefix("Bearer ").unwrap_or_default();
    match &ready.settings.admin_token {
        Some(token) if challenge::same(token.expose(), given) => Ok(&ready.settings),
        token => Err(Problem::Token {
            is_set: token.is_some(),
        }),
    }
}

/// Answers a request that has come in.
pub(super) async fn answer(
    found: &Found,
    request: Request,
    env: &Env,
    settings: &Settings,
) -> Answered {
    let (in_path, parameters) = read(found, request).await?;
    match found.route.action {
        Action::Metrics => Ok(figures::answer(env, settings, &parameters).await?),
        Action::Numbers => Ok(numbers(settings, &parameters)?),
        Action::Drift => {
            let page = drift::all(env, &parameters.query()).await;
            page.ok_or(Problem::NoAnswer)
        }
        _ => asking::answer(found, env, settings, &in_path, &parameters).await,
    }
}

/// The parameters in the path, and those in the query or in the body.
async fn read(
    found: &Found,
    request: Request,
) -> std::result::Result<(Parameters, Parameters), Problem> {
    let Found { route, in_path } = found;
    let rest = if route.has_body() && !route.parameters.is_empty() {
        let body = body::read(request.inner()).await?;
        parameters::in_body(&body.ok_or(Problem::TooLarge)?, route.parameters)
    } else {
        let url = request.url()?;
        parameters::in_query(url.query().unwrap_or_default(), route.parameters)
    };
    let in_path = parameters::in_path(in_path, route.in_path).map_err(Problem::Invalid)?;
    Ok((in_path, rest.map_err(Problem::Invalid)?))
}

/// The numbers that `CONFIG` names, in the order of their ids.
fn numbers(settings: &Settings, parameters: &Parameters) -> Result<Response> {
    let ids = settings.config.numbers.iter();
    let ids: Vec<&str> = ids.map(|number| number.phone_number_id.as_str()).collect();
    let (page, next) = parameters.page(ids);
    let page: Vec<String> = page
        .into_iter()
        .map(|id| Object::default().text("phone_number_id", id).finish())
        .collect();
    let mut view = Object::default();
    view.json("numbers", &list(&page)).text_if("next", next);
    respond(200, view.finish())
}
