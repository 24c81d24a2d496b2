//! The table of sends. A row is written when a send is asked for, when it is started, unless that is at once, and when it
//! has ended.

use std::rc::Rc;

use serde_json::{Map, Value as Json};

use crate::{
    config::Category,
    conversation::send_id::IS_ANSWER,
    mailbox::{
        MAY_COME_AGAIN_MS,
        sql::{Result, Row, Sql, SqlError, Value},
    },
    meta::graph::{Message, Recipient},
    sending::SendState,
};

/// One message that somebody asked for.
#[derive(Debug, Clone, PartialEq)]
pub struct Send {
    /// What asked for it. Comes back in Meta's statuses as `biz_opaque_callback_data`.
    pub id: String,
    /// The conversation it belongs to: order is kept within it, and its window is looked at.
    pub conversation: i64,
    /// What is to go, and to whom.
    pub draft: Draft,
}

/// What is to go, and to whom. Kept only while it may still be needed.
#[derive(Debug, Clone, PartialEq)]
pub struct Draft {
    /// To whom; `None` where the event that it answers names nobody who can be written to.
    pub to: Option<Recipient>,
    /// What.
    pub message: Message,
    /// The template that goes instead where the window is closed.
    pub fallback: Option<Message>,
    /// The category of the template that goes, where who asked for it said so.
    pub category: Option<Category>,
    /// The message that is quoted (`wamid.…`).
    pub in_reply_to: Option<String>,
    /// The customer's message that this is the answer to (`wamid.…`), whether or not it is quoted.
    pub answers: Option<String>,
    /// When that was written, by Meta's clock (unix seconds), where a rule answers it.
    pub answers_at: Option<i64>,
    /// After how many seconds it goes no more, where who asked for it said so.
    pub late_s: Option<u32>,
}

impl Draft {
    /// What is answered to an event, with no fallback.
    pub fn reply(to: Option<Recipient>, message: Message, answers: Option<String>) -> Self {
        Self {
            to,
            message,
            fallback: None,
            category: None,
            in_reply_to: None,
            answers,
            answers_at: None,
            late_s: None,
        }
    }

    /// Puts the fallback in the place of the message, if there is one and the message is bound to the window. A
    /// template quotes nothing. Gives whether it did.
    pub(super) fn fall_back(&mut self) -> bool {
        if !self.message.is_free_form() {
            return false;
        }
        let Some(template) = self.fallback.take() else {
            return false;
        };
        self.message = template;
        self.in_reply_to = None;
        true
    }
}

/// What goes, as the column `fell_back` says: a message that is bound to the window, the fallback in its place, or a
/// template that was asked for and so never falls back.
const FREE_FORM: i64 = 0;
const FELL_BACK: i64 = 1;
const TEMPLATE: i64 = 2;

/// How a send stands.
#[derive(Debug, Clone, PartialEq)]
pub struct Record {
    /// The order in which it was asked for.
    pub place: i64,
    /// The conversation it belongs to.
    pub conversation: i64,
    /// How far it has come.
    pub state: SendState,
    /// Meta's error code, where a status told after it was accepted that it will not arrive.
    pub error: Option<u32>,
    /// The fallback went in its place, or will.
    pub fell_back: bool,
    /// What went is a template, or what will.
    pub(super) is_template: bool,
    /// When it was asked for (unix milliseconds).
    pub asked_ms: i64,
    /// When its state last changed (unix milliseconds).
    pub changed_ms: i64,
}

/// A send that may yet matter, as it is found when the outbox is opened.
#[derive(Debug)]
pub(super) struct Left {
    pub(super) id: String,
    pub(super) place: i64,
    pub(super) conversation: i64,
    /// It waits.
    pub(super) is_queued: bool,
    pub(super) is_template: bool,
    pub(super) has_fallback: bool,
    /// The code by which the number stopped when it was tried.
    pub(super) put_back: Option<u32>,
    /// How often it was turned away, and until when it waits for that (unix milliseconds).
    pub(super) turned_away: Option<TurnedAway>,
    pub(super) next_ms: Option<i64>,
}

/// How often a send was turned away.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) struct TurnedAway {
    /// Because its customer was written to too often (131056).
    pub(super) by_pair: u16,
    /// For any other reason.
    pub(super) otherwise: u16,
}

