//! One message on its way to the Graph API.

use futures_util::{FutureExt as _, future::LocalBoxFuture};
use worker::{Result, console_log};

use super::{
    alarm::Ended,
    http::{self, NoAnswer},
    mailbox::{Mailbox, now_ms},
};
use crate::{
    delivery::ErrorClass,
    meta::graph::{self, Class, Request},
    sending::{Happened, Send, Started, State, guard},
};

/// How long Meta may take to answer, in milliseconds.
const GRAPH_TIMEOUT_MS: u32 = 20_000;

impl Mailbox {
    /// Starts the next message whose turn has come, if its window is open.
    pub(super) fn start_send(&self, now: i64) -> Result<Option<LocalBoxFuture<'_, Ended>>> {
        let started = self.with_core(|core| {
            let Some(started) = core.outbox.next(&*core.sql, now)? else {
                return Ok(None);
            };
            let windows = core.mailbox.windows(started.send.conversation)?;
            let closes_at = windows.customer_service;
            let refused = guard::check(&started.send.message, closes_at, now.div_euclid(1000))
                .err()
                .map(|_| Class::Window);
            let phone_number_id = core.phone_number_id.clone();
            Ok(Some((Box::new(started), refused, phone_number_id)))
        })?;
        Ok(started.map(|(started, refused, phone_number_id)| {
            self.send(started, refused, phone_number_id).boxed_local()
        }))
    }

    /// Takes note of what became of it.
    pub(super) fn end_send(&self, started: Started, happened: Happened) -> Result<()> {
        let id = started.send.id.clone();
        let state =
            self.with_core(|core| core.outbox.done(&*core.sql, started, happened, now_ms()))?;
        if !matches!(state, State::Accepted { .. } | State::Queued) {
            let state = serde_json::to_value(&state).unwrap_or_default();
            console_log!(
                "{}",
                serde_json::json!({ "event": "send.ended", "send": id, "state": state })
            );
        }
        Ok(())
    }

    /// Sends a message that is marked as started.
    async fn send(
        &self,
        started: Box<Started>,
        refused: Option<Class>,
        phone_number_id: Option<String>,
    ) -> Ended {
        let happened = match refused {
            Some(class) => Happened::Refuse(class),
            None => self
                .post_message(&started.send, phone_number_id)
                .await
                .unwrap_or_else(Happened::Refuse),
        };
        Ended::Sent(started, happened)
    }

    async fn post_message(
        &self,
        send: &Send,
        phone_number_id: Option<String>,
    ) -> std::result::Result<Happened, Class> {
        let Ok(ready) = &*self.environment else {
            return Err(Class::Other);
        };
        let graph = &ready.settings.graph;
        let token = graph.token.as_ref().ok_or(Class::Token)?;
        let to = send.to.as_ref().ok_or(Class::Recipient)?;
        let request = Request {
            phone_number_id: phone_number_id.as_deref().ok_or(Class::Number)?,
            to,
            message: &send.message,
            in_reply_to: None,
            callback_data: Some(&send.id),
        };
        let url = request.url(graph.base_url.as_str(), &graph.version);
        let url = url.map_err(|_| Class::Number)?;
        let body = request.body().map_err(|_| Class::Recipient)?;
        let headers = [
            ("authorization", format!("Bearer {}", token.expose())),
            ("content-type", "application/json".to_owned()),
        ];
        Ok(
            match http::post(&url, headers, &body, GRAPH_TIMEOUT_MS).await {
                Ok(answer) => Happened::Answered(graph::answer::read(answer.status, &answer.body)),
                Err(NoAnswer::NotTried | NoAnswer::Failed(ErrorClass::ConnectionRefused)) => {
                    Happened::ConnectionRefused
                }
                Err(NoAnswer::Failed(_)) => Happened::NoAnswer,
            },
        )
    }
}
