//! What is known of a person in the partition in which they were, as it goes over to the one in which they are.

use crate::{
    conversation::{State, handover::Handover, window::Windows},
    mailbox::Behind,
    meta::json::{Document, Json},
    written::{Object, list},
};

/// What a partition knows of an event's person, who is in another from now on.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Moved {
    /// The name of its object.
    pub former: String,
    /// The event in question is stored there.
    pub stored: bool,
    /// Their windows.
    pub windows: Windows,
    /// Their state, without who has a conversation in hand: that is told with each conversation.
    pub state: State,
    /// What is still to be delivered of theirs.
    pub behind: Vec<Behind>,
    /// The conversations with them there.
    pub conversations: Vec<FormerConversation>,
}

/// A conversation in the partition in which its person was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FormerConversation {
    /// Its id there.
    pub id: i64,
    /// Who has it in hand.
    pub handover: Option<Handover>,
}

impl Moved {
    /// As these cross from one object to the other: a JSON list.
    pub fn write_all(all: &[Self]) -> String {
        list(&all.iter().map(Self::write).collect::<Vec<_>>())
    }

    /// Reads what [`Moved::write_all`] wrote; `None` where it did not.
    pub fn read_all(text: &str) -> Option<Vec<Self>> {
        let document = Document::parse(text)?;
        document.root().items().map(Self::read).collect()
    }

    fn write(&self) -> String {
        let Windows {
            customer_service,
            free_entry_point,
            referred,
        } = self.windows;
        let mut out = Object::default();
        out.text("former", &self.former)
            .number("stored", self.stored.into());
        for (name, value) in [
            ("customer_service", customer_service),
            ("free_entry_point", free_entry_point),
            ("referred", referred),
        ] {
            if let Some(value) = value {
                out.number(name, value);
            }
        }
        out.text_if("state", self.state.write().as_deref());
        let behind = self.behind.iter().map(|Behind { destination, until }| {
            let mut out = Object::default();
            out.text("destination", destination).number("until", *until);
            out.finish()
        });
        let conversations = self.conversations.iter().map(FormerConversation::write);
        out.json("behind", &list(&behind.collect::<Vec<_>>()))
            .json("conversations", &list(&conversations.collect::<Vec<_>>()));
        out.finish()
    }

    fn read(json: Json<'_>) -> Option<Self> {
        let number = |name: &str| json.get(name).and_then(Json::integer);
        let state = json.get("state").and_then(Json::text);
        let behind = json.get("behind")?.items().map(|behind| {
            Some(Behind {
                destination: behind.get("destination")?.text()?.into_owned(),
                until: behind.get("until")?.integer()?,
            })
        });
        let conversations = json
            .get("conversations")?
            .items()
            .map(FormerConversation::read);
        Some(Self {
            former: json.get("former")?.text()?.into_owned(),
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

impl FormerConversation {
    /// A state with nothing in it but who has the conversation in hand.
    pub(in crate::mailbox) fn state(&self) -> State {
        State {
            handover: self.handover,
            ..State::default()
        }
    }

    fn write(&self) -> String {
        let mut out = Object::default();
        out.number("number", self.id)
            .text_if("state", self.state().write().as_deref());
        out.finish()
    }

    fn read(json: Json<'_>) -> Option<Self> {
        let state = json.get("state").and_then(Json::text);
        Some(Self {
            id: json.get("number")?.integer()?,
            handover: State::read(state.as_deref()).handover,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conversation::handover::By;

    #[test]
    fn what_goes_over_arrives_as_it_was() {
        let taken = Handover {
            by: By::App,
            since: 5,
            until: None,
        };
        let all = vec![
            Moved::default(),
            Moved {
                former: "1065/1of4".to_owned(),
                stored: true,
                windows: Windows {
                    customer_service: Some(1_795_334_400),
                    free_entry_point: None,
                    referred: Some(7),
                },
                state: State {
                    fired: [("\"hours\"".to_owned(), 7)].into(),
                    ..State::default()
                },
                behind: vec![Behind {
                    destination: "crm".to_owned(),
                    until: 7,
                }],
                conversations: vec![
                    FormerConversation {
                        id: 3,
                        handover: Some(taken),
                    },
                    FormerConversation {
                        id: 4,
                        handover: None,
                    },
                ],
            },
        ];
        assert_eq!(Moved::read_all(&Moved::write_all(&all)), Some(all));
        assert_eq!(Moved::read_all("[{}]"), None);
    }
}
