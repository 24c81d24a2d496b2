//! What is taken in, and what is refused as a whole.

use std::rc::Rc;

use serde_json::{Value, json};

use super::*;
use crate::{
    checked,
    config::Category,
    event::{Effect, Event},
    mailbox::native::Native,
    meta::graph::{Class, Recipient},
    sending::{Asked, Happened, Rates, asked, lanes::WaitingSend},
};

const NOW: i64 = 1_770_000_000_000;

struct Bench {
    sql: Rc<Native>,
    mailbox: Mailbox,
    outbox: Outbox,
    consent: Option<Consent>,
}

impl Bench {
    fn new() -> Self {
        let sql = Native::new();
        let mut mailbox = Mailbox::open(sql.clone(), Vec::new()).unwrap();
        let names = vec![Name::User("US.1".into()), Name::Phone("16505551234".into())];
        mailbox.append(vec![wrote("a-0", names)], NOW).unwrap();
        let outbox = Outbox::open(sql.clone(), Rates::default(), String::new(), NOW).unwrap();
        Self {
            sql,
            mailbox,
            outbox,
            consent: None,
        }
    }

    fn take(
        &mut self,
        request: &Value,
        fallback: Option<&Message>,
    ) -> Result<Vec<Queued>, Refusal> {
        let Ok(Asked::Sends(wanted)) = asked::read(request) else {
            panic!("{:?}", asked::read(request));
        };
        let mut intake = Intake {
            mailbox: &mut self.mailbox,
            outbox: &mut self.outbox,
            sends_as: "1065",
            fallback,
            consent: self.consent.as_ref(),
            now_ms: NOW,
        };
        take(&mut intake, wanted).unwrap()
    }
}

/// A message of an hour ago.
fn wrote(id: &str, names: Vec<Name>) -> Event {
    Event {
        id: id.to_owned(),
        kind: "whatsapp.message.received".to_owned(),
        time: Some(NOW / 1000 - 3600),
        effect: Effect::Opens { referral: false },
        ..Event::named(names)
    }
}

fn text() -> Value {
    json!({ "type": "text", "text": { "body": "x" } })
}

fn template() -> Value {
    json!({ "type": "template", "template": { "name": "n", "language": { "code": "de" } } })
}

#[test]
fn whoever_wrote_lately_is_written_to_by_any_name() {
    for (to, recipient) in [
        (
            json!({ "to": "+16505551234" }),
            Recipient::Phone("16505551234".into()),
        ),
        (
            json!({ "recipient": "US.1" }),
            Recipient::User("US.1".into()),
        ),
        (
            json!({ "conversation": "US.1" }),
            Recipient::User("US.1".into()),
        ),
        (
            json!({ "conversation": "16505551234" }),
            Recipient::Phone("16505551234".into()),
        ),
    ] {
        let mut bench = Bench::new();
        let mut request = to.clone();
        request["messages"] = json!([text(), text()]);
        let Ok(sends) = bench.take(&request, None) else {
            panic!("{to}")
        };
        assert_eq!(sends.len(), 2);
        assert_ne!(sends[0].id, sends[1].id);
        assert!(sends[0].id.starts_with("1065."));
        let started = bench.outbox.next(NOW + 1000).unwrap().unwrap();
        assert_eq!(started.send.draft.to, Some(recipient));
    }
}

#[test]
fn a_former_user_id_leads_to_the_one_of_now() {
    let mut bench = Bench::new();
    let renames = Event {
        effect: Effect::Renames {
            from: vec![Name::User("US.1".into())],
        },
        ..wrote("b-0", vec![Name::User("US.2".into())])
    };
    bench.mailbox.append(vec![renames], NOW).unwrap();
    let request = json!({ "conversation": "US.1", "message": text() });
    bench.take(&request, None).unwrap();
    let started = bench.outbox.next(NOW + 1000).unwrap().unwrap();
    let recipient = Recipient::User("US.2".into());
    assert_eq!(started.send.draft.to, Some(recipient));
}

#[test]
fn a_closed_window_refuses_the_whole_request_and_nothing_is_left_of_it() {
    let mut bench = Bench::new();
    let rows = bench.sql.changes();
    let open = json!({ "to": "16505551234", "message": text() });
    let closed = json!({ "to": "4915112345678", "message": text() });
    let taken = bench.take(&json!({ "sends": [open, closed] }), None);
    assert_eq!(
        taken,
        Err(Refusal::Closed(vec![(
            "sends[1]".into(),
            WindowClosed { closes_at: None }
        )]))
    );
    assert_eq!(bench.sql.changes(), rows);
}

