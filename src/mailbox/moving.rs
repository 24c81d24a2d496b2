//! What goes over from one partition of a number to another, where a person was met in both.

use std::collections::HashSet;

use super::{
    Behind, Mailbox,
    directory::names_alone,
    people, person,
    seen::Seen,
    sql::{Sql, SqlError, atomically},
    to_their_ends,
};
use crate::{
    conversation::{State, window::Windows},
    event::{Event, Name},
    meta::json::{Document, Json},
    written::{Object, list},
};

/// What is known of a person in the partition in which they were.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Moved {
    /// The event in question is stored there.
    pub stored: bool,
    /// Their windows.
    pub windows: Windows,
    /// What is remembered of them.
    pub state: State,
    /// What is still to be delivered of theirs.
    pub behind: Vec<Behind>,
    /// The conversations with them there, by their numbers.
    pub conversations: Vec<i64>,
}

impl Moved {
    /// As it crosses from one object to the other: JSON.
    pub fn write(&self) -> String {
        let Windows {
            customer_service,
            free_entry_point,
            referred,
        } = self.windows;
        let mut out = Object::default();
        out.number("stored", self.stored.into());
        for (name, value) in [
            ("customer_service", customer_service),
            ("free_entry_point", free_entry_point),
            ("referred", referred),
        ] {
            if let Some(value) = value {
                out.number(name, value);
            }
        }
        if let Some(state) = self.state.write() {
            out.text("state", &state);
        }
        let behind = self.behind.iter().map(|Behind { destination, until }| {
            let mut out = Object::default();
            out.text("destination", destination).number("until", *until);
            out.finish()
        });
        let conversations = self.conversations.iter().map(i64::to_string);
        out.json("behind", &list(&behind.collect::<Vec<_>>()))
            .json("conversations", &list(&conversations.collect::<Vec<_>>()));
        out.finish()
    }

    /// Reads what [`Moved::write`] wrote; `None` where it did not.
    pub fn read(text: &str) -> Option<Self> {
        let document = Document::parse(text)?;
        let root = document.root();
        let number = |name: &str| root.get(name).and_then(Json::integer);
        let state = root.get("state").and_then(Json::text);
        let conversations = root.get("conversations")?.items().map(Json::integer);
        let behind = root.get("behind")?.items().map(|behind| {
            Some(Behind {
                destination: behind.get("destination")?.text()?.into_owned(),
                until: behind.get("until")?.integer()?,
            })
        });
        Some(Self {
            stored: number("stored")? == 1,
            windows: Windows {
                customer_service: number("customer_service"),
                free_entry_point: number("free_entry_point"),
                referred: number("referred"),
            },
            state: State::read(state.as_deref()),
            behind: behind.collect::<Option<_>>()?,
            conversations: conversations.collect::<Option<_>>()?,
        })
    }
}

impl Mailbox {
    /// Tells whether an event is stored here, whose person is in another partition from now on. Where it is not, it never
    /// will be. What is known of the person goes along: that somebody has taken the conversation over, once; the rest
    /// every time, since to take it in twice does no harm. So does what is still to be delivered of theirs.
    pub fn cede(&mut self, event: &Event, now_ms: i64) -> Result<Moved, SqlError> {
        let sql = self.sql.clone();
        self.ids.turn(&*sql, now_ms)?;
        let mut seen = Seen::default();
        self.ids
            .look(&*sql, &mut seen, std::slice::from_ref(event))?;
        let mut moved = Moved {
            stored: seen.contains(event),
            ..Moved::default()
        };
        atomically(&*sql, || {
            for name in people::all_names(event) {
                let Some(found) = person::look(&*sql, name)? else {
                    continue;
                };
                if found.state.handover.is_some() {
                    person::change(&*sql, name, |state| state.handover = None)?;
                    self.people.forget(found.conversation);
                }
                moved.conversations.push(found.conversation);
                moved.windows = moved.windows.joined(found.windows);
                moved.state = std::mem::take(&mut moved.state).joined(found.state);
            }
            if !moved.stored {
                self.ceded.add(&*sql, vec![event.id.clone()], now_ms)?;
            }
            Ok(())
        })?;
        moved.conversations.sort_unstable();
        moved.conversations.dedup();
        moved.behind = self.behind(&keys_of(event))?;
        Ok(moved)
    }

