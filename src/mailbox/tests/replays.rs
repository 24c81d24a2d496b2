//! What is promised of replays.

use std::collections::HashSet;

use super::{
    super::{
        replay::Replay,
        replays::{Begun, Wanted},
    },
    dead_letters::with_dead_letters,
    *,
};

const LATER: i64 = NOW + 10 * 3_600_000;

fn of(destination: &str) -> Which {
    Which {
        destination: Some(destination.to_owned()),
        ..Which::default()
    }
}

/// A replay of dead letters to the destination that did not take them.
fn wanted(which: Which) -> Wanted {
    Wanted {
        id: "r1".to_owned(),
        kept: false,
        to: which.destination.clone().unwrap_or_default(),
        which,
    }
}

fn begin(mailbox: &mut Mailbox, wanted: Wanted) -> Replay {
    match mailbox.replay(wanted, LATER).unwrap() {
        Begun::Running(replay) => *replay,
        other => panic!("{other:?}"),
    }
}

/// Tells that whoever had the first phone has the second one now.
fn one_is_two(id: &str) -> Event {
    Event {
        names: vec![Name::User("US.1".to_owned()), Name::Phone("2".to_owned())],
        effect: Effect::Renames {
            from: vec![Name::Phone("1".to_owned())],
        },
        ..message("2", id)
    }
}

fn told(mailbox: &Mailbox, id: &str) -> Replay {
    mailbox.replay_of(id).unwrap().unwrap()
}

/// State, found, waiting, delivered, died.
fn figures(mailbox: &Mailbox, id: &str) -> (&'static str, i64, i64, i64, i64) {
    let replay = told(mailbox, id);
    (
        replay.state.name(),
        replay.found,
        replay.waiting,
        replay.delivered(),
        replay.died,
    )
}

/// `crm` and `bot`, which have got `n` messages of as many customers, all of them kept.
fn with_kept(sql: &Rc<Native>, n: usize) -> Mailbox {
    let mut mailbox = open_keeping(sql);
    for chunk in (0..n).collect::<Vec<_>>().chunks(500) {
        let events = chunk
            .iter()
            .map(|n| message(&format!("{n}"), &format!("{n}")));
        mailbox.append(events.collect(), NOW).unwrap();
        deliver(&mut mailbox, NOW, |_| true);
    }
    mailbox
}

fn open_keeping(sql: &Rc<Native>) -> Mailbox {
    Mailbox::open(sql.clone(), vec![destination("crm"), destination("bot")])
        .unwrap()
        .keeping(24 * 3_600_000)
}

/// All of what `crm` was sent, to `to`.
fn all_of_crm(to: &str) -> Wanted {
    Wanted {
        kept: true,
        to: to.to_owned(),
        ..wanted(of("crm"))
    }
}

#[test]
fn dead_letters_go_out_again_in_order_with_their_ids_and_a_mark() {
    let sql = Native::new();
    let messages = [("1", "a"), ("1", "b"), ("2", "c"), ("1", "d")];
    let mut mailbox = with_dead_letters(&sql, &messages, &["a-0", "b-0", "c-0"]);
    let of_one = mailbox.find(&Name::Phone("1".to_owned())).unwrap().unwrap();
    let which = Which {
        conversation: Some(of_one.conversation),
        ..of("crm")
    };
    let begun = begin(&mut mailbox, wanted(which));
    assert_eq!((begun.state.name(), begun.found), ("running", 0));
    assert!(mailbox.wakes_at(LATER).unwrap() <= LATER);
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
    assert_eq!(figures(&mailbox, "r1"), ("done", 2, 0, 2, 0));
    let waiting = mailbox.waiting(0).unwrap();
    assert_eq!((waiting.events, waiting.dead_letters), (0, 1));
}

