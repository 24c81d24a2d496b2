//! What is asked of the mailbox of a number, and, where the number has partitions, of all of them as of one.

use url::form_urlencoded;
use web_sys::RequestInit;
use worker::{Date, Env, Method, Response, Result};

use super::{
    parameters::Parameters,
    problem::{Answered, Problem},
    routes::{Action, Found},
    together::{PartitionAnswer, confirm, together},
};
use crate::{
    config::Settings,
    mailbox::address::{Address, partition_of_conversation},
    objects::{self, respond, try_side_by_side},
    sending::whom::{names, stranger},
};

/// What a mailbox is asked for.
#[derive(Clone)]
struct Inquiry<'a> {
    env: &'a Env,
    action: Action,
    method: Method,
    query: String,
    /// How many items a page of all mailboxes has.
    limit: usize,
}

/// Asks the mailboxes that a request concerns, and puts their answers together.
pub(super) async fn answer(
    found: &Found,
    env: &Env,
    settings: &Settings,
    in_path: &Parameters,
    parameters: &Parameters,
) -> Answered {
    let action = found.route.action;
    let number = in_path.get("phone_number_id").unwrap_or_default();
    let mailboxes = mailboxes(env, settings, number, in_path, parameters, action).await?;
    let limit = parameters.get("limit").and_then(|limit| limit.parse().ok());
    let mut asked = Inquiry {
        env,
        action,
        method: Method::from(found.route.method.to_owned()),
        query: format!(
            "{}&{}",
            in_path.query(),
            parameters.without("confirm").query()
        ),
        limit: limit.unwrap_or(usize::MAX),
    };
    let confirmed = parameters.get("confirm");
    if action == Action::Replay {
        let to = parameters.get("destination").or(parameters.get("to"));
        if to.is_none() {
            let detail = "destination or to: one is required".to_owned();
            return Err(Problem::Invalid(detail));
        }
        asked.add("id", &new_id());
    }
    if let [only] = mailboxes.as_slice() {
        if let Some(confirmed) = confirmed {
            asked.add("confirm", confirmed);
        }
        return asked.ask(only).await.ok_or(Problem::NoAnswer);
    }
    if let Some(person) = parameters.get("person").or(in_path.get("person")) {
        let partitions = settings.partitions_of(number);
        let names = objects::names_of(env, number, partitions, &names(person)).await;
        for name in names.map_err(|_| Problem::NoAnswer)? {
            asked.add("person", &name);
        }
    }
    let together = match action {
        Action::DeleteDeadLetters => asked.delete(&mailboxes, confirmed).await?,
        Action::Replay => asked.replay(&mailboxes).await?,
        Action::Forget => asked.forget(&mailboxes, settings, number).await?,
        _ => asked.together(asked.all(&mailboxes).await?),
    };
    let PartitionAnswer { status, body } = together.ok_or(Problem::NoAnswer)?;
    Ok(respond(status, body)?)
}

/// The names of the mailboxes that a request concerns.
async fn mailboxes(
    env: &Env,
    settings: &Settings,
    number: &str,
    in_path: &Parameters,
    parameters: &Parameters,
    action: Action,
) -> std::result::Result<Vec<String>, Problem> {
    // Whoever is to be forgotten may be known in all of them.
    let person = in_path.get("person");
    if let Some(person) = person.filter(|_| action != Action::Forget) {
        let names = names(person);
        // What somebody said elsewhere is stored even if they have not written yet.
        let stranger = (action == Action::SetConsent).then(|| stranger(person));
        let stranger = stranger.flatten();
        let mailbox =
            objects::mailbox_of(env, settings, number, &names, stranger, String::new()).await;
        return Ok(vec![mailbox.map_err(|_| Problem::NoAnswer)?]);
    }
    let all = objects::mailboxes(settings, number);
    let partitions = settings.partitions_of(number);
    let conversation = parameters
        .get("conversation")
        .and_then(|it| it.parse().ok());
    let conversation = conversation.map(|id| partition_of_conversation(id, partitions));
    let partition = match parameters.get("partition") {
        Some(partition) => Some(partition.parse().unwrap_or(partitions)),
        None => conversation,
    };
    let Some(partition) = partition else {
        return Ok(all);
    };
    let one = usize::try_from(partition).ok().and_then(|at| all.get(at));
    Ok(vec![one.ok_or(Problem::NoPartition(partitions))?.clone()])
}

