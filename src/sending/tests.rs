//! The outbox as a whole: what is sent, how often, in which order.

use std::collections::{BTreeMap, HashMap};
use std::rc::Rc;

use proptest::prelude::*;
use serde_json::json;

use super::{guard::Goes, *};
use crate::{
    event::{Effect, Event, MessageStatus},
    mailbox::native::Native,
    meta::graph::{Answer, Class, Message, Recipient},
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
    Send {
        id: id.to_owned(),
        conversation,
        draft: Draft {
            to: Some(Recipient::Phone("16505551234".into())),
            message: text(),
            fallback: None,
            category: None,
            in_reply_to: None,
            answers: None,
        },
    }
}

fn with_fallback(id: &str, conversation: i64) -> Send {
    let mut send = send(id, conversation);
    send.draft.fallback = Some(template());
    send
}

fn accepted(wamid: &str) -> Happened {
    Happened::Answered(Answer::Accepted {
        message_id: wamid.to_owned(),
        message_status: None,
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
        },
        data:
            json!({ "status": { "id": wamid, "biz_opaque_callback_data": send, "errors": errors } })
                .to_string(),
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
        let outbox = Outbox::open(&*sql, Rates::default(), "a".into(), MINUTE).unwrap();
        Self {
            sql,
            outbox,
            now: MINUTE,
        }
    }

    fn reopen(&mut self, settings: &str) {
        self.outbox =
            Outbox::open(&*self.sql, Rates::default(), settings.into(), self.now).unwrap();
    }

    fn add(&mut self, send: Send) -> Option<i64> {
        self.outbox.add(&*self.sql, send, self.now).unwrap()
    }

    fn next(&mut self) -> Option<Started> {
        self.outbox.next(&*self.sql, self.now).unwrap()
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

    fn done(&mut self, started: Started, happened: Happened) -> (State, Option<Change>) {
        self.outbox
            .done(&*self.sql, started, happened, self.now)
            .unwrap()
    }

    fn told(&mut self, event: Event) -> Option<Change> {
        self.outbox.told(&*self.sql, &[event], self.now).unwrap()
    }

    fn find(&self, id: &str) -> Record {
        self.outbox
            .find(&*self.sql, id, self.now)
            .unwrap()
            .unwrap()
            .0
    }

    fn draft(&self, id: &str) -> Option<Draft> {
        let kept = stored::draft(&*self.sql, id).unwrap();
        kept.map(|(draft, _)| draft)
    }
}

#[test]
fn what_is_asked_for_twice_under_one_id_is_sent_once() {
    let mut bench = Bench::new();
    assert!(bench.add(send("a", 1)).is_some());
    assert!(bench.add(send("a", 1)).is_none());
    let started = bench.wait_next();
    assert_eq!(
        bench.done(started, accepted("wamid.1")).0,
        State::Accepted {
            message_id: "wamid.1".into()
        }
    );
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
fn what_was_on_its_way_when_the_object_ended_is_unknown_until_a_status_names_it() {
    let mut bench = Bench::new();
    bench.add(send("a", 1));
    bench.wait_next();
    bench.reopen("a");
    assert_eq!(bench.find("a").state, State::Unknown);
    assert_eq!(
        (bench.next(), bench.outbox.wakes_at(bench.now)),
        (None, None)
    );
    bench.told(status("a", "wamid.1", MessageStatus::Sent, None));
    assert_eq!(
        bench.find("a").state,
        State::Accepted {
            message_id: "wamid.1".into()
        }
    );
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
    let mut bench = Bench::new();
    bench.add(send("a", 1));
    bench.add(send("b", 1));
    let started = bench.wait_next();
    bench.told(status("a", "wamid.1", MessageStatus::Sent, None));
    let state = bench.done(started, Happened::NoAnswer).0;
    assert_eq!(
        state,
        State::Accepted {
            message_id: "wamid.1".into()
        }
    );
    assert_eq!(bench.wait_next().send.id, "b");
}

#[test]
fn the_fallback_goes_where_meta_says_that_the_window_is_closed_and_only_once() {
    let mut bench = Bench::new();
    bench.add(with_fallback("a", 1));
    let started = bench.wait_next();
    assert_eq!(bench.done(started, refused(131_047)).0, State::Queued);
    let fallback = bench.wait_next();
    assert_eq!(fallback.send.draft.message.kind(), "template");
    let (state, _) = bench.done(fallback, refused(131_047));
    assert!(matches!(
        state,
        State::Failed {
            code: Some(131_047),
            ..
        }
    ));
    assert!(bench.find("a").fell_back);
    assert_eq!(bench.outbox.wakes_at(bench.now), None);
}

#[test]
fn the_fallback_goes_where_a_status_says_later_that_the_window_was_closed() {
    for restarts in [false, true] {
        let mut bench = Bench::new();
        bench.add(with_fallback("a", 1));
        let started = bench.wait_next();
        bench.done(started, accepted("wamid.1"));
        if restarts {
            bench.reopen("a");
        }
        let failed = || status("a", "wamid.1", MessageStatus::Failed, Some(131_047));
        bench.told(failed());
        bench.told(failed());
        let fallback = bench.wait_next();
        bench.told(failed());
        assert_eq!(fallback.send.draft.message.kind(), "template");
        bench.done(fallback, accepted("wamid.2"));
        bench.told(failed());
        assert_eq!(
            bench.find("a").state,
            State::Accepted {
                message_id: "wamid.2".into()
            }
        );
        bench.told(status("a", "wamid.2", MessageStatus::Failed, Some(131_047)));
        assert_eq!(bench.find("a").error, Some(131_047));
        assert_eq!(
            (bench.next(), bench.outbox.wakes_at(bench.now)),
            (None, None)
        );
    }
}

#[test]
fn a_fallback_is_forgotten_once_the_message_is_known_to_have_left() {
    let mut bench = Bench::new();
    bench.add(with_fallback("a", 1));
    let started = bench.wait_next();
    bench.done(started, accepted("wamid.1"));
    assert!(bench.draft("a").is_some());
    bench.told(status("a", "wamid.1", MessageStatus::Sent, None));
    assert_eq!(bench.draft("a"), None);
}

#[test]
fn the_fallback_goes_where_the_window_is_closed_when_its_turn_comes() {
    let mut bench = Bench::new();
    bench.add(with_fallback("a", 1));
    let mut started = bench.wait_next();
    started.goes_as(Goes::Fallback);
    assert_eq!(started.send.draft.message.kind(), "template");
    bench.done(started, accepted("wamid.1"));
    assert!(bench.find("a").fell_back);
    assert_eq!(bench.draft("a"), None);
}

#[test]
fn what_we_refused_ourselves_does_not_count_as_asked_for() {
    let mut bench = Bench::new();
    let count = |bench: &Bench| Outbox::count(&*bench.sql, ".rule:", 0).unwrap();
    for (id, happened) in [
        ("1.rule:a.0", Happened::Refuse(Class::Handover)),
        ("2.rule:a.0", refused(131_026)),
        ("3.rule:a.0", accepted("wamid.3")),
        ("4.crm.0", accepted("wamid.4")),
    ] {
        bench.add(send(id, 1));
        let started = bench.wait_next();
        assert_eq!(started.asked_ms, bench.find(id).asked_ms);
        bench.done(started, happened);
    }
    assert_eq!(count(&bench), 2);
    bench.add(send("5.rule:a.0", 1));
    assert_eq!(count(&bench), 3, "it may yet go");
}

#[test]
fn a_late_failure_shows_with_its_code() {
    let mut bench = Bench::new();
    bench.add(send("a", 1));
    let started = bench.wait_next();
    bench.done(started, accepted("wamid.1"));
    bench.told(status("a", "wamid.1", MessageStatus::Failed, Some(131_026)));
    assert_eq!(bench.find("a").error, Some(131_026));
}

#[test]
fn a_number_that_is_blocked_sends_nothing_but_one_message_every_five_minutes() {
    let mut bench = Bench::new();
    for number in 0..10 {
        bench.add(send(&format!("s{number}"), number));
    }
    let (a, b) = (bench.wait_next(), bench.wait_next());
    let (state, change) = bench.done(a, refused(190));
    assert_eq!(state, State::Queued);
    assert!(matches!(
        change,
        Some(Change::Blocked(Blocked { code: 190, .. }))
    ));
    assert_eq!(
        bench.done(b, refused(190)),
        (State::Queued, None),
        "told once"
    );
    let since = bench.now;
    let probe = bench.wait_next();
    assert_eq!(bench.now - since, 5 * MINUTE);
    bench.now += 30 * MINUTE;
    assert_eq!(
        bench.next(),
        None,
        "no second one while the first is on its way"
    );
    bench.done(probe, refused(190));
    let probe = bench.wait_next();
    let (_, change) = bench.done(probe, accepted("wamid.1"));
    assert!(matches!(change, Some(Change::Unblocked(_))));
    let left: Vec<_> = (0..9).map(|_| bench.wait_next()).collect();
    assert_eq!(left.len(), 9, "nothing was lost");
}

#[test]
fn a_blocked_number_stays_so_over_a_restart_and_is_tried_at_once_with_new_settings() {
    let mut bench = Bench::new();
    bench.add(send("a", 1));
    let started = bench.wait_next();
    bench.done(started, refused(131_042));
    bench.reopen("a");
    assert!(bench.outbox.blocked().is_some());
    bench.now += MINUTE;
    assert_eq!(bench.next(), None);
    bench.reopen("b");
    assert!(bench.wait_next().probes);
    assert!(bench.now < 3 * MINUTE);
}

#[test]
fn one_message_at_fault_does_not_block_the_number_for_ever() {
    let mut bench = Bench::new();
    bench.add(send("at fault", 1));
    bench.add(send("good", 2));
    let started = bench.wait_next();
    bench.done(started, refused(10));
    let good = bench.wait_next();
    assert_eq!(good.send.id, "good");
    bench.done(good, accepted("wamid.1"));
    let again = bench.wait_next();
    let (state, change) = bench.done(again, refused(10));
    assert!(matches!(
        state,
        State::Failed {
            code: Some(10),
            class: Class::Permission
        }
    ));
    assert_eq!(change, None);
}

#[test]
fn a_late_failure_of_the_account_blocks_the_number() {
    let mut bench = Bench::new();
    bench.add(send("a", 1));
    let started = bench.wait_next();
    bench.done(started, accepted("wamid.1"));
    let change = bench.told(status("a", "wamid.1", MessageStatus::Failed, Some(131_042)));
    let event = change.unwrap().event("106540352242922", bench.now);
    assert_eq!(event.kind, "transom.number.blocked");
    assert!(
        event.data.contains("Put the payment method right"),
        "{}",
        event.data
    );
}

#[test]
fn a_customer_who_was_written_to_too_often_is_waited_for_and_nobody_else() {
    let mut bench = Bench::new();
    bench.add(send("a", 1));
    let mut waits = Vec::new();
    for _ in 0..4 {
        let started = bench.wait_next();
        bench.done(started, refused(131_056));
        let wakes = bench.outbox.wakes_at(bench.now).unwrap();
        waits.push(wakes - bench.now);
    }
    assert_eq!(waits, [1_000, 4_000, 16_000, 64_000]);
    bench.add(send("b", 2));
    assert_eq!(bench.wait_next().send.id, "b");
}

#[test]
fn who_asks_is_told_when_it_will_go() {
    let mut bench = Bench::new();
    let burst: Vec<_> = (0..47)
        .map(|n| bench.add(send(&n.to_string(), 1)).unwrap() - bench.now)
        .collect();
    assert!(burst[0] <= 0 && burst[44] <= 600, "{burst:?}");
    assert_eq!(burst[45..], [6_000, 12_000]);
    let (_, goes_ms) = bench
        .outbox
        .find(&*bench.sql, "46", bench.now)
        .unwrap()
        .unwrap();
    assert_eq!(goes_ms, Some(bench.now + 12_000));
    for _ in 0..45 {
        let started = bench.wait_next();
        bench.done(started, accepted("wamid.1"));
    }
    bench.reopen("a");
    let asked = bench.now;
    assert_eq!(bench.wait_next().send.id, "45");
    assert!(
        bench.now - asked >= 5_000,
        "a restart does not forget what a customer got"
    );
}

/// Something that happens, at any step.
#[derive(Debug, Clone)]
enum Step {
    Add(u8, i64, bool),
    Next,
    /// Graph gets the request of the oldest on its way, and this becomes of it.
    End(u8),
    /// The object ends and begins anew.
    Crash,
    /// A status comes of a message that went out.
    Status(u8, bool),
    Wait(i64),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => (0_u8..12, 1_i64..4, any::<bool>()).prop_map(|(id, to, fallback)| Step::Add(id, to, fallback)),
        6 => Just(Step::Next),
        6 => (0_u8..10).prop_map(Step::End),
        1 => Just(Step::Crash),
        2 => (any::<u8>(), any::<bool>()).prop_map(|(which, failed)| Step::Status(which, failed)),
        3 => (0_i64..400_000).prop_map(Step::Wait),
    ]
}

proptest! {
    #[test]
    fn graph_gets_each_send_once_unless_it_was_provably_refused(steps in prop::collection::vec(step(), 0..120)) {
        let mut bench = Bench::new();
        let mut under_way: Vec<Started> = Vec::new();
        // What went out: by send, the ids that Meta gave, of those that were not refused.
        let mut out: HashMap<String, Vec<String>> = HashMap::new();
        let mut refused_later: Vec<String> = Vec::new();
        let mut asked: BTreeMap<String, Send> = BTreeMap::new();
        for (number, step) in steps.into_iter().enumerate() {
            let wamid = format!("wamid.{number}");
            match step {
                Step::Add(id, conversation, fallback) => {
                    let id = format!("s{id}");
                    let wanted = if fallback { with_fallback(&id, conversation) } else { send(&id, conversation) };
                    asked.entry(id).or_insert(wanted.clone());
                    bench.add(wanted);
                }
                Step::Next => under_way.extend(bench.next()),
                Step::End(what) if !under_way.is_empty() => {
                    let started = under_way.remove(0);
                    let id = started.send.id.clone();
                    let happened = match what {
                        0 => Happened::ConnectionRefused,
                        1 => refused(130_429),
                        2 => refused(131_056),
                        3 => refused(131_047),
                        4 => refused(190),
                        5 => refused(132_001),
                        6 => Happened::NoAnswer,
                        _ => accepted(&wamid),
                    };
                    if what >= 6 {
                        out.entry(id).or_default().push(wamid);
                    }
                    bench.done(started, happened);
                }
                Step::Crash => {
                    // Each request that was on its way may have arrived.
                    for started in under_way.drain(..) {
                        let id = started.send.id;
                        out.entry(id.clone()).or_default().push(format!("{wamid}.{id}"));
                    }
                    bench.reopen("a");
                }
                Step::Status(which, failed) => {
                    let all: Vec<_> = out.iter().flat_map(|(id, wamids)| wamids.iter().map(move |wamid| (id.clone(), wamid.clone()))).collect();
                    if all.is_empty() { continue; }
                    let (id, wamid) = all[usize::from(which) % all.len()].clone();
                    let (what, code) = if failed { (MessageStatus::Failed, Some(131_047)) } else { (MessageStatus::Sent, None) };
                    if failed { refused_later.push(wamid.clone()); }
                    bench.told(status(&id, &wamid, what, code));
                }
                Step::Wait(ms) => bench.now += ms,
                Step::End(_) => {}
            }
            if under_way.is_empty() && bench.next().map(|started| under_way.push(started)).is_none() {
                let wakes = bench.outbox.wakes_at(bench.now);
                prop_assert!(wakes.is_none_or(|at| at > bench.now), "it would spin");
            }
            for (id, wamids) in &out {
                let left = wamids.iter().filter(|wamid| !refused_later.contains(wamid)).count();
                prop_assert!(left <= 1, "{id} went out {left} times");
                prop_assert!(wamids.len() <= 2, "a fallback goes once");
            }
            let mut conversations: Vec<_> = under_way.iter().map(|started| started.send.conversation).collect();
            conversations.sort_unstable();
            prop_assert!(conversations.windows(2).all(|pair| pair[0] != pair[1]), "one at a time to each");
        }
        // And nothing that was asked for is forgotten.
        for id in asked.keys() {
            prop_assert!(bench.outbox.find(&*bench.sql, id, bench.now).unwrap().is_some());
        }
    }
}
