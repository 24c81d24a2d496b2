//! Transom under `wrangler dev`, as `make dev` runs it.

use std::fs;

use tempfile::TempDir;
use tokio::process::Command;

use super::build;
use super::process::Process;
use super::settings::Settings;

/// A running `wrangler dev`.
pub(crate) struct Wrangler {
    /// Comes first, since fields are dropped in their order: it is killed before its directory is removed.
    process: Process,
    directory: TempDir,
    port: u16,
}

impl Wrangler {
    /// Starts it, and returns when it takes requests.
    pub(crate) async fn start(settings: Settings) -> Self {
        let directory = tempfile::tempdir().unwrap();
        // Given, or the developer's own .dev.vars would be read.
        let empty = directory.path().join("empty.env");
        fs::write(&empty, "").unwrap();
        // `wrangler dev` begins with `make build`, which must have nothing left to do.
        build::directory(false);
        // By the node that npm installed; wrangler refuses older ones.
        let mut command = Command::new(build::program("node"));
        command
            .current_dir(build::root())
            .env("WRANGLER_SEND_METRICS", "false")
            .env("CLOUDFLARE_CF_FETCH_ENABLED", "false")
            .arg(build::program("wrangler"));
        command.args([
            "dev",
            "--ip=127.0.0.1",
            "--show-interactive-dev-session=false",
            "--inspector-port=0",
        ]);
        command
            .arg("--port=0")
            .arg("--persist-to")
            .arg(directory.path().join("state"));
        command.arg("--env-file").arg(empty);
        for (name, value) in &settings.values {
            let text = value
                .as_str()
                .map_or_else(|| value.to_string(), str::to_owned);
            command.arg("--var").arg(format!("{name}:{text}"));
        }
        let mut process = Process::start(&mut command, &directory.path().join("log.txt"));
        let port = process.wait_for(listening_port).await;
        Self {
            process,
            directory,
            port,
        }
    }

    /// The address of a path (`/webhook`).
    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    /// All that it has printed.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.directory.path().join("log.txt")).unwrap()
    }
}

impl Drop for Wrangler {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("--- wrangler printed:\n{}---", self.log());
        }
    }
}

/// The port that it says it is ready on, once it has said it to the end.
fn listening_port(log: &str) -> Option<u16> {
    let (_, ready) = log.split_once("Ready on http://")?;
    let (address, _) = ready.split_once('\n')?;
    let (_, port) = address.split_once(':')?;
    port.trim().parse().ok()
}
