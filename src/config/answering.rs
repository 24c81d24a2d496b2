//! What is answered by itself, and when nothing is.

use std::ops::RangeInclusive;

use crate::{
    checked::Node,
    config::{OfficeHours, Rule, id},
};

/// The longest that anything here lasts, in seconds: 30 days.
pub(super) const LONGEST_S: u32 = 30 * 24 * 60 * 60;

/// The most that a budget for a day can be, in messages.
pub(super) const MOST_PER_DAY: u32 = 10_000_000;

/// The window is open for a day; something must be left of it.
const CLOSING_S: RangeInclusive<u32> = 120..=82_800;

/// `CONFIG.replies` and `CONFIG.answering`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answering {
    /// The rules; the first that fits fires.
    pub rules: Vec<Rule>,
    /// For how long no rule answers after a person has written, in seconds.
    pub pause_s: i64,
    /// How long ago a message may have been written that is still answered, in seconds: Meta repeats for days.
    pub late_s: i64,
    /// Whether rules answer in groups.
    pub groups: bool,
    /// How many messages rules may send in a day from one number.
    pub per_day: u32,
    /// How long before its end a window in which nobody has answered counts as closing, in seconds; `None`: nobody
    /// wants to know.
    pub closing_s: Option<i64>,
    /// When somebody is there.
    pub office_hours: Option<OfficeHours>,
    /// The id of our app at Meta, by which it says who gets a conversation; `None`: what is passed is passed to ours.
    pub app_id: Option<String>,
}

impl Default for Answering {
    fn default() -> Self {
        Self {
            rules: Vec::new(),
            pause_s: 12 * 60 * 60,
            late_s: 10 * 60,
            groups: false,
            per_day: 1_000,
            closing_s: None,
            office_hours: None,
            app_id: None,
        }
    }
}

/// What `replies` and `answering` of such a `CONFIG` mean, for tests.
#[cfg(test)]
pub(crate) fn answering_of(config: &serde_json::Value) -> Answering {
    let read = crate::checked::read("", config, |root| {
        Answering::read(root.get("replies").as_ref(), root.get("answering").as_ref())
    });
    read.unwrap().unwrap()
}

impl Answering {
    /// Reads both; `None` where neither is there, and nothing is answered.
    pub(super) fn read(replies: Option<&Node<'_>>, answering: Option<&Node<'_>>) -> Option<Self> {
        if replies.is_none() && answering.is_none() {
            return None;
        }
        let mut read = Self::default();
        if let Some(node) = answering {
            read.read_settings(node);
        }
        if let Some(node) = replies {
            read.rules = Rule::read_all(node);
        }
        if read.rules.iter().any(|rule| rule.when.window_closing) {
            read.closing_s = read.closing_s.or(Some(60 * 60));
        }
        let by_hours = |rule: &Rule| rule.when.office_hours.is_some();
        if let Some(node) = replies
            && read.office_hours.is_none()
            && read.rules.iter().any(by_hours)
        {
            node.fault("a condition on office_hours needs answering.office_hours");
        }
        Some(read)
    }

    fn read_settings(&mut self, node: &Node<'_>) {
        if node.object().is_none() {
            return;
        }
        node.only(&[
            "pause_s",
            "late_s",
            "groups",
            "per_day",
            "closing_s",
            "office_hours",
            "app_id",
        ]);
        let seconds = |key, range| {
            let seconds = node.get(key)?.whole(&range, "seconds")?;
            Some(i64::from(seconds))
        };
        self.pause_s = seconds("pause_s", 0..=LONGEST_S).unwrap_or(self.pause_s);
        self.late_s = seconds("late_s", 1..=LONGEST_S).unwrap_or(self.late_s);
        self.closing_s = seconds("closing_s", CLOSING_S);
        let groups = node.get("groups").and_then(|node| node.flag());
        self.groups = groups.unwrap_or(self.groups);
        let per_day = node
            .get("per_day")
            .and_then(|node| node.whole(&(0..=MOST_PER_DAY), "messages"));
        self.per_day = per_day.unwrap_or(self.per_day);
        let hours = node.get("office_hours");
        self.office_hours = hours.and_then(|node| OfficeHours::read(&node));
        let app_id = node.get("app_id");
        self.app_id = app_id.and_then(|node| {
            id::of_meta(&node, "must be an app id: digits, such as 5731794616896507")
        });
    }
}
