//! How messages are sent.

use super::answering::LONGEST_S;
use crate::checked::Node;

/// How many messages a number may send in a second where Meta has said nothing else.
const PER_SECOND: u32 = 80;

/// `CONFIG.sending`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sending {
    /// How many messages one number may send in a second: 80 where Meta has said nothing else.
    pub per_second: u32,
    /// How many in a minute; `None`: as many as the seconds allow.
    pub per_minute: Option<u32>,
    /// After how many seconds a message that still waits goes no more, unless it says otherwise or a rule asked for it;
    /// `None`: it waits for as long as it takes.
    pub late_s: Option<u32>,
    /// Each request to Meta bears a proof that we have the app's secret, which an app may ask for ("Require App Secret").
    pub appsecret_proof: bool,
    /// The customer's message is marked as read when it is answered.
    pub mark_read: bool,
    /// The customer sees that somebody types when a message is answered; that marks it as read, too.
    pub typing: bool,
}

impl Default for Sending {
    fn default() -> Self {
        Self {
            per_second: PER_SECOND,
            per_minute: None,
            late_s: None,
            appsecret_proof: false,
            mark_read: false,
            typing: false,
        }
    }
}

impl Sending {
    pub(super) fn read(node: &Node<'_>) -> Self {
        node.only(&[
            "per_second",
            "per_minute",
            "late_s",
            "appsecret_proof",
            "mark_read",
            "typing",
        ]);
        let rate = |key, most| node.get(key)?.whole(&(1..=most), "messages");
        let flag = |key| node.get(key).and_then(|node| node.flag()).unwrap_or(false);
        Self {
            per_second: rate("per_second", 1_000).unwrap_or(PER_SECOND),
            per_minute: rate("per_minute", 60_000),
            late_s: read_late_s(node),
            appsecret_proof: flag("appsecret_proof"),
            mark_read: flag("mark_read"),
            typing: flag("typing"),
        }
    }
}

/// Reads `late_s`, of all messages or of one: for how many seconds it may wait.
pub(crate) fn read_late_s(node: &Node<'_>) -> Option<u32> {
    node.get("late_s")?.whole(&(1..=LONGEST_S), "seconds")
}
