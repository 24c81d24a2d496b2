//! `/v1/messages`: hands requests to the mailbox of their number.
//!
//! A send's id begins with its number's id, so that its mailbox is found without a directory. Where the number has
//! partitions, a message goes to the one that has the conversation, and all are asked for a send.

use web_sys::{Headers, RequestInit};
use worker::{Env, Method, Request, Result};

use super::{
    asking::ask,
    body,
    problem::{Answered, Problem},
    routes::Found,
};
use crate::{
    checked::{self, Fault},
    config::Settings,
    conversation::send_id,
    meta::json::{Document, Json},
    objects::{self, side_by_side},
    sending::{
        asked::{self, Asked},
        repeats,
        whom::{Whom, group, name_of, names},
    },
};

/// Has messages sent, or one marked as read.
pub(super) async fn send(request: Request, env: &Env, settings: &Settings) -> Answered {
    if settings.graph.token.is_none() {
        return Err(Problem::NoGraphToken);
    }
    let key = request.headers().get(repeats::HEADER)?;
    let body = body::read(request.inner()).await?;
    let body = body.ok_or(Problem::TooLarge)?;
    let document = std::str::from_utf8(&body).ok().and_then(Document::parse);
    let document = document.ok_or_else(|| Problem::Invalid("the body must be JSON".to_owned()))?;
    let number = number_of(&document).ok_or_else(|| {
        let reason = "is required: the digits of a business number's id, as a string";
        Problem::Faulty(Fault::new("phone_number_id", reason))
    })?;
    let init = post(&body, key.as_deref())?;
    let mailbox = mailbox(env, settings, &number, &body, key).await?;
    let answer = objects::ask(env, objects::BINDING, &mailbox, "messages", &init);
    answer.await.ok_or(Problem::NoAnswer)
}

/// The request as it goes on to the mailbox.
fn post(body: &[u8], key: Option<&str>) -> Result<RequestInit> {
    let init = objects::post(body);
    if let Some(key) = key {
        let headers = Headers::new()?;
        headers.set(repeats::HEADER, key)?;
        init.set_headers(&headers);
    }
    Ok(init)
}

/// The name of the mailbox that has the conversation that a request writes to, or of another of the number's that has
/// answered it before, by its `key`. If the request is faulty, any mailbox of the number: each tells what is wrong.
/// Several sends are refused, since they may belong to several mailboxes.
async fn mailbox(
    env: &Env,
    settings: &Settings,
    number: &str,
    body: &[u8],
    key: Option<String>,
) -> std::result::Result<String, Problem> {
    if settings.partitions_of(number) <= 1 {
        return Ok(number.to_owned());
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
            Whom::Conversation(name) => (names(name).to_vec(), group(name)),
        },
        _ => {
            let reason = "must be for one recipient, since the number has partitions";
            return Err(Problem::Faulty(Fault::new("sends", reason)));
        }
    };
    // If it is no key, any mailbox says so.
    let key = key.filter(|key| repeats::is_key(key));
    let request = key.map(|key| repeats::id_of(&key, body));
    let request = request.unwrap_or_default();
    let mailbox = objects::mailbox_of(env, settings, number, &names, stranger, request);
    mailbox.await.map_err(|_| Problem::NoAnswer)
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
pub(super) async fn send_status(found: &Found, env: &Env, settings: &Settings) -> Answered {
    let id = found.in_path.first().map_or("", String::as_str);
    let number = send_id::number_of(id).filter(|number| is_number(number));
    let number = number.ok_or(Problem::NotFound)?;
    let query: String = url::form_urlencoded::Serializer::new(String::new())
        .append_pair("id", id)
        .finish();
    let command = format!("message?{query}");
    let mailboxes = objects::mailboxes(settings, number).into_iter();
    let answers = mailboxes.map(async |mailbox| ask(env, &mailbox, Method::Get, &command).await);
    let answers = side_by_side(answers).await;
    let all_answered = answers.iter().all(Option::is_some);
    let mut answers = answers.into_iter().flatten();
    let answer = answers.find(|answer| answer.status_code() != 404);
    answer.ok_or(if all_answered {
        Problem::NotFound
    } else {
        Problem::NoAnswer
    })
}
