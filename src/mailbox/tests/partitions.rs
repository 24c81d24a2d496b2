//! What the partitions of a number promise together.

use std::collections::HashSet;

use super::*;
use crate::{
    config::Answering,
    conversation::{
        Policy,
        consent::{Entry, Standing},
        mirror::Mirror,
    },
    event::consequence,
    mailbox::address::partition_of,
};

pub(super) const OF: u32 = 3;

/// A number with partitions, and what the Worker does with its events.
pub(super) struct Number {
    directory: Directory,
    pub(super) partitions: Vec<Mailbox>,
    disks: Vec<Rc<Native>>,
    destinations: &'static [&'static str],
    /// How many calls of objects it took to store the last events, beside those that store them.
    pub(super) calls: usize,
}

impl Number {
    pub(super) fn new() -> Self {
        Self::with(&["crm"])
    }

    /// One whose events go to these destinations.
    pub(super) fn with(destinations: &'static [&'static str]) -> Self {
        Self::of(OF, destinations)
    }

    /// The same of one that has so many partitions.
    pub(super) fn of(of: u32, destinations: &'static [&'static str]) -> Self {
        let disks: Vec<_> = (0..of).map(|_| Native::new()).collect();
        Self {
            directory: Directory::open(Native::new(), of).unwrap(),
            partitions: disks.iter().map(|disk| open(disk, destinations)).collect(),
            disks,
            destinations,
            calls: 0,
        }
    }

    /// A number that knows a person under two names in two partitions, and was told both together while this event of
    /// theirs was on its way to where it is routed.
    pub(super) fn moved_before(late: &Event) -> (Self, Route) {
        let mut number = Self::new();
        number.take(&of(&[user("US.1")], "as-user"));
        number.take(&of(&[phone("2")], "as-phone"));
        let route = number.route(late);
        number.take(&of(&[user("US.1"), phone("2")], "as-both"));
        (number, route)
    }

    /// A partition loses its memory.
    pub(super) fn restart(&mut self, partition: usize) {
        self.partitions[partition] = open(&self.disks[partition], self.destinations);
    }

    /// The same; from now on it has other destinations.
    pub(super) fn restart_with(&mut self, partition: usize, destinations: &[&str]) {
        self.partitions[partition] = open(&self.disks[partition], destinations);
    }

    /// All partitions lose their memory; from now on they answer.
    pub(super) fn restart_with_policy(&mut self, answering: &Answering) {
        for partition in 0..self.partitions.len() {
            self.restart(partition);
            let here = self.partitions.remove(partition);
            let policy = following::policy(answering.clone());
            let here = here.with_policy(Some(policy)).unwrap();
            self.partitions.insert(partition, here);
        }
    }

    /// How many things a partition waits for.
    pub(super) fn waits_for(&self, partition: usize) -> i64 {
        self.disks[partition].count("held")
    }

    /// A partition asks another what it waits for, and is told. Gives whether there was anything to ask.
    pub(super) fn ask(&mut self, partition: usize, now_ms: i64) -> bool {
        let Some(question) = self.partitions[partition].question(now_ms) else {
            return false;
        };
        let former = &self.partitions[question.former.parse::<usize>().unwrap()];
        // As it crosses from one object to another.
        let awaited = Awaited::read_all(&Awaited::write_all(&question.awaited)).unwrap();
        let over = question.over(&former.nothing_left(&awaited).unwrap());
        self.partitions[partition].freed(&over, now_ms).unwrap();
        true
    }

    pub(super) fn route(&mut self, event: &Event) -> Route {
        self.resolve(std::slice::from_ref(event)).remove(0)
    }

    fn resolve(&mut self, events: &[Event]) -> Vec<Route> {
        let routes = self.directory.resolve(events, NOW).unwrap();
        // As they cross from one object to another.
        Route::read_all(&Route::write_all(&routes)).unwrap()
    }

    /// Stores an event where it was found to belong. Gives whether it is stored; where not, Meta repeats it.
    pub(super) fn store(&mut self, event: &Event, route: &Route) -> bool {
        self.store_all(std::slice::from_ref(event), std::slice::from_ref(route))
    }

    /// Has an event's other partitions asked and told, and fails then.
    pub(super) fn fail(&mut self, event: &Event) {
        let route = self.route(event);
        self.fail_to_store(event, &route);
    }

    /// The same where it was found to belong.
    fn fail_to_store(&mut self, event: &Event, route: &Route) {
        self.prepare(std::slice::from_ref(event), std::slice::from_ref(route));
    }

    fn store_all(&mut self, events: &[Event], routes: &[Route]) -> bool {
        let stored = self.prepare(events, routes);
        let mut all_stored = true;
        for (partition, here) in (0..).zip(&mut self.partitions) {
            let of_it = events
                .iter()
                .zip(routes)
                .enumerate()
                .filter(|(place, (_, route))| {
                    route.partition == partition && !stored.contains(place)
                });
            let of_it: Vec<Event> = of_it.map(|(_, (event, _))| event.clone()).collect();
            match here.append(of_it, NOW) {
                Ok(_) => {}
                Err(SqlError::Moved) => all_stored = false,
                Err(error) => panic!("{error}"),
            }
        }
        all_stored
    }

    /// What is done before events are stored. Gives which are stored elsewhere, by their places.
    fn prepare(&mut self, events: &[Event], routes: &[Route]) -> HashSet<usize> {
        self.calls = 0;
        let mut answers = Vec::new();
        for asked in cede_requests(events, routes, |_| false) {
            self.calls += 1;
            let former = self.partition(asked.former);
            let moved = former.cede(&asked.events, &asked.persons, NOW).unwrap();
            // As they cross from one object to another.
            let mut moved = Moved::read_all(&Moved::write_all(&moved)).unwrap();
            for moved in &mut moved {
                moved.former = asked.former.to_string();
            }
            answers.extend(asked.places.into_iter().zip(moved));
        }
        let answered = answered(events, routes, answers);
        for (to, adoptions) in answered.adoptions {
            self.calls += 1;
            self.partition(to).adopt(&adoptions).unwrap();
        }
        let stored = answered.stored.iter().enumerate();
        stored
            .filter_map(|(place, there)| there.as_ref().map(|_| place))
            .collect()
    }

    /// What is done before somebody is asked about, or written to: the partition that has their conversation.
    fn home_of(&mut self, name: &Name) -> Option<u32> {
        let names = [name.clone()];
        let route = self.directory.find(&names, NOW).unwrap()?;
        let one = [Event::named(route.names.clone())];
        self.prepare(&one, std::slice::from_ref(&route));
        Some(route.partition)
    }

    pub(super) fn partition(&mut self, partition: u32) -> &mut Mailbox {
        &mut self.partitions[usize::try_from(partition).unwrap()]
    }

    pub(super) fn take(&mut self, event: &Event) -> u32 {
        let route = self.route(event);
        assert!(self.store(event, &route));
        route.partition
    }

    pub(super) fn take_all(&mut self, events: &[Event]) {
        let routes = self.resolve(events);
        assert!(self.store_all(events, &routes));
    }

    /// Delivers all that a partition may.
    pub(super) fn deliver(&mut self, partition: usize, now_ms: i64) -> Vec<String> {
        self.partitions[partition].deliver(now_ms)
    }

    /// Delivers all there is, until nobody waits for anybody.
    pub(super) fn delivered(&mut self) -> Vec<String> {
        let mut all = Vec::new();
        let mut now = NOW;
        loop {
            let before = all.len();
            let mut asked = false;
            for partition in 0..self.partitions.len() {
                all.extend(self.deliver(partition, now));
                asked |= self.ask(partition, now);
            }
            if !asked && all.len() == before {
                return all;
            }
            now += 60_000;
        }
    }
}

