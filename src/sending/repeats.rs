//! Requests that bear an `Idempotency-Key`: asked again with the same body within 24 hours, or while what they asked for
//! waits and 24 hours after, they are answered as they were. (IETF draft "The Idempotency-Key HTTP Header Field".)
//!
//! If the person was in another partition, that one is asked about the request first, as it is about events
//! ([`Mailbox::cede`]): it tells that it has answered the request, or promises not to take it any more.

use std::rc::Rc;

use sha2::{Digest as _, Sha256};

use super::{state::SendState, stored::write_state};
use crate::{
    event::Event,
    mailbox::{
        Mailbox, Moved,
        sql::{Result, Row, Sql, Value},
    },
};

/// How long a key is remembered, in milliseconds, from when it was asked with, and from when the state of what it asked for
/// last changed.
const KEPT_MS: i64 = 24 * 60 * 60 * 1000;

/// How often keys that are too old are removed, in milliseconds.
const SWEPT_EVERY_MS: i64 = 60 * 60 * 1000;

/// What is true of a key that is known. ?1 is before when nothing is remembered (unix milliseconds), ?2 the state of sends
/// that wait.
const KNOWN: &str = "(asked_ms > ?1 OR EXISTS (SELECT 1 FROM json_each(answer, '$.messages') AS message \
     JOIN sends ON sends.id = message.value ->> 'id' WHERE state = ?2 OR changed_ms > ?1))";

/// The header that bears the key.
pub const HEADER: &str = "idempotency-key";

/// The longest key, in bytes.
const LONGEST_KEY: usize = 255;

/// The beginning of the ids by which other partitions are asked about requests. No event's id begins like this.
const REQUEST: &str = "key ";

/// Whether it may be a key.
pub fn is_key(key: &str) -> bool {
    (1..=LONGEST_KEY).contains(&key.len())
}

/// The id by which other partitions are asked about a request.
pub fn id_of(key: &str, body: &[u8]) -> String {
    format!("{REQUEST}{} {key}", digest(body))
}

/// Whether a request was made before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Repeat {
    /// Its key is new.
    No,
    /// The same was asked before; this was the answer.
    Answered(String),
    /// Something else was asked under it.
    OtherBody,
}

/// The keys of one mailbox.
#[derive(Debug)]
pub struct Repeats {
    sql: Rc<dyn Sql>,
    swept_ms: i64,
}

impl Repeats {
    /// Opens the table, and makes it where there is none.
    pub fn open(sql: Rc<dyn Sql>) -> Result<Self> {
        sql.run(
            "CREATE TABLE IF NOT EXISTS repeats (key TEXT PRIMARY KEY, body TEXT NOT NULL, answer TEXT NOT NULL, \
             asked_ms INTEGER NOT NULL) STRICT, WITHOUT ROWID",
            &[],
        )?;
        Ok(Self {
            sql,
            swept_ms: i64::MIN,
        })
    }

    /// What is known of a key with which this is asked. Fails with `SqlError::Moved` where it is new and was promised not
    /// to be taken here.
    pub fn find(&self, mailbox: &Mailbox, key: &str, body: &[u8], now_ms: i64) -> Result<Repeat> {
        let Some(row) = self.answered(key, now_ms)? else {
            let asked = Event {
                id: id_of(key, body),
                ..Event::named(Vec::new())
            };
            mailbox.refuse_ceded(&[asked], now_ms)?;
            return Ok(Repeat::No);
        };
        Ok(if row.get::<&str>(0)? == digest(body) {
            Repeat::Answered(row.get(1)?)
        } else {
            Repeat::OtherBody
        })
    }

    /// Marks as stored those of the requests that another partition asks about which were answered here, whatever their
    /// bodies were.
    pub fn mark_answered(&self, asked: &[Event], all: &mut [Moved], now_ms: i64) -> Result<()> {
        for (event, moved) in asked.iter().zip(all) {
            let request = event.id.strip_prefix(REQUEST);
            if let Some((_, key)) = request.and_then(|request| request.split_once(' ')) {
                moved.stored = self.answered(key, now_ms)?.is_some();
            }
        }
        Ok(())
    }

