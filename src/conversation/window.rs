//! The windows in which a business may write to a customer: the customer service window (24 h from the customer's
//! last message or call, free-form messages) and the free entry point (72 h from the answer to a customer who came by
//! an advertisement, messages at no charge).
//!
//! They follow from the timestamps of what happened, never from when we were told of it: Meta repeats a webhook for up
//! to seven days. The order in which webhooks arrive does not matter: the later end of a customer service window holds,
//! and of the answers to one advertisement the first. Only an answer that is told before the message that it answers
//! opens no free entry point, unless Meta says with it when that closes.

use crate::{
    event::{Effect, MessageStatus, rfc3339},
    written::Object,
};

/// How long the customer service window stays open after the customer wrote or called, in seconds.
/// (Meta: "Send messages", "Customer service windows".)
pub const CUSTOMER_SERVICE: i64 = 24 * 60 * 60;

/// How long before its end a window counts as closed, in seconds: a send may wait its turn, and Meta's clock is not
/// ours.
pub const MARGIN_S: i64 = 60;

/// How long the business has to answer for the free entry point to open, in seconds. (Meta: "Pricing", "Free entry
/// point conversations".)
pub const FREE_ENTRY_ANSWER: i64 = 24 * 60 * 60;

/// How long the free entry point stays open after that answer, in seconds.
pub const FREE_ENTRY_POINT: i64 = 72 * 60 * 60;

/// Until when each window is open, in unix seconds; `None`: it never was.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Windows {
    /// The customer service window.
    pub customer_service: Option<i64>,
    /// The free entry point.
    pub free_entry_point: Option<i64>,
    /// When the customer last came by an advertisement.
    pub referred: Option<i64>,
}

impl Windows {
    /// The windows after an event with this effect, which happened at `time`.
    #[must_use]
    pub fn after(self, effect: &Effect, time: Option<i64>) -> Self {
        let Some(time) = time else { return self };
        match effect {
            Effect::Opens { referral } => Self {
                customer_service: self
                    .customer_service
                    .max(Some(time.saturating_add(CUSTOMER_SERVICE))),
                referred: if *referral {
                    self.referred.max(Some(time))
                } else {
                    self.referred
                },
                ..self
            },
            Effect::Status {
                free_until: Some(end),
                ..
            } => self.free_until(*end),
            // Of the statuses only `sent` has the time at which the business wrote: a customer who opens the chat by an
            // advertisement may read then what was written long before.
            Effect::Answers
            | Effect::Status {
                status: MessageStatus::Sent,
                ..
            } => self.answered(time),
            Effect::Status { .. } | Effect::Renames { .. } | Effect::None => self,
        }
    }

    /// The first answer in time is what opens the free entry point; it may be told after a later one.
    fn answered(self, time: i64) -> Self {
        if self.is_in_time(time) {
            self.free_until(time.saturating_add(FREE_ENTRY_POINT))
        } else {
            self
        }
    }

    fn free_until(self, end: i64) -> Self {
        let before = self.free_entry_point;
        let is_of_this = |end: i64| self.is_in_time(end.saturating_sub(FREE_ENTRY_POINT));
        Self {
            free_entry_point: if before.is_some_and(is_of_this) && is_of_this(end) {
                before.min(Some(end))
            } else {
                before.max(Some(end))
            },
            ..self
        }
    }

    /// Whether an answer of this time opens the free entry point.
    fn is_in_time(self, answered: i64) -> bool {
        self.referred.is_some_and(|referred| {
            (referred..=referred.saturating_add(FREE_ENTRY_ANSWER)).contains(&answered)
        })
    }

    /// The windows of one person whom we knew as two.
    #[must_use]
    pub fn joined(self, other: Self) -> Self {
        Self {
            customer_service: self.customer_service.max(other.customer_service),
            free_entry_point: self.free_entry_point.max(other.free_entry_point),
            referred: self.referred.max(other.referred),
        }
    }

