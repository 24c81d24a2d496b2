//! `demo`: the story, step by step, with a Transom that is already running.

use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use serde_json::Value;
use simulator::backend::{Answer, Arrival, Backend};
use simulator::graph::{Graph, Request};
use simulator::local;
use simulator::meta::{self, Meta};
use simulator::webhook::{Customer, Message, Number, Webhook};

use super::lines;
use super::print::{bold, dim, green, say};

#[derive(Args)]
pub(crate) struct DemoArgs {
    /// Where Transom takes webhooks
    #[arg(long, default_value = local::WEBHOOK_URL)]
    url: String,
    /// The app secret (META_APP_SECRET)
    #[arg(long, default_value = local::APP_SECRET)]
    app_secret: String,
    /// The verify token (META_VERIFY_TOKEN)
    #[arg(long, default_value = local::VERIFY_TOKEN)]
    verify_token: String,
    /// The port of the backend: where a destination in CONFIG points
    #[arg(long, default_value_t = local::BACKEND_PORT)]
    backend_port: u16,
    /// The destination's secret
    #[arg(long, default_value = local::DESTINATION_SECRET)]
    secret: String,
    /// The port of the Graph API: where GRAPH_BASE_URL points
    #[arg(long, default_value_t = local::GRAPH_PORT)]
    graph_port: u16,
    /// The access token (GRAPH_ACCESS_TOKEN)
    #[arg(long, default_value = local::GRAPH_TOKEN)]
    token: String,
    /// How many seconds a step may take
    #[arg(long, default_value_t = 30)]
    patience: u64,
}

/// Those who play in it.
struct Story {
    meta: Meta,
    backend: Backend,
    graph: Graph,
    number: Number,
    ana: Customer,
    patience: Duration,
}

const QUESTION: &str = "hola, ¿están abiertos?";
const REPLY: &str = "¡Hola Ana! Abrimos de 9 a 18.";

pub(crate) async fn demo(args: DemoArgs) -> Result<(), String> {
    let cannot = |what: &str, port: u16, error: std::io::Error| {
        format!("The {what} cannot listen on port {port}: {error}. Is `make dev` running?")
    };
    let backend = Backend::start_on(args.backend_port, &args.secret).await;
    let graph = Graph::start_on(args.graph_port, &args.token).await;
    let story = Story {
        meta: Meta::new(&args.app_secret, &args.url),
        backend: backend.map_err(|error| cannot("backend", args.backend_port, error))?,
        graph: graph.map_err(|error| cannot("Graph API", args.graph_port, error))?,
        number: Number::local(),
        ana: Customer::local(),
        patience: Duration::from_secs(args.patience),
    };
    story.handshake(&args.verify_token).await?;
    let webhook = story.customer_writes().await?;
    story.backend_is_told().await?;
    story.reply_goes_out().await?;
    story.meta_repeats(&webhook).await?;
    story.backend_is_out().await?;
    story.check_shapes()?;
    say(green("Every step held."));
    Ok(())
}

impl Story {
    async fn handshake(&self, token: &str) -> Result<(), String> {
        say(bold("1  Meta asks whether this is the right endpoint"));
        let handshake = self.meta.verify(token).await;
        must(handshake.held(), || match &handshake.answer.error {
            Some(error) => format!("Transom does not answer: {error}"),
            None => format!(
                "Transom answered {} and not with the challenge",
                handshake.answer.status
            ),
        })?;
        told(
            "GET  /webhook?hub.challenge=…",
            &handshake.answer,
            "the challenge came back",
        );
        Ok(())
    }

    async fn customer_writes(&self) -> Result<Webhook, String> {
        say(bold(format!("2  A customer, Ana, writes \"{QUESTION}\"")));
        self.backend.next(Answer::reply(REPLY));
        let webhook = Webhook::new().message(&self.number, &self.ana, Message::text(QUESTION));
        let answer = self.post(&webhook).await?;
        told("POST /webhook, signed by Meta", &answer, "stored");
        Ok(webhook)
    }

    async fn backend_is_told(&self) -> Result<(), String> {
        say(bold("3  The backend gets a signed event"));
        let came = self.backend.wait_for(1, self.patience).await;
        must(came, || match self.backend.faults().first() {
            Some(fault) => format!("The backend refused the event: {fault}"),
            None => "No event reached the backend".into(),
        })?;
        let arrival = &self.backend.arrivals()[0];
        say(format!("     {}", lines::of_event(arrival.event())));
        for line in abridged(arrival) {
            say(dim(format!("     {line}")));
        }
        Ok(())
    }

