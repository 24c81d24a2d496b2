//! What destinations get, where they take it, refuse it, or answer nothing.

use super::*;

#[test]
fn a_refused_message_holds_back_its_own_customer_alone() {
    let sql = Native::new();
    let mut mailbox = open(&sql, &["crm"]);
    let events = ["1a", "2a", "1b", "2b", "1c"]
        .map(|id| message(id.get(..1).unwrap(), id))
        .to_vec();
    mailbox.store(events, NOW);
    let taken = deliver(&mut mailbox, NOW, |delivery| {
        delivery.events[0].id != "1a-0"
    });
    assert_eq!(taken, ["2a-0", "2b-0"]);
    assert_eq!(mailbox.wakes_at(NOW), Some(NOW + 1000));
    assert_eq!(mailbox.deliver(NOW + 999), Vec::<String>::new());
    assert_eq!(mailbox.deliver(NOW + 1000), ["1a-0", "1b-0", "1c-0"]);
    assert_eq!(sql.count("parked") + sql.count("parked_events"), 0);
}

#[test]
fn after_the_last_try_an_event_is_a_dead_letter_and_its_customer_goes_on() {
    let mut mailbox = open(&Native::new(), &["crm"]);
    mailbox.store([message("1", "a"), message("1", "b")], NOW);
    let mut taken = Vec::new();
    while let Some(wakes_at) = mailbox.wakes_at(NOW) {
        taken.extend(deliver(&mut mailbox, wakes_at.max(NOW), |delivery| {
            delivery.events[0].id != "a-0"
        }));
    }
    assert_eq!(taken, ["b-0"]);
    let waiting = mailbox.waiting(0).unwrap();
    assert_eq!((waiting.events, waiting.dead_letters), (0, 1));
}

#[test]
fn a_destination_that_is_gone_gets_nothing_more_until_it_has_another_address() {
    let sql = Native::new();
    let mut mailbox = open(&sql, &["crm"]);
    mailbox.store([message("1", "a")], NOW);
    let delivery = mailbox.start(NOW);
    let changes = mailbox.end(&delivery, &Outcome::Gone, NOW);
    assert_eq!(changes, [Change::Gone]);
    mailbox.settle().unwrap();
    assert!(mailbox.waiting(0).unwrap().gone);
    assert_eq!(mailbox.next(NOW).unwrap(), None);
    assert_eq!(
        mailbox.wakes_at(NOW),
        Some(NOW + 3_600_000),
        "looked at again"
    );

    for _ in 0..2 {
        let mut again = open(&sql, &["crm"]);
        assert_eq!(again.next(NOW).unwrap(), None);
    }
    let moved = Destination {
        url: CheckedUrl::parse("http://127.0.0.1:9/elsewhere").unwrap(),
        ..destination("crm")
    };
    let mut moved = Mailbox::open(sql.clone(), vec![moved]).unwrap();
    assert_eq!(moved.deliver(NOW), ["a-0"]);
}

fn open_with_crm_at(sql: &Rc<Native>, url: &str) -> Mailbox {
    let url = CheckedUrl::parse(url).unwrap();
    let crm = destination("crm");
    Mailbox::open(sql.clone(), vec![Destination { url, ..crm }]).unwrap()
}

#[test]
fn who_was_gone_and_had_another_address_gets_all_again_under_the_former_one() {
    let sql = Native::new();
    let open = |url| open_with_crm_at(&sql, url);
    let mut mailbox = open("http://127.0.0.1:9/hooks");
    mailbox.store([message("1", "a")], NOW);
    let delivery = mailbox.start(NOW);
    mailbox.end(&delivery, &Outcome::Gone, NOW);
    open("http://127.0.0.1:9/elsewhere");
    let mut back = open("http://127.0.0.1:9/hooks");
    assert!(!back.waiting(0).unwrap().gone);
    assert_eq!(back.deliver(NOW + 3_600_000), ["a-0"]);
}

