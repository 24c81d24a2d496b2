//! `verify`: the handshake.

use clap::Args;
use simulator::local;
use simulator::meta::Meta;

use super::print::{green, say};

#[derive(Args)]
pub(crate) struct VerifyArgs {
    /// The callback URL
    #[arg(long, default_value = local::WEBHOOK_URL)]
    url: String,
    /// The verify token
    #[arg(long, default_value = local::VERIFY_TOKEN)]
    token: String,
}

pub(crate) async fn verify(args: VerifyArgs) -> Result<(), String> {
    let handshake = Meta::new(local::APP_SECRET, &args.url)
        .verify(&args.token)
        .await;
    let answer = &handshake.answer;
    if handshake.held() {
        say(green(format!(
            "200 in {} ms: Meta accepts this callback URL",
            answer.latency.as_millis()
        )));
        return Ok(());
    }
    Err(match &answer.error {
        Some(error) => format!("No answer from {}: {error}", args.url),
        None if answer.status == 200 => {
            "Meta does not accept it: 200, but not the challenge as plain text".into()
        }
        None => format!("Meta does not accept it: {}", answer.status),
    })
}
