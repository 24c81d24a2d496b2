//! What is left of a person who was forgotten.

use super::*;
use crate::conversation::{
    State,
    consent::{Entry, How, Standing},
    mirror::Mirror,
    window::CUSTOMER_SERVICE,
};

/// Ana by both of her names, and Bob.
fn started(sql: &Rc<Native>) -> Mailbox {
    let mailbox = open(sql, &["crm"]);
    let mut mailbox = mailbox.with_mirror(Some(Mirror::new(3600)));
    let ana = of(&[user(), phone()], "a");
    mailbox.store([ana, message("1777", "b")], NOW);
    mailbox
}

fn user() -> Name {
    Name::User("US.ana".to_owned())
}

fn phone() -> Name {
    Name::Phone("1650".to_owned())
}

fn bob() -> Name {
    Name::Phone("1777".to_owned())
}

#[test]
fn a_person_who_is_forgotten_is_not_found_by_any_name_and_has_left_none() {
    let sql = Native::new();
    let mut mailbox = started(&sql);
    let note = Some("US.ana called".to_owned());
    let opted_out = Entry::told(false, NOW / 1000, note);
    mailbox
        .say(&phone(), opted_out, "cause", "1065", NOW)
        .unwrap();
    mailbox.deliver(NOW);
    mailbox.settle().unwrap();
    let forgotten = mailbox.forget_person(&phone(), &[], NOW).unwrap().unwrap();
    assert_eq!(forgotten.names, ["phone:1650", "user:US.ana"]);
    for mailbox in [mailbox, open(&sql, &[])] {
        for name in [user(), phone()] {
            assert_eq!(mailbox.find(&name).unwrap(), None);
        }
        assert!(mailbox.find(&bob()).unwrap().is_some());
        let state = mailbox.state(forgotten.conversation).unwrap();
        let standing = state.consent.standing();
        assert_eq!(standing, Standing::OptedOut, "of what waits to be sent");
        let windows = mailbox.state_and_windows(forgotten.conversation).unwrap().1;
        assert_eq!(windows, Windows::default());
    }
    for table in sql.tables() {
        let columns = "SELECT name FROM pragma_table_info(?1)";
        for column in sql.exec(columns, &[table.as_str().into()]).unwrap() {
            let column = format!("{table}.{}", column.get::<&str>(0).unwrap());
            let theirs = format!(
                "CAST({column} AS TEXT) LIKE '%US.ana%' OR CAST({column} AS TEXT) LIKE '%1650%'"
            );
            let left =
                sql.first_integer(&format!("SELECT count(*) FROM {table} WHERE {theirs}"), &[]);
            assert_eq!(left.unwrap(), Some(0), "{column}");
        }
    }
}

#[test]
fn who_was_forgotten_and_writes_again_is_somebody_new() {
    let mut mailbox = started(&Native::new());
    let before = mailbox.find(&phone()).unwrap().unwrap();
    mailbox.forget_person(&phone(), &[], NOW).unwrap();
    assert_eq!(mailbox.forget_person(&phone(), &[], NOW).unwrap(), None);
    mailbox.store([message("1650", "c")], NOW);
    let after = mailbox.find(&phone()).unwrap().unwrap();
    assert_eq!(after.names, ["phone:1650"]);
    assert_ne!(after.conversation, before.conversation);
    let closes_at = NOW / 1000 + CUSTOMER_SERVICE;
    assert_eq!(after.windows.customer_service, Some(closes_at));
    assert_eq!(after.state, State::default());
}

#[test]
fn who_was_forgotten_is_not_known_again_by_what_transom_tells_of_what_still_waited_for_them() {
    let mut mailbox = started(&Native::new());
    mailbox.forget_person(&phone(), &[], NOW).unwrap();
    mailbox.deliver(NOW);
    for (name, id) in [(phone(), "c"), (bob(), "d")] {
        mailbox.tell(of(&[name], id), NOW).unwrap();
    }
    assert_eq!(mailbox.find(&phone()).unwrap(), None);
    let told = [mailbox.next(NOW), mailbox.next(NOW)].map(|next| next.unwrap().unwrap());
    let told = told.map(|delivery| delivery.events[0].clone());
    let subject = |at: usize| (told[at].id.as_str(), told[at].subject.as_deref());
    assert_eq!(subject(0), ("c-0", None));
    assert_eq!(subject(1), ("d-0", Some("1777")));
    let bobs = mailbox.find(&bob()).unwrap().unwrap().conversation;
    assert_eq!(told[1].conversation, bobs);
}

