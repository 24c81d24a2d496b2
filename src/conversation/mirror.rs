//! Which windows are told to a team's other Workers, which read them from KV without a call.
//!
//! A window is told when it opens and each time that its end passes a step, not with every message: writing to KV costs
//! more than all else that is done for a message. What is told never ends later than the window does, as far as we know,
//! and at most a step earlier.

use super::{policy::Known, window::Windows};
use crate::{
    event::{Event, Name, rfc3339},
    written::Object,
};

/// KV takes nothing that expires sooner, in seconds. (Cloudflare: "Write key-value pairs", "Expiring keys".)
const SOONEST_S: i64 = 60;

/// What is told.
#[derive(Debug)]
pub struct Mirror {
    step_s: i64,
}

/// The windows of one conversation, as they are told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mirrored {
    /// Whose.
    pub conversation: i64,
    /// The names under which they are told: those by which Meta called the person.
    pub names: Vec<String>,
    /// A JSON object with those that are open.
    pub value: String,
    /// When the last of them closes, in unix seconds.
    pub expires_at: i64,
}

impl Mirrored {
    /// What is told in place of what was told before, when a person is forgotten or their windows turn out to be over: KV
    /// lets go of it as soon as it may.
    pub fn closed(conversation: i64, names: &[Name], now: i64) -> Self {
        Self {
            conversation,
            names: of_a_person(names),
            value: "{}".to_owned(),
            // The platform's clock may be somewhat ahead of ours.
            expires_at: now.saturating_add(2 * SOONEST_S),
        }
    }

    /// Takes the place of what was still to be told of the same conversation: the latest is what counts, under the names of
    /// both, since not every event has all.
    pub fn replace(mut self, before: &mut Self) {
        before.names.retain(|name| !self.names.contains(name));
        self.names.append(&mut before.names);
        *before = self;
    }
}

impl Mirror {
    /// With steps of so many seconds.
    pub fn new(step_s: i64) -> Self {
        Self {
            step_s: step_s.max(1),
        }
    }

    /// What is told after an event, at `now` (unix seconds); mostly nothing. `anew`: even where no window has moved, since
    /// a name is new, or telling failed.
    pub fn told(&self, event: &Event, known: &Known, anew: bool, now: i64) -> Option<Mirrored> {
        let (before, after) = (known.before, known.windows);
        let moved = self.passes(before.customer_service, after.customer_service, now)
            || self.passes(before.free_entry_point, after.free_entry_point, now);
        if !moved && !anew {
            return None;
        }
        let closed = Mirrored::closed(known.conversation, &event.names, now);
        if closed.names.is_empty() {
            return None;
        }
        let end = |windows: Windows| windows.customer_service.max(windows.free_entry_point);
        let lasts = |end: &i64| *end > now.saturating_add(SOONEST_S);
        match end(after).filter(lasts) {
            Some(expires_at) => Some(Mirrored {
                value: value(after, now),
                expires_at,
                ..closed
            }),
            // What was told before would stand there for longer than the window is open.
            None => end(before).filter(lasts).map(|_| closed),
        }
    }

    /// Whether a window opened, its end passed a step, or it turned out to close sooner.
    fn passes(&self, before: Option<i64>, after: Option<i64>, now: i64) -> bool {
        match (before, after) {
            (Some(before), Some(after)) => {
                let steps = |end: i64| end.div_euclid(self.step_s);
                after < before
                    || (after > before && (before <= now || steps(before) < steps(after)))
            }
            (before, after) => before < after,
        }
    }
}

/// Those of these names that are a person's, as Meta writes them.
fn of_a_person(names: &[Name]) -> Vec<String> {
    let names = names.iter().filter(|name| name.member().is_some());
    names.map(|name| name.value().to_owned()).collect()
}

