//! The outbox as a whole: what is sent, how often, in which order.

mod at_once;
mod blocked;
mod fallback;
mod law;
mod opening;
mod outage;
mod pace;
mod statuses;

use std::{collections::HashMap, rc::Rc};

use serde_json::json;

use super::*;
use crate::{
    event::{Effect, Event, MessageStatus, Name},
    mailbox::native::Native,
    meta::graph::{Class, GraphAnswer, Message, Recipient},
};

const MINUTE: i64 = 60_000;

fn text() -> Message {
    Message::check(&json!({ "type": "text", "text": { "body": "x" } })).unwrap()
}

fn template() -> Message {
    let template =
        json!({ "type": "template", "template": { "name": "n", "language": { "code": "de" } } });
    Message::check(&template).unwrap()
}

fn send(id: &str, conversation: i64) -> Send {
    let to = Recipient::Phone("16505551234".into());
    Send {
        id: id.to_owned(),
        conversation,
        draft: Draft::reply(Some(to), text(), None),
    }
}

fn with_fallback(id: &str, conversation: i64) -> Send {
    let mut send = send(id, conversation);
    send.draft.fallback = Some(template());
    send
}

fn accepted(wamid: &str) -> Happened {
    Happened::Answered(GraphAnswer::Accepted {
        message_id: wamid.to_owned(),
        wa_id: None,
        user_id: None,
    })
}

fn refused(code: u32) -> Happened {
    let body = json!({ "error": { "code": code } }).to_string();
    Happened::Answered(crate::meta::graph::answer::read(400, body.as_bytes()))
}

fn status(send: &str, wamid: &str, status: MessageStatus, code: Option<u32>) -> Event {
    let word = if status == MessageStatus::Failed {
        "failed"
    } else {
        "sent"
    };
    let errors: Vec<_> = code.iter().map(|code| json!({ "code": code })).collect();
    Event {
        id: "0-0".into(),
        kind: format!("whatsapp.status.{word}"),
        time: None,
        names: Vec::new(),
        effect: Effect::Status {
            message: wamid.into(),
            status,
            free_until: None,
        },
        data:
            json!({ "status": { "id": wamid, "biz_opaque_callback_data": send, "errors": errors } })
                .to_string(),
    }
}

fn failed(send: &str, wamid: &str, code: u32) -> Event {
    status(send, wamid, MessageStatus::Failed, Some(code))
}

fn sent(send: &str, wamid: &str) -> Event {
    status(send, wamid, MessageStatus::Sent, None)
}

fn taken(wamid: &str) -> SendState {
    SendState::Accepted {
        message_id: wamid.to_owned(),
    }
}

/// An outbox, its database and its clock.
struct Bench {
    sql: Rc<Native>,
    outbox: Outbox,
    now: i64,
}

impl Bench {
    fn new() -> Self {
        let sql = Native::new();
        let outbox = Outbox::open(sql.clone(), Rates::default(), "a".into(), MINUTE).unwrap();
        Self {
            sql,
            outbox,
            now: MINUTE,
        }
    }

    /// One in which these wait.
    fn with(sends: impl IntoIterator<Item = Send>) -> Self {
        let mut bench = Self::new();
        for send in sends {
            bench.add(send);
        }
        bench
    }

    /// One in which so many wait, each to somebody else.
    fn filled(count: i64, send: impl Fn(&str, i64) -> Send) -> Self {
        Self::with((0..count).map(|number| send(&format!("s{number}"), number + 1)))
    }

    fn reopen(&mut self, settings: &str) {
        self.outbox = Outbox::open(
            self.sql.clone(),
            Rates::default(),
            settings.into(),
            self.now,
        )
        .unwrap();
    }

    fn add(&mut self, send: Send) -> Option<i64> {
        self.outbox.add(send, self.now).unwrap()
    }

    fn next(&mut self) -> Option<Started> {
        self.outbox.next(self.now).unwrap()
    }

    /// Waits for the next, for as long as it takes.
    fn wait_next(&mut self) -> Started {
        loop {
            if let Some(started) = self.next() {
                return started;
            }
            let at = self.outbox.wakes_at(self.now).expect("something waits");
            assert!(at > self.now, "it says that one can go, and none does");
            self.now = at;
        }
    }

    fn done(&mut self, started: Started, happened: Happened) -> (SendState, Option<NumberChange>) {
        self.outbox.done(started, happened, self.now).unwrap()
    }

    /// The next goes, and this becomes of it.
    fn next_ends(&mut self, happened: Happened) -> (SendState, Option<NumberChange>) {
        let started = self.wait_next();
        self.done(started, happened)
    }

