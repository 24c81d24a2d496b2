//! A conversation that a person has taken over: until they give it back, or their time is over, no rule answers in it.

use crate::{
    config::Answering,
    event::{Effect, Event, rfc3339},
    meta::json::{Document, Json},
    written::{Object, of_word, word_of},
};

/// Who took a conversation over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum By {
    /// Somebody who wrote in the WhatsApp Business app, or in another inbox.
    App,
    /// Another app to which Meta gave it.
    Meta,
    /// A rule handed it over, or was told to stop.
    Rule,
    /// Whoever asked the admin API.
    Api,
}

/// That a person has a conversation in hand, or gave it back: what happened before that and is told later takes nothing over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Handover {
    /// Who took it over last.
    pub by: By,
    /// Since when, in unix seconds.
    pub since: i64,
    /// Until when, in unix seconds; `None`: until it is given back. If that is no later than `since`, it was given back then.
    pub until: Option<i64>,
}

const WORDS: [(By, &str); 4] = [
    (By::App, "app"),
    (By::Meta, "meta"),
    (By::Rule, "rule"),
    (By::Api, "api"),
];

impl Handover {
    /// That a conversation was given back at a time (unix seconds): by another app, or by whoever asked the admin API.
    pub fn given_back(by: By, at: i64) -> Self {
        Self {
            by,
            since: at,
            until: Some(at),
        }
    }

    fn was_given_back(&self) -> bool {
        self.until.is_some_and(|until| until <= self.since)
    }

    /// Whether it is active at `now` (unix seconds).
    pub fn is_active(&self, now: i64) -> bool {
        !self.was_given_back() && self.until.is_none_or(|until| now < until)
    }

    /// Whether it was given back after somebody took it over at a time (unix seconds). What another app gives back ends
    /// nothing but what other apps had.
    fn is_later_than(&self, by: By, taken: i64) -> bool {
        self.was_given_back() && taken < self.since && (self.by != By::Meta || by == By::Meta)
    }

    /// Both in one: who took over last has it (of two in the same second, a person), until the later end. Of another app and
    /// somebody else, it is the latter: what is written to the other app no rule answers anyway, and what Meta passes back
    /// may not end what somebody else wanted.
    #[must_use]
    pub fn joined(self, other: Self) -> Self {
        let rank = |it: &Self| (!it.was_given_back(), it.by != By::Meta);
        if rank(&self) != rank(&other) {
            return if rank(&other) > rank(&self) {
                other
            } else {
                self
            };
        }
        let began = |it: &Self| (it.since, it.by != By::Rule);
        let last = if began(&other) > began(&self) {
            other
        } else {
            self
        };
        let until = self.until.zip(other.until);
        Self {
            until: until.map(|(one, other)| one.max(other)),
            ..last
        }
    }

    /// Whether the handover came after a rule's reply that was taken in at `asked` (unix seconds). A person's did,
    /// whatever time Meta gives it: rules answer only where nobody has the conversation in hand. A rule that hands over
    /// does so at the moment of its own reply.
    pub fn overtakes(&self, asked: i64) -> bool {
        self.by != By::Rule || self.since > asked
    }

    /// Who has a conversation in hand after an event in it, where it was `before`. Who takes it over has it for
    /// `settings.pause_s` from when that happened (`now`, in unix seconds, where Meta does not say). What another app has
    /// ends when it is passed to ours.
    pub fn after(
        before: Option<Self>,
        event: &Event,
        settings: &Answering,
        now: i64,
    ) -> Option<Self> {
        let since = event.time.unwrap_or(now);
        let by = match event.kind.as_str() {
            "whatsapp.message.echoed" => By::App,
            "whatsapp.handover.control_passed" | "whatsapp.handover.control_taken" => {
                if goes_to_ours(event, settings) {
                    // Once `pause_s` are over, nothing takes it over that was before it was given back.
                    let is_over = |it: &Self| it.since.saturating_add(settings.pause_s) <= now;
                    let stays = before.filter(|it| {
                        let holds = it.is_active(now) || it.was_given_back() && !is_over(it);
                        it.by != By::Meta && holds || it.since > since
                    });
                    return stays.or(Some(Self::given_back(By::Meta, since)));
                }
                By::Meta
            }
            // What is written in the app may be of a type that we do not know.
            _ if event.effect == Effect::Answers => By::App,
            _ => return before,
        };
        let until = since.saturating_add(settings.pause_s);
        if until <= now || before.is_some_and(|it| it.is_later_than(by, since)) {
            return before;
        }
        let taken = Self {
            by,
            since,
            until: Some(until),
        };
        let before = before.filter(|before| before.is_active(now));
        Some(before.map_or(taken, |before| before.joined(taken)))
    }

