//! A request that leaves a mailbox, on the way that its lane says: by the mailbox itself or by a courier.

use std::cell::RefCell;

use super::{
    courier,
    http::{self, Answer, NoAnswer},
    mailbox::Mailbox,
};
use crate::delivery::{Lane, Lanes};

/// A lane that is in use for as long as this lives.
pub(super) struct OnLane<'a> {
    mailbox: &'a Mailbox,
    lanes: &'a RefCell<Lanes>,
    lane: Lane,
    /// What the couriers are called, beside the mailbox's name and their number.
    couriers: &'static str,
}

impl<'a> OnLane<'a> {
    /// One to a destination.
    pub(super) fn to_destination(mailbox: &'a Mailbox) -> Self {
        Self::enter(mailbox, &mailbox.lanes, "")
    }

    /// One to the Graph API.
    pub(super) fn to_graph(mailbox: &'a Mailbox) -> Self {
        Self::enter(mailbox, &mailbox.graph_lanes, "graph/")
    }

    fn enter(mailbox: &'a Mailbox, lanes: &'a RefCell<Lanes>, couriers: &'static str) -> Self {
        let with_couriers = match &*mailbox.environment {
            Ok(ready) => ready.settings.couriers,
            Err(_) => false,
        };
        let lane = if with_couriers {
            lanes.borrow_mut().enter()
        } else {
            Lane::Itself
        };
        Self {
            mailbox,
            lanes,
            lane,
            couriers,
        }
    }

    /// Posts a body and reads the answer, all within `timeout_ms`. `headers` are what [`http::headers`] makes of them.
    pub(super) async fn post(
        &self,
        url: &str,
        headers: &str,
        body: &str,
        timeout_ms: u32,
    ) -> Result<Answer, NoAnswer> {
        let Lane::Courier(number) = self.lane else {
            return http::post(url, headers, body, timeout_ms).await;
        };
        let mailbox = self.mailbox.state.id().name().unwrap_or_default();
        let courier = format!("{mailbox}/{}{number}", self.couriers);
        courier::post(&self.mailbox.env, &courier, url, headers, body, timeout_ms).await
    }
}

impl Drop for OnLane<'_> {
    fn drop(&mut self) {
        self.lanes.borrow_mut().leave(self.lane);
    }
}
