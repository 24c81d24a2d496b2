//! The Durable Object that counts what Meta sends and we do not know: one for the whole deployment, told by every
//! isolate of what it saw, seldom and after the webhook was answered.

use std::cell::RefCell;

use web_sys::RequestInit;
use worker::{DurableObject, Env, Method, Request, Response, Result, State, durable_object};

use super::{
    ask::{ask, post},
    mailbox::now_ms,
    query::{integer, text},
    respond::respond,
    sql::Storage,
};
use crate::{mailbox::drift, meta::json::Document, written::Object};

/// The binding of its namespace in wrangler.toml.
const BINDING: &str = "DRIFT";

/// How often an isolate tells of what it has seen before, in milliseconds. What it sees for the first time it tells
/// at once.
const TELL_EVERY_MS: i64 = 60_000;

/// How many paths an isolate remembers.
const MOST: usize = 1_000;

/// The object.
#[durable_object(fetch)]
pub struct Drift {
    storage: Storage,
}

impl std::panic::RefUnwindSafe for Drift {}

impl DurableObject for Drift {
    fn new(state: State, _: Env) -> Self {
        Self {
            storage: Storage::of(&state),
        }
    }

    async fn fetch(&self, mut request: Request) -> Result<Response> {
        let failed =
            |error: crate::mailbox::sql::SqlError| worker::Error::RustError(error.to_string());
        if request.method() == Method::Post {
            let body = String::from_utf8(request.bytes().await?);
            let body = body.unwrap_or_default();
            let body = Document::parse(&body).ok_or("not what was seen")?;
            let paths = body.root().members();
            let paths =
                paths.filter_map(|(path, at)| Some((path.text().into_owned(), at.integer()?)));
            let paths: Vec<(String, i64)> = paths.collect();
            drift::saw(&self.storage, &paths, now_ms().div_euclid(1000)).map_err(failed)?;
            return Response::empty();
        }
        let url = request.url()?;
        let after = text(&url, "after");
        let after = after.as_deref().and_then(|place| place.split_once(':'));
        let after = after.and_then(|(first, path)| Some((first.parse().ok()?, path)));
        let limit = integer(&url, "limit").unwrap_or(1);
        let (seen, next) = drift::page(&self.storage, after, limit).map_err(failed)?;
        let next = next.map(|seen| format!("{}:{}", seen.first, seen.path));
        let mut view = Object::default();
        view.json("unknown", &serde_json::to_string(&seen)?)
            .text_if("next", next.as_deref());
        respond(200, view.finish())
    }
}

/// What an isolate saw and has not told.
#[derive(Default)]
struct Untold {
    known: Vec<(String, i64)>,
    told_ms: i64,
}

thread_local! {
    static UNTOLD: RefCell<Untold> = RefCell::default();
}

/// Takes note of what was unknown in a webhook; gives what is to be told of it, where that is due.
pub(crate) fn note(paths: Vec<String>) -> Option<String> {
    if paths.is_empty() {
        return None;
    }
    UNTOLD.with_borrow_mut(|untold| {
        let mut news = false;
        for path in paths {
            let is_full = untold.known.len() >= MOST;
            match untold.known.iter_mut().find(|(known, _)| *known == path) {
                Some((_, count)) => *count += 1,
                None if is_full => {}
                None => {
                    news = true;
                    untold.known.push((path, 1));
                }
            }
        }
        let now = now_ms();
        if !news && now - untold.told_ms < TELL_EVERY_MS {
            return None;
        }
        untold.told_ms = now;
        let mut counts = Object::default();
        for (path, count) in &mut untold.known {
            if *count > 0 {
                counts.number(path, std::mem::take(count));
            }
        }
        Some(counts.finish())
    })
}

/// Tells the object. A failure is of no consequence.
pub(crate) async fn tell(env: &Env, counts: &str) {
    ask(env, BINDING, "drift", "", &post(counts.as_bytes())).await;
}

/// A page of what was seen.
pub(crate) async fn all(env: &Env, query: &str) -> Option<Response> {
    let command = format!("?{query}");
    ask(env, BINDING, "drift", &command, &RequestInit::new()).await
}
