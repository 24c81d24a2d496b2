//! Replays of what was delivered and is kept.

use std::collections::HashSet;

use super::*;

/// `crm` and `bot`, which have got `n` messages of as many customers, all of them kept.
fn with_kept(sql: &Rc<Native>, n: usize) -> Mailbox {
    let mut mailbox = open_keeping(sql);
    for chunk in (0..n).collect::<Vec<_>>().chunks(500) {
        let events = chunk
            .iter()
            .map(|n| message(&format!("{n}"), &format!("{n}")));
        mailbox.store(events, NOW);
        mailbox.deliver(NOW);
    }
    mailbox
}

fn open_keeping(sql: &Rc<Native>) -> Mailbox {
    open(sql, &["crm", "bot"]).keeping(24 * 3_600_000)
}

/// All of what `crm` was sent, to `to`.
fn all_of_crm(to: &str) -> Wish {
    Wish {
        kept: true,
        to: to.to_owned(),
        ..wish(of("crm"))
    }
}

#[test]
fn what_was_delivered_and_kept_goes_out_again_and_nothing_twice() {
    let mut mailbox = with_kept(&Native::new(), 5);
    mailbox.store([message("5", "5")], NOW);
    // It waits for `crm` by itself, so that it is not replayed to it.
    begin(&mut mailbox, all_of_crm("crm"));
    mailbox.store([message("6", "6")], LATER);
    let mut replayed = Vec::new();
    let mut fresh = Vec::new();
    deliver(&mut mailbox, LATER, |delivery| {
        let event = &delivery.events[0];
        if delivery.destination == 0 {
            let is_marked = added_member(event, "replayed") == true;
            let list = if is_marked { &mut replayed } else { &mut fresh };
            list.push(event.id.clone());
        }
        true
    });
    assert_eq!(replayed, ["0-0", "1-0", "2-0", "3-0", "4-0"]);
    fresh.sort();
    assert_eq!(fresh, ["5-0", "6-0"]);
    assert_eq!(figures(&mailbox, "r1"), ("done", 5, 0, 5, 0));
}

#[test]
fn software_written_for_meta_is_replayed_nothing_that_meta_does_not_tell() {
    for crm_takes_it in [true, false] {
        let meta = Destination {
            format: Format::Meta,
            ..destination("meta")
        };
        let mut mailbox = Mailbox::open(Native::new(), vec![destination("crm"), meta])
            .unwrap()
            .keeping(24 * 3_600_000);
        let of_transoms = Event {
            kind: "transom.consent.changed".to_owned(),
            ..message("1", "stop")
        };
        let events = vec![message("1", "a"), of_transoms, message("1", "b")];
        mailbox.store(events, NOW);
        while let Some(now) = mailbox.wakes_at(NOW).filter(|now| *now < LATER) {
            deliver(&mut mailbox, now.max(NOW), |delivery| {
                crm_takes_it || delivery.events[0].id != "stop-0"
            });
        }
        begin(&mut mailbox, all_of_crm("meta"));
        assert_eq!(mailbox.deliver(LATER), ["a-0", "b-0"]);
        assert_eq!(figures(&mailbox, "r1"), ("done", 2, 0, 2, 0));
    }
}

#[test]
fn what_was_still_to_come_when_a_replay_was_begun_comes_once_however_soon_that_is() {
    for restarted in [false, true] {
        let sql = Native::new();
        let mut mailbox = with_kept(&sql, 300);
        let events = (0..400).map(|n| message(&format!("new{n}"), &format!("new{n}")));
        mailbox.store(events, NOW);
        if restarted {
            mailbox = open_keeping(&sql);
        } else {
            let first = mailbox.start(NOW);
            mailbox.end(&first, &Outcome::NotTried, NOW);
        }
        begin(&mut mailbox, all_of_crm("crm"));
        let mut came = Vec::new();
        let mut deliver_some = |mailbox: &mut Mailbox, most| {
            for _ in 0..most {
                let Some(delivery) = mailbox.next(LATER).unwrap() else {
                    break;
                };
                if delivery.destination == 0 {
                    came.push(delivery.events[0].id.clone());
                }
                let changes = mailbox.done(&delivery, &Outcome::Taken, LATER, 0.5);
                changes.unwrap();
            }
        };
        deliver_some(&mut mailbox, 250);
        if restarted {
            mailbox.save_all().unwrap();
            mailbox = open_keeping(&sql);
        }
        deliver_some(&mut mailbox, usize::MAX);
        assert_eq!(figures(&mailbox, "r1"), ("done", 300, 0, 300, 0));
        assert_eq!(came.len(), 700);
        assert_eq!(came.iter().collect::<HashSet<_>>().len(), 700);
    }
}

