//! For every field, type and status that Meta documents: a webhook, and the events that it becomes.
//!
//! One file is one case, and reads as documentation of the events. `raw` is left out of an expected event where it is
//! the webhook as it came. `BLESS=1 cargo test conformance` writes what is into the files, to be read before it is
//! committed.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use proptest::prelude::*;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::{ADDED, DATA_MEMBERS, Effect, Event, Home, Name, TYPES, split, split_and_look};

#[derive(Serialize, Deserialize)]
struct Case {
    about: String,
    webhook: Box<RawValue>,
    events: Vec<Value>,
}

fn of_this_crate(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn cases() -> Vec<(PathBuf, Case)> {
    let files = std::fs::read_dir(of_this_crate("src/event/conformance")).unwrap();
    let mut paths: Vec<PathBuf> = files.map(|file| file.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|kind| kind == "json"));
    paths.sort();
    let read = |path: PathBuf| {
        let text = std::fs::read_to_string(&path).unwrap();
        let case = serde_json::from_str(&text)
            .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        (path, case)
    };
    paths.into_iter().map(read).collect()
}

/// An event as the files have it.
fn written(home: &Home, event: &Event, webhook: &Value) -> Value {
    let mut data: Value = serde_json::from_str(&event.data).unwrap();
    if data.get("raw") == Some(webhook) {
        data.as_object_mut().unwrap().remove("raw");
    }
    let home = match home {
        Home::Number(id) => json!({"number": id}),
        Home::Account(id) => json!({"account": id}),
    };
    let keys = |names: &[Name]| names.iter().map(Name::key).collect::<Vec<_>>();
    let effect = match &event.effect {
        Effect::None => json!("none"),
        Effect::Opens { referral } => json!({"opens": {"referral": referral}}),
        Effect::Answers => json!("answers"),
        Effect::Status {
            message,
            status,
            free_until,
        } => {
            let mut it = json!({"message": message, "status": status.name()});
            if let Some(end) = free_until {
                it["free_until"] = json!(end);
            }
            json!({"status": it})
        }
        Effect::Renames { from } => json!({"renames": {"from": keys(from)}}),
    };
    json!({"home": home, "id": event.id, "kind": event.kind, "time": event.time, "names": keys(&event.names),
        "effect": effect, "data": data})
}

#[test]
fn every_webhook_of_metas_becomes_the_events_beside_it() {
    for (path, mut case) in cases() {
        let webhook: Value = serde_json::from_str(case.webhook.get()).unwrap();
        let homes = split(case.webhook.get().as_bytes());
        let events: Vec<Value> = homes
            .iter()
            .flat_map(|(home, events)| events.iter().map(|event| written(home, event, &webhook)))
            .collect();
        if std::env::var_os("BLESS").is_some() {
            case.events = events;
            let text = serde_json::to_string_pretty(&case).unwrap();
            std::fs::write(&path, text + "\n").unwrap();
        } else {
            let shown = |event: &Value| serde_json::to_string_pretty(event).unwrap();
            let path = path.display();
            for (event, expected) in events.iter().zip(&case.events) {
                let (is, should_be) = (shown(event), shown(expected));
                assert!(event == expected, "{path}\n{is}\nis not\n{should_be}");
            }
            assert_eq!(events.len(), case.events.len(), "{path}");
        }
    }
}

