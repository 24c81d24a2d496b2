use proptest::prelude::*;
use serde_json::Value;

use super::*;

#[test]
fn every_value_is_the_slice_of_the_text_that_wrote_it() {
    let text = r#" {"a" : [1, "x\"]", { } ] ,"a\u0062":"\u00e9","n":null,"a":-1.5e3} "#;
    let document = Document::parse(text).unwrap();
    let root = document.root();
    let members: Vec<_> = root
        .members()
        .map(|(key, value)| (key.text(), value.raw()))
        .collect();
    let expected = [
        ("a", r#"[1, "x\"]", { } ]"#),
        ("ab", r#""\u00e9""#),
        ("n", "null"),
        ("a", "-1.5e3"),
    ];
    assert_eq!(
        members,
        expected.map(|(key, raw)| (Cow::Borrowed(key), raw))
    );
    let first = root.members().next().unwrap().1;
    assert_eq!(
        first.items().map(Json::raw).collect::<Vec<_>>(),
        ["1", r#""x\"]""#, "{ }"]
    );
    assert_eq!(root.get("ab").unwrap().text().unwrap(), "é");
    assert_eq!(
        root.get("a").unwrap().raw(),
        "-1.5e3",
        "the last of a repeated key counts"
    );
    assert!(root.get("n").is_none() && root.get("b").is_none() && first.get("a").is_none());
    assert_eq!(root.items().count() + first.members().count(), 0);
}

#[test]
fn what_is_odd_is_still_json() {
    let deep = format!("{}1{}", "[".repeat(100_000), "]".repeat(100_000));
    for text in [
        &deep,
        r#""\ud800""#,
        "1e999999",
        r#"{"":{"":0}}"#,
        r#""\u0000""#,
    ] {
        let document = Document::parse(text).unwrap();
        assert_eq!(document.root().raw(), text);
        assert_eq!(
            document.is_tame(),
            text.len() < 100 && text.contains(['{', 'u']) && !text.contains("d8")
        );
        assert!(!document.root().canonical().is_empty());
    }
    assert_eq!(Document::parse(r#""\ud800""#).unwrap().root().text(), None);
}

#[test]
fn what_is_not_json_is_refused() {
    for text in [
        "",
        "{",
        "[1,]",
        "{}{}",
        "\"\0\"",
        "nul",
        "01",
        "{\"a\"}",
        "\u{feff}{}",
    ] {
        assert!(Document::parse(text).is_none(), "{text}");
    }
}

#[test]
fn numbers_are_read_from_strings_too() {
    let document = Document::parse(r#"[12,"12","+1 2",1.5,true,[]]"#).unwrap();
    let numbers: Vec<_> = document.root().items().map(Json::integer).collect();
    assert_eq!(numbers, [Some(12), Some(12), None, None, None, None]);
}

#[test]
fn two_ways_to_write_a_value_are_one_canonical_text() {
    let canonical = |text: &str| Document::parse(text).unwrap().root().canonical();
    assert_eq!(
        canonical(r#"{"b":[1,"é"],"a":{"d":2,"c":null}}"#),
        canonical(" {\"a\":{\"c\":null,\"d\":2},\n\"b\":[1,\"\\u00e9\"]}")
    );
    assert_ne!(canonical(r#"["a","b"]"#), canonical(r#"["a,b"]"#));
    assert_ne!(canonical(r#"{"a":"b"}"#), canonical(r#"{"a":["b"]}"#));
    assert_ne!(canonical("[1,2]"), canonical("[2,1]"));
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from)
    ];
    leaf.prop_recursive(4, 64, 8, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..8).prop_map(Value::from),
            prop::collection::vec((any::<String>(), inner), 0..8)
                .prop_map(|members| Value::Object(members.into_iter().collect()))
        ]
    })
}

fn rebuild(json: Json<'_>) -> Value {
    if json.is_object() {
        Value::Object(
            json.members()
                .map(|(key, value)| (key.text().into_owned(), rebuild(value)))
                .collect(),
        )
    } else if json.is_list() {
        Value::Array(json.items().map(rebuild).collect())
    } else {
        serde_json::from_str(json.raw()).unwrap()
    }
}

proptest! {
    #[test]
    fn the_index_finds_what_serde_json_finds(value in any_json(), pretty: bool) {
        let text = if pretty { serde_json::to_string_pretty(&value) } else { serde_json::to_string(&value) }.unwrap();
        prop_assert_eq!(rebuild(Document::parse(&text).unwrap().root()), value);
    }

    #[test]
    fn what_is_json_and_what_is_tame_is_as_serde_json_has_it(
        text in prop_oneof![
            "[\\[\\]{}\",:\\\\u0d8 a1.eE+-]*",
            "-?[0-9.eE+-]{1,12}",
            "\"(a|\\\\[u\"n/x]|\\\\u[dD][89cfCF][0-9a-f]{2}|\\PC|[\t \u{7f}é])*\"",
            any_json().prop_map(|value| value.to_string()),
        ],
        at: prop::sample::Index,
        cut in prop::sample::select(vec!["", " ", ",", "\"", "1e400", "9".repeat(310).leak(), "0.1E-7", "\\"]),
    ) {
        let places: Vec<usize> = text.char_indices().map(|(place, _)| place).chain([text.len()]).collect();
        let (before, after) = text.split_at(places[at.index(places.len())]);
        for text in [&text, &format!("{before}{cut}{after}")] {
            let ours = Document::parse(text);
            prop_assert_eq!(ours.is_some(), serde_json::from_str::<&serde_json::value::RawValue>(text).is_ok(), "{}", text);
            prop_assert_eq!(ours.is_some_and(|document| document.is_tame()), serde_json::from_str::<Value>(text).is_ok(), "{}", text);
        }
    }

    #[test]
    fn no_text_breaks_it(text in "[\\[\\]{}\",:\\\\u0d8 a1-]*") {
        if let Some(document) = Document::parse(&text) {
            document.root().canonical();
        }
    }
}
