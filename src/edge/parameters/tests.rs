use proptest::prelude::*;

use super::*;

const KNOWN: &[Parameter] = &[
    required("destination", Kind::Destination),
    optional("from", Kind::Time),
    optional("conversation", Kind::Whole),
    optional("after", Kind::Place),
    optional("limit", Kind::Limit),
    optional("seen", Kind::Seen),
];

const PAGED: &[Parameter] = &[
    required("destination", Kind::Destination),
    optional("after", Kind::Mailbox),
    optional("limit", Kind::Limit),
];

#[test]
fn a_query_is_read_and_handed_on() {
    let read = in_query(
        "destination=crm&from=2026-11-22T09%3A00%3A00.5%2B01:00&after=crm:12",
        KNOWN,
    )
    .unwrap();
    assert_eq!(read.get("from"), Some("1795334400500"));
    assert_eq!(
        read.query(),
        "destination=crm&from=1795334400500&after=crm%3A12&limit=20"
    );
}

#[test]
fn what_is_wrong_is_said() {
    for (query, detail) in [
        ("", "destination: is required"),
        (
            "destination=",
            "destination: must be the id of a destination",
        ),
        (
            "destination=CRM",
            "destination: must be the id of a destination",
        ),
        (
            "destination=a&from=today",
            "from: must be a time such as 2026-11-22T08:00:00Z",
        ),
        (
            "destination=a&conversation=-1",
            "conversation: must be a whole number",
        ),
        (
            "destination=a&conversation=9007199254740992",
            "conversation: must be a whole number",
        ),
        ("destination=a&limit=0", "limit: must be 1 to 100"),
        ("destination=a&limit=101", "limit: must be 1 to 100"),
        (
            "destination=a&after=12",
            "after: must be `next` of the page before, as it was",
        ),
        (
            "destination=a&seen=members",
            "seen: must be `next` of the page before, as it was",
        ),
        ("destination=a&destination=b", "destination: is there twice"),
        (
            "destinatoin=a",
            "destinatoin: is not known here; known are destination, from, conversation, after, limit, seen",
        ),
    ] {
        assert_eq!(in_query(query, KNOWN).unwrap_err(), detail, "{query}");
    }
    assert_eq!(
        in_query("a=b", &[]).unwrap_err(),
        "a: is not known here; no parameters are"
    );
}

#[test]
fn a_body_has_the_same_parameters() {
    let read = in_body(
        br#"{"destination":"crm","conversation":7.0,"from":null}"#,
        KNOWN,
    );
    assert_eq!(read.unwrap().query(), "destination=crm&conversation=7");
    for (body, detail) in [
        ("", "the body must be JSON"),
        ("[]", "must be an object"),
        ("{}", "destination: is required"),
        (r#"{"destination":7}"#, "destination: must be a string"),
        (
            r#"{"destination":"a","conversation":"7","fro":1}"#,
            "fro: is not known here, did you mean from?; conversation: must be a whole number",
        ),
        (
            r#"{"destination":"a","conversation":1.5}"#,
            "conversation: must be a whole number",
        ),
    ] {
        assert_eq!(
            in_body(body.as_bytes(), KNOWN).unwrap_err(),
            detail,
            "{body}"
        );
    }
}

#[test]
fn pages_lead_from_one_to_the_next_until_all_was_told() {
    let mut told = Vec::new();
    let mut after = String::new();
    loop {
        let query = format!("destination=x&limit=2{after}");
        let parameters = in_query(&query, PAGED).unwrap();
        let (page, next) = parameters.page(vec!["5", "1", "4", "2", "3"]);
        told.push(page.concat());
        let Some(next) = next else { break };
        after = format!("&after={next}");
    }
    assert_eq!(told, ["12", "34", "5"]);
}

#[test]
fn a_mailbox_is_a_numbers_or_an_accounts() {
    const PATH: &[Parameter] = &[required("phone_number_id", Kind::Mailbox)];
    for (id, fits) in [
        ("106540352242922", true),
        ("account/102290129340398", true),
        ("", false),
        ("account/", true),
        ("account//", false),
        ("a/b", false),
        ("1 2", false),
    ] {
        assert_eq!(in_path(&[id.to_owned()], PATH).is_ok(), fits, "{id}");
    }
}

proptest! {
    #[test]
    fn nothing_that_is_asked_is_too_much(query: String, body: Vec<u8>) {
        let _ = in_query(&query, KNOWN);
        let _ = in_body(&body, KNOWN);
    }
}
