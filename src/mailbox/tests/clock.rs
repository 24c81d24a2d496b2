//! A clock that jumps loses nothing.

use super::*;

/// Messages come at these times, one each; `opened_anew`: whether the object was away in between. Gives what is taken.
fn taken_at(times: [i64; 4], opened_anew: bool) -> Vec<String> {
    let sql = Native::new();
    let open = || open(&sql, &["crm"]);
    let mut mailbox = open();
    let mut taken = Vec::new();
    for (n, now) in times.into_iter().enumerate() {
        if opened_anew {
            mailbox = open();
        }
        mailbox.store([message("1", &format!("{n}"))], now);
        taken.extend(mailbox.deliver(now));
    }
    taken
}

#[test]
fn a_clock_that_jumps_loses_nothing_whether_or_not_anybody_looked() {
    let (hour, year) = (3_600_000, 365 * 24 * 3_600_000);
    for opened_anew in [false, true] {
        for times in [
            [NOW, NOW + year, NOW - year, NOW],
            [NOW, NOW + hour, NOW, NOW - hour],
        ] {
            let taken = taken_at(times, opened_anew);
            assert_eq!(taken, ["0-0", "1-0", "2-0", "3-0"], "{times:?}");
        }
    }
}

#[test]
fn a_clock_that_jumped_back_overwrites_no_dead_letter() {
    let sql = Native::new();
    for (round, now) in [NOW, NOW - 1, NOW - 1].into_iter().enumerate() {
        let mut mailbox = Mailbox::open(sql.clone(), vec![hasty("crm")]).unwrap();
        // So many that their table is dropped when they are passed.
        let events = (0..5).map(|n| message(&format!("{n}"), &format!("{round}.{n}")));
        mailbox.store(events, now);
        mailbox.refuse(now);
    }
    assert_eq!(sql.count("dead_letters"), 15);
}

#[test]
fn a_clock_that_jumped_back_has_nothing_that_waits_take_the_place_of_what_comes() {
    let sql = Native::new();
    let mut mailbox = open(&sql, &["crm"]);
    mailbox.store(["a", "b", "c"].map(|id| message("1", id)), NOW);
    mailbox.refuse(NOW);
    for id in ["d", "e", "f"] {
        mailbox = open(&sql, &["crm"]);
        mailbox.store([message("1", id)], NOW - 3_600_000);
    }
    let all = ["a-0", "b-0", "c-0", "d-0", "e-0", "f-0"];
    assert_eq!(mailbox.deliver(NOW + 1_000), all);
}
