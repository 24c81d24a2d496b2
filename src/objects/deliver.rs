//! One event on its way to one destination.

use futures_util::{FutureExt as _, future::LocalBoxFuture};
use worker::{Result, console_log};

use super::{
    alarm::Ended,
    http::{self, NoAnswer},
    mailbox::{Core, Mailbox, now_ms},
};
use crate::{
    config::Destination,
    delivery::{self, Answer, ErrorClass, Outgoing, cloudevent, signature},
    mailbox::{Change, Delivery, Outcome},
    meta::graph::Message,
    sending::{Send, recipient},
};

impl Mailbox {
    /// Starts the next event that can go.
    pub(super) fn start_delivery(&self, now: i64) -> Result<Option<LocalBoxFuture<'_, Ended>>> {
        let delivery = self.with_core(|core| {
            let Some(delivery) = core.mailbox.next(now)? else {
                return Ok(None);
            };
            let Some(event) = delivery.events.first() else {
                return Ok(None);
            };
            let body = Outgoing {
                id: &event.id,
                kind: &event.kind,
                source: &core.source,
                subject: event.subject.as_deref(),
                time: event.time.or(Some(event.received_ms.div_euclid(1000))),
                data: &event.data,
                added: &event.added,
            }
            .render();
            let destination = core.mailbox.destination(delivery.destination).cloned();
            Ok(destination.map(|destination| (Box::new(delivery), destination, body)))
        })?;
        Ok(delivery.map(|(delivery, destination, body)| {
            deliver(delivery, destination, body).boxed_local()
        }))
    }

    /// Takes note of what became of it. The replies that it was answered with are stored with that, at once.
    pub(super) fn end_delivery(
        &self,
        delivery: &Delivery,
        outcome: &Outcome,
        replies: Vec<Message>,
    ) -> Result<()> {
        let now = now_ms();
        self.with_core(|core| {
            let Some(event) = delivery.events.last() else {
                return Ok(());
            };
            let to = recipient::of(&event.data);
            let destination = core.mailbox.destination(delivery.destination);
            let id = destination
                .map(|found| found.id.clone())
                .unwrap_or_default();
            for (number, message) in replies.into_iter().enumerate() {
                let send = Send {
                    id: format!("{}/{id}/{number}", event.id),
                    conversation: event.conversation,
                    to: to.clone(),
                    message,
                };
                core.outbox.add(&*core.sql, send, now)?;
            }
            let random = js_sys::Math::random();
            for change in core.mailbox.done(delivery, outcome, now, random)? {
                tell(core, &id, &event.id, change, outcome);
            }
            Ok(())
        })
    }
}

/// Posts an event to a destination.
async fn deliver(delivery: Box<Delivery>, destination: Destination, body: String) -> Ended {
    let id = delivery.events.first().map_or("", |event| &event.id);
    let seconds = now_ms().div_euclid(1000);
    let headers = signature::headers(id, seconds, &body, &destination.secrets)
        .into_iter()
        .chain([("content-type", cloudevent::CONTENT_TYPE.to_owned())]);
    let answer = http::post(
        destination.url.as_str(),
        headers,
        &body,
        destination.timeout_ms,
    )
    .await;
    let refused = |class: ErrorClass, not_before_ms| Outcome::Refused {
        error: class.to_string(),
        not_before_ms,
        whole: !matches!(class, ErrorClass::Status(..500)),
    };
    let (outcome, replies) = match answer {
        Ok(answer) => {
            let retry_after = answer.retry_after.as_deref();
            match delivery::answer::read(answer.status, retry_after, &answer.body, now_ms()) {
                Answer::Taken { replies } => {
                    let replies = replies.unwrap_or_else(|faults| {
                        let faults: Vec<String> = faults.iter().map(ToString::to_string).collect();
                        console_log!(
                            "{}",
                            serde_json::json!({
                                "event": "replies.refused", "destination": destination.id, "id": id, "faults": faults,
                            })
                        );
                        Vec::new()
                    });
                    (Outcome::Taken, replies)
                }
                Answer::Gone => (Outcome::Gone, Vec::new()),
                Answer::Later { at_ms, class } => (refused(class, Some(at_ms)), Vec::new()),
                Answer::Refused { class } => (refused(class, None), Vec::new()),
            }
        }
        Err(NoAnswer::NotTried) => (Outcome::NotTried, Vec::new()),
        Err(NoAnswer::Failed(class)) => (refused(class, None), Vec::new()),
    };
    Ended::Delivered(delivery, outcome, replies)
}

/// Tells an operator of what has changed: ids and classes, no content.
fn tell(core: &Core, destination: &str, id: &str, change: Change, outcome: &Outcome) {
    let event = match change {
        Change::Parked => "conversation.parked",
        Change::Dead => "event.dead",
        Change::Gone => "destination.gone",
        Change::Down => "destination.down",
        Change::Up => "destination.up",
    };
    let error = match outcome {
        Outcome::Refused { error, .. } => Some(error),
        _ => None,
    };
    console_log!(
        "{}",
        serde_json::json!({
            "event": event, "source": core.source, "destination": destination, "id": id, "error": error,
        })
    );
}
