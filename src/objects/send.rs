//! One message on its way to the Graph API.

use futures_util::{
    FutureExt as _,
    future::{LocalBoxFuture, join},
};
use worker::{Result, console_log};

use super::{
    core::Core,
    desk::TakenWay,
    http,
    mailbox::{Mailbox, now_ms},
};
use crate::{
    config::{Graph, Settings},
    conversation::consent::Entry,
    delivery::{ErrorClass, NoAnswer},
    event::Name,
    mailbox::{
        Moved,
        sql::{self, atomically},
    },
    meta::graph::{Class, GraphAnswer, Recipient, Request},
    sending::{
        Happened, Send, SendState, Started,
        asked::Receipt,
        guard::Turn,
        phone,
        whom::{is_user, name_of, who_speaks},
    },
    written::Object,
};

/// How long Meta may take to answer, in milliseconds.
const GRAPH_TIMEOUT_MS: u32 = 20_000;

/// How long Meta may take to mark a message as read, in milliseconds. A reply may wait for it.
pub(super) const RECEIPT_TIMEOUT_MS: u32 = 2_000;

/// A message that is marked as started, with the opening of the mailbox that it belongs to.
pub(super) type Leaving = (u32, Started);

/// The same with what became of it.
pub(super) type Sent = (u32, Started, Happened);

impl Mailbox {
    /// Starts the next message whose turn has come.
    pub(super) fn start_send(&self, now: i64) -> Result<Option<LocalBoxFuture<'_, Sent>>> {
        let leaving = self.with_core(|core| {
            core.follow_joins(now);
            let started = core.outbox.next(now)?;
            Ok(started.map(|started| (core.opening, started)))
        })?;
        Ok(leaving.map(|leaving| self.leave(leaving, now)))
    }

    /// Sends a message that is marked as started, and gives what became of it.
    pub(super) fn leave(
        &self,
        (opening, mut started): Leaving,
        now: i64,
    ) -> LocalBoxFuture<'_, Sent> {
        async move {
            let happened = self.send(&mut started, now).await;
            let happened = happened.unwrap_or(Happened::Undecided);
            (opening, started, happened)
        }
        .boxed_local()
    }

    /// Sends a message that is marked as started, if it may go. If its person is in another partition by now, or in another
    /// conversation since they were forgotten, what is known there decides
    /// ([`crate::mailbox::Mailbox::state_and_windows_there`]).
    async fn send(&self, started: &mut Started, now: i64) -> Result<Happened> {
        let conversation = started.send.conversation;
        let has_moved = self.with_core(|core| core.mailbox.has_moved(conversation))?;
        let elsewhere = match &started.send.draft.to {
            Some(to) if has_moved => match self.known_elsewhere(to).await? {
                None => self.with_core(|core| core.mailbox.known(&name_of(to)))?,
                there => there,
            },
            _ => None,
        };
        let (refused, waits, phone_number_id) = self.with_core(|core| {
            let refused = core.refusal(started, elsewhere, self.settings(), now)?;
            let waits = core.outbox.waits_as_template(started);
            Ok((refused, waits, core.phone_number_id.clone()))
        })?;
        Ok(match refused {
            Some(class) => Happened::Refuse(class),
            None if waits => Happened::Undecided,
            None => self
                .post_message(&self.desk.to_graph(), &started.send, phone_number_id)
                .await
                .unwrap_or_else(Happened::Refuse),
        })
    }

    /// Takes note of what became of it, and gives the names of which Meta has told that they are one person's.
    pub(super) fn end_send(
        &self,
        started: Started,
        happened: Happened,
    ) -> Result<Option<Vec<Name>>> {
        let id = started.send.id.clone();
        let to = started.send.draft.to.clone();
        let names = names_of_one(&started.send, &happened);
        let conversation = started.send.conversation;
        let asked = started.asked_ms.div_euclid(1000);
        let now = now_ms();
        let state = self.with_core(|core| {
            let sql = core.sql.clone();
            // Where it cannot be told, it is not to stand as ended: when the mailbox is opened again, it is `unknown`.
            atomically(&*sql, || {
                let opted_out = Core::opted_out(&started.send, &happened, now);
                let (state, change) = core.outbox.done(started, happened, now)?;
                core.changed(change, now)?;
                core.tell(&id, to.as_ref(), &state, now)?;
                if state.is_refused_here() {
                    core.unsent(&id, conversation, asked)?;
                }
                if let (Some((name, entry)), Some(_)) = (opted_out, self.consent()) {
                    let number = core.phone_number_id.clone().unwrap_or_default();
                    core.mailbox.say(&name, entry, &id, &number, now)?;
                }
                Ok(state)
            })
        })?;
        if !matches!(state, SendState::Accepted { .. } | SendState::Queued) {
            log_ended(&id, &state);
        }
        Ok(names)
    }

    /// Sends a message that is marked as started.
    async fn post_message(
        &self,
        way: &TakenWay,
        send: &Send,
        phone_number_id: Option<String>,
    ) -> std::result::Result<Happened, Class> {
        let Settings { graph, config, .. } = self.settings().ok_or(Class::Other)?;
        let draft = &send.draft;
        if graph.token.is_none() {
            return Ok(Happened::no_token());
        }
        let url = graph.messages_url(phone_number_id.as_deref().unwrap_or_default());
        let url = url.ok_or(Class::Number)?;
        let request = Request {
            to: draft.to.as_ref().ok_or(Class::Recipient)?,
            message: &draft.message,
            in_reply_to: draft.in_reply_to.as_deref(),
            callback_data: &send.id,
        };
        let body = request.body().ok_or(Class::Recipient)?;
        let message = post_to_graph(way, graph, &url, &body, GRAPH_TIMEOUT_MS);
        let answers = draft.answers.as_ref();
        let answers = answers.filter(|_| config.sending.mark_read || config.sending.typing);
        // Whether it was marked as read is no reason to send or not to send, so the answer is not looked at.
        let answer = match answers {
            None => message.await,
            Some(message_id) => {
                let receipt = Receipt {
                    message_id: message_id.clone(),
                    typing: config.sending.typing,
                };
                let receipt = receipt.body();
                let receipt = |way| post_to_graph(way, graph, &url, &receipt, RECEIPT_TIMEOUT_MS);
                if config.sending.typing {
                    // The message ends the typing, so it goes second.
                    let _ = receipt(way).await;
                    message.await
                } else {
                    // A way is one connection.
                    join(message, receipt(&self.desk.to_graph())).await.0
                }
            }
        };
        Ok(match answer {
            Ok(answer) => Happened::answered(answer.status, &answer.body),
            Err(NoAnswer::NotTried) => Happened::NotTried,
            Err(NoAnswer::Failed(ErrorClass::ConnectionRefused)) => Happened::ConnectionRefused,
            Err(NoAnswer::Failed(_)) => Happened::NoAnswer,
            // The courier was lost: that says nothing about Meta.
            Err(NoAnswer::Lost) => Happened::Restarted,
        })
    }
}