/// In the table one number says both, in steps of this and of one.
const BY_PAIR: i64 = 1 << 16;

impl TurnedAway {
    fn read(times: i64) -> Self {
        let count = |times| u16::try_from(times).unwrap_or(u16::MAX);
        Self {
            by_pair: count(times / BY_PAIR),
            otherwise: count(times % BY_PAIR),
        }
    }

    fn write(self) -> i64 {
        i64::from(self.by_pair) * BY_PAIR + i64::from(self.otherwise)
    }
}

/// Sends that may yet matter: they still have a text. `place > 0` is true of every send, but without it SQLite would
/// walk through the table and not use the index.
const LEFT: &str = "place > 0 AND draft IS NOT NULL";

/// Sends of which nobody knows whether they went.
const UNKNOWN: &str = r#"place > 0 AND state = '{"state":"unknown"}'"#;

/// Sends that wait.
const QUEUED: &str = r#"state = '{"state":"queued"}'"#;

/// Sends that we did not refuse ourselves.
const WENT: &str = "NOT (state ->> 'state' = 'failed' AND state ->> 'code' IS NULL)";

/// What becomes of the text of a message.
pub(super) enum Keep<'a> {
    AsItIs,
    Nothing,
    This(&'a Draft),
}

/// The table, with the one of sends that wait to go again.
#[derive(Debug, Clone)]
pub(super) struct Table(Rc<dyn Sql>);

impl Table {
    /// Makes the table where there is none. A send stands in one index while it may yet matter, and in another once it
    /// is done with: a row more is written when it is asked for and when it has ended, and none when it is started.
    pub(super) fn open(sql: Rc<dyn Sql>) -> Result<Self> {
        for statement in [
            "CREATE TABLE IF NOT EXISTS sends (id TEXT PRIMARY KEY, place INTEGER NOT NULL, \
             conversation INTEGER NOT NULL, state TEXT NOT NULL, draft TEXT, error INTEGER, fell_back INTEGER NOT NULL, \
             asked_ms INTEGER NOT NULL, changed_ms INTEGER NOT NULL) STRICT, WITHOUT ROWID",
            "CREATE TABLE IF NOT EXISTS waits (id TEXT PRIMARY KEY, attempts INTEGER NOT NULL, next_ms INTEGER NOT NULL) \
             STRICT, WITHOUT ROWID",
            "CREATE INDEX IF NOT EXISTS sends_left ON sends (place) WHERE draft IS NOT NULL",
            "CREATE INDEX IF NOT EXISTS sends_unknown ON sends (place) WHERE state = '{\"state\":\"unknown\"}'",
            "CREATE INDEX IF NOT EXISTS sends_ended ON sends (changed_ms) WHERE draft IS NULL",
            "CREATE INDEX IF NOT EXISTS sends_fell_back ON sends (conversation) WHERE fell_back = 1",
        ] {
            sql.run(statement, &[])?;
        }
        Ok(Self(sql))
    }

    /// Forgets what is too old. What waits until the number is put right waits.
    pub(super) fn sweep(&self, now_ms: i64) -> Result<()> {
        let old_ms = now_ms.saturating_sub(MAY_COME_AGAIN_MS);
        self.0.run(
            &format!(
                "DELETE FROM sends WHERE (draft IS NULL AND changed_ms < ?1) OR ({LEFT} AND changed_ms < ?1 AND state <> ?2)"
            ),
            &[old_ms.into(), write_state(&SendState::Queued).into()],
        )?;
        self.0
            .run("DELETE FROM waits WHERE next_ms < ?1", &[old_ms.into()])
    }

    /// The sends that are marked as started.
    pub(super) fn started(&self) -> Result<Vec<Send>> {
        let rows = self.0.exec(
            &format!("SELECT id, conversation, draft FROM sends WHERE {LEFT} AND state = ?1"),
            &[write_state(&SendState::Started).into()],
        )?;
        let mut started = Vec::with_capacity(rows.len());
        for row in &rows {
            if let Some(draft) = read_draft(row.get(2)?) {
                started.push(Send {
                    id: row.get(0)?,
                    conversation: row.get(1)?,
                    draft,
                });
            }
        }
        Ok(started)
    }