/// What stands around an item must not change what it is, and none of it may be lost.
#[test]
fn members_that_are_new_to_us_change_nothing_and_are_kept() {
    for (path, case) in cases() {
        let mut count = 0;
        let webhook: Value = serde_json::from_str(case.webhook.get()).unwrap();
        let more = with_more(&webhook, &mut count);
        let all = |webhook: &Value| -> Vec<(Home, Event)> {
            let homes = split(webhook.to_string().as_bytes()).into_iter();
            homes
                .flat_map(|(home, events)| {
                    events.into_iter().map(move |event| (home.clone(), event))
                })
                .collect()
        };
        let (before, after) = (all(&webhook), all(&more));
        let told = |events: &[(Home, Event)]| -> Vec<_> {
            let told = |(home, event): &(Home, Event)| {
                let Event { kind, names, .. } = event.clone();
                (home.clone(), kind, event.time, names)
            };
            events.iter().map(told).collect()
        };
        let path = path.display();
        assert_eq!(told(&before), told(&after), "{path}");
        for number in 0..count {
            let value = format!(r#""x_{number}":"more {number}""#);
            let mut after = after.iter();
            let is_kept = after.any(|(_, event)| event.data.contains(&value));
            assert!(is_kept, "{path}: {value}");
        }
        for (home, event) in &after {
            let data: Value = serde_json::from_str(&event.data).unwrap();
            // Only history tells of a message, by the chunk that it came in, how far the history has come.
            let again = all(&data["raw"]);
            assert!(again.contains(&(home.clone(), event.clone())), "{path}");
            let is_alone = again.len() == 1 || event.kind == "whatsapp.message.history";
            assert!(is_alone, "{path}");
        }
    }
}

/// The same, with a member in every object that nobody knows.
fn with_more(value: &Value, count: &mut usize) -> Value {
    match value {
        Value::Array(items) => items.iter().map(|item| with_more(item, count)).collect(),
        Value::Object(members) => {
            let mut members: serde_json::Map<_, _> = members
                .iter()
                .map(|(key, value)| (key.clone(), with_more(value, count)))
                .collect();
            members.insert(format!("x_{count}"), json!(format!("more {count}")));
            *count += 1;
            Value::Object(members)
        }
        scalar => scalar.clone(),
    }
}

proptest! {
    /// Whatever is cut out of a webhook or put into it, it becomes events, and each of them is JSON.
    #[test]
    fn no_change_to_a_webhook_breaks_it(
        case: prop::sample::Index,
        changes in prop::collection::vec((any::<prop::sample::Index>(), 0..12usize, prop::sample::select(scraps())), 1..4),
    ) {
        let cases = CASES.get_or_init(|| cases().into_iter().map(|(_, case)| case.webhook.get().to_owned()).collect());
        let mut body = case.get(cases).clone().into_bytes();
        for (at, cut, scrap) in changes {
            let at = at.index(body.len());
            let end = (at + cut).min(body.len());
            body.splice(at..end, scrap.bytes());
        }
        for (_, events) in split_and_look(&body).0 {
            prop_assert!(!events.is_empty());
            for event in events {
                prop_assert!(serde_json::from_str::<Value>(&event.data).is_ok());
                prop_assert!(event.id.len() == 41 && event.kind.starts_with("whatsapp."));
            }
        }
    }
}

/// What is put into a webhook, or nothing.
fn scraps() -> Vec<&'static str> {
    let scraps = r#" " { } [ ] , : null 0 -1e9 1e999 true [] {} \ \ud800 \u0000 é {"a": "id": "type": "from": [[[[ ]]]] "x":"y","#;
    scraps.split(' ').chain(["\0"]).collect()
}

static CASES: OnceLock<Vec<String>> = OnceLock::new();

#[test]
fn every_member_of_the_documented_webhooks_is_known() {
    for (path, case) in cases() {
        if !case.about.starts_with("Unknown: ") {
            let (_, unknown) = split_and_look(case.webhook.get().as_bytes());
            assert!(unknown.is_empty(), "{}: {unknown:?}", path.display());
        }
    }
}

#[test]
fn every_field_has_a_case() {
    let mut seen = BTreeSet::new();
    for (_, case) in cases() {
        let webhook: Value = serde_json::from_str(case.webhook.get()).unwrap();
        for change in webhook["entry"]
            .as_array()
            .unwrap()
            .iter()
            .flat_map(|entry| entry["changes"].as_array().unwrap())
        {
            seen.insert(change["field"].as_str().unwrap().to_owned());
        }
    }
    let missing: Vec<_> = super::fields::names()
        .filter(|name| !seen.contains(*name))
        .collect();
    assert_eq!(missing, [""; 0]);
}

#[test]
fn the_page_of_events_lists_the_types_that_there_are() {
    let page = std::fs::read_to_string(of_this_crate("docs/events.md")).unwrap();
    let types = page
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split('`').next())
        .filter(|name| name.starts_with("whatsapp.") || name.starts_with("transom."));
    let listed: BTreeSet<&str> = types.collect();
    let known = BTreeSet::from(TYPES);
    assert_eq!(
        listed, known,
        "docs/events.md on the left, TYPES on the right"
    );
    let of_meta = known
        .into_iter()
        .filter(|name| name.starts_with("whatsapp."));
    let of_meta: BTreeSet<&str> = of_meta.collect();
    let cases = cases();
    let kinds = cases
        .iter()
        .flat_map(|(_, case)| &case.events)
        .map(|event| event["kind"].as_str().unwrap());
    let shown: BTreeSet<&str> = kinds.collect();
    assert_eq!(of_meta, shown, "TYPES on the left, the cases on the right");
}

#[test]
fn the_members_of_the_data_are_those_that_there_are() {
    /// Those of what is no JSON, and those of Transom's own events.
    const ELSEWHERE: [&str; 6] = [
        "blocked",
        "body",
        "body_base64",
        "budget",
        "consent",
        "send",
    ];
    let cases = cases();
    let events = cases.iter().flat_map(|(_, case)| &case.events);
    let shown: BTreeSet<&str> = events
        .flat_map(|event| event["data"].as_object().unwrap().keys())
        .map(String::as_str)
        .collect();
    let known = BTreeSet::from(DATA_MEMBERS);
    assert_eq!(known, &shown | &BTreeSet::from(ELSEWHERE));
    assert!(shown.is_disjoint(&BTreeSet::from(ADDED)));
    assert!(DATA_MEMBERS.is_sorted() && TYPES.is_sorted() && ADDED.is_sorted());
}
