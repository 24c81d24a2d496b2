//! Plays what may happen to a whole number: what Meta tells of people who have several names, the calls from object to
//! object that this takes, as `objects/partitions.rs` makes them, and what each mailbox does by itself.

use std::collections::{BTreeSet, HashMap};

use super::{
    super::{partitions::OF, player::open, *},
    ALL, Fate, NAMES, Step, Told,
};
use crate::mailbox::people::all_names;

/// The place of the directory among the objects: behind the partitions.
pub(super) const DIRECTORY: usize = OF as usize;

/// In milliseconds. Nothing is on its way for so long.
pub(super) const HOUR: i64 = 3_600_000;

/// The clock goes no further: Meta repeats for seven days.
const LAST_MS: i64 = NOW + 6 * 24 * HOUR;

pub(super) struct Person {
    /// The names that they have now: user id, phone number, and the user id of a linked portfolio.
    names: [Name; NAMES],
    /// All that Meta called them by.
    pub(super) called: BTreeSet<Name>,
    /// What tells how their names changed last, until that is acknowledged.
    change: Option<Event>,
}

/// Names that are known to be one person's, with the events of theirs that are stored.
#[derive(Clone, Default)]
struct Known(Vec<(BTreeSet<Name>, BTreeSet<String>)>);

impl Known {
    /// Takes an event in, and gives those of the same person that were known before.
    fn add(&mut self, event: &Event) -> BTreeSet<String> {
        let mut names: BTreeSet<Name> = all_names(event).cloned().collect();
        let theirs = names.clone();
        let is_same = |(known, _): &mut (BTreeSet<Name>, _)| !known.is_disjoint(&theirs);
        let mut before = BTreeSet::new();
        for (known, events) in self.0.extract_if(.., is_same) {
            names.extend(known);
            before.extend(events);
        }
        let mut events = before.clone();
        events.insert(event.id.clone());
        self.0.push((names, events));
        before
    }
}

/// A number whose destinations `crm` and `bot` never give up, and what has happened to it.
pub(super) struct Player {
    steps: std::vec::IntoIter<Step>,
    disks: Vec<Rc<Native>>,
    directory: Directory,
    pub(super) partitions: Vec<Mailbox>,
    restarts: [u32; DIRECTORY],
    now_ms: i64,
    pub(super) people: Vec<Person>,
    flying: Vec<(usize, Delivery)>,
    /// What Meta told.
    pub(super) events: Vec<Event>,
    acknowledged: BTreeSet<String>,
    known: Known,
    /// What is to reach a destination before an event does.
    before: HashMap<String, BTreeSet<String>>,
    /// How many events the partitions have stored.
    pub(super) stored: usize,
    /// What each destination took, with the partition that delivered it last, and how often that had been restarted.
    pub(super) taken: [HashMap<String, (usize, u32)>; 2],
}

impl Player {
    /// Plays these steps. Then nothing fails any more: Meta repeats what was not acknowledged, and all that waits is
    /// delivered. At last Meta tells of each person by all names, and repeats everything.
    pub(super) fn play(people: usize, steps: Vec<Step>) -> Self {
        let disks: Vec<_> = (0..=DIRECTORY).map(|_| Native::new()).collect();
        let person = |who| Person {
            names: [
                user(&format!("US.{who}")),
                phone(&format!("{who}")),
                Name::Parent(format!("US.ENT.{who}")),
            ],
            called: BTreeSet::new(),
            change: None,
        };
        let mut player = Self {
            steps: steps.into_iter(),
            directory: Directory::open(disks[DIRECTORY].clone(), OF).unwrap(),
            partitions: disks[..DIRECTORY].iter().map(|it| open(it, 0)).collect(),
            disks,
            restarts: [0; DIRECTORY],
            now_ms: NOW,
            people: (0..people).map(person).collect(),
            flying: Vec::new(),
            events: Vec::new(),
            acknowledged: BTreeSet::new(),
            known: Known::default(),
            before: HashMap::new(),
            stored: 0,
            taken: [HashMap::new(), HashMap::new()],
        };
        player.go_on(usize::MAX);
        player.step(Step::Retry(Vec::new()));
        player.deliver();
        for told in [Told::Change, Told::By(ALL)] {
            let all = (0..people).map(|who| (who, told)).collect();
            player.step(Step::Webhook(all, Vec::new()));
        }
        player.step(Step::Repeat(usize::MAX, usize::MAX, Vec::new()));
        player.deliver();
        player
    }

