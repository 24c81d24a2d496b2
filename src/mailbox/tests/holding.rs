//! What is promised of the order of events whose person was in another partition before.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    partitions::{Number, OF},
    *,
};

/// A person who was met under two names in two partitions, with an event in each, and one that tells both together.
fn moved() -> Number {
    moved_in(Number::new())
}

fn moved_in(mut number: Number) -> Number {
    let home = number.take(&of(&[user("US.1")], "as-user"));
    let former = number.take(&of(&[phone("2")], "as-phone"));
    assert_eq!((home, former), (0, 1));
    number.take(&of(&[user("US.1"), phone("2")], "as-both"));
    number
}

#[test]
fn what_came_after_somebody_moved_waits_for_what_came_before() {
    let mut number = moved();
    assert!(number.ask(0, NOW));
    let before = number.deliver(0, NOW);
    assert_eq!(
        before,
        ["as-user-0"],
        "what was here already waits for nothing"
    );
    assert_eq!(number.partitions[0].next(NOW).unwrap(), None);
    assert_eq!(number.deliver(1, NOW), ["as-phone-0"]);
    assert!(number.ask(0, NOW + 1000));
    assert!(
        !number.ask(0, NOW + 60_000),
        "nothing is waited for any more"
    );
    assert_eq!(number.deliver(0, NOW + 1000), ["as-both-0"]);
}

#[test]
fn an_answer_that_comes_late_ends_no_other_wait() {
    let stray = of(&[phone("2")], "stray");
    let (mut number, on_its_way) = Number::moved_before(&stray);
    // It is asked twice; the second answer is late.
    let [first, second] = [NOW, NOW + 60].map(|now| number.partitions[0].question(now).unwrap());
    number.deliver(1, NOW);
    let over = |question: Question, number: &Number| {
        let ids = number.partitions[1].nothing_left(&question.awaited);
        question.over(&ids.unwrap())
    };
    let (first, second) = (over(first, &number), over(second, &number));
    number.partitions[0].freed(&first, NOW).unwrap();
    assert!(number.store(&stray, &on_its_way));
    number.take(&of(&[user("US.1"), phone("2")], "later"));
    number.partitions[0].freed(&second, NOW).unwrap();
    assert_eq!(number.deliver(0, NOW), ["as-user-0", "as-both-0"]);
    assert_eq!(number.delivered(), ["stray-0", "later-0"]);
}

#[test]
fn who_waits_still_waits_after_a_restart_and_asks_again() {
    let mut number = moved();
    number.restart(0);
    number.take(&of(&[phone("2")], "later"));
    number.restart(0);
    assert_eq!(number.deliver(0, NOW), ["as-user-0"]);
    assert_eq!(
        number.partitions[0].wakes_at(NOW),
        Some(0),
        "somebody is to be asked"
    );
    number.deliver(1, NOW);
    number.ask(0, NOW);
    number.restart(0);
    assert_eq!(number.deliver(0, NOW), ["as-both-0", "later-0"]);
}

#[test]
fn a_refused_event_holds_its_person_up_across_partitions_until_it_is_taken_or_dead() {
    let mut number = moved();
    number.take(&of(&[phone("3")], "stranger"));
    let refuses = |delivery: &Delivery| delivery.events[0].id != "as-phone-0";
    deliver(&mut number.partitions[1], NOW, refuses);
    assert_eq!(number.deliver(0, NOW), ["as-user-0"]);
    number.ask(0, NOW);
    assert_eq!(number.deliver(2, NOW), ["stranger-0"]);
    let total_ms = 3_600_000;
    deliver(&mut number.partitions[1], NOW + total_ms, refuses);
    number.ask(0, NOW + total_ms);
    assert_eq!(
        number.deliver(0, NOW + total_ms),
        ["as-both-0"],
        "it is a dead letter"
    );
}

#[test]
fn after_a_restart_what_was_held_does_not_overtake_what_is_to_be_read_again_far_behind() {
    let mut number = Number::new();
    // The first, fourth and seventh person are in the first partition.
    for n in 1..=6 {
        number.take(&of(&[phone(&format!("10{n}"))], &format!("first-{n}")));
    }
    for n in 0..300 {
        number.take(&of(&[phone("104")], &format!("many-{n}")));
    }
    number.take(&of(&[user("US.1")], "as-user"));
    number.take(&of(&[phone("2")], "as-phone"));
    // What is started of these two never arrives; all the rest does.
    let lost = ["first-1-0", "as-user-0"];
    let mailbox = &mut number.partitions[0];
    while let Some(delivery) = mailbox.next(NOW).unwrap() {
        if !lost.contains(&delivery.events[0].id.as_str()) {
            mailbox.end(&delivery, &Outcome::Taken, NOW);
        }
    }
    number.take(&of(&[user("US.1"), phone("2")], "as-both"));
    assert_eq!(number.partitions[0].next(NOW).unwrap(), None);
    number.restart(0);
    number.deliver(1, NOW);
    number.ask(0, NOW);
    let mut again = number.deliver(0, NOW);
    again.retain(|id| id.starts_with("as"));
    assert_eq!(again, ["as-user-0", "as-both-0"]);
}

