//! A number that can send nothing until a person has put something right.

use super::*;
use crate::mailbox::sql::Sql as _;

/// Codes by which templates may be all that a number cannot send.
const OF_TEMPLATES: [u32; 3] = [131_042, 368, 131_048];

#[test]
fn a_number_that_is_blocked_sends_nothing_but_one_message_every_five_minutes() {
    let mut bench = Bench::new();
    for number in 0..10 {
        bench.add(send(&format!("s{number}"), number));
    }
    let (a, b) = (bench.wait_next(), bench.wait_next());
    let (state, change) = bench.done(a, refused(190));
    assert_eq!(state, SendState::Queued);
    assert!(matches!(
        change,
        Some(NumberChange::Blocked(Blocked { code: 190, .. }))
    ));
    assert_eq!(
        bench.done(b, refused(190)),
        (SendState::Queued, None),
        "told once"
    );
    let since = bench.now;
    let probe = bench.wait_next();
    assert_eq!(bench.now - since, 5 * MINUTE);
    bench.now += 30 * MINUTE;
    assert_eq!(
        bench.next(),
        None,
        "no second one while the first is on its way"
    );
    bench.done(probe, refused(190));
    let (_, change) = bench.next_ends(accepted("wamid.1"));
    assert!(matches!(change, Some(NumberChange::Unblocked(_))));
    let left: Vec<_> = (0..9).map(|_| bench.wait_next()).collect();
    assert_eq!(left.len(), 9, "nothing was lost");
}

#[test]
fn a_number_that_is_still_blocked_is_tried_again_after_five_minutes_and_not_before() {
    for happened in [refused(190), Happened::NoAnswer] {
        let mut bench = stopped(190, 9, send);
        for _ in 0..4 {
            let before = bench.now;
            let probe = bench.wait_next();
            assert_eq!(bench.now - before, 5 * MINUTE);
            assert_eq!(bench.done(probe, happened.clone()).1, None);
        }
    }
}

#[test]
fn a_refusal_that_is_for_now_does_not_block_the_number() {
    let mut bench = Bench::with([send("a", 1)]);
    let (state, change) = bench.next_ends(Happened::Answered(GraphAnswer::Refused {
        code: 190,
        class: Class::Token,
        again: true,
    }));
    assert_eq!((state, change), (SendState::Queued, None));
    assert_eq!(bench.outbox.blocked(), None);
}

#[test]
fn a_blocked_number_stays_so_over_a_restart_and_is_tried_at_once_with_new_settings() {
    let mut bench = Bench::with([send("a", 1)]);
    bench.next_ends(refused(131_042));
    bench.reopen("a");
    assert!(bench.outbox.blocked().is_some());
    bench.now += MINUTE;
    assert_eq!(bench.next(), None);
    bench.reopen("b");
    assert!(bench.wait_next().probes.is_some());
    assert!(bench.now < 3 * MINUTE);
}

#[test]
fn one_message_at_fault_does_not_block_the_number_for_ever() {
    let mut bench = Bench::with([send("at fault", 1), send("good", 2)]);
    bench.next_ends(refused(10));
    let good = bench.wait_next();
    assert_eq!(good.send.id, "good");
    bench.done(good, accepted("wamid.1"));
    let (state, change) = bench.next_ends(refused(10));
    assert!(matches!(
        state,
        SendState::Failed {
            code: Some(10),
            class: Class::Permission
        }
    ));
    assert_eq!(change, None);
}

#[test]
fn a_late_failure_of_the_account_blocks_the_number() {
    let mut bench = Bench::with([send("a", 1)]);
    bench.next_ends(accepted("wamid.1"));
    let change = bench.told(failed("a", "wamid.1", 131_042));
    let event = change.unwrap().event("106540352242922", bench.now);
    assert_eq!(event.kind, "transom.number.blocked");
    assert!(
        event.data.contains("Put the payment method right"),
        "{}",
        event.data
    );
}

