//! What comes is stored once, and let go when nobody waits for it.

use super::*;

#[test]
fn a_retry_from_meta_is_stored_once() {
    let sql = Native::new();
    let mut mailbox = Mailbox::open(sql.clone(), vec![destination("crm")]).unwrap();
    let events = vec![message("1", "a"), message("2", "b")];
    assert_eq!(mailbox.append(events.clone(), NOW).unwrap(), 2);
    assert_eq!(mailbox.append(events.clone(), NOW).unwrap(), 0);
    let eight_days = 8 * 24 * 3600 * 1000;
    assert_eq!(mailbox.append(events.clone(), NOW + eight_days).unwrap(), 0);
    let mut again = Mailbox::open(sql.clone(), vec![destination("crm")]).unwrap();
    assert_eq!(again.append(events, NOW).unwrap(), 0);
}

#[test]
fn the_same_event_twice_in_one_batch_is_stored_once() {
    let sql = Native::new();
    let mut mailbox = Mailbox::open(sql.clone(), vec![destination("crm")]).unwrap();
    assert_eq!(
        mailbox
            .append(vec![message("1", "a"), message("1", "a")], NOW)
            .unwrap(),
        1
    );
}

#[test]
fn ids_are_forgotten_when_meta_can_no_longer_repeat_them() {
    let sql = Native::new();
    let mut mailbox = Mailbox::open(sql.clone(), vec![]).unwrap();
    for day in 0..30 {
        let now = NOW + day * 24 * 3600 * 1000;
        mailbox
            .append(vec![message("1", &format!("m{day}"))], now)
            .unwrap();
    }
    let ids = sql
        .tables()
        .iter()
        .filter(|name| name.starts_with("ids_"))
        .count();
    assert!(ids <= 4, "{ids} tables");
}

#[test]
fn when_everything_is_delivered_no_text_is_left() {
    let sql = Native::new();
    let mut mailbox =
        Mailbox::open(sql.clone(), vec![destination("crm"), destination("bot")]).unwrap();
    for size in [1, 3, 50, 2] {
        let events = (0..size)
            .map(|n| message(&format!("{n}"), &format!("{size}.{n}")))
            .collect();
        mailbox.append(events, NOW + size).unwrap();
        assert_eq!(
            deliver(&mut mailbox, NOW, |_| true).len(),
            2 * usize::try_from(size).unwrap()
        );
        for table in sql.tables().iter().filter(|name| name.starts_with("log_")) {
            assert_eq!(sql.count(table), 0);
        }
        assert_eq!(mailbox.wakes_at(NOW), None);
    }
}

#[test]
fn what_no_destination_wants_is_not_kept() {
    let sql = Native::new();
    let choosy = Destination {
        events: vec![Pattern::parse("whatsapp.status.*").unwrap()],
        ..destination("crm")
    };
    let mut mailbox = Mailbox::open(sql.clone(), vec![choosy]).unwrap();
    assert_eq!(mailbox.append(vec![message("1", "a")], NOW).unwrap(), 1);
    assert!(!sql.tables().iter().any(|name| name.starts_with("log_")));
    assert_eq!(mailbox.wakes_at(NOW), None);
}

#[test]
fn an_event_of_three_megabytes_is_kept_in_parts_and_comes_back_whole() {
    let sql = Native::new();
    let mut mailbox = Mailbox::open(sql.clone(), vec![destination("crm")]).unwrap();
    let large = Event {
        data: format!(r#"{{"raw":"{}"}}"#, "ä".repeat(1_500_000)),
        ..message("1", "a")
    };
    mailbox.append(vec![large.clone()], NOW).unwrap();
    let mut seen = None;
    deliver(&mut mailbox, NOW, |_| false);
    deliver(&mut mailbox, NOW + 1000, |delivery| {
        seen = Some(delivery.events[0].data.clone());
        true
    });
    assert_eq!(seen, Some(large.data));
    assert_eq!(sql.count("parts"), 0, "nothing of it is left");
}

#[test]
fn one_message_received_and_delivered_writes_four_rows() {
    let sql = Native::new();
    let mut mailbox = Mailbox::open(sql.clone(), vec![destination("crm")]).unwrap();
    mailbox.append(vec![message("1", "a")], NOW).unwrap();
    deliver(&mut mailbox, NOW, |_| true);
    let before = sql.changes();
    let next = Event {
        time: Some(NOW / 1000 + 1),
        ..message("1", "b")
    };
    mailbox.append(vec![next], NOW).unwrap();
    deliver(&mut mailbox, NOW, |_| true);
    // Its id, its body, the window, and the body again when it goes. The fifth is the alarm.
    assert_eq!(sql.changes() - before, 4);
}

#[test]
fn parts_of_an_event_are_kept_for_as_long_as_its_row() {
    let sql = Native::new();
    let mut mailbox = Mailbox::open(sql.clone(), vec![destination("crm")]).unwrap();
    let large = Event {
        data: format!(r#"{{"text":"{}"}}"#, "x".repeat(600_000)),
        ..message("1", "large")
    };
    mailbox.append(vec![large, message("2", "b")], NOW).unwrap();
    let [first, second] = [(); 2].map(|()| mailbox.next(NOW).unwrap().unwrap());
    mailbox.done(&first, &Outcome::Taken, NOW, 0.5).unwrap();
    mailbox.rest().unwrap();
    assert!(sql.count("parts") > 0, "a replay may read it");
    mailbox.done(&second, &Outcome::Taken, NOW, 0.5).unwrap();
    mailbox.rest().unwrap();
    assert_eq!(sql.count("parts"), 0);
}