    fn told(&mut self, event: Event) -> Option<NumberChange> {
        self.outbox.note_reports(&[event], self.now).unwrap()
    }

    fn find(&self, id: &str) -> Record {
        self.outbox.find(id, self.now).unwrap().unwrap().0
    }

    fn draft(&self, id: &str) -> Option<Draft> {
        let kept = self.outbox.table.draft(id).unwrap();
        kept.map(|(draft, _)| draft)
    }
}

#[test]
fn of_several_ids_the_first_is_found_under_which_there_is_a_send() {
    let mut bench = Bench::with([send("b", 1), send("c", 1)]);
    bench.next_ends(accepted("wamid.1"));
    for (ids, expected) in [
        (&["a", "c", "b"][..], Some(1)),
        (&["b", "c"], Some(0)),
        (&["a", "d"], None),
        (&[], None),
    ] {
        let ids: Vec<String> = ids.iter().map(|id| (*id).to_owned()).collect();
        assert_eq!(bench.outbox.first_known(&ids), Ok(expected));
    }
}

#[test]
fn what_is_asked_for_twice_under_one_id_is_sent_once() {
    let mut bench = Bench::new();
    assert!(bench.add(send("a", 1)).is_some());
    assert!(bench.add(send("a", 1)).is_none());
    let started = bench.wait_next();
    assert_eq!(bench.done(started, accepted("wamid.1")).0, taken("wamid.1"));
    assert!(bench.add(send("a", 1)).is_none());
    assert_eq!(
        (bench.next(), bench.outbox.wakes_at(bench.now)),
        (None, None)
    );
    assert_eq!(bench.draft("a"), None, "the text is not kept");
}

#[test]
fn messages_of_one_conversation_go_one_after_the_other_and_those_of_others_beside_them() {
    let mut bench = Bench::new();
    for (id, conversation) in [("a1", 1), ("a2", 1), ("b1", 2)] {
        bench.add(send(id, conversation));
    }
    let (a1, b1) = (bench.wait_next(), bench.wait_next());
    assert_eq!((a1.send.id.as_str(), b1.send.id.as_str()), ("a1", "b1"));
    bench.now += 1_000;
    assert_eq!(bench.next(), None);
    bench.done(a1, refused(130_429));
    assert_eq!(bench.next(), None, "a2 does not overtake a1");
    let again = bench.wait_next();
    assert_eq!(again.send.id, "a1");
    bench.done(again, accepted("wamid.1"));
    assert_eq!(bench.wait_next().send.id, "a2");
}

#[test]
fn what_waits_for_two_who_turn_out_to_be_one_goes_in_its_order() {
    let mut bench = Bench::new();
    for (id, conversation) in [("a1", 1), ("b1", 2), ("a2", 1), ("b2", 2), ("c", 3)] {
        bench.add(send(id, conversation));
    }
    let b1 = {
        let a1 = bench.wait_next();
        let b1 = bench.wait_next();
        bench.outbox.join(2, 1, bench.now);
        bench.done(a1, accepted("wamid.1"));
        b1
    };
    assert_eq!(bench.wait_next().send.id, "c");
    bench.now += 1_000;
    assert_eq!(bench.next(), None, "b1 is still on its way");
    bench.done(b1, refused(130_429));
    for id in ["b1", "a2", "b2"] {
        let next = bench.wait_next();
        assert_eq!((next.send.id.as_str(), next.send.conversation), (id, 1));
        bench.done(next, accepted("wamid.2"));
    }
}

#[test]
fn what_was_on_its_way_when_the_object_ended_is_unknown_until_a_status_names_it() {
    let mut bench = Bench::with([send("a", 1)]);
    bench.wait_next();
    bench.reopen("a");
    assert_eq!(bench.find("a").state, SendState::Unknown);
    assert_eq!(bench.outbox.ended().unknown, 1);
    assert_eq!(
        (bench.next(), bench.outbox.wakes_at(bench.now)),
        (None, None)
    );
    bench.told(sent("a", "wamid.1"));
    assert_eq!(bench.find("a").state, taken("wamid.1"));
    let rows = bench.sql.changes();
    bench.told(status("a", "wamid.1", MessageStatus::Delivered, None));
    bench.told(status(
        "somebody else's",
        "wamid.2",
        MessageStatus::Sent,
        None,
    ));
    assert_eq!(
        bench.sql.changes(),
        rows,
        "what tells nothing new writes nothing"
    );
}

#[test]
fn a_status_that_overtakes_the_answer_counts() {
    let mut bench = Bench::with([send("a", 1), send("b", 1)]);
    let started = bench.wait_next();
    bench.told(sent("a", "wamid.1"));
    let state = bench.done(started, Happened::NoAnswer).0;
    assert_eq!(state, taken("wamid.1"));
    assert_eq!(bench.wait_next().send.id, "b");
}

