//! What becomes of a payment, which Meta tells by statuses that are alike.

use serde_json::{Value, json};

use super::{messages, only};
use crate::event::Event;

fn told(status: &str, payment: &Value) -> Event {
    let status = json!({"id": "1", "status": status, "timestamp": "1770000005", "recipient_id": "919876543210",
        "type": "payment", "payment": payment});
    only(&messages(json!({"statuses": [status]}))).1
}

fn attempt(status: &str, more: &Value) -> Value {
    let mut payment =
        json!({"reference_id": "ord-1", "transaction": {"id": "order_1", "status": status}});
    payment["transaction"]["pg_transaction_id"] = more.clone();
    payment
}

fn refund(id: &str, status: &str) -> Value {
    json!({"id": id, "amount": {"value": 500, "offset": 100}, "status": status})
}

#[test]
fn a_refund_is_no_second_payment_wherever_meta_lists_it() {
    let mut payment = attempt("success", &json!("pay_1"));
    payment["refunds"] = json!([]);
    let captured = told("captured", &payment);
    assert_eq!(captured.kind, "whatsapp.payment.captured");
    payment["refunds"] = json!([refund("rfnd_1", "pending")]);
    assert_eq!(told("captured", &payment).kind, "whatsapp.payment.refunded");
    let mut within = attempt("success", &json!("pay_1"));
    within["transaction"]["refunds"] = payment["refunds"].clone();
    assert_eq!(told("captured", &within).kind, "whatsapp.payment.refunded");
}

#[test]
fn an_attempt_that_failed_is_not_pending_and_a_payment_that_was_captured_is_not_failed() {
    for (status, transaction, kind) in [
        ("pending", "pending", "whatsapp.payment.pending"),
        ("pending", "failed", "whatsapp.payment.failed"),
        ("captured", "failed", "whatsapp.payment.captured"),
        ("failed", "failed", "whatsapp.payment.failed"),
        ("lost", "failed", "whatsapp.unknown"),
    ] {
        let payment = attempt(transaction, &Value::Null);
        assert_eq!(told(status, &payment).kind, kind, "{status} {transaction}");
    }
}

#[test]
fn steps_of_a_payment_within_one_second_are_told_apart_and_repetitions_are_not() {
    let refunded = |refunds: Value| {
        let mut payment = attempt("success", &json!("pay_2"));
        payment["refunds"] = refunds;
        told("captured", &payment)
    };
    let steps = || {
        [
            told("pending", &attempt("pending", &json!("pay_1"))),
            told("pending", &attempt("failed", &json!("pay_1"))),
            told("pending", &attempt("failed", &json!("pay_2"))),
            told("captured", &attempt("success", &json!("pay_2"))),
            refunded(json!([refund("rfnd_1", "pending")])),
            refunded(json!([refund("rfnd_1", "success")])),
            refunded(json!([
                refund("rfnd_1", "success"),
                refund("rfnd_2", "pending")
            ])),
        ]
    };
    let mut ids = steps().map(|event| event.id);
    assert_eq!(ids, steps().map(|event| event.id));
    ids.sort();
    assert!(ids.windows(2).all(|two| two[0] != two[1]), "{ids:?}");
}
