//! What is told of a destination: what waits for it, what failed, and how much it took.

use super::{super::replay::Wish, *};

fn failure(class: &str, at_ms: i64) -> Failure {
    Failure {
        class: class.to_owned(),
        at_ms,
    }
}

#[test]
fn what_waits_is_told_wherever_it_waits() {
    let choosy = Destination {
        events: vec![Pattern::parse("whatsapp.message.*").unwrap()],
        max_in_flight: 2,
        ..destination("crm")
    };
    let mut mailbox = Mailbox::open(Native::new(), vec![choosy, destination("slow")]).unwrap();
    mailbox.store([message("0", "refused")], NOW);
    deliver(&mut mailbox, NOW, |delivery| delivery.destination == 1);
    // More than is looked at in advance, and every second of them is not wanted.
    let events = (0..600).flat_map(|n| {
        let person = format!("{n}");
        [
            message(&person, &person),
            status(&person, &format!("of-{n}"), MessageStatus::Sent),
        ]
    });
    mailbox.store(events, NOW + 5);
    for _ in 0..2 {
        assert_eq!(mailbox.start(NOW + 7).destination, 0);
    }
    let waiting = mailbox.waiting(0).unwrap();
    assert_eq!(
        waiting,
        Waiting {
            conversations: 1,
            events: 601,
            oldest_ms: Some(NOW),
            tries: 1,
            last_error: Some(failure("status 422", NOW)),
            ..Waiting::default()
        }
    );
    let waiting = mailbox.waiting(1).unwrap();
    assert_eq!(
        (waiting.events, waiting.oldest_ms, waiting.tries),
        (1200, Some(NOW + 5), 0)
    );
    let nobody = mailbox.waiting(2).unwrap();
    assert_eq!(nobody, Waiting::default());
}

#[test]
fn the_tries_are_those_of_what_has_failed_for_longest_or_of_the_outage() {
    let sql = Native::new();
    let mut mailbox = open(&sql, &["crm"]);
    mailbox.store([message("1", "a")], NOW);
    let mut now = NOW;
    for _ in 0..3 {
        mailbox.refuse(now);
        now = mailbox.wakes_at(now).unwrap();
    }
    mailbox.store([message("2", "b")], now - 1);
    mailbox.refuse(now - 1);
    let waiting = mailbox.waiting(0).unwrap();
    assert_eq!(waiting.tries, 3);
    assert_eq!(waiting.last_error, Some(failure("status 422", now - 1)));

    mailbox.store(many(3..20), now);
    for _ in 0..3 {
        end_all(&mut mailbox, now, |_| unreachable());
        now = mailbox.wakes_at(now).unwrap();
    }
    let down = mailbox.waiting(0).unwrap();
    assert_eq!(down.tries, 3);
    assert!(down.down_since_ms.is_some());
    let mut again = open(&sql, &["crm"]);
    assert_eq!(again.waiting(0).unwrap(), down, "also after a restart");
}

#[test]
fn what_went_wrong_last_is_known_after_a_restart_while_it_still_matters() {
    let sql = Native::new();
    let open = || open(&sql, &["crm"]);
    let mut mailbox = open();
    mailbox.store([message("1", "a")], NOW);
    mailbox.refuse(NOW);
    let last_error = |mailbox: &mut Mailbox| mailbox.waiting(0).unwrap().last_error;
    assert_eq!(
        last_error(&mut open()),
        Some(failure("status 422", NOW)),
        "it waits"
    );
    mailbox.deliver(NOW + 1_000);
    assert_eq!(last_error(&mut mailbox), Some(failure("status 422", NOW)));

    mailbox.store([message("1", "b")], NOW);
    let mut died = NOW;
    while let Some(at) = mailbox.wakes_at(died) {
        died = died.max(at);
        mailbox.refuse(died);
    }
    assert_eq!(
        last_error(&mut open()),
        Some(failure("status 422", died)),
        "it died"
    );

    mailbox.store([message("1", "c")], died);
    let delivery = mailbox.start(died + 1);
    mailbox.end(&delivery, &Outcome::Gone, died + 1);
    for mut mailbox in [mailbox, open()] {
        let gone = failure("status 410", died + 1);
        assert_eq!(last_error(&mut mailbox), Some(gone));
    }
}

