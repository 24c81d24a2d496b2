//! The template that goes where the window is closed.

use super::{
    guard::{Goes, Turn},
    *,
};
use crate::{config::Sending, conversation::State, mailbox::Stored};

#[test]
fn the_fallback_goes_where_meta_says_that_the_window_is_closed_and_only_once() {
    let mut bench = Bench::with([with_fallback("a", 1)]);
    assert_eq!(bench.next_ends(refused(131_047)).0, SendState::Queued);
    let fallback = bench.wait_next();
    assert_eq!(fallback.send.draft.message.kind(), "template");
    let (state, _) = bench.done(fallback, refused(131_047));
    assert!(matches!(
        state,
        SendState::Failed {
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
        let mut bench = Bench::with([with_fallback("a", 1)]);
        bench.next_ends(accepted("wamid.1"));
        if restarts {
            bench.reopen("a");
        }
        let first_failed = || failed("a", "wamid.1", 131_047);
        bench.told(first_failed());
        bench.told(first_failed());
        let fallback = bench.wait_next();
        bench.told(first_failed());
        assert_eq!(fallback.send.draft.message.kind(), "template");
        bench.done(fallback, accepted("wamid.2"));
        bench.told(first_failed());
        assert_eq!(bench.find("a").state, taken("wamid.2"));
        bench.told(failed("a", "wamid.2", 131_047));
        assert_eq!(bench.find("a").error, Some(131_047));
        assert_eq!(
            (bench.next(), bench.outbox.wakes_at(bench.now)),
            (None, None)
        );
    }
}

#[test]
fn a_fallback_is_forgotten_once_the_message_is_known_to_have_left() {
    let mut bench = Bench::with([with_fallback("a", 1)]);
    bench.next_ends(accepted("wamid.1"));
    assert!(bench.draft("a").is_some());
    bench.told(sent("a", "wamid.1"));
    assert_eq!(bench.draft("a"), None);
}

#[test]
fn the_fallback_goes_where_the_window_is_closed_when_its_turn_comes() {
    let mut bench = Bench::with([with_fallback("a", 1)]);
    let mut started = bench.wait_next();
    bench.outbox.goes_as(&mut started, Goes::Fallback);
    assert_eq!(started.send.draft.message.kind(), "template");
    bench.done(started, accepted("wamid.1"));
    assert!(bench.find("a").fell_back);
    assert_eq!(bench.draft("a"), None);
}

#[test]
fn the_fallback_does_not_go_where_the_window_is_open_when_its_turn_comes() {
    let mut bench = Bench::with([with_fallback("a", 1)]);
    let mut started = bench.wait_next();
    bench.outbox.goes_as(&mut started, Goes::Message);
    assert_eq!(started.send.draft.message.kind(), "text");
    bench.done(started, accepted("wamid.1"));
    assert!(!bench.find("a").fell_back);
}

#[test]
fn what_goes_is_decided_anew_at_each_turn() {
    for code in [190, 130_429, 131_042] {
        for restarts in [false, true] {
            let mut bench = Bench::with([with_fallback("a", 1)]);
            let mut closed = bench.wait_next();
            bench.outbox.goes_as(&mut closed, Goes::Fallback);
            bench.done(closed, refused(code));
            if restarts {
                bench.reopen("a");
            }
            let mut open = bench.wait_next();
            bench.outbox.goes_as(&mut open, Goes::Message);
            assert_eq!(open.send.draft.message.kind(), "text", "{code}");
            bench.done(open, accepted("wamid.1"));
            assert!(!bench.find("a").fell_back);
        }
    }
}

#[test]
fn a_fallback_that_stopped_templates_alone_waits_as_one_and_a_text_in_its_place_unblocks_none() {
    for (code, restarts) in [
        (131_042, false),
        (131_042, true),
        (368, false),
        (131_048, true),
    ] {
        let mut bench = Bench::with([with_fallback("a", 1)]);
        let mut closed = bench.wait_next();
        bench.outbox.goes_as(&mut closed, Goes::Fallback);
        bench.done(closed, refused(code));
        if restarts {
            bench.reopen("a");
        }
        bench.now += MINUTE;
        assert_eq!(bench.next(), None);
        let mut open = bench.wait_next();
        let mut promotion = send("b", 2);
        promotion.draft.message = template();
        bench.add(promotion);
        bench.outbox.goes_as(&mut open, Goes::Message);
        let (_, change) = bench.done(open, accepted("wamid.1"));
        assert_eq!(change, None);
        assert!(bench.outbox.blocked().is_some());
        bench.now += 1_000;
        assert_eq!(bench.next().unwrap().send.id, "b", "it is tried next");
    }
}

#[test]
fn a_fallback_quotes_nothing_and_a_template_has_none() {
    let mut answer = with_fallback("a", 1);
    answer.draft.in_reply_to = Some("wamid.0".into());
    let mut by_template = answer.clone();
    by_template.draft.message = template();
    for (send, falls_back) in [(answer, true), (by_template, false)] {
        let quoted = send.draft.in_reply_to.clone().filter(|_| !falls_back);
        let mut bench = Bench::with([send]);
        let mut started = bench.wait_next();
        bench.outbox.goes_as(&mut started, Goes::Fallback);
        assert_eq!(started.send.draft.in_reply_to, quoted);
        bench.done(started, accepted("wamid.1"));
        assert_eq!(bench.find("a").fell_back, falls_back);
    }
}

#[test]
fn what_is_told_before_the_answer_of_a_fallback_is_told_of_a_template() {
    for (word, code) in [
        (MessageStatus::Sent, None),
        (MessageStatus::Failed, Some(131_042)),
    ] {
        let mut bench = Bench::with([with_fallback("a", 1)]);
        let mut started = bench.wait_next();
        bench.outbox.goes_as(&mut started, Goes::Fallback);
        bench.told(status("a", "wamid.1", word, code));
        let of_templates = bench.outbox.blocked().map(|why| why.of_templates);
        assert_eq!(of_templates, code.map(|_| true));
        assert!(bench.find("a").fell_back);
        bench.done(started, accepted("wamid.1"));
        assert!(bench.find("a").fell_back);
    }
}

#[test]
fn the_fallback_goes_where_a_status_says_so_before_the_answer_or_without_one() {
    let first_failed = || failed("a", "wamid.1", 131_047);
    let fallback_goes = |bench: &mut Bench| {
        let fallback = bench.wait_next();
        assert_eq!(fallback.send.draft.message.kind(), "template");
        bench.done(fallback, accepted("wamid.2"));
        bench.told(first_failed());
        assert_eq!(bench.outbox.wakes_at(bench.now), None, "it goes once");
    };
    let mut bench = Bench::with([with_fallback("a", 1)]);
    bench.next_ends(refused(130_429));
    let again = bench.wait_next();
    bench.told(first_failed());
    let (state, _) = bench.done(again, accepted("wamid.1"));
    assert_eq!(
        state,
        SendState::Queued,
        "the answer says of which try it is"
    );
    fallback_goes(&mut bench);
    for happened in [Happened::NoAnswer, accepted("wamid.1")] {
        let mut bench = Bench::with([with_fallback("a", 1)]);
        let started = bench.wait_next();
        bench.told(first_failed());
        assert_eq!(bench.next(), None, "not before that one has ended");
        assert_eq!(bench.done(started, happened).0, SendState::Queued);
        fallback_goes(&mut bench);
    }
    let mut bench = Bench::with([with_fallback("a", 1)]);
    bench.wait_next();
    bench.told(first_failed());
    bench.reopen("a");
    fallback_goes(&mut bench);
    for restarts in [false, true] {
        let mut bench = Bench::with([with_fallback("a", 1)]);
        let started = bench.wait_next();
        if restarts {
            bench.reopen("a");
        } else {
            bench.done(started, Happened::NoAnswer);
        }
        assert_eq!(bench.find("a").state, SendState::Unknown);
        bench.told(first_failed());
        fallback_goes(&mut bench);
    }
}

const DAY_S: i64 = 24 * 60 * 60;

/// What becomes of the next send, where the window closes at `closes_at` (unix seconds) and Meta takes all that goes.
fn next_at_its_turn(bench: &mut Bench, closes_at: i64) -> (SendState, String) {
    let mut started = bench.wait_next();
    let now = bench.now / 1000;
    let decided = Turn {
        send: &started.send,
        asked: now,
        is_withheld: false,
        answering: None,
        sending: Sending::default(),
        consent: None,
        state: &State::default(),
        closes_at: Some(closes_at),
        now,
    }
    .decide();
    let refused = bench.outbox.decided(&mut started, decided, Some(closes_at));
    let happened = refused
        .unwrap()
        .map_or(accepted("wamid.1"), Happened::Refuse);
    let kind = started.send.draft.message.kind().to_owned();
    (bench.done(started, happened).0, kind)
}

/// What a destination answers to an event of conversation 1.
fn answered(event: &str) -> Vec<Send> {
    let event = Stored {
        id: event.to_owned(),
        conversation: 1,
        data: r#"{"customer":{"phone":"1650"}}"#.to_owned(),
        ..Stored::example()
    };
    replies::sends(&event, vec![text()], "1065", "crm", Some(&template()))
}

fn not_in_the_window() -> (SendState, String) {
    let state = SendState::Failed {
        code: None,
        class: Class::Window,
    };
    (state, "text".to_owned())
}

#[test]
fn a_customer_gets_the_fallback_once_until_they_write_again_however_many_answers_come_late() {
    let went = (taken("wamid.1"), "template".to_owned());
    for waited in [false, true] {
        let mut bench = Bench::new();
        bench.now = 3 * DAY_S * 1000;
        let closed = bench.now / 1000 - 3_600;
        let mut late = ["e-1", "e-2", "e-3"].into_iter().flat_map(answered);
        if waited {
            for send in late.by_ref() {
                bench.add(send);
            }
        }
        for expected in [went.clone(), not_in_the_window(), not_in_the_window()] {
            late.next().map(|send| bench.add(send));
            assert_eq!(next_at_its_turn(&mut bench, closed), expected, "{waited}");
            bench.reopen("a");
            bench.now += MINUTE;
        }
        // They have written, and the window has closed again.
        bench.now += 2 * DAY_S * 1000;
        for send in answered("e-4") {
            bench.add(send);
        }
        let closed = bench.now / 1000 - 3_600;
        assert_eq!(next_at_its_turn(&mut bench, closed), went);
    }
}

#[test]
fn within_the_margin_before_the_window_closes_the_fallback_goes_once_too() {
    let mut bench = Bench::with(["e-1", "e-2"].into_iter().flat_map(answered));
    let closes_at = bench.now / 1000 + 50;
    let kinds = [(); 2].map(|()| next_at_its_turn(&mut bench, closes_at).1);
    assert_eq!(kinds, ["template", "text"]);
}

#[test]
fn a_fallback_that_did_not_go_and_one_of_somebody_else_keep_no_other_back() {
    let mut bench = Bench::with(["e-1", "e-2"].into_iter().flat_map(answered));
    bench.add(with_fallback("1065.e-3.crm.0", 2));
    let mut first = bench.wait_next();
    bench.outbox.goes_as(&mut first, Goes::Fallback);
    bench.done(first, refused(132_001));
    for send in answered("e-4") {
        bench.add(send);
    }
    let kinds = [(); 3].map(|()| {
        let kind = next_at_its_turn(&mut bench, 1).1;
        bench.told(failed("1065.e-2.crm.0", "wamid.1", 131_049));
        kind
    });
    assert_eq!(kinds, ["template"; 3]);
}

#[test]
fn while_no_template_goes_a_text_that_would_go_as_one_waits_with_them() {
    let mut bench = Bench::new();
    let mut campaign = send("campaign", 9);
    campaign.draft.message = template();
    bench.add(campaign);
    bench.next_ends(refused(131_048));
    bench.add(with_fallback("a", 1));
    let mut started = bench.wait_next();
    assert_eq!(started.send.id, "a");
    assert!(
        !bench.outbox.waits_as_template(&started),
        "it goes as a text"
    );
    bench.outbox.goes_as(&mut started, Goes::Fallback);
    assert!(bench.outbox.waits_as_template(&started));
    bench.done(started, Happened::Undecided);
    let before = bench.now;
    let next = bench.wait_next();
    assert!(next.probes.is_some() && bench.now >= before + 4 * MINUTE);
}

#[test]
fn the_fallback_that_a_request_to_the_api_names_goes_whatever_went() {
    let mut bench = Bench::with([
        with_fallback("1065.19b5-1", 1),
        with_fallback("1065.19b5-2", 1),
    ]);
    let kinds = [(); 2].map(|()| next_at_its_turn(&mut bench, 1).1);
    assert_eq!(kinds, ["template"; 2]);
}
