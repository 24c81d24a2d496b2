use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

fn ok(body: &Value) -> PartitionAnswer {
    PartitionAnswer {
        status: 200,
        body: body.to_string(),
    }
}

fn refused(status: u16) -> PartitionAnswer {
    PartitionAnswer {
        status,
        body: json!({ "status": status }).to_string(),
    }
}

fn told(action: Action, answers: &[PartitionAnswer]) -> Value {
    let told = together(action, answers, 100).unwrap();
    serde_json::from_str(&told.body).unwrap()
}

#[test]
fn a_number_is_blocked_as_much_as_in_the_worst_partition_and_meta_silent_since_the_first() {
    let of = |templates_only: bool| {
        ok(
            &json!({ "destinations": [], "number_blocked": { "templates_only": templates_only },
            "graph_silent_since": if templates_only { "2026-11-22T08:00:02Z" } else { "2026-11-22T08:00:01Z" } }),
        )
    };
    let not = ok(&json!({ "destinations": [] }));
    for (answers, templates_only, silent_since) in [
        ([of(true), of(false)], false, "2026-11-22T08:00:01Z"),
        ([of(false), of(true)], false, "2026-11-22T08:00:01Z"),
        ([not, of(true)], true, "2026-11-22T08:00:02Z"),
    ] {
        let all = told(Action::Destinations, &answers);
        assert_eq!(all["number_blocked"]["templates_only"], templates_only);
        assert_eq!(all["graph_silent_since"], silent_since);
    }
}

#[test]
fn a_destination_stands_as_badly_as_in_the_worst_partition() {
    let of = |destination: Value| {
        ok(
            &json!({ "destinations": [destination], "waiting_sends": 4, "accepted_sends": 3, "failed_sends": 2,
                "unknown_sends": 1, "number_blocked": { "code": 190 } }),
        )
    };
    let crm = told(
        Action::Destinations,
        &[
            of(json!({
                "id": "crm", "state": "active", "waiting_conversations": 0, "waiting_events": 3,
                "oldest_waiting": "2026-11-22T08:00:07Z", "tries": 0, "dead_letters": 2,
                "last_error": { "class": "timeout", "time": "2026-11-22T08:00:01Z" },
                "delivered_last_hour": 5, "delivered": 7, "failed_tries": 1, "refused_replies": 2, "counted_since": "2026-11-22T07:00:00Z",
            })),
            of(json!({
                "id": "crm", "state": "down", "down_since": "2026-11-22T08:00:05Z",
                "waiting_conversations": 1, "waiting_events": 4, "oldest_waiting": "2026-11-22T08:00:02Z",
                "tries": 9, "dead_letters": 1,
                "last_error": { "class": "status 500", "time": "2026-11-22T08:00:06Z" },
                "delivered_last_hour": 1, "delivered": 1, "failed_tries": 9, "refused_replies": 1, "counted_since": "2026-11-22T08:00:00Z",
            })),
        ],
    );
    assert_eq!(
        crm,
        json!({ "waiting_sends": 8, "accepted_sends": 6, "failed_sends": 4, "unknown_sends": 2, "number_blocked": { "code": 190 }, "destinations": [{
            "id": "crm", "state": "down", "down_since": "2026-11-22T08:00:05Z", "waiting_conversations": 1,
            "waiting_events": 7, "oldest_waiting": "2026-11-22T08:00:02Z", "tries": 9, "dead_letters": 3,
            "last_error": { "class": "status 500", "time": "2026-11-22T08:00:06Z" },
            "delivered_last_hour": 6, "delivered": 8, "failed_tries": 10, "refused_replies": 3, "counted_since": "2026-11-22T07:00:00Z",
        }] })
    );
}

