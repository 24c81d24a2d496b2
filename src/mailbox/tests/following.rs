//! What follows from events: what conversations remember, and what that costs.

use std::collections::HashMap;

use super::*;
use crate::{
    config::{Answering, Consent},
    conversation::{
        Answers, State,
        budget::Budget,
        consent::{Entry, Standing},
        handover::{By, Handover},
        mirror::Mirror,
    },
};

const HOUR: i64 = 3600;

fn mailbox(sql: &Rc<Native>) -> Mailbox {
    let answering = Answering {
        pause_s: HOUR,
        ..Answering::default()
    };
    mailbox_with(sql, answering)
}

pub(super) fn policy(answering: Answering) -> Policy {
    let budget = Budget::new(1_000, HashMap::new(), NOW / 1000);
    let answers = Answers::new(answering, "1065", |_, _| Some(0), budget);
    Policy::new(Some(answers), None).unwrap()
}

fn mailbox_with(sql: &Rc<Native>, answering: Answering) -> Mailbox {
    open(sql, &["crm"])
        .with_policy(Some(policy(answering)))
        .unwrap()
}

fn echo(person: &str, id: &str) -> Event {
    Event {
        kind: "whatsapp.message.echoed".to_owned(),
        effect: Effect::Answers,
        ..message(person, id)
    }
}

/// Delivers all that waits, and gives one member of each event's data.
fn told(mailbox: &mut Mailbox, member: &str) -> Vec<serde_json::Value> {
    let mut told = Vec::new();
    deliver(mailbox, NOW, |delivery| {
        told.push(added_member(&delivery.events[0], member));
        true
    });
    told
}

#[test]
fn a_conversation_that_a_person_has_in_hand_is_told_as_such_until_they_are_done() {
    let mut mailbox = mailbox(&Native::new());
    let events = vec![
        message("1", "a"),
        echo("1", "b"),
        message("1", "c"),
        message("2", "d"),
    ];
    mailbox.store(events, NOW);
    let handover = serde_json::json!({
        "by": "app", "since": "2026-02-02T02:40:00Z", "until": "2026-02-02T03:40:00Z",
    });
    let none = serde_json::Value::Null;
    assert_eq!(
        told(&mut mailbox, "handover"),
        [none.clone(), handover.clone(), handover, none.clone()]
    );
    mailbox.store([message("1", "e")], NOW + HOUR * 1000);
    assert_eq!(told(&mut mailbox, "handover"), [none]);
}

#[test]
fn what_a_conversation_remembers_outlives_the_object_and_is_told_without_a_policy() {
    let sql = Native::new();
    mailbox(&sql).store([echo("1", "a")], NOW);
    let mut again = open(&sql, &["crm"]);
    again.store([message("1", "b")], NOW);
    let told = told(&mut again, "handover");
    assert_eq!(told.len(), 2);
    assert!(told.iter().all(|handover| handover["by"] == "app"));
}

#[test]
fn what_is_remembered_is_written_with_the_row_that_is_written_anyway() {
    let rows = |policy: Option<Policy>| {
        let sql = Native::new();
        let mut mailbox = open(&sql, &[]);
        mailbox.store([message("1", "a")], NOW);
        mailbox = mailbox.with_policy(policy).unwrap();
        let before = sql.changes();
        let both = vec![echo("1", "b"), message("1", "c")];
        let later = both.into_iter().map(|event| Event {
            time: Some(NOW / 1000 + 1),
            ..event
        });
        mailbox.store(later, NOW + 1000);
        sql.changes() - before
    };
    assert_eq!(rows(Some(policy(Answering::default()))), rows(None));
}

#[test]
fn of_two_conversations_that_are_one_the_handover_stays() {
    let mut mailbox = mailbox(&Native::new());
    let user = user("US.1");
    let as_user = of(std::slice::from_ref(&user), "b");
    mailbox.store([as_user, echo("1", "a")], NOW);
    mailbox.store([of(&[user.clone(), phone("1")], "c")], NOW);
    let found = mailbox.with(&user);
    let handover = found.state.handover.unwrap();
    assert_eq!(handover.by, By::App);
    assert_eq!(mailbox.state(found.conversation).unwrap(), found.state);
}

