//! `dev`: a backend and a Graph API that print what comes, until they are ended.

use std::io;

use clap::Args;
use simulator::backend::{Answer, Backend};
use simulator::graph::Graph;
use simulator::meta::Meta;
use simulator::{clock, local};

use super::print::{dim, red, say};
use super::{lines, statuses};

#[derive(Args)]
pub(crate) struct DevArgs {
    /// The port of the backend
    #[arg(long, default_value_t = local::BACKEND_PORT)]
    backend_port: u16,
    /// The port of the Graph API
    #[arg(long, default_value_t = local::GRAPH_PORT)]
    graph_port: u16,
    /// The destination's secret
    #[arg(long, default_value = local::DESTINATION_SECRET)]
    secret: String,
    /// The access token that the Graph API expects
    #[arg(long, default_value = local::GRAPH_TOKEN)]
    token: String,
    /// Answer each message that comes with this text
    #[arg(long)]
    reply: Option<String>,
    /// The callback URL, which is told how messages are doing
    #[arg(long, default_value = local::WEBHOOK_URL)]
    url: String,
    /// The app secret, which signs that
    #[arg(long, default_value = local::APP_SECRET)]
    app_secret: String,
}

pub(crate) async fn dev(args: DevArgs) -> Result<(), String> {
    let _backend = start_backend(args.backend_port, &args.secret, args.reply.as_deref()).await?;
    let meta = Meta::new(&args.app_secret, &args.url);
    let _graph = start_graph(args.graph_port, &args.token, meta).await?;
    std::future::pending().await
}

async fn start_backend(port: u16, secret: &str, reply: Option<&str>) -> Result<Backend, String> {
    let backend = Backend::start_on(port, secret).await;
    let backend = backend.map_err(cannot_listen("The backend", port))?;
    if let Some(reply) = reply {
        backend.when_event(
            |event| event.kind == "whatsapp.message.received",
            Answer::reply(reply),
        );
    }
    backend.on_arrival(|arrival| {
        for line in lines::of_arrival(arrival) {
            show(line, &arrival.faults);
        }
    });
    say(dim(format!("The backend listens on {}", backend.url())));
    Ok(backend)
}

/// The Graph API; `meta` tells Transom how what was taken is doing.
async fn start_graph(port: u16, token: &str, meta: Meta) -> Result<Graph, String> {
    let graph = Graph::start_on(port, token).await;
    let graph = graph.map_err(cannot_listen("The Graph API", port))?;
    graph.on_request(move |request| {
        statuses::tell(&meta, request);
        let line = lines::of_request(request, clock::unix_now());
        show(line, &request.faults);
    });
    say(dim(format!("The Graph API listens on {}", graph.url())));
    Ok(graph)
}

fn cannot_listen(who: &str, port: u16) -> impl Fn(io::Error) -> String {
    move |error| format!("{who} cannot listen on port {port}: {error}")
}

/// Says it, in red where anything is wrong.
fn show(line: String, faults: &[String]) {
    say(if faults.is_empty() { line } else { red(line) });
}