    async fn reply_goes_out(&self) -> Result<(), String> {
        say(bold(format!(
            "4  It answers {{\"replies\":[…]}}: \"{REPLY}\""
        )));
        let asked =
            |requests: &[Arc<Request>]| requests.iter().any(|request| !request.is_read_receipt());
        let came = self.graph.wait_until(self.patience, asked).await;
        must(came, || "No reply reached the Graph API".into())?;
        let wrong = self.graph.faults().join("; ");
        must(wrong.is_empty(), || {
            format!("The Graph API refused the reply: {wrong}")
        })?;
        let request = &self.graph.messages()[0];
        must(request.text() == Some(REPLY), || {
            "Another reply went out than the backend asked for".into()
        })?;
        say(format!(
            "     POST {} at the Graph API  {}",
            request.path,
            green("200")
        ));
        say(dim(format!("     {}", request.body)));
        Ok(())
    }

    async fn meta_repeats(&self, webhook: &Webhook) -> Result<(), String> {
        say(bold(
            "5  Meta sends the same webhook three times more, as it does when it is in doubt",
        ));
        for _ in 0..3 {
            self.post(webhook).await?;
        }
        // A message of somebody else, sent after them, shows when they would have arrived.
        let ben = Customer::new("4915112345678").user_id("DE.1").named("Ben");
        self.post(&Webhook::new().message(&self.number, &ben, Message::text("guten Tag")))
            .await?;
        must(self.backend.wait_for(2, self.patience).await, || {
            "The next customer's message did not arrive".into()
        })?;
        tokio::time::sleep(Duration::from_millis(500)).await;
        let (events, sends) = (self.backend.arrivals().len(), self.graph.messages().len());
        must(events == 2, || {
            format!("The backend got {events} requests where 2 were right")
        })?;
        must(sends == 1, || {
            format!("{sends} replies went out where 1 was right")
        })?;
        say(format!(
            "     3 times {}; 1 event and 1 reply, as before",
            green("200")
        ));
        Ok(())
    }

    async fn backend_is_out(&self) -> Result<(), String> {
        say(bold("6  The backend fails; Ana writes three messages"));
        self.backend.always(Answer::status(503));
        let before = self.backend.arrivals().len();
        let texts = ["uno", "dos", "tres"];
        for text in texts {
            let answer = self
                .post(&Webhook::new().message(&self.number, &self.ana, Message::text(text)))
                .await?;
            told(&format!("POST /webhook  \"{text}\""), &answer, "stored");
        }
        let tried = self
            .backend
            .wait_for_requests(before + 2, self.patience)
            .await;
        must(tried, || "The backend was not tried again".into())?;
        let refused = self.backend.arrivals().len() - before;
        say(format!(
            "     the backend answered 503 to {refused} tries, and is back now"
        ));
        self.backend.behave();
        must(self.backend.wait_for(5, self.patience).await, || {
            "Not all three arrived after the outage".into()
        })?;
        let taken = self.backend.events();
        let arrived: Vec<_> = taken
            .iter()
            .skip(2)
            .filter_map(|event| event.text())
            .collect();
        must(arrived == texts, || {
            format!("They arrived in another order, or more than once: {arrived:?}")
        })?;
        for event in taken.iter().skip(2) {
            say(format!("     {}", lines::of_event(event)));
        }
        Ok(())
    }

    fn check_shapes(&self) -> Result<(), String> {
        let wrong = [self.backend.faults(), self.graph.faults()].concat();
        must(wrong.is_empty(), || {
            format!(
                "Something that Transom sent was wrong: {}",
                wrong.join("; ")
            )
        })
    }

    async fn post(&self, webhook: &Webhook) -> Result<meta::Answer, String> {
        let answer = self.meta.post(webhook).await;
        must(answer.status == 200, || match &answer.error {
            Some(error) => format!("Transom does not answer: {error}"),
            None => format!(
                "Transom answered {} to a rightly signed webhook: {}",
                answer.status, answer.body
            ),
        })?;
        Ok(answer)
    }
}

fn must(held: bool, otherwise: impl FnOnce() -> String) -> Result<(), String> {
    if held { Ok(()) } else { Err(otherwise()) }
}

fn told(what: &str, answer: &meta::Answer, meaning: &str) {
    let got = green(answer.status);
    say(format!(
        "     {what:<30}  {got} in {} ms: {meaning}",
        answer.latency.as_millis()
    ));
}

/// The event as it came, without what is long in it.
fn abridged(arrival: &Arc<Arrival>) -> Vec<String> {
    let json = &arrival.event().json;
    let pair = |of: &Value, name: &str| format!("\"{name}\": {}", of[name]);
    let head = ["type", "id", "subject", "time"].map(|name| pair(json, name));
    let data = ["business", "customer", "message", "window"]
        .map(|name| format!("    {},", pair(&json["data"], name)));
    let mut lines = vec![
        format!("webhook-id: {}", arrival.webhook_id),
        format!(
            "webhook-signature: {}  (good)",
            arrival.header("webhook-signature")
        ),
        format!("{{ {}, {},", head[0], head[1]),
        format!("  {}, {},", head[2], head[3]),
        "  \"data\": {".into(),
    ];
    lines.extend(data);
    lines.push("    \"raw\": { … } } }".into());
    lines
}
