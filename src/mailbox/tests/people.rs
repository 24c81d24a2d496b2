//! Who a conversation is with, and what is told of it: its window, the statuses of its messages.

use super::*;

#[test]
fn who_is_written_to_first_and_writes_later_has_one_conversation() {
    let sql = Native::new();
    let mut mailbox = open(&sql, &[]);
    let name = phone("16505551234");
    let conversation = mailbox.meet(std::slice::from_ref(&name)).unwrap();
    let rows = sql.changes();
    assert_eq!(
        mailbox.meet(std::slice::from_ref(&name)).unwrap(),
        conversation
    );
    assert_eq!(sql.changes(), rows, "who is known costs nothing");
    mailbox.store([message("16505551234", "a")], NOW);
    let found = mailbox.with(&name);
    assert_eq!(found.conversation, conversation);
    assert!(found.windows.customer_service.is_some());
}

#[test]
fn a_person_who_turns_out_to_be_one_is_one_conversation_with_one_window() {
    let mut mailbox = open(&Native::new(), &["crm"]);
    let user = user("US.1");
    let by_user = Event {
        names: vec![user.clone()],
        time: Some(NOW / 1000 - 100),
        ..message("", "a")
    };
    let by_both = Event {
        names: vec![user.clone(), phone("1")],
        effect: Effect::None,
        ..message("", "c")
    };
    mailbox.store([by_user], NOW);
    mailbox.store([message("1", "b")], NOW);
    mailbox.refuse(NOW);
    mailbox.store([by_both], NOW);

    let found = mailbox.with(&user);
    assert_eq!(found.names, ["phone:1", "user:US.1"]);
    assert_eq!(found.windows.customer_service, Some(NOW / 1000 + 24 * 3600));
    assert_eq!(
        mailbox.state_and_windows(2).unwrap().1,
        found.windows,
        "by its former number"
    );
    assert_eq!(mailbox.deliver(NOW + 5000), ["a-0", "b-0", "c-0"]);
}

#[test]
fn an_event_carries_the_windows_as_they_stood_after_it() {
    let mut mailbox = open(&Native::new(), &["crm"]);
    let late = Event {
        time: Some(NOW / 1000 - 2 * 24 * 3600),
        ..message("1", "late")
    };
    mailbox.store([late, message("1", "b")], NOW);
    let mut open = Vec::new();
    deliver(&mut mailbox, NOW, |delivery| {
        open.push(added_member(&delivery.events[0], "window")["customer_service"]["open"].clone());
        true
    });
    assert_eq!(open, [false, true]);
}

#[test]
fn a_status_that_was_overtaken_is_marked() {
    let mut mailbox = open(&Native::new(), &["crm"]);
    let told = [
        (MessageStatus::Read, false),
        (MessageStatus::Sent, true),
        (MessageStatus::Played, false),
        (MessageStatus::Delivered, true),
    ];
    for (kind, overtaken) in told {
        mailbox.store([status("1", "m", kind)], NOW);
        deliver(&mut mailbox, NOW, |delivery| {
            let marked = added_member(&delivery.events[0], "superseded");
            assert_eq!(marked == true, overtaken, "{kind:?}");
            true
        });
    }
    let found = mailbox.with(&phone("1"));
    let statuses = mailbox.statuses(found.conversation, 10).unwrap();
    assert_eq!(statuses.len(), 1);
    assert_eq!(statuses[0].1, MessageStatus::Played);
}

#[test]
fn the_statuses_of_a_message_are_told_in_their_order() {
    let mut mailbox = open(&Native::new(), &[]);
    for told in [
        MessageStatus::Read,
        MessageStatus::Sent,
        MessageStatus::Sent,
    ] {
        mailbox.store([status("1", "aa", told)], NOW);
    }
    let time = Some(NOW / 1000);
    assert_eq!(
        mailbox.statuses_of("aa").unwrap(),
        [(MessageStatus::Sent, time), (MessageStatus::Read, time)]
    );
    assert_eq!(mailbox.statuses_of("a").unwrap(), []);
}

#[test]
fn to_look_somebody_up_costs_the_same_whoever_else_is_known() {
    let steps = |people: usize| {
        let sql = Native::new();
        let mut mailbox = open(&sql, &[]);
        mailbox.store(many(0..people), NOW);
        let before = sql.steps();
        assert_eq!(mailbox.with(&phone("1")).names, ["phone:1"]);
        sql.steps() - before
    };
    assert_eq!(steps(1_000), steps(10));
}