impl Inquiry<'_> {
    fn add(&mut self, name: &str, value: &str) {
        let mut query = form_urlencoded::Serializer::new(std::mem::take(&mut self.query));
        query.append_pair(name, value);
        self.query = query.finish();
    }

    fn command(&self) -> String {
        let command = match self.action {
            Action::Conversation | Action::Forget => "conversation",
            Action::HandOver => "handover",
            Action::Consent | Action::SetConsent => "consent",
            Action::DeadLetters | Action::DeleteDeadLetters => "dead-letters",
            Action::Replays | Action::Replay => "replays",
            Action::TellReplay => "replay",
            Action::StopReplay => "replay/stop",
            Action::Retry => "retry",
            _ => "destinations",
        };
        format!("{command}?{}", self.query)
    }

    async fn ask(&self, mailbox: &str) -> Option<Response> {
        let answer = ask(self.env, mailbox, self.method.clone(), &self.command()).await;
        answer.filter(|answer| answer.status_code() < 500)
    }

    async fn one(&self, mailbox: &str) -> Result<Option<PartitionAnswer>> {
        let Some(mut answer) = self.ask(mailbox).await else {
            return Ok(None);
        };
        Ok(Some(PartitionAnswer {
            status: answer.status_code(),
            body: answer.text().await?,
        }))
    }

    /// What each mailbox answers; `None` for one that does not.
    async fn all(&self, mailboxes: &[String]) -> Result<Vec<Option<PartitionAnswer>>> {
        let answers = mailboxes.iter().map(|mailbox| self.one(mailbox));
        try_side_by_side(answers).await
    }

    /// One answer of all; `None` if one is missing.
    fn together(&self, answers: Vec<Option<PartitionAnswer>>) -> Option<PartitionAnswer> {
        let answers: Vec<PartitionAnswer> = answers.into_iter().collect::<Option<_>>()?;
        together(self.action, &answers, self.limit)
    }

    /// Begins a replay in all partitions. If one refuses or does not answer, it is stopped in all.
    async fn replay(mut self, mailboxes: &[String]) -> Result<Option<PartitionAnswer>> {
        let answer = self.together(self.all(mailboxes).await?);
        if answer.as_ref().is_none_or(|answer| answer.status >= 400) {
            self.action = Action::StopReplay;
            self.all(mailboxes).await?;
        }
        Ok(answer)
    }

    /// Has all partitions forget a person, and then the directory: until then it is known by which names.
    async fn forget(
        &self,
        mailboxes: &[String],
        settings: &Settings,
        number: &str,
    ) -> Result<Option<PartitionAnswer>> {
        // The directory tells whom, which knows all names.
        let answer = self.together(self.all(mailboxes).await?);
        let is_done = |answer: &PartitionAnswer| matches!(answer.status, 200 | 404);
        if !answer.as_ref().is_some_and(is_done) {
            return Ok(answer);
        }
        let directory = Address::Directory {
            number: number.to_owned(),
            partitions: settings.partitions_of(number),
        };
        self.one(&directory.name()).await
    }

    /// First asks all mailboxes what would be deleted. If that was confirmed, each deletes what it counted.
    async fn delete(
        &self,
        mailboxes: &[String],
        confirmed: Option<&str>,
    ) -> Result<Option<PartitionAnswer>> {
        let counted = self.all(mailboxes).await?;
        let mark = |answer: &Option<PartitionAnswer>| answer.as_ref().and_then(confirm);
        let marks: Option<Vec<i64>> = counted.iter().map(mark).collect();
        let confirmed: Option<i64> = confirmed.and_then(|mark| mark.parse().ok());
        let marks = marks.filter(|marks| confirmed == Some(marks.iter().sum()));
        let Some(marks) = marks else {
            return Ok(self.together(counted));
        };
        let deleted = mailboxes.iter().zip(marks).map(async |(mailbox, mark)| {
            let mut asked = self.clone();
            asked.add("confirm", &mark.to_string());
            asked.one(mailbox).await
        });
        Ok(self.together(try_side_by_side(deleted).await?))
    }
}

/// A replay's id, greater than those of the number's earlier replays.
fn new_id() -> String {
    let random = js_sys::Math::random().to_bits() & 0xffff_ffff;
    format!("{:012x}-{random:08x}", Date::now().as_millis())
}

/// What a mailbox answers; `None` where it does not in time.
pub(super) async fn ask(
    env: &Env,
    mailbox: &str,
    method: Method,
    command: &str,
) -> Option<Response> {
    let init = RequestInit::new();
    init.set_method(method.as_ref());
    objects::ask(env, objects::BINDING, mailbox, command, &init).await
}
