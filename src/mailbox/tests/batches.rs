//! What goes in one request, and when.

use super::*;

/// What goes out now, request by request.
fn requests(mailbox: &mut Mailbox, now_ms: i64) -> Vec<Vec<String>> {
    let mut requests = Vec::new();
    deliver(mailbox, now_ms, |delivery| {
        let ids = delivery.events.iter().map(|event| event.id.clone());
        requests.push(ids.collect());
        true
    });
    requests
}

/// Event `a` was refused, and `b` of the same conversation had come by then.
fn with_one_refused(sql: &std::rc::Rc<Native>) -> Mailbox {
    let mut mailbox = Mailbox::open(sql.clone(), vec![batching(0)]).unwrap();
    mailbox.store([message("1", "a")], NOW);
    let delivery = mailbox.start(NOW);
    mailbox.store([message("1", "b")], NOW);
    mailbox.end(&delivery, &refused(), NOW);
    mailbox
}

#[test]
fn a_batch_holds_what_came_in_one_conversation_in_order() {
    let mut mailbox = Mailbox::open(Native::new(), vec![batching(0)]).unwrap();
    let events = ["1a", "2a", "1b", "1c"].map(|id| message(id.get(..1).unwrap(), id));
    mailbox.store(events, NOW);
    assert_eq!(
        requests(&mut mailbox, NOW),
        [vec!["1a-0", "1b-0", "1c-0"], vec!["2a-0"]]
    );
}

#[test]
fn what_does_not_fit_into_a_request_goes_in_the_next() {
    let mut mailbox = Mailbox::open(Native::new(), vec![batching(0)]).unwrap();
    let events = ["a", "b", "c"].map(|id| message("1", id));
    mailbox.store(events, NOW);
    let mut delivery = mailbox.start(NOW);
    mailbox.shorten(&mut delivery, 2, NOW);
    assert_eq!(delivery.events.len(), 2);
    assert_eq!(
        mailbox.next(NOW).unwrap(),
        None,
        "the third waits for the others"
    );
    mailbox.end(&delivery, &Outcome::Taken, NOW);
    assert_eq!(requests(&mut mailbox, NOW), [vec!["c-0"]]);
}

#[test]
fn of_many_long_messages_no_more_is_read_than_goes_in_one_request() {
    // Those of more than 256 KB are stored in parts.
    for (kilobytes, in_one) in [(10, 26), (100, 3), (300, 1)] {
        let long = |n| Event {
            data: format!(r#"{{"text":"{}"}}"#, "x".repeat(kilobytes * 1024)),
            ..message("1", &format!("{n}"))
        };
        let events: Vec<Event> = (0..30).map(long).collect();
        let mut mailbox = Mailbox::open(Native::new(), vec![batching(0)]).unwrap();
        mailbox.store(events.clone(), NOW);
        // The first are refused, and the others parked behind them.
        let delivery = mailbox.start(NOW);
        assert_eq!(delivery.events.len(), in_one);
        mailbox.end(&delivery, &refused(), NOW);
        let all: Vec<String> = events.into_iter().map(|event| event.id).collect();
        let parked: Vec<&[String]> = all.chunks(in_one).collect();
        assert_eq!(requests(&mut mailbox, NOW + 1000), parked);
    }
}

#[test]
fn a_batch_that_is_tried_again_has_what_came_since_behind_it() {
    let mut mailbox = with_one_refused(&Native::new());
    assert_eq!(requests(&mut mailbox, NOW + 1000), [vec!["a-0", "b-0"]]);
}

#[test]
fn a_bot_hears_of_three_quick_messages_once_when_the_customer_has_stopped_typing() {
    let mut mailbox = Mailbox::open(Native::new(), vec![batching(1_000)]).unwrap();
    for (n, id) in (0..).zip(["a", "b", "c"]) {
        let now = NOW + n * 800;
        mailbox.store([message("1", id)], now);
        assert_eq!(mailbox.next(now).unwrap(), None);
        assert_eq!(mailbox.wakes_at(now), Some(now + 1_000));
    }
    assert_eq!(
        requests(&mut mailbox, NOW + 2_600),
        [vec!["a-0", "b-0", "c-0"]]
    );
}

#[test]
fn a_customer_who_never_stops_typing_is_heard_of_all_the_same() {
    let mut mailbox = Mailbox::open(Native::new(), vec![batching(1_000)]).unwrap();
    let mut went = None;
    for n in 0..20 {
        let now = NOW + n * 500;
        mailbox.store([message("1", &format!("{n}"))], now);
        if went.is_none() && !requests(&mut mailbox, now).is_empty() {
            went = Some(now - NOW);
        }
    }
    assert_eq!(went, Some(5_000));
}

#[test]
fn a_long_queue_that_waits_for_quiet_wakes_nobody_before_its_time() {
    let mut mailbox = Mailbox::open(Native::new(), vec![batching(4_000)]).unwrap();
    mailbox.store(many(0..400), NOW);
    assert_eq!(mailbox.next(NOW).unwrap(), None);
    assert_eq!(mailbox.wakes_at(NOW), Some(NOW + 4_000));
    assert_eq!(requests(&mut mailbox, NOW + 4_000).len(), 400);
}

#[test]
fn what_a_customer_just_wrote_is_waited_for_however_many_others_wait() {
    let mut mailbox = Mailbox::open(Native::new(), vec![batching(1_000)]).unwrap();
    mailbox.store([message("1", "a")], NOW);
    assert_eq!(mailbox.next(NOW).unwrap(), None);
    for n in 0..400 {
        let now = NOW + 100 + n;
        let other = message(&format!("other {n}"), &format!("other.{n}"));
        mailbox.store([other], now);
        assert_eq!(mailbox.next(now).unwrap(), None);
    }
    mailbox.store([message("1", "b")], NOW + 800);
    assert!(requests(&mut mailbox, NOW + 1_000).is_empty());
    assert_eq!(requests(&mut mailbox, NOW + 1_600).len(), 400);
    assert_eq!(requests(&mut mailbox, NOW + 1_800), [["a-0", "b-0"]]);
}

#[test]
fn of_a_long_queue_that_is_old_no_more_is_read_than_can_go() {
    let sql = Native::new();
    let mut mailbox = Mailbox::open(sql.clone(), vec![batching(1_000)]).unwrap();
    mailbox.store(many(0..2_000), NOW);
    let mut mailbox = Mailbox::open(sql, vec![batching(1_000)]).unwrap();
    let late = NOW + 5_000;
    assert!(mailbox.next(late).unwrap().is_some());
    assert!(mailbox.cursors[0].waits_in_memory() <= 256);
    assert_eq!(requests(&mut mailbox, late).len(), 1_999);
}

#[test]
fn what_joined_a_batch_that_had_failed_already_does_not_die_with_it() {
    let sql = Native::new();
    let mut mailbox = with_one_refused(&sql);
    let mut now = NOW;
    while sql.count("dead_letters") == 0 {
        if now < NOW + 3_590_000 && mailbox.wakes_at(now).unwrap() >= NOW + 3_590_000 {
            mailbox.store([message("1", "c")], now);
        }
        now = now.max(mailbox.wakes_at(now).unwrap());
        mailbox.refuse(now);
    }
    let dead = mailbox.dead();
    let dead = dead.iter().map(|letter| letter.event.id.as_str());
    assert_eq!(dead.collect::<Vec<_>>(), ["a-0", "b-0"]);
    now = mailbox.wakes_at(now).unwrap();
    assert_eq!(requests(&mut mailbox, now), [["c-0"]]);
}