    /// What waits, and what a status may yet tell of: what waits in the order in which it is to go.
    pub(super) fn left(&self, each: &mut dyn FnMut(Left)) -> Result<()> {
        for (key, which) in [
            ("place, id", format!("{UNKNOWN} AND draft IS NULL")),
            ("place, id", format!("{LEFT} AND error IS NULL")),
            ("changed_ms, place", format!("{LEFT} AND error IS NOT NULL")),
        ] {
            let columns = format!(
                "id, place, conversation, {QUEUED}, draft ->> '$.message.type' = 'template', \
                 error, attempts, next_ms, draft ->> '$.fallback' IS NOT NULL"
            );
            let from = "sends LEFT JOIN waits USING (id)";
            self.walk(&columns, from, key, 0, &which, &mut |row| {
                each(Left {
                    id: row.get(2)?,
                    place: row.get(3)?,
                    conversation: row.get(4)?,
                    is_queued: row.get::<i64>(5)? == 1,
                    is_template: row.get::<Option<i64>>(6)? == Some(1),
                    has_fallback: row.get::<i64>(10)? == 1,
                    put_back: read_code(row.get(7)?),
                    turned_away: row.get::<Option<i64>>(8)?.map(TurnedAway::read),
                    next_ms: row.get(9)?,
                });
                Ok(())
            })?;
        }
        Ok(())
    }

    /// What has changed since a time (unix milliseconds) and does not wait: its conversation, its place, when it changed
    /// and whether it went.
    pub(super) fn lately(
        &self,
        since_ms: i64,
        each: &mut dyn FnMut(i64, i64, i64, bool),
    ) -> Result<()> {
        let columns = format!("conversation, place, changed_ms, {WENT}");
        let which = format!("NOT {QUEUED}");
        self.changed_since(since_ms, &columns, &which, &mut |row| {
            let went: i64 = row.get(5)?;
            each(row.get(2)?, row.get(3)?, row.get(4)?, went == 1);
            Ok(())
        })
    }

    /// What rules and destinations have asked for since a time (unix milliseconds), but for what we refused ourselves: its
    /// id and its conversation.
    pub(super) fn answers(&self, since_ms: i64, each: &mut dyn FnMut(&str, i64)) -> Result<()> {
        let which = format!("asked_ms >= {since_ms} AND {IS_ANSWER} AND {WENT}");
        self.changed_since(since_ms, "id, conversation", &which, &mut |row| {
            each(row.get(2)?, row.get(3)?);
            Ok(())
        })
    }

    /// Walks through the sends that have changed since a time (unix milliseconds) and of which this is true.
    fn changed_since(
        &self,
        since_ms: i64,
        columns: &str,
        which: &str,
        each: &mut dyn FnMut(&Row) -> Result<()>,
    ) -> Result<()> {
        let left = format!("{LEFT} AND changed_ms >= {since_ms} AND {which}");
        self.walk(columns, "sends", "place, id", 0, &left, each)?;
        let ended = format!("draft IS NULL AND {which}");
        self.walk(columns, "sends", "changed_ms, id", since_ms, &ended, each)
    }

    /// Walks through sends, by two columns that no two of them have in common and of which the first is `first` or more.
    /// These two stand before the others in each row.
    fn walk(
        &self,
        columns: &str,
        from: &str,
        key: &str,
        first: i64,
        which: &str,
        each: &mut dyn FnMut(&Row) -> Result<()>,
    ) -> Result<()> {
        let statement = format!(
            "SELECT {key}, {columns} FROM {from} WHERE ({key}) > (?1, ?2) AND {which} ORDER BY {key}"
        );
        let after = vec![first.into(), "".into()];
        self.0.each_behind(&statement, after, &[], each)
    }

    /// Whether a fallback has gone in a conversation since a time (unix milliseconds), or may have, or waits. One that Meta
    /// took and said by a code that it will not arrive has not.
    pub(super) fn has_fallen_back(&self, conversation: i64, since_ms: i64) -> Result<bool> {
        let found = self.0.exec(
            "SELECT 1 FROM sends WHERE fell_back = 1 AND conversation = ?1 AND changed_ms >= ?2 AND NOT \
             (state ->> 'state' = 'failed' OR (state ->> 'state' = 'accepted' AND error IS NOT NULL)) LIMIT 1",
            &[conversation.into(), since_ms.into()],
        )?;
        Ok(!found.is_empty())
    }

