//! What is asked of the partition in which somebody was, and what goes over from there.

use super::{
    partitions::{Number, OF},
    *,
};
use crate::conversation::handover::{By, Handover};

#[test]
fn a_webhook_with_many_events_of_people_who_moved_asks_each_partition_once() {
    let mut number = Number::new();
    let people: Vec<[Name; 2]> = (0..100)
        .map(|n| [user(&format!("US.{n}")), phone(&format!("1{n}"))])
        .collect();
    let early: Vec<Event> = people
        .iter()
        .flatten()
        .enumerate()
        .map(|(n, name)| of(std::slice::from_ref(name), &format!("early-{n}")))
        .collect();
    number.take_all(&early);
    let both: Vec<Event> = (0..300)
        .map(|n| of(&people[n % 100], &format!("both-{n}")))
        .collect();
    number.take_all(&both);
    let of = usize::try_from(OF).unwrap();
    assert!(number.calls <= 2 * of, "{} calls", number.calls);
    number.take_all(&both);
    assert!(number.calls <= 2 * of, "{} calls", number.calls);
    number.take_all(&early);
    let mut delivered = number.delivered();
    assert_eq!(delivered.len(), 500, "each once");
    let order: Vec<usize> = delivered
        .iter()
        .filter_map(|id| id.strip_prefix("both-")?.strip_suffix("-0")?.parse().ok())
        .filter(|n| n % 100 == 7)
        .collect();
    assert_eq!(order, [7, 107, 207]);
    delivered.sort();
    delivered.dedup();
    assert_eq!(delivered.len(), 500);
}

#[test]
fn who_has_a_conversation_in_hand_is_known_where_it_went_although_the_first_try_to_tell_failed() {
    let mut number = Number::new();
    number.take(&of(&[user("US.1")], "as-user"));
    number.take(&of(&[phone("2")], "as-phone"));
    let person = phone("2");
    let taken = Handover {
        by: By::App,
        since: 5,
        until: None,
    };
    let former = number.partition(1);
    former
        .change_state(&person, |state| state.handover = Some(taken))
        .unwrap();
    let both = of(&[user("US.1"), phone("2")], "as-both");
    number.route(&both);
    number
        .partition(1)
        .cede(std::slice::from_ref(&both), &[1], NOW)
        .unwrap();
    let in_hand = |number: &mut Number| {
        let found = number.partition(0).find_without_names(&person).unwrap();
        found.unwrap().state.handover
    };
    number.take(&of(&[phone("2")], "as-phone"));
    assert_eq!(
        in_hand(&mut number),
        Some(taken),
        "told by what is stored there"
    );
    let here = number.partition(0);
    here.change_state(&person, |state| state.handover = None)
        .unwrap();
    number.take(&both);
    assert_eq!(in_hand(&mut number), None, "it was given back");
    let again = Handover { since: 6, ..taken };
    let former = number.partition(1);
    former
        .change_state(&person, |state| state.handover = Some(again))
        .unwrap();
    number.take(&both);
    assert_eq!(in_hand(&mut number), Some(again));
}

#[test]
fn a_partition_knows_after_a_restart_that_somebody_is_elsewhere_and_what_is_known_is_asked_there() {
    let mut number = Number::new();
    number.take(&of(&[user("US.1")], "as-user"));
    number.take(&of(&[phone("2")], "as-phone"));
    number.take(&of(&[phone("3")], "stranger"));
    let conversation =
        |number: &mut Number| number.partition(1).find_without_names(&phone("2")).unwrap();
    let before = conversation(&mut number).unwrap().conversation;
    assert!(!number.partition(1).has_moved(before).unwrap());
    number.take(&of(&[user("US.1"), phone("2")], "as-both"));
    for _ in 0..2 {
        assert!(number.partition(1).has_moved(before).unwrap());
        assert!(!number.partition(2).has_moved(1).unwrap());
        number.restart(1);
    }
    let taken = Handover {
        by: By::Api,
        since: 5,
        until: None,
    };
    let here = number.partition(0);
    here.change_state(&user("US.1"), |state| state.handover = Some(taken))
        .unwrap();
    let known = here.known(&phone("2")).unwrap().unwrap();
    assert_eq!(known.state.handover, Some(taken));
    assert_eq!(known.windows.customer_service, Some(NOW / 1000 + 24 * 3600));
    assert_eq!(here.known(&phone("3")).unwrap(), None);
}