    pub(super) fn read(json: Json<'_>) -> Option<Self> {
        Some(Self {
            by: of_word(&WORDS, &json.get("by")?.text()?)?,
            since: json.get("since")?.integer()?,
            until: json.get("until").and_then(Json::integer),
        })
    }

    pub(super) fn write(&self) -> String {
        let mut written = Object::default();
        written
            .text("by", word_of(&WORDS, self.by))
            .number("since", self.since);
        if let Some(until) = self.until {
            written.number("until", until);
        }
        written.finish()
    }

    /// As events and the admin API tell it: times as RFC 3339 writes them.
    pub fn view(&self) -> String {
        Object::default()
            .text("by", word_of(&WORDS, self.by))
            .text_if("since", rfc3339(self.since).as_deref())
            .text_if("until", self.until.and_then(rfc3339).as_deref())
            .finish()
    }
}

/// Whether Meta gave a conversation to our app. Meta tells the new owner that it was passed, and the former owner that
/// it was taken. If it names no new owner, or our own id is not set, that says whose it is.
fn goes_to_ours(event: &Event, settings: &Answering) -> bool {
    match (new_owner(event), &settings.app_id) {
        (Some(new), Some(ours)) => new == *ours,
        _ => event.kind == "whatsapp.handover.control_passed",
    }
}