#[test]
fn a_replay_is_one_with_the_progress_of_all_and_ends_with_the_last() {
    let of = |state: &str, found: i64, ended: Option<&str>| {
        ok(&json!({
            "id": "1-a", "state": state, "of": "all", "destination": "crm", "to": "archive", "found": found,
            "waiting": 1, "delivered": 2, "died": 3, "dropped": 4, "begun": "2026-11-22T08:00:00Z", "ended": ended,
        }))
    };
    let early = of("done", 10, Some("2026-11-22T08:00:01Z"));
    let late = of("done", 5, Some("2026-11-22T08:00:09Z"));
    let expected = |state: &str, found: i64, of: i64| {
        json!({
            "id": "1-a", "state": state, "of": "all", "destination": "crm", "to": "archive", "found": found,
            "waiting": of, "delivered": 2 * of, "died": 3 * of, "dropped": 4 * of, "begun": "2026-11-22T08:00:00Z",
        })
    };
    let mut ended = expected("done", 15, 2);
    ended["ended"] = json!("2026-11-22T08:00:09Z");
    // Where it was not begun, there was nothing of it.
    let both = [early.clone(), refused(404), late];
    assert_eq!(told(Action::TellReplay, &both), ended);
    let running = [early.clone(), of("running", 7, None)];
    assert_eq!(
        told(Action::TellReplay, &running),
        expected("running", 17, 2)
    );
    let stopped = [early, of("stopped", 7, None)];
    assert_eq!(
        told(Action::StopReplay, &stopped),
        expected("stopped", 17, 2)
    );
}

#[test]
fn what_one_refuses_is_refused_and_what_nobody_knows_is_not_found() {
    let page = ok(&json!({ "replays": [] }));
    for (answers, status) in [
        (vec![page.clone(), page.clone()], 200),
        (vec![page.clone(), refused(404)], 200),
        (vec![refused(404), page.clone(), refused(409)], 409),
        (vec![refused(404), refused(404)], 404),
    ] {
        let told = together(Action::Replays, &answers, 1).unwrap();
        assert_eq!(told.status, status, "{answers:?}");
    }
    let garbage = PartitionAnswer {
        status: 200,
        body: "<html>".to_owned(),
    };
    assert_eq!(together(Action::Replays, &[page, garbage], 1), None);
}

#[test]
fn what_would_go_is_counted_in_all_and_told_again_where_it_was_not_confirmed() {
    let would_go = |count: i64, mark: i64, oldest: &str, newest: &str| {
        PartitionAnswer {
        status: 409,
        body: json!({
            "type": "about:blank", "title": "Not confirmed", "status": 409, "detail": "repeat", "count": count,
            "oldest": oldest, "newest": newest, "confirm": mark,
        })
        .to_string(),
    }
    };
    let one = would_go(
        3,
        1_795_334_400_003,
        "2026-11-22T08:00:00Z",
        "2026-11-22T09:00:00Z",
    );
    let other = would_go(
        4,
        1_795_334_400_504,
        "2026-11-22T07:00:00Z",
        "2026-11-22T08:00:00Z",
    );
    let expected = json!({
        "type": "about:blank", "title": "Not confirmed", "status": 409, "detail": "repeat", "count": 7,
        "oldest": "2026-11-22T07:00:00Z", "newest": "2026-11-22T09:00:00Z",
        "confirm": 3_590_668_800_507_i64,
    });
    let action = Action::DeleteDeadLetters;
    let both = [one.clone(), refused(404), other];
    assert_eq!(told(action, &both), expected);
    assert_eq!(
        both.iter().map(confirm).sum::<Option<i64>>(),
        Some(3_590_668_800_507)
    );
    let replayed = [one.clone(), refused(409)];
    assert_eq!(told(action, &replayed), json!({ "status": 409 }));
    assert_eq!(replayed.iter().map(confirm).sum::<Option<i64>>(), None);
    let deleted = |count: i64| ok(&json!({ "deleted": count }));
    assert_eq!(
        told(action, &[deleted(3), deleted(4)]),
        json!({ "deleted": 7 })
    );
    let left = together(action, &[deleted(4), one], 1).unwrap();
    let told: Value = serde_json::from_str(&left.body).unwrap();
    assert_eq!(
        (left.status, &told["count"], &told["deleted"]),
        (409, &json!(3), &json!(4))
    );
}

/// A partition's dead letters, in their order: destination and `seq`.
type Letters = Vec<(String, i64)>;