#[test]
fn a_late_failure_of_payment_or_account_stops_templates_alone_where_it_was_one_that_failed() {
    let kinds = [
        (send("a", 1), false),
        (templates("a", 1), true),
        (with_fallback("a", 1), true),
    ];
    for (code, (send, of_templates)) in OF_TEMPLATES
        .into_iter()
        .flat_map(|code| kinds.clone().map(|kind| (code, kind)))
    {
        let mut bench = Bench::new();
        let has_fallback = send.draft.fallback.is_some();
        bench.add(send);
        let mut started = bench.wait_next();
        if has_fallback {
            let goes = crate::sending::guard::Goes::Fallback;
            bench.outbox.goes_as(&mut started, goes);
        }
        bench.done(started, accepted("wamid.1"));
        bench.reopen("a");
        bench.told(failed("a", "wamid.1", code));
        assert_eq!(bench.outbox.blocked().unwrap().of_templates, of_templates);
    }
}

/// A number that the first of so many sends has stopped.
fn stopped(code: u32, count: i64, send: impl Fn(&str, i64) -> Send) -> Bench {
    let mut bench = Bench::filled(count, send);
    bench.next_ends(refused(code));
    bench
}

fn templates(id: &str, conversation: i64) -> Send {
    let mut send = send(id, conversation);
    send.draft.message = template();
    send
}

#[test]
fn a_message_that_meta_refuses_for_what_it_is_does_not_tell_that_the_number_can_send() {
    let mut bench = stopped(131_031, 3, send);
    let probe = bench.wait_next();
    let before = bench.now;
    let (state, change) = bench.done(probe, refused(131_009));
    assert!(matches!(state, SendState::Failed { .. }));
    assert_eq!(change, None);
    let probe = bench.wait_next();
    assert!(
        probe.probes.is_some() && bench.now - before < 1_000,
        "the next is tried at once"
    );
}

#[test]
fn those_that_waited_while_the_number_was_blocked_are_not_burnt_where_it_is_blocked_again() {
    let mut bench = Bench::filled(6, send);
    let all: Vec<_> = (0..6).map(|_| bench.wait_next()).collect();
    for started in all {
        assert_eq!(bench.done(started, refused(131_031)).0, SendState::Queued);
    }
    bench.next_ends(accepted("wamid.1"));
    let (state, _) = bench.next_ends(refused(131_031));
    assert!(
        matches!(state, SendState::Failed { .. }),
        "others go: it is at fault itself"
    );
    let (state, change) = bench.next_ends(refused(131_031));
    assert_eq!(state, SendState::Queued);
    assert!(matches!(change, Some(NumberChange::Blocked(_))));
}

#[test]
fn after_a_restart_what_was_tried_while_the_number_was_blocked_goes_after_the_others() {
    let mut bench = Bench::with([send("at fault", 1), send("good", 2)]);
    bench.next_ends(refused(10));
    bench.now += 5 * MINUTE;
    bench.reopen("a");
    let good = bench.wait_next();
    assert_eq!(good.send.id, "good");
    bench.done(good, accepted("wamid.1"));
    let (state, _) = bench.next_ends(refused(10));
    assert!(matches!(state, SendState::Failed { code: Some(10), .. }));
    assert_eq!(bench.find("at fault").error, None);
}

#[test]
fn after_a_restart_what_was_tried_while_the_number_was_blocked_goes_in_the_order_of_its_tries() {
    let mut bench = stopped(10, 3, send);
    bench.next_ends(refused(10));
    bench.reopen("b");
    let order = [(); 3].map(|()| {
        let started = bench.wait_next();
        let id = started.send.id.clone();
        bench.done(started, accepted("wamid.1"));
        id
    });
    assert_eq!(order, ["s2", "s0", "s1"]);
}

