//! How many messages of one number are taken in and delivered at the same time, to a backend that takes its time:
//! `cargo run --release -p bench --bin bench -- throughput`.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use rand::seq::SliceRandom as _;
use serde_json::{Value, json};
use simulator::webhook::Number;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{Instant, sleep};

use crate::contestant::{Forwarding, Running};
use crate::load::{self, Pace, Until};
use crate::measure::{median, spread};
use crate::workload::{Requests, Workload};

/// How long the backend takes to answer.
const ANSWERS_AFTER: Duration = Duration::from_millis(100);

/// How many requests are under way on the way in.
const CONNECTIONS: usize = 32;

/// How long nothing may come before it counts as stuck.
const STUCK: Duration = Duration::from_secs(20);

/// A backend that answers late and counts.
#[derive(Clone, Default)]
struct Backend {
    taken: Rc<Cell<usize>>,
    under_way: Rc<Cell<usize>>,
    most_under_way: Rc<Cell<usize>>,
}

impl Backend {
    /// Listens until the program ends, and gives its address.
    async fn start(&self) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("it is bound");
        let backend = self.clone();
        tokio::task::spawn_local(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::task::spawn_local(backend.clone().serve(stream));
            }
        });
        format!("http://{address}/hooks")
    }

    async fn serve(self, mut stream: TcpStream) {
        let _ = stream.set_nodelay(true);
        let mut read = Vec::new();
        while let Some(length) = request(&mut stream, &mut read).await {
            read.drain(..length);
            self.under_way.set(self.under_way.get() + 1);
            let most = self.most_under_way.get().max(self.under_way.get());
            self.most_under_way.set(most);
            sleep(ANSWERS_AFTER).await;
            self.under_way.set(self.under_way.get() - 1);
            self.taken.set(self.taken.get() + 1);
            let answer = b"HTTP/1.1 204 No Content\r\n\r\n";
            if stream.write_all(answer).await.is_err() {
                break;
            }
        }
    }
}

/// Reads until there is a whole request, and gives its length.
async fn request(stream: &mut TcpStream, read: &mut Vec<u8>) -> Option<usize> {
    loop {
        if let Some(head) = load::find(read, b"\r\n\r\n") {
            let text = String::from_utf8_lossy(&read[..head]).to_lowercase();
            let length = text
                .lines()
                .find_map(|line| line.strip_prefix("content-length: "));
            let length: usize = length?.trim().parse().ok()?;
            if read.len() >= head + 4 + length {
                return Some(head + 4 + length);
            }
        }
        if stream.read_buf(read).await.ok()? == 0 {
            return None;
        }
    }
}

/// What was measured of one contestant, one value for each round.
#[derive(Default)]
struct Measured {
    /// Requests from Meta a second.
    taken_in: Vec<f64>,
    /// Deliveries a second, from the first request to the last delivery.
    delivered: Vec<f64>,
    /// Processor time of a message, in microseconds.
    cpu: Vec<f64>,
    most_under_way: usize,
}

/// Measures, and prints a table. Each delivers `seconds` worth of messages in each round.
pub(crate) async fn run(seconds: f64, rounds: usize, only: Option<&str>, other: Option<&str>) {
    let backend = Backend::default();
    let url = backend.start().await;
    let mut running = Vec::new();
    for contestant in Forwarding::all(other.is_some()) {
        if only.is_none_or(|only| {
            only.split('|')
                .any(|part| contestant.title().contains(part))
        }) {
            let config = config(contestant, &url);
            let server = Running::start_forwarding(contestant, &url, &config, other).await;
            running.push((contestant, server));
        }
    }
    let mut measured: BTreeMap<Forwarding, Measured> = BTreeMap::new();
    for round in 0..=rounds {
        running.shuffle(&mut rand::rng());
        for (contestant, server) in &running {
            backend.taken.set(0);
            backend.most_under_way.set(0);
            let until = Until::Time(Duration::from_secs_f64(seconds));
            let mut requests = Requests::new(Workload::TextOfMany, "/webhook");
            let before = server.cpu();
            let start = Instant::now();
            let answers =
                load::run(server, &mut requests, CONNECTIONS, Pace::Saturate, until).await;
            let stored = answers.count();
            let mut last = (0, Instant::now());
            while backend.taken.get() < stored {
                if backend.taken.get() > last.0 {
                    last = (backend.taken.get(), Instant::now());
                }
                assert!(
                    last.1.elapsed() < STUCK,
                    "{} of {stored}: {}",
                    last.0,
                    server.log()
                );
                sleep(Duration::from_millis(5)).await;
            }
            let delivered = stored as f64 / start.elapsed().as_secs_f64();
            // What was taken is written down.
            sleep(Duration::from_millis(300)).await;
            if round > 0 {
                let measured = measured.entry(*contestant).or_default();
                measured.taken_in.push(answers.per_second());
                measured.delivered.push(delivered);
                measured
                    .cpu
                    .push((server.cpu() - before) * 1e6 / stored as f64);
                measured.most_under_way = measured.most_under_way.max(backend.most_under_way.get());
            }
        }
    }
    print(&measured);
}

fn config(contestant: Forwarding, url: &str) -> Value {
    json!({
        "destinations": [{
            "id": "backend", "url": url, "secret": "env:BACKEND_SECRET", "max_in_flight": 1000,
        }],
        "numbers": [{
            "phone_number_id": Number::local().phone_number_id, "partitions": contestant.partitions(),
        }],
        "couriers": contestant.uses_couriers(),
    })
}

fn print(measured: &BTreeMap<Forwarding, Measured>) {
    println!(
        "| who | in, a second | delivered, a second | spread | CPU a message | most under way |"
    );
    println!("|---|---|---|---|---|---|");
    for (
        contestant,
        Measured {
            taken_in,
            delivered,
            cpu,
            most_under_way,
        },
    ) in measured
    {
        let (least, most) = spread(delivered);
        println!(
            "| {} | {:.0} | {:.0} | {least:.0} to {most:.0} | {:.0} µs | {most_under_way} |",
            contestant.title(),
            median(taken_in),
            median(delivered),
            median(cpu),
        );
    }
}
