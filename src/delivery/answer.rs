//! What a destination's answer means.

use std::{fmt, time::UNIX_EPOCH};

use crate::{
    checked::{self, Fault},
    conversation::recipient,
    event::UNKNOWN,
    mailbox::{Outcome, Stored},
    meta::graph::{Message, NOT_IN_GROUPS},
};

/// How much of an answer is read, in bytes: `MOST` of `post.js`. It is enough for ten replies; what is longer asks for
/// none.
pub const BODY_LIMIT: usize = 64 * 1024;

/// What an answer that asks for replies has in it.
const ASKS: &[u8] = b"\"replies\"";

/// How many replies one answer may ask for. A customer reads a few messages, and a loop in a backend must not write
/// hundreds.
pub const MAX_REPLIES: usize = 10;

/// The longest that `Retry-After` is obeyed, in milliseconds: one hour, as long as the longest wait that we choose
/// ourselves. A date that is far off by mistake must not silence a destination for days.
pub const MAX_RETRY_AFTER_MS: i64 = 3_600_000;

/// The shortest, one second: `Retry-After: 0` must not make a loop.
const MIN_RETRY_AFTER_MS: i64 = 1_000;

/// An event, and the replies to it in the order in which they are to be sent. Where anything is wrong with them none is
/// sent, but the event is delivered all the same.
pub type Replies<'e> = (&'e Stored, Vec<Message>);

/// Why a try failed, in few and stable words that hold no content: `status 500`, `timeout`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ErrorClass {
    /// It answered with this status. A redirect is one of them: it is not followed, as it would lead past the checks
    /// of the URL.
    Status(u16),
    /// It did not answer in time.
    Timeout,
    /// Nobody listens there.
    ConnectionRefused,
    /// No connection, or it broke before the answer was complete.
    Connection,
}

impl fmt::Display for ErrorClass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Status(status) => write!(f, "status {status}"),
            Self::Timeout => f.write_str("timeout"),
            Self::ConnectionRefused => f.write_str("connection refused"),
            Self::Connection => f.write_str("connection failed"),
        }
    }
}

/// What an answer means. `retry_after` is the header as it came, `now_ms` is in unix milliseconds.
pub fn read(status: u16, retry_after: Option<&str>, now_ms: i64) -> Outcome {
    let wait = match status {
        200..=299 => return Outcome::Taken,
        410 => return Outcome::Gone,
        429 | 503 => retry_after.and_then(|value| wait_ms(value, now_ms)),
        _ => None,
    };
    let wait = wait.map(|wait| wait.clamp(MIN_RETRY_AFTER_MS, MAX_RETRY_AFTER_MS));
    refused(
        ErrorClass::Status(status),
        wait.map(|wait| now_ms.saturating_add(wait)),
    )
}

/// What it means that there was no answer.
pub fn none(class: ErrorClass) -> Outcome {
    refused(class, None)
}

fn refused(class: ErrorClass, not_before_ms: Option<i64>) -> Outcome {
    Outcome::Refused {
        error: class.to_string(),
        not_before_ms,
        // 429: it has too much, whatever is in the event (RFC 6585 §4).
        whole: !matches!(class, ErrorClass::Status(..=428 | 430..=499)),
    }
}

/// `Retry-After` is a number of seconds or a date (RFC 9110 §10.2.3).
fn wait_ms(value: &str, now_ms: i64) -> Option<i64> {
    let value = value.trim();
    if !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit()) {
        return Some(
            value
                .parse::<i64>()
                .unwrap_or(i64::MAX)
                .saturating_mul(1_000),
        );
    }
    let date = httpdate::parse_http_date(value)
        .ok()?
        .duration_since(UNIX_EPOCH)
        .ok()?;
    Some(i64::try_from(date.as_millis()).ok()?.saturating_sub(now_ms))
}

