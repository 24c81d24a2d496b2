//! What is promised of dead letters.

use super::*;

/// A mailbox of `crm` and `bot` with these messages, of which `crm` has refused those in `refused` to the end.
pub(super) fn with_dead_letters(
    sql: &Rc<Native>,
    messages: &[(&str, &str)],
    refused: &[&str],
) -> Mailbox {
    let mut mailbox = open(sql, &["crm", "bot"]);
    for (n, (person, id)) in messages.iter().enumerate() {
        let now = NOW + i64::try_from(n).unwrap();
        mailbox.store([message(person, id)], now);
    }
    while let Some(wakes_at) = mailbox.wakes_at(NOW) {
        deliver(&mut mailbox, wakes_at.max(NOW), |delivery| {
            delivery.destination == 1 || !refused.contains(&delivery.events[0].id.as_str())
        });
    }
    mailbox
}

#[test]
fn dead_letters_are_listed_page_by_page_without_their_content() {
    let messages = [("1", "a"), ("2", "b"), ("1", "c")];
    let mailbox = with_dead_letters(&Native::new(), &messages, &["a-0", "b-0", "c-0"]);
    let all = Which::default();
    let first = mailbox.dead_letters(&all, false, None, 2).unwrap();
    let ids = |letters: &[DeadLetter]| {
        letters
            .iter()
            .map(|letter| letter.event.id.clone())
            .collect::<Vec<_>>()
    };
    assert_eq!(ids(&first), ["a-0", "b-0"]);
    let last = &first[1];
    let after = Some((last.destination.as_str(), last.event.seq));
    let second = mailbox.dead_letters(&all, false, after, 2).unwrap();
    assert_eq!(ids(&second), ["c-0"]);
    let content = mailbox.content(&second[0]).unwrap();
    assert_eq!(content, r#"{"message":{"id":"c"}}"#);
    assert_eq!(
        (
            last.destination.as_str(),
            last.error.as_str(),
            last.event.data.as_str()
        ),
        ("crm", "status 422", "")
    );
    assert!(last.attempts > 5 && Some(last.first_failed_ms) < last.died_ms);
    assert_eq!(mailbox.content(last).unwrap(), r#"{"message":{"id":"b"}}"#);
}

#[test]
fn what_waits_because_it_was_refused_is_listed_as_dead_letters_are() {
    let mut mailbox = open(&Native::new(), &["crm", "bot"]);
    let events = [("1", "a"), ("2", "b"), ("1", "c")];
    let events = events.map(|(person, id)| message(person, id));
    mailbox.store(events, NOW);
    deliver(&mut mailbox, NOW, |delivery| delivery.events[0].id != "a-0");
    let waiting = |event: Option<&str>, after| {
        let which = Which {
            destination: Some("bot".to_owned()),
            event: event.map(str::to_owned),
            ..Which::default()
        };
        mailbox.dead_letters(&which, true, after, 9).unwrap()
    };
    let all = waiting(None, None);
    let [first, second] = all.as_slice() else {
        panic!("{all:?}");
    };
    assert_eq!([&first.event.id, &second.event.id], ["a-0", "c-0"]);
    assert_eq!(
        (first.attempts, first.error.as_str(), first.died_ms),
        (1, "status 422", None)
    );
    assert_eq!(mailbox.content(first).unwrap(), r#"{"message":{"id":"a"}}"#);
    let behind = std::slice::from_ref(second);
    assert_eq!(waiting(Some("c-0"), None), behind);
    assert_eq!(waiting(None, Some(("bot", first.event.seq))), behind);
    assert_eq!(mailbox.dead(), []);
}

#[test]
fn dead_letters_are_found_by_destination_event_conversation_and_time() {
    let messages = [("1", "a"), ("2", "b"), ("1", "c")];
    let mailbox = with_dead_letters(&Native::new(), &messages, &["a-0", "b-0", "c-0"]);
    let one = mailbox.with(&phone("1"));
    let count = |which: Which| mailbox.summary(&which).unwrap().count;
    let any = Which::default;
    let summary = mailbox.summary(&any()).unwrap();
    assert_eq!(
        (summary.count, summary.oldest_ms, summary.newest_ms),
        (3, Some(NOW), Some(NOW + 2))
    );
    let (destination, event) = (Some("bot".to_owned()), Some("b-0".to_owned()));
    let conversation = Some(one.conversation);
    let (from_ms, until_ms) = (Some(NOW + 1), Some(NOW + 2));
    #[rustfmt::skip]
    let expected = [
        (Which { destination, ..any() }, 0),
        (Which { event, ..any() }, 1),
        (Which { conversation, ..any() }, 2),
        (Which { from_ms, until_ms, ..any() }, 1),
    ];
    for (which, expected) in expected {
        assert_eq!(count(which.clone()), expected, "{which:?}");
    }
}

#[test]
fn dead_letters_are_found_by_any_number_that_their_conversation_has_had() {
    let messages = [("1", "a"), ("2", "b"), ("3", "c")];
    let mut mailbox = with_dead_letters(&Native::new(), &messages, &["a-0", "b-0", "c-0"]);
    let phones = ["1", "2"].map(|phone| Name::Phone(phone.to_owned()));
    let former = phones
        .each_ref()
        .map(|phone| mailbox.with(phone).conversation);
    let conversation = mailbox.meet(&phones).unwrap();
    for number in former {
        let which = Which {
            conversation: Some(number),
            ..Which::default()
        };
        assert_eq!(mailbox.current_id(number).unwrap(), conversation);
        assert_eq!(mailbox.summary(&which).unwrap().count, 2, "{number}");
    }
}

#[test]
fn what_was_told_of_some_dead_letters_does_not_confirm_others() {
    let mut mailbox = with_dead_letters(&Native::new(), &[("1", "a"), ("2", "b")], &["a-0", "b-0"]);
    let which = |event: Option<&str>| Which {
        event: event.map(str::to_owned),
        ..Which::default()
    };
    let told = mailbox.summary(&which(None)).unwrap();
    assert_eq!(mailbox.summary(&which(None)).unwrap(), told);
    // One goes, and another event dies.
    mailbox.delete(&which(Some("a-0"))).unwrap();
    let less = mailbox.summary(&which(None)).unwrap();
    let letters = mailbox.dead();
    let later = letters[0].died_ms.unwrap() + 60_000;
    mailbox.store([message("3", "c")], later);
    while let Some(wakes_at) = mailbox.wakes_at(later) {
        deliver(&mut mailbox, wakes_at.max(later), |it| it.destination == 1);
    }
    let other = mailbox.summary(&which(None)).unwrap();
    assert_eq!((told.count, other.count), (2, 2));
    assert!(told.confirm != less.confirm && told.confirm != other.confirm);
    // Nothing is confirmed by the number that there is.
    assert_ne!(told.confirm, told.count);
    let none = mailbox.summary(&which(Some("d-0"))).unwrap();
    assert_eq!(none, Summary::default());
}

#[test]
fn what_waits_for_a_destination_that_is_taken_out_is_told_once() {
    let sql = Native::new();
    let open = |ids: &[&str]| open(&sql, ids);
    let mut mailbox = open(&["bot", "crm", "new"]);
    assert_eq!(mailbox.newly_taken_out(), []);
    let events = [("1", "a"), ("1", "b"), ("2", "c")];
    let events = events.map(|(person, id)| message(person, id));
    mailbox.store(events, NOW);
    // One destination has two events parked, and one got none.
    end_all(&mut mailbox, NOW, |delivery| {
        match (delivery.destination, delivery.events[0].id.as_str()) {
            (0, "a-0") => refused(),
            (2, _) => Outcome::Gone,
            _ => Outcome::Taken,
        }
    });
    assert_eq!(mailbox.taken_out().unwrap(), []);
    let mut without = open(&["other"]);
    let [(id, waiting)] = &without.taken_out().unwrap()[..] else {
        panic!("nothing is left of the others");
    };
    assert_eq!(
        (id.as_str(), waiting.events, waiting.conversations),
        ("bot", 2, 1)
    );
    let told = [("bot".to_owned(), 2), ("new".to_owned(), 3)];
    assert_eq!(without.newly_taken_out(), told);
    assert_eq!(without.newly_taken_out(), []);
    assert_eq!(open(&["other"]).newly_taken_out(), []);
}

#[test]
fn deleted_dead_letters_leave_nothing_behind() {
    let sql = Native::new();
    let mut mailbox = open(&sql, &["crm"]);
    let large = large("1", "a");
    mailbox.store([large.clone(), message("2", "b")], NOW);
    while let Some(wakes_at) = mailbox.wakes_at(NOW) {
        mailbox.refuse(wakes_at.max(NOW));
    }
    let letters = mailbox.dead();
    assert_eq!(mailbox.content(&letters[0]).unwrap(), large.data);
    let which = Which {
        event: Some("a-0".to_owned()),
        ..Which::default()
    };
    mailbox.delete(&which).unwrap();
    mailbox.settle().unwrap();
    assert_eq!((sql.count("dead_letters"), sql.count("parts")), (1, 0));
}

#[test]
fn who_deletes_dead_letters_does_not_keep_to_himself_that_a_destination_was_given_up() {
    let mut mailbox = open(&Native::new(), &["crm"]);
    mailbox.store([message("1", "a"), message("2", "b")], NOW);
    let delivery = mailbox.start(NOW);
    mailbox.end(&delivery, &Outcome::Gone, NOW);
    mailbox.next(NOW + 3_600_000).unwrap();
    mailbox.delete(&Which::default()).unwrap();
    assert_eq!(mailbox.settle().unwrap(), [0]);
}

#[test]
fn opening_takes_no_longer_for_many_dead_letters() {
    let opening = |letters: usize| {
        let sql = Native::new();
        let open = || Mailbox::open(sql.clone(), vec![hasty("crm")]).unwrap();
        let mut mailbox = open();
        mailbox.store(many(0..letters), NOW);
        mailbox.refuse(NOW);
        assert_eq!(mailbox.waiting(0).unwrap().dead_letters, count(letters));
        // What was prepared once stays so.
        open();
        let before = sql.steps();
        open();
        sql.steps() - before
    };
    let (many, few) = (opening(300), opening(3));
    assert!(many < few + 100, "{many} steps, {few} for three");
}

#[test]
fn what_one_destination_gave_up_still_waits_for_another() {
    let mut mailbox = Mailbox::open(Native::new(), vec![hasty("crm"), destination("bot")]).unwrap();
    mailbox.store([message("1", "a")], NOW);
    let [crm, bot] = [(); 2].map(|()| mailbox.start(NOW));
    mailbox.end(&bot, &refused(), NOW);
    mailbox.end(&crm, &refused(), NOW);
    let dead = mailbox.dead();
    let dead: Vec<&str> = dead.iter().map(|letter| &*letter.destination).collect();
    assert_eq!(dead, ["crm"]);
    assert_eq!(mailbox.deliver(NOW + 1_000), ["a-0"]);
}

#[test]
fn the_last_page_and_what_waits_of_one_conversation_cost_no_walk_through_all_others() {
    let steps = |letters: usize| {
        let sql = Native::new();
        let destinations = vec![hasty("crm"), destination("bot")];
        let mut mailbox = Mailbox::open(sql.clone(), destinations).unwrap();
        mailbox.store(many(0..letters), NOW);
        mailbox.refuse(NOW);
        [("crm", false), ("bot", true)].map(|(destination, waiting)| {
            let page = |conversation: Option<i64>, after| {
                let which = Which {
                    destination: conversation.is_none().then(|| destination.to_owned()),
                    conversation,
                    ..Which::default()
                };
                let before = sql.steps();
                let page = mailbox.dead_letters(&which, waiting, after, 1_000);
                (page.unwrap(), sql.steps() - before)
            };
            let (all, _) = page(None, None);
            let (last, of_last_page) = page(None, Some((destination, all[letters - 2].event.seq)));
            let (own, of_conversation) = page(Some(all[0].event.conversation), None);
            assert_eq!((all.len(), last.len(), own.len()), (letters, 1, 1));
            (of_last_page, of_conversation * i32::from(waiting))
        })
    };
    assert_eq!(steps(500), steps(50));
}
