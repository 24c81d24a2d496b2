//! What holds whatever happens.

use std::collections::HashSet;

use super::{
    player::{Player, steps},
    *,
};

/// Event `n`: of one of four people.
fn event(n: usize) -> Event {
    message(&format!("{}", n % 4), &format!("{n}"))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    /// However the same webhooks are split, ordered and repeated, each event is in the log once.
    #[test]
    fn any_split_order_and_repetition_ends_in_the_same_events(
        batches in proptest::collection::vec(proptest::collection::vec(0usize..30, 0..12), 1..12),
    ) {
        let mut mailbox = open(&Native::new(), &["crm"]);
        let mut expected = HashSet::new();
        let mut stored = 0;
        for batch in batches {
            let events: Vec<Event> = batch.into_iter().map(event).collect();
            expected.extend(events.iter().map(|event| event.id.clone()));
            stored += mailbox.store(events, NOW);
        }
        prop_assert_eq!(stored, expected.len());
        let taken = mailbox.deliver(NOW);
        prop_assert_eq!(taken.len(), expected.len());
        prop_assert_eq!(taken.into_iter().collect::<HashSet<_>>(), expected);
    }

    /// Whatever fails, in whatever order, whichever statement the database refuses, however the clock goes, whenever the
    /// object is restarted, however long events are kept and whatever is replayed: every event reaches every destination,
    /// and within a conversation in the order in which it came.
    #[test]
    fn every_event_reaches_every_destination_in_the_order_of_its_conversation(steps in steps(), hours in 0i64..3) {
        let played = Player::play(steps, hours, event);
        for person in 0..4 {
            let name = Name::Phone(format!("{person}"));
            let came = played.came.iter().filter(|event| event.names.contains(&name));
            let came: Vec<&str> = came.map(|event| event.id.as_str()).collect();
            let found = played.mailbox.find(&name).unwrap();
            prop_assert_eq!(found.is_some(), !came.is_empty());
            let Some(found) = found else { continue };
            for taken in &played.taken {
                let taken = taken.iter().filter(|event| event.conversation == found.conversation);
                let taken: Vec<&str> = taken.map(|event| event.id.as_str()).collect();
                prop_assert_eq!(&taken, &came);
            }
        }
        prop_assert_eq!(played.parked(), 0);
        for replay in played.mailbox.replays(None, 99).unwrap() {
            prop_assert!(replay.ended_ms.is_some() && replay.waiting() == 0);
            prop_assert_eq!(replay.found, replay.delivered() + replay.dropped);
        }
    }
}