fn value(windows: Windows, now: i64) -> String {
    let mut value = Object::default();
    for (name, closes_at) in [
        ("customer_service", windows.customer_service),
        ("free_entry_point", windows.free_entry_point),
    ] {
        let closes_at = closes_at.filter(|closes_at| *closes_at > now);
        if let Some(closes_at) = closes_at.and_then(rfc3339) {
            let window = Object::default().text("closes_at", &closes_at).finish();
            value.json(name, &window);
        }
    }
    value.finish()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{
        conversation::{State, window::CUSTOMER_SERVICE},
        event::Effect,
    };

    const NOW: i64 = 1_795_334_400;
    const HOUR: i64 = 3600;

    fn event(effect: Effect, time: i64) -> Event {
        Event {
            id: "e".into(),
            kind: "whatsapp.message.received".into(),
            time: Some(time),
            names: vec![Name::User("US.1".into()), Name::Phone("1650".into())],
            effect,
            data: "{}".into(),
        }
    }

    fn known(before: Windows, after: Windows) -> Known {
        Known {
            conversation: 7,
            before,
            windows: after,
            state: State::default(),
        }
    }

    fn open_until(closes_at: i64) -> Windows {
        Windows {
            customer_service: Some(closes_at),
            ..Windows::default()
        }
    }

    /// What is told as a window's end moves.
    fn moves(mirror: &Mirror, before: Option<i64>, after: i64) -> Option<Mirrored> {
        let wrote = event(Effect::Opens { referral: false }, NOW);
        let before = before.map(open_until).unwrap_or_default();
        mirror.told(&wrote, &known(before, open_until(after)), false, NOW)
    }

    #[test]
    fn a_window_is_told_when_it_opens_and_when_its_end_passes_a_step() {
        let mirror = Mirror::new(HOUR);
        let end = NOW + CUSTOMER_SERVICE;
        let opened = moves(&mirror, None, end).unwrap();
        assert_eq!(opened.names, ["US.1", "1650"]);
        assert_eq!(
            (opened.value.as_str(), opened.expires_at),
            (
                r#"{"customer_service":{"closes_at":"2026-11-23T08:00:00Z"}}"#,
                end
            )
        );
        for (before, after, told) in [
            (Some(end), end, false),
            (Some(end), end + 59 * 60, false),
            (Some(end + 59 * 60), end + 61 * 60, true),
            (Some(NOW), end, true),
            (Some(end), end - 1, true),
            (Some(NOW - 5), end + 1, true),
            (None, NOW + 60, false),
            (None, NOW - 5, false),
        ] {
            let found = moves(&mirror, before, after);
            assert_eq!(found.is_some(), told, "{before:?} {after}");
        }
    }

    #[test]
    fn what_is_to_be_told_anew_is_while_a_window_is_open_and_what_is_nobodys_is_not() {
        let mirror = Mirror::new(HOUR);
        let open = open_until(NOW + HOUR);
        let status = event(Effect::None, NOW);
        for (windows, anew, told) in [
            (open, true, true),
            (open, false, false),
            (open_until(NOW - 5), true, false),
            (Windows::default(), true, false),
        ] {
            let found = mirror.told(&status, &known(windows, windows), anew, NOW);
            assert_eq!(found.is_some(), told, "{windows:?} {anew}");
        }
        let group = Event {
            names: vec![Name::Group("G".into())],
            ..event(Effect::Opens { referral: false }, NOW)
        };
        let opens = known(Windows::default(), open);
        assert_eq!(mirror.told(&group, &opens, true, NOW), None);
    }

    #[test]
    fn a_free_entry_point_that_turns_out_to_be_over_is_told_as_closed() {
        let until = |end| Windows {
            free_entry_point: Some(end),
            ..open_until(NOW - HOUR)
        };
        let status = event(Effect::Answers, NOW - 72 * HOUR);
        let told = |before, end| {
            let known = known(until(before), until(end));
            Mirror::new(HOUR).told(&status, &known, false, NOW)
        };
        let closed = Mirrored::closed(7, &status.names, NOW);
        for over in [NOW - 1, NOW + 60] {
            assert_eq!(told(NOW + HOUR, over).as_ref(), Some(&closed), "{over}");
        }
        assert_eq!(told(NOW, NOW - 1), None, "KV has let go of it");
    }

    #[test]
    fn what_is_told_in_place_of_what_was_still_to_be_told_is_told_under_all_names() {
        let told = |names: &[&str], value: &str| Mirrored {
            conversation: 7,
            names: names.iter().map(ToString::to_string).collect(),
            value: value.to_owned(),
            expires_at: NOW,
        };
        let mut waiting = told(&["US.1", "1650"], "before");
        told(&["1650"], "after").replace(&mut waiting);
        assert_eq!(waiting, told(&["1650", "US.1"], "after"));
    }

    #[test]
    fn the_free_entry_point_is_told_too_as_long_as_it_is_open() {
        let both = Windows {
            customer_service: Some(NOW - 1),
            free_entry_point: Some(NOW + HOUR),
            referred: None,
        };
        let status = event(Effect::Answers, NOW);
        let told = Mirror::new(HOUR).told(&status, &known(open_until(NOW - 1), both), false, NOW);
        assert_eq!(
            told.unwrap().value,
            r#"{"free_entry_point":{"closes_at":"2026-11-22T09:00:00Z"}}"#
        );
    }

    proptest! {
        /// Whoever reads it never takes a window for open that is closed, and misses a step of it at most.
        #[test]
        fn what_is_told_is_at_most_a_step_behind(
            gaps in prop::collection::vec(0_i64..100_000, 1..60), step in 60_i64..90_000,
        ) {
            let mirror = Mirror::new(step);
            let (mut now, mut windows, mut told) = (NOW, Windows::default(), None);
            for gap in gaps {
                now += gap;
                let wrote = event(Effect::Opens { referral: false }, now);
                let before = windows;
                windows = windows.after(&wrote.effect, wrote.time);
                let mirrored = mirror.told(&wrote, &known(before, windows), false, now);
                told = mirrored.map(|mirrored| mirrored.expires_at).or(told);
                let (told, closes_at) = (told.unwrap(), windows.customer_service.unwrap());
                prop_assert!(told <= closes_at && closes_at - told < step);
            }
        }
    }
}