/// Logs that a message was not sent, or may not have been.
pub(super) fn log_ended(id: &str, state: &SendState) {
    let mut line = Object::default();
    line.text("event", "send.ended")
        .text("send", id)
        .json("state", &state.json().to_string());
    console_log!("{}", line.finish());
}

/// All names of the person to whom a message went, if Meta says that their number is another than the one that was
/// written to, as in Brazil, Mexico and Argentina: they write, and opt out, under that number.
fn names_of_one(send: &Send, happened: &Happened) -> Option<Vec<Name>> {
    let Happened::Answered(GraphAnswer::Accepted { wa_id, user_id, .. }) = happened else {
        return None;
    };
    let Some(Recipient::Phone(asked)) = &send.draft.to else {
        return None;
    };
    let number = phone::read(wa_id.as_deref()?).filter(|number| number != asked)?;
    let user = user_id.as_deref().filter(|id| is_user(id));
    let user = user.map(|id| name_of(&Recipient::User(id.to_owned())));
    let numbers = [number, asked].map(|number| Name::Phone(number.to_owned()));
    Some(user.into_iter().chain(numbers).collect())
}

/// Posts to the Graph API. Nothing leaves without a token.
pub(super) async fn post_to_graph(
    way: &TakenWay,
    graph: &Graph,
    url: &str,
    body: &str,
    timeout_ms: u32,
) -> std::result::Result<http::Answer, NoAnswer> {
    let Some(token) = &graph.token else {
        return Err(NoAnswer::NotTried);
    };
    let headers = [
        ("authorization", format!("Bearer {}", token.expose())),
        ("content-type", "application/json".to_owned()),
    ];
    let headers = http::headers(headers);
    way.post(url, &headers, body, timeout_ms).await
}

impl Core {
    /// What waits for two who turned out to be one goes in one order from now on.
    pub(super) fn follow_joins(&mut self, now: i64) {
        for join in self.mailbox.joins() {
            self.outbox.join(join.from, join.into, now);
        }
    }

    /// Why a message whose turn has come may not go. If it may, `started` is now what goes: the message or its
    /// fallback.
    fn refusal(
        &mut self,
        started: &mut Started,
        elsewhere: Option<Moved>,
        settings: Option<&Settings>,
        now: i64,
    ) -> sql::Result<Option<Class>> {
        let now = now.div_euclid(1000);
        let conversation = started.send.conversation;
        let config = settings.map(|settings| &settings.config);
        let (state, windows) = if let Some(there) = elsewhere {
            self.mailbox.state_and_windows_there(conversation, there)?
        } else {
            self.mailbox.state_and_windows(conversation)?
        };
        let turn = Turn {
            send: &started.send,
            asked: started.asked_ms.div_euclid(1000),
            is_withheld: self.reply_budgets.forbid(&started.send.id),
            answering: config.and_then(|config| config.answering.as_ref()),
            sending: config.map(|config| config.sending).unwrap_or_default(),
            consent: config.and_then(|config| config.consent.as_ref()),
            state: &state,
            closes_at: windows.customer_service,
            now,
        };
        let decided = turn.decide();
        self.outbox
            .decided(started, decided, windows.customer_service)
    }

    /// Who does not want a message, as Meta says by refusing it.
    fn opted_out(send: &Send, happened: &Happened, now: i64) -> Option<(Name, Entry)> {
        let Happened::Answered(GraphAnswer::Refused {
            code,
            class: Class::OptOut,
            ..
        }) = happened
        else {
            return None;
        };
        let name = who_speaks(send.draft.to.as_ref()?)?;
        let at = now.div_euclid(1000);
        Some((name, Entry::refusal(*code, at, &send.id)))
    }
}
