use super::*;
use crate::config::{Format, NO_ADMIN_TOKEN, Retry};

const KEY: &str = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";
const TWO: [(&str, &str); 2] = [
    ("META_APP_SECRET", "app-1, app-2"),
    ("META_VERIFY_TOKEN", "verify"),
];

fn read(more: &[(&str, &str)]) -> Result<Settings, Vec<String>> {
    let all: Vec<_> = more.iter().chain(&TWO).copied().collect();
    Settings::read(|name| {
        all.iter()
            .find(|(key, _)| *key == name)
            .map(|(_, value)| (*value).to_owned())
    })
    .map_err(|faults| faults.iter().map(ToString::to_string).collect())
}

/// A `CONFIG` that is refused, and all that is said of it.
#[track_caller]
fn refused(config: &str, expected: &[impl AsRef<str>]) {
    let found = read(&[
        ("CONFIG", config),
        ("CRM_SECRET", KEY),
        ("SHORT", "whsec_c2hvcnQ="),
    ]);
    let expected: Vec<&str> = expected.iter().map(AsRef::as_ref).collect();
    assert_eq!(found.err().unwrap_or_default(), expected, "{config}");
}

#[test]
fn two_secrets_are_enough() {
    let settings = read(&[]).unwrap();
    assert_eq!(
        settings
            .app_secrets
            .iter()
            .map(Secret::expose)
            .collect::<Vec<_>>(),
        ["app-1", "app-2"]
    );
    assert_eq!(
        settings.graph.base_url.as_str(),
        "https://graph.facebook.com/"
    );
    assert_eq!(settings.graph.version, "v25.0");
    assert!(
        settings.graph.token.is_none()
            && settings.admin_token.is_none()
            && settings.config.destinations.is_empty()
    );
}

#[test]
fn what_is_missing_is_named_with_how_to_set_it() {
    let none = Settings::read(|_| None).unwrap_err();
    assert_eq!(
        none.iter().map(ToString::to_string).collect::<Vec<_>>(),
        [
            "META_APP_SECRET is not set: npx wrangler secret put META_APP_SECRET (locally: a line in .dev.vars)",
            "META_VERIFY_TOKEN is not set: npx wrangler secret put META_VERIFY_TOKEN (locally: a line in .dev.vars)",
        ]
    );
}

#[test]
fn a_blank_secret_is_none() {
    assert_eq!(
        read(&[("META_APP_SECRET", " , ")]).unwrap_err(),
        [
            "META_APP_SECRET is not set: npx wrangler secret put META_APP_SECRET (locally: a line in .dev.vars)"
        ]
    );
    assert!(read(&[("ADMIN_TOKEN", " ")]).unwrap().admin_token.is_none());
}

#[test]
fn the_way_to_the_graph_api_is_checked() {
    let ok = read(&[
        ("GRAPH_BASE_URL", "http://127.0.0.1:9000"),
        ("GRAPH_VERSION", "v26.0"),
    ])
    .unwrap();
    assert_eq!(ok.graph.base_url.as_str(), "http://127.0.0.1:9000/");
    assert_eq!(
        read(&[
            ("GRAPH_BASE_URL", "http://graph.example"),
            ("GRAPH_VERSION", "25")
        ])
        .unwrap_err(),
        [
            "GRAPH_BASE_URL: must be https, or http on loopback",
            "GRAPH_VERSION: must be of the form v25.0",
        ]
    );
    assert_eq!(
        read(&[("GRAPH_BASE_URL", "https://graph.example/?a")]).unwrap_err(),
        ["GRAPH_BASE_URL: must not hold a query (?…)"]
    );
    for (url, path) in [
        ("https://graph.facebook.com/v25.0", false),
        ("https://graph.facebook.com/v1.0/", false),
        ("https://graph.example/v25.0/meta", true),
        ("https://graph.example/meta/v1.0", true),
    ] {
        let expected = (!path).then(|| {
            vec!["GRAPH_BASE_URL: must not end in a version: that is GRAPH_VERSION".to_owned()]
        });
        assert_eq!(read(&[("GRAPH_BASE_URL", url)]).err(), expected, "{url}");
    }
}

