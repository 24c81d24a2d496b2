//! Replays of a person who turns out to be another.

use super::*;

/// Tells that whoever had the first phone has the second one now.
fn one_is_two(id: &str) -> Event {
    Event {
        names: vec![user("US.1"), phone("2")],
        effect: Effect::Renames {
            from: vec![phone("1")],
        },
        ..message("2", id)
    }
}

#[test]
fn a_replay_follows_a_person_who_turned_out_to_be_another() {
    let mut mailbox = with_dead_letters(&Native::new(), &[("1", "a"), ("2", "b")], &["b-0"]);
    mailbox.store([one_is_two("c")], LATER);
    deliver(&mut mailbox, LATER, |delivery| delivery.destination == 1);
    let found = mailbox.with(&phone("2"));
    let which = Which {
        conversation: Some(found.conversation),
        ..of("crm")
    };
    begin(&mut mailbox, wish(which));
    assert_eq!(
        mailbox.deliver(LATER + 5000),
        ["b-0", "c-0"],
        "one conversation, in its order"
    );
}

#[test]
fn what_comes_back_of_a_replay_that_was_stopped_does_not_go_though_its_person_is_another_by_then() {
    let sql = Native::new();
    let mut mailbox = with_dead_letters(&sql, &[("1", "a"), ("2", "b")], &["b-0"]);
    begin(&mut mailbox, wish(of("crm")));
    let delivery = mailbox.start(LATER);
    mailbox.store([one_is_two("c")], LATER);
    mailbox.stop_replay("r1", LATER).unwrap();
    mailbox.end(&delivery, &refused(), LATER);
    assert_eq!(told(&mailbox, "r1").dropped, 1);
    let taken = deliver(&mut mailbox, LATER, |delivery| delivery.destination == 0);
    assert_eq!(taken, ["c-0"]);
    assert_eq!(sql.count("parked_events"), 1, "what the other refused");
}
