//! How fast messages go, how many at once, and in which order to one customer.

use super::*;

#[test]
fn no_more_than_80_go_in_any_one_second_though_the_object_ends() {
    let mut bench = Bench::filled(200, send);
    let went: Vec<i64> = (0..200)
        .map(|number| {
            if number % 30 == 29 {
                bench.reopen("a");
            }
            bench.next_ends(accepted("wamid.1"));
            bench.now
        })
        .collect();
    let apart = went.windows(81).map(|window| window[80] - window[0]);
    assert!(apart.min().unwrap() >= 1_000);
}

#[test]
fn the_pace_is_halved_where_meta_says_that_it_is_too_fast() {
    let eighty_go_in = |bench: &mut Bench| {
        let before = bench.now;
        for _ in 0..80 {
            bench.next_ends(accepted("wamid.1"));
        }
        bench.now - before
    };
    let mut bench = Bench::filled(200, send);
    let before = eighty_go_in(&mut bench);
    bench.next_ends(refused(130_429));
    let after = eighty_go_in(&mut bench);
    assert!(after > before * 3 / 2, "{before} ms, then {after} ms");
}

#[test]
fn so_many_are_on_their_way_at_once_as_the_pace_needs_6_at_least_and_128_at_most() {
    for (per_second, most) in [(4, 6), (20, 10), (80, 40), (1_000, 128)] {
        let mut bench = Bench::filled(200, send);
        let rates = Rates {
            per_second,
            per_minute: None,
        };
        bench.outbox = Outbox::open(bench.sql.clone(), rates, "a".into(), bench.now).unwrap();
        let mut under_way = Vec::new();
        for _ in 0..60 {
            bench.now += 1_000;
            while let Some(started) = bench.next() {
                under_way.push(started);
            }
        }
        assert_eq!(under_way.len(), most, "{per_second} a second");
        assert!(bench.outbox.is_sending());
        assert_eq!(bench.outbox.waiting(), 200 - i64::try_from(most).unwrap());
        bench.done(under_way.remove(0), accepted("wamid.1"));
        assert!(bench.next().is_some());
    }
}

#[test]
fn one_customer_gets_45_at_once_and_then_one_in_6_seconds_however_long_others_are_written_to() {
    let mut bench = Bench::with((0..70).map(|number| send(&number.to_string(), 1)));
    let before = bench.now;
    for _ in 0..45 {
        bench.next_ends(accepted("wamid.1"));
    }
    assert!(bench.now - before < 1_000);
    let started = bench.wait_next();
    assert_eq!(bench.now - before, 6_000);
    bench.done(started, accepted("wamid.1"));
    bench.now = before + 65_000;
    bench.add(send("b", 2));
    for _ in 0..10 {
        bench.next_ends(accepted("wamid.1"));
    }
    assert!(bench.now - before < 65_500);
    bench.next_ends(accepted("wamid.1"));
    assert_eq!(bench.now - before, 66_000);
}

#[test]
fn what_went_to_two_who_turn_out_to_be_one_counts_together() {
    let to = |count: i64, conversation| {
        (0..count).map(move |number| send(&format!("{conversation}.{number}"), conversation))
    };
    let mut bench = Bench::with(to(23, 1).chain(to(22, 2)));
    for _ in 0..45 {
        bench.next_ends(accepted("wamid.1"));
    }
    bench.outbox.join(2, 1, bench.now);
    bench.add(send("a", 1));
    let before = bench.now;
    bench.wait_next();
    assert!(bench.now - before > 5_000);
}

#[test]
fn who_turns_out_to_be_somebody_else_gets_all_in_its_order_whoever_was_met_first() {
    for (from, into) in [(1, 2), (2, 1), (1, 9), (2, 9)] {
        let mut bench = Bench::with([("a", 1), ("b", 2), ("c", 1)].map(|(id, to)| send(id, to)));
        bench.outbox.join(from, into, bench.now);
        if into == 9 {
            bench.outbox.join(3 - from, into, bench.now);
        }
        for id in ["a", "b", "c"] {
            let started = bench.wait_next();
            assert_eq!(started.send.id, id, "{from} is {into}");
            bench.now += 1_000;
            assert_eq!(bench.next(), None, "one at a time");
            bench.done(started, accepted("wamid.1"));
        }
        assert_eq!(bench.outbox.wakes_at(bench.now), None);
    }
}

#[test]
fn who_turns_out_to_be_one_of_two_who_turn_out_to_be_one_is_written_to_in_order() {
    let mut bench = Bench::with([send("a", 1)]);
    bench.outbox.join(1, 2, bench.now);
    bench.outbox.join(2, 3, bench.now);
    bench.outbox.join(8, 9, bench.now);
    bench.add(send("b", 1));
    let a = bench.wait_next();
    assert_eq!((a.send.id.as_str(), a.send.conversation), ("a", 3));
    bench.now += 1_000;
    assert_eq!(bench.next(), None);
    bench.done(a, accepted("wamid.1"));
    let b = bench.wait_next();
    assert_eq!((b.send.id.as_str(), b.send.conversation), ("b", 3));
}

#[test]
fn a_message_that_is_on_its_way_for_minutes_is_not_overtaken_and_who_has_rested_is_forgotten() {
    let mut bench = Bench::with([send("a", 1), send("b", 2)]);
    let a = bench.wait_next();
    bench.next_ends(accepted("wamid.1"));
    bench.now += 2 * MINUTE;
    bench.add(send("c", 3));
    bench.next_ends(accepted("wamid.1"));
    let mut known: Vec<_> = bench.outbox.conversations().collect();
    known.sort_unstable();
    assert_eq!(known, [1, 3]);
    bench.add(send("d", 1));
    bench.now += 1_000;
    assert_eq!(bench.next(), None);
    bench.done(a, accepted("wamid.1"));
    assert_eq!(bench.wait_next().send.id, "d");
}

#[test]
fn after_a_restart_it_is_known_whose_messages_nobody_knows_of() {
    let mut bench = Bench::with([with_fallback("a", 7)]);
    bench.next_ends(Happened::NoAnswer);
    bench.now += 60 * MINUTE;
    bench.reopen("a");
    assert_eq!(bench.outbox.conversations().collect::<Vec<_>>(), [7]);
}

#[test]
fn what_did_not_leave_waits_longer_each_time() {
    for happened in [Happened::NotTried, Happened::Undecided] {
        let mut bench = Bench::with([send("a", 1)]);
        let waits = [(); 8].map(|()| {
            bench.next_ends(happened.clone());
            bench.outbox.wakes_at(bench.now).unwrap() - bench.now
        });
        let doubled = [1, 2, 4, 8, 16, 32, 60, 60].map(|seconds| seconds * 1_000);
        assert_eq!(waits, doubled);
    }
}
