//! Conversations that are held back: their person was in another partition before, which still has events of theirs to
//! deliver. To each destination, what came after the move goes when what came before has gone.
//!
//! Why nobody waits for ever: only what came after the move is held, and it waits only for what was stored elsewhere
//! before. So each event waits only for older ones, and no two wait for each other. And no message can get lost that
//! would end a hold: the partition that holds asks, again and again and after every restart, until the other one says
//! that nothing is left.

use std::collections::HashMap;

use crate::{
    event::Name,
    mailbox::{
        Join, Mailbox,
        cursor::Cursor,
        people::person,
        sql::{Result, Row, Sql, SqlError, atomically},
    },
    meta::json::{Document, Json},
};

/// How long it takes until the other partition is asked for the first time, in milliseconds. Doubles with every time.
const ASKED_AFTER_MS: i64 = 50;

/// How long it takes at most.
const ASKED_EVERY_MS: i64 = 30_000;

/// How many conversations are asked for at the same time.
const AT_ONCE: usize = 100;

/// What a partition still has to deliver of a person who has moved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Behind {
    /// To which destination.
    pub destination: String,
    /// The last of those events there.
    pub until: i64,
}

/// What there still is to deliver to one destination.
pub(in crate::mailbox) struct Undelivered {
    pub(in crate::mailbox) destination: String,
    /// The last event of each conversation that has any.
    pub(in crate::mailbox) last: HashMap<i64, i64>,
}

/// What is waited for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Awaited {
    /// The id of the hold.
    pub id: i64,
    /// Which events.
    pub behind: Behind,
    /// The person's names ([`crate::event::Name::key`]).
    pub names: Vec<String>,
}

/// A question to another partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    /// The name of its object.
    pub former: String,
    /// Which of this is over.
    pub awaited: Vec<Awaited>,
}

/// A conversation that waits for events of another partition.
#[derive(Debug, Clone)]
struct Hold {
    awaited: Awaited,
    conversation: i64,
    /// Events before this `seq` still go.
    before: i64,
    former: String,
    ask_ms: i64,
    wait_ms: i64,
}

impl Question {
    /// What of this is over, by the ids that the other partition gave.
    #[must_use]
    pub fn over(mut self, ids: &[i64]) -> Vec<Awaited> {
        self.awaited.retain(|awaited| ids.contains(&awaited.id));
        self.awaited
    }
}

impl Awaited {
    /// As it crosses from one object to the other: a JSON list.
    pub fn write_all(all: &[Self]) -> String {
        let all = all.iter().map(|Self { id, behind, names }| {
            let Behind { destination, until } = behind;
            (id, destination, until, names)
        });
        serde_json::to_string(&all.collect::<Vec<_>>()).unwrap_or_default()
    }

    /// Reads what [`Awaited::write_all`] wrote; `None` where it did not.
    pub fn read_all(text: &str) -> Option<Vec<Self>> {
        let read = |awaited: Json<'_>| {
            let mut awaited = awaited.items();
            let id = awaited.next()?.integer()?;
            let destination = awaited.next()?.text()?.into_owned();
            let until = awaited.next()?.integer()?;
            let names = awaited.next()?.texts();
            Some(Self {
                id,
                behind: Behind { destination, until },
                names,
            })
        };
        Document::parse(text)?.root().items().map(read).collect()
    }
}

/// All that is held.
#[derive(Debug, Default)]
pub(in crate::mailbox) struct Holds(Vec<Hold>);

impl Hold {
    fn read(row: &Row) -> Result<Self> {
        let names = row.get::<&str>(6)?;
        let names = Document::parse(names).ok_or(SqlError::Column(6))?;
        Ok(Self {
            awaited: Awaited {
                id: row.get(0)?,
                behind: Behind {
                    destination: row.get(1)?,
                    until: row.get(5)?,
                },
                names: names.root().texts(),
            },
            conversation: row.get(2)?,
            before: row.get(3)?,
            former: row.get(4)?,
            ask_ms: 0,
            wait_ms: ASKED_AFTER_MS,
        })
    }
}

impl Holds {
    /// There is a table only where anything was ever held.
    pub(in crate::mailbox) fn load(sql: &dyn Sql) -> Result<Self> {
        let mut holds = Vec::new();
        if sql.has("held")? {
            sql.each(
                "SELECT id, destination, conversation, before, former, until, names FROM held WHERE id > ?1 ORDER BY id",
                &[],
                &mut |row| {
                    holds.push(Hold::read(row)?);
                    Ok(())
                },
            )?;
        }
        Ok(Self(holds))
    }

    /// When another partition is to be asked (unix milliseconds).
    pub(in crate::mailbox) fn wakes_at(&self) -> Option<i64> {
        self.0.iter().map(|hold| hold.ask_ms).min()
    }

    /// The conversations that are held for a destination, each with the event from which on it is.
    pub(in crate::mailbox) fn of(&self, destination: &str) -> HashMap<i64, i64> {
        let mut held = HashMap::new();
        let of_it = |hold: &&Hold| hold.awaited.behind.destination == destination;
        for hold in self.0.iter().filter(of_it) {
            let before = held.entry(hold.conversation).or_insert(hold.before);
            *before = hold.before.min(*before);
        }
        held
    }

    /// What is held in one conversation is held from now on in the one that it turned out to be part of.
    pub(in crate::mailbox) fn join(&mut self, sql: &dyn Sql, join: Join) -> Result<()> {
        if self.0.is_empty() {
            return Ok(());
        }
        sql.run(
            "UPDATE held SET conversation = ?2 WHERE conversation = ?1",
            &[join.from.into(), join.into.into()],
        )?;
        for hold in &mut self.0 {
            if hold.conversation == join.from {
                hold.conversation = join.into;
            }
        }
        Ok(())
    }
}

