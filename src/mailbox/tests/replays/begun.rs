//! How replays are begun, listed and stopped.

use super::*;

#[test]
fn a_replay_to_a_destination_that_is_taken_out_stops() {
    let sql = Native::new();
    let mut mailbox = with_dead_letters(&sql, &[("1", "a")], &["a-0"]);
    begin(&mut mailbox, wish(of("crm")));
    mailbox.next(LATER).unwrap();
    let mut mailbox = open(&sql, &["bot"]);
    mailbox.next(LATER).unwrap();
    assert_eq!(figures(&mailbox, "r1"), ("stopped", 1, 0, 0, 0));
    assert_eq!(sql.count("parked_events"), 0);
}

#[test]
fn a_replay_of_what_a_destination_wanted_stops_when_that_is_taken_out_and_one_of_its_dead_letters_goes_on()
 {
    let sql = Native::new();
    let mut mailbox = with_dead_letters(&sql, &[("1", "a")], &["a-0"]);
    let to_bot = |id: &str, kept| Wish {
        kept,
        to: "bot".to_owned(),
        ..wish_as(id)
    };
    begin(&mut mailbox, to_bot("r1", true));
    begin(&mut mailbox, to_bot("r2", false));
    let mut mailbox = open(&sql, &["bot"]);
    assert_eq!(mailbox.deliver(LATER), ["a-0"]);
    assert_eq!(figures(&mailbox, "r1"), ("stopped", 0, 0, 0, 0));
    assert_eq!(figures(&mailbox, "r2").0, "done");
    with_dead_letters(&sql, &[("2", "b")], &["b-0"]);
    let mut mailbox = open(&sql, &["bot"]);
    let more = mailbox.replay(to_bot("r3", true), LATER).unwrap();
    assert_eq!(more, Begun::NoSource);
    begin(&mut mailbox, to_bot("r4", false));
}

#[test]
fn no_conversation_waits_for_a_destination_that_is_taken_out_while_it_refuses_a_replay() {
    let sql = Native::new();
    let mut mailbox = with_dead_letters(&sql, &[("1", "a")], &["a-0"]);
    begin(&mut mailbox, wish(of("crm")));
    deliver(&mut mailbox, LATER, |_| false);
    mailbox.store([message("2", "b")], LATER);
    deliver(&mut mailbox, LATER, |delivery| delivery.destination == 0);
    let without = open(&sql, &["bot"]);
    assert_eq!(open(&sql, &["bot"]).deliver(LATER + 1_000), ["b-0"]);
    let [(_, waiting)] = &without.taken_out().unwrap()[..] else {
        panic!("the dead letter is left");
    };
    let waits = (waiting.events, waiting.conversations, waiting.dead_letters);
    assert_eq!(waits, (0, 0, 1));
}

#[test]
fn what_has_not_gone_out_when_a_replay_is_stopped_does_not_go() {
    let sql = Native::new();
    let messages = [("1", "a"), ("2", "b"), ("3", "c")];
    let mut mailbox = with_dead_letters(&sql, &messages, &["a-0", "b-0", "c-0"]);
    begin(&mut mailbox, wish(of("crm")));
    assert_eq!(mailbox.replaying(Some("crm")), Some("r1"));
    assert_eq!(mailbox.replaying(Some("bot")), None);
    let first = mailbox.start(LATER);
    let second = mailbox.start(LATER);
    let stopped = mailbox.stop_replay("r1", LATER).unwrap().unwrap();
    assert_eq!(
        mailbox.replaying(Some("crm")),
        Some("r1"),
        "two are on their way"
    );
    assert_eq!((stopped.state(), stopped.ended_ms), ("stopped", None));
    assert_eq!((stopped.waiting(), stopped.dropped), (2, 1));
    mailbox.end(&first, &Outcome::Taken, LATER);
    mailbox.end(&second, &refused(), LATER);
    assert_eq!(figures(&mailbox, "r1"), ("stopped", 3, 0, 1, 0));
    assert_eq!(mailbox.replaying(Some("crm")), None);
    assert_eq!(told(&mailbox, "r1").dropped, 2);
    let much_later = LATER + 3_600_000;
    assert_eq!(mailbox.deliver(much_later), Vec::<String>::new());
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
        begin(&mut mailbox, wish(of("crm")));
        let delivery = mailbox.start(LATER);
        mailbox.stop_replay("r1", LATER).unwrap();
        begin(&mut mailbox, wish_as("r2"));
        assert_eq!(mailbox.next(LATER).unwrap(), None);
        if crashes {
            mailbox = open(&sql, &["crm"]);
        } else {
            mailbox.end(&delivery, &refused(), LATER);
            assert_eq!(told(&mailbox, "r1").dropped, 1);
        }
        assert_eq!(figures(&mailbox, "r2"), ("running", 1, 1, 0, 0));
        assert_eq!(mailbox.deliver(LATER), ["a-0"]);
        assert_eq!(figures(&mailbox, "r2"), ("done", 1, 0, 1, 0));
    }
}