#[test]
fn whatever_a_person_is_called_their_events_come_to_one_partition() {
    let mut number = Number::new();
    number.take(&of(&[phone("1")], "first"));
    let home = number.take(&of(&[user("US.1"), phone("2")], "a"));
    assert_eq!(number.take(&of(&[user("US.1")], "b")), home);
    assert_eq!(number.take(&of(&[phone("2")], "c")), home);
    assert_eq!(number.delivered().len(), 4);
}

#[test]
fn partitions_get_as_many_people() {
    let mut number = Number::new();
    let homes: Vec<u32> = (0..9)
        .map(|n| number.take(&of(&[phone(&n.to_string())], &format!("m{n}"))))
        .collect();
    assert_eq!(
        homes,
        (1..10)
            .map(|person| partition_of(person, OF))
            .collect::<Vec<_>>()
    );
}

#[test]
fn a_directory_that_learns_nothing_writes_nothing() {
    let sql = Native::new();
    let mut directory = Directory::open(sql.clone(), OF).unwrap();
    let event = of(&[user("US.1"), phone("2")], "a");
    directory
        .resolve(std::slice::from_ref(&event), NOW)
        .unwrap();
    let before = sql.changes();
    directory
        .resolve(&[event, of(&[phone("2")], "b")], NOW + 1000)
        .unwrap();
    assert_eq!(sql.changes(), before);
}

