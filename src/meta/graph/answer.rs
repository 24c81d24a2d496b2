//! What an answer of the Graph API to a send means.

use serde_json::Value;

use crate::checked;

use super::errors::{Class, Outcome, find};

/// What became of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GraphAnswer {
    /// Meta has taken it.
    Accepted {
        /// `wamid.…`: statuses are about this.
        message_id: String,
        /// The recipient's phone number as Meta knows it, which may differ from the one that was given.
        wa_id: Option<String>,
        /// The recipient's business-scoped user id.
        user_id: Option<String>,
    },
    /// Meta has not taken it: nothing went out.
    Refused {
        /// Meta's error code.
        code: u32,
        /// What it is about.
        class: Class,
        /// Whether it may be sent again later.
        again: bool,
    },
    /// It may have gone out, or not.
    Unknown {
        /// Meta's error code, where the answer has one.
        code: Option<u32>,
    },
}

/// Reads an answer. What does not plainly say that the message was taken, or that it was not, is unknown: a 5xx that is
/// not about the number, a redirect, a success without an id, an error that cannot be read, one that Meta calls transient
/// and does not document, and those of which Meta says itself that it does not know (1, 2, 131000, 131016).
pub fn read(status: u16, body: &[u8]) -> GraphAnswer {
    match status {
        200..=299 => accepted(body).unwrap_or(GraphAnswer::Unknown { code: None }),
        _ => refused(status, body),
    }
}

/// Whether this is what Cloudflare answers itself because no connection came about: it was refused (521), there is no
/// way there (523), TLS failed (525, 526) or the name was not found (530). Nothing of the request has left. 520, 522
/// and 524 say nothing of the kind.
pub fn is_of_no_connection(status: u16, body: &[u8]) -> bool {
    matches!(status, 521 | 523 | 525 | 526 | 530) && body.starts_with(b"error code: ")
}

fn accepted(body: &[u8]) -> Option<GraphAnswer> {
    let sent: Value = checked::json(body)?;
    let text = |place: &str| sent.pointer(place)?.as_str().map(str::to_owned);
    Some(GraphAnswer::Accepted {
        message_id: text("/messages/0/id").filter(|id| !id.is_empty())?,
        wa_id: text("/contacts/0/wa_id"),
        user_id: text("/contacts/0/user_id"),
    })
}

