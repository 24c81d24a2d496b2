//! The Durable Object that makes requests for mailboxes, with connections of its own ([`crate::delivery::Ways`] says
//! why). It keeps nothing, and does nothing but `carry` (`post.js`). Nobody but a mailbox can call it: it stands behind no
//! route.

use worker::{DurableObject, Env, Request, Response, Result, State, durable_object};

/// The object.
#[durable_object(fetch)]
pub struct Courier;

impl std::panic::RefUnwindSafe for Courier {}

impl DurableObject for Courier {
    fn new(_: State, _: Env) -> Self {
        Self
    }

    async fn fetch(&self, _: Request) -> Result<Response> {
        Response::error("a courier answers no requests", 404)
    }
}