    /// Takes in what is known in another partition, by its object's name, of an event's person, who is in this one from
    /// now on. What comes of theirs is held back until what is still to be delivered there has gone.
    ///
    /// Does nothing and gives false where the person is new from there, and the event is not `complete`: only one that
    /// says all their names tells which conversations here are with the same person.
    pub fn adopt(
        &mut self,
        event: &Event,
        former: &str,
        moved: &Moved,
        complete: bool,
    ) -> Result<bool, SqlError> {
        let event = &names_alone(event);
        let sql = self.sql.clone();
        let adopted = adopted(&*sql, former)?;
        let mut new = moved.conversations.clone();
        new.retain(|conversation| !adopted.contains(conversation));
        if !new.is_empty() && !complete {
            return Ok(false);
        }
        // Where this fails, what is remembered of people may not be what is committed: it is not put back.
        let mut people = std::mem::take(&mut self.people);
        people.meet(&*sql, std::slice::from_ref(event))?;
        let mut conversation = people.place(&*sql, event)?.conversation;
        people.adopt(conversation, moved);
        let joins = to_their_ends(people.joins());
        if let Some((_, into)) = joins.iter().find(|(from, _)| *from == conversation) {
            conversation = *into;
        }
        atomically(&*sql, || {
            people.save(&*sql)?;
            for number in new {
                sql.run(
                    "INSERT INTO adopted (former, conversation) VALUES (?1, ?2)",
                    &[former.into(), number.into()],
                )?;
            }
            self.join(&joins)
        })?;
        people.committed();
        self.people = people;
        self.joined(joins);
        self.hold(conversation, &keys_of(event), former, &moved.behind)?;
        Ok(true)
    }

    /// Whether any of these events must not be stored here.
    pub(super) fn refuse_ceded(&self, events: &[Event]) -> Result<(), SqlError> {
        if events.iter().any(|event| self.ceded.holds(&event.id)) {
            return Err(SqlError::Moved);
        }
        Ok(())
    }
}

/// The conversations of another partition whose persons are here from now on.
fn adopted(sql: &dyn Sql, former: &str) -> Result<HashSet<i64>, SqlError> {
    sql.run(
        "CREATE TABLE IF NOT EXISTS adopted (former TEXT NOT NULL, conversation INTEGER NOT NULL, \
         PRIMARY KEY (former, conversation)) STRICT, WITHOUT ROWID",
        &[],
    )?;
    let rows = sql.exec(
        "SELECT conversation FROM adopted WHERE former = ?1",
        &[former.into()],
    )?;
    rows.iter().map(|row| row.required_integer(0)).collect()
}

/// All that an event calls its person, as [`Name::key`] writes it.
fn keys_of(event: &Event) -> Vec<String> {
    people::all_names(event).map(Name::key).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conversation::handover::{By, Handover};

    #[test]
    fn what_goes_over_arrives_as_it_was() {
        for moved in [
            Moved::default(),
            Moved {
                stored: true,
                windows: Windows {
                    customer_service: Some(1_795_334_400),
                    free_entry_point: None,
                    referred: Some(7),
                },
                state: State {
                    handover: Some(Handover {
                        by: By::App,
                        since: 5,
                        until: None,
                    }),
                    fired: [("\"hours\"".to_owned(), 7)].into(),
                    ..State::default()
                },
                behind: vec![Behind {
                    destination: "crm".to_owned(),
                    until: 7,
                }],
                conversations: vec![3, 4],
            },
        ] {
            assert_eq!(Moved::read(&moved.write()), Some(moved));
        }
        assert_eq!(Moved::read("{}"), None);
    }
}