#[test]
fn a_token_that_is_none_or_can_be_guessed_is_refused() {
    for wrong in ["Bearer EAAG", "EAAG EAAG", "EAAG\nEAAG", "“EAAG”"] {
        assert_eq!(
            read(&[("GRAPH_ACCESS_TOKEN", wrong)]).unwrap_err(),
            ["GRAPH_ACCESS_TOKEN: must be the token alone: no Bearer, no white space"]
        );
    }
    let taken = read(&[("GRAPH_ACCESS_TOKEN", " EAAG\n")]).unwrap();
    assert_eq!(taken.graph.token.unwrap().expose(), "EAAG");
    let opens = |token| {
        read(&[("ADMIN_TOKEN", token)])
            .unwrap()
            .admin_token
            .is_some()
    };
    assert!(!opens("fifteen-letters"), "it can be guessed");
    assert!(opens("sixteen--letters"));
    let notes = ["fifteen-letters", "sixteen--letters"].map(|token| {
        let config =
            r#"{"destinations":[{"id":"crm","url":"https://crm.example/","secret":"env:S"}]}"#;
        let settings = read(&[("ADMIN_TOKEN", token), ("CONFIG", config), ("S", KEY)]);
        settings.unwrap().note()
    });
    assert_eq!(notes, [Some(NO_ADMIN_TOKEN), None]);
}

#[test]
fn windows_are_told_again_after_an_hour_where_nothing_is_said() {
    let step = |config| read(&[("CONFIG", config)]).unwrap().config.window_step_s;
    assert_eq!(step("{}"), 3_600);
    assert_eq!(step(r#"{"windows":{"step_s":60}}"#), 60);
    refused(
        r#"{"windows":{"step_s":0,"steps":1}}"#,
        &[
            "windows.steps: is not known here, did you mean step_s?",
            "windows.step_s: must be 1 to 86400 seconds",
        ],
    );
}

#[test]
fn a_destination_needs_three_things_and_has_sound_defaults() {
    let config = r#"{"destinations":[{"id":"crm","url":"https://crm.example/h","secret":"env:CRM_SECRET"}]}"#;
    let settings = read(&[("CONFIG", config), ("CRM_SECRET", KEY)]).unwrap();
    let [crm] = settings.config.destinations.as_slice() else {
        panic!("one destination")
    };
    assert_eq!(
        (crm.id.as_str(), crm.url.as_str(), crm.secrets.len()),
        ("crm", "https://crm.example/h", 1)
    );
    assert!(crm.wants("whatsapp.message.received"));
    assert_eq!(
        (crm.format, crm.timeout_ms, crm.max_in_flight, crm.paused),
        (Format::CloudEvents, 10_000, 20, false)
    );
    assert_eq!(
        crm.retry,
        Retry {
            first_ms: 5_000,
            max_ms: 3_600_000,
            total_ms: 259_200_000
        }
    );
}

#[test]
fn everything_can_be_set() {
    let config = r#"{"destinations":[{"id":"crm","url":"http://localhost:1/","secret":["env:NEW","env:OLD"],
        "events":["whatsapp.status.failed","whatsapp.message.*"],"format":"cloudevents","timeout_ms":100,
        "max_in_flight":1,"retry":{"first_ms":10,"max_ms":50,"total_ms":900},"paused":true}]}"#;
    let settings = read(&[("CONFIG", config), ("NEW", KEY), ("OLD", KEY)]).unwrap();
    let [crm] = settings.config.destinations.as_slice() else {
        panic!("one destination")
    };
    assert_eq!(
        (
            crm.secrets.len(),
            crm.timeout_ms,
            crm.max_in_flight,
            crm.paused
        ),
        (2, 100, 1, true)
    );
    assert_eq!(
        crm.retry,
        Retry {
            first_ms: 10,
            max_ms: 50,
            total_ms: 900
        }
    );
    assert!(crm.wants("whatsapp.message.edited") && !crm.wants("whatsapp.status.read"));
}

#[test]
fn every_fault_of_a_config_is_told_with_its_path() {
    let config = r#"{"replys":[],"destinations":[
        {"id":"CRM","url":"http://crm.example","secret":"env:NOT_SET","timeout_ms":5,"retires":{}},
        {"id":"b","url":"https://10.0.0.1/","secret":"env:SHORT","events":["*.x"],"format":"xml","paused":"yes"},
        {"id":"b","retry":{"first_ms":100,"max_ms":50,"total":1},"events":[]},
        7]}"#;
    refused(
        config,
        &[
            "replys: is not known here, did you mean replies?",
            "destinations[0].retires: is not known here",
            "destinations[0].id: must be 1 to 64 of a-z, 0-9, _ and -",
            "destinations[0].url: must be https, or http on loopback",
            "destinations[0].secret: NOT_SET is not set: npx wrangler secret put NOT_SET (locally: a line in .dev.vars)",
            "destinations[0].timeout_ms: must be 100 to 30000 ms",
            "destinations[1].url: must not be a private, loopback, link-local or metadata address",
            "destinations[1].secret: SHORT must be whsec_ and the base64 of 24 to 64 random bytes: \
         echo whsec_$(openssl rand -base64 32)",
            "destinations[1].format: must be cloudevents or cloudevents-batch or meta",
            "destinations[1].events[0]: must be an event type, or the beginning of one and .*, or *",
            "destinations[1].paused: must be true or false",
            "destinations[2].id: is taken by a destination above",
            "destinations[2].url: is required",
            "destinations[2].secret: is required",
            "destinations[2].events: at least 1 event types",
            "destinations[2].retry.total: is not known here",
            "destinations[2].retry: max_ms must not be below first_ms",
            "destinations[3]: must be an object",
        ],
    );
}