/// Which of the events of a delivery is replied to, and the replies that the answer asks for; `None` where it asks for
/// none. It is the last that can be replied to: a status that came behind a message is no reason to leave the message
/// without an answer.
///
/// Replies to an event that tells how our own messages are doing are refused: each reply has statuses of its own, or fails
/// as the one before did, and a backend that answers everything would write to the customer without end. So are replies to
/// what the past and the address book tell by the thousand, and to what the business wrote itself: with a fallback, each
/// would be a template that costs. An event of a type that we do not know may be any of these. Of what is longer than
/// [`BODY_LIMIT`] nothing is sent.
pub fn replies<'e>(events: &'e [Stored], body: &[u8]) -> Result<Option<Replies<'e>>, Vec<Fault>> {
    let replies = read_replies(body)?;
    if replies.is_empty() {
        return Ok(None);
    }
    let mut latest = events.iter().rev();
    let reason = match latest.find(|event| can_be_replied_to(&event.kind, &event.data)) {
        None => NOT_REPLIED_TO,
        Some(event)
            if replies.iter().any(Message::is_for_no_group)
                && recipient::of(&event.data).is_group() =>
        {
            NOT_IN_GROUPS
        }
        Some(event) => return Ok(Some((event, replies))),
    };
    Err(vec![Fault::new("replies", reason)])
}

const NOT_REPLIED_TO: &str = "what became of a message, an echo, the past, the address book, what another app has in hand, or what is unknown cannot be replied to";

fn can_be_replied_to(kind: &str, data: &str) -> bool {
    match kind {
        "whatsapp.message.history" | "whatsapp.message.echoed" => false,
        // Names may have changed while another app has the conversation.
        UNKNOWN | "whatsapp.customer.changed" => recipient::is_a_private_message(data),
        // Nobody wrote it.
        "whatsapp.message.received" => recipient::said_by_meta(data).as_deref() != Some("reject"),
        _ => ![
            "whatsapp.status.",
            "whatsapp.standby.",
            "whatsapp.contact.",
            "transom.send.",
        ]
        .iter()
        .any(|family| kind.starts_with(family)),
    }
}