    /// The place of the first of these ids under which there is a send.
    pub(super) fn first_known(&self, ids: &[String]) -> Result<Option<usize>> {
        let ids = serde_json::to_string(ids).unwrap_or_default();
        let place = self.0.first_integer(
            "SELECT min(key) FROM json_each(?1) WHERE value IN (SELECT id FROM sends)",
            &[ids.into()],
        )?;
        Ok(place.and_then(|place| usize::try_from(place).ok()))
    }

    /// Puts all sends of one state into another. A text is kept if the fallback may yet be needed.
    pub(super) fn change_all(&self, from: &SendState, to: &SendState, now_ms: i64) -> Result<()> {
        self.0.run(
            &format!(
                "UPDATE sends SET state = ?1, draft = iif(draft ->> 'fallback' IS NULL, NULL, draft), changed_ms = ?2 \
                 WHERE {LEFT} AND state = ?3"
            ),
            &[
                write_state(to).into(),
                now_ms.into(),
                write_state(from).into(),
            ],
        )
    }

    /// Adds a send, unless there is one under the same id; gives whether it was added.
    pub(super) fn add(
        &self,
        send: &Send,
        state: &SendState,
        place: i64,
        now_ms: i64,
    ) -> Result<bool> {
        let added = self.0.exec(
            "INSERT INTO sends (id, place, conversation, state, draft, fell_back, asked_ms, changed_ms) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?7, ?6, ?6) ON CONFLICT DO NOTHING RETURNING 1",
            &[
                send.id.as_str().into(),
                place.into(),
                send.conversation.into(),
                write_state(state).into(),
                write_draft(&send.draft),
                now_ms.into(),
                if send.draft.message.is_free_form() {
                    FREE_FORM
                } else {
                    TEMPLATE
                }
                .into(),
            ],
        )?;
        Ok(!added.is_empty())
    }

    /// What is left to be sent of a send, and when it was asked for (unix milliseconds).
    pub(super) fn draft(&self, id: &str) -> Result<Option<(Draft, i64)>> {
        let rows = self.0.exec(
            "SELECT draft, asked_ms FROM sends WHERE id = ?1",
            &[id.into()],
        )?;
        let Some(row) = rows.first() else {
            return Ok(None);
        };
        let draft = row.get::<Option<&str>>(0)?.and_then(read_draft);
        Ok(draft.zip(row.get(1)?))
    }

    /// Writes how far a send has come.
    pub(super) fn write(
        &self,
        id: &str,
        state: &SendState,
        keep: &Keep<'_>,
        fell_back: bool,
        now_ms: i64,
    ) -> Result<()> {
        let mut parameters = vec![
            id.into(),
            write_state(state).into(),
            now_ms.into(),
            if fell_back { FELL_BACK } else { FREE_FORM }.into(),
            i64::from(matches!(state, SendState::Queued | SendState::Started)).into(),
            write_state(&SendState::Queued).into(),
        ];
        // A text that stays is not part of the statement, so that no index is written.
        let text = match keep {
            Keep::AsItIs => "",
            Keep::Nothing => ", draft = NULL",
            Keep::This(draft) => {
                parameters.push(write_draft(draft));
                ", draft = ?7"
            }
        };
        self.0.run(
            &format!(
                "UPDATE sends SET state = ?2, changed_ms = ?3, fell_back = max(fell_back, ?4), \
             error = iif(?5 OR state = ?6, NULL, error){text} WHERE id = ?1"
            ),
            &parameters,
        )
    }

    /// Notes that a send waits to go again, as the object may end before it does: how often it was turned away, and
    /// until when.
    pub(super) fn wait(&self, id: &str, turned_away: TurnedAway, next_ms: i64) -> Result<()> {
        self.0.run(
            "INSERT OR REPLACE INTO waits (id, attempts, next_ms) VALUES (?1, ?2, ?3)",
            &[id.into(), turned_away.write().into(), next_ms.into()],
        )
    }

    /// Forgets that a send waited to go again: it is done with.
    pub(super) fn waits_no_more(&self, id: &str) -> Result<()> {
        self.0.run("DELETE FROM waits WHERE id = ?1", &[id.into()])
    }

    /// Notes, of a send that waits again, the code by which the number stopped when it was tried.
    pub(super) fn put_back(&self, id: &str, code: u32) -> Result<()> {
        self.0.run(
            "UPDATE sends SET error = ?2 WHERE id = ?1",
            &[id.into(), i64::from(code).into()],
        )
    }

