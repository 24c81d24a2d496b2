//! What Cloudflare bills for, counted exactly on real requests, and what it asks for that.

use std::time::Duration;

use serde_json::Value;
use simulator::backend::{Answer, Backend};
use tokio::time::sleep;

use crate::contestant::{Outside, Running};
use crate::load::{self, Pace, Until};
use crate::workload::{Requests, Workload};

/// Dollars for a million, beyond what is included: developers.cloudflare.com/workers/platform/pricing and
/// /durable-objects/platform/pricing, as of November 2026.
pub(crate) mod price {
    /// Requests to a Worker.
    pub(crate) const REQUESTS: f64 = 0.30;
    /// Milliseconds of processor time.
    pub(crate) const CPU_MS: f64 = 0.02;
    /// Requests to Durable Objects, alarms included.
    pub(crate) const OBJECT_REQUESTS: f64 = 0.15;
    /// Rows written in Durable Objects; setting an alarm writes one.
    pub(crate) const ROWS_WRITTEN: f64 = 1.0;
    /// Rows read in Durable Objects.
    pub(crate) const ROWS_READ: f64 = 0.001;
    /// Gigabyte-seconds that an object is active; an object counts as 128 MB.
    pub(crate) const GB_SECONDS: f64 = 12.50;
    /// Operations of a Queue, of which a message takes three.
    pub(crate) const QUEUE_OPERATIONS: f64 = 0.40;
    pub(crate) const KV_READS: f64 = 0.50;
    pub(crate) const KV_WRITES: f64 = 5.0;
}

/// What was counted, for each message.
#[derive(Debug, Clone)]
pub(crate) struct Cost {
    pub(crate) what: String,
    pub(crate) rows_written: f64,
    pub(crate) alarms_set: f64,
    pub(crate) rows_read: f64,
    pub(crate) object_requests: f64,
    pub(crate) alarms: f64,
}

impl Cost {
    /// What was counted in between, for each of so many messages.
    fn between(what: String, before: &Value, after: &Value, messages: u32) -> Self {
        let each = |name: &str| {
            let of = |counts: &Value| {
                let count = counts[name].as_f64();
                count.unwrap_or_else(|| panic!("{name} is not counted: {counts}"))
            };
            (of(after) - of(before)) / f64::from(messages)
        };
        Self {
            what,
            rows_written: each("rows_written"),
            alarms_set: each("set_alarms"),
            rows_read: each("rows_read"),
            object_requests: each("requests"),
            alarms: each("alarms"),
        }
    }

    /// Dollars for a million webhooks, but for processor time and duration.
    pub(crate) fn dollars(&self) -> f64 {
        price::REQUESTS
            + (self.object_requests + self.alarms) * price::OBJECT_REQUESTS
            + (self.rows_written + self.alarms_set) * price::ROWS_WRITTEN
            + self.rows_read * price::ROWS_READ
    }
}

/// Sends a few webhooks and counts.
pub(crate) async fn count(outside: &Outside, backend: &Backend) -> Vec<Cost> {
    let mut texts = Requests::new(Workload::Text, "/webhook");
    let mut statuses = Requests::new(Workload::Status, "/webhook");
    let mut repeated = Requests::new(Workload::Repeated, "/webhook");
    let server = Running::start_counted(Some(outside)).await;
    // The first message of each of 200 customers, whose conversations it makes.
    scenario(&server, &mut texts, 200, 100.0).await;
    scenario(&server, &mut repeated, 1, 1.0).await;
    let mut costs = vec![
        alone(&server, "message, received and delivered", &mut texts).await,
        busy(&server, "message, received and delivered", &mut texts).await,
        alone(&server, "status, received and delivered", &mut statuses).await,
        busy(&server, "status, received and delivered", &mut statuses).await,
        alone(&server, "message, repeated by Meta", &mut repeated).await,
    ];
    backend.always(Answer::reply("We are open from 9 to 18."));
    costs.push(
        alone(
            &server,
            "message, received, delivered and answered",
            &mut texts,
        )
        .await,
    );
    backend.behave();
    let server = Running::start_counted(None).await;
    scenario(&server, &mut texts, 200, 100.0).await;
    costs.push(alone(&server, "message that nobody wants", &mut texts).await);
    costs.push(alone(&server, "status that nobody wants", &mut statuses).await);
    costs
}

/// Counts for one at a time, with nothing else going on.
async fn alone(server: &Running, what: &str, requests: &mut Requests) -> Cost {
    let before = counts(server).await;
    for _ in 0..10 {
        scenario(server, requests, 1, 1.0).await;
    }
    let what = format!("{what}, nothing else going on");
    Cost::between(what, &before, &counts(server).await, 10)
}

/// Counts for five seconds of 100 a second, all for one number.
async fn busy(server: &Running, what: &str, requests: &mut Requests) -> Cost {
    let before = counts(server).await;
    scenario(server, requests, 500, 100.0).await;
    let what = format!("{what}, 100 a second for one number");
    Cost::between(what, &before, &counts(server).await, 500)
}

/// Sends so many, at a pace, and waits until all is quiet.
async fn scenario(server: &Running, requests: &mut Requests, count: usize, pace: f64) {
    let pace = Pace::PerSecond(pace);
    load::run(server, requests, 4, pace, Until::Count(count)).await;
    let mut before = Value::Null;
    loop {
        sleep(Duration::from_millis(250)).await;
        let now = counts(server).await;
        if now == before {
            return;
        }
        before = now;
    }
}

async fn counts(server: &Running) -> Value {
    let text = load::get(server.port, "/bench/counts").await.unwrap();
    serde_json::from_str(&text).unwrap_or_else(|_| panic!("no counts: {text}\n{}", server.log()))
}
