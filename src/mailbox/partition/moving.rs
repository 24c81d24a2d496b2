//! What goes over from one partition of a number to another, where a person was met in both.

use std::collections::{HashMap, hash_map::Entry};

use super::{
    holding::Undelivered,
    moved::{FormerConversation, Moved},
};
use crate::{
    conversation::{State, window::Windows},
    event::{Event, Name},
    mailbox::{
        Behind, Mailbox, batch,
        people::{self, People, Placed, conversations},
        seen::Seen,
        sql::{Result, Sql, SqlError, atomically},
    },
};

/// What a partition is to take in: what another knows of an event's person, who is in this one from now on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Adoption {
    /// An event that says no more than whose it is ([`Event::names_alone`]), by all names that the directory knows: some of
    /// them may lead to other conversations here.
    pub event: Event,
    /// What the other partition knows.
    pub moved: Moved,
    /// The id by which the directory knows the person.
    pub person: i64,
    /// Events of theirs that are to be stored here, since the other partitions promised not to store them.
    pub ids: Vec<String>,
}

impl Mailbox {
    /// For each event: whether it is stored here, and what is known of its person, who is in another partition from now
    /// on. Events that are not stored are promised to the persons in `persons` (their ids in the directory, one for
    /// each event), and never stored here. A person who is known here is known by all names from then on: their user id
    /// tells them from somebody to whom their phone number is given.
    pub fn cede(&mut self, events: &[Event], persons: &[i64], now_ms: i64) -> Result<Vec<Moved>> {
        let sql = self.sql.clone();
        self.ids.turn(now_ms)?;
        let mut seen = Seen::default();
        self.ids.look_up(&mut seen, events)?;
        let others = events.iter().zip(persons);
        // An event that only names somebody has no id.
        let others = others.filter(|(event, _)| !event.id.is_empty() && !seen.contains(event));
        let others: Vec<(&str, i64)> = others
            .map(|(event, person)| (event.id.as_str(), *person))
            .collect();
        self.people.meet(events)?;
        for event in events {
            if people::all_names(event).any(|name| self.people.known(name).is_some()) {
                let names = people::all_names(event).cloned();
                self.people.place(&Event::named(names.collect()))?;
            }
        }
        let conversations =
            conversations_of(&self.people, events.iter().flat_map(people::all_names));
        atomically(&*sql, || {
            self.learn()?;
            for conversation in &conversations {
                self.ceded.moved(*conversation)?;
            }
            if others.is_empty() {
                return Ok(());
            }
            self.ceded.promise(&others, now_ms)
        })?;
        let undelivered = self.undelivered(&conversations)?;
        let mut known: HashMap<Vec<&Name>, Moved> = HashMap::new();
        let mut all = Vec::with_capacity(events.len());
        for event in events {
            let moved = match known.entry(people::all_names(event).collect()) {
                Entry::Occupied(known) => known.into_mut(),
                Entry::Vacant(new) => {
                    let moved = moved(&self.people, new.key(), &undelivered);
                    new.insert(moved)
                }
            };
            all.push(Moved {
                stored: seen.contains(event),
                ..moved.clone()
            });
        }
        Ok(all)
    }

    /// Takes in what other partitions know of persons who are in this one from now on. Some of it is taken in once:
    /// that a conversation is in somebody's hand, since it may have been given back here; and that its window is about
    /// to close, since it may have been answered here. The rest is taken in every time, which does no harm. Promises
    /// about their events are taken back if they were made for somebody met later. What comes of theirs is held back
    /// until the other partitions have delivered what they still have of it.
    pub fn adopt(&mut self, adoptions: &[Adoption]) -> Result<()> {
        let sql = self.sql.clone();
        let taken_over = taken_over(&*sql, adoptions)?;
        let of = |moved: &Moved, one: &FormerConversation| (moved.former.clone(), one.id);
        let mut new = Vec::new();
        let mut placed = Vec::new();
        self.people
            .meet(adoptions.iter().map(|adoption| &adoption.event))?;
        for Adoption { event, moved, .. } in adoptions {
            let mut all = moved.conversations.iter();
            let is_new = all.any(|one| !taken_over.contains_key(&of(moved, one)));
            let Placed {
                conversation,
                named,
                ..
            } = self.people.place(event)?;
            let mut state = moved.state.clone();
            state.closing = state.closing.filter(|_| is_new);
            state.overruled = state.overruled.filter(|_| is_new);
            for one in &moved.conversations {
                if taken_over.get(&of(moved, one)) != Some(&one.state().write()) {
                    state = state.joined(one.state());
                    new.push((&moved.former, one.id, one.state().write()));
                }
            }
            state.untold = (is_new || named) && self.mirror.is_some();
            self.people
                .adopt(conversation, moved.windows, &state, is_new);
            placed.push((conversation, event, moved));
        }
        atomically(&*sql, || {
            self.learn()?;
            for Adoption { ids, person, .. } in adoptions {
                self.ceded.release(ids, *person)?;
            }
            for (conversation, ..) in &placed {
                self.ceded.returned(*conversation)?;
            }
            for rows in batch::rows(new.into_iter()) {
                sql.run(
                    "INSERT OR REPLACE INTO taken_over (former, conversation, handover) \
                     SELECT value ->> 0, value ->> 1, value ->> 2 FROM json_each(?1)",
                    &[rows.into()],
                )?;
            }
            Ok(())
        })?;
        for (conversation, event, moved) in placed {
            let mut joins = self.people.joins().iter();
            let joined = joins.find(|join| join.from == conversation);
            let conversation = joined.map_or(conversation, |join| join.into);
            let names: Vec<String> = people::all_names(event).map(Name::key).collect();
            self.hold(conversation, &names, &moved.former, &moved.behind)?;
        }
        self.hold_back();
        Ok(())
    }