/// Delivers all that can go to one destination, and gives the events' ids.
fn delivered_to(number: &mut Number, partition: usize, destination: usize) -> Vec<String> {
    let mailbox = &mut number.partitions[partition];
    deliver(mailbox, NOW, |delivery| delivery.destination == destination)
}

#[test]
fn each_destination_waits_for_what_it_has_not_got_itself() {
    let mut number = moved_in(Number::with(&["crm", "bi"]));
    assert_eq!(delivered_to(&mut number, 1, 0), ["as-phone-0"]);
    number.restart(0);
    number.ask(0, NOW);
    let crm = delivered_to(&mut number, 0, 0);
    assert_eq!(crm, ["as-user-0", "as-both-0"]);
    number.take(&of(&[phone("2")], "later"));
    let mut bi = Vec::new();
    let mailbox = &mut number.partitions[0];
    deliver(mailbox, NOW + 60_000, |delivery| {
        if delivery.destination == 1 {
            bi.push(delivery.events[0].id.clone());
        }
        true
    });
    assert_eq!(bi, ["as-user-0"], "what came after waits there");
    assert_eq!(number.waits_for(0), 1);
}

#[test]
fn what_was_held_for_a_destination_that_was_away_when_that_ended_goes_when_it_is_back() {
    let mut number = moved_in(Number::with(&["crm", "bi"]));
    assert_eq!(delivered_to(&mut number, 0, 1), ["as-user-0"]);
    number.partitions[0].settle().unwrap();
    number.restart_with(0, &["crm"]);
    number.deliver(1, NOW);
    number.ask(0, NOW);
    assert_eq!(number.waits_for(0), 0);
    number.restart_with(0, &["bi"]);
    assert_eq!(number.deliver(0, NOW), ["as-both-0"]);
}

#[test]
fn who_was_in_three_partitions_waits_for_both_others() {
    let mut number = Number::new();
    let names = [
        user("US.1"),
        phone("2"),
        Name::Parent("US.ENT.3".to_owned()),
    ];
    for (partition, name) in (0..).zip(&names) {
        let id = format!("as-{partition}");
        assert_eq!(number.take(&of(std::slice::from_ref(name), &id)), partition);
    }
    number.take(&of(&names, "as-all"));
    number.deliver(1, NOW);
    for _ in 0..2 {
        number.ask(0, NOW);
    }
    assert_eq!(number.deliver(0, NOW), ["as-0-0"]);
    number.deliver(2, NOW);
    number.ask(0, NOW + 60_000);
    assert_eq!(number.deliver(0, NOW + 60_000), ["as-all-0"]);
}

#[test]
fn who_was_two_in_the_former_partition_waits_for_both() {
    let mut number = Number::new();
    let parent = Name::Parent("US.ENT.5".to_owned());
    for (name, partition) in [
        (user("US.1"), 0),
        (phone("2"), 1),
        (phone("3"), 2),
        (phone("4"), 0),
        (parent.clone(), 1),
    ] {
        let id = format!("to-{}", name.value());
        assert_eq!(number.take(&of(&[name], &id)), partition);
    }
    number.take(&of(&[user("US.1"), phone("2"), parent], "as-all"));
    let mailbox = &mut number.partitions[1];
    let first = mailbox.start(NOW);
    assert_eq!(first.events[0].id, "to-2-0");
    mailbox.end(&first, &Outcome::Taken, NOW);
    number.ask(0, NOW);
    assert_eq!(number.deliver(0, NOW), ["to-US.1-0", "to-4-0"]);
    number.deliver(1, NOW);
    number.ask(0, NOW + 60_000);
    assert_eq!(number.deliver(0, NOW + 60_000), ["as-all-0"]);
}

