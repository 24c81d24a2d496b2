//! `/v1/messages`, in the mailbox of the number: takes sends in, and tells how they went.

use serde_json::{Value, json};
use worker::{Request, Response, Result};

use super::{
    core::Core,
    http::NoAnswer,
    mailbox::{Mailbox, now_ms},
    query::{names, text},
    respond::{faulty, problem, problem_with, respond},
    send::{RECEIPT_TIMEOUT_MS, post_to_graph},
};
use crate::{
    checked,
    config::{Consent, Settings},
    event::{self, Home, rfc3339},
    mailbox::sql::{SqlError, atomically},
    meta::graph::{
        self, Answer,
        errors::{self, Class},
    },
    sending::{
        self, Asked, Record, Refusal, State,
        asked::{self, Receipt, Wanted},
        guard::Goes,
        repeats::{Known, LONGEST_KEY},
        taking::{Intake, Queued},
    },
};

const KEY: &str = "idempotency-key";

/// The answer to a request for sends.
enum Reply {
    Taken(String),
    Refused(Refusal),
    OtherBody,
}

impl Mailbox {
    /// `POST /messages`: 202 once the sends are stored.
    pub(super) async fn ask(&self, request: &mut Request) -> Result<Response> {
        let key = request.headers().get(KEY)?;
        let fits = |key: &String| (1..=LONGEST_KEY).contains(&key.len());
        if !key.as_ref().is_none_or(fits) {
            return problem(422, "The Idempotency-Key must have 1 to 255 bytes");
        }
        let body = request.bytes().await?;
        let Some(value) = checked::json(&body) else {
            return problem(400, "The body is not JSON");
        };
        let wanted = match asked::read(&value) {
            Ok(Asked::Sends(wanted)) => wanted,
            Ok(Asked::Read(receipt)) => return self.mark_read(&receipt).await,
            Err(faults) => return faulty(&faults),
        };
        let now = now_ms();
        let fallback = self.settings().and_then(|it| it.fallback.clone());
        let reply = self.change(now, |core| {
            let sql = core.sql.clone();
            atomically(&*sql, || {
                core.take(
                    wanted,
                    key.as_deref(),
                    &body,
                    (fallback.as_ref(), self.consent()),
                    now,
                )
            })
        })?;
        match reply {
            Reply::Taken(answer) => respond(202, answer),
            Reply::Refused(refusal) => refused(refusal),
            Reply::OtherBody => problem(422, "This Idempotency-Key was used for another body"),
        }
    }

    /// `GET /message?id=…`: how a send stands.
    pub(super) fn send_of(&self, request: &Request) -> Result<Response> {
        let url = request.url()?;
        let id = text(&url, "id").unwrap_or_default();
        let view = self.with_core(|core| core.view(&id, now_ms()))?;
        match view {
            Some(view) => Response::from_json(&view),
            None => Response::error("no such send", 404),
        }
    }

    /// Marks a message as read at once. To do that twice does no harm, so nothing is stored.
    async fn mark_read(&self, receipt: &Receipt) -> Result<Response> {
        let number = self.with_core(|core| Ok(core.phone_number_id.clone()))?;
        let (Some(Settings { graph, .. }), Some(number)) = (self.settings(), number) else {
            return problem(503, "Not set up: see /health");
        };
        let Ok(url) = graph.messages_url(&number) else {
            return Response::error("no such number", 404);
        };
        let body = receipt.body();
        let answer = post_to_graph(None, graph, &url, &body, RECEIPT_TIMEOUT_MS);
        let why = match answer.await {
            Ok(answer) if answer.status == 200 => {
                return Response::from_json(&json!({ "state": "read" }));
            }
            Ok(answer) => match graph::answer::read(answer.status, &answer.body) {
                Answer::Refused { code, .. }
                | Answer::Unknown {
                    code: Some(code), ..
                } => {
                    json!({ "error": error(Some(code), Class::Other) })
                }
                _ => json!({ "detail": format!("Meta answered {}", answer.status) }),
            },
            Err(NoAnswer::NotTried | NoAnswer::Lost) => {
                json!({ "detail": "the platform allowed no request" })
            }
            Err(NoAnswer::Failed(class)) => json!({ "detail": class.to_string() }),
        };
        problem_with(502, "Meta did not mark it as read", &why)
    }
}

