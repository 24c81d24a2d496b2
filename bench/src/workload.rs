//! What is sent: webhooks as the simulator writes them, signed as Meta signs them, each with ids of its own.

use serde_json::{Value, json};
use simulator::webhook::{Customer, Message, Number, Status, Update, Webhook};
use simulator::{clock, signature};

/// The app secret of all contestants.
pub(crate) const SECRET: &str = "bench-app-secret";

/// Stands where each item of each request has digits of its own, so that no body has to be written twice. They are random,
/// as Meta's are: who stores by them writes all over the table.
const ID: &str = "NNNNNNNNNNNNNNNN";
/// Stands where each request has the time (unix seconds).
const TIME: i64 = 1_111_111_111;

/// A kind of webhook.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Workload {
    Text,
    /// From so many customers that order holds nothing back: of one of them, nothing goes before the last was taken, so
    /// that a backend that takes 100 ms gets no more than ten a second from each. The floor knows no order.
    TextOfMany,
    Status,
    Media,
    Batch100,
    Batch1000,
    History,
    Repeated,
    WrongSignature,
    MalformedSignature,
}

impl Workload {
    pub(crate) const ALL: [Self; 9] = [
        Self::Text,
        Self::Status,
        Self::Media,
        Self::Batch100,
        Self::Batch1000,
        Self::History,
        Self::Repeated,
        Self::WrongSignature,
        Self::MalformedSignature,
    ];

    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::Text => "text message",
            Self::TextOfMany => "text message, many customers",
            Self::Status => "status",
            Self::Media => "media message",
            Self::Batch100 => "100 updates, 40 customers",
            Self::Batch1000 => "1,000 updates, 1,000 customers",
            Self::History => "history chunk",
            Self::Repeated => "text message, repeated",
            Self::WrongSignature => "wrong signature",
            Self::MalformedSignature => "malformed signature header",
        }
    }

    /// How many requests are under way at saturation: few where each of them is large.
    pub(crate) fn connections(self) -> usize {
        match self {
            Self::History => 4,
            Self::Batch1000 => 8,
            _ => 16,
        }
    }

    fn webhooks(self) -> Vec<Webhook> {
        let number = Number::local();
        let nth = Customer::nth;
        match self {
            Self::TextOfMany => (0..4_000)
                .map(|n| Webhook::of([text(&number, &nth(n))]))
                .collect(),
            Self::Status => (0..200)
                .map(|n| Webhook::of([status(&number, &nth(n))]))
                .collect(),
            Self::Media => (0..200)
                .map(|n| {
                    let message = Message::image("Is this still to be had?");
                    Webhook::new().message(&number, &nth(n), fresh(message))
                })
                .collect(),
            Self::Batch100 => vec![mixed(&number, 100, 40)],
            Self::Batch1000 => vec![mixed(&number, 1000, 1000)],
            Self::History => vec![Webhook::new().change_of(&number, "history", history(&number))],
            Self::Repeated => vec![Webhook::of([text(&number, &nth(0))])],
            Self::Text | Self::WrongSignature | Self::MalformedSignature => (0..200)
                .map(|n| Webhook::of([text(&number, &nth(n))]))
                .collect(),
        }
    }
}

fn fresh(message: Message) -> Message {
    message.id(wamid()).at(TIME)
}

fn wamid() -> String {
    format!("wamid.HBgLMTY1MDU1NTEyMzQVAgASGBQz{ID}2F7AA==")
}

fn text(number: &Number, customer: &Customer) -> Update {
    let words = "Hello, I saw your shop and would like to know whether the blue one is still to be had, and how long \
        it takes until it is here. "
        .repeat(4);
    Update::message(number, customer, fresh(Message::text(words.trim())))
}

fn status(number: &Number, customer: &Customer) -> Update {
    Update::status(number, customer, Status::delivered(&wamid()).at(TIME))
}

