//! What is remembered of people between two webhooks is what is in the database.

use super::*;
use crate::conversation::{State, window::Windows};

#[derive(Debug, Clone)]
enum Step {
    Append(Vec<Event>),
    Meet(Name),
    Remember(Name, i64),
    Adopt(Vec<Name>, i64),
    Cede(Event),
}

fn name() -> impl Strategy<Value = Name> {
    (0..4u8, any::<bool>()).prop_map(|(person, is_user)| {
        if is_user {
            Name::User(format!("US.{person}"))
        } else {
            Name::Phone(format!("{person}"))
        }
    })
}

fn names(most: usize) -> impl Strategy<Value = Vec<Name>> {
    prop::collection::vec(name(), 1..=most)
}

fn event() -> impl Strategy<Value = Event> {
    let former = prop_oneof![3 => Just(Vec::new()), 1 => names(2)];
    (0..1_000u32, names(2), former, 0..100i64).prop_map(|(id, names, from, time)| Event {
        names,
        time: Some(NOW / 1000 + time),
        effect: match from {
            from if from.is_empty() => Effect::Opens {
                referral: id % 2 == 0,
            },
            from => Effect::Renames { from },
        },
        ..message("", &format!("{id}"))
    })
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        5 => prop::collection::vec(event(), 1..4).prop_map(Step::Append),
        1 => name().prop_map(Step::Meet),
        1 => (name(), 0..9i64).prop_map(|(name, at)| Step::Remember(name, at)),
        1 => (names(2), 0..9i64).prop_map(|(names, at)| Step::Adopt(names, at)),
        1 => event().prop_map(Step::Cede),
    ]
}

fn take(mailbox: &mut Mailbox, step: Step) {
    match step {
        // What was ceded is refused, in both alike.
        Step::Append(events) => drop(mailbox.append(events, NOW)),
        Step::Meet(name) => drop(mailbox.meet(std::slice::from_ref(&name)).unwrap()),
        Step::Remember(name, at) => {
            let fired = |state: &mut State| state.fired = [("hours".to_owned(), at)].into();
            mailbox.change_state(&name, fired).unwrap();
        }
        Step::Adopt(names, at) => {
            let moved = Moved {
                windows: Windows {
                    customer_service: Some(NOW / 1000 + at),
                    ..Windows::default()
                },
                ..Moved::default()
            };
            let event = Event::named(names);
            let adoption = Adoption {
                event,
                moved,
                person: 1,
                ids: Vec::new(),
            };
            mailbox.adopt(&[adoption]).unwrap();
        }
        Step::Cede(event) => drop(mailbox.cede(&[event], &[1], NOW).unwrap()),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 50, ..ProptestConfig::default() })]

    #[test]
    fn who_remembers_everyone_writes_the_same_as_who_reads_everything_anew(
        steps in prop::collection::vec(step(), 1..20),
    ) {
        let (one, other) = (Native::new(), Native::new());
        let open = |sql: &Rc<Native>| open(sql, &["crm"]);
        let mut remembers = open(&one);
        for step in steps {
            take(&mut remembers, step.clone());
            take(&mut open(&other), step);
            for query in ["SELECT * FROM names ORDER BY name", "SELECT * FROM conversations ORDER BY id"] {
                prop_assert_eq!(one.exec(query, &[]), other.exec(query, &[]));
            }
        }
    }
}

#[test]
fn what_was_not_committed_is_not_remembered() {
    let sql = Native::new();
    let open = || open(&sql, &["crm"]);
    let mut mailbox = open();
    mailbox.store([message("1", "a")], NOW);
    let full = "CREATE TRIGGER full BEFORE INSERT ON names BEGIN SELECT RAISE(ABORT, 'full'); END";
    sql.exec(full, &[]).unwrap();
    mailbox.append(vec![message("2", "b")], NOW).unwrap_err();
    sql.exec("DROP TRIGGER full", &[]).unwrap();
    // As the object does after a failure.
    let mut mailbox = open();
    mailbox.store([message("2", "b")], NOW);
    assert_eq!(sql.count("names"), 2);
}