impl Mailbox {
    /// What is still to be delivered of these conversations. Each destination is looked at once, since that is a walk
    /// through what it has not read.
    pub(in crate::mailbox) fn undelivered(
        &self,
        conversations: &[i64],
    ) -> Result<Vec<Undelivered>> {
        let of_cursor = |cursor: &Cursor| {
            let mut last = HashMap::new();
            for (conversation, seq) in cursor.undelivered(&self.log, conversations, i64::MAX)? {
                let known = last.entry(conversation).or_insert(seq);
                *known = seq.max(*known);
            }
            Ok(Undelivered {
                destination: cursor.destination().id.clone(),
                last,
            })
        };
        self.cursors.iter().map(of_cursor).collect()
    }

    /// The ids of another partition's holds that are over: nothing of what they wait for is still to be delivered.
    pub fn nothing_left(&self, awaited: &[Awaited]) -> Result<Vec<i64>> {
        let mut undelivered = Vec::new();
        for cursor in &self.cursors {
            let mut asked = Vec::new();
            let mut conversations = Vec::new();
            let mut last = i64::MIN;
            for Awaited { id, behind, names } in awaited {
                let Behind { destination, until } = behind;
                if *destination == cursor.destination().id {
                    for conversation in self.conversations_of(names)? {
                        asked.push((conversation, *until, *id));
                        conversations.push(conversation);
                    }
                    last = last.max(*until);
                }
            }
            for (of, seq) in cursor.undelivered(&self.log, &conversations, last)? {
                for (conversation, until, id) in &asked {
                    if *conversation == of && seq <= *until {
                        undelivered.push(*id);
                    }
                }
            }
        }
        let ids = awaited.iter().map(|one| one.id);
        Ok(ids.filter(|id| !undelivered.contains(id)).collect())
    }

    /// Has a conversation held back for as long as another partition has such events (`behind`) of its person.
    /// [`Mailbox::hold_back`] is to be called then.
    pub(in crate::mailbox) fn hold(
        &mut self,
        conversation: i64,
        names: &[String],
        former: &str,
        behind: &[Behind],
    ) -> Result<()> {
        for behind in behind {
            let is_known = self.holds.0.iter().any(|hold| {
                hold.conversation == conversation
                    && hold.former == former
                    && hold.awaited.behind.destination == behind.destination
                    && hold.awaited.behind.until >= behind.until
            });
            if is_known {
                continue;
            }
            self.sql.run(
                "CREATE TABLE IF NOT EXISTS held (id INTEGER PRIMARY KEY, destination TEXT NOT NULL, \
                 conversation INTEGER NOT NULL, before INTEGER NOT NULL, former TEXT NOT NULL, until INTEGER NOT NULL, \
                 names TEXT NOT NULL) STRICT",
                &[],
            )?;
            let rows = self.sql.exec(
                "INSERT INTO held (destination, conversation, before, former, until, names) \
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6) \
                 RETURNING id, destination, conversation, before, former, until, names",
                &[
                    behind.destination.as_str().into(),
                    conversation.into(),
                    (self.log.last() + 1).into(),
                    former.into(),
                    behind.until.into(),
                    serde_json::to_string(names).unwrap_or_default().into(),
                ],
            )?;
            for row in &rows {
                self.holds.0.push(Hold::read(row)?);
            }
        }
        Ok(())
    }

    /// What is to be asked of another partition now, if anything is. It is asked again later, should no answer come.
    pub fn question(&mut self, now_ms: i64) -> Option<Question> {
        let mut holds = self.holds.0.iter();
        let due = holds.find(|hold| hold.ask_ms <= now_ms)?;
        let former = due.former.clone();
        let of_it = self.holds.0.iter_mut().filter(|hold| hold.former == former);
        let mut awaited = Vec::new();
        for hold in of_it.filter(|hold| hold.ask_ms <= now_ms).take(AT_ONCE) {
            hold.ask_ms = now_ms.saturating_add(hold.wait_ms);
            hold.wait_ms = hold.wait_ms.saturating_mul(2).min(ASKED_EVERY_MS);
            awaited.push(hold.awaited.clone());
        }
        Some(Question { former, awaited })
    }

    /// Ends the holds that wait for this: the other partition has nothing left of it. Not by their ids alone: an answer may
    /// come so late that its hold is long over, and another has got the id.
    pub fn freed(&mut self, over: &[Awaited], now_ms: i64) -> Result<()> {
        let sql = self.sql.clone();
        let (free, left): (Vec<Hold>, Vec<Hold>) = std::mem::take(&mut self.holds.0)
            .into_iter()
            .partition(|hold| over.contains(&hold.awaited));
        self.holds.0 = left;
        self.hold_back();
        atomically(&*sql, || {
            for hold in free {
                let Awaited { id, behind, .. } = hold.awaited;
                sql.run("DELETE FROM held WHERE id = ?1", &[id.into()])?;
                if let Some(cursor) = Cursor::of_mut(&mut self.cursors, &behind.destination) {
                    cursor.schedule(hold.conversation, now_ms)?;
                }
            }
            Ok(())
        })
    }

    /// Has every cursor hold back what is held for its destination now.
    pub(in crate::mailbox) fn hold_back(&mut self) {
        for cursor in &mut self.cursors {
            cursor.hold_back(&self.holds);
        }
    }

    /// The conversations with whoever has these names.
    fn conversations_of(&self, names: &[String]) -> Result<Vec<i64>> {
        let mut all = Vec::new();
        for name in Name::of_keys(names) {
            all.extend(
                person::find_without_names(&self.sql, &name)?.map(|found| found.conversation),
            );
        }
        Ok(all)
    }
}