/// The id of the app to which Meta gave a conversation, where Meta says it.
fn new_owner(event: &Event) -> Option<String> {
    let document = Document::parse(&event.data)?;
    let id = document.root().get("control")?.get("new_owner_app_id")?;
    Some(id.text()?.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_795_334_400;

    fn event(kind: &str, time: Option<i64>) -> Event {
        Event {
            kind: kind.to_owned(),
            time,
            ..Event::named(Vec::new())
        }
    }

    fn handover(by: By, since: i64, until: Option<i64>) -> Handover {
        Handover { by, since, until }
    }

    fn with_app_id(app_id: &str) -> Answering {
        Answering {
            app_id: Some(app_id.to_owned()),
            ..Answering::default()
        }
    }

    #[test]
    fn who_writes_in_the_app_has_taken_over_for_a_while() {
        let settings = Answering {
            pause_s: 600,
            ..Answering::default()
        };
        let told = |kind: &str, time| Handover::after(None, &event(kind, time), &settings, NOW);
        for (kind, by) in [
            ("whatsapp.message.echoed", By::App),
            ("whatsapp.handover.control_taken", By::Meta),
        ] {
            let since = NOW - 60;
            let expected = handover(by, since, Some(since + 600));
            assert_eq!(told(kind, Some(since)), Some(expected), "{kind}");
            assert_eq!(told(kind, Some(NOW - 600)), None, "it is over: {kind}");
            assert_eq!(told(kind, None).map(|handover| handover.since), Some(NOW));
        }
        for kind in [
            "whatsapp.message.received",
            "whatsapp.standby.echoed",
            "whatsapp.status.sent",
        ] {
            assert_eq!(told(kind, Some(NOW)), None, "{kind}");
        }
    }

    #[test]
    fn what_is_written_in_the_app_takes_over_though_its_type_is_unknown() {
        let echo = Event {
            effect: Effect::Answers,
            ..event("whatsapp.unknown", Some(NOW))
        };
        let handover = Handover::after(None, &echo, &Answering::default(), NOW);
        assert_eq!(handover.map(|handover| handover.by), Some(By::App));
    }

    #[test]
    fn it_holds_until_it_ends() {
        let until = |until| handover(By::Api, 0, until);
        assert!(until(Some(NOW + 1)).is_active(NOW));
        assert!(!until(Some(NOW)).is_active(NOW));
        assert!(until(None).is_active(i64::MAX));
    }

    #[test]
    fn what_is_passed_is_ours_and_what_is_taken_anothers_unless_meta_names_the_owner() {
        let told = |kind: &str, new_owner: &str| Event {
            data: format!(r#"{{"control":{{{new_owner}}}}}"#),
            ..event(&format!("whatsapp.handover.control_{kind}"), Some(NOW))
        };
        let ours = r#""new_owner_app_id":"57""#;
        let (unnamed, other) = ("", r#""new_owner_app_id":"58""#);
        let (named, unset) = (with_app_id("57"), Answering::default());
        let meta = Some(handover(By::Meta, NOW - 60, None));
        for (kind, new_owner, settings, goes_to_ours) in [
            ("passed", unnamed, &unset, true),
            ("passed", other, &unset, true),
            ("passed", unnamed, &named, true),
            ("passed", ours, &named, true),
            ("passed", other, &named, false),
            ("taken", unnamed, &unset, false),
            ("taken", ours, &unset, false),
            ("taken", unnamed, &named, false),
            ("taken", other, &named, false),
            ("taken", ours, &named, true),
        ] {
            for before in [meta, None] {
                let after = Handover::after(before, &told(kind, new_owner), settings, NOW);
                let after = after.unwrap();
                let expected = (By::Meta, !goes_to_ours);
                let told = (after.by, after.is_active(NOW));
                assert_eq!(told, expected, "{kind} {new_owner} {:?}", settings.app_id);
            }
        }
    }

    #[test]
    fn what_is_passed_to_our_app_ends_only_what_another_app_had_before() {
        let by = |by| Some(handover(by, NOW - 60, None));
        let after = |before, since| {
            let passed = event("whatsapp.handover.control_passed", Some(since));
            Handover::after(before, &passed, &Answering::default(), NOW)
        };
        let given_back = Some(Handover::given_back(By::Meta, NOW));
        assert_eq!(after(by(By::Meta), NOW), given_back);
        assert_eq!(after(by(By::Meta), NOW - 61), by(By::Meta), "before");
        for person in [By::App, By::Rule, By::Api] {
            assert_eq!(after(by(person), NOW), by(person));
        }
    }

    #[test]
    fn who_took_over_last_has_it_until_the_later_end() {
        let stopped = handover(By::Rule, NOW, None);
        let app = |since, until| handover(By::App, since, until);
        let meta = handover(By::Meta, NOW, Some(NOW + 8));
        for (one, other, both) in [
            (stopped, app(NOW + 5, Some(NOW + 9)), app(NOW + 5, None)),
            (stopped, app(NOW, Some(NOW + 9)), app(NOW, None)),
            (stopped, app(NOW - 5, Some(NOW + 9)), stopped),
            (
                meta,
                app(NOW + 1, Some(NOW + 7)),
                app(NOW + 1, Some(NOW + 7)),
            ),
            (
                app(NOW, Some(NOW + 8)),
                app(NOW + 1, Some(NOW + 7)),
                app(NOW + 1, Some(NOW + 8)),
            ),
            (meta, Handover::given_back(By::Api, NOW + 1), meta),
        ] {
            assert_eq!(one.joined(other), both);
            assert_eq!(other.joined(one), both);
        }
    }

    #[test]
    fn what_meta_passes_there_and_back_leaves_a_stop_as_it_was() {
        let control = |app: &str, since| Event {
            data: format!(r#"{{"control":{{"new_owner_app_id":"{app}"}}}}"#),
            ..event("whatsapp.handover.control_passed", Some(since))
        };
        let ours = with_app_id("57");
        let ends = [None, Some(NOW + 9)];
        let all = [By::Rule, By::Api, By::App]
            .into_iter()
            .flat_map(|by| ends.map(|end| (by, end)));
        for (by, until) in all {
            let stopped = Some(handover(by, NOW - 5, until));
            let there = Handover::after(stopped, &control("58", NOW), &ours, NOW);
            assert_eq!(there, stopped);
            let back = Handover::after(there, &control("57", NOW + 1), &ours, NOW + 1);
            assert_eq!(back, stopped);
        }
    }

    #[test]
    fn what_was_before_it_was_given_back_and_is_told_later_takes_nothing_over() {
        let told = |before, kind: &str, since| {
            let settings = Answering::default();
            let after = Handover::after(before, &event(kind, Some(since)), &settings, NOW);
            after.is_some_and(|it| it.is_active(NOW))
        };
        let (echoed, taken) = ("whatsapp.message.echoed", "whatsapp.handover.control_taken");
        let by_api = Some(Handover::given_back(By::Api, NOW - 60));
        let by_meta = Some(Handover::given_back(By::Meta, NOW - 60));
        for (before, kind, since, takes_over) in [
            (by_api, echoed, NOW - 61, false),
            (by_api, taken, NOW - 61, false),
            (by_api, echoed, NOW - 60, true),
            (by_meta, taken, NOW - 61, false),
            (by_meta, taken, NOW - 60, true),
            // An agent has it, whatever other apps do.
            (by_meta, echoed, NOW - 61, true),
        ] {
            assert_eq!(told(before, kind, since), takes_over, "{before:?} {kind}");
        }
        for before in [
            handover(By::App, NOW - 100_000, Some(NOW - 50_000)),
            Handover::given_back(By::Api, NOW - 100_000),
        ] {
            let passed = event("whatsapp.handover.control_passed", Some(NOW));
            let passed = Handover::after(Some(before), &passed, &Answering::default(), NOW);
            assert!(!told(passed, taken, NOW - 1));
        }
        let ahead = Handover::given_back(By::Meta, NOW + 60);
        assert!(!ahead.is_active(NOW), "by another clock");
    }

    #[test]
    fn it_is_told_in_times() {
        assert_eq!(
            handover(By::App, NOW, Some(NOW + 3600)).view(),
            r#"{"by":"app","since":"2026-11-22T08:00:00Z","until":"2026-11-22T09:00:00Z"}"#
        );
    }
}