#[test]
fn who_was_met_in_two_partitions_takes_windows_and_consent_along_and_no_event_is_stored_twice() {
    let mut number = Number::new();
    let by_user = number.take(&of(&[user("US.1")], "by-user"));
    let early = of(&[phone("2")], "by-phone");
    let by_phone = number.take(&early);
    assert_ne!(by_user, by_phone);
    let name = [phone("2")];
    let former = &mut number.partitions[usize::try_from(by_phone).unwrap()];
    former
        .change_state(&name[0], |state| {
            state.fired = [("hours".to_owned(), 5)].into();
        })
        .unwrap();

    let both = of(&[user("US.1"), phone("2")], "both");
    assert_eq!(number.take(&both), by_user);
    assert_eq!(
        number.take(&early),
        by_user,
        "it is known where it was stored"
    );
    number.take(&both);
    let late = Event {
        time: Some(NOW / 1000 - 500),
        ..of(&[phone("2")], "late")
    };
    assert_eq!(number.take(&late), by_user);
    let found = number.partitions[usize::try_from(by_user).unwrap()].with(&name[0]);
    assert_eq!(found.windows.customer_service, Some(NOW / 1000 + 24 * 3600));
    assert_eq!(found.state.fired, [("hours".to_owned(), 5)]);
    let mut delivered = number.delivered();
    delivered.sort();
    assert_eq!(delivered, ["both-0", "by-phone-0", "by-user-0", "late-0"]);
}

#[test]
fn a_directory_that_was_opened_anew_still_knows_who_became_whom() {
    let sql = Native::new();
    let mut directory = Directory::open(sql.clone(), OF).unwrap();
    for names in [
        vec![user("US.1")],
        vec![phone("2")],
        vec![user("US.1"), phone("2")],
    ] {
        directory.resolve(&[of(&names, "x")], NOW).unwrap();
    }
    let mut directory = Directory::open(sql, OF).unwrap();
    let route =
        |directory: &mut Directory, at| directory.resolve(&[of(&[phone("2")], "y")], at).unwrap();
    assert_eq!(
        route(&mut directory, NOW),
        [Route {
            person: 1,
            partition: 0,
            former: vec![1],
            names: vec![phone("2"), user("US.1")],
        }]
    );
    let ten_days = 10 * 24 * 3_600_000;
    assert_eq!(
        route(&mut directory, NOW + ten_days),
        [Route {
            person: 1,
            partition: 0,
            former: vec![],
            names: vec![],
        }]
    );
}

#[test]
fn a_directory_asks_its_database_nothing_about_whom_it_met_lately() {
    let sql = Native::new();
    let mut directory = Directory::open(sql.clone(), OF).unwrap();
    let event = of(&[user("US.1"), phone("2")], "x");
    let met = directory.resolve(std::slice::from_ref(&event), NOW);
    for table in ["names", "conversations"] {
        sql.exec(&format!("DROP TABLE {table}"), &[]).unwrap();
    }
    assert_eq!(directory.resolve(&[event], NOW), met);
}

#[test]
fn to_say_where_somebody_is_who_moved_costs_the_same_whoever_else_moved() {
    let steps = |people: usize| {
        let sql = Native::new();
        let mut directory = Directory::open(sql.clone(), OF).unwrap();
        let mut join = |n: usize| {
            let both = [user(&format!("US.{n}")), phone(&n.to_string())];
            for names in [&both[..1], &both[1..], &both] {
                directory.resolve(&[of(names, "x")], NOW).unwrap();
            }
        };
        (0..people).for_each(&mut join);
        let before = sql.steps();
        join(people);
        sql.steps() - before
    };
    assert_eq!(steps(100), steps(10));
}