#[test]
fn what_went_wrong_before_something_that_no_longer_matters_is_not_told_again_after_a_restart() {
    // A second destination, which takes nothing: places are written down.
    let sql = Native::new();
    let open = |path: &str| {
        let url = CheckedUrl::parse(&format!("http://127.0.0.1:9/{path}")).unwrap();
        let crm = Destination {
            url,
            ..destination("crm")
        };
        Mailbox::open(sql.clone(), vec![crm, destination("slow")]).unwrap()
    };
    let fails = |mailbox: &mut Mailbox, outcome: &Outcome, at: i64| {
        let delivery = mailbox.start(at);
        assert_eq!(delivery.destination, 0);
        mailbox.end(&delivery, outcome, at);
    };
    let mut mailbox = open("hocks");
    mailbox.store([message("1", "a")], NOW);
    fails(&mut mailbox, &Outcome::Gone, NOW);
    let mut mailbox = open("hooks");
    fails(&mut mailbox, &refused(), NOW + 1);
    deliver(&mut mailbox, NOW + 2_000, |it| it.destination == 0);
    assert_eq!(open("hooks").waiting(0).unwrap().last_error, None);

    let mut mailbox = open("hooks");
    mailbox.store(many(2..20), NOW + 3_000);
    for _ in 0..5 {
        fails(&mut mailbox, &unreachable(), NOW + 3_000);
    }
    assert!(
        open("hooks").waiting(0).unwrap().last_error.is_some(),
        "it is down"
    );
    let mut now = NOW + 10_000;
    for _ in 0..20 {
        deliver(&mut mailbox, now, |it| it.destination == 0);
        now += 10_000;
    }
    let waiting = open("hooks").waiting(0).unwrap();
    assert_eq!((waiting.events, waiting.last_error), (0, None));
}

#[test]
fn what_a_destination_takes_is_counted_and_costs_no_row() {
    let mut mailbox = Mailbox::open(Native::new(), vec![batching(0)]).unwrap();
    let events = ["1a", "1b", "2a"].map(|id| message(id.get(..1).unwrap(), id));
    mailbox.store(events, NOW);
    let delivery = mailbox.start(NOW);
    mailbox.end(&delivery, &Outcome::Taken, NOW);
    mailbox.refuse(NOW);
    mailbox.count_refused_replies(0);
    let counted = Counted {
        since_ms: NOW,
        delivered: 2,
        failed: 1,
        refused_replies: 1,
        delivered_last_hour: 2,
    };
    assert_eq!(mailbox.counted(Some(0), NOW), counted);
    let later = NOW + 2 * 3_600_000;
    assert_eq!(
        mailbox.counted(Some(0), later),
        Counted {
            delivered_last_hour: 0,
            ..counted
        }
    );
}

#[test]
fn the_last_hour_survives_a_restart_where_the_cursor_was_written_down() {
    let sql = Native::new();
    let open = || open(&sql, &["crm", "bot"]);
    let mut mailbox = open();
    mailbox.store([message("1", "a")], NOW);
    while let Some(delivery) = mailbox.next(NOW).unwrap() {
        if delivery.destination == 0 {
            mailbox.end(&delivery, &Outcome::Taken, NOW);
        }
    }
    mailbox.settle().unwrap();
    let counted = open().counted(Some(0), NOW + 1);
    assert_eq!((counted.delivered, counted.delivered_last_hour), (0, 1));
}

