//! Where requests leave a mailbox: made by the mailbox itself or by a courier, whichever way is free.

use std::{cell::RefCell, rc::Rc};

use futures_util::task::AtomicWaker;
use js_sys::{Array, Promise};
use wasm_bindgen::prelude::{Closure, wasm_bindgen};
use wasm_bindgen_futures::JsFuture;
use worker::Env;

use super::http::{self, Answer};
use crate::{
    delivery::{NoAnswer, Way, Ways},
    environment::Environment,
};

#[wasm_bindgen(module = "/src/objects/post.js")]
extern "C" {
    #[wasm_bindgen(js_name = Desk)]
    type Platform;

    #[wasm_bindgen(constructor, js_class = Desk)]
    fn new(mailbox: &str, env: &Env, wake: &Closure<dyn Fn()>) -> Platform;

    #[wasm_bindgen(method, js_class = Desk)]
    fn post(
        this: &Platform,
        courier: Option<&str>,
        url: &str,
        headers: &str,
        body: &str,
        timeout_ms: u32,
    ) -> Promise;

    #[wasm_bindgen(method, js_class = Desk)]
    fn deliver(
        this: &Platform,
        ticket: u32,
        courier: Option<&str>,
        url: &str,
        headers: &str,
        body: &str,
        timeout_ms: u32,
    );

    #[wasm_bindgen(method, js_class = Desk)]
    fn ended(this: &Platform) -> Array;
}

/// The desk of one mailbox.
pub(super) struct Desk {
    platform: Rc<Platform>,
    with_couriers: bool,
    to_destinations: Rc<RefCell<Ways>>,
    to_graph: Rc<RefCell<Ways>>,
    /// Kept for as long as it may be called.
    _wake: Closure<dyn Fn()>,
}

/// A way that is taken for as long as this lives.
pub(super) struct TakenWay {
    desk: Rc<Platform>,
    ways: Rc<RefCell<Ways>>,
    way: Way,
    /// What the names of its couriers begin with.
    couriers: &'static str,
}

impl Desk {
    /// Wakes `waker` when deliveries have ended.
    pub(super) fn of(
        mailbox: &str,
        env: &Env,
        environment: Environment,
        waker: Rc<AtomicWaker>,
    ) -> Self {
        let wake = Closure::own_assert_unwind_safe(move || waker.wake());
        let with_couriers = environment.as_ref();
        Self {
            platform: Rc::new(Platform::new(mailbox, env, &wake)),
            with_couriers: with_couriers.is_ok_and(|ready| ready.settings.config.couriers),
            to_destinations: Rc::new(RefCell::new(Ways::to_destinations())),
            to_graph: Rc::new(RefCell::new(Ways::to_graph())),
            _wake: wake,
        }
    }

    /// A way to a destination.
    pub(super) fn to_destination(&self) -> TakenWay {
        self.enter(&self.to_destinations, "")
    }

    /// A request to the Graph API.
    pub(super) fn to_graph(&self) -> TakenWay {
        self.enter(&self.to_graph, "graph/")
    }

    fn enter(&self, ways: &Rc<RefCell<Ways>>, couriers: &'static str) -> TakenWay {
        let way = if self.with_couriers {
            ways.borrow_mut().enter()
        } else {
            Way::Itself
        };
        TakenWay {
            desk: self.platform.clone(),
            ways: ways.clone(),
            way,
            couriers,
        }
    }

    /// The deliveries that have ended, by their tickets, and what they were answered.
    pub(super) fn ended(&self) -> Vec<(u32, Result<Answer, NoAnswer>)> {
        let mut ended = self.platform.ended().into_iter();
        let pairs = std::iter::from_fn(|| {
            // It is one of ours.
            #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
            let ticket = ended.next()?.as_f64()? as u32;
            Some((ticket, http::read(&ended.next()?)))
        });
        pairs.collect()
    }
}

impl TakenWay {
    /// Posts a body and reads the answer, all within `timeout_ms`. `headers` are what [`http::headers`] makes of them.
    pub(super) async fn post(
        &self,
        url: &str,
        headers: &str,
        body: &str,
        timeout_ms: u32,
    ) -> Result<Answer, NoAnswer> {
        let courier = self.courier();
        let answer = self
            .desk
            .post(courier.as_deref(), url, headers, body, timeout_ms);
        http::read(&JsFuture::from(answer).await.unwrap_or_default())
    }

    /// Begins to post a body. [`Desk::ended`] tells under this ticket what became of it. That spares a promise for each
    /// request, and one call tells of all that end at the same time.
    pub(super) fn deliver(
        &self,
        ticket: u32,
        url: &str,
        headers: &str,
        body: &str,
        timeout_ms: u32,
    ) {
        let courier = self.courier();
        self.desk
            .deliver(ticket, courier.as_deref(), url, headers, body, timeout_ms);
    }

    /// What the courier is called, beside the mailbox's name, where it is one.
    fn courier(&self) -> Option<String> {
        match self.way {
            Way::Itself => None,
            Way::Courier(number) => Some(format!("{}{number}", self.couriers)),
        }
    }
}

impl Drop for TakenWay {
    fn drop(&mut self) {
        self.ways.borrow_mut().leave(self.way);
    }
}