#[test]
fn an_event_is_stored_although_its_person_came_back_to_a_partition_that_promised_not_to_store_it() {
    let mut number = Number::new();
    // Where OF people are met, the first and the one after the last are in one partition.
    let people = ["1", "2", "3", "4"].map(phone);
    for person in &people[..3] {
        number.take(&of(std::slice::from_ref(person), person.value()));
    }
    let event = of(&people[3..], "late");
    let stale = number.route(&event);
    for join in [[1, 3], [0, 1]] {
        let both = join.map(|person| people[person].clone());
        number.take(&of(&both, &format!("joined-{join:?}")));
        let route = number.route(&event);
        number.fail_to_store(&event, &route);
    }
    let between = Route {
        person: 2,
        partition: 1,
        former: vec![0],
        names: vec![people[1].clone(), people[3].clone()],
    };
    assert!(!number.store(&event, &between), "it is known too late");
    assert_eq!(number.take(&event), stale.partition);
    assert!(number.store(&event, &between), "it is known to be stored");
    let stored = number.delivered().into_iter();
    assert_eq!(stored.filter(|id| id == "late-0").count(), 1);
}

#[test]
fn an_event_of_somebody_who_was_forgotten_is_stored_where_it_was_promised_not_to_be_an_hour_later()
{
    let mut number = Number::new();
    number.take(&of(&[user("US.1")], "as-user"));
    number.take(&of(&[phone("2")], "as-phone"));
    number.take(&of(&[user("US.1"), phone("2")], "as-both"));
    let late = of(&[phone("2")], "late");
    number.fail(&late);
    number.take_all(&[of(&[phone("3")], "stranger"), of(&[phone("4")], "another")]);
    number.directory.forget(&phone("2")).unwrap();
    let route = number.route(&late);
    assert_eq!((route.partition, route.former.len()), (1, 0));
    assert!(!number.store(&late, &route), "a copy may be on its way");
    let stored = number.partition(1).append(vec![late], NOW + 3_600_000);
    assert_eq!(stored, Ok(1));
}

/// What Meta tells of two people under the names it has for them; the last of each links them all.
fn stories() -> Vec<Event> {
    let mut stories = Vec::new();
    for person in ["A", "B"] {
        let name = |what: &str| format!("{person}{what}");
        let (old, new) = (user(&name("old")), user(&name("new")));
        let (from, to) = (phone(&name("1")), phone(&name("2")));
        let renamed = Event {
            effect: Effect::Renames {
                from: vec![old.clone(), from.clone()],
            },
            ..of(&[new.clone(), to.clone()], &name("renamed"))
        };
        stories.extend([
            of(std::slice::from_ref(&from), &name("a")),
            of(std::slice::from_ref(&old), &name("b")),
            of(&[old, from], &name("c")),
            renamed,
            of(&[new], &name("d")),
            of(&[to], &name("e")),
        ]);
    }
    stories
}

proptest! {
    /// Whatever the order, and however many copies of a webhook are under way at the same time, every event is stored
    /// once, and everything that was told to be one person's is in one partition in the end.
    #[test]
    fn every_event_is_stored_once_and_every_person_ends_in_one_partition(
        order in Just((0usize..12).flat_map(|event| [event; 3]).collect::<Vec<_>>()).prop_shuffle(),
        delays in proptest::collection::vec(0usize..12, 36),
        fail in proptest::collection::vec(any::<bool>(), 36),
    ) {
        let stories = stories();
        let mut number = Number::new();
        // Copies whose partition is known and that have not arrived there, each with when they do.
        let mut under_way: Vec<(usize, usize, Route)> = Vec::new();
        for (step, (event, delay)) in order.iter().zip(delays).enumerate() {
            let route = number.route(&stories[*event]);
            if fail[step] {
                number.fail_to_store(&stories[*event], &route);
            }
            under_way.push((step + delay, *event, route));
            let (due, later) = under_way.into_iter().partition(|(at, ..)| *at <= step);
            under_way = later;
            let due: Vec<(usize, usize, Route)> = due;
            for (_, event, route) in due {
                number.store(&stories[event], &route);
            }
        }
        for (_, event, route) in under_way {
            number.store(&stories[event], &route);
        }
        // Meta repeats until it is told that everything is stored.
        for event in &stories {
            number.take(event);
        }
        let mut delivered = number.delivered();
        delivered.sort();
        let mut expected: Vec<String> = stories.iter().map(|event| event.id.clone()).collect();
        expected.sort();
        prop_assert_eq!(delivered, expected);
        for person in [&stories[..6], &stories[6..]] {
            let homes: Vec<u32> = person.iter().map(|event| number.route(event).partition).collect();
            prop_assert!(homes.iter().all(|home| *home == homes[0]), "{:?}", homes);
        }
    }
}