#[test]
fn who_comes_back_to_a_partition_is_here_again_whoever_was_met_there_first() {
    for is_late in [false, true] {
        let mut number = Number::new();
        let people = ["1", "2", "3", "4"].map(phone);
        let message = |one: usize| of(&people[one..=one], people[one].value());
        number.route(&message(0));
        if !is_late {
            number.take(&message(0));
        }
        for one in 1..4 {
            number.take(&message(one));
        }
        number.take(&message(0));
        let has_moved = |number: &mut Number| {
            let here = number.partition(0);
            let found = here.find_without_names(&people[3]).unwrap().unwrap();
            here.has_moved(found.conversation).unwrap()
        };
        number.take(&of(&[people[1].clone(), people[3].clone()], "away"));
        assert!(has_moved(&mut number));
        number.take(&of(&[people[0].clone(), people[1].clone()], "back"));
        number.take(&of(&people[3..], "as ever"));
        for _ in 0..2 {
            assert!(!has_moved(&mut number));
            number.restart(0);
        }
    }
}

#[test]
fn a_window_that_was_answered_since_somebody_moved_is_not_told_of_as_closing() {
    let mut number = Number::new();
    number.restart_with_policy(&following::answering());
    number.take(&of(&[user("US.1")], "as-user"));
    let unanswered = Event {
        data: r#"{"customer":{"phone":"2"},"message":{"id":"wamid.q","kind":"text","text":{"body":"Hello"}}}"#.to_owned(),
        ..of(&[phone("2")], "q")
    };
    number.take(&unanswered);
    let closing = |number: &mut Number, partition, name: &Name| {
        let found = number
            .partition(partition)
            .find_without_names(name)
            .unwrap();
        found.unwrap().state.closing
    };
    assert!(closing(&mut number, 1, &phone("2")).is_some());
    let both = |event: Event| Event {
        names: vec![user("US.1"), phone("2")],
        ..event
    };
    for (how, is_to_be_told) in [
        (MessageStatus::Read, true),
        (MessageStatus::Sent, false),
        (MessageStatus::Delivered, false),
    ] {
        let answer = Event {
            time: Some(NOW / 1000 + 60),
            ..status("2", "m", how)
        };
        number.take(&both(answer));
        let told = closing(&mut number, 0, &user("US.1"));
        assert_eq!(told.is_some(), is_to_be_told, "{how:?}");
    }
}

#[test]
fn how_many_people_have_moved_does_not_matter_to_how_often_their_former_partition_walks_through_its_log()
 {
    let disk = Native::new();
    let mut former = open(&disk, &["crm", "bot"]);
    let people = |what: &str| -> Vec<Event> {
        let of = |n: usize| of(&[phone(&n.to_string())], &format!("{what}-{n}"));
        (0..100).map(of).collect()
    };
    former.store(people("early"), NOW);
    let late = people("late");
    let mut ask = |many: usize| {
        let before = disk.log_read();
        let moved = former.cede(&late[..many], &vec![1; many], NOW).unwrap();
        assert!(moved.iter().all(|moved| moved.behind.len() == 2));
        disk.log_read() - before
    };
    assert_eq!(ask(1), ask(100));
}

#[test]
fn what_was_promised_is_let_go_an_hour_after_it_was_last_and_looked_for_once_an_hour_at_most() {
    let disk = Native::new();
    let mut former = open(&disk, &["crm"]);
    let hours = |hours: i64| NOW + hours * 3_600_000;
    let event = |id: &str| of(&[phone("1")], id);
    let promise = |former: &mut Mailbox, id: &str, at: i64| {
        former.cede(&[event(id)], &[1], at).unwrap();
        disk.count("promised")
    };
    assert_eq!(promise(&mut former, "a", NOW), 1);
    assert_eq!(promise(&mut former, "b", NOW + 60_000), 2);
    assert_eq!(promise(&mut former, "c", hours(1) + 30_000), 2, "without a");
    let opened = format!("{:?}", open(&disk, &["crm"]));
    assert!(!opened.contains(r#""b-0""#), "not read at opening");
    former.store([event("a")], hours(1) + 30_000);
    let again = promise(&mut former, "c", hours(1) + 120_000);
    assert_eq!(again, 2, "not looked");
    assert_eq!(promise(&mut former, "d", hours(2) + 90_000), 2, "without b");
    let refused = former.append(vec![event("c")], hours(2) + 90_000);
    assert_eq!(refused, Err(SqlError::Moved));
}

#[test]
fn a_window_that_opened_where_somebody_was_is_open_where_they_are() {
    let mut number = Number::new();
    let silent = |names: &[Name], id: &str| Event {
        effect: Effect::None,
        ..of(names, id)
    };
    number.take(&silent(&[user("US.1")], "as-user"));
    number.take(&of(&[phone("2")], "as-phone"));
    number.take(&silent(&[user("US.1"), phone("2")], "as-both"));
    let found = number
        .partition(0)
        .find_without_names(&user("US.1"))
        .unwrap()
        .unwrap();
    assert_eq!(found.windows.customer_service, Some(NOW / 1000 + 24 * 3600));
}