    /// Plays so many of the steps that are left.
    fn go_on(&mut self, steps: usize) {
        for _ in 0..steps {
            let Some(step) = self.steps.next() else {
                return;
            };
            self.step(step);
        }
    }

    fn step(&mut self, step: Step) {
        match step {
            Step::Webhook(told, fates) => {
                let told = told.into_iter();
                let events: Vec<_> = told.map(|(who, told)| self.tell(who, told)).collect();
                self.send(&events, fates);
            }
            Step::Change(who, with_number) => self.change(who, with_number),
            Step::Repeat(back, count, fates) => {
                let events: Vec<_> = self.events.iter().rev().take(back).cloned().collect();
                let events: Vec<_> = events.into_iter().rev().take(count).collect();
                self.send(&events, fates);
            }
            Step::Retry(fates) => {
                let mut events = self.events.clone();
                events.retain(|event| !self.acknowledged.contains(&event.id));
                self.send(&events, fates);
            }
            Step::Look(who, name, fates) => {
                let name = self.people[who].names[name].clone();
                self.look(&name, fates);
            }
            Step::Start(partition) => drop(self.start(partition)),
            Step::End(which, outcome) if !self.flying.is_empty() => {
                let (partition, delivery) = self.flying.remove(which % self.flying.len());
                self.end(partition, &delivery, &outcome);
                self.partitions[partition].settle().unwrap();
            }
            Step::End(..) => {}
            Step::Ask(partition, fate) => drop(self.ask(partition, fate)),
            Step::Restart(object) => self.restart(object),
            Step::Wait(ms) => self.now_ms = LAST_MS.min(self.now_ms + ms),
        }
    }

    /// Somebody's names change, as `user_changed_number` or `user_changed_user_id` tells it later: with the number the
    /// user id is another, too.
    fn change(&mut self, who: usize, with_number: bool) {
        let place = self.events.len();
        let Person { names, change, .. } = &mut self.people[who];
        let [user_id, number, _] = names;
        if change.is_some() {
            return;
        }
        let next = user(&format!("US.{who}.{place}"));
        let mut from = vec![std::mem::replace(user_id, next)];
        if with_number {
            let next = phone(&format!("{who}0{place}"));
            from.push(std::mem::replace(number, next));
        }
        let id = format!("change.{who}.{place}");
        *change = Some(Event {
            effect: Effect::Renames { from },
            ..of(&[user_id.clone(), number.clone()], &id)
        });
    }

    /// What Meta tells of somebody. Until a change is acknowledged, it calls them by one name at a time.
    fn tell(&mut self, who: usize, told: Told) -> Event {
        let id = format!("e{}", self.events.len());
        let person = &mut self.people[who];
        let named = |bits: u8, most: usize| {
            let names = person.names.iter().enumerate();
            let names = names.filter(|(place, _)| bits & (1 << place) != 0);
            let names: Vec<Name> = names.map(|(_, name)| name.clone()).take(most).collect();
            of(&names, &id)
        };
        let event = match (told, &person.change) {
            (Told::Change, Some(change)) => change.clone(),
            (Told::Change, None) => named(1, 1),
            (Told::By(bits), Some(_)) => named(bits, 1),
            (Told::By(bits), None) => named(bits, NAMES),
        };
        person.called.extend(all_names(&event).cloned());
        if !self.events.contains(&event) {
            self.events.push(event.clone());
        }
        event
    }