#[test]
fn what_waits_to_go_again_and_is_told_to_have_gone_out_is_not_sent_again() {
    for restarts in [false, true] {
        let mut bench = Bench::with([send("a", 1), send("b", 1)]);
        bench.next_ends(refused(130_429));
        if restarts {
            bench.reopen("a");
        }
        bench.told(sent("a", "wamid.1"));
        assert_eq!(bench.find("a").state, taken("wamid.1"));
        assert_eq!(bench.outbox.waiting(), 1);
        assert_eq!(bench.wait_next().send.id, "b");
        assert_eq!(bench.outbox.wakes_at(bench.now), None);
    }
}

#[test]
fn of_what_has_ended_neither_the_text_is_kept_nor_that_it_waited() {
    for (happened, fallback) in [
        (accepted("wamid.1"), false),
        (refused(132_001), false),
        (refused(132_001), true),
        (Happened::Refuse(Class::Late), true),
    ] {
        let one = if fallback { with_fallback } else { send };
        let mut bench = Bench::with([one("a", 1)]);
        bench.next_ends(refused(130_429));
        assert_eq!(bench.sql.count("waits"), 1);
        bench.next_ends(happened);
        assert_eq!((bench.draft("a"), bench.sql.count("waits")), (None, 0));
    }
}

#[test]
fn what_became_of_messages_is_counted_once_they_have_ended() {
    let mut bench = Bench::new();
    for (id, happened) in [
        ("a", accepted("wamid.1")),
        ("b", Happened::Refuse(Class::Late)),
        ("c", refused(132_001)),
        ("d", Happened::NoAnswer),
        ("e", Happened::NotTried),
    ] {
        bench.add(send(id, 1));
        bench.next_ends(happened);
    }
    let ended = Ended {
        accepted: 1,
        failed: 2,
        unknown: 1,
    };
    assert_eq!(bench.outbox.ended(), ended);
    let again = bench.wait_next();
    bench.told(sent("e", "wamid.2"));
    bench.done(again, Happened::NoAnswer);
    assert_eq!(bench.outbox.ended().accepted, 2);
}

#[test]
fn what_we_refused_ourselves_does_not_count_as_asked_for() {
    let mut bench = Bench::new();
    for (id, happened) in [
        ("1065.1.rule:a.0", Happened::Refuse(Class::Handover)),
        ("1065.2.rule:a.0", refused(131_026)),
        ("1065.3.rule:a.0", accepted("wamid.3")),
        ("1065.4.crm.0", accepted("wamid.4")),
        ("1065.5.consent", accepted("wamid.5")),
        ("1065.1.19b5-2a", accepted("wamid.6")),
    ] {
        bench.add(send(id, 1));
        let started = bench.wait_next();
        assert_eq!(started.asked_ms, bench.find(id).asked_ms);
        bench.done(started, happened);
    }
    bench.add(send("1065.6.rule:a.0", 2));
    let mut answered = HashMap::new();
    let count = &mut |id: &str, conversation: i64| {
        let is_rule = id.contains(".rule:");
        *answered.entry((is_rule, conversation)).or_insert(0) += 1;
    };
    bench.outbox.table.answers(0, count).unwrap();
    let of = [((true, 1), 2), ((true, 2), 1), ((false, 1), 1)];
    assert_eq!(answered, HashMap::from(of), "the last may yet go");
}

#[test]
fn a_late_failure_shows_with_its_code() {
    let mut bench = Bench::with([send("a", 1)]);
    bench.next_ends(accepted("wamid.1"));
    bench.told(failed("a", "wamid.1", 131_026));
    assert_eq!(bench.find("a").error, Some(131_026));
}

/// How long is waited each time that Meta refuses a customer who was written to too often; `then` happens after it has.
fn waits_of_the_refused(bench: &mut Bench, then: fn(&mut Bench)) -> Vec<i64> {
    bench.add(send("a", 1));
    let one = |_| {
        bench.next_ends(refused(131_056));
        then(bench);
        bench.outbox.wakes_at(bench.now).unwrap() - bench.now
    };
    (0..4).map(one).collect()
}

#[test]
fn a_customer_who_was_written_to_too_often_is_waited_for_and_nobody_else() {
    let mut bench = Bench::new();
    let waits = waits_of_the_refused(&mut bench, |_| ());
    assert_eq!(waits, [1_000, 4_000, 16_000, 64_000]);
    bench.add(send("b", 2));
    assert_eq!(bench.wait_next().send.id, "b");
}