/// Most backends answer with nothing, with `ok` or with JSON of their own: whatever is not an object with `replies`
/// asks for none. What only looks as if it asked for some is a fault.
fn read_replies(body: &[u8]) -> Result<Vec<Message>, Vec<Fault>> {
    let whole = Some(body).filter(|body| body.len() <= BODY_LIMIT);
    let Some(answer) = whole.and_then(checked::json) else {
        let mut words = body.windows(ASKS.len());
        if !words.any(|word| word == ASKS) {
            return Ok(Vec::new());
        }
        let reason = "the answer must be JSON in UTF-8, of at most 64 KB";
        return Err(vec![Fault::new("", reason)]);
    };
    checked::read("", &answer, |root| {
        let replies = root
            .get("replies")
            .map(|replies| replies.items(0..=MAX_REPLIES, "replies"));
        replies
            .unwrap_or_default()
            .iter()
            .filter_map(Message::read)
            .collect()
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NOW: i64 = 1_795_334_400_000;

    fn replies(body: &str) -> Result<Vec<Message>, Vec<String>> {
        replies_to("whatsapp.message.received", body.as_bytes())
    }

    fn replies_to(kind: &str, body: &[u8]) -> Result<Vec<Message>, Vec<String>> {
        replies_to_all(&[event(kind, "{}")], body)
    }

    fn replies_to_all(events: &[Stored], body: &[u8]) -> Result<Vec<Message>, Vec<String>> {
        match super::replies(events, body) {
            Ok(found) => Ok(found.map(|(_, replies)| replies).unwrap_or_default()),
            Err(faults) => Err(faults.iter().map(ToString::to_string).collect()),
        }
    }

    fn event(kind: &str, data: &str) -> Stored {
        Stored {
            kind: kind.to_owned(),
            data: data.to_owned(),
            ..Stored::example()
        }
    }

    #[test]
    fn any_2xx_takes_the_event_and_most_ask_for_nothing() {
        for body in [
            "",
            "ok",
            "null",
            "[]",
            "{}",
            "\u{0}",
            r#"{"replies":[]}"#,
            r#"{"replies":null}"#,
            r#"{"ok":true}"#,
        ] {
            assert_eq!(replies(body), Ok(vec![]), "{body}");
        }
        assert_eq!(replies_to("whatsapp.status.read", &[0xff; 9]), Ok(vec![]));
        for status in [200, 204, 299] {
            assert_eq!(read(status, Some("5"), NOW), Outcome::Taken);
        }
    }

    #[test]
    fn what_meta_does_in_a_customers_name_or_tells_another_app_cannot_be_replied_to() {
        let body = br#"{"replies":[{"type":"text","text":{"body":"One"}}]}"#;
        let of = |field: &str| {
            format!(
                r#"{{"raw":{{"entry":[{{"changes":[{{"field":"{field}","value":{{"messages":[{{}}]}}}}]}}]}}}}"#
            )
        };
        let permission = |response: &str| {
            format!(
                r#"{{"message":{{"interactive":{{"call_permission_reply":{{"response":"{response}","response_source":"automatic"}}}}}}}}"#
            )
        };
        for (kind, data, is_taken) in [
            ("whatsapp.customer.changed", of("messages"), true),
            ("whatsapp.customer.changed", of("standby"), false),
            ("whatsapp.message.received", permission("accept"), true),
            ("whatsapp.message.received", permission("reject"), false),
        ] {
            let replies = replies_to_all(&[event(kind, &data)], body);
            assert_eq!(replies.is_ok(), is_taken, "{data}");
        }
    }

    #[test]
    fn what_no_customer_wrote_just_now_to_us_cannot_be_replied_to() {
        let body = br#"{"replies":[{"type":"text","text":{"body":"One"}}]}"#;
        for kind in [
            "whatsapp.status.read",
            "whatsapp.standby.received",
            "whatsapp.message.history",
            "whatsapp.message.echoed",
            "whatsapp.contact.added",
            "transom.send.failed",
            "transom.send.unknown",
        ] {
            let fault = format!("replies: {NOT_REPLIED_TO}");
            assert_eq!(replies_to(kind, body).unwrap_err(), [fault], "{kind}");
        }
        for kind in ["whatsapp.message.edited", "transom.window.closing"] {
            assert!(replies_to(kind, body).is_ok(), "{kind}");
        }
    }

    #[test]
    fn a_group_is_not_replied_to_with_what_meta_takes_in_none() {
        let body = br#"{"replies":[{"type":"text","text":{"body":"Well?"}},{"type":"interactive","interactive":{"type":"button",
            "body":{"text":"Well?"},"action":{"buttons":[{"type":"reply","reply":{"id":"yes","title":"Yes"}}]}}}]}"#;
        let in_reply_to =
            |data: &str| replies_to_all(&[event("whatsapp.message.received", data)], body);
        let faults = in_reply_to(r#"{"customer":{"phone":"1650"},"message":{"group_id":"G"}}"#);
        let expected = "replies: Meta takes no interactive messages in a group";
        assert_eq!(faults.unwrap_err(), [expected]);
        assert!(in_reply_to(r#"{"customer":{"phone":"1650"},"message":{}}"#).is_ok());
        let text = br#"{"replies":[{"type":"text","text":{"body":"Well?"}}]}"#;
        let group = event(
            "whatsapp.message.received",
            r#"{"message":{"group_id":"G"}}"#,
        );
        assert!(replies_to_all(&[group], text).is_ok());
    }

    #[test]
    fn of_a_batch_the_last_event_is_replied_to_that_can_be() {
        let body = br#"{"replies":[{"type":"text","text":{"body":"One"}}]}"#;
        for (kinds, expected) in [
            (&["received", "edited"][..], "edited"),
            (&["received", "echoed", "history"], "received"),
        ] {
            let kinds = kinds
                .iter()
                .map(|kind| format!("whatsapp.message.{kind}"))
                .chain(["whatsapp.status.sent", "whatsapp.unknown"].map(str::to_owned));
            let events: Vec<Stored> = kinds.map(|kind| event(&kind, "{}")).collect();
            let (replied_to, _) = super::replies(&events, body).unwrap().unwrap();
            assert_eq!(replied_to.kind, format!("whatsapp.message.{expected}"));
        }
    }

    #[test]
    fn of_what_is_unknown_only_a_customers_private_message_can_be_replied_to() {
        let of = |field: &str, value: &str| {
            format!(
                r#"{{"raw":{{"entry":[{{"changes":[{{"field":"{field}","value":{value}}}]}}]}}}}"#
            )
        };
        for (data, is_taken) in [
            (of("messages", r#"{"messages":[{"type":"poll"}]}"#), true),
            (of("messages", r#"{"messages":[{"group_id":""}]}"#), true),
            (
                of(
                    "messages",
                    r#"{"messages":[{"type":"poll","group_id":"G"}]}"#,
                ),
                false,
            ),
            (of("messages", r#"{"statuses":[{"status":"seen"}]}"#), false),
            (
                of("standby", r#"{"standby":{"messages":[{"type":"poll"}]}}"#),
                false,
            ),
            (of("history", r#"{"messages":[{"type":"poll"}]}"#), false),
            (r#"{"body":"{}"}"#.to_owned(), false),
            (r#"{"body":"nonsense"}"#.to_owned(), false),
            // Where another parser would refuse what came, it is there as text.
            (
                r#"{"body":"{\"entry\":[{\"changes\":[{\"field\":\"messages\",\"value\":{\"messages\":[{\"text\":{\"body\":\"\\ud83d\"}}]}}]}]}"}"#
                    .to_owned(),
                true,
            ),
        ] {
            let body = br#"{"replies":[{"type":"text","text":{"body":"What?"}}]}"#;
            let replies = replies_to_all(&[event("whatsapp.unknown", &data)], body);
            assert_eq!(replies.is_ok(), is_taken, "{data}");
        }
    }

    #[test]
    fn replies_are_taken_in_their_order() {
        let found = replies(
            r#"{"replies":[{"type":"text","text":{"body":"One"}},{"type":"image","image":{"link":"https://a.example/1.png"}}]}"#,
        );
        assert_eq!(
            found.unwrap().iter().map(Message::kind).collect::<Vec<_>>(),
            ["text", "image"]
        );
        let marked = "\u{feff}{\"replies\":[{\"type\":\"text\",\"text\":{\"body\":\"One\"}}]}";
        assert_eq!(replies(marked).map(|found| found.len()), Ok(1));
    }

    #[test]
    fn one_bad_reply_stops_them_all_but_not_the_delivery() {
        assert_eq!(
            replies(r#"{"replies":{}}"#).unwrap_err(),
            ["replies: must be a list of replies"]
        );
        assert_eq!(
            replies(r#"{"replies":[{"type":"text","text":{"body":"One"}},7,{"type":"text","text":{"body":""}}]}"#).unwrap_err(),
            ["replies[1]: must be an object", "replies[2].text.body: must not be blank"]
        );
        let eleven = format!(
            r#"{{"replies":[{}]}}"#,
            [r#"{"type":"text","text":{"body":"x"}}"#; 11].join(",")
        );
        assert_eq!(
            replies(&eleven).unwrap_err(),
            ["replies: at most 10 replies"]
        );
    }

    #[test]
    fn an_answer_that_is_all_faults_is_not_told_all_of_them() {
        let rows: Vec<String> = (0..5_000).map(|n| format!(r#"{{"id":{n}}}"#)).collect();
        let list = format!(
            r#"{{"type":"interactive","interactive":{{"type":"list","action":{{"sections":[{{"rows":[{}]}}]}}}}}}"#,
            rows.join(",")
        );
        let members: Vec<String> = (0..5_000).map(|n| format!(r#""x{n}":1"#)).collect();
        for reply in [
            list,
            format!("{{{}}}", members.join(",")),
            format!(
                r#"{{"type":"text","text":{{"body":"x"}},{}}}"#,
                members.join(",")
            ),
            format!(
                r#"{{"type":"template","template":{{"components":[{}]}}}}"#,
                vec!["{}"; 20_000].join(",")
            ),
            vec!["7"; 30_000].join(","),
        ] {
            let body = format!(r#"{{"replies":[{reply}]}}"#);
            assert!(body.len() < BODY_LIMIT);
            let faults = replies(&body).unwrap_err();
            assert!((1..=100).contains(&faults.len()), "{}", faults.len());
        }
    }

    #[test]
    fn replies_in_an_answer_that_cannot_be_read_are_a_fault_and_all_else_in_it_is_not() {
        let long = "x".repeat(BODY_LIMIT);
        for (body, asks) in [
            (
                format!(r#"{{"replies":[{{"type":"text","text":{{"body":"{long}"}}}}]}}"#),
                true,
            ),
            (r#"{"replies":[],}"#.to_owned(), true),
            (format!(r#"{{"ok":"{long}"}}"#), false),
            ("<html>no replies</html>".to_owned(), false),
        ] {
            let expected = if asks {
                Err(vec![
                    "the answer must be JSON in UTF-8, of at most 64 KB".to_owned(),
                ])
            } else {
                Ok(vec![])
            };
            assert_eq!(replies(&body), expected, "{body:.20}");
        }
    }

    #[test]
    fn gone_is_gone_and_all_else_is_tried_again() {
        assert_eq!(read(410, Some("5"), NOW), Outcome::Gone);
        let event = [100, 301, 302, 307, 308, 400, 401, 404, 408, 428, 430, 499];
        let destination = [429, 500, 502, 503, 504, 999];
        for (statuses, is_whole) in [(&event[..], false), (&destination[..], true)] {
            for status in statuses {
                assert_eq!(
                    read(*status, None, NOW),
                    Outcome::Refused {
                        error: format!("status {status}"),
                        not_before_ms: None,
                        whole: is_whole,
                    }
                );
            }
        }
    }

    #[test]
    fn retry_after_is_obeyed_within_reason() {
        for (value, wait) in [
            ("120", Some(120_000)),
            (" 7 ", Some(7_000)),
            ("0", Some(1_000)),
            ("86400", Some(3_600_000)),
            ("99999999999999999999999", Some(3_600_000)),
            ("Sun, 22 Nov 2026 08:10:00 GMT", Some(600_000)),
            ("Sun, 22 Nov 2026 07:00:00 GMT", Some(1_000)),
            ("Sun, 22 Nov 2099 08:00:00 GMT", Some(3_600_000)),
            ("soon", None),
            ("-5", None),
            ("1.5", None),
            ("", None),
        ] {
            assert_eq!(waits(503, value), wait, "{value}");
        }
        assert_eq!(waits(429, "5"), Some(5_000));
        assert_eq!(waits(500, "5"), None);
    }

    fn waits(status: u16, retry_after: &str) -> Option<i64> {
        match read(status, Some(retry_after), NOW) {
            Outcome::Refused { not_before_ms, .. } => not_before_ms.map(|at| at - NOW),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn an_error_class_is_few_and_stable_words() {
        let classes = [
            ErrorClass::Status(502),
            ErrorClass::Timeout,
            ErrorClass::ConnectionRefused,
            ErrorClass::Connection,
        ];
        assert_eq!(
            classes.map(|class| class.to_string()),
            [
                "status 502",
                "timeout",
                "connection refused",
                "connection failed"
            ]
        );
    }

    proptest! {
        #[test]
        fn nothing_that_a_backend_says_is_too_much(status: u16, retry_after: Option<String>, body: Vec<u8>, now_ms: i64) {
            read(status, retry_after.as_deref(), now_ms);
            let _ = super::replies(&[event("whatsapp.message.received", "{}")], &body);
        }
    }
}
