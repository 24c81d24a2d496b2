//! Who the conversations of a mailbox are with, and how their windows stand.
//!
//! What a batch of events teaches is worked out in memory from what was known of the names in it, and then written at
//! once. Whoever was met lately is remembered: nobody else writes into this database, so that what was committed is not
//! read again.
//!
//! - `conversations`: by their ids
//! - `person`: one of them, by a name

pub(super) mod conversations;
pub(super) mod person;

use std::{
    collections::{HashMap, HashSet},
    rc::Rc,
};

use super::{
    batch,
    sql::{Result, Sql},
};
use crate::{
    conversation::{
        State,
        identity::{self, KnownName},
        window::Windows,
    },
    event::{Effect, Event, Name},
};
use conversations::{Conversation, Join, by_id, joined_into};

/// Where events are that belong to nobody's conversation.
pub(super) const NOBODY: i64 = 0;

/// Up to how many names are remembered: some 2 MB. Then all are forgotten, and read again as they come.
const REMEMBERED: usize = 8_192;

/// Where an event belongs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Placed {
    pub(super) conversation: i64,
    /// The conversation's windows before the event.
    pub(super) before: Windows,
    /// Whether it has taught a name of the person's.
    pub(super) named: bool,
}

/// What is known of the people in a batch of events and of those who were met lately, and what the batch has taught so
/// far.
#[derive(Debug)]
pub(super) struct People {
    sql: Rc<dyn Sql>,
    names: HashMap<Name, i64>,
    conversations: HashMap<i64, Conversation>,
    /// The highest id of a conversation, once it was asked for.
    newest: Option<i64>,
    learnt: Vec<(String, i64)>,
    changed: HashSet<i64>,
    joins: Vec<Join>,
}

impl People {
    pub(super) fn create(sql: &dyn Sql) -> Result<()> {
        sql.run(
            "CREATE TABLE IF NOT EXISTS conversations (id INTEGER PRIMARY KEY, user TEXT, customer_service INTEGER, \
             free_entry_point INTEGER, referred INTEGER, joined INTEGER, state TEXT) STRICT",
            &[],
        )?;
        // Only of conversations that were joined: these are few, and there may be a million of the others.
        sql.run(
            "CREATE INDEX IF NOT EXISTS joined ON conversations (joined) WHERE joined IS NOT NULL",
            &[],
        )?;
        sql.run(
            "CREATE TABLE IF NOT EXISTS names (name TEXT PRIMARY KEY, conversation INTEGER NOT NULL) \
             STRICT, WITHOUT ROWID",
            &[],
        )?;
        // Without it, who asks for somebody's names reads everybody's.
        sql.run(
            "CREATE INDEX IF NOT EXISTS names_of ON names (conversation)",
            &[],
        )
    }

    /// Nobody is known yet.
    pub(super) fn new(sql: Rc<dyn Sql>) -> Self {
        Self {
            sql,
            names: HashMap::new(),
            conversations: HashMap::new(),
            newest: None,
            learnt: Vec::new(),
            changed: HashSet::new(),
            joins: Vec::new(),
        }
    }

    /// What is known of everyone who is named in these events.
    pub(super) fn of(sql: Rc<dyn Sql>, events: &[Event]) -> Result<Self> {
        let mut people = Self::new(sql);
        people.meet(events)?;
        Ok(people)
    }

