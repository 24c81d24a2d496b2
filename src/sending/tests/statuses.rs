//! What Meta tells later.

use super::*;

#[test]
fn a_failure_of_what_was_refused_and_waits_does_not_take_it_from_the_queue() {
    let codes = [130_429, 131_042, 131_056];
    for (code, restarts) in codes
        .iter()
        .flat_map(|code| [(*code, false), (*code, true)])
    {
        let first_failed = || failed("a", "wamid.1", code);
        let mut bench = Bench::with([send("a", 1)]);
        bench.next_ends(refused(code));
        if restarts {
            bench.reopen("a");
        }
        bench.told(first_failed());
        assert_eq!(bench.find("a").state, SendState::Queued);
        let again = bench.wait_next();
        bench.told(first_failed());
        let (state, _) = bench.done(again, accepted("wamid.2"));
        let message_id = "wamid.2".into();
        assert_eq!(state, SendState::Accepted { message_id });
        bench.told(first_failed());
        assert_eq!(bench.find("a").error, None, "it is the first try's");
        bench.told(failed("a", "wamid.2", 131_026));
        assert_eq!(bench.find("a").error, Some(131_026));
    }
}

#[test]
fn a_failure_that_overtakes_the_answer_is_told_of_a_fallback_and_of_a_second_try() {
    for (code, error) in [(131_047, 131_026), (190, 131_042), (190, 190)] {
        let mut bench = Bench::with([with_fallback("a", 1)]);
        bench.next_ends(refused(code));
        let again = bench.wait_next();
        bench.told(failed("a", "wamid.1", 131_000));
        bench.told(failed("a", "wamid.2", error));
        let (state, change) = bench.done(again, accepted("wamid.2"));
        let message_id = "wamid.2".into();
        assert_eq!(state, SendState::Accepted { message_id });
        assert_eq!(bench.find("a").error, Some(error));
        assert_eq!(bench.outbox.blocked().is_some(), code == 190);
        assert!(
            !matches!(change, Some(NumberChange::Unblocked(_))),
            "what failed tells of no number that can send"
        );
    }
}

#[test]
fn what_meta_refuses_for_now_waits_though_a_status_tells_of_that_before_the_answer() {
    for code in [131_056, 130_429, 190, 131_042] {
        let mut bench = Bench::with([send("a", 1)]);
        let first = bench.wait_next();
        bench.told(failed("a", "wamid.1", code));
        assert_eq!(bench.done(first, refused(code)).0, SendState::Queued);
        bench.reopen("a");
        let again = bench.wait_next();
        assert_eq!(again.send, send("a", 1));
        bench.told(failed("a", "wamid.1", code));
        bench.done(again, accepted("wamid.2"));
        bench.told(sent("a", "wamid.2"));
        assert_eq!(bench.find("a").state, taken("wamid.2"));
    }
    let mut bench = Bench::with([send("a", 1)]);
    let only = bench.wait_next();
    bench.told(failed("a", "wamid.1", 131_026));
    let (state, _) = bench.done(only, refused(131_026));
    assert!(matches!(
        state,
        SendState::Failed {
            code: Some(131_026),
            ..
        }
    ));
}

#[test]
fn a_failure_of_a_second_try_counts_though_another_status_comes_between_it_and_the_answer() {
    let mut bench = Bench::with([send("a", 1)]);
    bench.next_ends(refused(190));
    let probe = bench.wait_next();
    bench.told(failed("a", "wamid.2", 190));
    bench.told(sent("a", "wamid.2"));
    let (_, change) = bench.done(probe, accepted("wamid.2"));
    assert_eq!(bench.find("a").error, Some(190));
    assert_eq!(change, None);
    assert!(bench.outbox.blocked().is_some());
}

#[test]
fn a_failure_without_a_code_says_nothing_of_the_number() {
    for errors in [json!([]), json!(null), json!([{ "title": "x" }])] {
        let mut bench = Bench::with([with_fallback("a", 1)]);
        bench.next_ends(accepted("wamid.1"));
        let mut failed = status("a", "wamid.1", MessageStatus::Failed, None);
        failed.data = json!({
            "status": { "id": "wamid.1", "biz_opaque_callback_data": "a", "errors": errors },
        })
        .to_string();
        assert_eq!(bench.told(failed), None);
        assert_eq!((bench.find("a").error, bench.draft("a")), (None, None));
    }
}

#[test]
fn what_meta_refuses_a_whole_group_later_counts_and_what_it_refuses_a_member_does_not() {
    let of_the_group = |code| Event {
        names: vec![Name::Group("G".into())],
        ..failed("a", "wamid.1", code)
    };
    let of_a_member = |code| {
        let mut event = of_the_group(code);
        event.data = event
            .data
            .replacen('{', r#"{"customer":{"phone":"1650"},"#, 1);
        event
    };
    let went = || {
        let mut bench = Bench::with([with_fallback("a", 1)]);
        bench.next_ends(accepted("wamid.1"));
        for code in [131_047, 131_042] {
            assert_eq!(bench.told(of_a_member(code)), None);
        }
        let record = bench.find("a");
        assert_eq!((record.state, record.error), (taken("wamid.1"), None));
        bench
    };
    let mut closed = went();
    closed.told(of_the_group(131_047));
    assert_eq!(closed.find("a").state, SendState::Queued);
    assert_eq!(closed.wait_next().send.draft.message.kind(), "template");
    let mut unpaid = went();
    unpaid.told(of_the_group(131_042));
    assert_eq!(unpaid.find("a").error, Some(131_042));
    assert!(unpaid.outbox.blocked().is_some());
}