#[test]
fn a_fallback_goes_where_the_window_is_closed_the_requests_own_before_the_tenants() {
    let fallback = Message::check(&template()).unwrap();
    let goes =
        |request: Value, tenants: Option<&Message>| match Bench::new().take(&request, tenants) {
            Ok(sends) => sends[0].goes,
            other => panic!("{other:?}"),
        };
    let stranger = json!({ "to": "4915112345678", "message": text() });
    assert_eq!(
        goes(stranger.clone(), Some(&fallback)),
        Some(Goes::Fallback)
    );
    let mut own = stranger;
    own["fallback"] = template();
    assert_eq!(goes(own, None), Some(Goes::Fallback));
    let known = json!({ "to": "16505551234", "message": text() });
    assert_eq!(goes(known, Some(&fallback)), Some(Goes::Message));
    let by_template = json!({ "to": "4915112345678", "message": template() });
    assert_eq!(goes(by_template, None), Some(Goes::Message));
    let emoji = json!({ "message_id": "wamid.A", "emoji": "👍" });
    let liked = json!({ "type": "reaction", "reaction": emoji });
    let liked = json!({ "to": "4915112345678", "message": liked });
    let refusal = Bench::new().take(&liked, Some(&fallback));
    assert!(matches!(refusal, Err(Refusal::Closed(_))), "{refusal:?}");
}

#[test]
fn the_fallback_goes_once_for_all_messages_of_a_request_to_one_person() {
    let messages = json!([template(), text(), text()]);
    let request = json!({ "to": "4915112345678", "messages": messages, "fallback": template() });
    let mut bench = Bench::new();
    let taken = bench.take(&request, None).unwrap();
    let goes: Vec<_> = taken.iter().map(|send| send.goes).collect();
    assert_eq!(goes, [Some(Goes::Message), Some(Goes::Fallback), None]);
    let fallbacks = [(); 3].map(|()| {
        let started = bench.outbox.next(NOW + 60_000).unwrap().unwrap();
        let has_fallback = started.send.draft.fallback.is_some();
        let happened = Happened::Refuse(Class::Window);
        bench.outbox.done(started, happened, NOW + 60_000).unwrap();
        has_fallback
    });
    assert_eq!(fallbacks, [false, true, false]);
    let both = [request["to"].clone(), json!("4915112345679")];
    let both = both.map(|to| json!({ "to": to, "message": text() }));
    let taken = bench.take(
        &json!({ "sends": both }),
        Some(&Message::check(&template()).unwrap()),
    );
    let each = taken.unwrap().into_iter();
    assert!(
        each.map(|send| send.goes).eq([Some(Goes::Fallback); 2]),
        "to each their own"
    );
}

#[test]
fn nobody_is_guessed() {
    let taken = Bench::new().take(
        &json!({ "conversation": "16505551235", "message": text() }),
        None,
    );
    let Err(Refusal::Faults(faults)) = taken else {
        panic!()
    };
    assert_eq!(faults[0].path, "conversation");
}

#[test]
fn a_group_that_is_not_known_yet_is_written_to_by_its_name_as_transom_tells_it() {
    let mut bench = Bench::new();
    let mut take =
        |to: &str| bench.take(&json!({ "conversation": to, "message": template() }), None);
    assert!(take("group:Y2F").is_ok());
    for nobody in ["Y2Q", "group:", "group:two words", "topic:G", "user:US.2"] {
        assert!(matches!(take(nobody), Err(Refusal::Faults(_))), "{nobody}");
    }
    assert!(take("Y2F").is_ok(), "now it is known");
    let started = bench.outbox.next(NOW + 1000).unwrap().unwrap();
    assert_eq!(started.send.draft.to, Some(Recipient::Group("Y2F".into())));
}

