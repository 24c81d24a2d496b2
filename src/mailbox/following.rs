//! What follows from an event: the policy is asked with what is known of the event's conversation.

use super::{
    Mailbox, Which,
    closing::Closings,
    people::{
        Placed, conversations,
        person::{self, Found},
    },
    sql::{Result, atomically},
};
use crate::{
    conversation::{
        Answers, Conclusion, Known, Policy, State,
        consent::{self, Entry, Standing},
        mirror::{Mirror, Mirrored},
        send_id::Asker,
    },
    event::{Event, Name, OWN},
};

impl Mailbox {
    /// With this policy; with none, events are kept and forwarded, and nothing follows from them.
    pub fn with_policy(mut self, policy: Option<Policy>) -> Result<Self> {
        let wants_closing = policy
            .as_ref()
            .and_then(Policy::answers)
            .is_some_and(Answers::wants_closing);
        self.closings = Closings::open(&*self.sql, wants_closing)?;
        self.policy = policy;
        Ok(self)
    }

    /// The message of this id, which a rule asked for at `asked` (unix seconds), was not sent, and will not be. If it
    /// was the first message of those that the rule asked for, the rule may fire again.
    pub fn unsent(&mut self, id: &str, conversation: i64, asked: i64) -> Result<()> {
        if let Some(policy) = &mut self.policy {
            policy.unsent(conversation, asked);
        }
        if let Asker::Rule {
            rule,
            is_first: true,
        } = Asker::of(id)
            && let Some(changed) = conversations::unfired(&*self.sql, conversation, rule, asked)?
        {
            self.forget(changed);
        }
        Ok(())
    }

    /// Whether it is time to tell of windows that are about to close.
    pub fn is_closing(&self, now_ms: i64) -> bool {
        self.closings.wakes_at().is_some_and(|at| at <= now_ms)
    }

    /// The events that tell of windows that are about to close, now that it is time. Each is given once, so the caller
    /// must append them in the same transaction.
    pub fn closing(&mut self, now_ms: i64) -> Result<Vec<Event>> {
        match self.policy.as_ref().and_then(Policy::answers) {
            Some(answers) => self.closings.take(
                &*self.sql,
                &mut self.people,
                |conversation| self.ceded.has_moved(conversation),
                answers.phone_number_id(),
                now_ms,
            ),
            None => Ok(Vec::new()),
        }
    }

    /// Tells windows by this; with none, they are not told.
    #[must_use]
    pub fn with_mirror(mut self, mirror: Option<Mirror>) -> Self {
        self.mirror = mirror;
        self
    }

    /// The windows that are to be told since this was asked last.
    pub fn mirrored(&mut self) -> Vec<Mirrored> {
        std::mem::take(&mut self.mirrored)
    }

    /// Forgets a conversation that something else has changed in the database: it is read again when it is next met.
    pub fn forget(&mut self, conversation: i64) {
        self.people.forget(conversation);
    }

    /// What follows from an event. Nothing is read where there is no policy and nothing is remembered.
    pub(super) fn conclude(&mut self, event: &Event, placed: Placed, now_ms: i64) -> Conclusion {
        let conversation = placed.conversation;
        // What is nobody's is in no conversation.
        let Some(found) = self.people.get(conversation) else {
            return Conclusion::default();
        };
        if self.policy.is_none() && self.mirror.is_none() && found.state.is_none() {
            return Conclusion::default();
        }
        let mut known = Known {
            conversation,
            before: placed.before,
            windows: found.windows,
            state: found.state(),
        };
        // What Transom itself tells moves no window, and may come where nobody asks for what is to be told.
        let of_meta = !event.kind.starts_with(OWN);
        if let Some(mirror) = self.mirror.as_ref().filter(|_| of_meta) {
            let anew = known.state.untold || placed.named;
            // Some events name a person by the phone number alone: then the user id is still to be told.
            let has_user = event.names.iter().any(|name| matches!(name, Name::User(_)));
            known.state.untold &= !has_user && found.user.is_some();
            let told = mirror.told(event, &known, anew, now_ms.div_euclid(1000));
            self.mirrored.extend(told);
        }
        let mut concluded = match &mut self.policy {
            Some(policy) => policy.conclude(event, &known, now_ms),
            None => Conclusion {
                state: known.state,
                ..Conclusion::default()
            },
        };
        self.people.remember(conversation, &concluded.state);
        if let Some(closing) = &concluded.state.closing {
            self.closings.add(closing.at);
        }
        let handover = concluded.state.handover;
        if let Some(handover) = handover.filter(|it| it.is_active(now_ms.div_euclid(1000))) {
            concluded.added.push(("handover", handover.view()));
        }
        concluded
    }

    /// What a conversation remembers.
    pub fn state(&self, conversation: i64) -> Result<State> {
        Ok(conversations::by_id(&*self.sql, conversation)?.state())
    }

    /// Takes note of what a person, who may not be known yet, says about being written to; `cause` names that and nothing
    /// else, and `phone_number_id` is the business number. Where that changes it, the destinations are told. Gives how it
    /// stands then.
    pub fn say(
        &mut self,
        name: &Name,
        entry: Entry,
        cause: &str,
        phone_number_id: &str,
        now_ms: i64,
    ) -> Result<Option<Found>> {
        let sql = self.sql.clone();
        atomically(&*sql, || {
            self.meet(std::slice::from_ref(name))?;
            let mut before = Standing::Unknown;
            let found = self.change_state(name, |state| {
                let ledger = std::mem::take(&mut state.consent);
                before = ledger.standing();
                state.consent = ledger.with(entry);
            })?;
            if let Some(found) = &found {
                let mut names: Vec<Name> = Name::of_keys(&found.names).collect();
                names.sort_by_key(|it| (it != name, Some(it.value()) != found.user.as_deref()));
                let whose = consent::Whose::person(cause.to_owned(), names, phone_number_id);
                if let Some(event) = whose.changed(before, &found.state.consent) {
                    self.append(vec![event], now_ms)?;
                }
            }
            Ok(found)
        })
    }

    /// Changes the state of the conversation with the person who has this name. Gives how it stands then; `None` if
    /// nobody is known by the name.
    pub fn change_state(
        &mut self,
        name: &Name,
        change: impl FnOnce(&mut State),
    ) -> Result<Option<Found>> {
        let found = person::change(&self.sql, name, change)?;
        if let Some(found) = &found {
            self.people.forget(found.conversation);
        }
        Ok(found)
    }

    /// Forgets the person who has this name, and is `called` so elsewhere, with their dead letters. Gives who was
    /// forgotten; `None` if nobody is known by the name. What is still to be delivered of theirs is, and so is what is to
    /// be sent.
    pub fn forget_person(
        &mut self,
        name: &Name,
        called: &[String],
        now_ms: i64,
    ) -> Result<Option<Found>> {
        let sql = self.sql.clone();
        let found = atomically(&*sql, || {
            let found = person::forget(&sql, name, called)?;
            if let Some(found) = &found {
                self.delete(&Which {
                    conversation: Some(found.conversation),
                    ..Which::default()
                })?;
            }
            Ok(found)
        })?;
        if let Some(found) = &found {
            self.forget(found.conversation);
            if self.mirror.is_some() {
                let names: Vec<Name> = Name::of_keys(&found.names).collect();
                let closed = Mirrored::closed(found.conversation, &names, now_ms.div_euclid(1000));
                self.mirrored.push(closed);
            }
        }
        Ok(found)
    }
}
