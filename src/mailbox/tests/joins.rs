//! What holds when somebody turns out to be somebody we knew already, in the middle of anything.

use super::*;

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
fn what_was_on_its_way_when_two_became_one_goes_first_after_a_restart() {
    let sql = Native::new();
    let open = || Mailbox::open(sql.clone(), vec![destination("bot")]).unwrap();
    let mut mailbox = open();
    let (by_phone, by_user, by_both) = (event(14), event(20), event(8));
    mailbox.append(vec![by_phone, by_user], NOW).unwrap();
    let first = mailbox.next(NOW).unwrap().unwrap();
    let _on_its_way = mailbox.next(NOW).unwrap().unwrap();
    mailbox.done(&first, &refused(), NOW, 0.5).unwrap();
    mailbox.append(vec![by_both], NOW).unwrap();
    assert_eq!(mailbox.next(NOW).unwrap(), None);
    let mut mailbox = open();
    assert_eq!(
        deliver(&mut mailbox, NOW + 5_000, |_| true),
        ["14-0", "20-0", "8-0"]
    );
}

#[test]
fn it_goes_first_however_much_is_delivered_again_before_it() {
    let sql = Native::new();
    let open = || Mailbox::open(sql.clone(), vec![destination("bot")]).unwrap();
    let mut mailbox = open();
    mailbox.append(vec![message("slow", "slow")], NOW).unwrap();
    let _never_ends = mailbox.next(NOW).unwrap().unwrap();
    let others = (0..600).map(|n| message(&format!("other {n}"), &format!("other.{n}")));
    mailbox.append(others.collect(), NOW).unwrap();
    assert_eq!(deliver(&mut mailbox, NOW, |_| true).len(), 600);
    let (by_phone, by_user, by_both) = (event(14), event(20), event(8));
    mailbox.append(vec![by_phone, by_user], NOW).unwrap();
    let first = mailbox.next(NOW).unwrap().unwrap();
    let _on_its_way = mailbox.next(NOW).unwrap().unwrap();
    mailbox.done(&first, &refused(), NOW, 0.5).unwrap();
    mailbox.append(vec![by_both], NOW).unwrap();
    assert_eq!(mailbox.next(NOW).unwrap(), None);
    let mut mailbox = open();
    let mut taken = deliver(&mut mailbox, NOW + 5_000, |_| true);
    taken.retain(|id| !id.starts_with("other"));
    assert_eq!(taken, ["slow-0", "14-0", "20-0", "8-0"]);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    /// Every event reaches every destination, and those that bear the same name in the order in which they came; and in
    /// the end each person is one conversation, by whatever name.
    #[test]
    fn whenever_two_turn_out_to_be_one_every_event_arrives_in_the_order_of_its_name(steps in steps(), hours in 0i64..3) {
        let sql = Native::new();
        let patient = |id| Destination { retry: Retry { total_ms: u64::MAX, ..destination(id).retry }, ..destination(id) };
        let open = || {
            let mailbox = Mailbox::open(sql.clone(), vec![patient("crm"), patient("bot")]).unwrap();
            mailbox.keeping(hours * 3_600_000)
        };
        let mut mailbox = open();
        let mut now = NOW;
        let mut flying: Vec<Delivery> = Vec::new();
        let mut replays = 0;
        let mut came: Vec<String> = Vec::new();
        // By destination: what was taken, repetitions left out.
        let mut taken = [Vec::new(), Vec::new()];
        let mut take = |delivery: &Delivery| {
            let taken: &mut Vec<String> = &mut taken[delivery.destination];
            for event in &delivery.events {
                if !taken.contains(&event.id) {
                    taken.push(event.id.clone());
                }
            }
        };
        let linking = Step::Append((6..9).collect());
        for step in steps.into_iter().chain([linking]) {
            match step {
                Step::Append(which) => {
                    let events: Vec<Event> = which.into_iter().map(event).collect();
                    for event in &events {
                        if !came.contains(&event.id) {
                            came.push(event.id.clone());
                        }
                    }
                    mailbox.append(events, now).unwrap();
                }
                Step::Start => flying.extend(mailbox.next(now).unwrap()),
                Step::End(which, outcome) if !flying.is_empty() => {
                    let delivery = flying.remove(which % flying.len());
                    if outcome == Outcome::Taken {
                        take(&delivery);
                    }
                    mailbox.done(&delivery, &outcome, now, 0.5).unwrap();
                    mailbox.rest().unwrap();
                }
                Step::End(..) => {}
                Step::Crash => {
                    flying.clear();
                    mailbox = open();
                }
                Step::Wait(ms) => now += ms,
                Step::Replay => {
                    replays += 1;
                    replay_all(&mut mailbox, &format!("r{replays}"), now);
                }
                Step::Stop => { mailbox.stop_replay(&format!("r{replays}"), now).unwrap(); }
            }
        }
        for delivery in flying {
            take(&delivery);
            mailbox.done(&delivery, &Outcome::Taken, now, 0.5).unwrap();
        }
        while let Some(wakes_at) = mailbox.wakes_at(now) {
            now = now.max(wakes_at);
            deliver(&mut mailbox, now, |delivery| { take(delivery); true });
        }
        for person in 0..3 {
            let names = [Name::User(format!("US.{person}")), Name::Phone(format!("{person}"))];
            let found = names.each_ref().map(|name| mailbox.find(name).unwrap().unwrap().conversation);
            prop_assert_eq!(found[0], found[1]);
            for name in &names {
                for taken in &taken {
                    prop_assert_eq!(bearing(name, taken), bearing(name, &came));
                }
            }
        }
        prop_assert_eq!(sql.count("parked") + sql.count("parked_events"), 0);
    }
}
