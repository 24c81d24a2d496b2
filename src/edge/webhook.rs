//! `/webhook`: what Meta calls.
//!
//! A POST is answered with 200 when, and only when, every event of a correctly signed body is committed in its
//! mailbox, or was there before:
//!
//! 1. without all settings nothing is taken: 503, Meta repeats it
//! 2. the signature's form is checked before the body is read, or anything else is done: 401
//! 3. the body is read up to its limit: 413
//! 4. the signature is checked over the bytes as they came: 401
//! 5. the body is split into events, whatever is in it
//! 6. all mailboxes that are concerned append at the same time; if one of them fails, or the time is up: 503. What the
//!    others have committed is recognised when Meta repeats it.

use js_sys::Promise;
use wasm_bindgen::{JsValue, closure::Closure, prelude::wasm_bindgen};
use wasm_bindgen_futures::JsFuture;
use worker::{Env, Request, Response, console_error, worker_sys::Context};

use super::{
    answer::answered,
    problem::{Answered, Problem, stored},
    signed::{self, Take},
};
use crate::{
    config::Secret,
    environment::Environment,
    event,
    meta::challenge,
    objects::{self, drift},
    written::Object,
};

/// How long storing may take, in milliseconds. Meta wants most answers within 250 ms and states no limit; a
/// connection that hangs for long is worse than a repetition.
const BUDGET_MS: u32 = 4_000;

thread_local! {
    /// `POST /webhook`: stores what happened.
    pub(super) static TAKE: Take = signed::take(store);
}

/// `GET /webhook`: gives Meta's challenge back, if the verify token is one of ours.
pub(super) fn challenge(request: &Request, environment: Environment) -> Answered {
    let ready = environment.as_ref().map_err(|_| Problem::Forbidden)?;
    let url = request.url()?;
    let tokens = ready.settings.verify_tokens.iter().map(Secret::expose);
    let challenge = challenge::answer(url.query().unwrap_or_default(), tokens);
    let challenge = challenge.ok_or(Problem::Forbidden)?;
    let response = Response::ok(challenge)?;
    let headers = response.headers();
    headers.set("content-type", "text/plain; charset=utf-8")?;
    headers.set("x-content-type-options", "nosniff")?;
    Ok(response)
}

/// Stores what is in Meta's body, and gives the promise of the answer.
fn store(body: &[u8], env: Env, context: &Context) -> JsValue {
    let (events, unknown) = event::split_and_look(body);
    let stored = objects::append_all(&env, events);
    let answer = ANSWER.with(|answer| in_time(&stored, BUDGET_MS, answer));
    // So that it goes on if the caller hangs up. Fails only where there is no request.
    let _ = context.wait_until(&answer);
    if !unknown.is_empty() {
        let after = worker::Context::new(JsValue::from(context).into());
        after.wait_until(async move {
            // Drift is counted only once all is stored: Meta does not wait for that.
            if JsFuture::from(stored).await.is_ok()
                && let Some(counts) = drift::note(unknown)
            {
                drift::tell(&env, &counts).await;
            }
        });
    }
    answer.into()
}

thread_local! {
    /// Makes the answer to Meta. Called with nothing once all is stored, otherwise with what went wrong.
    static ANSWER: Closure<dyn Fn(Option<String>) -> JsValue> = Closure::new(|error: Option<String>| match error {
        None => stored().into(),
        Some(error) => {
            let mut line = Object::default();
            line.text("event", "webhook.not_stored").text("error", &error);
            console_error!("{}", line.finish());
            answered(Err(Problem::NotStored)).unwrap_or_else(|error| error)
        }
    });
}

#[wasm_bindgen(module = "/src/edge/request.js")]
extern "C" {
    #[wasm_bindgen(js_name = inTime)]
    fn in_time(
        stored: &Promise,
        most: u32,
        answer: &Closure<dyn Fn(Option<String>) -> JsValue>,
    ) -> Promise;
}