#[test]
fn who_waits_and_turns_out_to_be_somebody_met_before_still_waits_also_after_a_restart() {
    for restarts in [false, true] {
        let mut number = Number::new();
        for (name, partition) in [(phone("1"), 0), (phone("2"), 1), (phone("3"), 2)] {
            let id = format!("first-{partition}");
            assert_eq!(number.take(&of(&[name], &id)), partition);
        }
        assert_eq!(number.take(&of(&[user("US.1")], "as-user")), 0);
        assert_eq!(number.take(&of(&[phone("5")], "as-phone")), 1);
        number.take(&of(&[user("US.1"), phone("5")], "as-both"));
        number.take(&of(&[user("US.1"), phone("1")], "as-all"));
        if restarts {
            number.restart(0);
        }
        assert_eq!(number.deliver(0, NOW), ["first-0-0", "as-user-0"]);
        number.ask(0, NOW);
        number.deliver(1, NOW);
        number.ask(0, NOW + 60_000);
        assert_eq!(number.deliver(0, NOW + 60_000), ["as-both-0", "as-all-0"]);
    }
}

#[test]
fn it_is_written_down_once_that_somebody_waits_however_often_they_write() {
    let mut number = moved();
    for id in ["second", "third"] {
        number.take(&of(&[user("US.1"), phone("2")], id));
    }
    assert_eq!(number.waits_for(0), 1);
}

#[test]
fn what_still_came_to_the_former_partition_is_waited_for_as_well() {
    let mut number = moved();
    // It was on its way when the person moved.
    let stray = of(&[phone("2")], "stray");
    number.partitions[1].store([stray], NOW);
    number.take(&of(&[user("US.1"), phone("2")], "later"));
    let first = number.partitions[1].start(NOW);
    assert_eq!(first.events[0].id, "as-phone-0");
    number.partitions[1].end(&first, &Outcome::Taken, NOW);
    number.ask(0, NOW);
    assert_eq!(number.deliver(0, NOW), ["as-user-0", "as-both-0"]);
    number.deliver(1, NOW);
    number.ask(0, NOW + 60_000);
    assert_eq!(number.deliver(0, NOW + 60_000), ["later-0"]);
}

#[test]
fn nobody_waits_for_a_destination_that_there_is_no_more() {
    let mut number = moved();
    number.restart_with(1, &["other"]);
    number.ask(0, NOW);
    assert_eq!(number.deliver(0, NOW), ["as-user-0", "as-both-0"]);
}

#[test]
fn who_asks_for_many_has_the_log_walked_through_once() {
    let sql = Native::new();
    let slow = paused("crm");
    let mut mailbox = Mailbox::open(sql.clone(), vec![slow]).unwrap();
    let persons: Vec<String> = (0..100).map(|n| format!("{n}")).collect();
    let events = persons.iter().map(|person| message(person, person));
    mailbox.store(events, NOW);
    let hold = |(id, person): (i64, &String)| {
        let behind = Behind {
            destination: "crm".to_owned(),
            until: i64::MAX,
        };
        Awaited {
            id,
            behind,
            names: vec![phone(person).key()],
        }
    };
    let mut holds: Vec<_> = (0..).zip(&persons).map(hold).collect();
    holds.push(hold((100, &"nobody".to_owned())));
    let before = sql.log_read();
    assert_eq!(mailbox.nothing_left(&holds).unwrap(), [100]);
    assert_eq!(sql.log_read() - before, 1);
}

#[test]
fn who_waits_asks_less_and_less_often_and_every_half_minute_at_least() {
    let mut number = moved();
    let mailbox = &mut number.partitions[0];
    let (mut now, mut waits) = (NOW, Vec::new());
    assert!(mailbox.question(now).is_some());
    while waits.len() < 12 {
        assert_eq!(mailbox.question(now), None, "it has just asked");
        let at = mailbox.wakes_after(now, now).unwrap();
        waits.push(at - now);
        now = at;
        assert!(mailbox.question(now).is_some());
    }
    assert_eq!(waits[..4], [50, 100, 200, 400]);
    assert_eq!(waits[10..], [30_000, 30_000]);
}

#[test]
fn where_nothing_is_left_nobody_waits() {
    let mut number = Number::new();
    number.take(&of(&[user("US.1")], "as-user"));
    number.take(&of(&[phone("2")], "as-phone"));
    number.deliver(1, NOW);
    number.take(&of(&[user("US.1"), phone("2")], "as-both"));
    assert!(!number.ask(0, NOW));
    assert_eq!(number.deliver(0, NOW), ["as-user-0", "as-both-0"]);
}

