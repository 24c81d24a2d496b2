//! What holds when somebody turns out to be somebody we knew already, in the middle of anything.

use super::{
    player::{Player, Step, steps},
    *,
};

/// Event `n`: of one of three people, who are called by a user id, by a phone number, or by both.
fn event(n: usize) -> Event {
    let person = n % 3;
    let user = Name::User(format!("US.{person}"));
    let phone = Name::Phone(format!("{person}"));
    Event {
        names: match n / 3 % 3 {
            0 => vec![user],
            1 => vec![phone],
            _ => vec![user, phone],
        },
        ..message("", &format!("{n}"))
    }
}

/// Those of the events that bear a name, in this order.
fn bearing(name: &Name, ids: &[String]) -> Vec<String> {
    let bears = |id: &&String| {
        let n = id.split_once('-').unwrap().0.parse().unwrap();
        event(n).names.contains(name)
    };
    ids.iter().filter(bears).cloned().collect()
}

#[test]
fn a_person_who_turns_out_to_be_a_third_in_one_webhook_keeps_what_waits() {
    let sql = Native::new();
    let mut mailbox = open(&sql, &["crm"]);
    mailbox.store([of(&[user("US.OLD")], "a")], NOW);
    mailbox.store([of(&[user("US.NEW")], "b")], NOW);
    mailbox.store([message("1", "c")], NOW);
    mailbox.refuse(NOW);
    let both = of(&[user("US.NEW"), phone("1")], "d");
    let renamed = Event {
        effect: Effect::Renames {
            from: vec![user("US.OLD")],
        },
        ..of(&[user("US.NEW")], "e")
    };
    mailbox.store([both, renamed], NOW);
    assert_eq!(
        mailbox.deliver(NOW + 5_000),
        ["a-0", "b-0", "c-0", "d-0", "e-0"]
    );
    assert_eq!(mailbox.joins(), [3, 2].map(|from| Join { from, into: 1 }));
    assert_eq!(mailbox.joins(), [], "told once");
    let mailbox = open(&sql, &[]);
    let joined = mailbox.joined_among([1, 2, 3, 4].into_iter());
    assert_eq!(
        joined.unwrap(),
        [2, 3].map(|from| Join { from, into: 1 }),
        "and found after a restart"
    );
}

#[test]
fn what_two_who_turn_out_to_be_one_wrote_in_turns_goes_in_turns_though_one_was_parked() {
    let batches = Destination {
        format: Format::CloudEventsBatch,
        max_in_flight: 1,
        ..destination("crm")
    };
    let mut mailbox = Mailbox::open(Native::new(), vec![batches]).unwrap();
    let came = vec![
        message("1", "a"),
        of(&[user("US.1")], "b"),
        message("1", "c"),
    ];
    mailbox.store(came, NOW);
    let delivery = mailbox.start(NOW);
    mailbox.end(&delivery, &refused(), NOW);
    let both = of(&[user("US.1"), phone("1")], "d");
    mailbox.store([both], NOW);
    let delivery = mailbox.start(NOW + 1_000);
    let ids: Vec<&str> = delivery
        .events
        .iter()
        .map(|event| event.id.as_str())
        .collect();
    assert_eq!(ids, ["a-0", "b-0", "c-0", "d-0"]);
}

/// A person's event by user id and another by phone number, each of whom is somebody of their own so far, and what tells
/// that they are one.
fn one_by_two_names() -> [Event; 3] {
    let (user, phone) = (user("US.1"), phone("1"));
    [
        (vec![user.clone()], "by-user"),
        (vec![phone.clone()], "by-phone"),
        (vec![user, phone], "by-both"),
    ]
    .map(|(names, id)| Event {
        names,
        ..message("", id)
    })
}

