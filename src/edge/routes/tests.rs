use std::{collections::BTreeSet, slice::from_ref};

use serde_json::Value;

use super::*;
use crate::{
    conversation::{
        consent::Entry,
        handover::{By, Handover},
        window::Windows,
    },
    edge::parameters::in_path,
    sending::Blocked,
};

#[test]
fn a_request_finds_its_route() {
    let found = find("GET", "/v1/conversations/1065%340/+1%20650%2F%26=x&y").unwrap();
    assert_eq!(found.route.action, Action::Conversation);
    assert_eq!(found.in_path, ["106540", "+1 650/&=x&y"]);
    assert_eq!(
        find("GET", "/webhook").unwrap().route.action,
        Action::Open(Open::Challenge)
    );
}

#[test]
fn the_path_of_a_url_is_what_stands_between_host_and_query() {
    for (url, path) in [
        ("https://a.example/webhook?hub.mode=/x", "/webhook"),
        ("http://127.0.0.1:8787/v1/%2Fa#b", "/v1/%2Fa"),
        ("https://a.example/", "/"),
        ("https://a.example", "/"),
    ] {
        assert_eq!(path_of(url), path);
    }
}

#[test]
fn what_is_not_there_is_not_found() {
    for path in [
        "",
        "/",
        "/v1",
        "/v1/",
        "/v1/destinations",
        "/v1/destinations/1/2",
        "/webhook/",
        "//webhook",
        "/WEBHOOK",
    ] {
        assert_eq!(find("GET", path), Err(NotFound::Path), "{path}");
    }
    assert_eq!(
        find("PUT", "/v1/dead-letters/1"),
        Err(NotFound::Method("GET, DELETE".to_owned()))
    );
    assert_eq!(
        find("get", "/health"),
        Err(NotFound::Method("GET, HEAD".to_owned()))
    );
}

fn description() -> Value {
    serde_json::from_str(include_str!("../openapi.json")).unwrap()
}

/// A value, with a reference to another place followed.
fn resolved<'v>(description: &'v Value, value: &'v Value) -> &'v Value {
    match value["$ref"].as_str() {
        Some(reference) => description
            .pointer(reference.strip_prefix('#').unwrap())
            .unwrap_or_else(|| panic!("{reference} is not there")),
        None => value,
    }
}

type Described = (String, String, BTreeSet<(String, String, bool)>);

fn of_table(route: &Route) -> Described {
    let rest = if route.has_body() { "body" } else { "query" };
    let groups = [("path", route.in_path), (rest, route.parameters)];
    let parameters = groups.iter().flat_map(|(place, parameters)| {
        let told = |parameter: &Parameter| {
            (
                (*place).to_owned(),
                parameter.name.to_owned(),
                parameter.required,
            )
        };
        parameters.iter().map(told)
    });
    (
        route.method.to_owned(),
        route.path.to_owned(),
        parameters.collect(),
    )
}

fn of_description(all: &Value, path: &str, method: &str, operation: &Value) -> Described {
    let mut parameters = BTreeSet::new();
    for parameter in operation["parameters"].as_array().into_iter().flatten() {
        let parameter = resolved(all, parameter);
        let text = |name: &str| parameter[name].as_str().unwrap().to_owned();
        if text("in") != "header" {
            let required = parameter["required"] == true;
            parameters.insert((text("in"), text("name"), required));
        }
    }
    let body = &operation["requestBody"]["content"]["application/json"]["schema"];
    let body = resolved(all, body);
    if body["additionalProperties"]["type"] == "null" {
        let required: Vec<_> = body["required"].as_array().into_iter().flatten().collect();
        for name in body["properties"].as_object().unwrap().keys() {
            let is_required = required.iter().any(|other| *other == name);
            parameters.insert(("body".to_owned(), name.clone(), is_required));
        }
    }
    (method.to_uppercase(), path.to_owned(), parameters)
}

#[test]
fn every_route_is_described_and_nothing_else() {
    let all = description();
    let mut described = Vec::new();
    for (path, operations) in all["paths"].as_object().unwrap() {
        for (method, operation) in operations.as_object().unwrap() {
            described.push(of_description(&all, path, method, operation));
        }
    }
    let mut there: Vec<Described> = ROUTES.iter().map(of_table).collect();
    there.sort();
    described.sort();
    assert_eq!(described, there);
}

#[test]
fn the_parameters_of_a_path_are_those_of_its_template() {
    for route in ROUTES {
        let names: Vec<_> = route
            .path
            .split('/')
            .filter_map(|segment| segment.strip_prefix('{')?.strip_suffix('}'))
            .collect();
        let told: Vec<_> = route
            .in_path
            .iter()
            .map(|parameter| parameter.name)
            .collect();
        assert_eq!(told, names, "{}", route.path);
    }
}

#[test]
fn a_person_is_asked_for_by_a_name_of_any_length_that_meta_gives() {
    let longest = format!("parent:US.ENT.{}", "7".repeat(128));
    let all = description();
    for route in ROUTES {
        let of_person = |parameter: &&Parameter| parameter.name == "person";
        for parameter in route
            .in_path
            .iter()
            .chain(route.parameters)
            .filter(of_person)
        {
            let read = in_path(from_ref(&longest), from_ref(parameter));
            assert_eq!(read.err(), None, "{}", route.path);
        }
    }
    assert_eq!(all["components"]["schemas"]["person"]["maxLength"], 512);
}

#[test]
fn whatever_asks_for_a_token_says_so_in_the_description() {
    let all = description();
    for route in ROUTES {
        let operation = &all["paths"][route.path][route.method.to_lowercase()];
        let open = operation["security"].as_array().is_some_and(Vec::is_empty);
        let is_open = matches!(route.action, Action::Open(_));
        assert_eq!(open, is_open, "{} {}", route.method, route.path);
        assert!(operation["operationId"].is_string() && operation["summary"].is_string());
        assert_eq!(
            operation["responses"]["401"].is_object(),
            !is_open || route.action == Action::Open(Open::Receive)
        );
    }
}

#[test]
fn every_reference_in_the_description_leads_somewhere() {
    fn walk(all: &Value, value: &Value) {
        resolved(all, value);
        match value {
            Value::Object(members) => members.values().for_each(|value| walk(all, value)),
            Value::Array(items) => items.iter().for_each(|value| walk(all, value)),
            _ => {}
        }
    }
    let all = description();
    walk(&all, &all);
}

#[test]
fn what_is_told_of_a_number_and_of_its_conversations_is_described() {
    let all = description();
    let windows = Windows {
        customer_service: Some(1),
        ..Windows::default()
    };
    let windows: Value = serde_json::from_str(&windows.view(0)).unwrap();
    let handover = Handover {
        by: By::Api,
        since: 0,
        until: Some(1),
    };
    let said = Entry {
        by: Some("e-1".to_owned()),
        ..Entry::told(true, 0, Some("form".to_owned()))
    };
    let blocked = Blocked {
        code: 190,
        of_templates: false,
        by_status: false,
        taken_ms: None,
        since_ms: 0,
        tries_ms: 0,
    };
    for (schema, told) in [
        ("window", windows["customer_service"].to_string()),
        ("handover", handover.view()),
        ("consent/properties/history/items", said.view()),
        ("blocked", blocked.view().to_string()),
    ] {
        let told: Value = serde_json::from_str(&told).unwrap();
        let told: BTreeSet<_> = told.as_object().unwrap().keys().collect();
        let schema = all.pointer(&format!("/components/schemas/{schema}/properties"));
        let described: BTreeSet<_> = schema.unwrap().as_object().unwrap().keys().collect();
        assert_eq!(told, described);
    }
}
