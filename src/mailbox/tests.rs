//! What a mailbox promises, on real SQLite.

mod dead_letters;
mod following;
mod joins;
mod keeping;
mod partitions;
mod replays;
mod standing;
mod stored;

use std::collections::{BTreeMap, HashMap, HashSet};

use proptest::prelude::*;

use super::{native::Native, *};
use crate::config::{Address, Format, Pattern, Retry};

const NOW: i64 = 1_770_000_000_000;

fn destination(id: &str) -> Destination {
    let url = Address::parse("http://127.0.0.1:9/hooks").unwrap();
    Destination {
        timeout_ms: 1000,
        max_in_flight: 4,
        retry: Retry {
            first_ms: 1000,
            max_ms: 60_000,
            total_ms: 3_600_000,
        },
        ..Destination::new(id.to_owned(), url, Vec::new())
    }
}

fn message(person: &str, id: &str) -> Event {
    Event {
        id: format!("{id}-0"),
        kind: "whatsapp.message.received".to_owned(),
        time: Some(NOW / 1000),
        names: vec![Name::Phone(person.to_owned())],
        effect: Effect::Opens { referral: false },
        data: format!(r#"{{"message":{{"id":"{id}"}}}}"#),
    }
}

fn status(person: &str, about: &str, status: MessageStatus) -> Event {
    Event {
        id: format!("{about}-{}", status as u8),
        kind: "whatsapp.status.something".to_owned(),
        effect: Effect::Status {
            message: format!("wamid.{about}"),
            status,
        },
        ..message(person, about)
    }
}

fn refused() -> Outcome {
    Outcome::Refused {
        error: "status 422".to_owned(),
        not_before_ms: None,
        whole: false,
    }
}

fn unreachable() -> Outcome {
    Outcome::Refused {
        error: "connection refused".to_owned(),
        not_before_ms: None,
        whole: true,
    }
}

/// Delivers all that can go at `now_ms`; `takes` says whether the destination takes it.
fn deliver(
    mailbox: &mut Mailbox,
    now_ms: i64,
    mut takes: impl FnMut(&Delivery) -> bool,
) -> Vec<String> {
    let mut ids = Vec::new();
    while let Some(delivery) = mailbox.next(now_ms).unwrap() {
        let outcome = if takes(&delivery) {
            ids.push(delivery.events[0].id.clone());
            Outcome::Taken
        } else {
            refused()
        };
        mailbox.done(&delivery, &outcome, now_ms, 0.5).unwrap();
    }
    mailbox.rest().unwrap();
    ids
}

fn added_member(event: &Stored, member: &str) -> serde_json::Value {
    serde_json::from_str::<serde_json::Value>(&event.added).unwrap()[member].clone()
}

#[test]
fn a_retry_from_meta_is_stored_once() {
    let sql = Native::new();
    let mut mailbox = Mailbox::open(sql.clone(), vec![destination("crm")]).unwrap();
    let events = vec![message("1", "a"), message("2", "b")];
    assert_eq!(mailbox.append(events.clone(), NOW).unwrap(), 2);
    assert_eq!(mailbox.append(events.clone(), NOW).unwrap(), 0);
    let eight_days = 8 * 24 * 3600 * 1000;
    assert_eq!(mailbox.append(events.clone(), NOW + eight_days).unwrap(), 0);
    let mut again = Mailbox::open(sql.clone(), vec![destination("crm")]).unwrap();
    assert_eq!(again.append(events, NOW).unwrap(), 0);
}

#[test]
fn the_same_event_twice_in_one_batch_is_stored_once() {
    let sql = Native::new();
    let mut mailbox = Mailbox::open(sql.clone(), vec![destination("crm")]).unwrap();
    assert_eq!(
        mailbox
            .append(vec![message("1", "a"), message("1", "a")], NOW)
            .unwrap(),
        1
    );
}

#[test]
fn ids_are_forgotten_when_meta_can_no_longer_repeat_them() {
    let sql = Native::new();
    let mut mailbox = Mailbox::open(sql.clone(), vec![]).unwrap();
    for day in 0..30 {
        let now = NOW + day * 24 * 3600 * 1000;
        mailbox
            .append(vec![message("1", &format!("m{day}"))], now)
            .unwrap();
    }
    let ids = sql
        .tables()
        .iter()
        .filter(|name| name.starts_with("ids_"))
        .count();
    assert!(ids <= 4, "{ids} tables");
}

#[test]
fn when_everything_is_delivered_no_text_is_left() {
    let sql = Native::new();
    let mut mailbox =
        Mailbox::open(sql.clone(), vec![destination("crm"), destination("bot")]).unwrap();
    for size in [1, 3, 50, 2] {
        let events = (0..size)
            .map(|n| message(&format!("{n}"), &format!("{size}.{n}")))
            .collect();
        mailbox.append(events, NOW + size).unwrap();
        assert_eq!(
            deliver(&mut mailbox, NOW, |_| true).len(),
            2 * usize::try_from(size).unwrap()
        );
        for table in sql.tables().iter().filter(|name| name.starts_with("log_")) {
            assert_eq!(sql.count(table), 0);
        }
        assert_eq!(mailbox.wakes_at(NOW), None);
    }
}

#[test]
fn what_no_destination_wants_is_not_kept() {
    let sql = Native::new();
    let choosy = Destination {
        events: vec![Pattern::parse("whatsapp.status.*").unwrap()],
        ..destination("crm")
    };
    let mut mailbox = Mailbox::open(sql.clone(), vec![choosy]).unwrap();
    assert_eq!(mailbox.append(vec![message("1", "a")], NOW).unwrap(), 1);
    assert!(!sql.tables().iter().any(|name| name.starts_with("log_")));
    assert_eq!(mailbox.wakes_at(NOW), None);
}

#[test]
fn a_refused_message_holds_back_its_own_customer_alone() {
    let sql = Native::new();
    let mut mailbox = Mailbox::open(sql.clone(), vec![destination("crm")]).unwrap();
    let events = ["1a", "2a", "1b", "2b", "1c"]
        .map(|id| message(id.get(..1).unwrap(), id))
        .to_vec();
    mailbox.append(events, NOW).unwrap();
    let taken = deliver(&mut mailbox, NOW, |delivery| {
        delivery.events[0].id != "1a-0"
    });
    assert_eq!(taken, ["2a-0", "2b-0"]);
    assert_eq!(mailbox.wakes_at(NOW), Some(NOW + 1000));
    assert_eq!(
        deliver(&mut mailbox, NOW + 999, |_| true),
        Vec::<String>::new()
    );
    assert_eq!(
        deliver(&mut mailbox, NOW + 1000, |_| true),
        ["1a-0", "1b-0", "1c-0"]
    );
    assert_eq!(sql.count("parked") + sql.count("parked_events"), 0);
}

#[test]
fn after_the_last_try_an_event_is_a_dead_letter_and_its_customer_goes_on() {
    let sql = Native::new();
    let mut mailbox = Mailbox::open(sql.clone(), vec![destination("crm")]).unwrap();
    mailbox
        .append(vec![message("1", "a"), message("1", "b")], NOW)
        .unwrap();
    let mut taken = Vec::new();
    while let Some(wakes_at) = mailbox.wakes_at(NOW) {
        taken.extend(deliver(&mut mailbox, wakes_at.max(NOW), |delivery| {
            delivery.events[0].id != "a-0"
        }));
    }
    assert_eq!(taken, ["b-0"]);
    let waiting = mailbox.waiting(0).unwrap();
    assert_eq!((waiting.events, waiting.dead_letters), (0, 1));
}

#[test]
fn a_destination_that_is_gone_gets_nothing_more_until_it_has_another_address() {
    let sql = Native::new();
    let mut mailbox = Mailbox::open(sql.clone(), vec![destination("crm")]).unwrap();
    mailbox.append(vec![message("1", "a")], NOW).unwrap();
    let delivery = mailbox.next(NOW).unwrap().unwrap();
    let changes = mailbox.done(&delivery, &Outcome::Gone, NOW, 0.5).unwrap();
    assert_eq!(changes, [Change::Gone]);
    mailbox.rest().unwrap();
    assert_eq!(mailbox.next(NOW).unwrap(), None);
    assert_eq!(
        mailbox.wakes_at(NOW),
        Some(NOW + 3_600_000),
        "looked at again"
    );

    let mut again = Mailbox::open(sql.clone(), vec![destination("crm")]).unwrap();
    assert_eq!(again.next(NOW).unwrap(), None);
    let moved = Destination {
        url: Address::parse("http://127.0.0.1:9/elsewhere").unwrap(),
        ..destination("crm")
    };
    let mut moved = Mailbox::open(sql.clone(), vec![moved]).unwrap();
    assert_eq!(deliver(&mut moved, NOW, |_| true), ["a-0"]);
}

#[test]
fn what_waits_for_a_destination_that_is_gone_is_kept_for_as_long_as_it_would_have_been_tried() {
    let sql = Native::new();
    let open = |id| Mailbox::open(sql.clone(), vec![destination("crm"), destination(id)]).unwrap();
    let mut mailbox = open("bot");
    mailbox
        .append(vec![message("1", "a"), message("2", "b")], NOW)
        .unwrap();
    while let Some(delivery) = mailbox.next(NOW).unwrap() {
        let gone = delivery.destination == 0;
        let outcome = if gone { Outcome::Gone } else { Outcome::Taken };
        mailbox.done(&delivery, &outcome, NOW, 0.5).unwrap();
    }
    let total = 3_600_000;
    mailbox.next(NOW + total - 1).unwrap();
    assert_eq!(mailbox.rest().unwrap(), Vec::<usize>::new());
    assert_eq!(mailbox.waiting(0).unwrap().events, 2);
    assert_eq!(mailbox.wakes_at(NOW + 10), Some(NOW + total));

    let mut mailbox = open("bot");
    assert_eq!(mailbox.next(NOW + total).unwrap(), None);
    assert_eq!(mailbox.rest().unwrap(), [0]);
    assert_eq!(mailbox.rest().unwrap(), Vec::<usize>::new());
    assert_eq!(mailbox.waiting(0).unwrap().events, 0);
    assert_eq!(mailbox.wakes_at(NOW + total), None);
    mailbox
        .append(vec![message("1", "c")], NOW + total)
        .unwrap();
    let taken = deliver(&mut mailbox, NOW + total, |_| true);
    assert_eq!(taken, ["c-0"], "to the other alone");
    let tables = sql.tables();
    let mut logs = tables.iter().filter(|name| name.starts_with("log_"));
    assert!(logs.all(|name| sql.count(name) == 0), "nothing is left");
}

#[test]
fn a_dead_destination_gets_one_try_at_a_time_and_what_waits_when_it_is_back() {
    let sql = Native::new();
    let mut mailbox = Mailbox::open(sql.clone(), vec![destination("crm")]).unwrap();
    let events = (0..200)
        .map(|n| message(&format!("{n}"), &format!("{n}")))
        .collect();
    mailbox.append(events, NOW).unwrap();
    let mut now = NOW;
    let mut tries = 0;
    let mut changes = Vec::new();
    while now < NOW + 30_000 {
        while let Some(delivery) = mailbox.next(now).unwrap() {
            tries += 1;
            changes.extend(mailbox.done(&delivery, &unreachable(), now, 0.5).unwrap());
        }
        mailbox.rest().unwrap();
        now = mailbox.wakes_at(now).unwrap();
    }
    assert!(tries < 12, "{tries} tries in 30 s");
    assert_eq!(
        changes
            .iter()
            .filter(|change| **change == Change::Down)
            .count(),
        1
    );
    assert!(
        sql.count("parked") < 10,
        "what was not tried stays in the log"
    );
    assert!(mailbox.waiting(0).unwrap().down_since_ms.is_some());

    // It is spared after a restart as well.
    let mut mailbox = Mailbox::open(sql.clone(), vec![destination("crm")]).unwrap();
    assert_eq!(mailbox.next(now - 1).unwrap(), None);
    let mut taken = 0;
    let mut first_second = 0;
    let back = now;
    while let Some(at) = mailbox.wakes_at(now) {
        now = now.max(at);
        while let Some(delivery) = mailbox.next(now).unwrap() {
            mailbox.done(&delivery, &Outcome::Taken, now, 0.5).unwrap();
            taken += 1;
            first_second += i32::from(now < back + 1000);
        }
    }
    assert_eq!(taken, 200);
    assert!(
        first_second <= 5,
        "{first_second} requests in the first second"
    );
    assert!(now < back + 10_000, "it took {} ms", now - back);
    mailbox.rest().unwrap();
    assert_eq!(sql.count("parked") + sql.count("parked_events"), 0);
}

fn batching(quiet_ms: u32) -> Destination {
    Destination {
        format: Format::CloudEventsBatch,
        quiet_ms,
        quiet_max_ms: 5_000,
        ..destination("bot")
    }
}

/// What goes out now, request by request.
fn requests(mailbox: &mut Mailbox, now_ms: i64) -> Vec<Vec<String>> {
    let mut requests = Vec::new();
    while let Some(delivery) = mailbox.next(now_ms).unwrap() {
        let ids = delivery.events.iter().map(|event| event.id.clone());
        requests.push(ids.collect());
        mailbox
            .done(&delivery, &Outcome::Taken, now_ms, 0.5)
            .unwrap();
    }
    mailbox.rest().unwrap();
    requests
}

#[test]
fn a_batch_holds_what_came_in_one_conversation_in_order() {
    let sql = Native::new();
    let mut mailbox = Mailbox::open(sql.clone(), vec![batching(0)]).unwrap();
    let events = ["1a", "2a", "1b", "1c"].map(|id| message(id.get(..1).unwrap(), id));
    mailbox.append(events.to_vec(), NOW).unwrap();
    assert_eq!(
        requests(&mut mailbox, NOW),
        [vec!["1a-0", "1b-0", "1c-0"], vec!["2a-0"]]
    );
}

#[test]
fn what_does_not_fit_into_a_request_goes_in_the_next() {
    let sql = Native::new();
    let mut mailbox = Mailbox::open(sql.clone(), vec![batching(0)]).unwrap();
    let events = ["a", "b", "c"].map(|id| message("1", id));
    mailbox.append(events.to_vec(), NOW).unwrap();
    let mut delivery = mailbox.next(NOW).unwrap().unwrap();
    mailbox.keep(&mut delivery, 2, NOW);
    assert_eq!(delivery.events.len(), 2);
    assert_eq!(
        mailbox.next(NOW).unwrap(),
        None,
        "the third waits for the others"
    );
    mailbox.done(&delivery, &Outcome::Taken, NOW, 0.5).unwrap();
    assert_eq!(requests(&mut mailbox, NOW), [vec!["c-0"]]);
}

#[test]
fn a_bot_hears_of_three_quick_messages_once_when_the_customer_has_stopped_typing() {
    let sql = Native::new();
    let mut mailbox = Mailbox::open(sql.clone(), vec![batching(1_000)]).unwrap();
    for (n, id) in (0..).zip(["a", "b", "c"]) {
        let now = NOW + n * 800;
        mailbox.append(vec![message("1", id)], now).unwrap();
        assert_eq!(mailbox.next(now).unwrap(), None);
        assert_eq!(mailbox.wakes_at(now), Some(now + 1_000));
    }
    assert_eq!(
        requests(&mut mailbox, NOW + 2_600),
        [vec!["a-0", "b-0", "c-0"]]
    );
}

#[test]
fn a_customer_who_never_stops_typing_is_heard_of_all_the_same() {
    let sql = Native::new();
    let mut mailbox = Mailbox::open(sql.clone(), vec![batching(1_000)]).unwrap();
    let mut went = None;
    for n in 0..20 {
        let now = NOW + n * 500;
        mailbox
            .append(vec![message("1", &format!("{n}"))], now)
            .unwrap();
        if went.is_none() && !requests(&mut mailbox, now).is_empty() {
            went = Some(now - NOW);
        }
    }
    assert_eq!(went, Some(5_000));
}

#[test]
fn a_long_queue_that_waits_for_quiet_wakes_nobody_before_its_time() {
    let sql = Native::new();
    let mut mailbox = Mailbox::open(sql.clone(), vec![batching(4_000)]).unwrap();
    let events = (0..400).map(|n| message(&format!("{n}"), &format!("{n}")));
    mailbox.append(events.collect(), NOW).unwrap();
    assert_eq!(mailbox.next(NOW).unwrap(), None);
    assert_eq!(mailbox.wakes_at(NOW), Some(NOW + 4_000));
    assert_eq!(requests(&mut mailbox, NOW + 4_000).len(), 400);
}

#[test]
fn what_a_destination_does_not_want_does_not_reach_it_behind_what_it_refused_either() {
    let sql = Native::new();
    let config = r#"{"destinations":[{"id":"crm","url":"http://127.0.0.1:9/","secret":"env:S","when":{"data.message.id":"1a"}}]}"#;
    let settings = crate::config::Settings::read(|name| {
        Some(match name {
            "CONFIG" => config.to_owned(),
            "S" => format!("whsec_{}", "A".repeat(32)),
            "META_APP_SECRET" | "META_VERIFY_TOKEN" => "x".to_owned(),
            _ => return None,
        })
    });
    let choosy = Destination {
        retry: destination("crm").retry,
        ..settings.unwrap().destinations.remove(0)
    };
    let mut mailbox = Mailbox::open(sql.clone(), vec![choosy, destination("all")]).unwrap();
    mailbox.append(vec![message("1", "1a")], NOW).unwrap();
    deliver(&mut mailbox, NOW, |_| false);
    mailbox.append(vec![message("1", "1b")], NOW).unwrap();
    let mut reached = Vec::new();
    deliver(&mut mailbox, NOW + 2_000, |delivery| {
        if delivery.destination == 0 {
            reached.push(delivery.events[0].id.clone());
        }
        true
    });
    assert_eq!(reached, ["1a-0"]);
}

#[test]
fn a_person_who_turns_out_to_be_a_third_in_one_webhook_keeps_what_waits() {
    let sql = Native::new();
    let mut mailbox = Mailbox::open(sql.clone(), vec![destination("crm")]).unwrap();
    let user = |id: &str| Name::User(id.to_owned());
    let of = |names: Vec<Name>, id: &str| Event {
        names,
        ..message("", id)
    };
    mailbox
        .append(vec![of(vec![user("US.OLD")], "a")], NOW)
        .unwrap();
    mailbox
        .append(vec![of(vec![user("US.NEW")], "b")], NOW)
        .unwrap();
    mailbox.append(vec![message("1", "c")], NOW).unwrap();
    deliver(&mut mailbox, NOW, |_| false);
    let both = of(vec![user("US.NEW"), Name::Phone("1".to_owned())], "d");
    let renamed = Event {
        effect: Effect::Renames {
            from: vec![user("US.OLD")],
        },
        ..of(vec![user("US.NEW")], "e")
    };
    mailbox.append(vec![both, renamed], NOW).unwrap();
    assert_eq!(
        deliver(&mut mailbox, NOW + 5_000, |_| true),
        ["a-0", "b-0", "c-0", "d-0", "e-0"]
    );
}

#[test]
fn what_two_who_turn_out_to_be_one_wrote_in_turns_goes_in_turns_though_one_was_parked() {
    let sql = Native::new();
    let batches = Destination {
        format: Format::CloudEventsBatch,
        max_in_flight: 1,
        ..destination("crm")
    };
    let mut mailbox = Mailbox::open(sql.clone(), vec![batches]).unwrap();
    let user = || Name::User("US.1".to_owned());
    let of_user = |id: &str| Event {
        names: vec![user()],
        ..message("", id)
    };
    let came = vec![message("1", "a"), of_user("b"), message("1", "c")];
    mailbox.append(came, NOW).unwrap();
    let delivery = mailbox.next(NOW).unwrap().unwrap();
    mailbox.done(&delivery, &refused(), NOW, 0.5).unwrap();
    let both = Event {
        names: vec![user(), Name::Phone("1".to_owned())],
        ..message("", "d")
    };
    mailbox.append(vec![both], NOW).unwrap();
    let delivery = mailbox.next(NOW + 1_000).unwrap().unwrap();
    let ids: Vec<&str> = delivery
        .events
        .iter()
        .map(|event| event.id.as_str())
        .collect();
    assert_eq!(ids, ["a-0", "b-0", "c-0", "d-0"]);
}

#[test]
fn a_new_destination_gets_what_comes_from_now_on() {
    let sql = Native::new();
    let slow = || Destination {
        paused: true,
        ..destination("slow")
    };
    let mut mailbox = Mailbox::open(sql.clone(), vec![slow()]).unwrap();
    mailbox.append(vec![message("1", "a")], NOW).unwrap();
    let mut mailbox = Mailbox::open(sql.clone(), vec![slow(), destination("new")]).unwrap();
    mailbox.append(vec![message("1", "b")], NOW).unwrap();
    assert_eq!(deliver(&mut mailbox, NOW, |_| true), ["b-0"]);
    let mut resumed = Mailbox::open(sql.clone(), vec![destination("slow")]).unwrap();
    assert_eq!(deliver(&mut resumed, NOW, |_| true), ["a-0", "b-0"]);
}

#[test]
fn an_event_carries_the_windows_as_they_stood_after_it() {
    let sql = Native::new();
    let mut mailbox = Mailbox::open(sql.clone(), vec![destination("crm")]).unwrap();
    let late = Event {
        time: Some(NOW / 1000 - 2 * 24 * 3600),
        ..message("1", "late")
    };
    mailbox.append(vec![late, message("1", "b")], NOW).unwrap();
    let mut open = Vec::new();
    deliver(&mut mailbox, NOW, |delivery| {
        open.push(added_member(&delivery.events[0], "window")["customer_service"]["open"].clone());
        true
    });
    assert_eq!(open, [false, true]);
}

#[test]
fn a_status_that_was_overtaken_is_marked() {
    let sql = Native::new();
    let mut mailbox = Mailbox::open(sql.clone(), vec![destination("crm")]).unwrap();
    let told = [
        (MessageStatus::Read, false),
        (MessageStatus::Sent, true),
        (MessageStatus::Played, false),
        (MessageStatus::Delivered, true),
    ];
    for (kind, overtaken) in told {
        mailbox.append(vec![status("1", "m", kind)], NOW).unwrap();
        deliver(&mut mailbox, NOW, |delivery| {
            let marked = added_member(&delivery.events[0], "superseded");
            assert_eq!(marked == true, overtaken, "{kind:?}");
            true
        });
    }
    let found = mailbox.find(&Name::Phone("1".to_owned())).unwrap().unwrap();
    let statuses = mailbox.statuses(found.conversation, 10).unwrap();
    assert_eq!(statuses.len(), 1);
    assert_eq!(statuses[0].1, MessageStatus::Played);
}

#[test]
fn a_person_who_turns_out_to_be_one_is_one_conversation_with_one_window() {
    let sql = Native::new();
    let mut mailbox = Mailbox::open(sql.clone(), vec![destination("crm")]).unwrap();
    let user = Name::User("US.1".to_owned());
    let by_user = Event {
        names: vec![user.clone()],
        time: Some(NOW / 1000 - 100),
        ..message("", "a")
    };
    let by_both = Event {
        names: vec![user.clone(), Name::Phone("1".to_owned())],
        effect: Effect::None,
        ..message("", "c")
    };
    mailbox.append(vec![by_user], NOW).unwrap();
    mailbox.append(vec![message("1", "b")], NOW).unwrap();
    deliver(&mut mailbox, NOW, |_| false);
    mailbox.append(vec![by_both], NOW).unwrap();

    let found = mailbox.find(&user).unwrap().unwrap();
    assert_eq!(found.names, ["phone:1", "user:US.1"]);
    assert_eq!(found.windows.customer_service, Some(NOW / 1000 + 24 * 3600));
    assert_eq!(
        mailbox.windows(2).unwrap(),
        found.windows,
        "by its former number"
    );
    assert_eq!(
        deliver(&mut mailbox, NOW + 5000, |_| true),
        ["a-0", "b-0", "c-0"]
    );
}

#[test]
fn an_event_of_three_megabytes_is_kept_in_parts_and_comes_back_whole() {
    let sql = Native::new();
    let mut mailbox = Mailbox::open(sql.clone(), vec![destination("crm")]).unwrap();
    let large = Event {
        data: format!(r#"{{"raw":"{}"}}"#, "ä".repeat(1_500_000)),
        ..message("1", "a")
    };
    mailbox.append(vec![large.clone()], NOW).unwrap();
    let mut seen = None;
    deliver(&mut mailbox, NOW, |_| false);
    deliver(&mut mailbox, NOW + 1000, |delivery| {
        seen = Some(delivery.events[0].data.clone());
        true
    });
    assert_eq!(seen, Some(large.data));
    assert_eq!(sql.count("parts"), 0, "nothing of it is left");
}

#[test]
fn a_clock_that_jumps_loses_nothing() {
    let sql = Native::new();
    let mut mailbox = Mailbox::open(sql.clone(), vec![destination("crm")]).unwrap();
    let year = 365 * 24 * 3600 * 1000;
    let mut taken = Vec::new();
    for (n, now) in [NOW, NOW + year, NOW - year, NOW].into_iter().enumerate() {
        mailbox
            .append(vec![message("1", &format!("{n}"))], now)
            .unwrap();
        taken.extend(deliver(&mut mailbox, now, |_| true));
    }
    assert_eq!(taken, ["0-0", "1-0", "2-0", "3-0"]);
}

#[test]
fn a_clock_that_jumped_while_nobody_looked_loses_nothing() {
    let sql = Native::new();
    let hour = 3600 * 1000;
    let mut taken = Vec::new();
    for (n, now) in [NOW, NOW + hour, NOW, NOW - hour].into_iter().enumerate() {
        let mut mailbox = Mailbox::open(sql.clone(), vec![destination("crm")]).unwrap();
        mailbox
            .append(vec![message("1", &format!("{n}"))], now)
            .unwrap();
        taken.extend(deliver(&mut mailbox, now, |_| true));
    }
    assert_eq!(taken, ["0-0", "1-0", "2-0", "3-0"]);
}

#[test]
fn what_nobody_wants_wakes_nobody_who_was_just_opened() {
    let sql = Native::new();
    let choosy = Destination {
        events: vec![Pattern::parse("whatsapp.message.*").unwrap()],
        ..destination("crm")
    };
    let open = || Mailbox::open(sql.clone(), vec![choosy.clone()]).unwrap();
    let mut mailbox = open();
    mailbox.append(vec![message("1", "a")], NOW).unwrap();
    deliver(&mut mailbox, NOW, |_| true);
    let mut mailbox = open();
    let unwanted = status("1", "a", MessageStatus::Sent);
    mailbox.append(vec![unwanted], NOW).unwrap();
    assert_eq!(mailbox.wakes_at(NOW), None);
}

#[test]
fn a_clock_that_jumped_back_overwrites_no_dead_letter() {
    let sql = Native::new();
    let impatient = Destination {
        retry: Retry {
            total_ms: 0,
            ..destination("crm").retry
        },
        ..destination("crm")
    };
    for (round, now) in [NOW, NOW - 1, NOW - 1].into_iter().enumerate() {
        let mut mailbox = Mailbox::open(sql.clone(), vec![impatient.clone()]).unwrap();
        // So many that their table is dropped when they are passed.
        let events = (0..5).map(|n| message(&format!("{n}"), &format!("{round}.{n}")));
        mailbox.append(events.collect(), now).unwrap();
        deliver(&mut mailbox, now, |_| false);
    }
    assert_eq!(sql.count("dead_letters"), 15);
}

#[test]
fn one_message_received_and_delivered_writes_four_rows() {
    let sql = Native::new();
    let mut mailbox = Mailbox::open(sql.clone(), vec![destination("crm")]).unwrap();
    mailbox.append(vec![message("1", "a")], NOW).unwrap();
    deliver(&mut mailbox, NOW, |_| true);
    let before = sql.changes();
    let next = Event {
        time: Some(NOW / 1000 + 1),
        ..message("1", "b")
    };
    mailbox.append(vec![next], NOW).unwrap();
    deliver(&mut mailbox, NOW, |_| true);
    // Its id, its body, the window, and the body again when it goes. The fifth is the alarm.
    assert_eq!(sql.changes() - before, 4);
}

/// Has all that `crm` wants delivered to it once more.
fn replay_all(mailbox: &mut Mailbox, id: &str, now_ms: i64) {
    let wanted = super::replays::Wanted {
        id: id.to_owned(),
        which: Which {
            destination: Some("crm".to_owned()),
            ..Which::default()
        },
        kept: true,
        to: "crm".to_owned(),
    };
    mailbox.replay(wanted, now_ms).unwrap();
}

/// What may happen to a mailbox.
#[derive(Debug, Clone)]
enum Step {
    /// Meta delivers these of the events, whether or not it did before.
    Append(Vec<usize>),
    /// Something is started.
    Start,
    /// Something that is on its way comes to its end: which, and how.
    End(usize, Outcome),
    /// The object is restarted.
    Crash,
    /// Time goes by, or the clock is set.
    Wait(i64),
    /// Somebody has all of it delivered to `crm` once more.
    Replay,
    /// And stops that.
    Stop,
}

fn outcome() -> impl Strategy<Value = Outcome> {
    prop_oneof![
        4 => Just(Outcome::Taken),
        3 => Just(refused()),
        3 => Just(unreachable()),
        1 => Just(Outcome::NotTried),
    ]
}

const DAY_MS: i64 = 24 * 3600 * 1000;

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        3 => proptest::collection::vec(0usize..40, 1..8).prop_map(Step::Append),
        6 => Just(Step::Start),
        6 => (0usize..8, outcome()).prop_map(|(which, outcome)| Step::End(which, outcome)),
        1 => Just(Step::Crash),
        2 => (0i64..5000).prop_map(Step::Wait),
        1 => (-DAY_MS..DAY_MS).prop_map(Step::Wait),
        1 => Just(Step::Replay),
        1 => Just(Step::Stop),
    ];
    proptest::collection::vec(step, 1..120)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    /// However the same webhooks are split, ordered and repeated, each event is in the log once.
    #[test]
    fn any_split_order_and_repetition_ends_in_the_same_events(
        batches in proptest::collection::vec(proptest::collection::vec(0usize..30, 0..12), 1..12),
    ) {
        let sql = Native::new();
        let mut mailbox = Mailbox::open(sql.clone(), vec![destination("crm")]).unwrap();
        let mut expected = HashSet::new();
        let mut stored = 0;
        for batch in batches {
            let events: Vec<Event> = batch.iter().map(|n| message(&format!("{}", n % 5), &format!("{n}"))).collect();
            expected.extend(events.iter().map(|event| event.id.clone()));
            stored += mailbox.append(events, NOW).unwrap();
        }
        prop_assert_eq!(stored, expected.len());
        let taken = deliver(&mut mailbox, NOW, |_| true);
        prop_assert_eq!(taken.len(), expected.len());
        prop_assert_eq!(taken.into_iter().collect::<HashSet<_>>(), expected);
    }

    /// Whatever fails, in whatever order, however the clock goes, whenever the object is restarted, however long events
    /// are kept and whatever is replayed: every event reaches every destination, and within a conversation in the order in which it came.
    #[test]
    fn every_event_reaches_every_destination_in_the_order_of_its_conversation(steps in steps(), hours in 0i64..3) {
        let sql = Native::new();
        // A clock that is set forward uses up the time after which events are given up.
        let patient = |id| Destination { retry: Retry { total_ms: u64::MAX, ..destination(id).retry }, ..destination(id) };
        let open = || {
            let mailbox = Mailbox::open(sql.clone(), vec![patient("crm"), patient("bot")]).unwrap();
            mailbox.keeping(hours * 3_600_000)
        };
        let mut mailbox = open();
        let mut now = NOW;
        let mut flying: Vec<Delivery> = Vec::new();
        let mut came: BTreeMap<i64, Vec<String>> = BTreeMap::new();
        let mut known = HashSet::new();
        let mut replays = 0;
        // By destination and conversation: what was taken, repetitions left out.
        let mut taken: HashMap<(usize, i64), Vec<String>> = HashMap::new();
        let mut take = |delivery: &Delivery| {
            let taken = taken.entry((delivery.destination, delivery.events[0].conversation)).or_default();
            if !taken.contains(&delivery.events[0].id) {
                taken.push(delivery.events[0].id.clone());
            }
        };
        for step in steps {
            match step {
                Step::Append(which) => {
                    let events: Vec<Event> =
                        which.iter().map(|n| message(&format!("{}", n % 4), &format!("{n}"))).collect();
                    for (n, event) in which.iter().zip(&events) {
                        if known.insert(event.id.clone()) {
                            came.entry(i64::try_from(*n % 4).unwrap()).or_default().push(event.id.clone());
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
        for person in 0..4i64 {
            let Some(came) = came.get(&person) else { continue };
            let found = mailbox.find(&Name::Phone(format!("{person}"))).unwrap().unwrap();
            for destination in 0..2 {
                prop_assert_eq!(taken.get(&(destination, found.conversation)), Some(came));
            }
        }
        prop_assert_eq!(sql.count("parked") + sql.count("parked_events"), 0);
        for replay in mailbox.replays(None, 99).unwrap() {
            prop_assert!(replay.ended_ms.is_some() && replay.waiting == 0);
            prop_assert_eq!(replay.found, replay.delivered() + replay.dropped);
        }
    }
}

#[test]
fn who_is_written_to_first_and_writes_later_has_one_conversation() {
    let sql = Native::new();
    let mut mailbox = Mailbox::open(sql.clone(), Vec::new()).unwrap();
    let name = Name::Phone("16505551234".to_owned());
    let conversation = mailbox.meet(&name).unwrap();
    let rows = sql.changes();
    assert_eq!(mailbox.meet(&name).unwrap(), conversation);
    assert_eq!(sql.changes(), rows, "who is known costs nothing");
    mailbox
        .append(vec![message("16505551234", "a")], NOW)
        .unwrap();
    let found = mailbox.find(&name).unwrap().unwrap();
    assert_eq!(found.conversation, conversation);
    assert!(found.windows.customer_service.is_some());
}

#[test]
fn the_statuses_of_a_message_are_told_in_their_order() {
    let mut mailbox = Mailbox::open(Native::new(), Vec::new()).unwrap();
    for told in [
        MessageStatus::Read,
        MessageStatus::Sent,
        MessageStatus::Sent,
    ] {
        mailbox.append(vec![status("1", "aa", told)], NOW).unwrap();
    }
    let time = Some(NOW / 1000);
    assert_eq!(
        mailbox.statuses_of("aa").unwrap(),
        [(MessageStatus::Sent, time), (MessageStatus::Read, time)]
    );
    assert_eq!(mailbox.statuses_of("a").unwrap(), []);
}