#[test]
fn a_new_name_of_somebody_who_moved_is_told_to_other_workers() {
    let opens = |names: &[Name], id: &str| Event {
        effect: Effect::Opens { referral: false },
        time: Some(NOW / 1000),
        ..of(names, id)
    };
    let mut number = Number::new();
    number.take(&opens(&[user("US.1")], "as-user"));
    number.take(&opens(&[phone("2")], "as-phone"));
    for (index, disk) in number.disks.clone().iter().enumerate() {
        let mailbox = open(disk, number.destinations);
        number.partitions[index] = mailbox.with_mirror(Some(Mirror::new(3600)));
    }
    let told = |number: &mut Number| -> Vec<Vec<String>> {
        let all = number.partitions.iter_mut().flat_map(Mailbox::mirrored);
        all.map(|told| told.names).collect()
    };
    number.take(&opens(&[user("US.1"), phone("2")], "as-both"));
    assert_eq!(told(&mut number), [["US.1", "2"]]);
    let renamed = Event {
        effect: Effect::Renames {
            from: vec![phone("2")],
        },
        ..opens(&[user("US.1"), phone("3")], "renamed")
    };
    number.take(&renamed);
    assert_eq!(told(&mut number), [["US.1", "3"]]);
    number.take(&opens(&[user("US.1"), phone("3")], "next"));
    assert!(told(&mut number).is_empty());
}

/// Somebody who was met as two, and said under the phone number that they want no more.
fn who_stopped_by_phone() -> Number {
    let mut number = Number::new();
    number.take(&of(&[user("US.1")], "as-user"));
    assert_eq!(number.take(&of(&[phone("2")], "stop")), 1);
    stops(&mut number);
    number
}

/// The partition in which the phone number was is told that its owner wants no more.
fn stops(number: &mut Number) {
    let entry = Entry::told(false, 5, None);
    number
        .partition(1)
        .say(&phone("2"), entry, "c", "1065", NOW)
        .unwrap();
}

fn standing(number: &mut Number, partition: u32, name: &Name) -> Standing {
    let found = number
        .partition(partition)
        .find_without_names(name)
        .unwrap()
        .unwrap();
    found.state.consent.standing()
}

#[test]
fn what_a_webhook_did_not_come_to_take_over_the_next_one_does_whatever_name_it_bears() {
    let mut number = who_stopped_by_phone();
    number.route(&of(&[user("US.1"), phone("2")], "as-both"));
    number.take(&of(&[user("US.1")], "next"));
    for name in [user("US.1"), phone("2")] {
        assert_eq!(standing(&mut number, 0, &name), Standing::OptedOut);
    }
    let mut delivered = number.delivered();
    delivered.retain(|id| id == "stop-0" || id == "next-0");
    assert_eq!(delivered, ["stop-0", "next-0"]);
}

#[test]
fn an_opt_out_that_came_to_the_former_partition_late_is_known_with_the_next_event() {
    let stop = of(&[phone("2")], "stop");
    let (mut number, before) = Number::moved_before(&stop);
    assert!(number.store(&stop, &before));
    stops(&mut number);
    number.take(&of(&[user("US.1")], "next"));
    assert_eq!(standing(&mut number, 0, &user("US.1")), Standing::OptedOut);
}

#[test]
fn a_name_that_was_given_on_is_not_told_as_that_of_who_had_it() {
    let mut number = Number::new();
    number.take(&of(&[user("US.1")], "as-user"));
    number.take(&of(&[phone("2")], "as-phone"));
    let both = of(&[user("US.1"), phone("2")], "as-both");
    assert_eq!(number.route(&both).names, [phone("2"), user("US.1")]);
    number.take(&of(&[user("US.9"), phone("2")], "somebody-else"));
    let theirs = of(&[user("US.1")], "next");
    assert_eq!(number.route(&theirs).names, [user("US.1")]);
}

#[test]
fn who_is_given_the_phone_number_of_somebody_who_moved_has_agreed_to_nothing() {
    let mut number = who_stopped_by_phone();
    number.take(&of(&[user("US.1"), phone("2")], "as-both"));
    number.take(&of(&[user("US.8")], "somebody-else"));
    number.take(&of(&[user("US.7")], "and-another"));
    let theirs = of(&[user("US.9"), phone("2")], "new-owner");
    assert_eq!(number.take(&theirs), 1, "where the number's owner was");
    assert_eq!(standing(&mut number, 1, &phone("2")), Standing::Unknown);
    assert_eq!(standing(&mut number, 0, &user("US.1")), Standing::OptedOut);
    let new = number
        .partition(1)
        .find_without_names(&user("US.9"))
        .unwrap()
        .unwrap();
    let has_moved = number.partition(1).has_moved(new.conversation);
    assert!(!has_moved.unwrap());
    // What the former owner wrote still goes before what they write where they are now.
    number.take(&of(&[user("US.1")], "next"));
    let mut delivered = number.delivered();
    delivered.retain(|id| ["stop-0", "as-both-0", "next-0"].contains(&id.as_str()));
    assert_eq!(delivered, ["stop-0", "as-both-0", "next-0"]);
}

