//! `send`: a webhook by hand.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use simulator::local;
use simulator::meta::Meta;
use simulator::webhook::{Customer, Message, Number, Status, Webhook, wamid};

use super::print::{green, say};

#[derive(Args)]
pub(crate) struct SendArgs {
    /// The words: a text, a caption, a button's title, an emoji
    #[arg(default_value = "hola")]
    text: String,
    /// The callback URL
    #[arg(long, default_value = local::WEBHOOK_URL)]
    url: String,
    /// The app secret
    #[arg(long, default_value = local::APP_SECRET)]
    secret: String,
    /// The customer's phone number: digits, country code first
    #[arg(long, default_value = local::CUSTOMER_PHONE)]
    from: String,
    /// The customer's business-scoped user id; Ana's where it is Ana who writes
    #[arg(long)]
    user_id: Option<String>,
    /// The customer's name
    #[arg(long, default_value = local::CUSTOMER_NAME)]
    name: String,
    /// The business number's phone_number_id
    #[arg(long, default_value = local::PHONE_NUMBER_ID)]
    number: String,
    /// What kind of message
    #[arg(long, value_enum, default_value_t = Kind::Text)]
    kind: Kind,
    /// The message's id, or the one that --status is about; a new one where it is not given
    #[arg(long, value_name = "WAMID")]
    message: Option<String>,
    /// Instead of a message, tell how the one named by --message is doing: sent, delivered, read, played or failed
    #[arg(long, requires = "message")]
    status: Option<String>,
    /// Instead of a message, send this file as the body, byte for byte
    #[arg(long, conflicts_with = "status")]
    file: Option<PathBuf>,
}

#[derive(Clone, Copy, ValueEnum)]
enum Kind {
    Text,
    Image,
    Video,
    Voice,
    Document,
    Sticker,
    Location,
    Contacts,
    /// A press on a button of an interactive message
    Button,
    /// A choice from a list
    List,
    /// A press on a template's quick reply
    QuickReply,
    Order,
    Reaction,
    Unsupported,
}

pub(crate) async fn send(args: SendArgs) -> Result<(), String> {
    let webhook = webhook(&args)?;
    let answer = Meta::new(&args.secret, &args.url).post(&webhook).await;
    let ms = answer.latency.as_millis();
    match (answer.status, answer.error) {
        (200, _) => {
            let id = webhook
                .updates()
                .first()
                .and_then(|update| Some(format!("  {}", update.id()?)));
            say(format!(
                "{}{}",
                green(format!("200 in {ms} ms")),
                id.unwrap_or_default()
            ));
            Ok(())
        }
        (_, Some(error)) => Err(format!("No answer from {}: {error}", args.url)),
        (401, None) => Err(format!(
            "401 in {ms} ms: it was probably signed with another secret than META_APP_SECRET; --secret gives one"
        )),
        (status, None) => Err(format!(
            "{status} in {ms} ms; Meta would repeat it: {}",
            answer.body
        )),
    }
}

fn webhook(args: &SendArgs) -> Result<Webhook, String> {
    if let Some(file) = &args.file {
        let body = std::fs::read(file)
            .map_err(|error| format!("Cannot read {}: {error}", file.display()))?;
        return Ok(Webhook::raw(body));
    }
    let number = Number::new(&args.number);
    let customer = customer(args);
    let id = args.message.clone().unwrap_or_else(wamid);
    Ok(match args.status.as_deref() {
        Some("failed") => Webhook::new().status(&number, &customer, Status::failed(&id, 131_026)),
        Some(status) => Webhook::new().status(&number, &customer, Status::of(&id, status)),
        None => Webhook::new().message(&number, &customer, message(args.kind, &args.text).id(id)),
    })
}

fn customer(args: &SendArgs) -> Customer {
    let customer = Customer::new(&args.from).named(&args.name);
    match &args.user_id {
        Some(user_id) => customer.user_id(user_id),
        None if args.from == local::CUSTOMER_PHONE => customer.user_id(local::CUSTOMER_USER_ID),
        None => customer,
    }
}

fn message(kind: Kind, text: &str) -> Message {
    match kind {
        Kind::Text => Message::text(text),
        Kind::Image => Message::image(text),
        Kind::Video => Message::video(text),
        Kind::Voice => Message::voice(),
        Kind::Document => Message::document(text),
        Kind::Sticker => Message::sticker(),
        Kind::Location => Message::location(37.442_156, -122.161_535),
        Kind::Contacts => Message::contacts(text, "+1 650 555 9999"),
        Kind::Button => Message::button_reply(text, text),
        Kind::List => Message::list_reply(text, text),
        Kind::QuickReply => Message::button(text, text),
        Kind::Order => Message::order("di9ozbzfi4", 2),
        Kind::Reaction => Message::reaction(&wamid(), text),
        Kind::Unsupported => Message::unsupported("poll_update"),
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;
    use serde_json::{Value, json};

    use super::*;

    #[derive(Parser)]
    struct Command {
        #[command(flatten)]
        args: SendArgs,
    }

    /// `value` of the webhook that these words on the command line send.
    fn sent(words: &str) -> Value {
        let command = Command::parse_from(["send"].into_iter().chain(words.split_whitespace()));
        let body: Value = serde_json::from_slice(&webhook(&command.args).unwrap().body()).unwrap();
        body["entry"][0]["changes"][0]["value"].clone()
    }

    #[test]
    fn a_text_comes_from_ana_unless_somebody_else_is_named() {
        let ana = sent("hola");
        assert_eq!(ana["messages"][0]["text"], json!({ "body": "hola" }));
        assert_eq!(ana["messages"][0]["from_user_id"], local::CUSTOMER_USER_ID);
        let ben = sent("--from 4915112345678 --name Ben hallo");
        assert_eq!(
            ben["contacts"],
            json!([{ "profile": { "name": "Ben" }, "wa_id": "4915112345678" }])
        );
    }

    #[test]
    fn every_kind_can_be_sent() {
        for kind in Kind::value_variants() {
            let name = kind.to_possible_value().unwrap().get_name().to_owned();
            let message = sent(&format!("--kind {name} hola"))["messages"][0].clone();
            assert!(message["type"].is_string(), "{name}: {message}");
        }
    }

    #[test]
    fn a_status_is_about_a_message() {
        let value = sent("--status failed --message wamid.X");
        assert_eq!(value["statuses"][0]["id"], "wamid.X");
        assert_eq!(value["statuses"][0]["errors"][0]["code"], 131_026);
    }
}
