//! Who a conversation is with, and what is told of it: its window, the statuses of its messages.

use super::*;

#[test]
fn who_is_written_to_first_and_writes_later_has_one_conversation() {
    let sql = Native::new();
    let mut mailbox = Mailbox::open(sql.clone(), Vec::new()).unwrap();
    let name = Name::Phone("16505551234".to_owned());
    let conversation = mailbox.meet(std::slice::from_ref(&name)).unwrap();
    let rows = sql.changes();
    assert_eq!(
        mailbox.meet(std::slice::from_ref(&name)).unwrap(),
        conversation
    );
    assert_eq!(sql.changes(), rows, "who is known costs nothing");
    mailbox
        .append(vec![message("16505551234", "a")], NOW)
        .unwrap();
    let found = mailbox.find(&name).unwrap().unwrap();
    assert_eq!(found.conversation, conversation);
    assert!(found.windows.customer_service.is_some());
}

#[test]
fn a_person_who_turns_out_to_be_one_is_one_conversation_with_one_window() {
    let sql = Native::new();
    let mut mailbox = Mailbox::open(sql.clone(), vec![destination("crm")]).unwrap();
    let user = Name::User("US.1".to_owned());
    let by_user = Event {
        names: vec![user.clone()],
        time: Some(NOW / 1000 - 100),
        ..message("", "a")
    };
    let by_both = Event {
        names: vec![user.clone(), Name::Phone("1".to_owned())],
        effect: Effect::None,
        ..message("", "c")
    };
    mailbox.append(vec![by_user], NOW).unwrap();
    mailbox.append(vec![message("1", "b")], NOW).unwrap();
    deliver(&mut mailbox, NOW, |_| false);
    mailbox.append(vec![by_both], NOW).unwrap();

    let found = mailbox.find(&user).unwrap().unwrap();
    assert_eq!(found.names, ["phone:1", "user:US.1"]);
    assert_eq!(found.windows.customer_service, Some(NOW / 1000 + 24 * 3600));
    assert_eq!(
        mailbox.windows(2).unwrap(),
        found.windows,
        "by its former number"
    );
    assert_eq!(
        deliver(&mut mailbox, NOW + 5000, |_| true),
        ["a-0", "b-0", "c-0"]
    );
}

#[test]
fn an_event_carries_the_windows_as_they_stood_after_it() {
    let sql = Native::new();
    let mut mailbox = Mailbox::open(sql.clone(), vec![destination("crm")]).unwrap();
    let late = Event {
        time: Some(NOW / 1000 - 2 * 24 * 3600),
        ..message("1", "late")
    };
    mailbox.append(vec![late, message("1", "b")], NOW).unwrap();
    let mut open = Vec::new();
    deliver(&mut mailbox, NOW, |delivery| {
        open.push(added_member(&delivery.events[0], "window")["customer_service"]["open"].clone());
        true
    });
    assert_eq!(open, [false, true]);
}

#[test]
fn a_status_that_was_overtaken_is_marked() {
    let sql = Native::new();
    let mut mailbox = Mailbox::open(sql.clone(), vec![destination("crm")]).unwrap();
    let told = [
        (MessageStatus::Read, false),
        (MessageStatus::Sent, true),
        (MessageStatus::Played, false),
        (MessageStatus::Delivered, true),
    ];
    for (kind, overtaken) in told {
        mailbox.append(vec![status("1", "m", kind)], NOW).unwrap();
        deliver(&mut mailbox, NOW, |delivery| {
            let marked = added_member(&delivery.events[0], "superseded");
            assert_eq!(marked == true, overtaken, "{kind:?}");
            true
        });
    }
    let found = mailbox.find(&Name::Phone("1".to_owned())).unwrap().unwrap();
    let statuses = mailbox.statuses(found.conversation, 10).unwrap();
    assert_eq!(statuses.len(), 1);
    assert_eq!(statuses[0].1, MessageStatus::Played);
}

#[test]
fn the_statuses_of_a_message_are_told_in_their_order() {
    let mut mailbox = Mailbox::open(Native::new(), Vec::new()).unwrap();
    for told in [
        MessageStatus::Read,
        MessageStatus::Sent,
        MessageStatus::Sent,
    ] {
        mailbox.append(vec![status("1", "aa", told)], NOW).unwrap();
    }
    let time = Some(NOW / 1000);
    assert_eq!(
        mailbox.statuses_of("aa").unwrap(),
        [(MessageStatus::Sent, time), (MessageStatus::Read, time)]
    );
    assert_eq!(mailbox.statuses_of("a").unwrap(), []);
}