#[test]
fn who_turned_out_to_be_one_who_stopped_is_known_as_such_before_they_are_written_to() {
    let both = of(&[user("US.1"), phone("2")], "as-both");
    for name in [user("US.1"), phone("2")] {
        let mut number = who_stopped_by_phone();
        number.route(&both);
        assert_eq!(number.home_of(&name), Some(0));
        assert_eq!(standing(&mut number, 0, &name), Standing::OptedOut);
        let promised = number.disks[1].has("promised");
        assert!(!promised.unwrap(), "nothing is to be stored");
        assert_eq!(number.home_of(&phone("3")), None);
        number.take(&both);
    }
}

/// The partition of who is met first has a policy for consent, and they have agreed there.
fn who_agreed_as_user(mut number: Number) -> Number {
    let agreed = Entry::told(true, 3, None);
    let home = number.partition(0);
    home.say(&user("US.1"), agreed, "b", "1065", NOW).unwrap();
    let settings = serde_json::json!({});
    let consent = crate::checked::read("", &settings, crate::config::Consent::read)
        .unwrap()
        .unwrap();
    let here = number.partitions.remove(0);
    let policy = Policy::new(None, Some(consent));
    let here = here.with_policy(policy).unwrap();
    number.partitions.insert(0, here);
    number
}

#[test]
fn what_held_of_somebody_under_a_name_is_told_to_hold_no_longer_once_who_they_are_is_known() {
    let mut number = who_agreed_as_user(who_stopped_by_phone());
    number.delivered();
    number.take(&of(&[user("US.1"), phone("2")], "as-both"));
    number.take(&of(&[user("US.1")], "next"));
    let told = consequence("as-both-0", "transom.consent.changed");
    assert_eq!(number.delivered(), ["as-both-0", &told, "next-0"]);
    // What is said where they were is told from there.
    let agreed = Entry::told(true, 9, None);
    let former = number.partition(1);
    former.say(&phone("2"), agreed, "d", "1065", NOW).unwrap();
    number.take(&of(&[user("US.1")], "later"));
    assert_eq!(standing(&mut number, 0, &user("US.1")), Standing::OptedIn);
    let told = consequence("d", "transom.consent.changed");
    assert_eq!(number.delivered(), [&told, "later-0"]);
}

#[test]
fn who_stops_where_they_were_gets_no_more_of_what_waits_there() {
    let mut number = Number::new();
    number.take(&of(&[user("US.1")], "as-user"));
    number.take(&of(&[phone("2")], "as-phone"));
    number.take(&of(&[user("US.1"), phone("2")], "as-both"));
    stops(&mut number);
    assert_eq!(standing(&mut number, 0, &phone("2")), Standing::Unknown);
    let there = number.partition(0).known(&phone("2")).unwrap().unwrap();
    let here = number.partition(1);
    let conversation = here
        .find_without_names(&phone("2"))
        .unwrap()
        .unwrap()
        .conversation;
    let (state, windows) = here
        .state_and_windows_there(conversation, there.clone())
        .unwrap();
    assert_eq!(state.consent.standing(), Standing::OptedOut);
    assert_eq!(windows, there.windows);
}

#[test]
fn so_is_what_held_under_another_name_in_a_partition_that_was_asked_before() {
    let mut number = Number::new();
    let names = [
        user("US.1"),
        phone("2"),
        user("US.8"),
        user("US.7"),
        phone("5"),
    ];
    let homes = names.map(|name| number.take(&of(std::slice::from_ref(&name), name.value())));
    assert_eq!(homes, [0, 1, 2, 0, 1]);
    number.take(&of(&[user("US.1"), phone("2")], "as-both"));
    let mut number = who_agreed_as_user(number);
    let entry = Entry::told(false, 5, None);
    let former = number.partition(1);
    former.say(&phone("5"), entry, "c", "1065", NOW).unwrap();
    number.delivered();
    number.take(&of(&[user("US.1"), phone("5")], "as-all"));
    let told = consequence("as-all-0", "transom.consent.changed");
    assert_eq!(number.delivered(), ["as-all-0", &told]);
}
