//! Meta does not answer.

use super::*;

/// How long it takes until 80 messages have gone, in milliseconds.
fn eighty_go_in(bench: &mut Bench) -> i64 {
    let before = bench.now;
    for _ in 0..80 {
        bench.next_ends(accepted("wamid.1"));
    }
    bench.now - before
}

#[test]
fn what_waits_during_an_outage_of_meta_goes_on_waiting() {
    let server_error = || Happened::Answered(crate::meta::graph::answer::read(503, b""));
    for (minutes, happened) in [(10, server_error()), (60, Happened::NoAnswer)] {
        let mut bench = Bench::filled(1_000, send);
        let mut lost = 0;
        let began = bench.now;
        while bench.now - began < minutes * MINUTE {
            assert_eq!(bench.next_ends(happened.clone()).0, SendState::Unknown);
            lost += 1;
        }
        assert!(lost < 10 + minutes, "{lost} in {minutes} minutes");
        bench.next_ends(accepted("wamid.1"));
        assert!(eighty_go_in(&mut bench) < 2_000, "then all is as it was");
    }
}

#[test]
fn where_no_connection_comes_about_nothing_is_lost_and_all_wait_as_in_an_outage() {
    let mut bench = Bench::filled(300, send);
    let mut tries = 0;
    let began = bench.now;
    while bench.now - began < 60 * MINUTE {
        let started = bench.wait_next();
        let happened = Happened::answered(530, b"error code: 1016");
        assert_eq!(bench.done(started, happened).0, SendState::Queued);
        tries += 1;
    }
    assert!(tries < 10 + 60, "{tries} in an hour");
    bench.next_ends(accepted("wamid.1"));
    assert!(eighty_go_in(&mut bench) < 2_000, "then all is as it was");
}

#[test]
fn an_outage_lasts_though_the_object_ends_between_its_tries() {
    let mut bench = Bench::filled(1_000, send);
    let began = bench.now;
    let mut lost = 0;
    while bench.now - began < 60 * MINUTE {
        let at = bench.outbox.wakes_at(bench.now).unwrap();
        if at - bench.now > 10_000 {
            bench.now = at;
            bench.reopen("a");
        }
        bench.next_ends(Happened::NoAnswer);
        lost += 1;
    }
    assert!(lost < 10 + 60, "{lost} in an hour");
    assert_eq!(bench.outbox.silent_since_ms(), Some(began));
    bench.next_ends(accepted("wamid.1"));
    bench.reopen("a");
    assert_eq!(bench.outbox.silent_since_ms(), None);
    assert!(eighty_go_in(&mut bench) < 3_000, "then all is as it was");
}

#[test]
fn one_message_that_meta_chokes_on_holds_back_no_other() {
    let mut bench = Bench::new();
    for number in 0..20 {
        bench.add(send(&number.to_string(), number));
        let started = bench.wait_next();
        let happened = if number % 2 == 0 {
            Happened::NoAnswer
        } else {
            accepted("wamid.1")
        };
        bench.done(started, happened);
    }
    assert!(bench.now < 2 * MINUTE);
}

#[test]
fn what_goes_at_the_same_time_is_one_try() {
    let mut bench = Bench::filled(50, send);
    let under_way: Vec<_> = (0..40).map(|_| bench.wait_next()).collect();
    for started in under_way {
        bench.done(started, Happened::NoAnswer);
    }
    let before = bench.now;
    bench.wait_next();
    assert_eq!(bench.now - before, 5_000);
}

#[test]
fn an_answer_that_refuses_a_message_ends_the_outage_as_well() {
    for code in [130_429, 131_056, 131_208, 132_001] {
        let mut bench = Bench::filled(6, send);
        for _ in 0..5 {
            bench.next_ends(Happened::NoAnswer);
        }
        assert!(bench.outbox.silent_since_ms().is_some());
        bench.next_ends(refused(code));
        assert_eq!(bench.outbox.silent_since_ms(), None, "{code}");
    }
}

#[test]
fn what_we_refuse_ourselves_costs_the_others_no_time() {
    let mut bench = Bench::filled(300, send);
    for _ in 0..6 {
        bench.next_ends(Happened::NoAnswer);
    }
    let before = bench.now;
    for _ in 0..200 {
        bench.next_ends(Happened::Refuse(Class::Late));
    }
    assert!(bench.now - before < MINUTE, "{}", bench.now - before);
    bench.next_ends(refused(131_056));
    let before = bench.now;
    bench.wait_next();
    assert!(bench.now - before < 1_000, "Meta answers again");
}