#[test]
fn what_was_refused_before_a_replay_was_begun_and_is_taken_before_it_gets_there_comes_once() {
    let sql = Native::new();
    let mut mailbox = with_kept(&sql, 300);
    mailbox.store([message("1", "late")], NOW);
    deliver(&mut mailbox, NOW, |delivery| delivery.destination == 1);
    begin(&mut mailbox, all_of_crm("crm"));
    assert_eq!(mailbox.deliver(LATER).len(), 301);
    assert_eq!(figures(&mailbox, "r1"), ("done", 300, 0, 300, 0));
}

/// Replays from `crm` to another that has been paused all along, and gives what that gets then: each with whether it is
/// marked as replayed.
fn replayed_to_one_behind(other: &Destination, kept: bool) -> Vec<(String, bool)> {
    let sql = Native::new();
    let to = other.id.clone();
    let open = |paused| {
        let other = Destination {
            paused,
            ..other.clone()
        };
        Mailbox::open(sql.clone(), vec![destination("crm"), other]).unwrap()
    };
    let mut mailbox = open(true);
    let events = vec![message("1", "1a"), message("2", "1b")];
    mailbox.store(events, NOW);
    let mut now = NOW;
    while now < NOW + 2 * 3_600_000 {
        deliver(&mut mailbox, now, |_| kept);
        now = mailbox.wakes_at(now).unwrap();
    }
    let wish = Wish {
        kept,
        to,
        ..wish(of("crm"))
    };
    begin(&mut mailbox, wish);
    mailbox.next(LATER).unwrap();
    let mut reached = Vec::new();
    deliver(&mut open(false), LATER, |delivery| {
        let event = &delivery.events[0];
        let is_marked = added_member(event, "replayed") == true;
        reached.push((event.id.clone(), is_marked));
        true
    });
    reached.sort();
    reached
}

#[test]
fn what_a_destination_that_is_behind_does_not_want_by_itself_is_replayed_to_it() {
    let reached = replayed_to_one_behind(&choosy("other"), true);
    assert_eq!(
        reached,
        [("1a-0".to_owned(), false), ("1b-0".to_owned(), true)]
    );
}

#[test]
fn what_a_destination_is_still_to_get_is_not_replayed_to_it_where_another_gave_it_up_either() {
    let reached = replayed_to_one_behind(&destination("other"), false);
    assert_eq!(
        reached,
        [("1a-0".to_owned(), false), ("1b-0".to_owned(), false)]
    );
    let reached = replayed_to_one_behind(&choosy("other"), false);
    assert_eq!(
        reached,
        [("1a-0".to_owned(), false), ("1b-0".to_owned(), true)]
    );
}

#[test]
fn kept_events_are_chosen_by_event_conversation_type_and_time() {
    let choosy = wanting("whatsapp.message.*", "bot");
    let mut mailbox = Mailbox::open(Native::new(), vec![destination("crm"), choosy])
        .unwrap()
        .keeping(24 * 3_600_000);
    for (n, id) in (0..).zip(["1a", "2a", "1b", "2b"]) {
        let events = vec![
            message(id.get(..1).unwrap(), id),
            status("3", id, MessageStatus::Played),
        ];
        mailbox.store(events, NOW + n * 10);
        mailbox.deliver(NOW + n * 10);
    }
    let one = mailbox.with(&phone("1"));
    let any = || of("bot");
    let (conversation, event) = (Some(one.conversation), Some("2a-0".to_owned()));
    let (from_ms, until_ms) = (Some(NOW + 10), Some(NOW + 30));
    #[rustfmt::skip]
    let cases = [
        ("r1", any(), vec!["1a-0", "2a-0", "1b-0", "2b-0"]),
        ("r2", Which { conversation, ..any() }, vec!["1a-0", "1b-0"]),
        ("r3", Which { event, ..any() }, vec!["2a-0"]),
        ("r4", Which { from_ms, until_ms, ..any() }, vec!["2a-0", "1b-0"]),
    ];
    for (id, which, expected) in cases {
        let wish = Wish {
            which,
            kept: true,
            ..wish_as(id)
        };
        begin(&mut mailbox, wish);
        let mut taken = mailbox.deliver(LATER);
        taken.sort_by_key(|id| expected.iter().position(|other| other == id));
        assert_eq!(taken, expected, "{id}");
        assert_eq!(told(&mailbox, id).state(), "done");
    }
}