#[test]
fn how_often_a_send_was_tried_is_known_though_the_object_ends_between_its_tries() {
    let mut bench = Bench::new();
    let waits = waits_of_the_refused(&mut bench, |bench| bench.reopen("a"));
    assert_eq!(waits, [1_000, 4_000, 16_000, 64_000]);
    bench.next_ends(Happened::NoAnswer);
    bench.reopen("a");
    bench.told(failed("a", "wamid.1", 131_056));
    assert_eq!(
        bench.find("a").state,
        SendState::Unknown,
        "it may be of either try"
    );
    bench.told(sent("a", "wamid.2"));
    assert!(matches!(bench.find("a").state, SendState::Accepted { .. }));
    assert_eq!(bench.sql.count("waits"), 0);
}

#[test]
fn only_what_was_refused_to_a_customer_makes_who_is_written_to_too_often_wait_longer() {
    let mut bench = Bench::with([send("a", 1)]);
    let waits = |code| {
        bench.next_ends(refused(code));
        bench.reopen("a");
        bench.outbox.wakes_at(bench.now).unwrap() - bench.now
    };
    let codes = [130_429, 130_429, 131_056, 131_056, 130_429, 131_056];
    assert_eq!(
        codes.map(waits),
        [1_000, 2_000, 1_000, 4_000, 4_000, 16_000]
    );
}

#[test]
fn who_asks_is_told_when_it_will_go() {
    let mut bench = Bench::new();
    let burst: Vec<_> = (0..47)
        .map(|n| bench.add(send(&n.to_string(), 1)).unwrap() - bench.now)
        .collect();
    assert!(burst[0] <= 0 && burst[44] <= 600, "{burst:?}");
    assert_eq!(burst[45..], [6_000, 12_000]);
    let (_, goes_ms) = bench.outbox.find("46", bench.now).unwrap().unwrap();
    assert_eq!(goes_ms, Some(bench.now + 12_000));
    for _ in 0..45 {
        bench.next_ends(accepted("wamid.1"));
    }
    bench.reopen("a");
    let asked = bench.now;
    assert_eq!(bench.wait_next().send.id, "45");
    assert!(
        bench.now - asked >= 5_000,
        "a restart does not forget what a customer got"
    );
}

#[test]
fn a_group_that_was_written_to_too_often_is_waited_for_and_nobody_else() {
    let mut bench = Bench::new();
    for number in 0..41 {
        bench.add(send(&number.to_string(), number));
    }
    assert_eq!(bench.next_ends(refused(131_208)).0, SendState::Queued);
    let before = bench.now;
    for _ in 0..40 {
        bench.next_ends(accepted("wamid.1"));
    }
    assert!(bench.now - before < 600, "the pace is as it was");
    assert_eq!(bench.wait_next().send.id, "0");
}

/// A number that has sent so many messages in the past days, and lets two wait.
fn with_kept(count: i64) -> Bench {
    let mut bench = Bench::new();
    for number in 0..count {
        bench.add(send(&format!("kept{number}"), number));
        bench.next_ends(accepted("wamid.1"));
    }
    bench.now += 2 * 24 * 60 * MINUTE;
    bench.add(send("a", 1));
    bench.add(send("b", 1));
    bench.wait_next();
    bench
}

#[test]
fn to_open_the_outbox_costs_what_waits_and_not_what_is_kept() {
    let steps = |count| {
        let mut bench = with_kept(count);
        bench.reopen("a");
        let before = bench.sql.steps();
        bench.reopen("a");
        let none = &mut |_: &str, _| panic!("nothing was answered");
        bench.outbox.answers(bench.now - MINUTE, none).unwrap();
        assert_eq!(bench.find("b").state, SendState::Queued);
        bench.sql.steps() - before
    };
    assert_eq!(steps(20), steps(2_000));
}

#[test]
fn what_is_too_old_is_forgotten_while_the_object_lives_and_what_waits_is_not() {
    let mut bench = with_kept(20);
    for _ in 0..9 * 24 {
        bench.now += 61 * MINUTE;
        bench.add(send("c", 1));
    }
    let left = bench.sql.count("sends");
    assert_eq!(
        (left, bench.find("b").state),
        (2, SendState::Queued),
        "b and c"
    );
}

#[test]
fn no_id_is_given_twice_though_the_object_ends() {
    let mut bench = Bench::new();
    for _ in 0..2 {
        let id = bench.outbox.new_id("n", bench.now);
        assert!(bench.add(send(&id, 1)).is_some(), "{id}");
        let started = bench.outbox.next(bench.now).unwrap();
        if let Some(started) = started {
            bench.done(started, Happened::Refuse(Class::Late));
        }
        bench.reopen("a");
    }
}