/// Half messages and half statuses.
fn mixed(number: &Number, updates: usize, customers: usize) -> Webhook {
    Webhook::of((0..updates).map(|n| {
        let customer = Customer::nth(n % customers);
        let id = wamid();
        if n % 2 == 0 {
            let message = Message::text("Is the blue one still to be had?")
                .id(id)
                .at(TIME);
            Update::message(number, &customer, message)
        } else {
            Update::status(number, &customer, Status::delivered(&id).at(TIME))
        }
    }))
}

/// A chunk of nearly 3 MB.
fn history(number: &Number) -> Value {
    let mut length = 0;
    let threads = (0..).map_while(|n| {
        if length > 2_900_000 {
            return None;
        }
        let phone = format!("{}", 16_505_550_000_u64 + n);
        let messages: Vec<Value> = (0..50)
            .map(|n| {
                let (from, to) = if n % 2 == 0 {
                    (phone.as_str(), number.display_phone_number.as_str())
                } else {
                    (number.display_phone_number.as_str(), phone.as_str())
                };
                json!({
                    "from": from, "to": to, "id": wamid(), "timestamp": TIME.to_string(),
                    "type": "text", "history_context": { "status": "READ" },
                    "text": { "body": "The blue one is still there, and it takes three days until it is with you." },
                })
            })
            .collect();
        let thread = json!({ "id": phone, "messages": messages });
        length += thread.to_string().len();
        Some(thread)
    });
    let threads: Vec<Value> = threads.collect();
    let metadata = json!({ "phase": 1, "chunk_order": 1, "progress": 55 });
    json!({ "history": [{ "metadata": metadata, "threads": threads }] })
}

/// Makes requests of one kind.
pub(crate) struct Requests {
    workload: Workload,
    path: &'static str,
    templates: Vec<Template>,
    made: usize,
}

struct Template {
    body: Vec<u8>,
    ids: Vec<usize>,
    times: Vec<usize>,
}

impl Requests {
    pub(crate) fn new(workload: Workload, path: &'static str) -> Self {
        let templates = workload.webhooks();
        Self {
            workload,
            path,
            templates: templates.iter().map(Template::new).collect(),
            made: 0,
        }
    }

    /// The status that each is answered with where all is well.
    pub(crate) fn status(&self) -> u16 {
        match self.workload {
            Workload::WrongSignature | Workload::MalformedSignature => 401,
            _ => 200,
        }
    }

    /// A body, as it is before it has ids of its own.
    pub(crate) fn body(&self) -> &[u8] {
        &self.templates[0].body
    }

    /// The next request, head and body.
    pub(crate) fn make(&mut self) -> Vec<u8> {
        let count = self.templates.len();
        let template = &mut self.templates[self.made % count];
        self.made += 1;
        if self.workload != Workload::Repeated || self.made == 1 {
            template.renew();
        }
        let body = &template.body;
        let signature = match self.workload {
            Workload::WrongSignature => signature::sha256("not the secret", body),
            Workload::MalformedSignature => "sha256=malformed".to_owned(),
            _ => signature::sha256(SECRET, body),
        };
        let head = format!(
            "POST {} HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\nUser-Agent: facebookexternalua\r\n\
             X-Hub-Signature-256: {signature}\r\nContent-Length: {}\r\n\r\n",
            self.path,
            body.len()
        );
        let mut request = Vec::with_capacity(head.len() + body.len());
        request.extend_from_slice(head.as_bytes());
        request.extend_from_slice(body);
        request
    }
}

impl Template {
    fn new(webhook: &Webhook) -> Self {
        let body = webhook.body();
        let text = String::from_utf8(body.clone()).expect("Meta writes ASCII");
        let places = |what: &str| text.match_indices(what).map(|(at, _)| at).collect();
        Self {
            ids: places(ID),
            times: places(&TIME.to_string()),
            body,
        }
    }

    /// Gives it ids that were never there before, and the time.
    fn renew(&mut self) {
        for at in &self.ids {
            let digits = format!("{:016X}", rand::random::<u64>());
            self.body[*at..at + digits.len()].copy_from_slice(digits.as_bytes());
        }
        let time = clock::unix_now().to_string();
        for at in &self.times {
            self.body[*at..at + time.len()].copy_from_slice(time.as_bytes());
        }
    }
}