#[test]
fn what_waits_for_a_destination_that_is_gone_is_kept_for_as_long_as_it_would_have_been_tried() {
    let sql = Native::new();
    let open = |id| Mailbox::open(sql.clone(), vec![destination("crm"), destination(id)]).unwrap();
    let mut mailbox = open("bot");
    mailbox.store([message("1", "a"), message("2", "b")], NOW);
    end_all(&mut mailbox, NOW, |delivery| match delivery.destination {
        0 => Outcome::Gone,
        _ => Outcome::Taken,
    });
    let total = 3_600_000;
    mailbox.next(NOW + total - 1).unwrap();
    assert_eq!(mailbox.settle().unwrap(), Vec::<usize>::new());
    assert_eq!(mailbox.waiting(0).unwrap().events, 2);
    assert_eq!(mailbox.wakes_at(NOW + 10), Some(NOW + total));

    let mut mailbox = open("bot");
    assert_eq!(mailbox.next(NOW + total).unwrap(), None);
    assert_eq!(mailbox.settle().unwrap(), [0]);
    assert_eq!(mailbox.settle().unwrap(), Vec::<usize>::new());
    assert_eq!(mailbox.waiting(0).unwrap().events, 0);
    assert_eq!(mailbox.wakes_at(NOW + total), None);
    mailbox.store([message("1", "c")], NOW + total);
    assert_eq!(mailbox.settle().unwrap(), Vec::<usize>::new(), "told once");
    assert_eq!(mailbox.deliver(NOW + total), ["c-0"], "to the other alone");
    let tables = sql.tables();
    let mut logs = tables.iter().filter(|name| name.starts_with("log_"));
    assert!(logs.all(|name| sql.count(name) == 0), "nothing is left");
}

#[test]
fn a_dead_destination_gets_one_try_at_a_time_and_what_waits_when_it_is_back() {
    let sql = Native::new();
    let mut mailbox = open(&sql, &["crm"]);
    mailbox.store(many(0..200), NOW);
    let mut now = NOW;
    let mut tries = 0;
    let mut changes = Vec::new();
    while now < NOW + 30_000 {
        changes.extend(end_all(&mut mailbox, now, |_| {
            tries += 1;
            unreachable()
        }));
        now = mailbox.wakes_at(now).unwrap();
    }
    assert!(tries < 12, "{tries} tries in 30 s");
    assert_eq!(
        changes
            .iter()
            .filter(|change| **change == Change::Down)
            .count(),
        1
    );
    assert!(
        sql.count("parked") < 10,
        "what was not tried stays in the log"
    );
    assert!(mailbox.waiting(0).unwrap().down_since_ms.is_some());

    // It is spared after a restart as well.
    let mut mailbox = open(&sql, &["crm"]);
    assert_eq!(mailbox.next(now - 1).unwrap(), None);
    let mut taken = 0;
    let mut first_second = 0;
    let back = now;
    while let Some(at) = mailbox.wakes_at(now) {
        now = now.max(at);
        let now_taken = mailbox.deliver(now).len();
        taken += now_taken;
        first_second += if now < back + 1000 { now_taken } else { 0 };
    }
    assert_eq!(taken, 200);
    assert!(
        first_second <= 5,
        "{first_second} requests in the first second"
    );
    assert!(now < back + 10_000, "it took {} ms", now - back);
    assert_eq!(sql.count("parked") + sql.count("parked_events"), 0);
}

#[test]
fn after_an_outage_a_message_that_breaks_the_backend_every_time_holds_back_its_own_customer_alone()
{
    let mut mailbox = open(&Native::new(), &["crm"]);
    let (mut now, mut taken, mut sent) = (NOW, 0, 0);
    let back = NOW + 60_000;
    while now < NOW + 600_000 {
        let id = sent.to_string();
        mailbox.store([message(&id, &id)], now);
        sent += 1;
        end_all(&mut mailbox, now, |delivery| {
            if now < back || ["3-0", "7-0"].contains(&delivery.events[0].id.as_str()) {
                return unreachable();
            }
            taken += 1;
            Outcome::Taken
        });
        now += 250;
    }
    assert!(taken > sent - 6, "{taken} of {sent}");
}

#[test]
fn what_waits_goes_when_an_outage_is_over_although_the_object_is_restarted_just_then() {
    let sql = Native::new();
    let open = || {
        let patient = Destination {
            retry: Retry::default(),
            ..destination("crm")
        };
        Mailbox::open(sql.clone(), vec![patient]).unwrap()
    };
    let (mut mailbox, mut now) = (open(), NOW);
    mailbox.store(many(0..5), now);
    while now < NOW + 24 * 3_600_000 {
        end_all(&mut mailbox, now, |_| unreachable());
        let at = mailbox.wakes_at(now).unwrap();
        assert!(at - now <= 300_000, "it is looked after");
        now = now.max(at);
        assert!(mailbox.wakes_at(now).unwrap() <= now);
    }
    let delivery = mailbox.start(now);
    let changes = mailbox.end(&delivery, &Outcome::Taken, now);
    assert_eq!(changes, [Change::Resumed, Change::Up]);
    assert_eq!(open().deliver(now).len(), 4);
}

