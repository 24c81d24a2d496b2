//! What is promised of replays.

mod begun;
mod kept;
mod moves;

use super::{
    super::replay::{Begun, Replay, Wish},
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
fn wish(which: Which) -> Wish {
    Wish {
        id: "r1".to_owned(),
        kept: false,
        to: which.destination.clone().unwrap_or_default(),
        which,
    }
}

/// One of all of `crm`'s, by this name.
fn wish_as(id: &str) -> Wish {
    Wish {
        id: id.to_owned(),
        ..wish(of("crm"))
    }
}

fn begin(mailbox: &mut Mailbox, wish: Wish) -> Replay {
    match mailbox.replay(wish, LATER).unwrap() {
        Begun::Running(replay) => *replay,
        other => panic!("{other:?}"),
    }
}

fn told(mailbox: &Mailbox, id: &str) -> Replay {
    mailbox.replay_of(id).unwrap().unwrap()
}

/// State, found, waiting, delivered, died.
fn figures(mailbox: &Mailbox, id: &str) -> (&'static str, i64, i64, i64, i64) {
    let replay = told(mailbox, id);
    (
        replay.state(),
        replay.found,
        replay.waiting(),
        replay.delivered(),
        replay.died,
    )
}

#[test]
fn dead_letters_go_out_again_in_order_with_their_ids_and_a_mark() {
    let messages = [("1", "a"), ("1", "b"), ("2", "c"), ("1", "d")];
    let mut mailbox = with_dead_letters(&Native::new(), &messages, &["a-0", "b-0", "c-0"]);
    let of_one = mailbox.with(&phone("1"));
    let which = Which {
        conversation: Some(of_one.conversation),
        ..of("crm")
    };
    let begun = begin(&mut mailbox, wish(which));
    assert_eq!((begun.state(), begun.found), ("running", 0));
    assert!(mailbox.wakes_at(LATER).unwrap() <= LATER);
    mailbox.store([message("1", "e")], LATER);
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
    begin(&mut mailbox, wish(of("crm")));
    deliver(&mut mailbox, LATER, |delivery| {
        delivery.events[0].id == "a-0"
    });
    assert_eq!(figures(&mailbox, "r1"), ("running", 2, 1, 1, 0));
    assert_eq!(sql.count("dead_letters"), 1);
    let mut now = LATER;
    while let Some(at) = mailbox.wakes_at(now) {
        now = now.max(at);
        mailbox.refuse(now);
    }
    assert_eq!(figures(&mailbox, "r1"), ("done", 2, 0, 1, 1));
    let letters = mailbox.dead();
    assert_eq!((letters.len(), letters[0].event.id.as_str()), (1, "b-0"));
    assert!(letters[0].died_ms > Some(LATER), "it died once more");
}

#[test]
fn a_replay_survives_a_crash_at_any_step() {
    let sql = Native::new();
    let mut mailbox = with_dead_letters(&sql, &[("1", "a"), ("2", "b")], &["a-0", "b-0"]);
    let open = || open(&sql, &["crm"]);
    begin(&mut mailbox, wish(of("crm")));
    let mut mailbox = open();
    let delivery = mailbox.start(LATER);
    mailbox.end(&delivery, &Outcome::Taken, LATER);
    let mut mailbox = open();
    assert_eq!(figures(&mailbox, "r1"), ("running", 2, 1, 1, 0));
    assert_eq!(mailbox.deliver(LATER), ["b-0"]);
    assert_eq!(figures(&open(), "r1"), ("done", 2, 0, 2, 0));
}

#[test]
fn a_replay_may_go_to_another_destination_also_to_one_that_does_not_want_such_events() {
    let sql = Native::new();
    let mut mailbox = with_dead_letters(&sql, &[("1", "a")], &["a-0"]);
    let to = |to: &str| Wish {
        to: to.to_owned(),
        ..wish(of("crm"))
    };
    let none = mailbox.replay(to("no-such"), LATER).unwrap();
    assert_eq!(none, Begun::NoDestination);
    let mistyped = Wish {
        to: "crm".to_owned(),
        ..wish(of("crmm"))
    };
    assert_eq!(mailbox.replay(mistyped, LATER).unwrap(), Begun::NoSource);
    let other = wanting("whatsapp.flow.*", "other");
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
            let wish = Wish {
                id: format!("of-{id}"),
                ..wish(which)
            };
            mailbox.replay(wish, now).unwrap();
        }
    };
    replay(&mut mailbox, &["a", "b"], LATER);
    let mut now = LATER;
    while told(&mailbox, "of-a").died == 0 {
        mailbox.refuse(now);
        if now < LATER + 3_590_000 && mailbox.wakes_at(now).unwrap() >= LATER + 3_590_000 {
            replay(&mut mailbox, &["c"], LATER + 3_590_000);
        }
        now = now.max(mailbox.wakes_at(now).unwrap_or(now));
    }
    assert_eq!(figures(&mailbox, "of-b"), ("done", 1, 0, 0, 1));
    assert_eq!(figures(&mailbox, "of-c"), ("running", 1, 1, 0, 0));
    assert_eq!(mailbox.deliver(now), ["c-0"]);
    assert_eq!(figures(&mailbox, "of-c"), ("done", 1, 0, 1, 0));
    assert_eq!(sql.count("dead_letters"), 2);
}

#[test]
fn a_long_replay_of_dead_letters_goes_in_their_order_a_hundred_at_a_time() {
    let sql = Native::new();
    let mut mailbox = Mailbox::open(sql.clone(), vec![hasty("crm")]).unwrap();
    mailbox.store((0..250).map(|n| message("1", &n.to_string())), NOW);
    mailbox.refuse(NOW);
    begin(&mut mailbox, wish(of("crm")));
    let mut taken = Vec::new();
    while let Some(delivery) = mailbox.next(LATER).unwrap() {
        assert!(sql.count("parked_events") <= 100);
        taken.push(delivery.events[0].id.clone());
        mailbox.end(&delivery, &Outcome::Taken, LATER);
    }
    let all: Vec<String> = (0..250).map(|n| format!("{n}-0")).collect();
    assert_eq!(taken, all);
}

#[test]
fn what_another_destination_takes_or_gave_up_is_no_part_of_a_replay() {
    let mut mailbox = Mailbox::open(Native::new(), vec![hasty("crm"), hasty("bot")]).unwrap();
    mailbox.store([message("1", "a")], NOW);
    mailbox.refuse(NOW);
    mailbox.store([message("2", "b")], NOW);
    let [crm, bot] = [(); 2].map(|()| mailbox.start(NOW));
    mailbox.end(&crm, &refused(), NOW);
    begin(&mut mailbox, wish(of("crm")));
    let replayed = mailbox.start(NOW);
    assert_eq!(replayed.destination, 0);
    mailbox.end(&bot, &Outcome::Taken, NOW);
    assert_eq!(figures(&mailbox, "r1"), ("running", 2, 2, 0, 0));
    // What one delivers no other does.
    begin(&mut mailbox, wish_as("r2"));
    mailbox.end(&replayed, &Outcome::Taken, NOW);
    assert_eq!(mailbox.deliver(NOW).len(), 1);
    assert_eq!(figures(&mailbox, "r1"), ("done", 2, 0, 2, 0));
    assert_eq!(figures(&mailbox, "r2"), ("done", 0, 0, 0, 0));
    let left = mailbox.dead();
    let left: Vec<&str> = left.iter().map(|letter| &*letter.destination).collect();
    assert_eq!(left, ["bot"]);
}
