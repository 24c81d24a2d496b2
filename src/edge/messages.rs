//! `/v1/messages`: hands requests to the mailbox of their number.
//!
//! A send's id begins with its number's id, so that its mailbox is found without a directory. Where the number has
//! partitions, a message goes to the one that has the conversation, and all are asked for a send.

use web_sys::Headers;
use worker::{Env, Method, Request, Response, Result};

use super::{
    asking::ask,
    body,
    problem::{Problem, or_no_answer},
    routes::Found,
};
use crate::{
    checked::{self, Fault},
    config::Settings,
    meta::json::{Document, Json},
    objects::{self, faulty, problem, try_side_by_side},
    sending::{
        asked::{self, Asked},
        repeats,
        whom::{Whom, name_of},
    },
};

/// Has messages sent, or one marked as read.
pub(super) async fn send(request: Request, env: &Env, settings: &Settings) -> Result<Response> {
    if settings.graph.token.is_none() {
        return problem(503, "GRAPH_ACCESS_TOKEN is not set");
    }
    let key = request.headers().get("idempotency-key")?;
    let Some(body) = body::read(request.inner()).await? else {
        return Problem::TooLarge.response();
    };
    let Some(document) = std::str::from_utf8(&body).ok().and_then(Document::parse) else {
        return Problem::Invalid("the body must be JSON".to_owned()).response();
    };
    let Some(number) = number_of(&document) else {
        let fault = Fault {
            path: "phone_number_id".to_owned(),
            reason: "is required: the digits of a business number's id, as a string".to_owned(),
        };
        return faulty(&[fault]);
    };
    let init = objects::post(&body);
    if let Some(key) = &key {
        let headers = Headers::new()?;
        headers.set("idempotency-key", key)?;
        init.set_headers(&headers);
    }
    let Ok(mailbox) = mailbox(env, settings, &number, &body, key).await else {
        return Problem::NoAnswer.response();
    };
    let Some(mailbox) = mailbox else {
        let fault = Fault {
            path: "sends".to_owned(),
            reason: "must be for one recipient, since the number has partitions".to_owned(),
        };
        return faulty(&[fault]);
    };
    or_no_answer(objects::ask(env, objects::BINDING, &mailbox, "messages", &init).await?)
}

/// The name of the mailbox that has the conversation that a request writes to, or of another of the number's that has
/// answered it before, by its `key`. If the request is faulty, any mailbox of the number: each tells what is wrong.
/// `None` for several sends, since they may belong to several mailboxes.
async fn mailbox(
    env: &Env,
    settings: &Settings,
    number: &str,
    body: &[u8],
    key: Option<String>,
) -> Result<Option<String>> {
    if settings.partitions_of(number) <= 1 {
        return Ok(Some(number.to_owned()));
    }
    let asked = checked::json(body).map(|value| asked::read(&value));
    let wanted = match asked {
        Some(Ok(Asked::Sends(wanted))) => wanted,
        _ => Vec::new(),
    };
    let (names, stranger) = match wanted.as_slice() {
        [] => (Vec::new(), None),
        [one] => match &one.to {
            Whom::Person(to) => (Vec::new(), Some(name_of(to))),
            Whom::Conversation(name) => (objects::names(name).to_vec(), None),
        },
        _ => return Ok(None),
    };
    // If it is no key, any mailbox says so.
    let key = key.filter(|key| repeats::is_key(key));
    let request = key.map(|key| repeats::id_of(&key, body));
    let request = request.unwrap_or_default();
    objects::mailbox_of(env, settings, number, &names, stranger, request)
        .await
        .map(Some)
}

fn number_of(document: &Document<'_>) -> Option<String> {
    let number = document.root().get("phone_number_id");
    // A string only: a JSON number may have lost digits on the way.
    let number = number.filter(|id| id.is_string()).and_then(Json::text)?;
    is_number(&number).then(|| number.into_owned())
}

fn is_number(text: &str) -> bool {
    (1..=64).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Tells how a send went.
pub(super) async fn send_status(found: &Found, env: &Env, settings: &Settings) -> Result<Response> {
    let id = found
        .in_path
        .first()
        .map(String::as_str)
        .unwrap_or_default();
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
    let command = format!("message?{query}");
    let mailboxes = objects::mailboxes(settings, number).into_iter();
    let answers = mailboxes.map(async |mailbox| ask(env, &mailbox, Method::Get, &command).await);
    let answers = try_side_by_side(answers).await?;
    let all_answered = answers.iter().all(Option::is_some);
    let mut answers = answers.into_iter().flatten();
    if let Some(answer) = answers.find(|answer| answer.status_code() != 404) {
        return Ok(answer);
    }
    if !all_answered {
        return Problem::NoAnswer.response();
    }
    Problem::NotFound.response()
}