#[test]
fn a_customer_with_a_thousand_events_holds_back_nobody_else() {
    let mut mailbox = open(&Native::new(), &["crm"]);
    let mut events: Vec<Event> = (0..1_000)
        .map(|n| message("1", &format!("1.{n}")))
        .collect();
    events.push(message("2", "2"));
    mailbox.store(events, NOW);
    let mut next = || mailbox.next(NOW).unwrap().map(|it| it.events[0].id.clone());
    assert_eq!(next().as_deref(), Some("1.0-0"));
    assert_eq!(next().as_deref(), Some("2-0"));
    assert_eq!(next(), None);
}

#[test]
fn a_customer_with_more_events_than_are_looked_at_holds_back_nobody_else_either() {
    let sql = Native::new();
    let open = || open(&sql, &["crm"]);
    let mut mailbox = open();
    let mut events: Vec<Event> = (0..10_300)
        .map(|n| message("1", &format!("1.{n}")))
        .collect();
    let theirs: Vec<String> = events.iter().map(|event| event.id.clone()).collect();
    events.push(message("2", "2"));
    mailbox.store(events, NOW);
    let next = |mailbox: &mut Mailbox| mailbox.next(NOW).unwrap().map(|it| it.events[0].id.clone());
    assert_eq!(next(&mut mailbox).as_deref(), Some("1.0-0"));
    assert_eq!(next(&mut mailbox).as_deref(), Some("2-0"));
    assert_eq!(next(&mut mailbox), None);

    let mut mailbox = open();
    let mut taken = Vec::new();
    while mailbox.wakes_at(NOW).is_some() {
        taken.extend(mailbox.deliver(NOW));
        mailbox.settle().unwrap();
    }
    taken.retain(|id| id != "2-0");
    assert!(taken == theirs, "in their order");
    assert_eq!(sql.count("parked") + sql.count("parked_events"), 0);
}

#[test]
fn what_a_destination_does_not_want_does_not_reach_it_behind_what_it_refused_either() {
    let mut mailbox =
        Mailbox::open(Native::new(), vec![choosy("crm"), destination("all")]).unwrap();
    mailbox.store([message("1", "1a")], NOW);
    mailbox.refuse(NOW);
    let again = Event {
        id: "again-0".to_owned(),
        ..message("1", "1a")
    };
    mailbox.store([message("1", "1b"), again], NOW);
    let mut reached = Vec::new();
    deliver(&mut mailbox, NOW + 2_000, |delivery| {
        if delivery.destination == 0 {
            reached.push(delivery.events[0].id.clone());
        }
        true
    });
    assert_eq!(reached, ["1a-0", "again-0"]);
}

#[test]
fn what_a_destination_refused_and_does_not_want_any_more_holds_nothing_back() {
    let unlike = |destination: Destination| {
        let sql = Native::new();
        let mut mailbox = open(&sql, &["crm"]);
        let told = Event {
            kind: "transom.send.failed".to_owned(),
            ..message("1", "told")
        };
        let events = [
            status("1", "a", MessageStatus::Sent),
            told,
            status("1", "a", MessageStatus::Read),
            message("1", "b"),
            message("1", "1a"),
        ];
        mailbox.store(events, NOW);
        mailbox.refuse(NOW);
        let mut mailbox = Mailbox::open(sql.clone(), vec![destination]).unwrap();
        let reached = mailbox.deliver(NOW + 2_000);
        assert_eq!(sql.count("parked") + sql.count("parked_events"), 0);
        reached
    };
    let in_metas_format = Destination {
        format: Format::Meta,
        ..destination("crm")
    };
    assert_eq!(
        unlike(wanting("whatsapp.message.*", "crm")),
        ["b-0", "1a-0"]
    );
    assert_eq!(unlike(choosy("crm")), ["1a-0"]);
    assert_eq!(unlike(in_metas_format), ["a-0", "a-2", "b-0", "1a-0"]);
    assert_eq!(unlike(wanting("whatsapp.flow.*", "crm")), [""; 0]);
}

#[test]
fn while_a_destination_is_paused_the_time_for_which_it_refused_does_not_go_on() {
    let sql = Native::new();
    let mut mailbox = open(&sql, &["crm"]);
    mailbox.store([message("1", "a")], NOW);
    mailbox.refuse(NOW);
    Mailbox::open(sql.clone(), vec![paused("crm")]).unwrap();
    let mut mailbox = open(&sql, &["crm"]);
    let days_later = NOW + 3 * 24 * 3_600_000;
    mailbox.refuse(days_later);
    assert_eq!(sql.count("dead_letters"), 0);
    let total_ms = 3_600_000;
    let mut now = days_later;
    while let Some(at) = mailbox.wakes_at(now) {
        now = now.max(at);
        mailbox.refuse(now);
    }
    assert_eq!(sql.count("dead_letters"), 1);
    assert!(now >= days_later + total_ms);
}

