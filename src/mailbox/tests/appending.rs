//! What comes is stored once, and let go when nobody waits for it.

use super::*;

#[test]
fn a_retry_from_meta_is_stored_once() {
    let sql = Native::new();
    let mut mailbox = open(&sql, &["crm"]);
    let events = vec![message("1", "a"), message("2", "b")];
    assert_eq!(mailbox.store(events.clone(), NOW), 2);
    assert_eq!(mailbox.store(events.clone(), NOW), 0);
    let eight_days = 8 * 24 * 3600 * 1000;
    assert_eq!(mailbox.store(events.clone(), NOW + eight_days), 0);
    let mut again = open(&sql, &["crm"]);
    assert_eq!(again.store(events, NOW), 0);
}

#[test]
fn the_same_event_twice_in_one_batch_is_stored_once() {
    let mut mailbox = open(&Native::new(), &["crm"]);
    assert_eq!(
        mailbox.store([message("1", "a"), message("1", "a")], NOW),
        1
    );
}

#[test]
fn ids_are_forgotten_when_meta_can_no_longer_repeat_them() {
    let sql = Native::new();
    let mut mailbox = open(&sql, &[]);
    for day in 0..30 {
        let now = NOW + day * 24 * 3600 * 1000;
        mailbox.store([message("1", &format!("m{day}"))], now);
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
    let mut mailbox = open(&sql, &["crm", "bot"]);
    for size in [1, 3, 50, 2] {
        let events = (0..size).map(|n| message(&format!("{n}"), &format!("{size}.{n}")));
        mailbox.store(events, NOW + size);
        assert_eq!(
            mailbox.deliver(NOW).len(),
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
    let choosy = wanting("whatsapp.status.*", "crm");
    let mut mailbox = Mailbox::open(sql.clone(), vec![choosy]).unwrap();
    assert_eq!(mailbox.store([message("1", "a")], NOW), 1);
    assert!(!sql.tables().iter().any(|name| name.starts_with("log_")));
    assert_eq!(mailbox.wakes_at(NOW), None);
}

#[test]
fn an_event_of_three_megabytes_is_kept_in_parts_and_comes_back_whole() {
    let sql = Native::new();
    let mut mailbox = open(&sql, &["crm"]);
    let large = Event {
        data: format!(r#"{{"raw":"{}"}}"#, "ä".repeat(1_500_000)),
        ..message("1", "a")
    };
    mailbox.store([large.clone()], NOW);
    let mut seen = None;
    mailbox.refuse(NOW);
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
    let mut mailbox = open(&sql, &["crm"]);
    mailbox.store([message("1", "a")], NOW);
    mailbox.deliver(NOW);
    let before = sql.changes();
    let next = Event {
        time: Some(NOW / 1000 + 1),
        ..message("1", "b")
    };
    mailbox.store([next], NOW);
    mailbox.deliver(NOW);
    // Its id, its body, the window, and the body again when it goes. The fifth is the alarm.
    assert_eq!(sql.changes() - before, 4);
}

#[test]
fn parts_of_an_event_are_kept_for_as_long_as_its_row() {
    let sql = Native::new();
    let mut mailbox = open(&sql, &["crm"]);
    mailbox.store([large("1", "large"), message("2", "b")], NOW);
    let [first, second] = [(); 2].map(|()| mailbox.start(NOW));
    mailbox.end(&first, &Outcome::Taken, NOW);
    mailbox.settle().unwrap();
    assert!(sql.count("parts") > 0, "a replay may read it");
    mailbox.end(&second, &Outcome::Taken, NOW);
    mailbox.settle().unwrap();
    assert_eq!(sql.count("parts"), 0);
}

#[test]
fn what_transom_tells_and_nobody_wants_costs_no_row() {
    let sql = Native::new();
    let messages = wanting("whatsapp.message.*", "crm");
    let mut mailbox = Mailbox::open(sql.clone(), vec![messages]).unwrap();
    mailbox.store([message("1650", "a")], NOW);
    let before = sql.changes();
    let told = Event {
        kind: "transom.send.failed".to_owned(),
        ..message("1650", "b")
    };
    mailbox.tell(told, NOW).unwrap();
    assert_eq!(sql.changes(), before);
}
