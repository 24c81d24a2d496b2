use serde_json::{Value, json};

use super::*;
use crate::{checked, config::answering_of};

/// A `CONFIG` that is refused, and all that is said of it.
#[track_caller]
fn refused(config: &Value, expected: &[&str]) {
    let read = checked::read("", config, |root| {
        let (replies, answering) = (root.get("replies"), root.get("answering"));
        crate::config::Answering::read(replies.as_ref(), answering.as_ref())
    });
    let faults = read.err().unwrap_or_default();
    let faults: Vec<String> = faults.iter().map(ToString::to_string).collect();
    assert_eq!(faults, expected, "{config}");
}

fn text(body: &str) -> Value {
    json!({ "type": "text", "text": { "body": body } })
}

#[test]
fn a_rule_needs_no_more_than_when_and_what() {
    let config = json!({ "replies": [ { "when": { "text": "hours|open" }, "reply": text("We are open 9 to 18.") } ] });
    let read = answering_of(&config);
    let [rule] = read.rules.as_slice() else {
        panic!("one rule")
    };
    assert_eq!(
        (rule.id.as_str(), rule.replies.len(), rule.once_in_s),
        ("0", 1, None)
    );
    assert_eq!(
        (read.pause_s, read.late_s, read.per_day),
        (43_200, 600, 1_000)
    );
    assert_eq!((read.closing_s, read.groups), (None, false));
}

#[test]
fn everything_that_can_be_said_is_read() {
    let config = json!({
        "answering": {
            "pause_s": 0, "late_s": 60, "groups": true, "per_day": 5, "closing_s": 7200, "app_id": "57",
            "office_hours": { "time_zone": "America/Bogota", "open": ["mon-fri 9:00-18:00"] } },
        "replies": [
            { "id": "a", "numbers": ["1065"], "once_in_s": 60, "tag": ["x", "y"], "hand_over": { "for_s": 9 },
              "when": { "text": ["a|b", "c"], "kind": ["text", "image"], "referral": "77",
                        "first_contact": true, "office_hours": "outside" },
              "reply": [text("{{customer.name|you}}"), text("two")] },
            { "id": "b", "when": { "text": { "matches": "^\\d+$" }, "referral": false }, "stop": true },
            { "when": { "window": "closing" }, "hand_over": true },
            { "when": { "button": ["b1"] }, "tag": "x" },
            { "when": { "list": "l1" }, "tag": "x" },
        ] });
    let read = answering_of(&config);
    assert_eq!(
        (read.pause_s, read.late_s, read.per_day, read.closing_s),
        (0, 60, 5, Some(7200))
    );
    assert_eq!(read.app_id.as_deref(), Some("57"));
    let [a, b, c, button, list] = read.rules.as_slice() else {
        panic!("five rules")
    };
    assert_eq!((a.hand_over, a.tags.len()), (Some(HandOver::For(9)), 2));
    assert_eq!(a.when.referral, Some(Referral::Of(vec!["77".to_owned()])));
    assert_eq!(a.when.office_hours, Some(false));
    assert!(matches!(b.when.text, Some(Text::Matches(_))));
    assert_eq!(
        (b.hand_over, &b.when.referral),
        (Some(HandOver::Stop), &Some(Referral::None))
    );
    assert_eq!((c.id.as_str(), c.hand_over), ("2", Some(HandOver::Usual)));
    assert_eq!(
        (&button.when.buttons[..], &list.when.lists[..]),
        (&["b1".to_owned()][..], &["l1".to_owned()][..])
    );
}

#[test]
fn a_rule_that_asks_for_closing_windows_has_them_told_an_hour_before() {
    let config = json!({ "replies": [ { "when": { "window": "closing" }, "tag": "late" } ] });
    assert_eq!(answering_of(&config).closing_s, Some(3600));
}

#[test]
fn every_fault_is_told_with_its_path() {
    let cases = json!([
        [{ "when": {} }, "replies[0]: does nothing: it needs reply, tag, hand_over or stop"],
        [{ "tag": "x" }, "replies[0].when: is required"],
        [{ "when": {}, "tag": "x", "given": 1 }, "replies[0].given: is not known here"],
        [{ "when": { "txt": "x" }, "tag": "x" }, "replies[0].when.txt: is not known here, did you mean text?"],
        [{ "when": { "text": "?!" }, "tag": "x" }, "replies[0].when.text: must be words or phrases, with | between them"],
        [{ "when": { "text": { "matches": "(" } }, "tag": "x" },
            "replies[0].when.text.matches: has a group that is not closed"],
        [{ "when": { "text": "x", "button": "y" }, "tag": "x" },
            "replies[0].when.button: no message has it beside text, button or list: write two rules"],
        [{ "when": { "button": "x", "list": ["y"] }, "tag": "x" },
            "replies[0].when.list: no message has it beside text, button or list: write two rules"],
        [{ "when": { "office_hours": "open" }, "tag": "x" }, "replies[0].when.office_hours: must be inside or outside"],
        [{ "when": { "office_hours": "inside" }, "tag": "x" },
            "replies: a condition on office_hours needs answering.office_hours"],
        [{ "when": { "window": "closing", "text": "x" }, "tag": "x" },
            "replies[0].when.text: is a condition on a message, and beside window there is none"],
        [{ "when": { "window": "closing", "first_contact": true }, "tag": "x" },
            "replies[0].when.first_contact: is a condition on a message, and beside window there is none"],
        [{ "when": {}, "reply": text("") }, "replies[0].reply.text.body: must not be blank"],
        [{ "when": {}, "reply": text("{{customer.mail}}") },
            "replies[0].reply: what can be filled in is customer.name, customer.phone, customer.user_id, \
             customer.username, message.text"],
        [{ "when": {}, "tag": "x", "once_in_s": 60 },
            "replies[0]: needs an id, by which it is remembered that it fired"],
        [{ "id": "A", "when": {}, "tag": "x" }, "replies[0].id: must be 1 to 64 of a-z, 0-9, _ and -"],
        [{ "when": {}, "stop": true, "hand_over": true }, "replies[0].hand_over: must be left out beside stop"],
        [{ "when": {}, "hand_over": { "for_s": 0 } }, "replies[0].hand_over.for_s: must be 1 to 31622400 seconds"],
    ]);
    for kind in [
        "vidoe", "photo", "voice", "Image", "system", "edit", "revoke",
    ] {
        let rule = json!({ "when": { "kind": ["text", kind] }, "tag": "x" });
        refused(
            &json!({ "replies": [rule] }),
            &[
                "replies[0].when.kind[1]: must be text or image or video or audio or document or sticker or location or \
                contacts or interactive or button or order or reaction or unsupported or media_placeholder or \
                request_welcome",
            ],
        );
    }
    for case in cases.as_array().unwrap() {
        let config = json!({ "replies": [case[0]] });
        refused(&config, &[case[1].as_str().unwrap()]);
    }
    refused(
        &json!({ "answering": { "app_id": "our app" } }),
        &["answering.app_id: must be an app id: digits, such as 5731794616896507"],
    );
    let twice = json!({ "id": "a", "when": {}, "tag": "x" });
    refused(
        &json!({ "replies": [twice, twice], "answering": { "late": 1, "closing_s": 1 } }),
        &[
            "answering.late: is not known here, did you mean late_s?",
            "answering.closing_s: must be 120 to 82800 seconds",
            "replies[1]: its id is taken by a rule above",
        ],
    );
}
