//! What it takes to open the outbox, however much waits and went.

use std::cell::Cell;

use super::{lanes::WaitingSend, stored::Keep, *};
use crate::mailbox::sql::{Result, Row, Sql, Value};

/// A database that takes note of the longest answer.
#[derive(Debug)]
struct Measured {
    sql: Rc<Native>,
    most_rows: Cell<usize>,
}

impl Sql for Measured {
    fn exec(&self, statement: &str, parameters: &[Value]) -> Result<Vec<Row>> {
        let rows = self.sql.exec(statement, parameters)?;
        self.most_rows.set(self.most_rows.get().max(rows.len()));
        Ok(rows)
    }

    fn transaction(&self, body: &mut dyn FnMut() -> Result<()>) -> Result<()> {
        self.sql.transaction(body)
    }
}

/// How many sends there are of each kind: more than are read at a time.
const EACH: i64 = 1_100;

/// A database in which so many sends of each kind are, all of today, and each to somebody else.
fn filled() -> Rc<Native> {
    let bench = Bench::new();
    let table = &bench.outbox.table;
    let mut place = 0;
    for kind in 0..5 {
        for _ in 0..EACH {
            place += 1;
            let id = format!("1065.e-{place}.crm.0");
            let send = with_fallback(&id, place);
            table.add(&send, &SendState::Queued, place, MINUTE).unwrap();
            let (state, keep) = match kind {
                0 => (taken("wamid.1"), Keep::Nothing),
                1 => (taken("wamid.1"), Keep::AsItIs),
                2 => (SendState::Unknown, Keep::Nothing),
                3 => (SendState::Queued, Keep::AsItIs),
                _ => continue,
            };
            table.write(&id, &state, &keep, false, MINUTE + 1).unwrap();
            if kind == 3 {
                table.put_back(&id, 190).unwrap();
            }
        }
    }
    bench.sql
}

fn opened(sql: Rc<dyn Sql>) -> Outbox {
    Outbox::open(sql, Rates::default(), "a".into(), 2 * MINUTE).unwrap()
}

#[test]
fn however_much_waits_and_went_it_is_read_piece_by_piece() {
    let sql = Rc::new(Measured {
        sql: filled(),
        most_rows: Cell::new(0),
    });
    let outbox = opened(sql.clone());
    assert_eq!(outbox.waiting(), 2 * EACH);
    let most = usize::try_from(5 * EACH).unwrap();
    assert_eq!(outbox.conversations().count(), most);
    let watched = usize::try_from(3 * EACH).unwrap();
    assert_eq!(outbox.watched.len(), watched, "what was never tried is not");
    let mut answers = 0;
    outbox.answers(0, &mut |_, _| answers += 1).unwrap();
    assert_eq!(answers, 5 * EACH);
    assert_eq!(sql.most_rows.get(), 1_000);
}

#[test]
fn what_was_tried_goes_last_and_in_the_order_of_its_tries() {
    let mut bench = Bench::filled(4, send);
    for (id, tried_ms) in [("s0", 9), ("s1", 7), ("s2", 8)] {
        let table = &bench.outbox.table;
        table
            .write(id, &SendState::Queued, &Keep::AsItIs, false, tried_ms)
            .unwrap();
        table.put_back(id, 190).unwrap();
    }
    bench.reopen("a");
    let order = [(); 4].map(|()| bench.wait_next().send.id);
    assert_eq!(order, ["s3", "s1", "s2", "s0"]);
}

#[test]
fn where_as_many_wait_as_fit_into_the_memory_a_reply_ends_at_once_and_the_api_stops_before() {
    let mut bench = Bench::new();
    for place in 1..=100_000 {
        assert!(!bench.outbox.is_full());
        assert_eq!(bench.outbox.is_for_answers(), place > 90_000);
        let waiting = WaitingSend::new(place.to_string(), place, false);
        bench.outbox.lanes.insert(place, waiting, MINUTE);
    }
    assert!(bench.outbox.is_full());
    let refused = bench.outbox.refuse(&send("a", 1), MINUTE).unwrap();
    assert!(refused.is_refused_here());
    assert_eq!((bench.find("a").state, bench.draft("a")), (refused, None));
    assert_eq!(bench.outbox.waiting(), 100_000);
    bench.reopen("a");
    assert_eq!(bench.outbox.waiting(), 0);
}
