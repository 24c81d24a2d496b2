//! When rules answer, and when they do not.

use crate::checked::Node;

/// The longest that anything here lasts, in seconds: 30 days.
const LONGEST_S: u64 = 30 * 24 * 60 * 60;

/// `CONFIG.answering`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answering {
    /// For how long no rule answers after a person has written, in seconds.
    pub pause_s: i64,
}

impl Default for Answering {
    fn default() -> Self {
        Self {
            pause_s: 12 * 60 * 60,
        }
    }
}

impl Answering {
    pub(super) fn read(node: &Node<'_>) -> Self {
        let mut read = Self::default();
        if node.object().is_none() {
            return read;
        }
        node.only(&["pause_s"]);
        set(&mut read.pause_s, node, "pause_s", 0);
        read
    }
}

/// Sets `to` to a number of seconds, where there is one.
fn set(to: &mut i64, node: &Node<'_>, key: &str, least: u64) {
    let seconds = node
        .get(key)
        .and_then(|node| node.whole(&(least..=LONGEST_S), "seconds"));
    if let Some(seconds) = seconds {
        *to = i64::try_from(seconds).unwrap_or(i64::MAX);
    }
}
