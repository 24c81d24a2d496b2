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

use std::{pin::pin, rc::Rc, time::Duration};

use futures_util::future::{Either, select};
use wasm_bindgen::JsValue;
use worker::{Context, Delay, Env, Error, Request, Response, Result, console_error};

use super::{
    answer::promise,
    body,
    problem::{Problem, unsigned},
    signed,
};
use crate::{
    config::Secret,
    environment::{Environment, Ready},
    event,
    meta::{challenge, signature::Signature},
    objects::{self, drift},
};

/// How long storing may take, in milliseconds. Meta wants most answers within 250 ms and states no limit; a
/// connection that hangs for long is worse than a repetition.
const BUDGET: Duration = Duration::from_secs(4);

/// Where Meta puts the signature. Its older `X-Hub-Signature` (SHA-1) is not looked at.
const SIGNATURE: &str = "x-hub-signature-256";

/// `GET /webhook`: gives Meta's challenge back, if the verify token is one of ours.
pub(super) fn challenge(request: &Request, environment: &Environment) -> Result<Response> {
    let Ok(ready) = &**environment else {
        return Problem::Forbidden.response();
    };
    let url = request.url()?;
    let tokens = ready.settings.verify_tokens.iter().map(Secret::expose);
    match challenge::answer(url.query().unwrap_or_default(), tokens) {
        Ok(challenge) => {
            let response = Response::ok(challenge)?;
            let headers = response.headers();
            headers.set("content-type", "text/plain; charset=utf-8")?;
            headers.set("x-content-type-options", "nosniff")?;
            Ok(response)
        }
        Err(_) => Problem::Forbidden.response(),
    }
}

/// `POST /webhook`: stores what happened.
pub(super) fn receive(
    request: web_sys::Request,
    env: Env,
    environment: Environment,
    context: Context,
) -> JsValue {
    if environment.is_ok() && claimed(&request).is_none() {
        return unsigned();
    }
    let context = Rc::new(context);
    let after = Rc::clone(&context);
    let answer = promise(async move {
        let Ok(ready) = &*environment else {
            return Problem::NotSetUp.response();
        };
        let body = match verified(&request, ready).await? {
            Ok(body) => body,
            Err(problem) => return problem.response(),
        };
        if let Err(error) = store(&env, &body).await {
            console_error!(
                "{}",
                serde_json::json!({ "event": "webhook.not_stored", "error": error.to_string() })
            );
            return Problem::NotStored.response();
        }
        // What is unknown in it is looked for when Meta has its answer.
        after.wait_until(async move { drift::look(&env, &body).await });
        Ok(Response::empty()?.with_status(200))
    });
    // A caller that hangs up must not stop it half way. Fails nowhere but where there is no request.
    let _ = (*context).as_ref().wait_until(&answer);
    answer.into()
}

/// Stores all that is in a body, in time.
async fn store(env: &Env, body: &[u8]) -> Result<()> {
    let stored = objects::append_all(env, event::split(body));
    match select(pin!(stored), pin!(Delay::from(BUDGET))).await {
        Either::Left((outcome, _)) => outcome,
        Either::Right(((), _)) => Err(Error::RustError("the time was up".to_owned())),
    }
}

/// The signature that a request claims, in the form that it must have.
fn claimed(request: &web_sys::Request) -> Option<Signature> {
    let header = request.headers().get(SIGNATURE).ok()??;
    Signature::parse(&header).ok()
}

/// The body of a request that is Meta's.
pub(super) async fn verified(
    request: &web_sys::Request,
    ready: &Ready,
) -> Result<std::result::Result<Vec<u8>, Problem>> {
    let Some(signature) = claimed(request) else {
        return Ok(Err(Problem::Unsigned));
    };
    let Some(body) = body::outside(request).await? else {
        return Ok(Err(Problem::TooLarge));
    };
    let body = signed::verified(&body, &signature, ready).await?;
    Ok(body.ok_or(Problem::Unsigned))
}