#[test]
fn a_dead_letter_stays_one_until_it_was_taken() {
    let sql = Native::new();
    let mut mailbox = with_dead_letters(&sql, &[("1", "a"), ("2", "b")], &["a-0", "b-0"]);
    begin(&mut mailbox, wanted(of("crm")));
    deliver(&mut mailbox, LATER, |delivery| {
        delivery.events[0].id == "a-0"
    });
    assert_eq!(figures(&mailbox, "r1"), ("running", 2, 1, 1, 0));
    assert_eq!(sql.count("dead_letters"), 1);
    let mut now = LATER;
    while let Some(at) = mailbox.wakes_at(now) {
        now = now.max(at);
        deliver(&mut mailbox, now, |_| false);
    }
    assert_eq!(figures(&mailbox, "r1"), ("done", 2, 0, 1, 1));
    let letters = mailbox.dead_letters(&Which::default(), None, 9).unwrap();
    assert_eq!((letters.len(), letters[0].event.id.as_str()), (1, "b-0"));
    assert!(letters[0].died_ms > LATER, "it died once more");
}

#[test]
fn a_replay_survives_a_crash_at_any_step() {
    let sql = Native::new();
    let mut mailbox = with_dead_letters(&sql, &[("1", "a"), ("2", "b")], &["a-0", "b-0"]);
    let open = || Mailbox::open(sql.clone(), vec![destination("crm")]).unwrap();
    begin(&mut mailbox, wanted(of("crm")));
    let mut mailbox = open();
    let delivery = mailbox.next(LATER).unwrap().unwrap();
    mailbox
        .done(&delivery, &Outcome::Taken, LATER, 0.5)
        .unwrap();
    let mut mailbox = open();
    assert_eq!(figures(&mailbox, "r1"), ("running", 2, 1, 1, 0));
    assert_eq!(deliver(&mut mailbox, LATER, |_| true), ["b-0"]);
    assert_eq!(figures(&open(), "r1"), ("done", 2, 0, 2, 0));
}

#[test]
fn a_replay_may_go_to_another_destination_also_to_one_that_does_not_want_such_events() {
    let sql = Native::new();
    let mut mailbox = with_dead_letters(&sql, &[("1", "a")], &["a-0"]);
    let to = |to: &str| Wanted {
        to: to.to_owned(),
        ..wanted(of("crm"))
    };
    let none = mailbox.replay(to("no-such"), LATER).unwrap();
    assert_eq!(none, Begun::NoDestination);
    let mistyped = Wanted {
        to: "crm".to_owned(),
        ..wanted(of("crmm"))
    };
    assert_eq!(mailbox.replay(mistyped, LATER).unwrap(), Begun::NoSource);
    let other = Destination {
        events: vec![Pattern::parse("whatsapp.flow.*").unwrap()],
        ..destination("other")
    };
    let mut mailbox = Mailbox::open(sql.clone(), vec![destination("crm"), other]).unwrap();
    begin(&mut mailbox, to("other"));
    let mut reached = Vec::new();
    deliver(&mut mailbox, LATER, |delivery| {
        reached.push(delivery.destination);
        true
    });
    assert_eq!(reached, [1]);
    assert_eq!(sql.count("dead_letters") + sql.count("parked"), 0);
}

#[test]
fn a_replay_to_a_destination_that_is_taken_out_stops() {
    let sql = Native::new();
    let mut mailbox = with_dead_letters(&sql, &[("1", "a")], &["a-0"]);
    begin(&mut mailbox, wanted(of("crm")));
    mailbox.next(LATER).unwrap();
    let mut mailbox = Mailbox::open(sql.clone(), vec![destination("bot")]).unwrap();
    mailbox.next(LATER).unwrap();
    assert_eq!(figures(&mailbox, "r1"), ("stopped", 1, 0, 0, 0));
    assert_eq!(sql.count("parked_events"), 0);
}

#[test]
fn a_replay_follows_a_person_who_turned_out_to_be_another() {
    let sql = Native::new();
    let mut mailbox = with_dead_letters(&sql, &[("1", "a"), ("2", "b")], &["b-0"]);
    mailbox.append(vec![one_is_two("c")], LATER).unwrap();
    deliver(&mut mailbox, LATER, |delivery| delivery.destination == 1);
    let found = mailbox.find(&Name::Phone("2".to_owned())).unwrap().unwrap();
    let which = Which {
        conversation: Some(found.conversation),
        ..of("crm")
    };
    begin(&mut mailbox, wanted(which));
    let taken = deliver(&mut mailbox, LATER + 5000, |_| true);
    assert_eq!(taken, ["b-0", "c-0"], "one conversation, in its order");
}

