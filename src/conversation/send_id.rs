//! The ids of sends: each says what asked for it, so that whatever asks twice sends once.
//!
//! - `{number}.{event}.rule:{rule}.{index}`: a rule
//! - `{number}.{event}.consent`: what confirms to customers what they said about being written to
//! - `{number}.{event}.{destination}.{index}`: a destination
//! - `{number}.{time}-{place}`, with the partition behind the number where it has several: the API
//!
//! Number, event, rule and destination have no dots in them. A reply's id begins with its event; the number is put in front
//! when it becomes a send.

/// What stands behind the event in the ids of sends that rules asked for.
const OF_RULES: &str = ".rule:";

const CONSENT: &str = "consent";

/// What is true in SQL of the `id` of a send that a rule or a destination asked for, and of no other.
pub const IS_ANSWER: &str = "id LIKE '%.%.%.%'";

/// Who asked for a send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asker<'a> {
    /// A rule.
    Rule {
        /// What it is called.
        rule: &'a str,
        /// It is the first of those that the rule asked for.
        is_first: bool,
    },
    /// A destination, by its id.
    Destination(&'a str),
    /// What the customer said about being written to is confirmed.
    Consent,
    /// `POST /v1/messages`.
    Api,
}

impl<'a> Asker<'a> {
    /// Who asked for the send of this id.
    pub fn of(send: &'a str) -> Self {
        if let Some((_, asked)) = send.split_once(OF_RULES) {
            let (rule, index) = asked.split_once('.').unwrap_or((asked, ""));
            let is_first = index == "0";
            return Self::Rule { rule, is_first };
        }
        let mut parts = send.splitn(4, '.').skip(2);
        match (parts.next(), parts.next()) {
            (Some(destination), Some(_)) => Self::Destination(destination),
            (Some(CONSENT), None) => Self::Consent,
            _ => Self::Api,
        }
    }

    /// Whether it is a rule.
    pub fn is_rule(self) -> bool {
        matches!(self, Self::Rule { .. })
    }
}

/// The id of one of the replies that a rule asks for.
pub(super) fn by_rule(event: &str, rule: &str, index: usize) -> String {
    format!("{event}{OF_RULES}{rule}.{index}")
}

/// The id of the reply that confirms what a customer said about being written to.
pub(super) fn by_consent(event: &str) -> String {
    format!("{event}.{CONSENT}")
}

/// The id of one of the sends that a destination asks for.
pub fn by_destination(number: &str, event: &str, destination: &str, index: usize) -> String {
    format!("{number}.{event}.{destination}.{index}")
}

/// The id of the send that a reply becomes.
pub fn of_reply(number: &str, reply: &str) -> String {
    format!("{number}.{reply}")
}

/// The id of a send that the API asks for now, in this place. `sends_as`: the number, and the partition where it has
/// several.
pub fn by_api(sends_as: &str, now_ms: i64, place: i64) -> String {
    format!("{sends_as}.{now_ms:x}-{place:x}")
}

/// The number that a send goes from; empty where that is none.
pub fn number_of(send: &str) -> Option<&str> {
    send.split_once('.').map(|(number, _)| number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_says_who_asked_for_it() {
        let rule = |rule, is_first| Asker::Rule { rule, is_first };
        for (reply, id, asker) in [
            (
                by_rule("e-1", "hi", 0),
                "1065.e-1.rule:hi.0",
                rule("hi", true),
            ),
            (
                by_rule("e-1", "hi", 10),
                "1065.e-1.rule:hi.10",
                rule("hi", false),
            ),
            (by_consent("e-1"), "1065.e-1.consent", Asker::Consent),
        ] {
            assert_eq!(of_reply("1065", &reply), id);
            assert_eq!(Asker::of(id), asker, "{id}");
            assert_eq!(number_of(id), Some("1065"));
            let of_account = of_reply("", &reply);
            assert_eq!(Asker::of(&of_account), asker, "{of_account}");
            assert_eq!(number_of(&of_account), Some(""));
        }
    }

    #[test]
    fn a_destination_may_be_called_anything() {
        for destination in ["crm", "consent", "rule"] {
            for number in ["1065", ""] {
                let id = by_destination(number, "e-1", destination, 1);
                assert_eq!(id, format!("{number}.e-1.{destination}.1"));
                assert_eq!(Asker::of(&id), Asker::Destination(destination));
                assert_eq!(number_of(&id), Some(number));
            }
        }
    }

    #[test]
    fn what_the_api_asks_for_is_nobodys_reply() {
        let ids = ["1065", "1065.1"].map(|sends_as| by_api(sends_as, 0x19b5, 42));
        assert_eq!(ids, ["1065.19b5-2a", "1065.1.19b5-2a"]);
        for id in &ids {
            assert_eq!(Asker::of(id), Asker::Api);
            assert_eq!(number_of(id), Some("1065"));
        }
        assert_eq!(Asker::of("1065"), Asker::Api);
        assert_eq!(number_of("1065"), None);
    }
}
