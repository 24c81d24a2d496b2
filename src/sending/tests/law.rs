//! What holds of sends whatever happens.

use std::collections::{BTreeMap, HashMap};

use proptest::prelude::*;

use super::{guard::Goes, *};

/// Something that happens, at any step.
#[derive(Debug, Clone)]
enum Step {
    Add(u8, i64, u8),
    /// The same in the answer to a delivery; perhaps nothing may start.
    Reply(u8, i64, u8, bool),
    /// The turn of the next has come, perhaps when its window is closed.
    Next(bool),
    /// Graph gets the request of the oldest on its way, and this becomes of it.
    End(u8),
    /// The object ends and begins anew.
    Crash,
    /// A status comes of a message that went out, perhaps before its answer.
    Status(u8, Option<u32>),
    /// The request of the oldest on its way has arrived, and its answer has not.
    Arrives,
    Wait(i64),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => (0_u8..12, 1_i64..4, 0_u8..3).prop_map(|(id, to, what)| Step::Add(id, to, what)),
        3 => (0_u8..12, 1_i64..4, 0_u8..3, any::<bool>())
            .prop_map(|(id, to, what, may_start)| Step::Reply(id, to, what, may_start)),
        6 => any::<bool>().prop_map(Step::Next),
        6 => (0_u8..13).prop_map(Step::End),
        1 => Just(Step::Crash),
        2 => (any::<u8>(), prop::sample::select(vec![None, Some(131_047), Some(131_042)]))
            .prop_map(|(which, failed)| Step::Status(which, failed)),
        2 => Just(Step::Arrives),
        3 => (0_i64..400_000).prop_map(Step::Wait),
    ]
}

fn wanted(id: u8, conversation: i64, what: u8) -> Send {
    let id = format!("s{id}");
    let mut wanted = send(&id, conversation);
    match what {
        0 => {}
        1 => wanted = with_fallback(&id, conversation),
        _ => wanted.draft.message = template(),
    }
    wanted
}

proptest! {
    #[test]
    fn graph_gets_each_send_once_unless_it_was_provably_refused(steps in prop::collection::vec(step(), 0..120)) {
        let mut bench = Bench::new();
        let mut under_way: Vec<Started> = Vec::new();
        // What went out: by send, the ids that Meta gave, of those that were not refused.
        let mut out: HashMap<String, Vec<String>> = HashMap::new();
        let mut arrived: HashMap<String, String> = HashMap::new();
        let mut refused_later: Vec<String> = Vec::new();
        let mut asked: BTreeMap<String, Send> = BTreeMap::new();
        for (number, step) in steps.into_iter().enumerate() {
            let wamid = format!("wamid.{number}");
            match step {
                Step::Add(id, conversation, what) => {
                    let wanted = wanted(id, conversation, what);
                    asked.entry(wanted.id.clone()).or_insert(wanted.clone());
                    bench.add(wanted);
                }
                Step::Reply(id, conversation, what, may_start) => {
                    let wanted = wanted(id, conversation, what);
                    let id = wanted.id.clone();
                    let would_go = bench.outbox.wakes_at(bench.now).is_some_and(|at| at <= bench.now);
                    let is_new = asked.insert(id.clone(), wanted.clone()).is_none();
                    let (added, started) = bench.outbox.add_and_start(wanted, may_start, bench.now).unwrap();
                    prop_assert_eq!(added, is_new);
                    let state = if started.is_some() { SendState::Started } else { SendState::Queued };
                    prop_assert!(!is_new || bench.find(&id).state == state);
                    prop_assert!(started.is_none() || is_new && may_start && !would_go);
                    under_way.extend(started);
                }
                Step::Next(is_closed) => {
                    let mut next = bench.next();
                    if let Some(started) = next.as_mut().filter(|_| is_closed) {
                        bench.outbox.goes_as(started, Goes::Fallback);
                    }
                    under_way.extend(next);
                }
                Step::Arrives => {
                    if let Some(Started { send, .. }) = under_way.first().filter(|it| !arrived.contains_key(&it.send.id)) {
                        arrived.insert(send.id.clone(), wamid.clone());
                        out.entry(send.id.clone()).or_default().push(wamid);
                    }
                }
                Step::End(what) if !under_way.is_empty() => {
                    let started = under_way.remove(0);
                    let id = started.send.id.clone();
                    let before = arrived.remove(&id);
                    let what = if before.is_some() { what.max(9) } else { what };
                    let is_new = before.is_none();
                    let wamid = before.unwrap_or(wamid);
                    let happened = match what {
                        0 => Happened::ConnectionRefused,
                        1 => refused(130_429),
                        2 => refused(131_056),
                        3 => refused(131_047),
                        4 => refused(190),
                        5 => refused(132_001),
                        6 => refused(131_042),
                        7 => Happened::NotTried,
                        8 => Happened::Refuse(Class::Late),
                        9 => Happened::NoAnswer,
                        _ => accepted(&wamid),
                    };
                    if what >= 9 && is_new {
                        out.entry(id).or_default().push(wamid);
                    }
                    bench.done(started, happened);
                }
                Step::Crash => {
                    // Each request that was on its way may have arrived.
                    for started in under_way.drain(..) {
                        let id = started.send.id;
                        if arrived.remove(&id).is_none() {
                            out.entry(id.clone()).or_default().push(format!("{wamid}.{id}"));
                        }
                    }
                    bench.reopen("a");
                }
                Step::Status(which, failed) => {
                    let all: Vec<_> = out.iter().flat_map(|(id, wamids)| wamids.iter().map(move |wamid| (id.clone(), wamid.clone()))).collect();
                    if all.is_empty() { continue; }
                    let (id, wamid) = all[usize::from(which) % all.len()].clone();
                    let what = if failed.is_some() { MessageStatus::Failed } else { MessageStatus::Sent };
                    if failed.is_some() { refused_later.push(wamid.clone()); }
                    bench.told(status(&id, &wamid, what, failed));
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
        // And nothing that was asked for is forgotten: once Meta takes everything, nothing waits any more.
        for started in under_way {
            let wamid = arrived.remove(&started.send.id);
            bench.done(started, accepted(wamid.as_deref().unwrap_or("wamid.end")));
        }
        loop {
            while let Some(started) = bench.next() {
                bench.done(started, accepted("wamid.end"));
            }
            let Some(at) = bench.outbox.wakes_at(bench.now) else { break };
            prop_assert!(at > bench.now, "it would spin");
            bench.now = at;
        }
        for id in asked.keys() {
            let state = bench.find(id).state;
            prop_assert!(!matches!(state, SendState::Queued | SendState::Started), "{id} is {state:?}");
        }
    }
}