    /// Whether the person of a conversation is in another partition from now on, or was forgotten and may be known anew.
    pub fn has_moved(&self, conversation: i64) -> Result<bool> {
        if self.state(conversation)?.forgotten {
            return Ok(true);
        }
        if self.ceded.is_empty() {
            return Ok(false);
        }
        let joined = conversations::joined_into(&*self.sql, conversation)?;
        Ok(self.ceded.has_moved(joined))
    }

    /// What is known here of the person with this name, for a conversation of theirs from which they have moved.
    pub fn known(&self, name: &Name) -> Result<Option<Moved>> {
        let found = self.find_without_names(name)?;
        Ok(found.map(|found| Moved {
            windows: found.windows,
            state: found.state,
            ..Moved::default()
        }))
    }

    /// The state and windows that decide whether a message may go which waits here for a person who has moved: what is
    /// known of them where they are (`there`). Only consent that was told here is added, since it may not be known
    /// there yet. For who was forgotten windows that have opened since are none.
    pub fn state_and_windows_there(
        &self,
        conversation: i64,
        there: Moved,
    ) -> Result<(State, Windows)> {
        let mut state = there.state;
        let here = self.state(conversation)?;
        state.consent = state.consent.joined(here.consent);
        let windows = if here.forgotten {
            Windows::default()
        } else {
            there.windows
        };
        Ok((state, windows))
    }

    /// Fails with [`SqlError::Moved`] where any of these events must not be stored here.
    pub fn refuse_ceded(&self, events: &[Event], now_ms: i64) -> Result<()> {
        if self.ceded.promised_any(events, now_ms)? {
            return Err(SqlError::Moved);
        }
        Ok(())
    }
}

/// The conversations with those who have these names, each once.
fn conversations_of<'a>(people: &People, names: impl Iterator<Item = &'a Name>) -> Vec<i64> {
    let found = names.filter_map(|name| Some(people.known(name)?.0));
    let mut conversations: Vec<i64> = found.collect();
    conversations.sort_unstable();
    conversations.dedup();
    conversations
}

/// What is known of the person with these names, and what is still to be delivered of theirs. A conversation that became
/// part of another just now is named as well: a partition that took in the former does not know the latter.
fn moved(people: &People, names: &[&Name], undelivered: &[Undelivered]) -> Moved {
    let conversations = conversations_of(people, names.iter().copied());
    let behind = undelivered
        .iter()
        .filter_map(|Undelivered { destination, last }| {
            let theirs = conversations.iter().filter_map(|id| last.get(id));
            Some(Behind {
                destination: destination.clone(),
                until: *theirs.max()?,
            })
        });
    let mut moved = Moved {
        behind: behind.collect(),
        ..Moved::default()
    };
    for id in conversations {
        let Some(known) = people.get(id) else {
            continue;
        };
        let mut state = known.state();
        moved.conversations.push(FormerConversation {
            id,
            handover: state.handover.take(),
        });
        let parts = people.joins().iter().filter(|join| join.into == id);
        let parts = parts.map(|part| FormerConversation {
            id: part.from,
            handover: None,
        });
        moved.conversations.extend(parts);
        moved.windows = moved.windows.joined(known.windows);
        moved.state = std::mem::take(&mut moved.state).joined(state);
    }
    moved
}

/// The conversations of other partitions that were taken in here before, each with who had it in hand then.
fn taken_over(
    sql: &dyn Sql,
    adoptions: &[Adoption],
) -> Result<HashMap<(String, i64), Option<String>>> {
    sql.run(
        "CREATE TABLE IF NOT EXISTS taken_over (former TEXT NOT NULL, conversation INTEGER NOT NULL, handover TEXT, \
         PRIMARY KEY (former, conversation)) STRICT, WITHOUT ROWID",
        &[],
    )?;
    let of = |moved: &Moved| {
        let all = moved.conversations.iter();
        all.map(|one| (moved.former.clone(), one.id))
            .collect::<Vec<_>>()
    };
    let mut taken_over = HashMap::new();
    for rows in batch::rows(adoptions.iter().flat_map(|adoption| of(&adoption.moved))) {
        let rows = sql.exec(
            "SELECT former, conversation, handover FROM json_each(?1) AS wanted CROSS JOIN taken_over \
             ON former = wanted.value ->> 0 AND conversation = wanted.value ->> 1",
            &[rows.into()],
        )?;
        for row in &rows {
            let of = (row.get(0)?, row.get(1)?);
            taken_over.insert(of, row.get(2)?);
        }
    }
    Ok(taken_over)
}