    /// How the windows stand at `now` (unix seconds), as events and the admin API tell it. Free-form messages may be sent
    /// while the first is open, templates always; messages are free of charge while the second is.
    pub fn view(self, now: i64) -> String {
        Object::default()
            .json("customer_service", &view_of(self.customer_service, now))
            .json("free_entry_point", &view_of(self.free_entry_point, now))
            .finish()
    }
}

/// Whether free-form messages may be sent at `now` in a customer service window that closes then (unix seconds).
pub fn lets_write(closes_at: Option<i64>, now: i64) -> bool {
    closes_at.is_some_and(|closes_at| closes_at > now.saturating_add(MARGIN_S))
}

/// One window: whether it is open, and when it closes or did close, where it ever was open.
fn view_of(closes_at: Option<i64>, now: i64) -> String {
    let is_open = closes_at.is_some_and(|closes_at| now < closes_at);
    Object::default()
        .json("open", if is_open { "true" } else { "false" })
        .text_if("closes_at", closes_at.and_then(rfc3339).as_deref())
        .finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const WROTE: Effect = Effect::Opens { referral: false };
    const CAME_BY_AD: Effect = Effect::Opens { referral: true };
    const HOUR: i64 = 3600;

    fn status(status: MessageStatus) -> Effect {
        Effect::Status {
            message: "wamid.A".to_owned(),
            status,
            free_until: None,
        }
    }

    fn sent_and_free_until(end: i64) -> Effect {
        Effect::Status {
            message: "wamid.A".to_owned(),
            status: MessageStatus::Sent,
            free_until: Some(end),
        }
    }

    fn after(events: &[(Effect, i64)]) -> Windows {
        events
            .iter()
            .fold(Windows::default(), |windows, (effect, time)| {
                windows.after(effect, Some(*time))
            })
    }

    fn is_open(windows: Windows, now: i64) -> bool {
        windows
            .view(now)
            .starts_with(r#"{"customer_service":{"open":true"#)
    }

    #[test]
    fn the_window_is_open_for_a_day_after_the_customer_wrote() {
        let windows = after(&[(WROTE, 1000)]);
        assert!(is_open(windows, 1000));
        assert!(is_open(windows, 1000 + 24 * HOUR - 1));
        assert!(!is_open(windows, 1000 + 24 * HOUR));
    }

    #[test]
    fn a_window_that_never_was_open_has_no_end() {
        let view = Windows::default().view(0);
        assert_eq!(
            view,
            r#"{"customer_service":{"open":false},"free_entry_point":{"open":false}}"#
        );
    }

    #[test]
    fn the_answer_to_a_customer_who_came_by_an_ad_opens_the_free_entry_point() {
        let windows = after(&[(CAME_BY_AD, 0), (status(MessageStatus::Sent), HOUR)]);
        assert_eq!(windows.free_entry_point, Some(73 * HOUR));
    }

    #[test]
    fn the_answer_to_a_customer_who_came_by_themselves_opens_no_free_entry_point() {
        let windows = after(&[(WROTE, 0), (Effect::Answers, HOUR)]);
        assert_eq!(windows.free_entry_point, None);
    }

    #[test]
    fn only_the_first_answer_counts() {
        let windows = after(&[
            (CAME_BY_AD, 0),
            (Effect::Answers, HOUR),
            (status(MessageStatus::Sent), 5 * HOUR),
        ]);
        assert_eq!(windows.free_entry_point, Some(73 * HOUR));
    }

    #[test]
    fn an_answer_after_a_day_one_that_failed_or_what_was_written_before_opens_nothing() {
        for answer in [
            (status(MessageStatus::Sent), 25 * HOUR),
            (status(MessageStatus::Sent), -HOUR),
            (status(MessageStatus::Delivered), HOUR),
            (status(MessageStatus::Read), 0),
            (status(MessageStatus::Failed), HOUR),
            (Effect::None, HOUR),
        ] {
            let windows = after(&[(CAME_BY_AD, 0), answer]);
            assert_eq!(windows.free_entry_point, None);
        }
    }

    #[test]
    fn where_meta_says_when_the_free_entry_point_closes_no_order_changes_it() {
        let events = [
            (CAME_BY_AD, 0),
            (Effect::Answers, HOUR),
            (sent_and_free_until(73 * HOUR), 2 * HOUR),
            (sent_and_free_until(73 * HOUR), 20 * HOUR),
        ];
        for by in 0..events.len() {
            let mut events = events.clone();
            events.rotate_left(by);
            assert_eq!(after(&events).free_entry_point, Some(73 * HOUR));
            events.reverse();
            assert_eq!(after(&events).free_entry_point, Some(73 * HOUR));
        }
    }

    #[test]
    fn what_meta_says_of_another_advertisement_moves_the_end_back_for_none() {
        let answered = [(CAME_BY_AD, 0), (Effect::Answers, HOUR)];
        for (said, end) in [(20 * HOUR, 73 * HOUR), (200 * HOUR, 200 * HOUR)] {
            let events = [&answered[..], &[(sent_and_free_until(said), 2 * HOUR)]].concat();
            assert_eq!(after(&events).free_entry_point, Some(end));
        }
    }

    #[test]
    fn of_two_who_are_one_the_later_end_of_each_window_holds() {
        let met = after(&[(WROTE, 50 * HOUR)]);
        let came_by_ad = after(&[(CAME_BY_AD, 0), (Effect::Answers, HOUR)]);
        let both = Windows {
            customer_service: Some(74 * HOUR),
            free_entry_point: Some(73 * HOUR),
            referred: Some(0),
        };
        assert_eq!(met.joined(came_by_ad), both);
        assert_eq!(came_by_ad.joined(met), both);
    }

    #[test]
    fn an_event_without_a_time_changes_nothing() {
        assert_eq!(Windows::default().after(&WROTE, None), Windows::default());
    }

    proptest! {
        #[test]
        fn no_order_of_arrival_changes_when_the_customer_service_window_closes(
            times in proptest::collection::vec(0i64..1_000_000, 1..8),
        ) {
            let windows = times.iter().fold(Windows::default(), |windows, time| {
                windows.after(&WROTE, Some(*time))
            });
            let last = times.iter().max().unwrap();
            prop_assert_eq!(windows.customer_service, Some(last + CUSTOMER_SERVICE));
        }

        #[test]
        fn no_order_of_answers_changes_when_the_free_entry_point_closes(
            times in proptest::collection::vec(-10..40 * HOUR, 1..8), before in any::<Option<bool>>(),
        ) {
            let mut windows = Windows::default();
            if let Some(is_long_ago) = before {
                let first = if is_long_ago { -100 * HOUR } else { -30 * HOUR };
                windows = windows.after(&CAME_BY_AD, Some(first)).after(&Effect::Answers, Some(first));
            }
            let before = windows.free_entry_point;
            windows = windows.after(&CAME_BY_AD, Some(0));
            for time in &times {
                windows = windows.after(&status(MessageStatus::Sent), Some(*time));
            }
            let first = times.into_iter().filter(|time| (0..=24 * HOUR).contains(time)).min();
            prop_assert_eq!(windows.free_entry_point, before.max(first.map(|first| first + 72 * HOUR)));
        }

        #[test]
        fn the_customer_service_window_never_moves_back(times in proptest::collection::vec((0u8..4, any::<i64>()), 1..20)) {
            let mut windows = Windows::default();
            for (what, time) in times {
                let effect = match what {
                    0 => WROTE,
                    1 => CAME_BY_AD,
                    2 => Effect::Answers,
                    _ => status(MessageStatus::Sent),
                };
                let next = windows.after(&effect, Some(time));
                prop_assert!(next.customer_service >= windows.customer_service);
                windows = next;
            }
        }
    }
}