#[test]
fn a_config_that_is_no_object_is_refused() {
    refused(
        "{\"destinations\": [}",
        &["CONFIG: is not JSON: line 1, column 19"],
    );
    refused("[]", &["CONFIG: must be an object"]);
    refused(
        r#"{"destinations":{}}"#,
        &["destinations: must be a list of destinations"],
    );
}

#[test]
fn what_is_too_long_for_one_variable_is_spread_over_several() {
    let rule = r#"{"when":{},"reply":{"type":"text","text":{"body":"hi"}}}"#;
    let one = format!(
        r#"{{"destinations":[{{"id":"b","url":"https://b.example","secret":"env:KEY"}}],"replies":[{rule}]}}"#
    );
    let two = format!(
        r#"{{"destinations":[{{"id":"a","url":"https://a.example","secret":"env:KEY"}}],"replies":[{rule},{rule}]}}"#
    );
    let three = r#"{"keep_hours":24,"consent":{}}"#;
    let more = [("CONFIG", &*one), ("CONFIG_2", &two), ("CONFIG_20", three)];
    let settings = read(&[&more[..], &[("KEY", KEY)]].concat()).unwrap();
    let ids = settings.config.destinations.iter().map(|it| &*it.id);
    assert_eq!(ids.collect::<Vec<_>>(), ["b", "a"]);
    assert_eq!(settings.config.answering.unwrap().rules.len(), 3);
    assert_eq!(settings.config.keep_hours, 24);
    assert!(settings.config.consent.is_some());
}

#[test]
fn what_is_wrong_is_told_with_the_variable_that_it_is_in() {
    let faults = |more: &[(&str, &str)]| read(more).err().unwrap_or_default();
    let config = r#"{"replies":[{},{}],"keep_hours":1,"windows":{"step_s":1}}"#;
    let found = faults(&[
        (
            "CONFIG",
            r#"{"replies":[{"id":"a","reply":1,"when":{}}],"keep_hours":1}"#,
        ),
        ("CONFIG_2", "[]"),
        ("CONFIG_3", "{,"),
        ("CONFIG_4", config),
        (
            "CONFIG_5",
            r#"{"colour":1,"windows":{},"sending":{"speed":1}}"#,
        ),
    ]);
    let expected = [
        "CONFIG_2: must be an object",
        "CONFIG_3: is not JSON: line 1, column 2",
        "CONFIG_4.keep_hours: is in CONFIG, too: only lists may be in several",
        "CONFIG_5.colour: is not known here",
        "CONFIG_5.windows: is in CONFIG_4, too: only lists may be in several",
        "CONFIG_5.sending.speed: is not known here",
        "replies[0].reply: must be an object",
        "CONFIG_4.replies[0].when: is required",
        "CONFIG_4.replies[1].when: is required",
    ];
    for fault in expected {
        assert!(found.iter().any(|it| it == fault), "{fault} in {found:#?}");
    }
}

#[test]
fn a_secret_in_a_config_is_refused_and_not_repeated() {
    for secret in [
        KEY,
        "env:whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD",
        "",
        "env:",
    ] {
        let config = format!(
            r#"{{"destinations":[{{"id":"a","url":"https://a.example","secret":"{secret}"}}]}}"#
        );
        let reason = "must be a reference such as env:CRM_SECRET, never the secret itself";
        refused(&config, &[format!("destinations[0].secret: {reason}")]);
    }
}

#[test]
fn settings_can_be_printed_without_a_secret() {
    let config = r#"{"destinations":[{"id":"crm","url":"https://crm.example/k3y","secret":"env:CRM_SECRET"}]}"#;
    let settings = read(&[
        ("CONFIG", config),
        ("CRM_SECRET", KEY),
        ("GRAPH_ACCESS_TOKEN", "EAAG"),
    ])
    .unwrap();
    let shown = format!("{settings:?}");
    for secret in ["app-1", "verify\"", "EAAG", "C2FVs", "k3y"] {
        assert!(!shown.contains(secret), "{secret} in {shown}");
    }
}

