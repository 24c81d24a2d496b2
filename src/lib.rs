//! Transom receives WhatsApp webhooks from Meta at Cloudflare's edge, loses none of them, and tells each team's
//! backend what happened in one clean format.
//!
//! The way data takes runs in one direction: a webhook becomes events, events become rows, rows become requests.
//! The modules follow it, and none of them imports one that stands below it in this list:
//!
//! - [`checked`]: reads JSON and tells the path and the reason of everything that is wrong with it
//! - [`written`], [`problem`]: write JSON
//! - [`text`]: finds words in what people write
//! - [`meta`]: Meta's side of the wire: challenge, signature, webhook payloads, Graph bodies and errors
//! - [`event`]: what happened, as we store and forward it: the model, ids, normalizing
//! - [`config`]: settings, checked as a whole, and which events a destination wants
//! - [`conversation`]: what we conclude about a conversation: its windows, who it is with, rules, consent
//! - [`mailbox`]: the durable log of one business number: append, dedupe, cursors, parking
//! - [`delivery`]: to destinations: formats (CloudEvents), signatures, reading their answers
//! - [`sending`]: to the Graph API: what may be sent, and what may be tried again
//! - `zones`, `environment`: what the platform knows: time zones, and settings as they are set
//! - `objects`: the Durable Objects, thin shells that hold state, call the above and do the I/O
//! - [`edge`]: the routes
//!
//! Everything before `zones` is a function of its arguments: time, randomness and SQL come in from outside. What touches
//! the platform, from `zones` on, is compiled for WASM alone, but for the rules of [`edge`].

pub mod checked;
pub mod config;
pub mod conversation;
pub mod delivery;
pub mod edge;
pub mod event;
pub mod mailbox;
pub mod meta;
pub mod problem;
pub mod sending;
pub mod text;
pub mod written;

#[cfg(target_arch = "wasm32")]
mod environment;
#[cfg(target_arch = "wasm32")]
mod objects;
#[cfg(target_arch = "wasm32")]
mod zones;

#[cfg(target_arch = "wasm32")]
pub use objects::{Courier, Drift, Mailbox};

/// What Cloudflare calls when it loads the Worker.
#[cfg(target_arch = "wasm32")]
#[worker::event(start)]
fn start() {
    objects::extend_objects();
}

/// Sees to it that a new instance of the WASM is made as soon as this one traps. To be called after `start`, in which
/// the `worker` crate sets up another way.
#[cfg(target_arch = "wasm32")]
#[wasm_bindgen::prelude::wasm_bindgen(js_name = outliveTraps)]
pub fn outlive_traps() {
    objects::outlive_traps();
}

/// The options for `edge/receive.js`, if `url` is the webhook route and the settings are valid. They do not change
/// while the instance lives.
#[cfg(target_arch = "wasm32")]
#[wasm_bindgen::prelude::wasm_bindgen]
pub fn webhooks(url: &str, env: &worker::Env) -> Option<js_sys::Object> {
    edge::webhooks(url, env)
}

/// Gives the promise of the answer to any other request.
///
/// `worker::event` would wrap the request before anybody looks at it.
#[cfg(target_arch = "wasm32")]
#[wasm_bindgen::prelude::wasm_bindgen]
pub fn fetch(request: web_sys::Request, env: worker::Env) -> js_sys::Promise {
    edge::answer(request, env)
}

/// Asks the mailboxes that the settings name how they stand, whatever the time is (unix milliseconds).
#[cfg(target_arch = "wasm32")]
#[wasm_bindgen::prelude::wasm_bindgen(js_name = lookAfter)]
pub fn look_after(env: worker::Env, at_ms: f64) -> js_sys::Promise {
    edge::look_after(env, at_ms)
}