#[test]
fn what_was_on_its_way_is_not_given_up_for_what_the_other_conversation_was_refused() {
    let mut mailbox = open(&Native::new(), &["crm"]);
    let [by_user, by_phone, by_both] = one_by_two_names();
    mailbox.store([by_user, by_phone], NOW);
    let slow = mailbox.start(NOW);
    let late = NOW + 3_599_000;
    for now in [NOW, late] {
        mailbox.refuse(now);
    }
    mailbox.store([by_both], late);
    let changes = mailbox.end(&slow, &refused(), late + 2_000);
    assert_eq!(changes, [Change::Parked], "it is tried again");
    assert_eq!(
        mailbox.deliver(late + 10_000),
        ["by-user-0", "by-phone-0", "by-both-0"]
    );
}

#[test]
fn nor_for_what_it_is_refused_after_they_became_one() {
    let mut mailbox = open(&Native::new(), &["crm"]);
    let [by_user, by_phone, by_both] = one_by_two_names();
    mailbox.store([by_user, by_phone], NOW);
    let slow = mailbox.start(NOW);
    mailbox.refuse(NOW);
    let again = mailbox.start(NOW + 2_000);
    mailbox.store([by_both], NOW + 2_000);
    mailbox.end(&again, &refused(), NOW + 2_000);
    let late = NOW + 3_700_000;
    let changes = mailbox.end(&slow, &refused(), late);
    assert_eq!(changes, [], "it is tried again");
}

#[test]
fn what_waits_behind_it_is_tried_for_as_long_as_any_after_a_restart_too() {
    let sql = Native::new();
    let open = || open(&sql, &["crm"]);
    let mut mailbox = open();
    let [by_user, by_phone, by_both] = one_by_two_names();
    let slow = Event {
        id: "slow-0".to_owned(),
        ..by_user.clone()
    };
    mailbox.store([slow, by_user, by_phone], NOW);
    let slow = mailbox.start(NOW);
    let late = NOW + 3_599_000;
    for now in [NOW, late] {
        mailbox.refuse(now);
    }
    mailbox.store([by_both], late);
    mailbox.end(&slow, &Outcome::Taken, late);
    mailbox.save_all().unwrap();
    let mut mailbox = open();
    mailbox.refuse(late + 2_000);
    assert_eq!(sql.count("dead_letters"), 0);
    assert_eq!(
        mailbox.deliver(late + 10_000),
        ["by-user-0", "by-phone-0", "by-both-0"]
    );
}

/// Starts all that can go to a destination, and gives the events' ids.
fn started_for(mailbox: &mut Mailbox, destination: usize, now_ms: i64) -> Vec<String> {
    let mut ids = Vec::new();
    while let Some(delivery) = mailbox.next(now_ms).unwrap() {
        if delivery.destination == destination {
            ids.extend(delivery.events.iter().map(|event| event.id.clone()));
        } else {
            mailbox.end(&delivery, &Outcome::Taken, now_ms);
        }
    }
    ids
}

#[test]
fn who_turned_out_to_be_one_is_one_for_a_destination_that_begins_at_the_beginning_later() {
    let sql = Native::new();
    let open = |more: Vec<Destination>| {
        let destinations = [vec![destination("crm")], more].concat();
        let mailbox = Mailbox::open(sql.clone(), destinations).unwrap();
        mailbox.keeping(3_600_000)
    };
    let mut mailbox = open(vec![]);
    for event in one_by_two_names() {
        mailbox.store([event], NOW);
        mailbox.deliver(NOW);
    }
    let late = Destination {
        from: crate::config::StartsAt::Beginning,
        ..destination("late")
    };
    assert_eq!(started_for(&mut open(vec![late]), 1, NOW), ["by-user-0"]);
}

