//! One event on its way to one destination.

use futures_util::{FutureExt as _, future::LocalBoxFuture};
use worker::{Result, console_log};

use super::{
    alarm::Ended,
    http::{self, NoAnswer},
    lane::OnLane,
    mailbox::{Core, Mailbox, now_ms},
};
use crate::{
    conversation::recipient,
    delivery::{self, Answer, ErrorClass},
    mailbox::{Change, Delivery, GONE, Outcome},
    meta::graph::Message,
    sending::{Draft, Send},
};

impl Mailbox {
    /// Starts the next event that can go.
    pub(super) fn start_delivery(&self, now: i64) -> Result<Option<LocalBoxFuture<'_, Ended>>> {
        let delivery = self.with_core(|core| {
            let Some(mut delivery) = core.mailbox.next(now)? else {
                return Ok(None);
            };
            let Some(destination) = core.mailbox.destination(delivery.destination) else {
                return Ok(None);
            };
            let request = delivery::request(
                destination,
                &delivery.events,
                &core.source,
                now.div_euclid(1000),
            );
            let to = To {
                id: destination.id.clone(),
                url: destination.url.as_str().to_owned(),
                timeout_ms: destination.timeout_ms,
            };
            core.mailbox.keep(&mut delivery, request.events, now);
            Ok(Some((Box::new(delivery), to, request)))
        })?;
        Ok(delivery.map(|(delivery, to, request)| {
            let lane = OnLane::to_destination(self);
            deliver(lane, delivery, to, request).boxed_local()
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
        let fallback = match &*self.environment {
            Ok(ready) => ready.settings.fallback.clone(),
            Err(_) => None,
        };
        self.with_core(|core| {
            let Some(event) = delivery.events.last() else {
                return Ok(());
            };
            let replying = (!replies.is_empty()).then(|| recipient::of(&event.data));
            let (to, mut answers) =
                replying.map_or((None, None), |about| (about.recipient, about.message_id));
            let number = core.phone_number_id.as_deref().unwrap_or_default();
            let destination = core.mailbox.destination(delivery.destination);
            let id = destination
                .map(|found| found.id.clone())
                .unwrap_or_default();
            for (index, message) in replies.into_iter().enumerate() {
                let send = Send {
                    id: format!("{number}.{}.{id}.{index}", event.id),
                    conversation: event.conversation,
                    draft: Draft {
                        to: to.clone(),
                        fallback: fallback.clone().filter(|_| message.is_free_form()),
                        message,
                        category: None,
                        in_reply_to: None,
                        answers: answers.take(),
                    },
                };
                core.outbox.add(&*core.sql, send, now)?;
            }
            let random = js_sys::Math::random();
            for change in core.mailbox.done(delivery, outcome, now, random)? {
                tell(core, &id, &event.id, change, outcome);
            }
            // In a batch with others the event would be answered under another id.
            if to.is_some() {
                core.mailbox.save(delivery.destination)?;
            }
            Ok(())
        })
    }
}

/// Where a request goes.
struct To {
    id: String,
    url: String,
    timeout_ms: u32,
}

/// Posts an event to a destination.
async fn deliver(
    lane: OnLane<'_>,
    delivery: Box<Delivery>,
    to: To,
    request: delivery::Request,
) -> Ended {
    let id = delivery.events.first().map_or("", |event| &event.id);
    let headers = http::headers(request.headers);
    let answer = lane
        .post(&to.url, &headers, &request.body, to.timeout_ms)
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
                                "event": "replies.refused", "destination": to.id, "id": id, "faults": faults,
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
        Err(NoAnswer::NotTried | NoAnswer::Lost) => (Outcome::NotTried, Vec::new()),
        Err(NoAnswer::Failed(class)) => (refused(class, None), Vec::new()),
    };
    Ended::Delivered(delivery, outcome, replies)
}

/// Tells an operator of what has changed: ids and classes, no content.
fn tell(core: &Core, destination: &str, id: &str, change: Change, outcome: &Outcome) {
    let event = match change {
        Change::Parked => "conversation.parked",
        Change::Resumed => "conversation.resumed",
        Change::Dead => "event.dead",
        Change::Gone => "destination.gone",
        Change::Down => "destination.down",
        Change::Up => "destination.up",
    };
    let error = match outcome {
        Outcome::Refused { error, .. } => Some(error.as_str()),
        Outcome::Gone => Some(GONE),
        _ => None,
    };
    console_log!(
        "{}",
        serde_json::json!({
            "event": event, "source": core.source, "destination": destination, "id": id, "error": error,
        })
    );
}