/// The page that a partition gives; it may have fewer items than it could.
fn page_of(
    partition: usize,
    letters: &Letters,
    after: Option<&str>,
    limit: usize,
) -> PartitionAnswer {
    let partition = u32::try_from(partition).unwrap();
    let after = after.map(|after| LetterPlace::read(after).unwrap());
    let is_behind = |(destination, seq): &&(String, i64)| {
        let after = after.as_ref().map(|after| after.behind(Some(partition)));
        after.is_none_or(|after| (destination.as_str(), *seq) > after)
    };
    let left: Vec<_> = letters.iter().filter(is_behind).collect();
    let limit = limit.min(left.len());
    let places: Vec<String> = left[..limit]
        .iter()
        .map(|(destination, seq)| {
            let place = LetterPlace {
                destination: destination.clone(),
                seq: *seq,
                partition: Some(partition),
            };
            place.write()
        })
        .collect();
    let next = places.last().filter(|_| limit < left.len());
    ok(&json!({ "dead_letters": places, "places": places, "next": next }))
}

/// Asks for page after page, and gives all that was told.
fn walked(
    action: Action,
    name: &str,
    limit: usize,
    page: impl Fn(Option<&str>) -> Vec<PartitionAnswer>,
) -> Vec<Value> {
    let mut all = Vec::new();
    let mut after: Option<String> = None;
    loop {
        let told = together(action, &page(after.as_deref()), limit).unwrap();
        let told: Value = serde_json::from_str(&told.body).unwrap();
        let items = told[name].as_array().unwrap();
        assert!(items.len() <= limit);
        all.extend(items.iter().cloned());
        match told["next"].as_str() {
            Some(next) => {
                assert!(!items.is_empty(), "a page that leads on has told something");
                after = Some(next.to_owned());
            }
            None => return all,
        }
    }
}

fn letters() -> impl Strategy<Value = Letters> {
    let letters = prop::collection::btree_set(("[ab]", 0i64..12), 0..12);
    letters.prop_map(|letters| letters.into_iter().collect())
}

proptest! {
    #[test]
    fn pages_of_dead_letters_tell_all_of_all_partitions_once_and_in_order(
        partitions in prop::collection::vec((letters(), 1usize..4), 1..5),
        limit in 1usize..6,
    ) {
        let all = walked(Action::DeadLetters, "dead_letters", limit, |after| {
            let partitions = partitions.iter().enumerate();
            // Each may give fewer than it is asked for.
            partitions
                .map(|(number, (letters, most))| page_of(number, letters, after, limit.min(*most)))
                .collect()
        });
        let mut expected: Vec<LetterPlace> = Vec::new();
        for (partition, (letters, _)) in (0..).zip(&partitions) {
            expected.extend(letters.iter().map(|(destination, seq)| LetterPlace {
                destination: destination.clone(),
                seq: *seq,
                partition: Some(partition),
            }));
        }
        expected.sort();
        let expected: Vec<Value> = expected.iter().map(|place| place.write().into()).collect();
        prop_assert_eq!(all, expected);
    }

    #[test]
    fn pages_of_replays_tell_each_once_with_all_that_any_partition_knows(
        partitions in prop::collection::vec(prop::collection::btree_set(0u8..20, 0..12), 1..5),
        limit in 1usize..6,
    ) {
        let all = walked(Action::Replays, "replays", limit, |after| {
            let of = |known: &std::collections::BTreeSet<u8>| {
                let mut ids: Vec<String> = known.iter().rev().map(|id| format!("{id:02}")).collect();
                ids.retain(|id| after.is_none_or(|after| id.as_str() < after));
                let more = ids.len() > limit;
                ids.truncate(limit);
                let next = ids.last().filter(|_| more).cloned();
                let replays: Vec<Value> = ids.iter().map(|id| json!({ "id": id, "found": 1 })).collect();
                ok(&json!({ "replays": replays, "next": next }))
            };
            partitions.iter().map(of).collect()
        });
        let told: Vec<(String, i64)> = all
            .iter()
            .map(|replay| (replay["id"].as_str().unwrap().to_owned(), replay["found"].as_i64().unwrap()))
            .collect();
        let expected: Vec<(String, i64)> = (0u8..20)
            .rev()
            .map(|id| (id, partitions.iter().filter(|known| known.contains(&id)).count()))
            .filter(|(_, known)| *known > 0)
            .map(|(id, known)| (format!("{id:02}"), i64::try_from(known).unwrap()))
            .collect();
        prop_assert_eq!(told, expected);
    }
}
