//! What holds of a whole number, whatever happens to its objects and between them.

mod player;

use std::collections::BTreeSet;

use proptest::collection::vec;

use super::{player::outcome, *};
use player::{DIRECTORY, HOUR, Player};

/// How many names each person has.
const NAMES: usize = 3;

/// A bit for each of them.
const ALL: u8 = (1 << NAMES) - 1;

/// What Meta tells of somebody.
#[derive(Debug, Clone, Copy)]
enum Told {
    /// A message of theirs, by some of their names.
    By(u8),
    /// The change of their names that is not acknowledged yet; a message if there is none.
    Change,
}

/// What becomes of a call from one object to another.
#[derive(Debug, Clone, Copy)]
enum Fate {
    /// It is carried out and answered.
    Answered,
    /// It is not carried out.
    Lost,
    /// It is carried out, and the answer is lost.
    Unanswered,
    /// It is carried out, and so many of the steps that follow are played before the answer arrives.
    Late(usize),
    /// The database refuses a statement, after so many that it runs, and the object is opened anew.
    Broken(u32),
}

/// What may happen. The fates are those of the calls that it takes, in their order.
#[derive(Debug, Clone)]
enum Step {
    /// Meta tells something new of these people.
    Webhook(Vec<(usize, Told)>, Vec<Fate>),
    /// Somebody gets another user id, and another phone number as well or not.
    Change(usize, bool),
    /// Of so many events that Meta told last, it repeats so many: a webhook, a part of it, or parts of several.
    Repeat(usize, usize, Vec<Fate>),
    /// Meta repeats all that is not acknowledged.
    Retry(Vec<Fate>),
    /// Somebody is asked about by one of their names.
    Look(usize, usize, Vec<Fate>),
    /// A partition starts a delivery.
    Start(usize),
    /// One that is on its way comes to its end.
    End(usize, Outcome),
    /// A partition asks another about what it waits for.
    Ask(usize, Fate),
    /// An object is restarted.
    Restart(usize),
    /// The clock goes on.
    Wait(i64),
}

fn told() -> impl Strategy<Value = Told> {
    prop_oneof![
        8 => (0..NAMES).prop_map(|name| Told::By(1 << name)),
        4 => (0..NAMES).prop_map(|name| Told::By(ALL - (1 << name))),
        1 => Just(Told::By(ALL)),
        2 => Just(Told::Change),
    ]
}

fn fate() -> impl Strategy<Value = Fate> {
    prop_oneof![
        6 => Just(Fate::Answered),
        1 => Just(Fate::Lost),
        1 => Just(Fate::Unanswered),
        3 => (1usize..25).prop_map(Fate::Late),
        1 => (0u32..30).prop_map(Fate::Broken),
    ]
}

fn fates() -> impl Strategy<Value = Vec<Fate>> {
    prop_oneof![
        2 => Just(Vec::new()),
        1 => (1usize..25).prop_map(|steps| vec![Fate::Late(steps)]),
        2 => vec(fate(), 1..8),
    ]
}

fn steps(people: usize) -> impl Strategy<Value = Vec<Step>> {
    let who = 0..people;
    let events = vec((who.clone(), told()), 1..4);
    let step = prop_oneof![
        10 => (events, fates()).prop_map(|(told, fates)| Step::Webhook(told, fates)),
        2 => (who.clone(), any::<bool>()).prop_map(|(who, number)| Step::Change(who, number)),
        3 => (1usize..12, 1usize..6, fates()).prop_map(|(back, count, fates)| Step::Repeat(back, count, fates)),
        2 => fates().prop_map(Step::Retry),
        1 => (who, 0..NAMES, fates()).prop_map(|(who, name, fates)| Step::Look(who, name, fates)),
        4 => (0..DIRECTORY).prop_map(Step::Start),
        4 => (0usize..8, outcome()).prop_map(|(which, outcome)| Step::End(which, outcome)),
        3 => (0..DIRECTORY, fate()).prop_map(|(partition, fate)| Step::Ask(partition, fate)),
        1 => (0..=DIRECTORY).prop_map(Step::Restart),
        2 => (0i64..5000).prop_map(Step::Wait),
        1 => (HOUR..8 * HOUR).prop_map(Step::Wait),
    ];
    vec(step, 1..80)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, ..ProptestConfig::default() })]

    /// Whoever turns out to be whom or changes names, and whatever is repeated, lost, late, refused or restarted: in the
    /// end each event is stored once, every destination has got it, nothing waits or is held, and all names of a person
    /// lead to one conversation, where the directory says. What was acknowledged before an event was sent goes before it,
    /// if it was known to be the same person's; and a destination that took something gets it again only after a restart.
    ///
    /// Not played, since it is known not to hold:
    /// - What somebody wrote who was called by the phone number alone is stored twice, if it is repeated after that number
    ///   became somebody else's in another partition.
    /// - A partition that was not told that a number was given on may take a message for the former owner.
    ///
    /// So no number is given on; nor does it seem to be, since nobody is called by a new user id and a number together
    /// before the change is acknowledged.
    #[test]
    fn whatever_fails_on_the_way_each_event_is_stored_once_and_delivered_in_the_order_of_its_person(
        (people, steps) in (1usize..4).prop_flat_map(|people| (Just(people), steps(people))),
    ) {
        let mut played = Player::play(people, steps);
        let told: BTreeSet<String> = played.events.iter().map(|event| event.id.clone()).collect();
        prop_assert_eq!(played.stored, told.len());
        for taken in &played.taken {
            prop_assert_eq!(&taken.keys().cloned().collect::<BTreeSet<_>>(), &told);
        }
        for object in 0..=DIRECTORY {
            played.restart(object);
        }
        prop_assert!(played.partitions.iter().all(|it| it.wakes_at(NOW).is_none()));
        let mut conversations = BTreeSet::new();
        for who in 0..people {
            let mut theirs = BTreeSet::new();
            for name in played.people[who].called.clone() {
                let partition = played.look(&name, Vec::new()).unwrap();
                let found = played.partitions[partition].with(&name);
                theirs.insert((partition, found.conversation));
            }
            prop_assert_eq!(theirs.len(), 1, "{:?}", theirs);
            conversations.extend(theirs);
        }
        prop_assert_eq!(conversations.len(), people);
    }
}
