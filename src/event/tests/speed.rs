//! How long it takes: `cargo test --release speed -- --ignored --nocapture`.

use std::hint::black_box;

use serde_json::{Value, json};

use super::messages;
use crate::event::split;

/// A webhook of 1,000 updates, half of them messages and half statuses, of 1,000 customers.
fn large() -> Vec<u8> {
    let user = |n: usize| format!("US.134912086553027{n:05}");
    let contacts: Vec<Value> = (0..1000)
        .map(|n| json!({"profile": {"name": format!("Ana {n}"), "username": "@ana"}, "wa_id": format!("16505{n:06}"), "user_id": user(n)}))
        .collect();
    let texts: Vec<Value> = (0..500)
        .map(|n| json!({"from": format!("16505{n:06}"), "from_user_id": user(n), "id": format!("wamid.HBgLMTY1MDU1NTEyMzQVAgASGBQzQ{n}=="),
            "timestamp": "1770000000", "type": "text", "text": {"body": "¿Tienen stock? I would like to know more about it, please."}}))
        .collect();
    let statuses: Vec<Value> = (500..1000)
        .map(|n| json!({"id": format!("wamid.HBgLMTY1MDU1NTEyMzQVAgASGBQzQ{n}=="), "status": "delivered", "timestamp": "1770000005",
            "recipient_id": format!("16505{n:06}"), "recipient_user_id": user(n),
            "pricing": {"billable": true, "pricing_model": "PMP", "type": "regular", "category": "utility"}}))
        .collect();
    messages(json!({"contacts": contacts, "messages": texts, "statuses": statuses}))
        .to_string()
        .into_bytes()
}

fn best(mut run: impl FnMut()) -> std::time::Duration {
    let once = |run: &mut dyn FnMut()| {
        #[expect(clippy::disallowed_methods, reason = "a test may look at the clock")]
        let start = std::time::Instant::now();
        run();
        start.elapsed()
    };
    (0..50).map(|_| once(&mut run)).min().unwrap()
}

#[test]
#[ignore = "a measurement"]
fn speed() {
    let body = large();
    let small = messages(json!({"messages": [super::text("wamid.A", "16505551234")]}))
        .to_string()
        .into_bytes();
    for (name, body) in [("1,000 updates", body), ("one message", small)] {
        let value = best(|| drop(black_box(serde_json::from_slice::<Value>(&body).unwrap())));
        let events = best(|| drop(black_box(split(&body))));
        let bytes = u32::try_from(body.len()).map(f64::from).unwrap();
        let rate = |time: std::time::Duration| bytes / 1e6 / time.as_secs_f64();
        println!(
            "{name}, {} bytes: split {events:?} ({:.0} MB/s), serde_json to Value {value:?} ({:.0} MB/s)",
            body.len(),
            rate(events),
            rate(value)
        );
    }
}