#[test]
fn who_had_a_number_before_is_not_forgotten_with_its_owner_of_now() {
    let mut mailbox = started(&Native::new());
    // Bob wrote by it in another partition, which this one is not told.
    let bobs = ["phone:1650".to_owned(), "user:US.bob".to_owned()];
    assert_eq!(mailbox.forget_person(&phone(), &bobs, NOW).unwrap(), None);
    assert!(mailbox.find(&user()).unwrap().is_some());
    let anas = ["user:US.ana".to_owned()];
    for called in [&anas, &bobs[..1]] {
        let mut mailbox = started(&Native::new());
        let forgotten = mailbox.forget_person(&phone(), called, NOW).unwrap();
        assert!(forgotten.is_some(), "{called:?}");
    }
}

#[test]
fn what_a_person_wrote_before_is_delivered_though_they_were_forgotten_and_stored_once() {
    let mut mailbox = started(&Native::new());
    mailbox.forget_person(&user(), &[], NOW).unwrap();
    assert_eq!(mailbox.store([of(&[user(), phone()], "a")], NOW), 0);
    assert_eq!(mailbox.deliver(NOW), ["a-0", "b-0"]);
}

#[test]
fn the_dead_letters_of_who_is_forgotten_go_and_no_others() {
    let mut mailbox = started(&Native::new());
    let died = NOW + 3_600_000;
    for at in [NOW, died] {
        mailbox.refuse(at);
    }
    assert_eq!(mailbox.summary(&Which::default()).unwrap().count, 2);
    mailbox.forget_person(&phone(), &[], died).unwrap();
    let left = mailbox.dead();
    let left: Vec<_> = left.iter().map(|letter| &letter.event.id).collect();
    assert_eq!(left, ["b-0"]);
}

#[test]
fn other_workers_are_told_that_no_window_of_theirs_is_open() {
    let mut mailbox = started(&Native::new());
    mailbox.mirrored();
    mailbox.forget_person(&phone(), &[], NOW).unwrap();
    let told = mailbox.mirrored();
    assert_eq!(told.len(), 1);
    assert_eq!(
        (told[0].value.as_str(), told[0].names.as_slice()),
        ("{}", ["1650".to_owned(), "US.ana".to_owned()].as_slice())
    );
    assert_eq!(told[0].expires_at, NOW / 1000 + 120);
}

#[test]
fn what_is_given_up_of_who_was_forgotten_is_no_dead_letter() {
    let mut mailbox = started(&Native::new());
    mailbox.refuse(NOW);
    mailbox.forget_person(&phone(), &[], NOW).unwrap();
    mailbox.store([message("1650", "c")], NOW + 1);
    let died = NOW + 3_600_000;
    mailbox.refuse(died);
    let left: Vec<_> = mailbox.dead().into_iter().map(|it| it.event.id).collect();
    assert_eq!(left, ["b-0"]);
    mailbox.refuse(died + 3_600_000);
    let left: Vec<_> = mailbox.dead().into_iter().map(|it| it.event.id).collect();
    assert_eq!(left, ["b-0", "c-0"], "who writes again is somebody new");
}

#[test]
fn what_still_waits_for_who_was_forgotten_does_not_go_once_they_say_anew_that_they_want_nothing() {
    let mut mailbox = started(&Native::new());
    let before = mailbox.find(&phone()).unwrap().unwrap().conversation;
    mailbox.forget_person(&phone(), &[], NOW).unwrap();
    assert!(mailbox.has_moved(before).unwrap());
    assert_eq!(mailbox.known(&phone()).unwrap(), None);
    mailbox.store([message("1650", "c")], NOW);
    let stop = Entry::told(false, NOW / 1000, None);
    mailbox.say(&phone(), stop, "cause", "1065", NOW).unwrap();
    let there = mailbox.known(&phone()).unwrap().unwrap();
    let (state, windows) = mailbox.state_and_windows_there(before, there).unwrap();
    assert_eq!(state.consent.standing(), Standing::OptedOut);
    assert_eq!(windows, Windows::default(), "it was not asked for anew");
}

#[test]
fn a_stop_that_was_written_still_counts_as_written_when_its_person_was_forgotten() {
    let said = |opted_in, how, at| Entry {
        how,
        by: Some("US.ana".to_owned()),
        ..Entry::told(opted_in, at, Some("1650".to_owned()))
    };
    for (last, stopped) in [
        (said(false, How::Refusal, 7), true),
        (said(true, How::Word, 7), false),
    ] {
        let state = State {
            consent: [said(false, How::Word, 5), last].into_iter().collect(),
            ..State::default()
        };
        let forgotten = state.forgotten();
        for at in [5, 6] {
            let of = |state: &State| state.consent.is_stopped_since(at);
            assert_eq!(of(&forgotten), of(&state));
        }
        assert_eq!(forgotten.consent.is_stopped_since(5), stopped);
        assert_eq!(forgotten.consent.is_empty(), !stopped);
        let written = forgotten.write().unwrap();
        assert!(!written.contains("US.ana") && !written.contains("1650"));
    }
}