#[test]
fn what_was_said_with_a_message_is_known_when_its_turn_comes() {
    let mut bench = Bench::new();
    let request = json!({ "to": "16505551234", "message": text(), "fallback": template(), "category": "utility",
        "in_reply_to": "wamid.A", "late_s": 300 });
    bench.take(&request, None).unwrap();
    let started = bench.outbox.next(NOW).unwrap().unwrap();
    let expected = Draft {
        to: Some(Recipient::Phone("16505551234".to_owned())),
        message: Message::check(&text()).unwrap(),
        fallback: Some(Message::check(&template()).unwrap()),
        category: Some(Category::Utility),
        in_reply_to: Some("wamid.A".to_owned()),
        answers: None,
        answers_at: None,
        late_s: Some(300),
    };
    assert_eq!(started.send.draft, expected);
}

#[test]
fn a_group_gets_no_interactive_message() {
    let button = json!({ "type": "reply", "reply": { "id": "yes", "title": "Yes" } });
    let interactive = json!({ "type": "interactive", "interactive": {
        "type": "button", "body": { "text": "Well?" }, "action": { "buttons": [button] } } });
    let mut bench = Bench::new();
    let wrote = wrote("g-0", vec![Name::Group("G".into())]);
    bench.mailbox.append(vec![wrote], NOW).unwrap();
    let mut take = |to: &str, message: &Value| {
        bench.take(&json!({ "conversation": to, "message": message }), None)
    };
    let Err(Refusal::Faults(faults)) = take("G", &interactive) else {
        panic!()
    };
    assert_eq!(
        faults[0].to_string(),
        "message.type: Meta takes no interactive messages in a group"
    );
    assert!(take("G", &text()).is_ok());
    assert!(take("US.1", &interactive).is_ok());
    let both = json!({ "conversation": "G", "messages": [text(), interactive] });
    assert!(matches!(bench.take(&both, None), Err(Refusal::Faults(_))));
}

#[test]
fn who_has_not_agreed_refuses_the_whole_request_and_nothing_is_left_of_it() {
    let mut bench = Bench::new();
    let settings = json!({ "opt_in": "marketing", "templates": { "n": "marketing" } });
    bench.consent = checked::read("consent", &settings, Consent::read).unwrap();
    let rows = bench.sql.changes();
    let good = json!({ "to": "16505551234", "message": text() });
    let bad = json!({ "to": "16505551234", "message": template() });
    let taken = bench.take(&json!({ "sends": [good, bad] }), None);
    let objection = ("sends[1]".into(), Objection::NotOptedIn);
    assert_eq!(taken, Err(Refusal::Objections(vec![objection])));
    assert_eq!(bench.sql.changes(), rows);
    assert!(bench.take(&good, None).is_ok());
}

#[test]
fn a_message_and_its_fallback_have_256_kb_together() {
    let long = |bytes: usize| {
        let text = json!({ "type": "text", "text": "x".repeat(bytes) });
        let mut message = template();
        message["template"]["components"] = json!([{ "type": "body", "parameters": [text] }]);
        message
    };
    let size = |message: &Value| size(&Message::check(message).unwrap());
    let most = LARGEST - size(&text()) - size(&long(1));
    for (more, is_taken) in [(1, true), (2, false)] {
        let fallback = long(most + more);
        let request =
            json!({ "to": "16505551234", "messages": [text(), text()], "fallback": fallback });
        assert_eq!(Bench::new().take(&request, None).is_ok(), is_taken);
    }
}

#[test]
fn a_fallback_stays_with_what_is_bound_to_the_window_alone() {
    let fallback = Message::check(&template()).unwrap();
    for (message, has_one) in [(text(), true), (template(), false)] {
        let mut bench = Bench::new();
        let request = json!({ "to": "16505551234", "message": message });
        bench.take(&request, Some(&fallback)).unwrap();
        let started = bench.outbox.next(NOW + 1000).unwrap().unwrap();
        assert_eq!(started.send.draft.fallback.is_some(), has_one);
    }
}

#[test]
fn where_too_many_wait_nothing_more_is_taken_in() {
    let mut bench = Bench::new();
    let request = json!({ "phone_number_id": "1065", "to": "16505551234", "message": text() });
    for place in 1..=89_999 {
        let waiting = WaitingSend::new(place.to_string(), place, false);
        bench.outbox.lanes.insert(place, waiting, NOW);
    }
    assert_eq!(bench.take(&request, None).unwrap().len(), 1);
    assert_eq!(bench.take(&request, None), Err(Refusal::Full));
    assert_eq!(bench.sql.count("sends"), 1);
}
