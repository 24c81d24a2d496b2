//! What holds of somebody who was met under four names in four partitions, whatever comes then and fails.

use super::{partitions::Number, *};
use crate::conversation::consent::{Entry, Standing};

/// A webhook with some of the person's names.
#[derive(Debug, Clone)]
struct Step {
    names: u8,
    /// What fails, if anything does: 0: what follows the directory; 1: what follows the former partitions.
    fails: Option<u8>,
    /// They say that they want to be written to, or not.
    says: Option<bool>,
    /// A partition delivers what it may.
    delivers: Option<usize>,
}

fn step() -> impl Strategy<Value = Step> {
    let fails = proptest::option::weighted(0.3, 0u8..2);
    let says = proptest::option::of(any::<bool>());
    let delivers = proptest::option::weighted(0.3, 0usize..4);
    // Mostly one name: of all together there is nothing to learn.
    let names = prop_oneof![
        3 => (0u8..4).prop_map(|name| 1 << name),
        1 => 1u8..16,
    ];
    let all = (names, fails, says, delivers);
    all.prop_map(|(names, fails, says, delivers)| Step {
        names,
        fails,
        says,
        delivers,
    })
}

/// All names that a webhook's names are known to go with.
fn known(told: &[u8], names: u8) -> u8 {
    let linked = |all: u8| told.iter().filter(move |one| **one & all != 0);
    let mut all = names;
    loop {
        let more = linked(all).fold(all, |all, one| all | one);
        if more == all {
            return all;
        }
        all = more;
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, ..ProptestConfig::default() })]

    /// What they said last, under whatever name, is what is known of them where they are; and what they wrote goes in the
    /// order in which it came, from the moment on in which it is known to be theirs.
    #[test]
    fn who_turns_out_to_be_one_keeps_what_they_said_and_the_order_of_what_they_wrote(
        met in Just([0usize, 1, 2, 3]).prop_shuffle(),
        steps in proptest::collection::vec(step(), 1..25),
    ) {
        let all = [user("US.1"), phone("2"), Name::Parent("P.1".to_owned()), phone("3")];
        let mut number = Number::of(4, &["crm"]);
        let mut told = Vec::new();
        let mut came: Vec<(String, u8)> = Vec::new();
        let mut said: Vec<(u8, Standing)> = Vec::new();
        let mut delivered = Vec::new();
        let mut behind = Vec::new();
        for name in met {
            let event = of(&all[name..=name], &format!("met-{name}"));
            number.take(&event);
            came.push((event.id, 1 << name));
        }
        for (place, step) in steps.into_iter().enumerate() {
            let names: Vec<Name> = all.iter().enumerate()
                .filter(|(at, _)| step.names & (1 << at) != 0)
                .map(|(_, name)| name.clone())
                .collect();
            let event = of(&names, &format!("m{place}"));
            told.push(step.names);
            match step.fails {
                Some(0) => drop(number.route(&event)),
                Some(_) => number.fail(&event),
                None => {
                    let home = number.take(&event);
                    let theirs = known(&told, step.names);
                    behind.extend(came.iter()
                        .filter(|(_, names)| names & theirs != 0)
                        .map(|(early, _)| (early.clone(), event.id.clone())));
                    came.push((event.id.clone(), step.names));
                    if let Some(opted_in) = step.says {
                        let entry = Entry::told(opted_in, i64::try_from(place).unwrap(), None);
                        let here = number.partition(home);
                        here.say(&names[0], entry, &event.id, "1065", NOW).unwrap();
                        let standing = if opted_in { Standing::OptedIn } else { Standing::OptedOut };
                        said.push((step.names, standing));
                    }
                    let last = said.iter().rev().find(|(names, _)| names & theirs != 0);
                    let expected = last.map_or(Standing::Unknown, |(_, standing)| *standing);
                    for name in &names {
                        let found = number.partition(home).find_without_names(name).unwrap().unwrap();
                        prop_assert_eq!(found.state.consent.standing(), expected);
                    }
                }
            }
            if let Some(partition) = step.delivers {
                delivered.extend(number.deliver(partition, NOW));
            }
        }
        delivered.extend(number.delivered());
        let at = |id: &str| delivered.iter().position(|one| one == id);
        for (early, late) in &behind {
            prop_assert!(at(early).unwrap() < at(late).unwrap(), "{} before {} in {:?}", early, late, delivered);
        }
        for (id, _) in &came {
            prop_assert_eq!(delivered.iter().filter(|one| *one == id).count(), 1);
        }
    }
}