    /// Remembers what was answered.
    pub fn add(&mut self, key: &str, body: &[u8], answer: &str, now_ms: i64) -> Result<()> {
        if now_ms.saturating_sub(self.swept_ms) > SWEPT_EVERY_MS {
            self.swept_ms = now_ms;
            self.sql.run(
                &format!("DELETE FROM repeats WHERE NOT {KNOWN}"),
                &known(now_ms),
            )?;
        }
        self.sql.run(
            "INSERT OR REPLACE INTO repeats (key, body, answer, asked_ms) VALUES (?1, ?2, ?3, ?4)",
            &[
                key.into(),
                digest(body).into(),
                answer.into(),
                now_ms.into(),
            ],
        )
    }

    /// The body that was asked with a key, and the answer.
    fn answered(&self, key: &str, now_ms: i64) -> Result<Option<Row>> {
        let [since, waits] = known(now_ms);
        let rows = self.sql.exec(
            &format!("SELECT body, answer FROM repeats WHERE key = ?3 AND {KNOWN}"),
            &[since, waits, key.into()],
        )?;
        Ok(rows.into_iter().next())
    }
}

/// The parameters of [`KNOWN`].
fn known(now_ms: i64) -> [Value; 2] {
    [
        now_ms.saturating_sub(KEPT_MS).into(),
        write_state(&SendState::Queued).into(),
    ]
}

