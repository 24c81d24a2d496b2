//! `/v1/messages`, in the mailbox of the number: takes sends in, and tells how they went.

use worker::{Request, Response, Result};

use super::{
    core::Core,
    mailbox::{Mailbox, now_ms},
    query::text,
    respond::{answer, faulty, problem, respond},
    send::{RECEIPT_TIMEOUT_MS, post_to_graph},
};
use crate::{
    checked,
    config::{Consent, Settings},
    delivery::NoAnswer,
    event::{self, Home, rfc3339},
    mailbox::sql::{self, atomically},
    meta::graph::{
        self, GraphAnswer,
        errors::{self, Class},
    },
    problem,
    sending::{
        self, Asked, Record, Refusal, SendState,
        asked::{self, Receipt, Wanted},
        guard::Goes,
        repeats::{self, Repeat, is_key},
        taking::{Intake, Queued},
    },
    written::{Object, list},
};

/// The answer to a request for sends.
enum Answered {
    Taken(String),
    Refused(Refusal),
    OtherBody,
}

impl Mailbox {
    /// `POST /messages`: 202 once the sends are stored.
    pub(super) async fn take_sends(&self, request: &mut Request) -> Result<Response> {
        let key = request.headers().get(repeats::HEADER)?;
        if !key.as_deref().is_none_or(is_key) {
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
        if let Err(full) = self.refuse_if_full() {
            return problem(503, &full.to_string());
        }
        let now = now_ms();
        let fallback = self.settings().and_then(|it| it.config.fallback.clone());
        let answered = self.change(now, |core| {
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
        match answered {
            Answered::Taken(answer) => respond(202, answer),
            Answered::Refused(refusal) => refused(refusal),
            Answered::OtherBody => problem(422, "This Idempotency-Key was used for another body"),
        }
    }

    /// `GET /message?id=…`: how a send stands.
    pub(super) fn send_of(&self, request: &Request) -> Result<Response> {
        let url = request.url()?;
        let id = text(&url, "id").unwrap_or_default();
        let view = self.with_core(|core| core.view(&id, now_ms()))?;
        match view {
            Some(view) => answer(200, &view),
            None => Response::error("no such send", 404),
        }
    }

    /// Marks a message as read at once. To do that twice does no harm, so nothing is stored.
    async fn mark_read(&self, receipt: &Receipt) -> Result<Response> {
        let number = self.with_core(|core| Ok(core.phone_number_id.clone()))?;
        let (Some(Settings { graph, .. }), Some(number)) = (self.settings(), number) else {
            return problem(503, "Not set up: see /health");
        };
        let Some(url) = graph.messages_url(&number) else {
            return Response::error("no such number", 404);
        };
        let body = receipt.body();
        let way = self.desk.to_graph();
        let marked = post_to_graph(&way, graph, &url, &body, RECEIPT_TIMEOUT_MS);
        let mut document = problem::document(502, "Meta did not mark it as read", None);
        match marked.await {
            Ok(marked) if marked.status == 200 => {
                return answer(200, Object::default().text("state", "read"));
            }
            Ok(marked) => match graph::answer::read(marked.status, &marked.body) {
                GraphAnswer::Refused { code, .. } | GraphAnswer::Unknown { code: Some(code) } => {
                    document.json("error", &errors::view(Some(code), Class::Other))
                }
                _ => document.text("detail", &format!("Meta answered {}", marked.status)),
            },
            Err(NoAnswer::NotTried | NoAnswer::Lost) => {
                document.text("detail", "the platform allowed no request")
            }
            Err(NoAnswer::Failed(class)) => document.text("detail", &class.to_string()),
        };
        answer(502, &document)
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
    ) -> sql::Result<Answered> {
        if let Some(key) = key {
            let (repeats, mailbox) = (&self.repeats, &self.mailbox);
            match repeats.find(mailbox, key, body, now_ms)? {
                Repeat::Answered(answer) => return Ok(Answered::Taken(answer)),
                Repeat::OtherBody => return Ok(Answered::OtherBody),
                Repeat::No => {}
            }
        }
        let mut intake = Intake {
            mailbox: &mut self.mailbox,
            outbox: &mut self.outbox,
            sends_as: &self.sends_as,
            fallback,
            consent,
            now_ms,
        };
        let sends = match sending::take(&mut intake, wanted)? {
            Ok(sends) => sends,
            Err(refusal) => return Ok(Answered::Refused(refusal)),
        };
        let messages: Vec<String> = sends.iter().map(|send| queued(send, now_ms)).collect();
        let mut answer = Object::default();
        answer.json("messages", &list(&messages));
        self.add_blocked(&mut answer);
        let answer = answer.finish();
        if let Some(key) = key {
            self.repeats.add(key, body, &answer, now_ms)?;
        }
        Ok(Answered::Taken(answer))
    }

    fn view(&self, id: &str, now_ms: i64) -> sql::Result<Option<Object>> {
        let Some((record, goes_ms)) = self.outbox.find(id, now_ms)? else {
            return Ok(None);
        };
        let mut view = view(id, &record, goes_ms, now_ms);
        if let SendState::Accepted { message_id } = &record.state {
            let home = Home::Number(self.phone_number_id.clone().unwrap_or_default());
            let statuses = self.mailbox.statuses_of(&event::about(&home, message_id))?;
            let statuses: Vec<String> = statuses
                .iter()
                .map(|(status, time)| {
                    Object::default()
                        .text("status", status.name())
                        .text_or_null("time", time.and_then(rfc3339).as_deref())
                        .finish()
                })
                .collect();
            view.json("statuses", &list(&statuses));
        }
        self.add_blocked(&mut view);
        Ok(Some(view))
    }

    /// Nothing goes while the number is blocked; whoever asks should know.
    fn add_blocked(&self, view: &mut Object) {
        if let Some(blocked) = self.outbox.blocked() {
            view.json("number_blocked", &blocked.view().to_string());
        }
    }
}

fn refused(refusal: Refusal) -> Result<Response> {
    match refusal {
        Refusal::Full => problem(503, "Too many sends of this number wait"),
        Refusal::Faults(faults) => faulty(&faults),
        Refusal::Closed(closed) => {
            let closed: Vec<String> = closed
                .iter()
                .map(|(path, closed)| {
                    let closes_at = closed.closes_at.and_then(rfc3339);
                    Object::default()
                        .text("path", path)
                        .text_or_null("closes_at", closes_at.as_deref())
                        .finish()
                })
                .collect();
            let title = "The customer service window is closed";
            let detail =
                "Send a template, or name one as fallback. Nothing of the request was sent.";
            let mut document = problem::document(409, title, Some(detail));
            answer(409, document.json("closed", &list(&closed)))
        }
        Refusal::Objections(objections) => {
            let refused: Vec<String> = objections
                .iter()
                .map(|(path, why)| {
                    Object::default()
                        .text("path", path)
                        .text("reason", &why.to_string())
                        .finish()
                })
                .collect();
            let title = "The customer has not agreed to this";
            let detail = "Nothing of the request was sent. See GET /v1/consent.";
            let mut document = problem::document(403, title, Some(detail));
            answer(403, document.json("refused", &list(&refused)))
        }
    }
}

fn queued(send: &Queued, now_ms: i64) -> String {
    Object::default()
        .text("id", &send.id)
        .text("state", "queued")
        .text("goes_at", &at(send.goes_ms.max(now_ms)))
        .text(
            "goes_as",
            match send.goes {
                Some(goes) => goes_as(goes == Goes::Fallback),
                None => "nothing",
            },
        )
        .finish()
}

fn view(id: &str, record: &Record, goes_ms: Option<i64>, now_ms: i64) -> Object {
    let (failed, message_id) = match &record.state {
        SendState::Failed { code, class } => (Some(errors::view(*code, *class)), None),
        SendState::Accepted { message_id } => (None, Some(message_id.as_str())),
        _ => (None, None),
    };
    let late = record
        .error
        .map(|code| errors::view(Some(code), Class::Other));
    let goes_at = goes_ms.map(|goes_ms| at(goes_ms.max(now_ms)));
    let mut view = Object::default();
    view.text("id", id)
        .text("state", record.state.name())
        .text("goes_as", goes_as(record.fell_back))
        .text("asked_at", &at(record.asked_ms))
        .text("changed_at", &at(record.changed_ms))
        .text_if("goes_at", goes_at.as_deref())
        .text_if("message_id", message_id);
    if let Some(error) = late.or(failed) {
        view.json("error", &error);
    }
    view
}

fn goes_as(fell_back: bool) -> &'static str {
    if fell_back { "fallback" } else { "message" }
}

fn at(ms: i64) -> String {
    rfc3339(ms.saturating_add(999).div_euclid(1000)).unwrap_or_default()
}