#[test]
fn who_turned_out_to_be_one_is_one_for_a_destination_that_was_away_meanwhile() {
    let sql = Native::new();
    let open = |ids: &[&str]| open(&sql, ids);
    let [by_user, by_phone, by_both] = one_by_two_names();
    let mut mailbox = open(&["crm", "bot"]);
    mailbox.store([by_user], NOW);
    mailbox.deliver(NOW);
    mailbox.store([by_phone], NOW);
    deliver(&mut mailbox, NOW, |delivery| delivery.destination == 0);
    let mut mailbox = open(&["crm"]);
    mailbox.store([by_both.clone()], NOW);
    mailbox.deliver(NOW);
    let mut mailbox = open(&["crm", "bot"]);
    let later = Event {
        id: "later-0".to_owned(),
        ..by_both
    };
    mailbox.store([later], NOW);
    assert_eq!(started_for(&mut mailbox, 1, NOW), ["by-phone-0"]);
    let mut mailbox = open(&["bot"]);
    assert_eq!(mailbox.deliver(NOW), ["by-phone-0", "later-0"]);
}

#[test]
fn what_one_of_two_who_turn_out_to_be_one_waits_for_goes_to_each_destination_after_a_restart() {
    let sql = Native::new();
    let open = || open(&sql, &["crm", "bot"]);
    let mut mailbox = open();
    let [by_user, by_phone, by_both] = one_by_two_names();
    let other = message("2", "other");
    mailbox.store([by_user, by_phone, other], NOW);
    deliver(&mut mailbox, NOW, |it| it.events[0].id == "by-user-0");
    mailbox.store([by_both], NOW);
    let mut got = [Vec::new(), Vec::new()];
    deliver(&mut open(), NOW + 5_000, |delivery| {
        got[delivery.destination].push(delivery.events[0].id.clone());
        true
    });
    for mut got in got {
        got.retain(|id| id != "other-0");
        assert_eq!(got, ["by-phone-0", "by-both-0"]);
    }
}

/// Event 14 is refused and 20 is on its way when 8 tells that they are of one person.
fn two_become_one(mailbox: &mut Mailbox) {
    let (by_phone, by_user, by_both) = (event(14), event(20), event(8));
    mailbox.store([by_phone, by_user], NOW);
    let first = mailbox.start(NOW);
    let _second = mailbox.start(NOW);
    mailbox.end(&first, &refused(), NOW);
    mailbox.store([by_both], NOW);
    assert_eq!(mailbox.next(NOW).unwrap(), None);
}

#[test]
fn what_was_on_its_way_when_two_became_one_goes_first_after_a_restart() {
    let sql = Native::new();
    let open = || open(&sql, &["bot"]);
    let mut mailbox = open();
    two_become_one(&mut mailbox);
    let mut mailbox = open();
    assert_eq!(mailbox.deliver(NOW + 5_000), ["14-0", "20-0", "8-0"]);
}

#[test]
fn it_goes_first_however_much_is_delivered_again_before_it() {
    let sql = Native::new();
    let open = || open(&sql, &["bot"]);
    let mut mailbox = open();
    mailbox.store([message("slow", "slow")], NOW);
    let _never_ends = mailbox.start(NOW);
    let others = (0..600).map(|n| message(&format!("other {n}"), &format!("other.{n}")));
    mailbox.store(others, NOW);
    assert_eq!(mailbox.deliver(NOW).len(), 600);
    two_become_one(&mut mailbox);
    let mut mailbox = open();
    let mut taken = mailbox.deliver(NOW + 5_000);
    taken.retain(|id| !id.starts_with("other"));
    assert_eq!(taken, ["slow-0", "14-0", "20-0", "8-0"]);
}