#[test]
fn a_replay_that_was_being_stopped_has_stopped_after_a_crash() {
    let sql = Native::new();
    let mut mailbox = with_dead_letters(&sql, &[("1", "a"), ("2", "b")], &["a-0", "b-0"]);
    begin(&mut mailbox, wish(of("crm")));
    mailbox.start(LATER);
    mailbox.stop_replay("r1", LATER).unwrap();
    let mut mailbox = open(&sql, &["crm"]);
    assert_eq!(mailbox.deliver(LATER), Vec::<String>::new());
    assert_eq!(figures(&mailbox, "r1"), ("stopped", 2, 0, 0, 0));
    assert_eq!(sql.count("dead_letters"), 2);
}

#[test]
fn a_replay_to_a_destination_that_is_gone_does_not_begin_and_one_that_runs_stops_when_that_is_given_up()
 {
    let sql = Native::new();
    let open = || open(&sql, &["crm", "bot"]);
    let messages = [("1", "a"), ("2", "b")];
    with_dead_letters(&sql, &messages, &["a-0", "b-0"]);
    let mut mailbox = open();
    begin(&mut mailbox, wish(of("crm")));
    let to_another = Wish {
        to: "bot".to_owned(),
        ..wish_as("r0")
    };
    begin(&mut mailbox, to_another);
    let delivery = mailbox.start(LATER);
    mailbox.end(&delivery, &Outcome::Gone, LATER);
    assert_eq!(mailbox.replay(wish_as("r2"), LATER).unwrap(), Begun::Gone);
    mailbox.next(LATER + 3_600_000).unwrap();
    mailbox.settle().unwrap();
    for mailbox in [mailbox, open()] {
        assert_eq!(figures(&mailbox, "r1"), ("stopped", 2, 0, 0, 0));
        assert_eq!(told(&mailbox, "r0").state(), "running");
    }
}

#[test]
fn replays_are_listed_the_latest_first_and_forgotten_after_a_week() {
    let mut mailbox = with_dead_letters(&Native::new(), &[("1", "a")], &[]);
    let mut ids = Vec::new();
    for number in 1..=12 {
        let id = format!("r{number:02}");
        let wish = wish_as(&id);
        match mailbox.replay(wish.clone(), LATER).unwrap() {
            Begun::Running(replay) => {
                assert_eq!(
                    mailbox.replay(wish, LATER + 1).unwrap(),
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
    mailbox.deliver(LATER);
    assert!(
        mailbox
            .replays(None, 99)
            .unwrap()
            .iter()
            .all(|it| it.state() == "done")
    );
    let week = 7 * 24 * 3_600_000;
    mailbox.replay(wish_as("r13"), LATER + week).unwrap();
    assert_eq!(listed(&mailbox, Some("r13")), ids[..4]);
    mailbox.deliver(LATER + week);
    mailbox.replay(wish_as("s"), LATER + week + 1).unwrap();
    assert_eq!(listed(&mailbox, None), ["s", "r13"]);
}

#[test]
fn what_came_behind_a_replay_that_is_stopped_has_a_schedule_of_its_own() {
    let mut mailbox = with_dead_letters(&Native::new(), &[("1", "a")], &["a-0"]);
    begin(&mut mailbox, wish(of("crm")));
    let (mut now, stop_at) = (LATER, LATER + 3_300_000);
    deliver(&mut mailbox, now, |delivery| delivery.destination == 1);
    mailbox.store([message("1", "b")], now + 1);
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
fn a_replay_waits_behind_what_its_destination_refused_and_for_nothing_that_another_did() {
    let bot = wanting("whatsapp.message.*", "bot");
    let mut mailbox = Mailbox::open(Native::new(), vec![hasty("crm"), bot]).unwrap();
    let dead = status("1", "b", MessageStatus::Sent);
    mailbox.store([message("1", "a"), dead], NOW);
    // `bot` refused what came before it.
    deliver(&mut mailbox, NOW, |delivery| {
        delivery.destination == 0 && delivery.events[0].id == "a-0"
    });
    assert_eq!(mailbox.dead().len(), 1);
    let begin = |mailbox: &mut Mailbox, id: &str, to: &str| {
        let to = to.to_owned();
        let wish = Wish { to, ..wish_as(id) };
        mailbox.replay(wish, NOW + 1).unwrap();
    };
    begin(&mut mailbox, "r1", "bot");
    assert_eq!(mailbox.deliver(NOW + 1), [""; 0]);
    begin(&mut mailbox, "r2", "crm");
    let id = mailbox.dead()[0].event.id.clone();
    assert_eq!(mailbox.deliver(NOW + 1), [&*id]);
    assert_eq!(mailbox.deliver(NOW + 1_000), ["a-0".to_owned(), id]);
}