    /// Notes that a send that was accepted will not arrive, and why, where that was said.
    pub(super) fn write_error(&self, id: &str, code: Option<u32>, now_ms: i64) -> Result<()> {
        let code = code.map_or(Value::Null, |code| i64::from(code).into());
        self.0.run(
            "UPDATE sends SET error = ?2, draft = NULL, changed_ms = ?3 WHERE id = ?1",
            &[id.into(), code, now_ms.into()],
        )
    }

    /// How a send stands; `None` where there is none under this id.
    pub(super) fn find(&self, id: &str) -> Result<Option<Record>> {
        let rows = self.0.exec(
            "SELECT place, conversation, state, error, fell_back, asked_ms, changed_ms FROM sends WHERE id = ?1",
            &[id.into()],
        )?;
        rows.first().map(read).transpose()
    }
}

fn read(row: &Row) -> Result<Record> {
    let state = SendState::read(row.get::<&str>(2)?).ok_or(SqlError::Column(2))?;
    // Of a send that waits, the column `error` is the code by which the number stopped.
    let is_accepted = matches!(state, SendState::Accepted { .. });
    let fell_back: i64 = row.get(4)?;
    Ok(Record {
        place: row.get(0)?,
        conversation: row.get(1)?,
        state,
        error: read_code(row.get(3)?).filter(|_| is_accepted),
        fell_back: fell_back == FELL_BACK,
        is_template: fell_back != FREE_FORM,
        asked_ms: row.get(5)?,
        changed_ms: row.get(6)?,
    })
}

fn read_code(code: Option<i64>) -> Option<u32> {
    code.and_then(|code| u32::try_from(code).ok())
}

pub(super) fn write_state(state: &SendState) -> String {
    state.json().to_string()
}

fn write_draft(draft: &Draft) -> Value {
    let (to, address) = match &draft.to {
        Some(Recipient::Phone(address)) => ("phone", Some(address)),
        Some(Recipient::User(address)) => ("user", Some(address)),
        Some(Recipient::Group(address)) => ("group", Some(address)),
        None => ("nobody", None),
    };
    let text = |text: &String| Json::from(text.as_str());
    let message = |message: &Message| Json::Object(message.members().clone());
    let members = [
        (to, address.map(text)),
        ("message", Some(message(&draft.message))),
        ("fallback", draft.fallback.as_ref().map(message)),
        (
            "category",
            draft.category.map(|category| category.name().into()),
        ),
        ("in_reply_to", draft.in_reply_to.as_ref().map(text)),
        ("answers", draft.answers.as_ref().map(text)),
        ("answers_at", draft.answers_at.map(Json::from)),
        ("late_s", draft.late_s.map(Json::from)),
    ];
    let mut object = Map::new();
    for (name, value) in members {
        if let Some(value) = value {
            object.insert(name.to_owned(), value);
        }
    }
    Json::Object(object).to_string().into()
}

fn read_draft(text: &str) -> Option<Draft> {
    let value: Json = serde_json::from_str(text).ok()?;
    let text = |name: &str| value.get(name)?.as_str().map(str::to_owned);
    let number = |name: &str| value.get(name)?.as_i64();
    let message = |name: &str| Message::stored(value.get(name)?);
    let to = text("phone").map(Recipient::Phone);
    let to = to.or_else(|| text("user").map(Recipient::User));
    Some(Draft {
        to: to.or_else(|| text("group").map(Recipient::Group)),
        message: message("message")?,
        fallback: message("fallback"),
        category: text("category").and_then(|name| Category::of(&name)),
        in_reply_to: text("in_reply_to"),
        answers: text("answers"),
        answers_at: number("answers_at"),
        late_s: number("late_s").and_then(|seconds| u32::try_from(seconds).ok()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_number_says_how_often_a_send_was_turned_away_for_either_reason() {
        for (by_pair, otherwise, times) in [(0, 0, 0), (0, 3, 3), (1, 0, 65_536), (2, 3, 131_075)] {
            let turned_away = TurnedAway { by_pair, otherwise };
            assert_eq!(turned_away.write(), times);
            assert_eq!(TurnedAway::read(times), turned_away);
        }
    }
}
