//! What is kept of events that every destination has got.

use super::*;

const HOUR: i64 = 3_600_000;

fn open(sql: &Rc<Native>, destinations: &[&str], hours: i64) -> Mailbox {
    super::open(sql, destinations).keeping(hours * HOUR)
}

fn kept(sql: &Native) -> i64 {
    let tables = sql.tables();
    let logs = tables.iter().filter(|name| name.starts_with("log_"));
    logs.map(|name| sql.count(name)).sum()
}

#[test]
fn what_is_kept_is_delivered_once_also_after_a_crash() {
    let sql = Native::new();
    let mut mailbox = open(&sql, &["crm"], 2);
    mailbox.store([message("1", "a")], NOW);
    assert_eq!(mailbox.deliver(NOW), ["a-0"]);
    assert_eq!(kept(&sql), 1);
    let mut again = open(&sql, &["crm"], 2);
    assert_eq!(again.deliver(NOW), Vec::<String>::new());
    assert_eq!(kept(&sql), 1);
}

#[test]
fn what_is_kept_goes_when_its_time_is_over_though_nothing_more_comes() {
    let sql = Native::new();
    let mut mailbox = open(&sql, &["crm"], 2);
    mailbox.store([large("1", "large")], NOW);
    mailbox.deliver(NOW);
    let mut now = NOW;
    for minute in 1..=150 {
        now = NOW + minute * 60_000;
        let event = message("1", &format!("{minute}"));
        mailbox.store([event], now);
        mailbox.deliver(now);
        // Ten minutes more, since they go by generations.
        assert!(
            (minute.min(120)..=131).contains(&(kept(&sql) - 1)),
            "{minute}"
        );
    }
    assert_eq!(sql.count("parts"), 0);
    let mut wakes = 0;
    while let Some(at) = mailbox.wakes_at(now) {
        assert!(at > now, "it spins at {at}");
        now = at;
        mailbox.deliver(now);
        wakes += 1;
    }
    assert_eq!((kept(&sql), mailbox.wakes_at(now)), (0, None));
    assert!(
        wakes < 16 && now <= NOW + 150 * 60_000 + 2 * HOUR + 1,
        "{wakes}"
    );
}

#[test]
fn what_somebody_waits_for_is_not_dropped_for_its_age_and_wakes_nobody() {
    let sql = Native::new();
    let mut mailbox = Mailbox::open(sql.clone(), vec![paused("crm")])
        .unwrap()
        .keeping(HOUR);
    mailbox.store([message("1", "a")], NOW);
    mailbox.deliver(NOW + 5 * HOUR);
    assert_eq!(kept(&sql), 1);
    let at = NOW + 5 * HOUR;
    assert_eq!(mailbox.wakes_at(at), Some(at + HOUR), "looked at again");
}

#[test]
fn who_no_longer_keeps_anything_has_nothing_left() {
    let sql = Native::new();
    let mut mailbox = open(&sql, &["crm"], 2);
    let events = (0..9).map(|n| message("1", &format!("{n}")));
    mailbox.store(events, NOW);
    mailbox.deliver(NOW);
    assert_eq!(kept(&sql), 9);
    let mut mailbox = open(&sql, &["crm"], 0);
    mailbox.deliver(NOW);
    assert_eq!(kept(&sql), 0);
}

#[test]
fn a_destination_that_begins_at_the_beginning_gets_what_is_kept() {
    let sql = Native::new();
    let mut mailbox = open(&sql, &["crm"], 2);
    mailbox.store([message("1", "a")], NOW);
    mailbox.deliver(NOW);
    let late = Destination {
        from: crate::config::StartsAt::Beginning,
        ..destination("late")
    };
    let mut mailbox = Mailbox::open(sql.clone(), vec![destination("crm"), late])
        .unwrap()
        .keeping(2 * HOUR);
    assert_eq!(mailbox.deliver(NOW), ["a-0"]);
}

#[test]
fn what_waits_for_a_destination_that_was_taken_out_goes_after_a_week_and_nothing_else() {
    let sql = Native::new();
    let open = |ids: &[&str]| {
        let retry = Retry {
            total_ms: u64::MAX,
            ..destination("").retry
        };
        let patient = |id: &&str| Destination {
            retry,
            ..destination(id)
        };
        Mailbox::open(sql.clone(), ids.iter().map(patient).collect()).unwrap()
    };
    let mut mailbox = open(&["crm", "bot"]);
    mailbox.store([large("1", "large"), message("2", "old")], NOW);
    mailbox.store([message("1", "late")], NOW + HOUR);
    let is_crms =
        |delivery: &Delivery| (delivery.destination, &*delivery.events[0].id) == (0, "old-0");
    deliver(&mut mailbox, NOW + HOUR, |it| {
        it.destination == 0 && !is_crms(it)
    });
    let mut mailbox = open(&["crm"]);
    let week = NOW + 168 * HOUR;
    assert_eq!(mailbox.lapses_ms, Some(week));
    let mut left = |now| {
        mailbox.refuse(now);
        let of = |id| sql.count(&format!("parked_events WHERE destination = '{id}'"));
        [of("crm"), of("bot"), sql.count("parts")]
    };
    assert_eq!(left(week - 1), [1, 3, 4], "it may come back");
    assert_eq!(left(week), [1, 1, 0]);
    assert_eq!(left(week + HOUR), [1, 0, 0]);
    assert_eq!(open(&["crm"]).deliver(week + 2 * HOUR), ["old-0"]);
}

#[test]
fn a_message_that_is_kept_costs_no_more_rows_than_one_that_is_not() {
    let sql = Native::new();
    let mut mailbox = open(&sql, &["crm"], 2);
    let mut costs = Vec::new();
    for (n, id) in (0..).zip(["a", "b", "c"]) {
        let before = sql.changes();
        let event = Event {
            time: Some(NOW / 1000 + n),
            ..message("1", id)
        };
        mailbox.store([event], NOW + n);
        mailbox.deliver(NOW + n);
        costs.push(sql.changes() - before);
    }
    // Its id, its body, the window, and the cursor in place of the body's end. The alarm is set twice: for it, and for
    // when it has been kept for long enough.
    assert_eq!(costs[1..], [4, 4]);
}
