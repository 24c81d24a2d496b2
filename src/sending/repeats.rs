//! Requests that bear an `Idempotency-Key`: asked again with the same body within 24 hours, they are answered as they
//! were. (IETF draft "The Idempotency-Key HTTP Header Field".)
//!
//! If the person was in another partition, that one is asked about the request first, as it is about events
//! ([`Mailbox::cede`]): it tells that it has answered the request, or promises not to take it any more.

use std::rc::Rc;

use sha2::{Digest as _, Sha256};

use crate::{
    event::Event,
    mailbox::{
        Mailbox, Moved,
        sql::{Result, Row, Sql},
    },
};

/// How long a key is remembered, in milliseconds.
const KEPT_MS: i64 = 24 * 60 * 60 * 1000;

/// How often keys that are too old are removed, in milliseconds.
const SWEPT_EVERY_MS: i64 = 60 * 60 * 1000;

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
                "DELETE FROM repeats WHERE asked_ms <= ?1",
                &[now_ms.saturating_sub(KEPT_MS).into()],
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
        let rows = self.sql.exec(
            "SELECT body, answer FROM repeats WHERE key = ?1 AND asked_ms > ?2",
            &[key.into(), now_ms.saturating_sub(KEPT_MS).into()],
        )?;
        Ok(rows.into_iter().next())
    }
}

fn digest(body: &[u8]) -> String {
    hex::encode(Sha256::digest(body))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        event::Name,
        mailbox::{Adoption, native::Native, sql::SqlError},
    };

    #[test]
    fn the_same_key_gets_the_same_answer_for_24_hours_and_no_other_body() {
        let sql = Native::new();
        let mailbox = Mailbox::open(sql.clone(), Vec::new()).unwrap();
        let mut repeats = Repeats::open(sql.clone()).unwrap();
        let find = |repeats: &Repeats, key, body: &str, now| {
            let found = repeats.find(&mailbox, key, body.as_bytes(), now);
            found.unwrap()
        };
        assert_eq!(find(&repeats, "k", "{}", 1_000), Repeat::No);
        repeats.add("k", b"{}", "answer", 1_000).unwrap();
        let day = 24 * 3_600_000;
        assert_eq!(
            find(&repeats, "k", "{}", 999 + day),
            Repeat::Answered("answer".into())
        );
        assert_eq!(find(&repeats, "k", "{ }", 2_000), Repeat::OtherBody);
        assert_eq!(find(&repeats, "other", "{}", 2_000), Repeat::No);
        assert_eq!(find(&repeats, "k", "{ }", 1_000 + day), Repeat::No);
        repeats.add("k", b"{ }", "new", 1_000 + day).unwrap();
        assert_eq!(sql.count("repeats"), 1);
    }

    #[test]
    fn a_key_has_255_bytes_at_most_and_one_at_least() {
        let keys = [0, 1, 255, 256].map(|length| is_key(&"k".repeat(length)));
        assert_eq!(keys, [false, true, true, false]);
    }

    #[test]
    fn keys_of_yesterday_are_removed_and_those_of_today_are_not() {
        let sql = Native::new();
        let mut repeats = Repeats::open(sql.clone()).unwrap();
        for hours in 0..60 {
            let key = hours.to_string();
            repeats.add(&key, b"", "", NOW + hours * 3_660_000).unwrap();
        }
        let left: i64 = 24 * 60 / 61 + 1;
        assert_eq!(sql.count("repeats"), left);
    }

    /// A partition, with the requests that it answered.
    struct Partition {
        mailbox: Mailbox,
        repeats: Repeats,
    }

    impl Partition {
        fn new() -> Self {
            let sql = Native::new();
            Self {
                mailbox: Mailbox::open(sql.clone(), Vec::new()).unwrap(),
                repeats: Repeats::open(sql).unwrap(),
            }
        }

        fn find(&self, body: &str) -> Result<Repeat> {
            let (repeats, body) = (&self.repeats, body.as_bytes());
            repeats.find(&self.mailbox, "k 1", body, NOW)
        }

        fn answer(&mut self, body: &str) {
            let added = self.repeats.add("k 1", body.as_bytes(), "answer", NOW);
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

    fn request(body: &str) -> Event {
        Event {
            id: id_of("k 1", body.as_bytes()),
            ..Event::named(vec![Name::Phone("1".to_owned())])
        }
    }

    #[test]
    fn a_request_is_known_where_its_person_was_for_as_long_as_where_they_are() {
        let mut former = Partition::new();
        former.answer("{}");
        let day = 24 * 3_600_000;
        for (body, known) in [
            ("{}", Repeat::Answered("answer".into())),
            ("{ }", Repeat::OtherBody),
        ] {
            assert!(former.is_asked(body, 1, NOW + day - 1).stored);
            assert_eq!(former.find(body), Ok(known));
            assert!(!former.is_asked(body, 1, NOW + day).stored);
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
        assert_eq!(former.find("{}"), Err(SqlError::Moved));
        assert_eq!(former.find("{ }"), Ok(Repeat::No));
        assert_eq!(home.find("{}"), Ok(Repeat::No));
        // They turn out to be somebody who was met yet earlier, and was in the former one.
        let moved = home.is_asked("{}", 1, NOW);
        assert!(!moved.stored);
        former.adopts("{}", moved, 1);
        assert_eq!(home.find("{}"), Err(SqlError::Moved));
        assert_eq!(former.find("{}"), Ok(Repeat::No));
    }
}