#[test]
fn a_new_destination_gets_what_comes_from_now_on() {
    let sql = Native::new();
    let slow = || paused("slow");
    let mut mailbox = Mailbox::open(sql.clone(), vec![slow()]).unwrap();
    mailbox.store([message("1", "a")], NOW);
    let mut mailbox = Mailbox::open(sql.clone(), vec![slow(), destination("new")]).unwrap();
    mailbox.store([message("1", "b")], NOW);
    assert_eq!(mailbox.deliver(NOW), ["b-0"]);
    let mut resumed = open(&sql, &["slow"]);
    assert_eq!(resumed.deliver(NOW), ["a-0", "b-0"]);
}

#[test]
fn what_nobody_wants_wakes_nobody_who_was_just_opened() {
    let choosy = wanting("whatsapp.message.*", "crm");
    let sql = Native::new();
    let open = || Mailbox::open(sql.clone(), vec![choosy.clone()]).unwrap();
    let mut mailbox = open();
    mailbox.store([message("1", "a")], NOW);
    mailbox.deliver(NOW);
    let mut mailbox = open();
    let unwanted = status("1", "a", MessageStatus::Sent);
    mailbox.store([unwanted], NOW);
    assert_eq!(mailbox.wakes_at(NOW), None);
}

#[test]
fn a_destination_that_is_down_and_says_when_to_come_again_is_left_alone_until_then() {
    let mut mailbox = open(&Native::new(), &["crm"]);
    mailbox.store(many(0..20), NOW);
    end_all(&mut mailbox, NOW, |_| unreachable());
    let at = mailbox.wakes_at(NOW).unwrap();
    let delivery = mailbox.start(at);
    let busy = Outcome::Refused {
        error: "status 429".to_owned(),
        not_before_ms: Some(at + 600_000),
        whole: true,
    };
    mailbox.end(&delivery, &busy, at);
    assert_eq!(mailbox.next(at + 599_999).unwrap(), None);
    assert_eq!(mailbox.wakes_at(at), Some(at + 600_000));
}

#[test]
fn a_destination_that_is_down_is_tried_at_once_where_it_has_moved_to_and_then_spared_there() {
    let sql = Native::new();
    let open = |url| open_with_crm_at(&sql, url);
    let (here, there) = ("http://127.0.0.1:9/hooks", "http://127.0.0.1:9/elsewhere");
    let mut mailbox = open(here);
    mailbox.store(many(0..20), NOW);
    let mut now = NOW;
    for _ in 0..10 {
        end_all(&mut mailbox, now, |_| unreachable());
        now = mailbox.wakes_at(now).unwrap();
    }
    let before = now - 1;
    assert_eq!(open(here).next(before).unwrap(), None);

    let mut moved = open(there);
    assert!(moved.wakes_at(before).unwrap() <= before);
    let delivery = moved.start(before);
    moved.end(&delivery, &unreachable(), before);
    let mut moved = open(there);
    assert_eq!(moved.wakes_at(before), Some(before + 1000));
    assert_eq!(moved.next(before + 999).unwrap(), None);
    let delivery = moved.start(before + 1000);
    let changes = moved.done(&delivery, &Outcome::Taken, before + 1000, 0.5);
    assert!(changes.unwrap().contains(&Change::Up));
}

#[test]
fn what_was_refused_goes_at_once_at_another_address() {
    let sql = Native::new();
    let open = |url| open_with_crm_at(&sql, url);
    let (here, there) = ("http://127.0.0.1:9/hocks", "http://127.0.0.1:9/hooks");
    let mut mailbox = open(here);
    mailbox.store([message("1", "1"), message("2", "2")], NOW);
    mailbox.refuse(NOW);
    assert_eq!(open(here).wakes_at(NOW), Some(NOW + 1000));
    open(there);
    assert_eq!(open(there).deliver(NOW), ["1-0", "2-0"]);
}

#[test]
fn what_was_refused_is_tried_when_somebody_asks_also_after_a_restart() {
    let sql = Native::new();
    let open = || open(&sql, &["crm", "bot"]);
    let mut mailbox = open();
    mailbox.store([message("1", "1"), message("2", "2")], NOW);
    mailbox.refuse(NOW);
    assert_eq!(mailbox.retry("none", NOW + 1).unwrap(), None);
    assert_eq!(mailbox.wakes_at(NOW + 1), Some(NOW + 1000));
    assert_eq!(mailbox.retry("bot", NOW + 1).unwrap(), Some(1));
    assert_eq!(mailbox.wakes_at(NOW + 1), Some(NOW + 1));
    for mut mailbox in [open(), mailbox] {
        let delivery = mailbox.start(NOW + 1);
        assert_eq!(delivery.destination, 1);
        assert_eq!(delivery.events[0].id, "1-0");
    }
    assert_eq!(open().deliver(NOW + 1), ["1-0", "2-0"]);
}