#[test]
fn what_was_refused_once_is_no_dead_letter_though_its_person_was_held_and_turned_out_to_be_a_third()
{
    let mut number = moved();
    number.take(&of(&[phone("3")], "stranger"));
    number.take(&of(&[phone("4")], "as-third"));
    let mailbox = &mut number.partitions[0];
    let as_user = mailbox.start(NOW);
    let as_third = mailbox.start(NOW);
    mailbox.end(&as_third, &refused(), NOW);
    number.take(&of(&[user("US.1"), phone("4")], "as-all"));
    let changes = number.partitions[0].done(&as_user, &refused(), NOW, 0.5);
    assert_eq!(changes.unwrap(), [Change::Parked], "it is tried again");
    number.deliver(1, NOW);
    number.ask(0, NOW);
    assert_eq!(
        number.deliver(0, NOW + 10_000),
        ["as-user-0", "as-both-0", "as-third-0", "as-all-0"]
    );
}

#[test]
fn who_was_refused_and_waits_no_more_for_another_partition_is_tried_in_their_own_time() {
    let mut number = moved();
    let as_user = number.partitions[0].start(NOW);
    number.partitions[0].end(&as_user, &refused(), NOW);
    number.deliver(1, NOW);
    number.ask(0, NOW);
    assert_eq!(number.deliver(0, NOW + 999), [""; 0]);
    number.restart(0);
    assert_eq!(number.deliver(0, NOW + 999), [""; 0]);
    assert_eq!(number.deliver(0, NOW + 1_000), ["as-user-0", "as-both-0"]);
}

#[test]
fn each_of_two_waits_for_their_own_though_one_turns_out_to_be_somebody_met_before() {
    for restarts in [false, true] {
        let mut number = Number::new();
        for (name, id, partition) in [
            (phone("1"), "b-early", 0),
            (phone("6"), "other", 1),
            (phone("7"), "other", 2),
            (user("US.2"), "b-user", 0),
            (phone("2"), "b-phone", 1),
            (phone("8"), "other", 2),
            (user("US.1"), "a-user", 0),
            (phone("3"), "a-phone", 1),
        ] {
            assert_eq!(number.take(&of(&[name], id)), partition);
        }
        number.take(&of(&[user("US.1"), phone("3")], "a-both"));
        number.take(&of(&[user("US.2"), phone("2")], "b-both"));
        number.partitions[0].store([of(&[user("US.2"), phone("1")], "b-all")], NOW);
        if restarts {
            number.restart(0);
        }
        let mut early = number.deliver(0, NOW);
        early.sort();
        assert_eq!(early, ["a-user-0", "b-early-0", "b-user-0"]);
        let [_, b, a] = [(); 3].map(|()| number.partitions[1].start(NOW));
        let mut now = NOW;
        for (flying, freed) in [(a, &["a-both-0"][..]), (b, &["b-both-0", "b-all-0"])] {
            number.partitions[1].end(&flying, &Outcome::Taken, NOW);
            now += 60_000;
            while number.ask(0, now) {}
            assert_eq!(number.deliver(0, now), freed);
        }
    }
}

#[test]
fn who_moved_waits_for_the_first_and_the_last_of_theirs_that_this_destination_refused_and_no_other()
{
    let mut number = Number::with(&["crm", "bi"]);
    for (name, id, partition) in [
        (user("US.1"), "as-user", 0),
        (phone("2"), "first", 1),
        (phone("3"), "other", 2),
        (phone("4"), "another", 0),
        (phone("5"), "theirs", 1),
        (phone("2"), "last", 1),
    ] {
        assert_eq!(number.take(&of(&[name], id)), partition);
    }
    number.partitions[1].refuse(NOW);
    number.take(&of(&[user("US.1"), phone("2")], "as-both"));
    number.partitions[1].store([of(&[phone("2")], "stray")], NOW);
    number.partitions[1].refuse(NOW);
    let mut now = NOW;
    for (id, waits) in [("first-0", 2), ("last-0", 1)] {
        now += 60_000;
        number.ask(0, now);
        assert_eq!(number.waits_for(0), 2);
        let delivery = number.partitions[1].start(now);
        assert_eq!((delivery.destination, &*delivery.events[0].id), (0, id));
        number.partitions[1].end(&delivery, &Outcome::Taken, now);
        now += 60_000;
        number.ask(0, now);
        assert_eq!(number.waits_for(0), waits);
    }
}

/// A number while things happen to it, and what its destination has taken.
struct Run {
    number: Number,
    now_ms: i64,
    /// The events that were stored, by id: each with the ids of those that are to be delivered before it.
    before: BTreeMap<String, BTreeSet<String>>,
    /// Names that are known to be one person's, with the events of theirs.
    persons: Vec<(BTreeSet<String>, BTreeSet<String>)>,
    /// No event is refused for long enough to be a dead letter, so that all are to be taken.
    taken: BTreeSet<String>,
    under_way: Vec<(usize, Delivery)>,
}