impl Core {
    fn take(
        &mut self,
        wanted: Vec<Wanted>,
        key: Option<&str>,
        body: &[u8],
        (fallback, consent): (Option<&graph::Message>, Option<&Consent>),
        now_ms: i64,
    ) -> std::result::Result<Reply, SqlError> {
        if let Some(key) = key {
            match self.repeats.find(&*self.sql, key, body, now_ms)? {
                Known::Answered(answer) => return Ok(Reply::Taken(answer)),
                Known::Another => return Ok(Reply::OtherBody),
                Known::No => {}
            }
        }
        let sends_as = self.sends_as.clone();
        let mut intake = Intake {
            mailbox: &mut self.mailbox,
            outbox: &mut self.outbox,
            sql: &*self.sql,
            sends_as: &sends_as,
            fallback,
            consent,
            now_ms,
        };
        let sends = match sending::take(&mut intake, wanted, |name| names(name).into())? {
            Ok(sends) => sends,
            Err(refusal) => return Ok(Reply::Refused(refusal)),
        };
        let messages: Vec<Value> = sends.iter().map(|send| queued(send, now_ms)).collect();
        let mut answer = json!({ "messages": messages });
        self.add_blocked(&mut answer);
        let answer = answer.to_string();
        if let Some(key) = key {
            self.repeats.add(&*self.sql, key, body, &answer, now_ms)?;
        }
        Ok(Reply::Taken(answer))
    }

    fn view(&self, id: &str, now_ms: i64) -> std::result::Result<Option<Value>, SqlError> {
        let Some((record, goes_ms)) = self.outbox.find(&*self.sql, id, now_ms)? else {
            return Ok(None);
        };
        let mut view = view(id, &record, goes_ms, now_ms);
        if let State::Accepted { message_id } = &record.state {
            let home = Home::Number(self.phone_number_id.clone().unwrap_or_default());
            let statuses = self.mailbox.statuses_of(&event::about(&home, message_id))?;
            let statuses: Vec<Value> = statuses
                .into_iter()
                .map(|(status, time)| json!({ "status": status, "time": time.and_then(rfc3339) }))
                .collect();
            insert(&mut view, "statuses", statuses.into());
        }
        self.add_blocked(&mut view);
        Ok(Some(view))
    }

    /// Nothing goes while the number is blocked; whoever asks should know.
    fn add_blocked(&self, view: &mut Value) {
        if let Some(blocked) = self.outbox.blocked() {
            insert(view, "number_blocked", blocked.view());
        }
    }
}

fn refused(refusal: Refusal) -> Result<Response> {
    match refusal {
        Refusal::Faults(faults) => faulty(&faults),
        Refusal::Closed(closed) => {
            let closed: Vec<Value> = closed
                .into_iter()
                .map(|(path, closed)| json!({ "path": path, "closes_at": closed.closes_at.and_then(rfc3339) }))
                .collect();
            let more = json!({
                "detail": "Send a template, or name one as fallback. Nothing of the request was sent.",
                "closed": closed,
            });
            problem_with(409, "The customer service window is closed", &more)
        }
        Refusal::Objections(objections) => {
            let refused: Vec<Value> = objections
                .into_iter()
                .map(|(path, why)| json!({ "path": path, "reason": why.to_string() }))
                .collect();
            let more = json!({
                "detail": "Nothing of the request was sent. See GET /v1/consent.",
                "refused": refused,
            });
            problem_with(403, "The customer has not agreed to this", &more)
        }
    }
}

fn insert(object: &mut Value, name: &str, value: Value) {
    if let Some(object) = object.as_object_mut() {
        object.insert(name.to_owned(), value);
    }
}

fn queued(send: &Queued, now_ms: i64) -> Value {
    json!({
        "id": send.id, "state": "queued", "goes_at": at(send.goes_ms.max(now_ms)),
        "goes_as": goes_as(send.goes == Goes::Fallback),
    })
}

fn view(id: &str, record: &Record, goes_ms: Option<i64>, now_ms: i64) -> Value {
    let (failed, message_id) = match &record.state {
        State::Failed { code, class } => (Some(error(*code, *class)), None),
        State::Accepted { message_id } => (None, Some(message_id)),
        _ => (None, None),
    };
    let late = record.error.map(|code| error(Some(code), Class::Other));
    let mut view = json!({
        "id": id, "state": record.state.name(), "goes_as": goes_as(record.fell_back),
        "asked_at": at(record.asked_ms), "changed_at": at(record.changed_ms),
    });
    let more = [
        (
            "goes_at",
            goes_ms.map(|goes_ms| at(goes_ms.max(now_ms)).into()),
        ),
        ("message_id", message_id.map(|id| id.as_str().into())),
        ("error", late.or(failed)),
    ];
    for (name, value) in more {
        if let Some(value) = value {
            insert(&mut view, name, value);
        }
    }
    view
}

fn goes_as(fell_back: bool) -> &'static str {
    if fell_back { "fallback" } else { "message" }
}

/// An error, and what to do about it. Without a code it is one of our own.
fn error(code: Option<u32>, class: Class) -> Value {
    match code.and_then(errors::find) {
        Some(entry) => json!({
            "code": code, "class": entry.class.name(), "meaning": entry.meaning, "advice": entry.advice,
        }),
        None => json!({ "code": code, "class": class.name() }),
    }
}

fn at(ms: i64) -> String {
    rfc3339(ms.saturating_add(999).div_euclid(1000)).unwrap_or_default()
}