#[test]
fn what_was_tried_while_the_number_was_blocked_is_at_fault_though_it_was_too_fast_meanwhile() {
    let mut bench = Bench::with([send("at fault", 1), send("good", 2)]);
    bench.next_ends(refused(10));
    bench.next_ends(accepted("wamid.1"));
    assert_eq!(bench.next_ends(refused(130_429)).0, SendState::Queued);
    let (state, change) = bench.next_ends(refused(10));
    assert!(matches!(state, SendState::Failed { code: Some(10), .. }));
    assert_eq!(change, None);
}

#[test]
fn whether_templates_go_again_is_tried_though_an_answer_is_on_its_way() {
    let mut bench = stopped(131_042, 2, templates);
    bench.add(send("answer", 9));
    let answer = bench.wait_next();
    assert!(answer.probes.is_none());
    bench.now += 5 * MINUTE;
    assert!(bench.next().is_some_and(|it| it.probes.is_some()));
}

#[test]
fn where_the_payment_is_wrong_or_the_account_restricted_templates_wait_and_who_wrote_is_answered() {
    for code in OF_TEMPLATES {
        let mut bench = Bench::filled(3, templates);
        let (state, change) = bench.next_ends(refused(code));
        assert_eq!(state, SendState::Queued);
        assert!(matches!(change, Some(NumberChange::Blocked(blocked)) if blocked.of_templates));
        bench.add(send("answer", 9));
        bench.add(send("behind a template", 1));
        for _ in 0..2 {
            let answer = bench.wait_next();
            assert_eq!(answer.send.id, "answer");
            assert!(answer.probes.is_none() && bench.now < 2 * MINUTE);
            let (_, change) = bench.done(answer, Happened::ConnectionRefused);
            assert_eq!(change, None);
            bench.reopen("a");
        }
        let (_, change) = bench.next_ends(accepted("wamid.1"));
        assert_eq!(change, None, "it says nothing of templates");
        let probe = bench.wait_next();
        assert!(probe.probes.is_some() && bench.now >= 6 * MINUTE);
        assert_eq!(probe.send.id, "s1", "another than the one that was refused");
        let (_, change) = bench.done(probe, accepted("wamid.2"));
        assert!(matches!(change, Some(NumberChange::Unblocked(_))));
    }
}

#[test]
fn where_it_turns_out_that_nothing_can_be_sent_all_waits() {
    for (of_template, code, by_status) in [
        (131_042, 190, false),
        (368, 368, false),
        (131_048, 131_031, false),
        (131_048, 131_048, true),
    ] {
        let mut bench = stopped(of_template, 2, templates);
        bench.add(send("answer", 9));
        bench.add(send("another", 10));
        let change = if by_status {
            bench.next_ends(accepted("wamid.1"));
            bench.told(failed("answer", "wamid.1", code))
        } else {
            let (state, change) = bench.next_ends(refused(code));
            assert_eq!(state, SendState::Queued);
            change
        };
        let Some(NumberChange::Blocked(blocked)) = change else {
            panic!("{code}: {change:?}");
        };
        assert_eq!((blocked.code, blocked.of_templates), (code, false));
        for _ in 0..2 {
            bench.reopen("a");
            let before = bench.now;
            let probe = bench.wait_next();
            assert_eq!(bench.now - before, 5 * MINUTE);
            assert_eq!(bench.done(probe, refused(code)).1, None, "nothing is new");
        }
    }
}

#[test]
fn a_number_that_a_status_stopped_sends_again_when_two_messages_in_a_row_were_not_refused_later() {
    let mut bench = Bench::filled(5, templates);
    bench.next_ends(accepted("wamid.0"));
    let failed = |send: &str, wamid| failed(send, wamid, 131_042);
    assert!(bench.told(failed("s0", "wamid.0")).is_some());
    let probe = bench.wait_next();
    let id = probe.send.id.clone();
    assert_eq!(bench.done(probe, accepted("wamid.1")).1, None);
    assert_eq!(bench.next(), None, "whether it arrives is not known yet");
    assert_eq!(bench.told(failed(&id, "wamid.1")), None);
    for taken in 0..2 {
        let before = bench.now;
        bench.reopen("a");
        let probe = bench.wait_next();
        let waited = [5 * MINUTE, MINUTE][taken];
        assert_eq!(bench.now - before, waited);
        let (_, change) = bench.done(probe, accepted("wamid.2"));
        assert_eq!(change.is_some(), taken == 1);
    }
}