    /// Meta sends a webhook. `None` if it is not acknowledged.
    fn send(&mut self, events: &[Event], fates: Vec<Fate>) -> Option<()> {
        let mut known = self.known.clone();
        let is_open = |event: &&Event| !self.acknowledged.contains(&event.id);
        for event in events.iter().filter(is_open) {
            let before = known.add(event);
            // One of the times that it is sent it is stored: nobody can tell which.
            let all = self.before.entry(event.id.clone());
            all.and_modify(|all| all.retain(|id| before.contains(id)))
                .or_insert(before);
        }
        let mut fates = fates.into_iter();
        let resolve = |it: &mut Self| it.directory.resolve(events, it.now_ms);
        let routes = self.call(DIRECTORY, &mut fates, resolve)?;
        // As they cross from one object to another.
        let routes = Route::read_all(&Route::write_all(&routes)).unwrap();
        let stored = self.take_over(events, &routes, &mut fates)?;
        let mut appended = Vec::new();
        for to in 0..DIRECTORY {
            let all = events.iter().zip(&routes).zip(&stored);
            let own = all.filter(|((_, it), there)| at(it.partition) == to && there.is_none());
            let own: Vec<Event> = own.map(|((event, _), _)| event.clone()).collect();
            if !own.is_empty() {
                appended.push(self.call(to, &mut fates, |it| {
                    it.stored += it.partitions[to].append(own, it.now_ms)?;
                    Ok(())
                }));
            }
        }
        appended.into_iter().collect::<Option<()>>()?;
        for event in events {
            self.known.add(event);
            self.acknowledged.insert(event.id.clone());
            for person in &mut self.people {
                person.change.take_if(|change| change.id == event.id);
            }
        }
        Some(())
    }

    /// The partitions in which these events' persons are take in what former ones know. Gives which events are stored
    /// there. Calls are made side by side, so one that fails keeps none of the others from being made.
    fn take_over(
        &mut self,
        events: &[Event],
        routes: &[Route],
        fates: &mut std::vec::IntoIter<Fate>,
    ) -> Option<Vec<Option<String>>> {
        let mut answers = Vec::new();
        for asked in cede_requests(events, routes, |_| false) {
            let former = at(asked.former);
            let moved = self.call(former, fates, |it| {
                it.partitions[former].cede(&asked.events, &asked.persons, it.now_ms)
            });
            answers.push(moved.map(|moved| {
                let mut moved = Moved::read_all(&Moved::write_all(&moved)).unwrap();
                for it in &mut moved {
                    it.former = former.to_string();
                }
                asked.places.into_iter().zip(moved)
            }));
        }
        let answers = answers.into_iter().collect::<Option<Vec<_>>>()?;
        let answered = answered(events, routes, answers.into_iter().flatten());
        let mut adopted = Vec::new();
        for (to, adoptions) in answered.adoptions {
            let adopt = |it: &mut Self| it.partitions[at(to)].adopt(&adoptions);
            adopted.push(self.call(at(to), fates, adopt));
        }
        adopted.into_iter().collect::<Option<()>>()?;
        Some(answered.stored)
    }

    /// Somebody is asked about. Gives the partition that has their conversation.
    pub(super) fn look(&mut self, name: &Name, fates: Vec<Fate>) -> Option<usize> {
        let name = std::slice::from_ref(name);
        let route = self.directory.find(name, self.now_ms).unwrap()?;
        let one = [Event::named(route.names.clone())];
        let partition = at(route.partition);
        self.take_over(&one, &[route], &mut fates.into_iter())?;
        Some(partition)
    }

