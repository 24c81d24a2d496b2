//! From a request to the body that Meta has signed. Small bodies are checked in WASM, large ones by the platform, which
//! has instructions for SHA-256, and takes a promise each time.
//!
//! What awaits the body is JavaScript (`request.js`): a future of Rust's costs more than all that is done with a small
//! body.

use std::{cell::OnceCell, thread::LocalKey};

use js_sys::Array;
use wasm_bindgen::{JsValue, closure::Closure, prelude::wasm_bindgen};
use worker::{Env, worker_sys::Context};

use super::{
    answer::answered,
    asked::Asked,
    body::LIMIT,
    problem::{Problem, unsigned},
};
use crate::{
    config::Secret,
    environment::{self, Environment},
    meta::signature::{self, Signature},
};

/// The size, in bytes, from which on the platform is faster.
const LARGE: usize = 4 * 1024;

thread_local! {
    /// Our secrets, as the platform is to have them.
    static SECRETS: OnceCell<Array> = const { OnceCell::new() };
}

/// What is called with the body, or nothing where it is too large; with whether the platform found it signed; with the
/// signature, and what the request came with. It gives a `Response`, or the promise of one.
pub(super) type Taken = Closure<dyn Fn(Option<Vec<u8>>, bool, String, Env, Context) -> JsValue>;

/// Checks what it is called with, and gives the answer of `then` to what Meta has signed.
pub(super) fn taken(then: fn(&[u8], Env, &Context) -> JsValue) -> Taken {
    Closure::new(move |body, is_signed, signature: String, env, context| {
        match verified(body, is_signed, &signature, &env) {
            Ok(body) => then(&body, env, &context),
            Err(problem) => refused(problem),
        }
    })
}

/// Has `taken` answer a request, once its body is there. Without all settings nothing is taken, and what claims no
/// signature is refused at once.
pub(super) fn receive(
    request: &web_sys::Request,
    asked: &Asked,
    env: Env,
    environment: &Environment,
    context: Context,
    taken: &'static LocalKey<Taken>,
) -> JsValue {
    let Ok(ready) = &**environment else {
        return refused(Problem::NotSetUp);
    };
    let claimed = asked.signature();
    if Signature::parse(claimed).is_err() {
        return unsigned();
    }
    SECRETS.with(|secrets| {
        let secrets = secrets.get_or_init(|| {
            let all = ready.settings.app_secrets.iter().map(Secret::expose);
            signature::usable(all).map(JsValue::from).collect()
        });
        taken.with(|taken| take(request, LIMIT, LARGE, secrets, claimed, taken, env, context))
    })
}

/// The body, where it is Meta's.
fn verified(
    body: Option<Vec<u8>>,
    is_signed: bool,
    signature: &str,
    env: &Env,
) -> Result<Vec<u8>, Problem> {
    let body = body.ok_or(Problem::TooLarge)?;
    let environment = environment::read(env);
    let ready = environment
        .as_ref()
        .as_ref()
        .map_err(|_| Problem::NotSetUp)?;
    // What the platform did not find signed may be so in another form.
    let in_some_form = || {
        let signature = Signature::parse(signature)?;
        ready.app_secrets.verify(&body, &signature)
    };
    if is_signed || in_some_form().is_ok() {
        Ok(body)
    } else {
        Err(Problem::Unsigned)
    }
}

fn refused(problem: Problem) -> JsValue {
    match problem {
        Problem::Unsigned => unsigned(),
        problem => answered(problem.response()).unwrap_or_else(|error| error),
    }
}

/// Panics on purpose where a webhook would be taken.
#[cfg(feature = "panic-routes")]
#[allow(clippy::panic)]
pub(super) fn panic(request: &web_sys::Request, env: Env, context: Context) -> JsValue {
    thread_local! {
        static TAKEN: Taken = Closure::new(|_, _, _, _, _| panic!("on purpose"));
    }
    TAKEN.with(|taken| {
        take(
            request,
            LIMIT,
            LIMIT,
            &Array::new(),
            "",
            taken,
            env,
            context,
        )
    })
}

#[wasm_bindgen(module = "/src/edge/request.js")]
extern "C" {
    fn take(
        request: &web_sys::Request,
        most: usize,
        large: usize,
        secrets: &Array,
        claimed: &str,
        taken: &Taken,
        env: Env,
        context: Context,
    ) -> JsValue;
}
