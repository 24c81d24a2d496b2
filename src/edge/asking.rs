//! What is asked of the mailbox of a number, and, where the number has partitions, of all of them as of one.

use url::form_urlencoded;
use web_sys::RequestInit;
use worker::{Date, Env, Method, Response, Result};

use super::{
    parameters::Parameters,
    problem::{Problem, or_no_answer},
    routes::{Action, Found},
    together::{Answer, confirm, together},
};
use crate::{
    config::Settings,
    mailbox::address::partition_of_conversation,
    objects::{self, respond, try_side_by_side},
};

/// What a mailbox is asked for.
#[derive(Clone)]
struct Asked<'a> {
    env: &'a Env,
    action: Action,
    method: Method,
    query: String,
}

/// Asks the mailboxes that a request concerns, and puts their answers together.
pub(super) async fn answer(
    found: &Found,
    env: &Env,
    settings: &Settings,
    in_path: &Parameters,
    parameters: &Parameters,
) -> Result<Response> {
    let action = found.route.action;
    let number = in_path.get("phone_number_id").unwrap_or_default();
    let mailboxes = match mailboxes(env, settings, number, in_path, parameters, action).await {
        Ok(mailboxes) => mailboxes,
        Err(problem) => return problem.response(),
    };
    let mut asked = Asked {
        env,
        action,
        method: Method::from(found.route.method.to_owned()),
        query: format!(
            "{}&{}",
            in_path.query(),
            parameters.without("confirm").query()
        ),
    };
    let confirmed = parameters.get("confirm");
    if action == Action::Replay {
        let to = parameters.get("destination").or(parameters.get("to"));
        if to.is_none() {
            return Problem::Invalid("destination or to: one is required".to_owned()).response();
        }
        asked.add("id", &new_id());
    }
    if let [only] = mailboxes.as_slice() {
        return asked.alone(only, confirmed).await;
    }
    if let Some(person) = parameters.get("person") {
        let of = settings.partitions_of(number);
        let names = objects::names(person);
        let Ok(names) = objects::names_of(env, number, of, &names).await else {
            return Problem::NoAnswer.response();
        };
        for name in names {
            let (_, name) = name.split_once(':').unwrap_or_default();
            asked.add("person", name);
        }
    }
    let limit = parameters.get("limit").and_then(|limit| limit.parse().ok());
    let together = match action {
        Action::DeleteDeadLetters => asked.delete(&mailboxes, confirmed).await?,
        Action::Replay => asked.replay(&mailboxes).await?,
        _ => {
            let answers = asked.all(&mailboxes).await?;
            complete(answers).and_then(|all| together(action, &all, limit.unwrap_or(usize::MAX)))
        }
    };
    match together {
        Some(Answer { status, body }) => respond(status, body),
        None => Problem::NoAnswer.response(),
    }
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
    if let Some(person) = in_path.get("person") {
        let names = objects::names(person);
        // What somebody said elsewhere is stored even if they have not written yet.
        let stranger = (action == Action::SetConsent).then(|| objects::stranger(person));
        let stranger = stranger.flatten();
        let mailbox =
            objects::mailbox_of(env, settings, number, &names, stranger, String::new()).await;
        return mailbox
            .map(|mailbox| vec![mailbox])
            .map_err(|_| Problem::NoAnswer);
    }
    let all = objects::mailboxes(settings, number);
    let of = settings.partitions_of(number);
    let conversation = parameters
        .get("conversation")
        .and_then(|it| it.parse().ok());
    let conversation = conversation.map(|id| partition_of_conversation(id, of));
    let partition = match parameters.get("partition") {
        Some(partition) => Some(partition.parse().unwrap_or(of)),
        None => conversation,
    };
    let Some(partition) = partition else {
        return Ok(all);
    };
    let one = usize::try_from(partition).ok().and_then(|at| all.get(at));
    match one {
        Some(one) => Ok(vec![one.clone()]),
        None => Err(Problem::NoPartition(of)),
    }
}

impl Asked<'_> {
    /// Asks the only mailbox that a request concerns.
    async fn alone(mut self, mailbox: &str, confirmed: Option<&str>) -> Result<Response> {
        if let Some(confirmed) = confirmed {
            self.add("confirm", confirmed);
        }
        or_no_answer(self.ask(mailbox).await?)
    }

    fn add(&mut self, name: &str, value: &str) {
        let mut query = form_urlencoded::Serializer::new(std::mem::take(&mut self.query));
        query.append_pair(name, value);
        self.query = query.finish();
    }

    fn command(&self) -> String {
        let command = match self.action {
            Action::Conversation => "conversation",
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

    async fn ask(&self, mailbox: &str) -> Result<Option<Response>> {
        let answer = ask(self.env, mailbox, self.method.clone(), &self.command()).await?;
        Ok(answer.filter(|answer| answer.status_code() < 500))
    }

    async fn one(&self, mailbox: &str) -> Result<Option<Answer>> {
        let Some(mut answer) = self.ask(mailbox).await? else {
            return Ok(None);
        };
        Ok(Some(Answer {
            status: answer.status_code(),
            body: answer.text().await?,
        }))
    }

    /// What each mailbox answers; `None` for one that does not.
    async fn all(&self, mailboxes: &[String]) -> Result<Vec<Option<Answer>>> {
        let answers = mailboxes.iter().map(|mailbox| self.one(mailbox));
        try_side_by_side(answers).await
    }

    /// Begins a replay in all partitions. If one refuses or does not answer, it is stopped in all.
    async fn replay(mut self, mailboxes: &[String]) -> Result<Option<Answer>> {
        let answers = self.all(mailboxes).await?;
        let all = complete(answers);
        let answer = all.and_then(|all| together(self.action, &all, usize::MAX));
        if answer.as_ref().is_none_or(|answer| answer.status >= 400) {
            self.action = Action::StopReplay;
            self.all(mailboxes).await?;
        }
        Ok(answer)
    }

    /// First asks all mailboxes what would be deleted. If that was confirmed, each deletes what it counted.
    async fn delete(
        &self,
        mailboxes: &[String],
        confirmed: Option<&str>,
    ) -> Result<Option<Answer>> {
        let Some(counted) = complete(self.all(mailboxes).await?) else {
            return Ok(None);
        };
        let marks: Option<Vec<i64>> = counted.iter().map(confirm).collect();
        let confirmed: Option<i64> = confirmed.and_then(|mark| mark.parse().ok());
        let marks = marks.filter(|marks| confirmed == Some(marks.iter().sum()));
        let Some(marks) = marks else {
            return Ok(together(self.action, &counted, usize::MAX));
        };
        let deleted = mailboxes.iter().zip(marks).map(async |(mailbox, mark)| {
            let mut asked = self.clone();
            asked.add("confirm", &mark.to_string());
            asked.one(mailbox).await
        });
        let deleted = try_side_by_side(deleted).await?;
        Ok(complete(deleted).and_then(|deleted| together(self.action, &deleted, usize::MAX)))
    }
}

/// All answers; `None` if one is missing.
fn complete(answers: Vec<Option<Answer>>) -> Option<Vec<Answer>> {
    answers.into_iter().collect()
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
) -> Result<Option<Response>> {
    let init = RequestInit::new();
    init.set_method(method.as_ref());
    objects::ask(env, objects::BINDING, mailbox, command, &init).await
}
