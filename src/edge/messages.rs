//! `/v1/messages`: hands requests to the mailbox of their number.
//!
//! A send's id begins with its number's id, so that its mailbox is found without a directory.

use worker::{Env, Method, Request, RequestInit, Response, Result};

use super::{admin::may_enter, body, problem::Problem};
use crate::{
    checked::Fault,
    environment::Environment,
    meta::json::{Document, Json},
    objects::{self, faulty, problem},
};

/// The path, and what ids of sends follow.
pub(super) const PATH: &str = "/v1/messages";

/// Answers a request below [`PATH`]. Without `ADMIN_TOKEN` it refuses everyone.
pub(super) async fn answer(
    request: Request,
    env: &Env,
    environment: &Environment,
) -> Result<Response> {
    let Ok(ready) = &**environment else {
        return Problem::NotSetUp.response();
    };
    if !may_enter(&request, ready.settings.admin_token.as_ref())? {
        return Problem::Unauthorized.response();
    }
    let path = request.path();
    match (
        request.method(),
        path.strip_prefix(PATH).unwrap_or_default(),
    ) {
        (Method::Post, "") if ready.settings.graph.token.is_none() => {
            problem(503, "GRAPH_ACCESS_TOKEN is not set", &serde_json::json!({}))
        }
        (Method::Post, "") => ask(request, env).await,
        (_, "") => Problem::MethodNotAllowed("POST").response(),
        (Method::Get, id) => tell(id.trim_start_matches('/'), env).await,
        _ => Problem::MethodNotAllowed("GET").response(),
    }
}

async fn ask(request: Request, env: &Env) -> Result<Response> {
    let key = request.headers().get("idempotency-key")?;
    let Some(body) = body::read(request).await? else {
        return Problem::TooLarge.response();
    };
    let Some(number) = number_of(&body) else {
        let fault = Fault {
            path: "phone_number_id".to_owned(),
            reason: "is required: the digits of a business number's id, as a string".to_owned(),
        };
        return faulty(&[fault]);
    };
    let mut init = RequestInit::new();
    init.with_method(Method::Post)
        .with_body(Some(js_sys::Uint8Array::from(body.as_slice()).into()));
    if let Some(key) = key {
        init.headers.set("idempotency-key", &key)?;
    }
    let request = Request::new_with_init("https://mailbox/messages", &init)?;
    let namespace = env.durable_object(objects::BINDING)?;
    namespace
        .get_by_name(&number)?
        .fetch_with_request(request)
        .await
}

fn number_of(body: &[u8]) -> Option<String> {
    let document = Document::parse(std::str::from_utf8(body).ok()?)?;
    let number = document
        .root()
        .get("phone_number_id")
        .and_then(Json::text)?;
    is_number(&number).then(|| number.into_owned())
}

fn is_number(text: &str) -> bool {
    (1..=64).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit())
}

async fn tell(id: &str, env: &Env) -> Result<Response> {
    let Some(number) = id
        .split_once('.')
        .map(|(number, _)| number)
        .filter(|number| is_number(number))
    else {
        return Problem::NotFound.response();
    };
    let query: String = url::form_urlencoded::Serializer::new(String::new())
        .append_pair("id", id)
        .finish();
    let namespace = env.durable_object(objects::BINDING)?;
    let answer = namespace
        .get_by_name(number)?
        .fetch_with_str(&format!("https://mailbox/message?{query}"))
        .await?;
    match answer.status_code() {
        404 => Problem::NotFound.response(),
        _ => Ok(answer),
    }
}
