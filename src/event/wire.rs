//! How events cross from the Worker to the mailboxes: as bytes, each text as it is behind its length, so that nothing is
//! escaped on the one side and looked for on the other.
//!
//! For a moment during a deployment the two sides may be of different versions. A side refuses what it does not know,
//! and Meta repeats the webhook.

use thiserror::Error;

use super::model::{Effect, Event, MessageStatus, Name};

/// The first byte. To be raised with every change of what follows it, unless the change only adds something.
const VERSION: u8 = 1;

/// Events, and the name of the mailbox that they belong to.
pub type Batch = (String, Vec<Event>);

/// Bytes that [`write()`] does not write.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("not events as this version writes them")]
pub struct Malformed;

/// The bytes of batches.
pub fn write(batches: &[Batch]) -> Vec<u8> {
    let texts = batches.iter().flat_map(|(_, events)| events);
    let length: usize = texts.map(|event| event.data.len() + 256).sum();
    let mut out = Vec::with_capacity(length + 64);
    out.push(VERSION);
    write_length(&mut out, batches.len());
    for (mailbox, events) in batches {
        write_text(&mut out, mailbox);
        write_length(&mut out, events.len());
        for event in events {
            write_event(&mut out, event);
        }
    }
    out
}

/// The batches that these bytes were written from.
pub fn read(bytes: &[u8]) -> Result<Vec<Batch>, Malformed> {
    let mut rest = Rest(bytes);
    if rest.byte()? != VERSION {
        return Err(Malformed);
    }
    let batches = rest.many(|rest| Ok((rest.text()?, rest.many(Rest::event)?)))?;
    if rest.0.is_empty() {
        Ok(batches)
    } else {
        Err(Malformed)
    }
}

fn write_length(out: &mut Vec<u8>, length: usize) {
    // What Meta sends in one webhook has 3 MB at most.
    let length = u32::try_from(length).unwrap_or(u32::MAX);
    out.extend_from_slice(&length.to_le_bytes());
}

fn write_text(out: &mut Vec<u8>, text: &str) {
    write_length(out, text.len());
    out.extend_from_slice(text.as_bytes());
}

fn write_event(out: &mut Vec<u8>, event: &Event) {
    write_text(out, &event.id);
    write_text(out, &event.kind);
    match event.time {
        None => out.push(0),
        Some(time) => {
            out.push(1);
            out.extend_from_slice(&time.to_le_bytes());
        }
    }
    write_names(out, &event.names);
    match &event.effect {
        Effect::None => out.push(0),
        Effect::Opens { referral } => out.extend_from_slice(&[1, u8::from(*referral)]),
        Effect::Answers => out.push(2),
        Effect::Status {
            message,
            status,
            free_until,
        } => {
            match free_until {
                None => out.push(3),
                Some(end) => {
                    out.push(5);
                    out.extend_from_slice(&end.to_le_bytes());
                }
            }
            out.push(status.place());
            write_text(out, message);
        }
        Effect::Renames { from } => {
            out.push(4);
            write_names(out, from);
        }
    }
    write_text(out, &event.data);
}

fn write_names(out: &mut Vec<u8>, names: &[Name]) {
    write_length(out, names.len());
    for name in names {
        out.push(match name {
            Name::User(_) => 0,
            Name::Parent(_) => 1,
            Name::Phone(_) => 2,
            Name::Group(_) => 3,
            Name::Topic(_) => 4,
        });
        write_text(out, name.value());
    }
}

/// What is not read yet.
struct Rest<'a>(&'a [u8]);