#[test]
fn what_was_delivered_and_kept_goes_out_again_and_nothing_twice() {
    let sql = Native::new();
    let mut mailbox = with_kept(&sql, 5);
    mailbox.append(vec![message("5", "5")], NOW).unwrap();
    // It waits for `crm` by itself, so that it is not replayed to it.
    begin(&mut mailbox, all_of_crm("crm"));
    mailbox.append(vec![message("6", "6")], LATER).unwrap();
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
fn what_was_still_to_come_when_a_replay_was_begun_comes_once_however_soon_that_is() {
    for restarted in [false, true] {
        let sql = Native::new();
        let mut mailbox = with_kept(&sql, 300);
        let events = (0..400).map(|n| message(&format!("new{n}"), &format!("new{n}")));
        mailbox.append(events.collect(), NOW).unwrap();
        if restarted {
            mailbox = open_keeping(&sql);
        } else {
            let first = mailbox.next(NOW).unwrap().unwrap();
            mailbox.done(&first, &Outcome::NotTried, NOW, 0.5).unwrap();
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
    mailbox.append(vec![message("1", "late")], NOW).unwrap();
    deliver(&mut mailbox, NOW, |delivery| delivery.destination == 1);
    begin(&mut mailbox, all_of_crm("crm"));
    assert_eq!(deliver(&mut mailbox, LATER, |_| true).len(), 301);
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
    mailbox.append(events, NOW).unwrap();
    let mut now = NOW;
    while now < NOW + 2 * 3_600_000 {
        deliver(&mut mailbox, now, |_| kept);
        now = mailbox.wakes_at(now).unwrap();
    }
    let wanted = Wanted {
        kept,
        to,
        ..wanted(of("crm"))
    };
    begin(&mut mailbox, wanted);
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
    let sql = Native::new();
    let choosy = Destination {
        events: vec![Pattern::parse("whatsapp.message.*").unwrap()],
        ..destination("bot")
    };
    let mut mailbox = Mailbox::open(sql.clone(), vec![destination("crm"), choosy])
        .unwrap()
        .keeping(24 * 3_600_000);
    for (n, id) in (0..).zip(["1a", "2a", "1b", "2b"]) {
        let events = vec![
            message(id.get(..1).unwrap(), id),
            status("3", id, MessageStatus::Played),
        ];
        mailbox.append(events, NOW + n * 10).unwrap();
        deliver(&mut mailbox, NOW + n * 10, |_| true);
    }
    let one = mailbox.find(&Name::Phone("1".to_owned())).unwrap().unwrap();
    let any = || of("bot");
    for (number, which, expected) in [
        (1, any(), vec!["1a-0", "2a-0", "1b-0", "2b-0"]),
        (
            2,
            Which {
                conversation: Some(one.conversation),
                ..any()
            },
            vec!["1a-0", "1b-0"],
        ),
        (
            3,
            Which {
                event: Some("2a-0".to_owned()),
                ..any()
            },
            vec!["2a-0"],
        ),
        (
            4,
            Which {
                from_ms: Some(NOW + 10),
                until_ms: Some(NOW + 30),
                ..any()
            },
            vec!["2a-0", "1b-0"],
        ),
    ] {
        let id = format!("r{number}");
        begin(
            &mut mailbox,
            Wanted {
                id: id.clone(),
                which,
                kept: true,
                to: "crm".to_owned(),
            },
        );
        let mut taken = deliver(&mut mailbox, LATER, |_| true);
        taken.sort_by_key(|id| expected.iter().position(|other| other == id));
        assert_eq!(taken, expected, "{number}");
        assert_eq!(told(&mailbox, &id).state.name(), "done");
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
    mailbox.append(events.collect(), LATER).unwrap();
    let mut taken = Vec::new();
    while let Some(delivery) = mailbox.next(LATER).unwrap() {
        assert_eq!(mailbox.next(LATER).unwrap(), None, "one at a time");
        assert!(sql.count("parked_events") <= 100);
        taken.push(delivery.events[0].id.clone());
        mailbox
            .done(&delivery, &Outcome::Taken, LATER, 0.5)
            .unwrap();
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
    mailbox.rest().unwrap();
    assert_eq!(sql.count("parked") + sql.count("parked_events"), 0);
}

#[test]
fn what_has_not_gone_out_when_a_replay_is_stopped_does_not_go() {
    let sql = Native::new();
    let messages = [("1", "a"), ("2", "b"), ("3", "c")];
    let mut mailbox = with_dead_letters(&sql, &messages, &["a-0", "b-0", "c-0"]);
    begin(&mut mailbox, wanted(of("crm")));
    let first = mailbox.next(LATER).unwrap().unwrap();
    let second = mailbox.next(LATER).unwrap().unwrap();
    let stopped = mailbox.stop_replay("r1", LATER).unwrap().unwrap();
    assert_eq!(
        (
            stopped.state.name(),
            stopped.waiting,
            stopped.dropped,
            stopped.ended_ms
        ),
        ("stopped", 2, 1, None)
    );
    mailbox.done(&first, &Outcome::Taken, LATER, 0.5).unwrap();
    mailbox.done(&second, &refused(), LATER, 0.5).unwrap();
    assert_eq!(figures(&mailbox, "r1"), ("stopped", 3, 0, 1, 0));
    assert_eq!(told(&mailbox, "r1").dropped, 2);
    let much_later = LATER + 3_600_000;
    assert_eq!(
        deliver(&mut mailbox, much_later, |_| true),
        Vec::<String>::new()
    );
    assert_eq!(sql.count("dead_letters"), 2, "they are still there");
    assert_eq!(sql.count("parked_events") + sql.count("parked"), 0);
    assert_eq!(mailbox.stop_replay("r2", LATER).unwrap(), None);
    let again = mailbox.stop_replay("r1", LATER).unwrap().unwrap();
    assert_eq!(again.dropped, 2, "to stop it twice does no harm");
}

#[test]
fn what_is_still_on_its_way_of_a_replay_that_was_stopped_is_part_of_the_one_that_is_begun_then() {
    for crashes in [false, true] {
        let sql = Native::new();
        let mut mailbox = with_dead_letters(&sql, &[("1", "a")], &["a-0"]);
        begin(&mut mailbox, wanted(of("crm")));
        let delivery = mailbox.next(LATER).unwrap().unwrap();
        mailbox.stop_replay("r1", LATER).unwrap();
        let anew = Wanted {
            id: "r2".to_owned(),
            ..wanted(of("crm"))
        };
        begin(&mut mailbox, anew);
        assert_eq!(mailbox.next(LATER).unwrap(), None);
        if crashes {
            mailbox = Mailbox::open(sql, vec![destination("crm")]).unwrap();
        } else {
            mailbox.done(&delivery, &refused(), LATER, 0.5).unwrap();
            assert_eq!(told(&mailbox, "r1").dropped, 1);
        }
        assert_eq!(figures(&mailbox, "r2"), ("running", 1, 1, 0, 0));
        assert_eq!(deliver(&mut mailbox, LATER, |_| true), ["a-0"]);
        assert_eq!(figures(&mailbox, "r2"), ("done", 1, 0, 1, 0));
    }
}

#[test]
fn what_comes_back_of_a_replay_that_was_stopped_does_not_go_though_its_person_is_another_by_then() {
    let sql = Native::new();
    let mut mailbox = with_dead_letters(&sql, &[("1", "a"), ("2", "b")], &["b-0"]);
    begin(&mut mailbox, wanted(of("crm")));
    let delivery = mailbox.next(LATER).unwrap().unwrap();
    mailbox.append(vec![one_is_two("c")], LATER).unwrap();
    mailbox.stop_replay("r1", LATER).unwrap();
    mailbox.done(&delivery, &refused(), LATER, 0.5).unwrap();
    assert_eq!(told(&mailbox, "r1").dropped, 1);
    let taken = deliver(&mut mailbox, LATER, |delivery| delivery.destination == 0);
    assert_eq!(taken, ["c-0"]);
    assert_eq!(sql.count("parked_events"), 1, "what the other refused");
}

#[test]
fn a_replay_that_was_being_stopped_has_stopped_after_a_crash() {
    let sql = Native::new();
    let mut mailbox = with_dead_letters(&sql, &[("1", "a"), ("2", "b")], &["a-0", "b-0"]);
    begin(&mut mailbox, wanted(of("crm")));
    mailbox.next(LATER).unwrap().unwrap();
    mailbox.stop_replay("r1", LATER).unwrap();
    let mut mailbox = Mailbox::open(sql.clone(), vec![destination("crm")]).unwrap();
    assert_eq!(deliver(&mut mailbox, LATER, |_| true), Vec::<String>::new());
    assert_eq!(figures(&mailbox, "r1"), ("stopped", 2, 0, 0, 0));
    assert_eq!(sql.count("dead_letters"), 2);
}

#[test]
fn a_replay_to_a_destination_that_is_down_waits_with_it() {
    let sql = Native::new();
    let mut mailbox = with_kept(&sql, 1_000);
    begin(&mut mailbox, all_of_crm("crm"));
    let mut now = LATER;
    let mut tries = 0;
    while now < LATER + 30_000 {
        while let Some(delivery) = mailbox.next(now).unwrap() {
            tries += 1;
            mailbox.done(&delivery, &unreachable(), now, 0.5).unwrap();
        }
        mailbox.rest().unwrap();
        now = now.max(mailbox.wakes_at(now).unwrap());
    }
    assert!(tries < 15, "{tries}");
    let (state, found, waiting, ..) = figures(&mailbox, "r1");
    assert_eq!((state, found, waiting), ("running", 100, 100));
}

#[test]
fn a_replay_to_a_destination_that_is_gone_does_not_begin_and_one_that_runs_stops_when_that_is_given_up()
 {
    let sql = Native::new();
    let open = || Mailbox::open(sql.clone(), vec![destination("crm")]).unwrap();
    let messages = [("1", "a"), ("2", "b")];
    with_dead_letters(&sql, &messages, &["a-0", "b-0"]);
    let mut mailbox = open();
    begin(&mut mailbox, wanted(of("crm")));
    let delivery = mailbox.next(LATER).unwrap().unwrap();
    mailbox.done(&delivery, &Outcome::Gone, LATER, 0.5).unwrap();
    let second = Wanted {
        id: "r2".to_owned(),
        ..wanted(of("crm"))
    };
    assert_eq!(mailbox.replay(second, LATER).unwrap(), Begun::Gone);
    mailbox.next(LATER + 3_600_000).unwrap();
    mailbox.rest().unwrap();
    for mailbox in [mailbox, open()] {
        assert_eq!(figures(&mailbox, "r1"), ("stopped", 2, 0, 0, 0));
    }
}

#[test]
fn replays_are_listed_the_latest_first_and_forgotten_after_a_week() {
    let sql = Native::new();
    let mut mailbox = with_dead_letters(&sql, &[("1", "a")], &[]);
    let mut ids = Vec::new();
    for number in 1..=12 {
        let id = format!("r{number:02}");
        let wanted = Wanted {
            id: id.clone(),
            ..wanted(of("crm"))
        };
        match mailbox.replay(wanted.clone(), LATER).unwrap() {
            Begun::Running(replay) => {
                assert_eq!(
                    mailbox.replay(wanted, LATER + 1).unwrap(),
                    Begun::Running(replay)
                );
                ids.push(id);
            }
            other => assert_eq!((other, number > 10), (Begun::TooMany(10), true)),
        }
    }
    ids.reverse();
    let listed = |mailbox: &Mailbox, before: Option<&str>| {
        let replays = mailbox.replays(before, 4).unwrap();
        replays
            .into_iter()
            .map(|replay| replay.id)
            .collect::<Vec<_>>()
    };
    assert_eq!(listed(&mailbox, None), ids[..4]);
    assert_eq!(listed(&mailbox, Some("r07")), ids[4..8]);
    deliver(&mut mailbox, LATER, |_| true);
    assert!(
        mailbox
            .replays(None, 99)
            .unwrap()
            .iter()
            .all(|it| it.state.name() == "done")
    );
    let week = 7 * 24 * 3_600_000;
    let wanted = Wanted {
        id: "s".to_owned(),
        ..wanted(of("crm"))
    };
    mailbox.replay(wanted, LATER + week + 1).unwrap();
    assert_eq!(listed(&mailbox, None), ["s"]);
}

#[test]
fn what_came_behind_a_replay_that_is_stopped_has_a_schedule_of_its_own() {
    let sql = Native::new();
    let mut mailbox = with_dead_letters(&sql, &[("1", "a")], &["a-0"]);
    begin(&mut mailbox, wanted(of("crm")));
    let (mut now, stop_at) = (LATER, LATER + 3_300_000);
    deliver(&mut mailbox, now, |delivery| delivery.destination == 1);
    mailbox.append(vec![message("1", "b")], now + 1).unwrap();
    while let Some(at) = mailbox.wakes_at(now).filter(|at| *at <= stop_at) {
        now = now.max(at);
        deliver(&mut mailbox, now, |delivery| delivery.destination == 1);
    }
    mailbox.stop_replay("r1", stop_at).unwrap();
    let (mut tries, mut now) = (Vec::new(), stop_at);
    while let Some(at) = mailbox.wakes_at(now) {
        now = now.max(at);
        deliver(&mut mailbox, now, |delivery| {
            if delivery.destination == 0 {
                tries.push(now);
            }
            delivery.destination == 1
        });
    }
    assert_eq!(tries.first(), Some(&stop_at), "at once");
    assert!(
        tries.last().unwrap() - stop_at > 3_400_000,
        "as long as any"
    );
}

#[test]
fn a_replay_does_not_look_like_an_outage() {
    let sql = Native::new();
    let mut mailbox = with_kept(&sql, 200);
    begin(&mut mailbox, all_of_crm("crm"));
    mailbox.next(LATER).unwrap();
    let waiting = mailbox.waiting(0).unwrap();
    assert_eq!((waiting.conversations, waiting.oldest_ms), (0, None));
    assert!(waiting.events > 0);
}

#[test]
fn what_is_replayed_into_a_batch_that_had_failed_already_does_not_die_with_it() {
    let sql = Native::new();
    drop(with_dead_letters(
        &sql,
        &[("1", "a"), ("1", "b"), ("1", "c")],
        &["a-0", "b-0", "c-0"],
    ));
    let crm = Destination {
        format: Format::CloudEventsBatch,
        ..destination("crm")
    };
    let mut mailbox = Mailbox::open(sql.clone(), vec![crm]).unwrap();
    let replay = |mailbox: &mut Mailbox, ids: &[&str], now| {
        for id in ids {
            let which = Which {
                event: Some(format!("{id}-0")),
                ..of("crm")
            };
            let wanted = Wanted {
                id: format!("of-{id}"),
                ..wanted(which)
            };
            mailbox.replay(wanted, now).unwrap();
        }
    };
    replay(&mut mailbox, &["a", "b"], LATER);
    let mut now = LATER;
    while told(&mailbox, "of-a").died == 0 {
        deliver(&mut mailbox, now, |_| false);
        if now < LATER + 3_590_000 && mailbox.wakes_at(now).unwrap() >= LATER + 3_590_000 {
            replay(&mut mailbox, &["c"], LATER + 3_590_000);
        }
        now = now.max(mailbox.wakes_at(now).unwrap_or(now));
    }
    assert_eq!(figures(&mailbox, "of-b"), ("done", 1, 0, 0, 1));
    assert_eq!(figures(&mailbox, "of-c"), ("running", 1, 1, 0, 0));
    assert_eq!(deliver(&mut mailbox, now, |_| true), ["c-0"]);
    assert_eq!(figures(&mailbox, "of-c"), ("done", 1, 0, 1, 0));
    assert_eq!(sql.count("dead_letters"), 2);
}