fn refused(status: u16, body: &[u8]) -> GraphAnswer {
    let answer: Value = checked::json(body).unwrap_or_default();
    let code = answer.pointer("/error/code").and_then(Value::as_u64);
    let Some(mut code) = code.and_then(|code| u32::try_from(code).ok()) else {
        return GraphAnswer::Unknown { code: None };
    };
    // Of a number that does not exist, or is not the token's, Graph says that a parameter is wrong.
    if code == 100 && answer.pointer("/error/error_subcode") == Some(&33.into()) {
        code = 33;
    }
    // Graph has no code of its own for an `appsecret_proof` that is missing or wrong: that is set wrong, like a token.
    let message = answer.pointer("/error/message").and_then(Value::as_str);
    if code == 100 && message.is_some_and(|message| message.contains("appsecret_proof")) {
        code = 190;
    }
    let is_transient = answer.pointer("/error/is_transient") == Some(&Value::Bool(true));
    let (class, outcome) = match find(code) {
        Some(entry) => (entry.class, entry.outcome),
        None if is_transient => (Class::Other, Outcome::Unknown),
        None => (Class::Other, Outcome::Refused),
    };
    let is_plain = (400..=499).contains(&status) || class.is_of_the_number();
    if outcome == Outcome::Unknown || !is_plain {
        return GraphAnswer::Unknown { code: Some(code) };
    }
    GraphAnswer::Refused {
        code,
        class,
        again: outcome == Outcome::Again,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn error(status: u16, code: u32, is_transient: bool) -> GraphAnswer {
        let body = json!({ "error": { "message": "(#0) …", "type": "OAuthException", "code": code, "is_transient": is_transient,
            "error_data": { "messaging_product": "whatsapp", "details": "…" }, "fbtrace_id": "Az8or2yhqkZfEZ" } });
        read(status, body.to_string().as_bytes())
    }

    #[test]
    fn an_id_means_that_it_was_taken() {
        let body = br#"{"messaging_product":"whatsapp",
            "contacts":[{"input":"+16505551234","wa_id":"16505551234","user_id":"US.13491208655302741918"}],
            "messages":[{"id":"wamid.HBgLMTY1","message_status":"accepted"}]}"#;
        assert_eq!(
            read(200, body),
            GraphAnswer::Accepted {
                message_id: "wamid.HBgLMTY1".into(),
                wa_id: Some("16505551234".into()),
                user_id: Some("US.13491208655302741918".into()),
            }
        );
        assert!(matches!(
            read(200, br#"{"messages":[{"id":"wamid.1"}]}"#),
            GraphAnswer::Accepted { wa_id: None, .. }
        ));
    }

    #[test]
    fn a_proof_that_is_missing_or_wrong_is_as_a_token_that_is() {
        for message in [
            "API calls from the server require an appsecret_proof argument",
            "Invalid appsecret_proof provided in the API argument",
        ] {
            let body = json!({ "error": { "message": message, "type": "GraphMethodException", "code": 100 } });
            let expected = GraphAnswer::Refused {
                code: 190,
                class: Class::Token,
                again: false,
            };
            assert_eq!(read(400, body.to_string().as_bytes()), expected);
        }
    }

    #[test]
    fn a_documented_refusal_is_one_and_says_whether_it_is_for_now() {
        for (status, code, class, again) in [
            (400, 131_047, Class::Window, false),
            (401, 190, Class::Token, false),
            (400, 999_999, Class::Other, false),
            (400, 130_429, Class::Rate, true),
            (400, 131_208, Class::Group, true),
        ] {
            let refused = GraphAnswer::Refused { code, class, again };
            assert_eq!(error(status, code, false), refused);
            let is_known = find(code).is_some();
            assert_eq!(error(status, code, true) == refused, is_known, "{code}");
        }
    }

    #[test]
    fn what_is_wrong_with_the_number_is_a_refusal_whatever_the_status() {
        for status in [400, 403, 500, 503] {
            for (code, again) in [
                (3, false),
                (131_045, false),
                (133_000, false),
                (131_057, true),
            ] {
                assert!(
                    matches!(error(status, code, true), GraphAnswer::Refused { again: it, .. } if it == again),
                    "{status} {code}"
                );
            }
        }
    }

    #[test]
    fn a_number_that_the_token_cannot_reach_is_no_fault_of_the_message() {
        let body = json!({ "error": { "code": 100, "error_subcode": 33, "type": "GraphMethodException" } });
        let answer = read(400, body.to_string().as_bytes());
        let refused = GraphAnswer::Refused {
            code: 33,
            class: Class::Number,
            again: false,
        };
        assert_eq!(answer, refused);
        let of_the_message = GraphAnswer::Refused {
            code: 100,
            class: Class::Content,
            again: false,
        };
        assert_eq!(error(400, 100, false), of_the_message);
    }

    #[test]
    fn what_may_have_gone_out_is_unknown() {
        for code in [1, 2, 131_000, 131_016, 999_999] {
            let unknown = GraphAnswer::Unknown { code: Some(code) };
            assert_eq!(error(400, code, true), unknown);
        }
        for (status, body) in [
            (200, ""),
            (200, "{}"),
            (200, r#"{"messages":[]}"#),
            (200, r#"{"messages":[{"id":""}]}"#),
            (200, r#"{"error":{"code":190}}"#),
            (302, ""),
            (400, "<html>"),
            (408, ""),
            (429, "{}"),
            (500, ""),
            (503, "{}"),
        ] {
            assert_eq!(
                read(status, body.as_bytes()),
                GraphAnswer::Unknown { code: None },
                "{status} {body}"
            );
        }
    }

    #[test]
    fn what_the_platform_says_of_its_connections_is_told_from_what_meta_says() {
        let is = |status, body: &str| is_of_no_connection(status, body.as_bytes());
        for status in 500..=599 {
            let before_the_first_byte = [521, 523, 525, 526, 530].contains(&status);
            let is_told = is(status, "error code: 1016");
            assert_eq!(is_told, before_the_first_byte, "{status}");
            let of_meta = is(status, r#"{"error":{"code":2}}"#) || is(status, "");
            assert!(!of_meta, "{status}");
        }
    }

    proptest! {
        #[test]
        fn nothing_above_499_is_ever_sent_again_but_what_is_wrong_with_the_number(
            status in 500_u16..,
            code in prop_oneof![any::<u32>(), 0_u32..400, 130_000_u32..140_000],
            transient: bool,
        ) {
            let of_the_number = find(code).is_some_and(|entry| entry.class.is_of_the_number());
            let unknown = matches!(error(status, code, transient), GraphAnswer::Unknown { .. });
            prop_assert_eq!(unknown, !of_the_number);
        }
    }
}