    /// Begins with a batch: reads what is known of everyone who is named in these events and not remembered. What the batch
    /// before has taught is written.
    pub(super) fn meet<'a>(&mut self, events: impl IntoIterator<Item = &'a Event>) -> Result<()> {
        self.learnt.clear();
        self.changed.clear();
        self.joins.clear();
        if self.names.len() > REMEMBERED {
            self.names = HashMap::new();
            self.conversations = HashMap::new();
        }
        let names = events.into_iter().flat_map(all_names);
        let unknown = names.filter(|name| self.known(name).is_none());
        let keys: Vec<String> = unknown.map(Name::key).collect();
        for keys in batch::rows(keys.iter()) {
            let rows = self.sql.exec(
                "SELECT wanted.value, conversations.* FROM json_each(?1) AS wanted \
                 CROSS JOIN names ON names.name = wanted.value \
                 CROSS JOIN conversations ON conversations.id = names.conversation",
                &[keys.into()],
            )?;
            for row in &rows {
                let mut id = row.get(1)?;
                let mut found = Conversation::read(row)?;
                // This is rare, so the statement above does not look for it.
                if found.joined.is_some() {
                    id = joined_into(&*self.sql, id)?;
                    found = by_id(&*self.sql, id)?;
                }
                if let Some(name) = Name::of_key(row.get::<&str>(0)?) {
                    self.names.insert(name, id);
                }
                self.conversations.insert(id, found);
            }
        }
        Ok(())
    }

    /// The conversation that a name leads to, as far as was read.
    pub(super) fn known(&self, name: &Name) -> Option<(i64, &Conversation)> {
        let id = *self.names.get(name)?;
        Some((id, self.conversations.get(&id)?))
    }

    /// Forgets a conversation that was changed by other means.
    pub(super) fn forget(&mut self, conversation: i64) {
        self.conversations.remove(&conversation);
    }

    /// Finds whose conversation an event belongs to, and takes in what it teaches.
    pub(super) fn place(&mut self, event: &Event) -> Result<Placed> {
        if event.names.is_empty() {
            return Ok(Placed {
                conversation: NOBODY,
                before: Windows::default(),
                named: false,
            });
        }
        let belonging = identity::belonging(&event.names, former(event), |name| {
            let (conversation, found) = self.known(name)?;
            let user = found.user.as_deref();
            Some(KnownName { conversation, user })
        });
        let id = match belonging.conversation {
            Some(id) => id,
            None => self.next_id()?,
        };
        let before = self.conversations.remove(&id);
        let mut changes = before.is_none();
        let mut found = before.unwrap_or_default();
        let named = !(belonging.learnt.is_empty() && belonging.joins.is_empty());
        for from in belonging.joins {
            changes |= self.join(Join { from, into: id }, &mut found);
        }
        let windows = found.windows;
        found.windows = windows.after(&event.effect, event.time);
        changes |= found.windows != windows;
        if belonging.user.is_some() && belonging.user != found.user {
            found.user = belonging.user;
            changes = true;
        }
        for name in belonging.learnt {
            self.learnt.push((name.key(), id));
            self.names.insert(name, id);
        }
        self.conversations.insert(id, found);
        if changes {
            self.changed.insert(id);
        }
        Ok(Placed {
            conversation: id,
            before: windows,
            named,
        })
    }

    /// Takes in that a conversation turned out to be part of the one that is `found`; gives whether that changes this one.
    fn join(&mut self, join: Join, found: &mut Conversation) -> bool {
        let Join { from, into } = join;
        let mut changes = false;
        if let Some(known) = self.conversations.get(&from).cloned() {
            let windows = found.windows.joined(known.windows);
            let state = joined_states(found.state.clone(), known.state.as_deref(), true);
            changes = (windows, &state) != (found.windows, &found.state);
            (found.windows, found.state) = (windows, state);
            let part = Conversation {
                joined: Some(into),
                state: None,
                ..known
            };
            self.change(from, part);
        }
        for conversation in self.names.values_mut() {
            if *conversation == from {
                *conversation = into;
            }
        }
        for before in self.joins.iter_mut().filter(|before| before.into == from) {
            before.into = into;
        }
        self.joins.push(join);
        changes
    }

    /// A conversation as it is after the events that were placed so far.
    pub(super) fn get(&self, conversation: i64) -> Option<&Conversation> {
        self.conversations.get(&conversation)
    }

    /// Has a conversation remember this, unless it does already.
    pub(super) fn remember(&mut self, conversation: i64, state: &State) {
        let state = state.write();
        let Some(found) = self.conversations.get(&conversation) else {
            return;
        };
        if found.state != state {
            let found = found.clone();
            self.change(conversation, Conversation { state, ..found });
        }
    }

    /// Has the windows of a conversation told to other Workers with its next event.
    pub(super) fn untold(&mut self, conversation: i64) {
        if let Some(mut state) = self.get(conversation).map(Conversation::state) {
            state.untold = true;
            self.remember(conversation, &state);
        }
    }

    /// Adds what another partition knows to a conversation; `is_new`: it was not known to be theirs before.
    pub(super) fn adopt(
        &mut self,
        conversation: i64,
        windows: Windows,
        state: &State,
        is_new: bool,
    ) {
        let Some(found) = self.conversations.get(&conversation).cloned() else {
            return;
        };
        let state = state.write();
        let after = Conversation {
            windows: found.windows.joined(windows),
            state: joined_states(found.state.clone(), state.as_deref(), is_new),
            ..found.clone()
        };
        if after != found {
            self.change(conversation, after);
        }
    }

    /// Whether the batch has taught anything.
    pub(super) fn has_learnt(&self) -> bool {
        !(self.learnt.is_empty() && self.changed.is_empty() && self.joins.is_empty())
    }

    /// Conversations that became part of another, each led to the last that it became part of.
    pub(super) fn joins(&self) -> &[Join] {
        &self.joins
    }

    /// Writes what the batch has taught.
    pub(super) fn save(&self) -> Result<()> {
        // In the order of the table, so that a large batch touches each of its pages once.
        let mut changed: Vec<i64> = self.changed.iter().copied().collect();
        changed.sort_unstable();
        let rows = changed.iter().filter_map(|id| {
            let conversation = self.conversations.get(id)?;
            let Windows {
                customer_service,
                free_entry_point,
                referred,
            } = conversation.windows;
            Some((
                id,
                &conversation.user,
                customer_service,
                free_entry_point,
                referred,
                conversation.joined,
                &conversation.state,
            ))
        });
        for rows in batch::rows(rows) {
            self.sql.run(
                "INSERT OR REPLACE INTO conversations (id, user, customer_service, free_entry_point, referred, joined, state) \
                 SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5, value ->> 6 \
                 FROM json_each(?1)",
                &[rows.into()],
            )?;
        }
        for rows in batch::rows(self.learnt.iter()) {
            self.sql.run(
                // In the order of the table, too; of a name that was learnt twice, the last.
                "INSERT OR REPLACE INTO names (name, conversation) \
                 SELECT value ->> 0, value ->> 1 FROM json_each(?1) ORDER BY value ->> 0, key",
                &[rows.into()],
            )?;
        }
        Ok(())
    }

    /// The id for a new conversation.
    fn next_id(&mut self) -> Result<i64> {
        let newest = match self.newest {
            None => self
                .sql
                .first_integer("SELECT max(id) FROM conversations", &[])?,
            newest => newest,
        };
        let id = newest.unwrap_or(NOBODY) + 1;
        self.newest = Some(id);
        Ok(id)
    }

    fn change(&mut self, id: i64, conversation: Conversation) {
        self.conversations.insert(id, conversation);
        self.changed.insert(id);
    }
}

/// The names that an event says were the same person's before.
fn former(event: &Event) -> &[Name] {
    match &event.effect {
        Effect::Renames { from } => from,
        _ => &[],
    }
}

pub(super) fn all_names(event: &Event) -> impl Iterator<Item = &Name> {
    event.names.iter().chain(former(event))
}

/// What is remembered of one person whom we knew as two; `is_new`: until now.
fn joined_states(one: Option<String>, other: Option<&str>, is_new: bool) -> Option<String> {
    if other.is_none() && !is_new {
        return one;
    }
    let one = State::read(one.as_deref());
    let other = State::read(other);
    let stood = [&one, &other].map(|state| state.consent.standing());
    let mut joined = one.joined(other);
    if is_new {
        joined.stood(stood);
    }
    joined.write()
}
