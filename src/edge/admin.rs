//! `/v1/…` and `/metrics`: for the team that runs this, with its bearer token. Most is asked of the mailbox that it
//! concerns.

use std::{pin::pin, time::Duration};

use futures_util::future::{Either, join_all, select};
use serde_json::Value;
use worker::{Date, Delay, Env, Method, Request, RequestInit, Response, Result};

use super::{
    body,
    metrics::{self, Standing},
    parameters::{self, Parameters},
    problem::Problem,
    routes::{Action, Found},
};
use crate::{
    config::{Secret, Settings},
    environment::Environment,
    mailbox::address::Address,
    meta::challenge,
    objects::{self, drift},
    written::{Object, list},
};

/// How long a mailbox may take to answer.
const BUDGET: Duration = Duration::from_secs(10);

/// Of how many mailboxes figures are given: the platform allows an invocation only so many calls.
const MOST_MAILBOXES: usize = 40;

/// Why a request may not come in, if it may not. Without `ADMIN_TOKEN` it refuses everyone.
pub(super) fn refusal(request: &Request, environment: &Environment) -> Result<Option<Problem>> {
    let Ok(ready) = &**environment else {
        return Ok(Some(Problem::NotSetUp));
    };
    let token = ready.settings.admin_token.as_ref();
    let is_set = token.is_some();
    Ok((!may_enter(request, token)?).then_some(Problem::Token { is_set }))
}

/// Answers a request that may come in.
pub(super) async fn answer(
    found: &Found,
    request: Request,
    env: &Env,
    environment: &Environment,
) -> Result<Response> {
    let Ok(ready) = &**environment else {
        return Problem::NotSetUp.response();
    };
    let (in_path, parameters) = match read(found, request).await? {
        Ok(read) => read,
        Err(problem) => return problem.response(),
    };
    match found.route.action {
        Action::Metrics => return figures(env, &ready.settings, &parameters).await,
        Action::Numbers => return numbers(&ready.settings, &parameters),
        Action::Drift => return drift::all(env, &parameters.query()).await,
        _ => {}
    }
    let number = in_path.get("phone_number_id").unwrap_or_default();
    let mailbox = if let Some(person) = in_path.get("person") {
        let names = objects::names(person);
        objects::mailbox_of(env, &ready.settings, number, &names, false).await?
    } else {
        let of = ready.settings.partitions_of(number);
        let partition = match in_path.get("id") {
            Some(replay) => partition_in(replay).filter(|_| of > 1),
            None => parameters.get("partition"),
        };
        let Some(mailbox) = part(number, of, partition) else {
            let what = format!("partition: 0 to {}, as the number has {of}", of - 1);
            return Problem::Invalid(what).response();
        };
        mailbox.name()
    };
    let (method, command, parameters) = match found.route.action {
        Action::Conversation => (Method::Get, "conversation", &in_path),
        Action::DeadLetters => (Method::Get, "dead-letters", &parameters),
        Action::DeleteDeadLetters => (Method::Delete, "dead-letters", &parameters),
        Action::Replays => (Method::Get, "replays", &parameters),
        Action::Replay => (Method::Post, "replays", &parameters),
        Action::TellReplay => (Method::Get, "replay", &in_path),
        Action::StopReplay => (Method::Post, "replay/stop", &in_path),
        Action::HandOver => (Method::Post, "handover", &parameters),
        Action::Consent => (Method::Get, "consent", &in_path),
        Action::SetConsent => (Method::Put, "consent", &parameters),
        _ => (Method::Get, "destinations", &parameters),
    };
    let mut command = format!("{command}?{}", parameters.query());
    if matches!(found.route.action, Action::HandOver | Action::SetConsent) {
        command.push('&');
        command.push_str(&in_path.query());
    }
    if found.route.action == Action::Replay {
        if parameters
            .get("destination")
            .or(parameters.get("to"))
            .is_none()
        {
            return Problem::Invalid("destination or to: one is required".to_owned()).response();
        }
        command.push_str("&id=");
        command.push_str(&new_id(parameters.get("partition")));
    }
    match ask(env, &mailbox, method, &command).await? {
        Some(answer) if answer.status_code() < 500 => Ok(answer),
        _ => Problem::NoAnswer.response(),
    }
}

/// Which of a number's mailboxes is asked, where it has so many; `None` where none is named that there is.
fn part(number: &str, of: u32, partition: Option<&str>) -> Option<Address> {
    let mut mailboxes = Address::mailboxes(number, of).into_iter();
    match partition {
        Some(partition) => mailboxes.nth(partition.parse().ok()?),
        None if of <= 1 => mailboxes.next(),
        None => None,
    }
}