#[test]
fn who_is_gone_or_down_is_tried_when_somebody_asks() {
    for (outcome, failing) in [(Outcome::Gone, 1), (unreachable(), 20)] {
        let sql = Native::new();
        let mut mailbox = open(&sql, &["crm"]);
        mailbox.store(many(0..20), NOW);
        for _ in 0..failing {
            if let Some(delivery) = mailbox.next(NOW).unwrap() {
                mailbox.end(&delivery, &outcome, NOW);
            }
        }
        mailbox.settle().unwrap();
        assert_eq!(mailbox.next(NOW + 1).unwrap(), None, "{outcome:?}");

        mailbox.retry("crm", NOW + 1).unwrap();
        for mut mailbox in [open(&sql, &["crm"]), mailbox] {
            assert!(!mailbox.waiting(0).unwrap().gone);
            assert!(mailbox.next(NOW + 1).unwrap().is_some(), "{outcome:?}");
        }
    }
}

/// Six customers whose messages break the backend, among many whose messages do not.
fn broken_by_six(sql: &Rc<Native>) -> (Mailbox, i64) {
    let mut mailbox = open(sql, &["crm"]);
    let mut now = NOW;
    for n in 0..240 {
        let id = if n % 40 == 0 {
            format!("broken{n}")
        } else {
            format!("{n}")
        };
        mailbox.store([message(&id, &id)], now);
        by_broken(&mut mailbox, now);
        now += 250;
    }
    (mailbox, now)
}

/// Delivers all that can go; what is of a broken customer gets no answer. Gives what was taken, and whether the
/// destination went down.
fn by_broken(mailbox: &mut Mailbox, now: i64) -> (Vec<String>, bool) {
    let mut taken = Vec::new();
    let changes = end_all(mailbox, now, |delivery| {
        let id = delivery.events[0].id.clone();
        if id.starts_with("broken") {
            return unreachable();
        }
        taken.push(id);
        Outcome::Taken
    });
    (taken, changes.contains(&Change::Down))
}

#[test]
fn in_a_quiet_hour_messages_that_break_the_backend_every_time_are_no_outage() {
    for restarted in [false, true] {
        let sql = Native::new();
        let (mut mailbox, mut now) = broken_by_six(&sql);
        if restarted {
            mailbox = open(&sql, &["crm"]);
            mailbox.store([message("last", "last")], now);
            assert_eq!(by_broken(&mut mailbox, now).0, ["last-0"]);
        }
        let quiet_until = now + 1_800_000;
        while let Some(at) = mailbox.wakes_at(now).filter(|at| *at < quiet_until) {
            now = at.max(now);
            assert_eq!(by_broken(&mut mailbox, now), (vec![], false));
        }
        mailbox.store([message("new", "new")], now);
        assert_eq!(by_broken(&mut mailbox, now).0, ["new-0"]);
    }
}

#[test]
fn a_destination_that_answers_is_not_down_for_long_because_of_five_messages_that_break_it() {
    let sql = Native::new();
    let open = || open(&sql, &["crm"]);
    let mut mailbox = open();
    let broken = (0..5).map(|n| message(&format!("broken{n}"), &format!("broken{n}")));
    mailbox.store(broken, NOW);
    assert!(by_broken(&mut mailbox, NOW).1);
    mailbox.store([message("1", "new")], NOW);
    let mut now = NOW;
    let mut tried = |crashes| {
        // Between two tries it is long forgotten what was tried last.
        let mut mailbox = open();
        now = now.max(mailbox.wakes_at(now).unwrap());
        if crashes {
            return vec![mailbox.start(now).events[0].id.clone()];
        }
        by_broken(&mut mailbox, now).0
    };
    assert_eq!(tried(true), ["broken0-0"]);
    assert_eq!(tried(false), ["new-0"]);
}

#[test]
fn an_outage_that_is_over_is_not_begun_anew_by_the_messages_that_break_the_backend() {
    let mut mailbox = open(&Native::new(), &["crm"]);
    let broken = (0..5).map(|n| message(&format!("broken{n}"), &format!("broken{n}")));
    mailbox.store(broken, NOW);
    let mut now = NOW;
    let mut taken = Vec::new();
    while taken.is_empty() && now < NOW + 3_000_000 {
        if now > NOW + 300_000 {
            mailbox.store([message("1", "new")], now);
        }
        taken = by_broken(&mut mailbox, now).0;
        now = now.max(mailbox.wakes_at(now).unwrap());
    }
    assert_eq!(taken, ["new-0"]);
    let until = now + 600_000;
    while now < until {
        assert_eq!(by_broken(&mut mailbox, now), (vec![], false));
        now = now.max(mailbox.wakes_at(now).unwrap());
    }
}