#[test]
fn a_failure_of_days_ago_says_nothing_of_the_number() {
    let mut bench = Bench::new();
    bench.now += 1_000 * MINUTE;
    bench.add(send("a", 1));
    bench.next_ends(accepted("wamid.1"));
    let mut late = failed("a", "wamid.1", 131_042);
    late.time = Some((bench.now - 60 * MINUTE) / 1_000);
    assert_eq!(bench.told(late), None);
    assert_eq!(bench.find("a").error, Some(131_042));
}

#[test]
fn a_status_that_overtakes_the_answer_tells_that_the_number_can_send() {
    let mut bench = stopped(190, 2, send);
    let probe = bench.wait_next();
    bench.told(sent(&probe.send.id, "wamid.1"));
    let (_, change) = bench.done(probe, Happened::NoAnswer);
    assert!(matches!(change, Some(NumberChange::Unblocked(_))));
}

#[test]
fn without_a_token_all_waits_until_there_is_one() {
    let mut bench = Bench::filled(10, send);
    let (state, change) = bench.next_ends(Happened::no_token());
    assert_eq!(state, SendState::Queued);
    let event = change.unwrap().event("106540352242922", bench.now);
    assert!(
        event.data.contains("Set GRAPH_ACCESS_TOKEN"),
        "{}",
        event.data
    );
    bench.reopen("with a token");
    bench.next_ends(accepted("wamid.1"));
    assert_eq!(
        (0..9)
            .filter(|_| !bench.wait_next().send.id.is_empty())
            .count(),
        6 + 3
    );
}

#[test]
fn what_waits_is_not_forgotten_however_long_it_waits() {
    let mut bench = Bench::with([send("a", 1)]);
    bench.next_ends(refused(131_031));
    bench.now += 30 * 24 * 60 * MINUTE;
    bench.reopen("a");
    bench.next_ends(accepted("wamid.1"));
    bench.now += 9 * 24 * 60 * MINUTE;
    bench.reopen("a");
    assert!(matches!(bench.find("a").state, SendState::Accepted { .. }));
    bench.now += 1;
    bench.reopen("a");
    let kept = bench.outbox.find("a", bench.now).unwrap();
    assert_eq!(kept, None, "nine days after it ended");
}

#[test]
fn a_probe_of_before_says_nothing_of_what_is_wrong_since() {
    let mut bench = stopped(131_042, 3, templates);
    let probe = bench.wait_next();
    assert!(probe.probes.is_some());
    bench.add(send("answer", 9));
    let answer = bench.wait_next();
    bench.now += 1;
    let (_, change) = bench.done(answer, refused(190));
    assert!(matches!(
        change,
        Some(NumberChange::Blocked(Blocked { code: 190, .. }))
    ));
    assert_eq!(bench.done(probe, accepted("wamid.1")).1, None);
    assert_eq!(bench.outbox.blocked().unwrap().code, 190);
}

#[test]
fn what_failed_before_the_number_was_put_right_does_not_stop_it_again() {
    let mut bench = Bench::filled(3, send);
    bench.next_ends(accepted("wamid.0"));
    bench.next_ends(refused(131_031));
    let failed_ms = bench.now;
    let probe = bench.wait_next();
    assert!(bench.done(probe, accepted("wamid.1")).1.is_some());
    let mut late = failed("s0", "wamid.0", 131_031);
    late.time = Some(failed_ms / 1_000);
    bench.reopen("a");
    assert_eq!(bench.told(late.clone()), None);
    late.time = Some(bench.now / 1_000);
    bench
        .sql
        .exec("UPDATE sends SET error = NULL", &[])
        .unwrap();
    assert!(bench.told(late).is_some());
}

