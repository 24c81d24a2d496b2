//! What is promised of dead letters.

use super::*;

/// A mailbox of `crm` and `bot` with these messages, of which `crm` has refused those in `refused` to the end.
fn with_dead_letters(sql: &Rc<Native>, messages: &[(&str, &str)], refused: &[&str]) -> Mailbox {
    let mut mailbox =
        Mailbox::open(sql.clone(), vec![destination("crm"), destination("bot")]).unwrap();
    for (n, (person, id)) in messages.iter().enumerate() {
        let now = NOW + i64::try_from(n).unwrap();
        mailbox.append(vec![message(person, id)], now).unwrap();
    }
    while let Some(wakes_at) = mailbox.wakes_at(NOW) {
        deliver(&mut mailbox, wakes_at.max(NOW), |delivery| {
            delivery.destination == 1 || !refused.contains(&delivery.events[0].id.as_str())
        });
    }
    mailbox
}

const LATER: i64 = NOW + 10 * 3_600_000;

#[test]
fn dead_letters_are_listed_page_by_page_without_their_content() {
    let sql = Native::new();
    let messages = [("1", "a"), ("2", "b"), ("1", "c")];
    let mailbox = with_dead_letters(&sql, &messages, &["a-0", "b-0", "c-0"]);
    let all = Which::default();
    let first = mailbox.dead_letters(&all, None, 2).unwrap();
    let ids = |letters: &[DeadLetter]| {
        letters
            .iter()
            .map(|letter| letter.event.id.clone())
            .collect::<Vec<_>>()
    };
    assert_eq!(ids(&first), ["a-0", "b-0"]);
    let last = &first[1];
    let after = Some((last.destination.as_str(), last.event.seq));
    let second = mailbox.dead_letters(&all, after, 2).unwrap();
    assert_eq!(ids(&second), ["c-0"]);
    assert_eq!(
        (
            last.destination.as_str(),
            last.error.as_str(),
            last.event.data.as_str()
        ),
        ("crm", "status 422", "")
    );
    assert!(last.attempts > 5 && last.first_failed_ms < last.died_ms);
    assert_eq!(mailbox.content(last).unwrap(), r#"{"message":{"id":"b"}}"#);
}

#[test]
fn dead_letters_are_found_by_destination_event_conversation_and_time() {
    let sql = Native::new();
    let messages = [("1", "a"), ("2", "b"), ("1", "c")];
    let mailbox = with_dead_letters(&sql, &messages, &["a-0", "b-0", "c-0"]);
    let one = mailbox.find(&Name::Phone("1".to_owned())).unwrap().unwrap();
    let count = |which: Which| mailbox.summary(&which).unwrap().count;
    let any = Which::default;
    assert_eq!(
        mailbox.summary(&any()).unwrap(),
        Summary {
            count: 3,
            oldest_ms: Some(NOW),
            newest_ms: Some(NOW + 2)
        }
    );
    assert_eq!(
        count(Which {
            destination: Some("bot".to_owned()),
            ..any()
        }),
        0
    );
    assert_eq!(
        count(Which {
            event: Some("b-0".to_owned()),
            ..any()
        }),
        1
    );
    assert_eq!(
        count(Which {
            conversation: Some(one.conversation),
            ..any()
        }),
        2
    );
    assert_eq!(
        count(Which {
            from_ms: Some(NOW + 1),
            until_ms: Some(NOW + 2),
            ..any()
        }),
        1
    );
}

#[test]
fn a_replay_goes_out_again_in_order_with_its_id_and_a_mark() {
    let sql = Native::new();
    let messages = [("1", "a"), ("1", "b"), ("2", "c"), ("1", "d")];
    let mut mailbox = with_dead_letters(&sql, &messages, &["a-0", "b-0", "c-0"]);
    let of_one = mailbox.find(&Name::Phone("1".to_owned())).unwrap().unwrap();
    let which = Which {
        destination: Some("crm".to_owned()),
        conversation: Some(of_one.conversation),
        ..Which::default()
    };
    assert_eq!(mailbox.replay(&which, "crm", LATER).unwrap(), Some(2));
    assert_eq!(mailbox.wakes_at(NOW), Some(LATER));
    mailbox.append(vec![message("1", "e")], LATER).unwrap();
    let mut marks = Vec::new();
    let taken = deliver(&mut mailbox, LATER, |delivery| {
        if delivery.destination == 0 {
            marks.push(added_member(&delivery.events[0], "replayed") == true);
        }
        delivery.destination == 0
    });
    assert_eq!(taken, ["a-0", "b-0", "e-0"]);
    assert_eq!(marks, [true, true, false]);
    let waiting = mailbox.waiting(0).unwrap();
    assert_eq!((waiting.events, waiting.dead_letters), (0, 1));
}

#[test]
fn a_replay_survives_a_crash() {
    let sql = Native::new();
    let mut mailbox = with_dead_letters(&sql, &[("1", "a")], &["a-0"]);
    mailbox.replay(&Which::default(), "crm", LATER).unwrap();
    let mut again = Mailbox::open(sql.clone(), vec![destination("crm")]).unwrap();
    assert_eq!(deliver(&mut again, LATER, |_| true), ["a-0"]);
}

#[test]
fn a_replay_may_go_to_another_destination() {
    let sql = Native::new();
    let mut mailbox = with_dead_letters(&sql, &[("1", "a")], &["a-0"]);
    assert_eq!(
        mailbox.replay(&Which::default(), "no-such", LATER).unwrap(),
        None
    );
    assert_eq!(
        mailbox.replay(&Which::default(), "bot", LATER).unwrap(),
        Some(1)
    );
    let mut to = Vec::new();
    deliver(&mut mailbox, LATER, |delivery| {
        to.push(delivery.destination);
        true
    });
    assert_eq!(to, [1]);
    assert_eq!(sql.count("dead_letters") + sql.count("parked"), 0);
}

#[test]
fn a_replay_follows_a_person_who_turned_out_to_be_another() {
    let sql = Native::new();
    let mut mailbox = with_dead_letters(&sql, &[("1", "a"), ("2", "b")], &["b-0"]);
    let both = Event {
        names: vec![Name::User("US.1".to_owned()), Name::Phone("2".to_owned())],
        effect: Effect::Renames {
            from: vec![Name::Phone("1".to_owned())],
        },
        ..message("2", "c")
    };
    mailbox.append(vec![both], LATER).unwrap();
    deliver(&mut mailbox, LATER, |delivery| delivery.destination == 1);
    let found = mailbox.find(&Name::Phone("2".to_owned())).unwrap().unwrap();
    let which = Which {
        conversation: Some(found.conversation),
        ..Which::default()
    };
    assert_eq!(mailbox.replay(&which, "crm", LATER).unwrap(), Some(1));
    let taken = deliver(&mut mailbox, LATER + 5000, |_| true);
    assert_eq!(taken, ["b-0", "c-0"], "one conversation, in its order");
}

#[test]
fn deleted_dead_letters_leave_nothing_behind() {
    let sql = Native::new();
    let mut mailbox = Mailbox::open(sql.clone(), vec![destination("crm")]).unwrap();
    let large = Event {
        data: format!(r#"{{"raw":"{}"}}"#, "x".repeat(900_000)),
        ..message("1", "a")
    };
    mailbox
        .append(vec![large.clone(), message("2", "b")], NOW)
        .unwrap();
    while let Some(wakes_at) = mailbox.wakes_at(NOW) {
        deliver(&mut mailbox, wakes_at.max(NOW), |_| false);
    }
    let letters = mailbox.dead_letters(&Which::default(), None, 9).unwrap();
    assert_eq!(mailbox.content(&letters[0]).unwrap(), large.data);
    let which = Which {
        event: Some("a-0".to_owned()),
        ..Which::default()
    };
    mailbox.delete(&which).unwrap();
    assert_eq!((sql.count("dead_letters"), sql.count("parts")), (1, 0));
}