#[test]
fn a_message_whose_refusal_ends_an_outage_is_tried_again_in_its_own_time() {
    let mut mailbox = open(&Native::new(), &["crm"]);
    let events = (0..5).map(|n| message(&format!("broken{n}"), &format!("broken{n}")));
    mailbox.store(events, NOW);
    assert!(by_broken(&mut mailbox, NOW).1);
    let back = mailbox.wakes_at(NOW).unwrap();
    let delivery = mailbox.start(back);
    let later = Outcome::Refused {
        error: "status 409".to_owned(),
        not_before_ms: Some(back + 10_000),
        whole: false,
    };
    let changes = mailbox.end(&delivery, &later, back);
    assert_eq!(changes, [Change::Up]);
    let (mut now, mut taken) = (back, 0);
    while let Some(at) = mailbox.wakes_at(now).filter(|at| *at < back + 10_000) {
        now = now.max(at);
        taken += deliver(&mut mailbox, now, |next| next.events != delivery.events).len();
    }
    assert_eq!(taken, 4);
    assert_eq!(mailbox.wakes_at(now), Some(back + 10_000));
}

#[test]
fn a_destination_that_refuses_what_is_in_messages_is_not_down_however_many_they_are() {
    let mut mailbox = open(&Native::new(), &["crm"]);
    mailbox.store(many(0..50), NOW);
    let changes = end_all(&mut mailbox, NOW, |_| refused());
    assert_eq!(changes, [Change::Parked; 50]);
    assert_eq!(mailbox.waiting(0).unwrap().down_since_ms, None);
}

#[test]
fn what_was_refused_takes_half_of_the_room_at_most_and_every_second_turn() {
    let mut mailbox = open(&Native::new(), &["crm"]);
    mailbox.store(
        (0..9).map(|n| message(&format!("o{n}"), &format!("o{n}"))),
        NOW,
    );
    mailbox.refuse(NOW);
    let due = NOW + 1_000;
    let begins = |mailbox: &mut Mailbox| {
        let delivery = mailbox.start(due);
        let is_old = delivery.events[0].id.starts_with('o');
        (delivery, is_old)
    };
    mailbox.store(many(0..9), due);
    let mut turns = Vec::new();
    for _ in 0..6 {
        let (delivery, is_old) = begins(&mut mailbox);
        turns.push(is_old);
        mailbox.end(&delivery, &Outcome::Taken, due);
    }
    assert_eq!(turns, [true, false, true, false, true, false]);
    let mut room = [(); 4].map(|()| begins(&mut mailbox).1);
    assert_eq!(mailbox.next(due).unwrap(), None);
    room.sort_unstable();
    assert_eq!(room, [false, false, true, true]);

    let mut mailbox = open(&Native::new(), &["crm"]);
    mailbox.store(
        (0..9).map(|n| message(&format!("o{n}"), &format!("o{n}"))),
        NOW,
    );
    mailbox.refuse(NOW);
    let old = [(); 2].map(|()| begins(&mut mailbox).1);
    assert_eq!(old, [true; 2]);
    assert_eq!(
        mailbox.next(due).unwrap(),
        None,
        "some is left for what is new"
    );
}

#[test]
fn what_was_taken_does_not_go_again_after_a_crash_but_for_the_last_hundred() {
    let sql = Native::new();
    let mut mailbox = open(&sql, &["crm"]);
    mailbox.store(many(0..150), NOW);
    for _ in 0..150 {
        let delivery = mailbox.start(NOW);
        mailbox.end(&delivery, &Outcome::Taken, NOW);
    }
    assert_eq!(open(&sql, &["crm"]).deliver(NOW).len(), 50);
}