impl Run {
    fn take(&mut self, names: &[Name], id: usize) {
        let event = of(names, &format!("e{id}"));
        let keys: BTreeSet<String> = names.iter().map(Name::key).collect();
        let (same, others): (Vec<_>, Vec<_>) = std::mem::take(&mut self.persons)
            .into_iter()
            .partition(|(known, _)| !known.is_disjoint(&keys));
        self.persons = others;
        let mut person = (keys, BTreeSet::new());
        for (known, events) in same {
            person.0.extend(known);
            person.1.extend(events);
        }
        self.before.insert(event.id.clone(), person.1.clone());
        person.1.insert(event.id.clone());
        self.persons.push(person);
        self.number.take(&event);
    }

    fn start(&mut self, partition: usize) {
        let Some(delivery) = self.number.partitions[partition].next(self.now_ms).unwrap() else {
            return;
        };
        for event in &delivery.events {
            let early: Vec<_> = self.before[&event.id].difference(&self.taken).collect();
            assert!(early.is_empty(), "{} goes before {early:?}", event.id);
        }
        self.under_way.push((partition, delivery));
    }

    fn end(&mut self, which: usize, takes: bool) {
        if self.under_way.is_empty() {
            return;
        }
        let (partition, delivery) = self.under_way.remove(which % self.under_way.len());
        let outcome = if takes {
            self.taken
                .extend(delivery.events.iter().map(|event| event.id.clone()));
            Outcome::Taken
        } else {
            refused()
        };
        let mailbox = &mut self.number.partitions[partition];
        mailbox.end(&delivery, &outcome, self.now_ms);
    }

    fn restart(&mut self, partition: usize) {
        self.under_way.retain(|(of, _)| *of != partition);
        self.number.restart(partition);
    }
}

proptest! {
    /// Whoever turns out to be whom, in whatever partitions, and whatever is refused or forgotten on the way: nothing goes
    /// before what came before it, and everything goes in the end.
    #[test]
    fn the_order_holds_across_partitions_and_nobody_waits_for_ever(
        steps in proptest::collection::vec((0u8..10, 0usize..60), 0..120),
    ) {
        let names = [user("US.1"), phone("1"), Name::Parent("X".to_owned()), phone("9")];
        let mut run = Run {
            number: Number::new(),
            now_ms: NOW,
            before: BTreeMap::new(),
            persons: Vec::new(),
            taken: BTreeSet::new(),
            under_way: Vec::new(),
        };
        let of = usize::try_from(OF).unwrap();
        for (id, (step, which)) in steps.into_iter().enumerate() {
            run.now_ms += 500;
            match step {
                0 | 1 => run.take(&names[which % 4..=which % 4], id),
                2 => run.take(&[names[which % 3].clone(), names[(which + 1) % 3].clone()], id),
                3..=5 => run.start(which % of),
                6 | 7 => run.end(which, step == 6),
                8 => drop(run.number.ask(which % of, run.now_ms)),
                _ => run.restart(which % of),
            }
        }
        // Each round lets at least the oldest event go.
        for _ in 0..run.before.len() + 2 {
            run.now_ms += 60_000;
            for partition in 0..of {
                run.number.ask(partition, run.now_ms);
                for _ in 0..run.before.len() {
                    run.start(partition);
                    run.end(0, true);
                }
            }
        }
        let all: BTreeSet<String> = run.before.keys().cloned().collect();
        prop_assert_eq!(run.taken, all);
    }
}

#[test]
fn however_much_is_held_it_is_read_a_few_at_a_time() {
    let sql = Native::new();
    for statement in [
        "CREATE TABLE held (id INTEGER PRIMARY KEY, destination TEXT NOT NULL, conversation INTEGER NOT NULL, \
         before INTEGER NOT NULL, former TEXT NOT NULL, until INTEGER NOT NULL, names TEXT NOT NULL) STRICT",
        "WITH RECURSIVE ids(id) AS (SELECT 1 UNION SELECT id + 1 FROM ids WHERE id < 2500) \
         INSERT INTO held SELECT id, 'crm', id, 1, '1/1of2', 1, '[]' FROM ids",
    ] {
        sql.run(statement, &[]).unwrap();
    }
    let mut mailbox = open(&sql, &["crm"]);
    assert!(sql.most_rows() <= 1_000);
    let mut asked = 0;
    while let Some(question) = mailbox.question(NOW) {
        asked += question.awaited.len();
    }
    assert_eq!(asked, 2_500);
}