#[test]
fn a_long_replay_goes_in_small_steps_and_new_events_have_every_second_turn() {
    let sql = Native::new();
    let slow = Destination {
        max_in_flight: 1,
        ..destination("crm")
    };
    with_kept(&sql, 2_500);
    let mut mailbox = Mailbox::open(sql.clone(), vec![slow])
        .unwrap()
        .keeping(24 * 3_600_000);
    begin(&mut mailbox, all_of_crm("crm"));
    let events = (0..50).map(|n| message(&format!("new{n}"), &format!("new{n}")));
    mailbox.store(events, LATER);
    let mut taken = Vec::new();
    while let Some(delivery) = mailbox.next(LATER).unwrap() {
        assert_eq!(mailbox.next(LATER).unwrap(), None, "one at a time");
        assert!(sql.count("parked_events") <= 100);
        taken.push(delivery.events[0].id.clone());
        mailbox.end(&delivery, &Outcome::Taken, LATER);
    }
    let last_new = taken.iter().rposition(|id| id.starts_with("new")).unwrap();
    assert!(last_new <= 101, "the last new event was number {last_new}");
    taken.retain(|id| !id.starts_with("new"));
    let expected: Vec<String> = (0..2_500).map(|n| format!("{n}-0")).collect();
    assert_eq!(taken.len(), expected.len());
    assert_eq!(
        taken.iter().collect::<HashSet<_>>(),
        expected.iter().collect()
    );
    assert_eq!(figures(&mailbox, "r1"), ("done", 2_500, 0, 2_500, 0));
    mailbox.settle().unwrap();
    assert_eq!(sql.count("parked") + sql.count("parked_events"), 0);
}

#[test]
fn a_replay_to_a_destination_that_is_down_waits_with_it() {
    let mut mailbox = with_kept(&Native::new(), 1_000);
    begin(&mut mailbox, all_of_crm("crm"));
    let mut now = LATER;
    let mut tries = 0;
    while now < LATER + 30_000 {
        end_all(&mut mailbox, now, |_| {
            tries += 1;
            unreachable()
        });
        now = now.max(mailbox.wakes_at(now).unwrap());
    }
    assert!(tries < 15, "{tries}");
    let (state, found, waiting, ..) = figures(&mailbox, "r1");
    assert_eq!((state, found, waiting), ("running", 100, 100));
}

#[test]
fn a_replay_does_not_look_like_an_outage() {
    let mut mailbox = with_kept(&Native::new(), 200);
    begin(&mut mailbox, all_of_crm("crm"));
    mailbox.next(LATER).unwrap();
    let waiting = mailbox.waiting(0).unwrap();
    assert_eq!((waiting.conversations, waiting.oldest_ms), (0, None));
    assert!(waiting.events > 0);
}

#[test]
fn a_replay_that_is_on_its_way_has_nothing_delivered_again_after_a_restart() {
    let sql = Native::new();
    let mut mailbox = with_kept(&sql, 5);
    let mut first = all_of_crm("crm");
    first.which.event = Some("0-0".to_owned());
    begin(&mut mailbox, first);
    mailbox.start(LATER);
    mailbox.save_all().unwrap();
    deliver(&mut open_keeping(&sql), LATER, |delivery| {
        let event = &delivery.events[0];
        assert_eq!(added_member(event, "replayed"), true, "{event:?}");
        true
    });
}

#[test]
fn what_waits_for_another_destination_is_replayed_all_the_same() {
    let mut mailbox = with_kept(&Native::new(), 1);
    mailbox.store([message("1", "1")], NOW);
    deliver(&mut mailbox, NOW, |delivery| delivery.destination == 0);
    begin(&mut mailbox, all_of_crm("crm"));
    let taken = deliver(&mut mailbox, LATER, |delivery| delivery.destination == 0);
    assert_eq!(taken, ["0-0", "1-0"]);
}