#[test]
fn what_was_answered_does_not_go_again_after_a_crash_and_costs_a_row_more_only_where_others_wait() {
    let others = [message("2", "b")];
    for (destinations, others, keep_ms, more) in [
        (&["crm"][..], &[][..], 0, 0),
        (&["crm"], &others, 0, 1),
        (&["crm", "bot"], &[], 0, 1),
        (&["crm"], &[], 3_600_000, 0),
    ] {
        let rows = |is_answered| {
            let sql = Native::new();
            let mut mailbox = open(&sql, destinations).keeping(keep_ms);
            mailbox.store([message("1", "a")], NOW);
            mailbox.store(others.to_vec(), NOW);
            let before = sql.changes();
            let delivery = mailbox.start(NOW);
            mailbox.end(&delivery, &Outcome::Taken, NOW);
            if is_answered {
                mailbox.save(delivery.destination).unwrap();
                let mut again = open(&sql, destinations);
                while let Some(next) = again.next(NOW).unwrap() {
                    assert_ne!(next, delivery);
                }
            }
            mailbox.deliver(NOW);
            sql.changes() - before
        };
        let rows = rows(true) - rows(false);
        assert_eq!(rows, more, "{destinations:?}, kept for {keep_ms}");
    }
}

#[test]
fn a_refusal_that_ends_an_outage_lets_all_others_go_also_after_a_restart() {
    for restarts in [false, true] {
        let sql = Native::new();
        let open = || {
            let retry = Retry {
                max_ms: 3_600_000,
                ..Retry::default()
            };
            let crm = Destination {
                retry,
                ..destination("crm")
            };
            Mailbox::open(sql.clone(), vec![crm]).unwrap()
        };
        let mut mailbox = open();
        mailbox.store(many(0..6), NOW);
        let mut now = NOW;
        while now < NOW + 12 * 3_600_000 {
            end_all(&mut mailbox, now, |_| unreachable());
            now = now.max(mailbox.wakes_at(now).unwrap());
        }
        let delivery = mailbox.start(now);
        let changes = mailbox.end(&delivery, &refused(), now);
        assert_eq!(changes, [Change::Up]);
        if restarts {
            mailbox = open();
        }
        assert_eq!(mailbox.waiting(0).unwrap().down_since_ms, None);
        let (until, mut taken) = (now + 10_000, 0);
        while let Some(at) = mailbox.wakes_at(now).filter(|at| *at < until) {
            now = now.max(at);
            taken += deliver(&mut mailbox, now, |next| {
                next.events[0].id != delivery.events[0].id
            })
            .len();
        }
        assert_eq!(taken, 5, "{restarts}");
    }
}

#[test]
fn what_waits_is_as_it_was_whatever_becomes_of_other_conversations_or_elsewhere() {
    let sql = Native::new();
    let mut mailbox = open(&sql, &["crm", "bot"]);
    let events = ["1a", "1b", "2a", "2b"].map(|id| message(id.get(..1).unwrap(), id));
    mailbox.store(events, NOW);
    mailbox.refuse(NOW);
    let others = || {
        ["parked", "parked_events"].map(|table| {
            let others = "destination <> 'crm' OR conversation <> 1";
            sql.exec(&format!("SELECT * FROM {table} WHERE {others}"), &[])
        })
    };
    let before = others();
    let left = || sql.count("parked WHERE destination = 'crm' AND conversation = 1");
    for (id, is_left) in [("1a-0", 1), ("1b-0", 0)] {
        let delivery = mailbox.start(NOW + 1_000);
        assert_eq!((delivery.destination, &*delivery.events[0].id), (0, id));
        mailbox.end(&delivery, &Outcome::Taken, NOW + 1_000);
        assert_eq!((left(), others()), (is_left, before.clone()));
    }
}

#[test]
fn what_is_behind_a_message_that_was_refused_for_long_is_tried_for_as_long_as_any_after_a_restart()
{
    let sql = Native::new();
    let open = || open(&sql, &["crm"]);
    let mut mailbox = open();
    mailbox.store([message("1", "a"), message("1", "b")], NOW);
    let mut now = NOW;
    while now < NOW + 3_500_000 {
        mailbox.refuse(now);
        now = mailbox.wakes_at(now).unwrap();
    }
    let delivery = mailbox.start(now);
    mailbox.end(&delivery, &Outcome::Taken, now);
    open().refuse(NOW + 3_700_000);
    assert_eq!(sql.count("dead_letters"), 0);
    assert_eq!(open().deliver(NOW + 3_800_000), ["b-0"]);
}

