//! A clock that jumps loses nothing.

use super::*;

#[test]
fn a_clock_that_jumps_loses_nothing() {
    let sql = Native::new();
    let mut mailbox = Mailbox::open(sql.clone(), vec![destination("crm")]).unwrap();
    let year = 365 * 24 * 3600 * 1000;
    let mut taken = Vec::new();
    for (n, now) in [NOW, NOW + year, NOW - year, NOW].into_iter().enumerate() {
        mailbox
            .append(vec![message("1", &format!("{n}"))], now)
            .unwrap();
        taken.extend(deliver(&mut mailbox, now, |_| true));
    }
    assert_eq!(taken, ["0-0", "1-0", "2-0", "3-0"]);
}

#[test]
fn a_clock_that_jumped_while_nobody_looked_loses_nothing() {
    let sql = Native::new();
    let hour = 3600 * 1000;
    let mut taken = Vec::new();
    for (n, now) in [NOW, NOW + hour, NOW, NOW - hour].into_iter().enumerate() {
        let mut mailbox = Mailbox::open(sql.clone(), vec![destination("crm")]).unwrap();
        mailbox
            .append(vec![message("1", &format!("{n}"))], now)
            .unwrap();
        taken.extend(deliver(&mut mailbox, now, |_| true));
    }
    assert_eq!(taken, ["0-0", "1-0", "2-0", "3-0"]);
}

#[test]
fn a_clock_that_jumped_back_overwrites_no_dead_letter() {
    let sql = Native::new();
    let impatient = Destination {
        retry: Retry {
            total_ms: 0,
            ..destination("crm").retry
        },
        ..destination("crm")
    };
    for (round, now) in [NOW, NOW - 1, NOW - 1].into_iter().enumerate() {
        let mut mailbox = Mailbox::open(sql.clone(), vec![impatient.clone()]).unwrap();
        // So many that their table is dropped when they are passed.
        let events = (0..5).map(|n| message(&format!("{n}"), &format!("{round}.{n}")));
        mailbox.append(events.collect(), now).unwrap();
        deliver(&mut mailbox, now, |_| false);
    }
    assert_eq!(sql.count("dead_letters"), 15);
}