#[test]
fn a_probe_that_did_not_leave_is_not_waited_for() {
    let mut bench = stopped(190, 2, send);
    let probe = bench.wait_next();
    let before = bench.now;
    bench.done(probe, Happened::NotTried);
    assert!(bench.wait_next().probes.is_some());
    assert!(bench.now - before <= 1_000);
}

#[test]
fn what_may_not_go_any_more_takes_no_turn_from_what_may() {
    let mut bench = stopped(190, 1_000, send);
    let first = bench.wait_next();
    let before = bench.now;
    bench.done(first, Happened::Refuse(Class::Late));
    for _ in 0..998 {
        bench.next_ends(Happened::Refuse(Class::Late));
    }
    let (_, change) = bench.next_ends(accepted("wamid.1"));
    assert!(matches!(change, Some(NumberChange::Unblocked(_))));
    assert_eq!(bench.now, before);
}

#[test]
fn what_waited_while_the_account_was_restricted_goes_slowly_at_first() {
    for (code, kind, slowly) in [
        (131_048, send as fn(&str, i64) -> Send, true),
        (131_048, templates, true),
        (190, send, false),
    ] {
        let mut bench = stopped(code, 40, kind);
        bench.next_ends(accepted("wamid.0"));
        let before = bench.now;
        for n in 1..20 {
            bench.next_ends(accepted(&format!("wamid.{n}")));
        }
        let took_ms = bench.now - before;
        assert_eq!(took_ms > 5_000, slowly, "{code}: {took_ms} ms");
    }
}

#[test]
fn a_probe_to_a_customer_who_is_written_to_too_often_does_not_stop_the_others_for_as_long() {
    let mut bench = Bench::with([send("a", 1)]);
    for _ in 0..7 {
        bench.next_ends(refused(131_056));
    }
    bench.add(send("b", 2));
    for id in ["b", "b", "a"] {
        let started = bench.wait_next();
        assert_eq!(started.send.id, id);
        bench.now += 60 * MINUTE;
        let code = if id == "b" { 190 } else { 131_056 };
        bench.done(started, refused(code));
    }
    let before = bench.now;
    assert_eq!(bench.wait_next().send.id, "b");
    assert_eq!(bench.now - before, MINUTE);
}

#[test]
fn who_asks_is_told_that_an_answer_goes_though_templates_wait() {
    let mut bench = stopped(131_042, 2, templates);
    let goes_ms = bench.add(send("answer", 9)).unwrap();
    assert!(goes_ms < bench.now + 1_000);
    let goes_ms = bench.add(templates("template", 8)).unwrap();
    assert!(goes_ms >= bench.now + 5 * MINUTE);
    for (id, at_once) in [("answer", true), ("template", false)] {
        let (_, goes_ms) = bench.outbox.find(id, bench.now).unwrap().unwrap();
        assert_eq!(goes_ms.unwrap() < bench.now + 1_000, at_once, "{id}");
    }
}

#[test]
fn after_a_restart_what_waits_goes_before_what_is_new() {
    let mut bench = Bench::filled(2, send);
    bench.reopen("a");
    bench.now += 1_000;
    bench.add(send("new", 9));
    let order: Vec<_> = (0..3).map(|_| bench.wait_next().send.id).collect();
    assert_eq!(order, ["s0", "s1", "new"]);
}

#[test]
fn what_cannot_be_read_any_more_fails_and_holds_back_nothing() {
    let mut bench = Bench::filled(2, send);
    bench
        .sql
        .exec("UPDATE sends SET draft = '{}' WHERE id = 's0'", &[])
        .unwrap();
    bench.add(send("behind it", 1));
    assert_eq!(bench.wait_next().send.id, "s1");
    assert_eq!(bench.wait_next().send.id, "behind it");
    assert!(matches!(
        bench.find("s0").state,
        SendState::Failed { code: None, .. }
    ));
}
