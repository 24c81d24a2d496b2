//! The simulator by hand: `cargo run -p simulator -- <command>`.

mod cli;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Plays Meta, the Graph API and a team's backend around a Transom on this machine.
#[derive(Parser)]
#[command(version)]
struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// A team's backend and Meta's Graph API, which print what comes, as `make dev` wants them
    Dev(cli::dev::DevArgs),
    /// Sends a message as a customer would, or a status, or a webhook from a file
    Send(cli::send::SendArgs),
    /// Makes the handshake that Meta makes when a callback URL is entered
    Verify(cli::verify::VerifyArgs),
    /// Tells the whole story, step by step, around a running Transom
    Demo(cli::demo::DemoArgs),
}

#[tokio::main]
async fn main() -> ExitCode {
    let done = match Args::parse().command {
        Command::Dev(args) => cli::dev::dev(args).await,
        Command::Send(args) => cli::send::send(args).await,
        Command::Verify(args) => cli::verify::verify(args).await,
        Command::Demo(args) => cli::demo::demo(args).await,
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(reason) => {
            eprintln!("{reason}");
            ExitCode::FAILURE
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn the_commands_are_well_formed() {
        super::Args::command().debug_assert();
    }
}
