//! Laws, over webhooks of every make.

use std::collections::BTreeSet;

use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::{data, events};
use crate::event::{Event, Home};

/// An item, and the list that it goes in.
type Item = (&'static str, Value);

/// A change with its items: the number, and what else stands in it.
type Part = (u8, Vec<Item>);

fn scalar() -> impl Strategy<Value = Value> {
    prop_oneof![
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        "\\PC{0,8}".prop_map(Value::from),
        Just(Value::Null)
    ]
}

fn extras() -> impl Strategy<Value = Map<String, Value>> {
    let nested = prop_oneof![
        scalar(),
        prop::collection::vec(scalar(), 0..3).prop_map(Value::from)
    ];
    prop::collection::vec(("x_[a-z]{1,4}", nested), 0..3)
        .prop_map(|members| members.into_iter().collect())
}

fn with(mut object: Value, extras: Map<String, Value>) -> Value {
    object.as_object_mut().unwrap().extend(extras);
    object
}

fn message() -> impl Strategy<Value = Item> {
    let kinds = prop::sample::select(vec![
        "text",
        "image",
        "reaction",
        "edit",
        "poll",
        "unsupported",
        "system",
    ]);
    (0..40u32, 0..6u8, kinds, scalar(), extras(), extras()).prop_map(|(id, from, kind, body, inner, outer)| {
        // Meta's ids differ where anything else does.
        let content = format!("{id}{kind}{from}{inner:?}{outer:?}{body}");
        let item = json!({"id": format!("wamid.{:x}", hash(&content)), "from": format!("1650555{from:04}"),
            "timestamp": "1770000000", "type": kind, kind: with(json!({"body": body}), inner)});
        ("messages", with(item, outer))
    })
}

fn status() -> impl Strategy<Value = Item> {
    let kinds = prop::sample::select(vec!["sent", "delivered", "read", "failed", "lost"]);
    (0..40u32, 0..6u8, kinds, extras()).prop_map(|(id, to, status, extras)| {
        let item = json!({"id": format!("wamid.{id}.{:x}", hash(&format!("{to}{extras:?}"))), "recipient_id": format!("1650555{to:04}"),
            "timestamp": 1_770_000_000 + id, "status": status});
        ("statuses", with(item, extras))
    })
}

fn broken() -> impl Strategy<Value = Item> {
    let lists = prop::sample::select(vec!["messages", "statuses", "errors", "user_actions"]);
    (lists, scalar(), extras()).prop_map(|(list, value, extras)| {
        let extras = Some(extras).filter(|extras| !extras.is_empty());
        (list, extras.map_or(value, Value::Object))
    })
}

fn hash(text: &str) -> u64 {
    text.bytes()
        .fold(14_695_981_039_346_656_037, |hash: u64, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(1_099_511_628_211)
        })
}

fn parts() -> impl Strategy<Value = Vec<Part>> {
    let item = prop_oneof![4 => message(), 3 => status(), 1 => broken()];
    prop::collection::vec((0..3u8, prop::collection::vec(item, 1..6)), 1..4)
}

fn contact(person: u8) -> Value {
    json!({"wa_id": format!("1650555{person:04}"), "user_id": format!("US.{person}"), "profile": {"name": format!("Ana {person}")}})
}

/// Meta's webhook of these items, with the contacts of everyone.
fn webhook(parts: &[Part], extras: &Map<String, Value>) -> Value {
    let entries = parts.iter().map(|(number, items)| {
        let mut value = json!({"messaging_product": "whatsapp",
            "metadata": {"display_phone_number": "15550783881", "phone_number_id": format!("10654035224292{number}")},
            "contacts": (0..8).map(contact).collect::<Vec<_>>()});
        for (list, item) in items {
            let list = value.as_object_mut().unwrap().entry(*list).or_insert_with(|| json!([]));
            list.as_array_mut().unwrap().push(item.clone());
        }
        let change = with(json!({"field": "messages", "value": with(value, extras.clone())}), extras.clone());
        with(json!({"id": "102290129340398", "changes": [change]}), extras.clone())
    });
    let entries: Vec<Value> = entries.collect();
    with(
        json!({"object": "whatsapp_business_account", "entry": entries}),
        extras.clone(),
    )
}

fn ids(events: &[(Home, Event)]) -> BTreeSet<String> {
    events.iter().map(|(_, event)| event.id.clone()).collect()
}

fn scalars(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| scalars(item, found)),
        Value::Object(members) => members.values().for_each(|member| scalars(member, found)),
        scalar => {
            found.insert(scalar.to_string());
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn every_scalar_of_a_webhook_is_found_in_an_event(parts in parts(), extras in extras()) {
        let webhook = webhook(&parts, &extras);
        let (mut sent, mut kept) = (BTreeSet::new(), BTreeSet::new());
        scalars(&webhook, &mut sent);
        for (_, event) in events(&webhook) {
            scalars(&data(&event)["raw"], &mut kept);
        }
        prop_assert!(sent.is_subset(&kept), "lost: {:?}", sent.difference(&kept).collect::<Vec<_>>());
    }

    #[test]
    fn the_same_items_give_the_same_ids_in_any_batches(parts in parts(), seed: u64) {
        let whole = ids(&events(&webhook(&parts, &Map::new())));
        let mut items: Vec<Part> = parts.iter().flat_map(|(number, items)| items.iter().map(|item| (*number, vec![item.clone()]))).collect();
        items.sort_by_cached_key(|part| hash(&format!("{seed}{part:?}")));
        items.extend(items.clone().into_iter().take(2));
        let alone: BTreeSet<String> = items.iter().flat_map(|part| ids(&events(&webhook(std::slice::from_ref(part), &Map::new())))).collect();
        prop_assert_eq!(&alone, &whole);
        let again: BTreeSet<String> = items.chunks(3).flat_map(|parts| ids(&events(&webhook(parts, &Map::new())))).collect();
        prop_assert_eq!(&again, &whole);
    }

    #[test]
    fn raw_is_a_webhook_that_gives_the_same_event(parts in parts(), extras in extras()) {
        for (home, event) in events(&webhook(&parts, &extras)) {
            let again = events(&data(&event)["raw"]);
            prop_assert_eq!(again.len(), 1);
            prop_assert_eq!(&again[0].0, &home);
            prop_assert_eq!((&again[0].1.id, &again[0].1.kind, &again[0].1.names), (&event.id, &event.kind, &event.names));
        }
    }

    #[test]
    fn no_bytes_break_it(body: Vec<u8>, text in "[\\[\\]{}\",:\\\\ud8ea1-]*") {
        for body in [&body[..], text.as_bytes()] {
            let events = super::events_of(body);
            prop_assert_eq!(events.len(), 1);
            data(&events[0].1);
        }
    }

    #[test]
    fn an_event_is_json_that_any_parser_reads(parts in parts(), at: prop::sample::Index, odd in prop::sample::select(vec![r#""\ud800""#, "1e400", "[[[]]]", "{\"a\":1,\"a\":2}"])) {
        let body = webhook(&parts, &Map::new()).to_string();
        let places: Vec<usize> = body.match_indices("\":").map(|(place, _)| place + 2).collect();
        let place = places[at.index(places.len())];
        let (before, after) = body.split_at(place);
        let body = format!("{before}{odd},\"later\":{after}");
        for (_, event) in super::events_of(body.as_bytes()) {
            data(&event);
        }
    }
}