#[test]
fn where_three_turn_out_to_be_one_at_once_the_longest_wait_holds_after_a_restart_too() {
    let sql = Native::new();
    let open = || open(&sql, &["crm"]);
    let names = [
        user("US.1"),
        phone("1"),
        Name::Parent("US.ENT.1".to_owned()),
    ];
    let mut mailbox = open();
    for name in &names {
        let event = of(std::slice::from_ref(name), name.value());
        mailbox.store([event], NOW);
        let delivery = mailbox.start(NOW);
        let later = matches!(name, Name::Phone(_)).then_some(NOW + 60_000);
        let refused = Outcome::Refused {
            error: "status 422".to_owned(),
            not_before_ms: later,
            whole: false,
        };
        mailbox.end(&delivery, &refused, NOW);
    }
    mailbox.store([of(&names, "all")], NOW);
    for mut mailbox in [mailbox, open()] {
        assert_eq!(mailbox.next(NOW + 59_999).unwrap(), None);
    }
    assert!(open().next(NOW + 60_000).unwrap().is_some());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    /// Every event reaches every destination, and those that bear the same name in the order in which they came; and in
    /// the end each person is one conversation, by whatever name.
    #[test]
    fn whenever_two_turn_out_to_be_one_every_event_arrives_in_the_order_of_its_name(steps in steps(), hours in 0i64..3) {
        let linking = Step::Append((6..9).collect());
        let played = Player::play(steps.into_iter().chain([linking]), hours, event);
        let came: Vec<String> = played.came.iter().map(|event| event.id.clone()).collect();
        for person in 0..3 {
            let names = [Name::User(format!("US.{person}")), Name::Phone(format!("{person}"))];
            let found = names.each_ref().map(|name| played.mailbox.with(name).conversation);
            prop_assert_eq!(found[0], found[1]);
            for name in &names {
                for taken in &played.taken {
                    let taken: Vec<String> = taken.iter().map(|event| event.id.clone()).collect();
                    prop_assert_eq!(bearing(name, &taken), bearing(name, &came));
                }
            }
        }
        prop_assert_eq!(played.parked(), 0);
    }
}

#[test]
fn how_many_people_turn_out_to_be_known_does_not_matter_to_how_often_the_log_is_walked_through() {
    let sql = Native::new();
    let mut mailbox = open(&sql, &["crm"]);
    let names = |n: usize| [Name::User(format!("US.{n}")), Name::Phone(n.to_string())];
    for n in 0..101 {
        let apart =
            names(n).map(|name| of(std::slice::from_ref(&name), &format!("{}-{n}", name.key())));
        mailbox.store(apart, NOW);
    }
    let mut walks = |people: std::ops::Range<usize>| {
        let before = sql.log_read();
        let together = people.map(|n| of(&names(n), &format!("together-{n}")));
        mailbox.store(together, NOW);
        sql.log_read() - before
    };
    assert_eq!(walks(0..1), walks(1..101));
    let waiting = "SELECT count(DISTINCT conversation), count(*) FROM ";
    let table = sql.tables().into_iter().find(|it| it.starts_with("log_"));
    let rows = sql
        .exec(&format!("{waiting}{}", table.unwrap()), &[])
        .unwrap();
    let count = |column| rows[0].get(column).unwrap();
    assert_eq!((count(0), count(1)), (101, 303));
}

#[test]
fn who_was_met_lately_is_not_looked_for_in_what_came_before() {
    let sql = Native::new();
    let mut mailbox = open(&sql, &["crm"]);
    let names = |n: usize| [Name::User(format!("US.{n}")), Name::Phone(n.to_string())];
    let hour = 3_600_000;
    for (n, at) in [(1, 0), (2, 1), (3, 2), (4, 3)] {
        let apart = names(n).map(|name| of(std::slice::from_ref(&name), &name.key()));
        mailbox.store(apart, NOW + at * hour);
    }
    let mut walks = |n: usize| {
        let before = sql.log_read();
        mailbox.store([of(&names(n), &format!("together-{n}"))], NOW + 3 * hour);
        sql.log_read() - before
    };
    // Three are looked through for who is in them, and the newest to be changed.
    assert_eq!(walks(4), 4);
    assert_eq!(walks(3), 2);
    assert_eq!(walks(1), 4);
    let conversations = |table: &String| {
        let all = format!("SELECT count(DISTINCT conversation) FROM {table}");
        sql.first_integer(&all, &[]).unwrap().unwrap()
    };
    let mut tables = sql.tables();
    tables.retain(|table| table.starts_with("log_"));
    let conversations: Vec<i64> = tables.iter().map(conversations).collect();
    assert_eq!(conversations, [1, 2, 1, 3]);
}
