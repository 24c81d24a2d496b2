//! Checks that Meta has signed the body of a webhook, and hands it on. `receive.js` reads the request before, and has
//! the platform check the signature of a large body.

use std::thread::LocalKey;

use js_sys::{Array, Object, Reflect};
use wasm_bindgen::{JsValue, closure::Closure};
use worker::{Env, worker_sys::Context};

use super::{
    answer::answered,
    body::LIMIT,
    problem::{Problem, unsigned},
};
use crate::{
    config::{Secret, Settings},
    environment,
    meta::signature::{self, Signature},
};

/// What `receive.js` calls with the body (nothing if it is too large), whether the platform found it signed, the
/// signature, and what the request came with. It gives a `Response` or the promise of one, or nothing if the body is
/// not signed.
pub(super) type Take = Closure<dyn Fn(Option<Vec<u8>>, bool, String, Env, Context) -> JsValue>;

/// Checks a body, and answers with `then` if Meta has signed it.
pub(super) fn take(then: fn(&[u8], Env, &Context) -> JsValue) -> Take {
    Closure::new(move |body, is_signed, signature: String, env, context| {
        match verified(body, is_signed, &signature, &env) {
            Ok(Some(body)) => then(&body, env, &context),
            Ok(None) => JsValue::UNDEFINED,
            Err(problem) => answered(Err(problem)).unwrap_or_else(|error| error),
        }
    })
}

/// The options for `receive.js`.
pub(super) fn webhooks(settings: &Settings, take: &'static LocalKey<Take>) -> Object {
    let secrets = settings.app_secrets.iter().map(Secret::expose);
    let secrets: Array = signature::usable(secrets).map(JsValue::from).collect();
    let webhooks = Object::new();
    for (name, value) in [
        ("most", LIMIT.into()),
        ("secrets", secrets.into()),
        ("take", take.with(|take| take.as_ref().clone())),
        ("unsigned", unsigned().into()),
    ] {
        // Fails only for objects that cannot be written to.
        let _ = Reflect::set(&webhooks, &name.into(), &value);
    }
    webhooks
}

/// The body, where Meta has signed it.
fn verified(
    body: Option<Vec<u8>>,
    is_signed: bool,
    signature: &str,
    env: &Env,
) -> Result<Option<Vec<u8>>, Problem> {
    let body = body.ok_or(Problem::TooLarge)?;
    let ready = environment::read(env);
    let ready = ready.as_ref().map_err(|_| Problem::NotSetUp)?;
    // `receive.js` checks large bodies only. Whatever it did not confirm is checked here.
    let is_signed = is_signed
        || Signature::parse(signature).is_some_and(|it| ready.app_secrets.have_signed(&body, &it));
    Ok(is_signed.then_some(body))
}

/// Panics and traps on purpose where a webhook would be taken.
#[cfg(feature = "panic-routes")]
#[allow(clippy::panic)]
pub(super) mod panic {
    use super::{Closure, Take};

    thread_local! {
        pub(crate) static TAKE: Take = Closure::new(|_, _, _, _, _| panic!("on purpose"));
        pub(crate) static TRAP: Take = Closure::new(|_, _, _, _, _| std::process::abort());
    }
}