impl Rest<'_> {
    fn bytes<const COUNT: usize>(&mut self) -> Result<[u8; COUNT], Malformed> {
        let (bytes, rest) = self.0.split_first_chunk().ok_or(Malformed)?;
        self.0 = rest;
        Ok(*bytes)
    }

    fn byte(&mut self) -> Result<u8, Malformed> {
        self.bytes().map(|[byte]| byte)
    }

    fn length(&mut self) -> Result<usize, Malformed> {
        let length = u32::from_le_bytes(self.bytes()?);
        usize::try_from(length).map_err(|_| Malformed)
    }

    fn text(&mut self) -> Result<String, Malformed> {
        let length = self.length()?;
        let (text, rest) = self.0.split_at_checked(length).ok_or(Malformed)?;
        self.0 = rest;
        let text = str::from_utf8(text).map_err(|_| Malformed)?;
        Ok(text.to_owned())
    }

    fn many<T>(
        &mut self,
        mut one: impl FnMut(&mut Self) -> Result<T, Malformed>,
    ) -> Result<Vec<T>, Malformed> {
        let count = self.length()?;
        // A wrong count must not claim memory.
        let mut all = Vec::with_capacity(count.min(self.0.len() / 16));
        for _ in 0..count {
            all.push(one(self)?);
        }
        Ok(all)
    }

    fn event(&mut self) -> Result<Event, Malformed> {
        Ok(Event {
            id: self.text()?,
            kind: self.text()?,
            time: match self.byte()? {
                0 => None,
                1 => Some(i64::from_le_bytes(self.bytes()?)),
                _ => return Err(Malformed),
            },
            names: self.many(Self::name)?,
            effect: self.effect()?,
            data: self.text()?,
        })
    }

    fn name(&mut self) -> Result<Name, Malformed> {
        let what = match self.byte()? {
            0 => Name::User,
            1 => Name::Parent,
            2 => Name::Phone,
            3 => Name::Group,
            4 => Name::Topic,
            _ => return Err(Malformed),
        };
        self.text().map(what)
    }

    fn effect(&mut self) -> Result<Effect, Malformed> {
        let what = self.byte()?;
        Ok(match what {
            0 => Effect::None,
            1 => Effect::Opens {
                referral: self.byte()? != 0,
            },
            2 => Effect::Answers,
            3 | 5 => Effect::Status {
                free_until: match what {
                    5 => Some(i64::from_le_bytes(self.bytes()?)),
                    _ => None,
                },
                status: MessageStatus::at(self.byte()?).ok_or(Malformed)?,
                message: self.text()?,
            },
            4 => Effect::Renames {
                from: self.many(Self::name)?,
            },
            _ => return Err(Malformed),
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn name() -> impl Strategy<Value = Name> {
        let what = [
            Name::User,
            Name::Parent,
            Name::Phone,
            Name::Group,
            Name::Topic,
        ];
        (0usize..5, ".{0,20}").prop_map(move |(which, value)| what[which](value))
    }

    fn status() -> impl Strategy<Value = MessageStatus> {
        (0u8..5).prop_map(|place| MessageStatus::at(place).unwrap())
    }

    fn effect() -> impl Strategy<Value = Effect> {
        prop_oneof![
            Just(Effect::None),
            any::<bool>().prop_map(|referral| Effect::Opens { referral }),
            Just(Effect::Answers),
            (status(), ".{0,20}", any::<Option<i64>>()).prop_map(
                |(status, message, free_until)| Effect::Status {
                    message,
                    status,
                    free_until
                }
            ),
            prop::collection::vec(name(), 0..3).prop_map(|from| Effect::Renames { from }),
        ]
    }

    prop_compose! {
        fn event()(
            id in ".{0,20}", kind in ".{0,20}", time in any::<Option<i64>>(),
            names in prop::collection::vec(name(), 0..4), effect in effect(), data in ".{0,60}",
        ) -> Event {
            Event { id, kind, time, names, effect, data }
        }
    }

    fn batches() -> impl Strategy<Value = Vec<Batch>> {
        prop::collection::vec((".{0,20}", prop::collection::vec(event(), 0..4)), 0..4)
    }

    proptest! {
        #[test]
        fn what_was_written_is_read(batches in batches()) {
            prop_assert_eq!(read(&write(&batches)), Ok(batches));
        }

        #[test]
        fn what_is_cut_off_is_refused(batches in batches(), at in any::<prop::sample::Index>()) {
            let bytes = write(&batches);
            prop_assert_eq!(read(&bytes[..at.index(bytes.len())]), Err(Malformed));
        }

        #[test]
        fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = read(&bytes);
        }
    }

    #[test]
    fn what_another_version_wrote_is_refused() {
        let mut bytes = write(&[]);
        bytes[0] += 1;
        assert_eq!(read(&bytes), Err(Malformed));
    }

    /// Whoever has to change this raises the version.
    #[test]
    fn the_form_is_known() {
        let event = Event {
            id: "i".to_owned(),
            kind: "k".to_owned(),
            time: Some(3),
            names: vec![Name::Phone("4".to_owned())],
            effect: Effect::Status {
                message: "m".to_owned(),
                status: MessageStatus::Read,
                free_until: None,
            },
            data: "{}".to_owned(),
        };
        let expected = "01 01000000 01000000 6e 01000000 01000000 69 01000000 6b 01 0300000000000000 \
            01000000 02 01000000 34 03 02 01000000 6d 02000000 7b7d";
        let bytes = write(&[("n".to_owned(), vec![event])]);
        assert_eq!(hex::encode(bytes), expected.replace(' ', ""));
    }
}