#[test]
fn that_a_conversation_waits_and_goes_on_is_told_of_each_event_that_is_refused_and_taken() {
    let mut mailbox = open(&Native::new(), &["crm"]);
    mailbox.store(["a", "b", "c"].map(|id| message("1", id)), NOW);
    let mut changes = Vec::new();
    for (at, outcome) in [
        (NOW, refused()),
        (NOW + 2_000, refused()),
        (NOW + 9_000, Outcome::Taken),
        (NOW + 9_000, refused()),
        (NOW + 19_000, Outcome::Taken),
        (NOW + 19_000, Outcome::Taken),
    ] {
        let delivery = mailbox.start(at);
        changes.push(mailbox.end(&delivery, &outcome, at));
    }
    let [parked, resumed] = [&[Change::Parked][..], &[Change::Resumed]];
    assert_eq!(changes, [parked, &[], resumed, parked, resumed, &[]]);
}

#[test]
fn to_ask_how_much_waits_again_costs_what_came_since() {
    let sql = Native::new();
    let open = || Mailbox::open(sql.clone(), vec![paused("crm")]).unwrap();
    let mut mailbox = open();
    mailbox.store(many(0..2_000), NOW);
    let mut asked = || {
        let before = sql.steps();
        let waiting = mailbox.waiting(0).unwrap();
        let steps = sql.steps() - before;
        let more = vec![message("1", &format!("more-{before}"))];
        mailbox.store(more, NOW + 1);
        (waiting.events, steps)
    };
    let (first, again) = (asked(), asked());
    assert_eq!((first.0, again.0), (2_000, 2_001));
    assert!(
        again.1 * 20 < first.1,
        "{} steps, then {}",
        first.1,
        again.1
    );
    assert_eq!(mailbox.waiting(0).unwrap(), open().waiting(0).unwrap());
}

#[test]
fn however_much_waits_it_is_never_in_memory_as_a_whole() {
    let sql = Native::new();
    let open = |ids: &[&str]| open(&sql, ids).keeping(3_600_000);
    let mut mailbox = open(&["crm", "old"]);
    mailbox.store(many(0..2_500), NOW);
    mailbox.refuse(NOW);
    sql.most_rows();
    let mut mailbox = open(&["crm"]);
    let waiting = mailbox.waiting(0).unwrap();
    assert_eq!(
        (waiting.conversations, waiting.events, waiting.tries),
        (2_500, 2_500, 1)
    );
    assert_eq!(mailbox.taken_out().unwrap(), [("old".to_owned(), waiting)]);
    let wish = Wish {
        id: "r1".to_owned(),
        which: Which {
            destination: Some("crm".to_owned()),
            ..Which::default()
        },
        kept: true,
        to: "crm".to_owned(),
    };
    mailbox.replay(wish, NOW).unwrap();
    // They are all known nevertheless.
    assert_eq!(mailbox.deliver(NOW + 60_000).len(), 2_500);
    assert_eq!(mailbox.replay_of("r1").unwrap().unwrap().found, 0);
    assert!(sql.most_rows() <= 1_000);
}

#[test]
fn what_waits_for_destinations_that_are_behind_together_is_counted_once() {
    let sql = Native::new();
    let open = |ids: &[&str]| {
        let destinations = ids.iter().map(|id| paused(id));
        Mailbox::open(sql.clone(), destinations.collect()).unwrap()
    };
    open(&["a"]).store(many(0..5), NOW);
    let mut mailbox = open(&["a", "b", "c"]);
    let hour = 3_600_000;
    for (at, people) in [(1, 10..17), (2, 20..28), (3, 30..39)] {
        mailbox.store(many(people), NOW + hour * at);
    }
    let mut mailbox = open(&["a", "b", "c"]);
    let waiting = |mailbox: &mut Mailbox| {
        [0, 1, 2].map(|destination| {
            let before = sql.log_read();
            let waiting = mailbox.waiting(destination).unwrap();
            let since = (waiting.oldest_ms.unwrap() - NOW) / hour;
            (waiting.events, since, sql.log_read() - before)
        })
    };
    assert_eq!(waiting(&mut mailbox), [(29, 0, 4), (24, 1, 1), (24, 1, 0)]);
    mailbox.store(many(90..91), NOW + 3 * hour + 1);
    assert_eq!(waiting(&mut mailbox), [(30, 0, 1), (25, 1, 0), (25, 1, 0)]);
}
