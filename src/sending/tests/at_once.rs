//! A send that goes as soon as it is asked for.

use super::{stored::TurnedAway, *};
use crate::mailbox::sql::{SqlError, atomically};

impl Bench {
    /// It is asked for by the answer to a delivery. Gives it, if it goes at once.
    fn reply(&mut self, send: Send) -> Option<Started> {
        let added = self.outbox.add_and_start(send, true, self.now);
        added.unwrap().1
    }
}

#[test]
fn what_goes_at_once_is_a_row_less() {
    let mut bench = Bench::new();
    let before = bench.sql.changes();
    let started = bench.reply(send("a", 1)).unwrap();
    assert_eq!(bench.find("a").state, SendState::Started);
    assert_eq!((bench.outbox.waiting(), bench.next()), (0, None));
    bench.done(started, accepted("wamid.1"));
    assert_eq!(bench.sql.changes() - before, 2);
    bench.add(send("b", 2));
    bench.next_ends(accepted("wamid.2"));
    assert_eq!(bench.sql.changes() - before, 2 + 3);
}

#[test]
fn what_went_at_once_is_as_if_it_had_waited_for_its_turn() {
    let mut ends = Vec::new();
    for waits in [false, true] {
        let mut bench = Bench::new();
        let started = if waits {
            bench.add(with_fallback("a", 1));
            bench.wait_next()
        } else {
            bench.reply(with_fallback("a", 1)).unwrap()
        };
        let again = bench.outbox.add_and_start(send("a", 1), true, bench.now);
        assert_eq!(again.unwrap(), (false, None));
        bench.add(send("b", 1));
        assert_eq!(bench.next(), None, "one after the other");
        let kept = started.clone();
        bench.done(started, refused(131_056));
        let wakes_at = bench.outbox.wakes_at(bench.now);
        bench.next_ends(accepted("wamid.1"));
        ends.push((
            kept,
            wakes_at,
            bench.find("a"),
            bench.draft("a"),
            bench.wait_next(),
        ));
    }
    assert_eq!(ends[0], ends[1]);
}

#[test]
fn what_cannot_go_at_once_waits() {
    let another_waits = || Bench::with([send("x", 2)]);
    let the_last_is_on_its_way = || {
        let mut bench = Bench::with([send("x", 1)]);
        bench.wait_next();
        bench
    };
    let two_became_one = || {
        let mut bench = Bench::with([send("x", 2)]);
        bench.wait_next();
        bench.outbox.join(2, 1, bench.now);
        bench
    };
    let many_are_on_their_way = || {
        let mut bench = Bench::filled(40, |id, number| send(id, number + 1));
        (0..40).for_each(|_| drop(bench.wait_next()));
        bench.now += MINUTE;
        bench
    };
    let many_have_just_gone = || {
        let mut bench = Bench::new();
        while let Some(started) = bench.reply(send(&format!("x{}", bench.sql.changes()), 2)) {
            bench.done(started, accepted("wamid.1"));
        }
        bench.next_ends(accepted("wamid.1"));
        bench
    };
    let the_customer_gets_too_many = || {
        let mut bench = Bench::new();
        for number in 0..45 {
            bench.add(send(&format!("x{number}"), 1));
            bench.next_ends(accepted("wamid.1"));
        }
        bench.now += 1_000;
        bench
    };
    let the_number_is_tried = || {
        let mut bench = Bench::with([send("x", 2)]);
        bench.next_ends(refused(190));
        bench.wait_next();
        bench.now += 30 * MINUTE;
        bench
    };
    let meta_is_silent = || {
        let mut bench = Bench::filled(5, |id, number| send(id, number + 1));
        (0..5).for_each(|_| drop(bench.next_ends(Happened::NoAnswer)));
        bench.now += 1_000;
        bench
    };
    let all: [(&str, &dyn Fn() -> Bench); 8] = [
        ("another waits", &another_waits),
        ("its last one is on its way", &the_last_is_on_its_way),
        ("two became one", &two_became_one),
        ("many are on their way", &many_are_on_their_way),
        ("many have just gone", &many_have_just_gone),
        ("too many to one", &the_customer_gets_too_many),
        ("one sees whether the number can send", &the_number_is_tried),
        ("silent", &meta_is_silent),
    ];
    for (why, bench) in all {
        let mut bench = bench();
        assert_eq!(bench.reply(send("a", 1)), None, "{why}");
        assert_eq!(bench.find("a").state, SendState::Queued, "{why}");
        bench.reopen("a");
        assert_eq!(bench.find("a").state, SendState::Queued, "{why}");
    }
    let mut bench = Bench::new();
    let added = bench.outbox.add_and_start(send("a", 1), false, bench.now);
    assert_eq!(added.unwrap(), (true, None), "nothing may start");
    assert_eq!(bench.next_ends(accepted("wamid.1")).0, taken("wamid.1"));
}

#[test]
fn where_only_templates_cannot_go_none_goes_at_once() {
    let [one, another] = ["x", "a"].map(|id| {
        let mut send = send(id, 1);
        send.draft.message = template();
        send
    });
    let mut bench = Bench::with([one]);
    bench.next_ends(accepted("wamid.1"));
    bench.told(failed("x", "wamid.1", 131_042));
    bench.now += 1_000;
    assert_eq!(bench.reply(another), None);
    assert_eq!(bench.find("a").state, SendState::Queued);
}

#[test]
fn wherever_the_database_fails_it_is_asked_for_and_started_or_neither() {
    for statements in 0.. {
        let mut bench = Bench::new();
        let sql = bench.sql.clone();
        sql.fails_after(Some(statements));
        let added = atomically(&*sql, || {
            let added = bench.outbox.add_and_start(send("a", 1), true, MINUTE)?;
            // What is written down with it.
            bench.outbox.table.wait("b", TurnedAway::default(), 1)?;
            Ok(added)
        });
        sql.fails_after(None);
        if let Ok((_, started)) = added {
            assert!(started.is_some() && statements >= 2);
            break;
        }
        assert!(matches!(added, Err(SqlError::Refused(_))));
        bench.reopen("a");
        assert_eq!(bench.outbox.take_interrupted(), []);
        let started = bench.reply(send("a", 1)).unwrap();
        bench.done(started, accepted("wamid.1"));
    }
}