#[test]
fn how_messages_are_sent_can_be_set() {
    let config = r#"{"sending":{"per_second":20,"per_minute":500,"late_s":3600,"mark_read":true,"typing":true},
        "fallback":{"type":"template","template":{"name":"n","language":{"code":"de"}}}}"#;
    let settings = read(&[("CONFIG", config)]).unwrap();
    let sending = Sending {
        per_second: 20,
        per_minute: Some(500),
        late_s: Some(3_600),
        appsecret_proof: false,
        mark_read: true,
        typing: true,
    };
    assert_eq!(settings.config.sending, sending);
    assert_eq!(settings.config.fallback.unwrap().kind(), "template");
    let settings = read(&[]).unwrap();
    assert_eq!(
        (
            settings.config.sending.per_second,
            settings.config.sending.per_minute
        ),
        (80, None)
    );

    let wrong = r#"{"sending":{"per_second":0,"per_minute":"many","late_s":0,"mark_raed":true},
        "fallback":{"type":"text","text":{"body":"x"}}}"#;
    refused(
        wrong,
        &[
            "sending.mark_raed: is not known here, did you mean mark_read?",
            "sending.per_second: must be 1 to 1000 messages",
            "sending.per_minute: must be 1 to 60000 messages",
            "sending.late_s: must be 1 to 2592000 seconds",
            "fallback: must be a template: nothing else goes while the window is closed",
        ],
    );
    let filled = r#"{"fallback":{"type":"template","template":{"name":"n","language":{"code":"de"},
        "components":[{"type":"body","parameters":[{"type":"text","text":"{{customer.name|you}}"}]}]}}}"#;
    refused(
        filled,
        &["fallback: nothing is filled in here: {{…}} is for replies of rules"],
    );
    refused(r#"{"sending":"fast"}"#, &["sending: must be an object"]);
}

#[test]
fn a_proof_of_the_apps_secret_goes_along_where_that_is_set() {
    let asks = ("CONFIG", r#"{"sending":{"appsecret_proof":true}}"#);
    let token = ("GRAPH_ACCESS_TOKEN", "EAAG");
    let graph = |settings: &[_]| read(settings).unwrap().graph;
    let url = |settings: &[_]| graph(settings).messages_url("1065").unwrap();
    let plain = "https://graph.facebook.com/v25.0/1065/messages";
    assert_eq!(url(&[token]), plain);
    assert_eq!(url(&[asks]), plain);
    // printf EAAG | openssl dgst -sha256 -hmac app-1
    let proof = "3edaec62323b4d4905bdbf76d984c522ea1789a9568eb2fd5e08307a58293b14";
    assert_eq!(
        url(&[asks, token]),
        format!("{plain}?appsecret_proof={proof}")
    );
    assert_ne!(graph(&[asks, token]).digest(), graph(&[token]).digest());
}

#[test]
fn numbers_may_be_named_each_once() {
    let config = r#"{"numbers":[{"phone_number_id":"1"},{"phone_number_id":"2"}]}"#;
    let settings = read(&[("CONFIG", config)]).unwrap();
    let ids = settings
        .config
        .numbers
        .iter()
        .map(|number| &number.phone_number_id);
    assert_eq!(ids.collect::<Vec<_>>(), ["1", "2"]);
    refused(
        r#"{"numbers":[{"phone_number_id":"1"},{"phone_number_id":"1"},{},7,{"phone_number_id":"a","part":1}]}"#,
        &[
            "numbers[1].phone_number_id: is taken by a number above",
            "numbers[2].phone_number_id: is required",
            "numbers[3]: must be an object",
            "numbers[4].part: is not known here",
            "numbers[4].phone_number_id: must be a phone_number_id: digits, such as 106540352242922",
        ],
    );
}

#[test]
fn a_number_has_no_more_partitions_than_it_may_send_messages() {
    for (sending, most) in [
        ("{}", 16),
        (r#"{"per_second":4}"#, 4),
        (r#"{"per_minute":1}"#, 1),
    ] {
        let config = |partitions| {
            format!(
                r#"{{"sending":{sending},"numbers":[{{"phone_number_id":"1","partitions":{partitions}}}]}}"#
            )
        };
        assert!(read(&[("CONFIG", &config(most))]).is_ok());
        refused(
            &config(most + 1),
            &[format!(
                "numbers[0].partitions: must be 1 to {most} partitions, and no more than sending.per_second or \
                 per_minute"
            )],
        );
    }
}

#[test]
fn nothing_is_kept_unless_it_is_asked_for() {
    let hours = |config| read(&[("CONFIG", config)]).unwrap().config.keep_hours;
    assert_eq!((hours("{}"), hours(r#"{"keep_hours":72}"#)), (0, 72));
    refused(
        r#"{"keep_hours":169}"#,
        &["keep_hours: must be 0 to 168 hours"],
    );
}

#[test]
fn couriers_are_used_unless_they_are_switched_off() {
    let couriers = |config| read(&[("CONFIG", config)]).unwrap().config.couriers;
    assert!(couriers("{}") && couriers(r#"{"couriers":true}"#));
    assert!(!couriers(r#"{"couriers":false}"#));
    refused(r#"{"couriers":"no"}"#, &["couriers: must be true or false"]);
}