#[test]
fn what_waits_for_a_destination_that_is_given_up_is_all_that_goes() {
    for is_new in [false, true] {
        let sql = Native::new();
        let patient = Destination {
            retry: Retry::default(),
            ..destination("bot")
        };
        let mut mailbox = Mailbox::open(sql.clone(), vec![destination("crm"), patient]).unwrap();
        mailbox.store([message("1", "a"), message("1", "b")], NOW);
        mailbox.refuse(NOW);
        if is_new {
            mailbox.store([message("2", "c")], NOW);
        }
        let now = NOW + i64::from(!is_new) * 1_000;
        let gone = mailbox.start(now);
        assert_eq!(gone.destination, 0);
        mailbox.end(&gone, &Outcome::Gone, now);
        let refused = mailbox.start(now + 3_600_000);
        mailbox.end(&refused, &super::refused(), now + 3_600_000);
        assert_eq!(mailbox.settle().unwrap(), [0]);
        assert_eq!(mailbox.settle().unwrap(), [] as [usize; 0], "told once");
        let parked = |id| sql.count(&format!("parked_events WHERE destination = '{id}'"));
        assert_eq!((parked("crm"), parked("bot")), (0, 2));
        assert_eq!(mailbox.waiting(0).unwrap().events, 0);
        mailbox.deliver(now + 7_200_000);
        let mut logs = sql.tables().into_iter().filter(|it| it.starts_with("log_"));
        assert!(logs.all(|name| sql.count(&name) == 0));
    }
}

#[test]
fn what_waited_for_a_destination_that_was_away_goes_when_it_is_back() {
    let sql = Native::new();
    let events = ["1a", "1b", "2a"].map(|id| message(id.get(..1).unwrap(), id));
    let mut mailbox = open(&sql, &["crm", "bot"]);
    mailbox.store(events, NOW);
    deliver(&mut mailbox, NOW, |delivery| delivery.destination == 0);
    open(&sql, &["crm"]);
    let mut mailbox = open(&sql, &["crm", "bot"]);
    assert_eq!(mailbox.deliver(NOW), ["1a-0", "1b-0", "2a-0"]);
}

#[test]
fn a_destination_that_is_paused_is_looked_at_again_where_only_what_it_refused_waits() {
    let sql = Native::new();
    let mut mailbox = open(&sql, &["crm"]);
    mailbox.store([message("1", "a")], NOW);
    mailbox.refuse(NOW);
    mailbox.save_all().unwrap();
    let mailbox = Mailbox::open(sql, vec![paused("crm")]).unwrap();
    assert_eq!(mailbox.wakes_at(NOW), Some(NOW + 3_600_000));
}

#[test]
fn who_may_be_written_to_once_a_second_is_when_that_is_over_and_for_what_is_due_later() {
    let slow = Destination {
        max_per_second: Some(1),
        ..destination("crm")
    };
    let mut mailbox = Mailbox::open(Native::new(), vec![slow]).unwrap();
    assert_eq!(mailbox.next(NOW).unwrap(), None, "which uses up nothing");
    mailbox.store([message("1", "a")], NOW);
    mailbox.refuse(NOW);
    mailbox.store([message("2", "b")], NOW + 2_000);
    let new = mailbox.start(NOW + 2_000);
    let now = NOW + 2_000;
    assert_eq!(mailbox.wakes_after(now, now), Some(NOW + 3_000));
    let old = mailbox.start(NOW + 3_000);
    mailbox.end(&new, &refused(), NOW + 3_500);
    mailbox.end(&old, &refused(), NOW + 3_500);
    let now = NOW + 4_500;
    assert_eq!(mailbox.wakes_at(now), Some(now));
    assert_eq!(mailbox.wakes_after(now, now), Some(NOW + 5_500));
}

#[test]
fn an_outage_of_one_destination_is_none_of_another_after_a_restart() {
    let sql = Native::new();
    let open = || {
        let elsewhere = CheckedUrl::parse("http://127.0.0.1:9/elsewhere").unwrap();
        let bot = Destination {
            url: elsewhere,
            ..destination("bot")
        };
        Mailbox::open(sql.clone(), vec![destination("crm"), bot]).unwrap()
    };
    let mut mailbox = open();
    mailbox.store(many(0..20), NOW);
    end_all(&mut mailbox, NOW, |delivery| {
        match (delivery.destination, &*delivery.events[0].id) {
            (0, _) => unreachable(),
            (_, "0-0") => refused(),
            _ => Outcome::Taken,
        }
    });
    let mut mailbox = open();
    assert_eq!(mailbox.next(NOW + 1).unwrap(), None);
    mailbox.store([message("1", "new")], NOW + 1);
    assert_eq!(mailbox.start(NOW + 1).destination, 1);
}

#[test]
fn a_message_that_is_refused_for_what_is_in_it_is_none_of_the_failures_that_make_an_outage() {
    let mut mailbox = open(&Native::new(), &["crm"]);
    mailbox.store(many(0..5), NOW);
    let changes = end_all(&mut mailbox, NOW, |delivery| {
        match &*delivery.events[0].id {
            "0-0" => refused(),
            _ => unreachable(),
        }
    });
    assert_eq!(changes, [Change::Parked; 5]);
}