fn digest(body: &[u8]) -> String {
    hex::encode(Sha256::digest(body))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{
        event::Name,
        mailbox::{Adoption, native::Native, sql::SqlError},
        meta::graph::Message,
        sending::{
            Draft, Send,
            stored::{Keep, Table},
        },
    };

    #[test]
    fn the_same_key_gets_the_same_answer_for_24_hours_and_no_other_body() {
        let mut here = Partition::new();
        assert_eq!(here.find("{}", 1_000), Repeat::No);
        here.answer("{}", 1_000);
        assert_eq!(here.find("{}", 999 + DAY), Repeat::Answered(ANSWER.into()));
        assert_eq!(here.find("{ }", 2_000), Repeat::OtherBody);
        assert_eq!(here.find_by("other", "{}", 2_000), Ok(Repeat::No));
        assert_eq!(here.find("{ }", 1_000 + DAY), Repeat::No);
        here.answer("{ }", 1_000 + DAY);
        assert_eq!(here.sql.count("repeats"), 1);
    }

    #[test]
    fn a_key_is_known_while_what_was_asked_with_it_waits_and_for_a_day_after() {
        let mut here = Partition::new();
        let sends = Table::open(here.sql.clone()).unwrap();
        for id in ["1.a", "1.b"] {
            let text = json!({ "type": "text", "text": { "body": "x" } });
            let send = Send {
                id: id.to_owned(),
                conversation: 1,
                draft: Draft::reply(None, Message::check(&text).unwrap(), None),
            };
            sends.add(&send, &SendState::Queued, 1, 1_000).unwrap();
        }
        here.answer("{}", 1_000);
        let known = Repeat::Answered(ANSWER.into());
        let went = 5 * DAY;
        for id in ["1.a", "1.b"] {
            assert_eq!(here.find("{}", went), known);
            assert_eq!(here.find("{ }", went), Repeat::OtherBody);
            // A day later others are swept.
            here.repeats.add("other", b"", "{}", went).unwrap();
            sends
                .write(id, &SendState::Unknown, &Keep::Nothing, false, went)
                .unwrap();
        }
        assert_eq!(here.find("{}", went + DAY - 1), known);
        assert_eq!(here.find("{}", went + DAY), Repeat::No);
        here.repeats.add("other", b"", "{}", went + DAY).unwrap();
        assert_eq!(here.sql.count("repeats"), 1);
    }

    #[test]
    fn a_key_has_255_bytes_at_most_and_one_at_least() {
        let keys = [0, 1, 255, 256].map(|length| is_key(&"k".repeat(length)));
        assert_eq!(keys, [false, true, true, false]);
    }

    #[test]
    fn keys_of_yesterday_are_removed_and_those_of_today_are_not() {
        let mut here = Partition::new();
        for hours in 0..60 {
            let (key, now) = (hours.to_string(), NOW + hours * 3_660_000);
            here.repeats.add(&key, b"", ANSWER, now).unwrap();
        }
        let left: i64 = 24 * 60 / 61 + 1;
        assert_eq!(here.sql.count("repeats"), left);
    }

    /// A partition, with the requests that it answered.
    struct Partition {
        sql: Rc<Native>,
        mailbox: Mailbox,
        repeats: Repeats,
    }

    impl Partition {
        fn new() -> Self {
            let sql = Native::new();
            Table::open(sql.clone()).unwrap();
            Self {
                mailbox: Mailbox::open(sql.clone(), Vec::new()).unwrap(),
                repeats: Repeats::open(sql.clone()).unwrap(),
                sql,
            }
        }

        fn find(&self, body: &str, now: i64) -> Repeat {
            self.find_by("k 1", body, now).unwrap()
        }

        fn find_by(&self, key: &str, body: &str, now: i64) -> Result<Repeat> {
            self.repeats.find(&self.mailbox, key, body.as_bytes(), now)
        }

        fn answer(&mut self, body: &str, now: i64) {
            let added = self.repeats.add("k 1", body.as_bytes(), ANSWER, now);
            added.unwrap();
        }

        /// It is asked about a request, by the partition in which its person is, who has this number.
        fn is_asked(&mut self, body: &str, person: i64, now: i64) -> Moved {
            let asked = [request(body)];
            let mut all = self.mailbox.cede(&asked, &[person], now).unwrap();
            self.repeats.mark_answered(&asked, &mut all, now).unwrap();
            all.remove(0)
        }

        /// What another partition knows is taken in, for the sake of who has this number.
        fn adopts(&mut self, body: &str, moved: Moved, person: i64) {
            let event = request(body);
            let ids = vec![event.id.clone()];
            let adoption = Adoption {
                event: Event::named(event.names),
                moved,
                person,
                ids,
            };
            self.mailbox.adopt(&[adoption]).unwrap();
        }
    }

    const NOW: i64 = 1_770_000_000_000;
    const DAY: i64 = 24 * 3_600_000;
    const ANSWER: &str = r#"{"messages":[{"id":"1.a"},{"id":"1.b"}]}"#;

    fn request(body: &str) -> Event {
        Event {
            id: id_of("k 1", body.as_bytes()),
            ..Event::named(vec![Name::Phone("1".to_owned())])
        }
    }

    #[test]
    fn a_request_is_known_where_its_person_was_for_as_long_as_where_they_are() {
        let mut former = Partition::new();
        former.answer("{}", NOW);
        for (body, known) in [
            ("{}", Repeat::Answered(ANSWER.into())),
            ("{ }", Repeat::OtherBody),
        ] {
            assert!(former.is_asked(body, 1, NOW + DAY - 1).stored);
            assert_eq!(former.find(body, NOW), known);
            assert!(!former.is_asked(body, 1, NOW + DAY).stored);
        }
    }

    #[test]
    fn a_request_that_comes_late_to_where_its_person_was_is_not_taken_there() {
        let (mut former, mut home) = (Partition::new(), Partition::new());
        // Both of two that come at the same time are asked about before either is taken.
        for _ in 0..2 {
            let moved = former.is_asked("{}", 4, NOW);
            assert!(!moved.stored);
            home.adopts("{}", moved, 4);
        }
        assert_eq!(former.find_by("k 1", "{}", NOW), Err(SqlError::Moved));
        assert_eq!(former.find("{ }", NOW), Repeat::No);
        assert_eq!(home.find("{}", NOW), Repeat::No);
        // They turn out to be somebody who was met yet earlier, and was in the former one.
        let moved = home.is_asked("{}", 1, NOW);
        assert!(!moved.stored);
        former.adopts("{}", moved, 1);
        assert_eq!(home.find_by("k 1", "{}", NOW), Err(SqlError::Moved));
        assert_eq!(former.find("{}", NOW), Repeat::No);
    }
}