    /// Calls an object. `None` if no answer arrives in time, or it refuses.
    fn call<T>(
        &mut self,
        object: usize,
        fates: &mut std::vec::IntoIter<Fate>,
        call: impl FnOnce(&mut Self) -> Result<T>,
    ) -> Option<T> {
        let fate = fates.next().unwrap_or(Fate::Answered);
        match fate {
            Fate::Lost => return None,
            Fate::Broken(after) => self.disks[object].fails_after(Some(after)),
            _ => {}
        }
        let answer = call(self);
        self.disks[object].fails_after(None);
        match (answer, fate) {
            (Ok(_), Fate::Unanswered) | (Err(SqlError::Moved), _) => None,
            (Ok(answer), Fate::Late(steps)) => {
                let called_ms = self.now_ms;
                self.go_on(steps);
                if self.now_ms < called_ms + HOUR {
                    return Some(answer);
                }
                // Who called is there no more, and makes no other call.
                *fates = vec![Fate::Lost; DIRECTORY].into_iter();
                None
            }
            (Ok(answer), _) => Some(answer),
            (Err(error), _) => {
                assert!(matches!(fate, Fate::Broken(_)), "{error}");
                self.restart(object);
                None
            }
        }
    }

    /// An object loses its memory, and a partition what it had on its way.
    pub(super) fn restart(&mut self, object: usize) {
        let disk = &self.disks[object];
        if object == DIRECTORY {
            self.directory = Directory::open(disk.clone(), OF).unwrap();
        } else {
            self.partitions[object] = open(disk, 0);
            self.restarts[object] += 1;
            self.flying.retain(|(of, _)| *of != object);
        }
    }

    /// A partition asks another what it waits for, if it is time to.
    fn ask(&mut self, partition: usize, fate: Fate) -> Option<()> {
        let question = self.partitions[partition].question(self.now_ms)?;
        let former: usize = question.former.parse().unwrap();
        let awaited = Awaited::read_all(&Awaited::write_all(&question.awaited)).unwrap();
        let gone = |it: &mut Self| it.partitions[former].nothing_left(&awaited);
        let ids = self.call(former, &mut vec![fate].into_iter(), gone)?;
        let mailbox = &mut self.partitions[partition];
        mailbox.freed(&question.over(&ids), self.now_ms).unwrap();
        Some(())
    }

    /// Starts a delivery, if one may go. What is to reach the destination before it has.
    fn start(&mut self, partition: usize) -> Option<()> {
        let delivery = self.partitions[partition].next(self.now_ms).unwrap()?;
        let taken = &self.taken[delivery.destination];
        for event in &delivery.events {
            let mut before = self.before[&event.id].iter();
            let late = before.find(|id| !taken.contains_key(*id));
            assert_eq!(late, None, "it comes behind {}", event.id);
        }
        self.flying.push((partition, delivery));
        Some(())
    }

    /// A delivery ends. What was taken comes again only from the same partition, and only after a restart.
    fn end(&mut self, partition: usize, delivery: &Delivery, outcome: &Outcome) {
        let events = delivery.events.iter();
        for event in events.filter(|_| *outcome == Outcome::Taken) {
            let by = (partition, self.restarts[partition]);
            let last = self.taken[delivery.destination].insert(event.id.clone(), by);
            let may = last.is_none_or(|(of, restarts)| of == by.0 && restarts < by.1);
            assert!(may, "{} comes twice", event.id);
        }
        self.partitions[partition].end(delivery, outcome, self.now_ms);
    }

    /// Has all go that waits.
    fn deliver(&mut self) {
        for _ in 0..1000 {
            for partition in 0..DIRECTORY {
                self.ask(partition, Fate::Answered);
                while self.start(partition).is_some() {}
            }
            for (partition, delivery) in std::mem::take(&mut self.flying) {
                self.end(partition, &delivery, &Outcome::Taken);
            }
            for partition in &mut self.partitions {
                partition.settle().unwrap();
            }
            let all = self.partitions.iter();
            let Some(next) = all.filter_map(|it| it.wakes_at(self.now_ms)).min() else {
                return;
            };
            self.now_ms = self.now_ms.max(next);
        }
        panic!("something waits for ever");
    }
}

fn at(partition: u32) -> usize {
    usize::try_from(partition).unwrap()
}