/// An id that is greater than those that were made before in the same mailbox. Its end tells the partition.
fn new_id(partition: Option<&str>) -> String {
    let random = js_sys::Math::random().to_bits() & 0xffff_ffff;
    let mut id = format!("{:012x}-{random:08x}", Date::now().as_millis());
    if let Some(partition) = partition {
        id.push('-');
        id.push_str(partition);
    }
    id
}

/// The partition that a replay's id ends with.
fn partition_in(id: &str) -> Option<&str> {
    id.split('-').nth(2)
}

fn may_enter(request: &Request, token: Option<&Secret>) -> Result<bool> {
    let header = request.headers().get("authorization")?.unwrap_or_default();
    let given = header.strip_prefix("Bearer ").unwrap_or_default();
    Ok(token.is_some_and(|token| challenge::same(token.expose(), given)))
}

/// The parameters in the path, and those in the query or in the body.
async fn read(
    found: &Found,
    request: Request,
) -> Result<std::result::Result<(Parameters, Parameters), Problem>> {
    let Found { route, in_path } = found;
    let rest = if route.has_body() && !route.parameters.is_empty() {
        match body::read(request.inner()).await? {
            Some(body) => parameters::in_body(&body, route.parameters),
            None => return Ok(Err(Problem::TooLarge)),
        }
    } else {
        let url = request.url()?;
        parameters::in_query(url.query().unwrap_or_default(), route.parameters)
    };
    let in_path = parameters::in_path(in_path, route.in_path);
    Ok(in_path
        .and_then(|in_path| Ok((in_path, rest?)))
        .map_err(Problem::Invalid))
}

/// What a mailbox answers; `None` where it does not in time.
async fn ask(env: &Env, mailbox: &str, method: Method, command: &str) -> Result<Option<Response>> {
    let stub = env.durable_object(objects::BINDING)?.get_by_name(mailbox)?;
    let mut init = RequestInit::new();
    init.with_method(method);
    let request = Request::new_with_init(&format!("https://mailbox/{command}"), &init)?;
    let answer = pin!(stub.fetch_with_request(request));
    Ok(match select(answer, pin!(Delay::from(BUDGET))).await {
        Either::Left((answer, _)) => answer.ok(),
        Either::Right(_) => None,
    })
}

async fn figures(env: &Env, settings: &Settings, parameters: &Parameters) -> Result<Response> {
    let of = |number: &str| Address::mailboxes(number, settings.partitions_of(number));
    let named = settings
        .numbers
        .iter()
        .flat_map(|number| of(&number.phone_number_id));
    let mut mailboxes: Vec<String> = named.map(|mailbox| mailbox.name()).collect();
    for asked in parameters.get("phone_number_id").into_iter().flat_map(of) {
        if !mailboxes.contains(&asked.name()) {
            mailboxes.insert(0, asked.name());
        }
    }
    mailboxes.truncate(MOST_MAILBOXES);
    let standings = mailboxes.into_iter().map(async |mailbox| Standing {
        destinations: destinations(env, &mailbox).await.ok().flatten(),
        mailbox,
    });
    let response = Response::ok(metrics::render(&join_all(standings).await))?;
    let headers = response.headers();
    headers.set("content-type", metrics::CONTENT_TYPE)?;
    headers.set("cache-control", "no-store")?;
    Ok(response)
}

async fn destinations(env: &Env, mailbox: &str) -> Result<Option<Value>> {
    match ask(env, mailbox, Method::Get, "destinations").await? {
        Some(mut answer) if answer.status_code() < 300 => answer.json().await.map(Some),
        _ => Ok(None),
    }
}

/// The numbers that `CONFIG` names, in the order of their ids.
fn numbers(settings: &Settings, parameters: &Parameters) -> Result<Response> {
    let ids = settings.numbers.iter();
    let ids: Vec<&str> = ids.map(|number| number.phone_number_id.as_str()).collect();
    let (page, next) = parameters.page(ids);
    let page: Vec<String> = page
        .into_iter()
        .map(|id| Object::default().text("phone_number_id", id).finish())
        .collect();
    let mut told = Object::default();
    told.json("numbers", &list(&page)).text_if("next", next);
    let response = Response::ok(told.finish())?;
    let headers = response.headers();
    headers.set("content-type", "application/json")?;
    headers.set("cache-control", "no-store")?;
    Ok(response)
}
