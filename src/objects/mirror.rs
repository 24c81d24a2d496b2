//! Tells windows to a team's other Workers: writes them to KV, where the binding `WINDOWS` is there.
//!
//! It begins after the commit and nobody waits for it; the platform lets no request out before what was written is on
//! disk. A failure is written down, and the window is told with the next event of its conversation.

use std::{
    cell::{Cell, RefCell},
    collections::VecDeque,
    rc::Rc,
};

use js_sys::{Promise, Reflect};
use wasm_bindgen::{JsValue, prelude::wasm_bindgen};
use wasm_bindgen_futures::JsFuture;
use worker::{Env, Result, console_error};

use super::{
    mailbox::{Mailbox, now_ms},
    sql::Storage,
};
use crate::{
    conversation::mirror::Mirrored,
    delivery::cloudevent,
    mailbox::{self, address::Address},
    written,
};

/// The binding in wrangler.toml.
const BINDING: &str = "WINDOWS";

/// How many conversations may wait for their turn.
const MOST_WAITING: usize = 2_000;

/// How long it may be silent before it counts as gone, in milliseconds.
const SILENCE_MS: i64 = 30_000;

#[wasm_bindgen(module = "/src/objects/mirror.js")]
extern "C" {
    /// Writes to a KV namespace, until a time (unix seconds).
    fn put(namespace: &JsValue, key: &str, value: &str, expiration: f64) -> Promise;
}

/// What waits to be told.
pub(super) struct Mirroring {
    /// The KV namespace.
    namespace: Option<JsValue>,
    waiting: RefCell<VecDeque<Mirrored>>,
    /// The conversations whose window could not be told since `failed()` was last called. It is written down already.
    failed: RefCell<Vec<i64>>,
    /// When it was last seen at work (unix milliseconds); 0 while it is not.
    at_work: Cell<i64>,
}

impl Mirroring {
    pub(super) fn of(env: &Env) -> Self {
        let namespace = Reflect::get(env.as_ref(), &JsValue::from_str(BINDING)).ok();
        Self {
            namespace: namespace.filter(JsValue::is_object),
            waiting: RefCell::default(),
            failed: RefCell::default(),
            at_work: Cell::new(0),
        }
    }

    pub(super) fn is_bound(&self) -> bool {
        self.namespace.is_some()
    }

    /// The conversations whose window could not be told since this was last called. It is written down already.
    pub(super) fn failed(&self) -> Vec<i64> {
        self.failed.take()
    }

    /// Writes down that a window could not be told. If that fails, too, it is told when it next passes a step.
    fn fails(&self, storage: &Storage, conversation: i64) {
        let failed = mailbox::untold(storage, conversation).ok().flatten();
        self.failed.borrow_mut().extend(failed);
    }

    /// Tells one after the other, so that deliveries and sends keep the connections that the platform gives.
    async fn tell(
        &self,
        storage: &Storage,
        namespace: &JsValue,
        phone_number_id: &str,
        address: &Address,
    ) {
        while let Some(next) = self.next() {
            for name in &next.names {
                self.at_work.set(now_ms());
                let key = format!("{phone_number_id}/{name}");
                // A time in seconds is far below what a float holds exactly.
                #[allow(clippy::cast_precision_loss)]
                let put = put(namespace, &key, &next.value, next.expires_at as f64);
                // The platform's words may hold the key, and with it the customer's name.
                if JsFuture::from(put).await.is_err() {
                    let mut line = written::Object::default();
                    line.text("event", "window.not_told")
                        .text("source", &cloudevent::source(&address.home()))
                        .number("conversation", address.public_id(next.conversation));
                    console_error!("{}", line.finish());
                    self.fails(storage, next.conversation);
                    break;
                }
            }
        }
        self.at_work.set(0);
    }

    fn next(&self) -> Option<Mirrored> {
        self.waiting.borrow_mut().pop_front()
    }
}

impl Mailbox {
    /// Begins to tell what has changed, unless it is at it.
    pub(super) fn tell_windows(&self, now: i64) -> Result<()> {
        let mirror = &self.mirror;
        let Some(namespace) = mirror.namespace.clone() else {
            return Ok(());
        };
        let (windows, phone_number_id) = self.with_core(|core| {
            let windows = core.mailbox.mirrored();
            let number = core.phone_number_id.clone();
            Ok((windows, number.unwrap_or_default()))
        })?;
        {
            let mut waiting = mirror.waiting.borrow_mut();
            for window in windows {
                if let Some(before) = waiting
                    .iter_mut()
                    .find(|other| other.conversation == window.conversation)
                {
                    window.replace(before);
                } else if waiting.len() < MOST_WAITING {
                    waiting.push_back(window);
                } else {
                    mirror.fails(&self.storage, window.conversation);
                }
            }
        }
        let at_work = now - mirror.at_work.get() < SILENCE_MS;
        if at_work || mirror.waiting.borrow().is_empty() {
            return Ok(());
        }
        mirror.at_work.set(now);
        let (mirror, storage) = (Rc::clone(mirror), Rc::clone(&self.storage));
        let address = self.address();
        self.state.wait_until(async move {
            mirror
                .tell(&storage, &namespace, &phone_number_id, &address)
                .await;
        });
        Ok(())
    }
}
