//! What goes over from one partition of a number to another, where a person was met in both.

use super::{
    Mailbox,
    key::Key,
    people::{self, People},
    sql::{SqlError, atomically},
};
use crate::{
    conversation::{State, window::Windows},
    event::{Event, Name},
    meta::json::{Document, Json},
    written::Object,
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
        out.finish()
    }

    /// Reads what [`Moved::write`] wrote; `None` where it did not.
    pub fn read(text: &str) -> Option<Self> {
        let document = Document::parse(text)?;
        let root = document.root();
        let number = |name: &str| root.get(name).and_then(Json::integer);
        let state = root.get("state").and_then(Json::text);
        Some(Self {
            stored: number("stored")? == 1,
            windows: Windows {
                customer_service: number("customer_service"),
                free_entry_point: number("free_entry_point"),
                referred: number("referred"),
            },
            state: State::read(state.as_deref()),
        })
    }
}

impl Mailbox {
    /// Tells whether an event is stored here, whose person is in another partition from now on. Where it is not, it never
    /// will be. What is known of the person goes along: that somebody has taken the conversation over, once; the rest
    /// every time, since to take it in twice does no harm.
    pub fn cede(&mut self, event: &Event, now_ms: i64) -> Result<Moved, SqlError> {
        let sql = self.sql.clone();
        self.ids.turn(&*sql, now_ms)?;
        let seen = self.ids.seen(&*sql, std::slice::from_ref(event))?;
        let mut moved = Moved {
            stored: seen.contains(&Key::of(event)),
            ..Moved::default()
        };
        atomically(&*sql, || {
            for name in &event.names {
                let Some(found) = people::look(&*sql, name)? else {
                    continue;
                };
                if found.state.handover.is_some() {
                    people::change(&*sql, name, |state| state.handover = None)?;
                    self.people.forget(found.conversation);
                }
                moved.windows = moved.windows.joined(found.windows);
                moved.state = std::mem::take(&mut moved.state).joined(found.state);
            }
            if !moved.stored {
                self.ceded.add(&*sql, vec![event.id.clone()], now_ms)?;
            }
            Ok(())
        })?;
        Ok(moved)
    }

    /// Takes in what is known in another partition of the person with these names, who is in this one from now on.
    pub fn adopt(&mut self, names: &[Name], moved: &Moved) -> Result<(), SqlError> {
        self.people = People::default();
        let sql = self.sql.clone();
        atomically(&*sql, || people::adopt(&*sql, names, moved))
    }

    /// Whether any of these events must not be stored here.
    pub(super) fn refuse_ceded(&self, events: &[Event]) -> Result<(), SqlError> {
        if events.iter().any(|event| self.ceded.holds(&event.id)) {
            return Err(SqlError::Moved);
        }
        Ok(())
    }
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
            },
        ] {
            assert_eq!(Moved::read(&moved.write()), Some(moved));
        }
        assert_eq!(Moved::read("{}"), None);
    }
}