#[test]
fn what_a_person_says_about_being_written_to_is_told_whenever_it_changes_and_follows_them() {
    let settings = serde_json::json!({});
    let consent = crate::checked::read("", &settings, Consent::read)
        .unwrap()
        .unwrap();
    let mut mailbox = open(&Native::new(), &["crm"])
        .with_policy(Policy::new(None, Some(consent)))
        .unwrap();
    let (phone, user) = (phone("1"), user("US.1"));
    let said = |opted_in, at| Entry::told(opted_in, at, None);
    // Before anything came of them, under two names.
    for (name, entry, cause) in [(&phone, said(false, 5), "a"), (&user, said(true, 3), "b")] {
        mailbox.say(name, entry, cause, "1065", NOW).unwrap();
    }
    mailbox.store([of(&[user.clone(), phone.clone()], "c")], NOW);
    let found = mailbox.with(&user);
    assert_eq!(found.state.consent.standing(), Standing::OptedOut);

    // Nothing changes by what was said before, or again.
    mailbox
        .say(&phone, said(true, 4), "d", "1065", NOW)
        .unwrap();
    mailbox
        .say(&phone, said(false, 6), "e", "1065", NOW)
        .unwrap();
    let mut told = Vec::new();
    deliver(&mut mailbox, NOW, |delivery| {
        let event = &delivery.events[0];
        if event.kind == "transom.consent.changed" {
            let data: serde_json::Value = serde_json::from_str(&event.data).unwrap();
            let consent = &data["consent"];
            told.push(
                [&consent["before"], &consent["state"]]
                    .map(ToString::to_string)
                    .join(" "),
            );
        }
        true
    });
    // Whoever keeps what the user id said is told, when it turns out who that is, that it holds no longer.
    assert_eq!(
        told,
        [
            r#""unknown" "opted_out""#,
            r#""unknown" "opted_in""#,
            r#""opted_in" "opted_out""#
        ]
    );
}

