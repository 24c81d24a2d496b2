//! A number that can send nothing until a person has put something right.

use super::*;

#[test]
fn a_number_that_is_blocked_sends_nothing_but_one_message_every_five_minutes() {
    let mut bench = Bench::new();
    for number in 0..10 {
        bench.add(send(&format!("s{number}"), number));
    }
    let (a, b) = (bench.wait_next(), bench.wait_next());
    let (state, change) = bench.done(a, refused(190));
    assert_eq!(state, State::Queued);
    assert!(matches!(
        change,
        Some(Change::Blocked(Blocked { code: 190, .. }))
    ));
    assert_eq!(
        bench.done(b, refused(190)),
        (State::Queued, None),
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
    let probe = bench.wait_next();
    let (_, change) = bench.done(probe, accepted("wamid.1"));
    assert!(matches!(change, Some(Change::Unblocked(_))));
    let left: Vec<_> = (0..9).map(|_| bench.wait_next()).collect();
    assert_eq!(left.len(), 9, "nothing was lost");
}

#[test]
fn a_blocked_number_stays_so_over_a_restart_and_is_tried_at_once_with_new_settings() {
    let mut bench = Bench::new();
    bench.add(send("a", 1));
    let started = bench.wait_next();
    bench.done(started, refused(131_042));
    bench.reopen("a");
    assert!(bench.outbox.blocked().is_some());
    bench.now += MINUTE;
    assert_eq!(bench.next(), None);
    bench.reopen("b");
    assert!(bench.wait_next().probes);
    assert!(bench.now < 3 * MINUTE);
}

#[test]
fn one_message_at_fault_does_not_block_the_number_for_ever() {
    let mut bench = Bench::new();
    bench.add(send("at fault", 1));
    bench.add(send("good", 2));
    let started = bench.wait_next();
    bench.done(started, refused(10));
    let good = bench.wait_next();
    assert_eq!(good.send.id, "good");
    bench.done(good, accepted("wamid.1"));
    let again = bench.wait_next();
    let (state, change) = bench.done(again, refused(10));
    assert!(matches!(
        state,
        State::Failed {
            code: Some(10),
            class: Class::Permission
        }
    ));
    assert_eq!(change, None);
}

#[test]
fn a_late_failure_of_the_account_blocks_the_number() {
    let mut bench = Bench::new();
    bench.add(send("a", 1));
    let started = bench.wait_next();
    bench.done(started, accepted("wamid.1"));
    let change = bench.told(status("a", "wamid.1", MessageStatus::Failed, Some(131_042)));
    let event = change.unwrap().event("106540352242922", bench.now);
    assert_eq!(event.kind, "transom.number.blocked");
    assert!(
        event.data.contains("Put the payment method right"),
        "{}",
        event.data
    );
}
