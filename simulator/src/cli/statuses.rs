//! What Meta does once it has taken a message: it tells, webhook by webhook, that it went out and that it arrived.

use std::time::Duration;

use simulator::graph::Request;
use simulator::local;
use simulator::meta::Meta;
use simulator::webhook::{Customer, Number, Status, Webhook};

use super::print::{red, say};

/// How long Meta takes until the next status.
const AFTER: Duration = Duration::from_millis(500);

/// Tells what becomes of a message that was taken. A group's are told by member, and who those are is not known here.
pub(crate) fn tell(meta: &Meta, request: &Request) {
    let Some(wamid) = &request.wamid else { return };
    if request.is_read_receipt() || request.is_to_group() {
        return;
    }
    let number = Number::new(&request.phone_number_id);
    let customer = customer(request.to());
    let data = request.callback_data().map(str::to_owned);
    let statuses = [Status::sent(wamid), Status::delivered(wamid)];
    let meta = meta.clone();
    tokio::spawn(async move {
        for status in statuses {
            tokio::time::sleep(AFTER).await;
            let status = match &data {
                Some(data) => status.callback_data(data),
                None => status,
            };
            let webhook = Webhook::new().status(&number, &customer, status);
            let answer = meta.post(&webhook).await;
            if answer.status != 200 {
                say(red(format!(
                    "A status was not taken: {}",
                    answer.error.unwrap_or(answer.body)
                )));
            }
        }
    });
}

fn customer(to: &str) -> Customer {
    let digits = to.trim_start_matches('+');
    match digits.bytes().all(|byte| byte.is_ascii_digit()) {
        true if digits == local::CUSTOMER_PHONE => Customer::local(),
        true => Customer::new(digits),
        false => Customer::without_phone(to),
    }
}