#[test]
fn a_change_of_consent_that_no_event_told_names_the_customer_as_it_was_said_and_by_their_user_id_of_now()
 {
    let consent = crate::checked::read("", &serde_json::json!({}), Consent::read);
    let policy = Policy::new(None, consent.unwrap());
    let mut mailbox = open(&Native::new(), &["crm"]).with_policy(policy).unwrap();
    let [one, other] = ["551187654321", "5511987654321"].map(phone);
    mailbox.store([of(&[user("BR.1"), one], "a")], NOW);
    let renames = Event {
        effect: Effect::Renames {
            from: vec![user("BR.1")],
        },
        ..of(&[user("BR.2"), other.clone()], "b")
    };
    mailbox.store([renames], NOW);
    let stop = Entry::told(false, 5, None);
    mailbox.say(&other, stop, "c", "1065", NOW).unwrap();
    let again = Entry::told(true, 6, None);
    mailbox.say(&user("BR.1"), again, "d", "1065", NOW).unwrap();
    let mut told = Vec::new();
    deliver(&mut mailbox, NOW, |delivery| {
        let event = &delivery.events[0];
        if event.kind == "transom.consent.changed" {
            let (_, customer) = event.data.split_once(r#""customer":"#).unwrap();
            let (customer, _) = customer.split_once(",\"consent").unwrap();
            told.push(format!("{:?} {customer}", event.subject));
        }
        true
    });
    assert_eq!(
        told,
        [
            r#"Some("BR.2") {"user_id":"BR.2","phone":"5511987654321"}"#,
            r#"Some("BR.1") {"user_id":"BR.1","phone":"551187654321"}"#,
        ]
    );
}

#[test]
fn who_asks_has_a_conversation_remember_something_else() {
    let mut mailbox = mailbox(&Native::new());
    let name = phone("1");
    let handover = Handover {
        by: By::Api,
        since: NOW / 1000,
        until: None,
    };
    let paused = State {
        handover: Some(handover),
        ..State::default()
    };
    let pause = |state: &mut State| state.handover = Some(handover);
    assert_eq!(mailbox.change_state(&name, pause).unwrap(), None);
    mailbox.store([message("1", "a")], NOW);
    let found = mailbox.change_state(&name, pause).unwrap().unwrap();
    assert_eq!(found.state, paused);
    assert_eq!(mailbox.with(&name).state, paused);
    mailbox
        .change_state(&name, |state| *state = State::default())
        .unwrap();
    assert_eq!(mailbox.with(&name).state, State::default());
}

/// A rule that answers what has "hours" in it, and one that answers before the window closes.
pub(super) fn answering() -> Answering {
    let config = serde_json::json!({ "replies": [
        { "id": "hours", "when": { "text": "hours" }, "reply": { "type": "text", "text": { "body": "9 to 18" } } },
        { "id": "sorry", "when": { "window": "closing" }, "reply": { "type": "text", "text": { "body": "Sorry" } } },
    ] });
    crate::config::answering_of(&config)
}

pub(super) fn asks(person: &str, id: &str) -> Event {
    let data = format!(
        r#"{{"customer":{{"phone":"{person}"}},"message":{{"id":"wamid.{id}","kind":"text","text":{{"body":"Hours?"}}}}}}"#
    );
    Event {
        data,
        ..message(person, id)
    }
}

/// A message that no rule answers.
fn silent(person: &str, id: &str) -> Event {
    Event {
        data: asks(person, id).data.replace("Hours", "Hello"),
        ..asks(person, id)
    }
}

/// Events come, and are answered by messages with these ids.
fn answers(mailbox: &mut Mailbox, events: Vec<Event>, now_ms: i64) -> Vec<String> {
    let mut ids = Vec::new();
    let mut answer = |replies: Vec<Reply>| {
        ids.extend(replies.into_iter().map(|reply| reply.id));
        Ok(())
    };
    mailbox.append_and(events, now_ms, &mut answer).unwrap();
    ids
}

#[test]
fn a_rule_answers_an_event_once_in_the_transaction_that_stores_it() {
    let sql = Native::new();
    let mut mailbox = mailbox_with(&sql, answering());
    let fails = |_| Err(SqlError::Refused("no".to_owned()));
    let event = || vec![asks("1", "a")];
    assert!(mailbox.append_and(event(), NOW, &mut { fails }).is_err());
    // As the object does after a failure.
    let mut mailbox = mailbox_with(&sql, answering());
    let ids = [(); 3]
        .map(|()| answers(&mut mailbox, event(), NOW))
        .concat();
    assert_eq!(ids, ["a-0.rule:hours.0"]);
    let rule = serde_json::json!({ "id": "hours", "sends": ["1065.a-0.rule:hours.0"] });
    assert_eq!(told(&mut mailbox, "rule"), [rule]);
}

#[test]
fn a_rule_that_fires_once_in_a_while_fires_again_where_its_answer_was_never_sent() {
    let config = serde_json::json!({ "replies": [
        { "id": "closed", "once_in_s": 43_200, "when": {}, "reply": [
            { "type": "text", "text": { "body": "Closed" } }, { "type": "text", "text": { "body": "Bye" } } ] },
    ] });
    let answers = |mailbox: &mut Mailbox, person: &str, id: &str, now| {
        answers(mailbox, vec![asks(person, id)], now)
    };
    let asked = NOW / 1000;
    for (reply, asked, again) in [(0, asked, 2), (1, asked, 0), (0, asked - 1, 0)] {
        let sql = Native::new();
        let open = || mailbox_with(&sql, crate::config::answering_of(&config));
        let mut mailbox = open();
        let ids = answers(&mut mailbox, "1", "a", NOW);
        assert_eq!(answers(&mut mailbox, "1", "b", NOW + 1), [""; 0]);
        answers(&mut mailbox, "2", "d", NOW);
        mailbox.unsent(&ids[reply], 1, asked).unwrap();
        let others = answers(&mut open(), "2", "e", NOW + 1);
        assert_eq!(others, [""; 0], "which was sent");
        let answered = answers(&mut mailbox, "1", "c", NOW + 2).len();
        assert_eq!(answered, again, "{reply} {asked}");
    }
}

#[test]
fn a_window_that_is_about_to_close_is_told_of_where_nobody_has_answered() {
    let sql = Native::new();
    let mut mailbox = mailbox_with(&sql, answering());
    let at = |seconds: i64, event: Event| Event {
        time: Some(NOW / 1000 + seconds),
        ..event
    };
    let sent = |person: &str, id: &str| at(60, status(person, id, MessageStatus::Sent));
    let events = vec![
        silent("1", "a"),
        silent("2", "b"),
        echo("2", "c"),
        silent("3", "d"),
        sent("3", "e"),
        asks("4", "f"),
        sent("4", "g"),
        asks("5", "h"),
        // Meta repeats what could not be stored at first, behind its answer.
        at(60, echo("6", "i")),
        silent("6", "j"),
        at(-60, echo("7", "k")),
        silent("7", "l"),
    ];
    mailbox.store(events, NOW);
    mailbox.deliver(NOW);
    let due = NOW + 23 * HOUR * 1000;
    assert_eq!(mailbox.wakes_at(NOW), Some(due), "a rule wants to know");
    assert_eq!(mailbox.closing(due - 1).unwrap(), []);
    let mut again = mailbox_with(&sql, answering());
    let others = again.state(2).unwrap();
    assert_ne!(others, again.state(1).unwrap());
    let events = again.closing(due).unwrap();
    assert_eq!(mailbox_with(&sql, answering()).state(2).unwrap(), others);
    let names: Vec<_> = events.iter().map(|event| event.names.clone()).collect();
    // What a rule answers them may never be sent. The others were answered.
    let untold = ["1", "5", "7"].map(|phone| vec![Name::Phone(phone.to_owned())]);
    assert_eq!(names, untold);
    let ids = answers(&mut again, events, due);
    assert!(ids[0].ends_with(".rule:sorry.0"));
    deliver(&mut again, due, |delivery| {
        assert_eq!(delivery.events[0].kind, "transom.window.closing");
        true
    });
    assert_eq!(again.closing(due).unwrap(), []);
    assert_eq!(again.wakes_at(due), None);
}

#[test]
fn of_a_window_that_is_about_to_close_the_partition_tells_where_the_person_is_now() {
    let sql = Native::new();
    let mut mailbox = mailbox_with(&sql, answering());
    let events = vec![silent("1", "a"), silent("2", "b")];
    mailbox.store(events, NOW);
    mailbox.cede(&[silent("1", "c")], &[1], NOW).unwrap();
    let mut again = mailbox_with(&sql, answering());
    let told = again.closing(NOW + 23 * HOUR * 1000).unwrap();
    assert_eq!(told.len(), 1);
    assert_eq!(told[0].names, [phone("2")]);
    assert!(!again.is_closing(NOW + 24 * HOUR * 1000));
}

#[test]
fn a_window_that_was_about_to_close_wakes_nobody_once_the_rules_are_gone() {
    let sql = Native::new();
    let mut mailbox = mailbox_with(&sql, answering());
    mailbox.store([silent("1", "a")], NOW);
    mailbox.deliver(NOW);
    assert!(mailbox.wakes_at(NOW).is_some());
    let mut again = open(&sql, &["crm"]);
    again = again.with_policy(None).unwrap();
    again.store([silent("1", "b")], NOW);
    again.deliver(NOW);
    assert_eq!(again.wakes_at(NOW), None);
}

#[test]
fn a_window_that_was_about_to_close_is_not_told_of_when_the_rules_are_back() {
    let sql = Native::new();
    let mut mailbox = mailbox_with(&sql, answering());
    mailbox.store([silent("1", "a"), silent("2", "b")], NOW);
    let mut without = open(&sql, &["crm"]).with_policy(None).unwrap();
    without.store([echo("1", "c")], NOW);
    let mut again = mailbox_with(&sql, answering());
    again.store([silent("3", "d")], NOW);
    let told = again.closing(NOW + 23 * HOUR * 1000).unwrap();
    // Whether the second was answered nobody knows.
    assert_eq!(told.len(), 1);
    assert_eq!(told[0].names, [phone("3")]);
}

#[test]
fn a_window_costs_nothing_where_nobody_wants_to_know() {
    let sql = Native::new();
    let mut mailbox = mailbox(&sql);
    mailbox.store([asks("1", "a")], NOW);
    mailbox.deliver(NOW);
    assert_eq!(mailbox.wakes_at(NOW), None);
    let name = phone("1");
    assert_eq!(mailbox.with(&name).state, State::default());
}

/// A mailbox whose windows other Workers are told, in steps of an hour.
fn told_to_workers(sql: &Rc<Native>) -> Mailbox {
    let mailbox = open(sql, &[]);
    mailbox.with_mirror(Some(Mirror::new(HOUR)))
}

/// The names under which windows are told after a message of theirs.
fn names_told(mailbox: &mut Mailbox, names: &[Name], id: &str) -> Vec<Vec<String>> {
    let message = Event {
        names: names.to_vec(),
        ..message("", id)
    };
    mailbox.store([message], NOW);
    let told = mailbox.mirrored().into_iter();
    told.map(|told| told.names).collect()
}

#[test]
fn a_window_that_could_not_be_told_is_told_with_the_next_message_after_the_object_has_slept() {
    let sql = Native::new();
    let ana = [phone("1650")];
    let mut mailbox = told_to_workers(&sql);
    assert_eq!(names_told(&mut mailbox, &ana, "a"), [["1650"]]);
    untold(&*sql, 1).unwrap();
    let mut again = told_to_workers(&sql);
    assert_eq!(names_told(&mut again, &ana, "b"), [["1650"]]);
    assert!(names_told(&mut again, &ana, "c").is_empty());
    // While it is awake, the same.
    let failed = untold(&*sql, 1).unwrap();
    again.forget(failed.unwrap());
    assert_eq!(names_told(&mut again, &ana, "d"), [["1650"]]);
    let mut later = told_to_workers(&sql);
    assert!(names_told(&mut later, &ana, "e").is_empty());
}

#[test]
fn a_window_is_told_under_a_name_that_is_learnt_while_it_does_not_move() {
    let mut mailbox = told_to_workers(&Native::new());
    let (phone, user) = (phone("1650"), user("US.1"));
    let both = [user.clone(), phone.clone()];
    names_told(&mut mailbox, &both[1..], "a");
    assert_eq!(names_told(&mut mailbox, &both, "b"), [["US.1", "1650"]]);
    assert!(names_told(&mut mailbox, &both, "c").is_empty());
    // From the answer to a send, which is no event.
    let parent = Name::Parent("US.ENT.1".into());
    mailbox.meet(&[user.clone(), parent.clone()]).unwrap();
    let all = [user, parent, phone];
    let told = names_told(&mut mailbox, &all, "d");
    assert_eq!(told, [["US.1", "US.ENT.1", "1650"]]);
    assert!(names_told(&mut mailbox, &all, "e").is_empty());
}

#[test]
fn a_window_that_could_not_be_told_is_told_until_all_names_are() {
    let sql = Native::new();
    let (phone, user) = (phone("1650"), user("US.1"));
    let both = [user, phone.clone()];
    let mut mailbox = told_to_workers(&sql);
    assert_eq!(names_told(&mut mailbox, &both, "a"), [["US.1", "1650"]]);
    let failed = untold(&*sql, 1).unwrap();
    mailbox.forget(failed.unwrap());
    assert_eq!(names_told(&mut mailbox, &[phone], "b"), [["1650"]]);
    assert_eq!(names_told(&mut mailbox, &both, "c"), [["US.1", "1650"]]);
    assert!(names_told(&mut mailbox, &both, "d").is_empty());
}

#[test]
fn a_window_that_could_not_be_told_is_told_with_what_meta_tells_next_and_not_with_what_transom_does()
 {
    let sql = Native::new();
    let ana = [phone("1650")];
    let mut mailbox = told_to_workers(&sql);
    names_told(&mut mailbox, &ana, "a");
    let failed = untold(&*sql, 1).unwrap();
    mailbox.forget(failed.unwrap());
    let stop = Entry::told(false, NOW / 1000, None);
    mailbox.say(&ana[0], stop, "cause", "1065", NOW).unwrap();
    // Nobody asks for them then.
    assert_eq!(mailbox.mirrored(), []);
    let mut again = told_to_workers(&sql);
    assert_eq!(names_told(&mut again, &ana, "b"), [["1650"]]);
}
