//! Transom under `workerd serve`.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;

use serde_json::Value;
use simulator::local;
use tempfile::TempDir;
use tokio::process::Command;

use super::around::client;
use super::build;
use super::process::Process;
use super::settings::Settings;

/// A running Transom with a disk of its own.
pub(crate) struct Transom {
    /// Comes first, since fields are dropped in their order: it is killed before its directory is removed.
    process: Process,
    /// Holds workerd's configuration, what it prints, and the mailboxes; removed at the end.
    directory: TempDir,
    environment: BTreeMap<&'static str, PathBuf>,
    port: u16,
}

impl Transom {
    /// What is required is set; add the rest, then `start().await`.
    pub(crate) fn builder() -> Settings {
        Settings::default()
    }

    pub(super) async fn start(settings: Settings) -> Self {
        let directory = tempfile::tempdir().unwrap();
        write_config(&directory, &settings);
        let environment = settings.environment;
        let (process, port) = serve(&directory, &environment, 0).await;
        Self {
            process,
            directory,
            environment,
            port,
        }
    }

    /// The address of a path (`/webhook`).
    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address())
    }

    /// Where it listens: `127.0.0.1:port`.
    pub(crate) fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// The address of a path of the team's Worker that reads windows.
    pub(crate) fn team_url(&self, path: &str) -> String {
        let port = listening_port(&self.log(), "team").unwrap();
        format!("http://127.0.0.1:{port}{path}")
    }

    /// Has another Worker wake the mailbox of this name by its id, so that the platform tells it no name.
    pub(crate) async fn wake_by_id(&self, mailbox: &str) {
        let port = listening_port(&self.log(), "stranger").unwrap();
        let url = format!("http://127.0.0.1:{port}/{mailbox}");
        let answer = client().get(url).send().await;
        assert_eq!(answer.unwrap().text().await.unwrap(), "undefined");
    }

    /// Ends it at once, as a power cut would. Its disk stays.
    pub(crate) async fn kill(&mut self) {
        self.process.kill().await;
    }

    /// Lets it go before all else on this machine, where that is allowed: for measurements.
    pub(crate) fn go_first(&self) {
        self.process.go_first();
    }

    /// Starts it again on the same disk and port; kills it first if it runs.
    pub(crate) async fn restart(&mut self) {
        self.kill().await;
        let restarted = serve(&self.directory, &self.environment, self.port);
        (self.process, self.port) = restarted.await;
    }

    /// Starts it again with other settings, on the same disk and port.
    pub(crate) async fn restart_with(&mut self, settings: Settings) {
        write_config(&self.directory, &settings);
        self.environment = settings.environment;
        self.restart().await;
    }

    /// How many objects of a class (`mailbox`) there are on its disk.
    pub(crate) fn objects(&self, class: &str) -> usize {
        let files = fs::read_dir(self.disk().join(class));
        let names = files.into_iter().flatten();
        let names = names.map(|file| file.unwrap().file_name().into_string().unwrap());
        // One file is the platform's own.
        names
            .filter(|name| name.ends_with(".sqlite") && name != "metadata.sqlite")
            .count()
    }

    /// The files in which its mailboxes are, without the platform's own.
    pub(crate) fn mailbox_files(&self) -> BTreeSet<PathBuf> {
        let files = fs::read_dir(self.disk().join("mailbox")).unwrap();
        let files = files.map(|file| file.unwrap().path());
        files
            .filter(|path| !path.to_string_lossy().contains("metadata"))
            .collect()
    }

    /// What the platform has billed so far, where it is counted: by name.
    pub(crate) async fn counts(&self) -> BTreeMap<String, f64> {
        self.get("/bench/counts").await.json().await.unwrap()
    }

    /// Has done what the platform has done once an hour, where it is counted.
    pub(crate) async fn hour_strikes(&self) {
        assert_eq!(self.get("/bench/scheduled").await.status(), 200);
    }

    /// Lets the next call of this method of a mailbox hang, where that was set.
    pub(crate) async fn hang(&self, method: &str, mailbox: &str) {
        let hangs = self.get(&format!("/hang/{method}/{mailbox}")).await;
        assert_eq!(hangs.status(), 200);
    }

    /// The directory that is its disk.
    pub(crate) fn disk(&self) -> PathBuf {
        self.directory.path().join("disk")
    }

    /// All that it has printed, the lines of earlier starts included.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.directory.path().join("log.txt")).unwrap()
    }
}

impl Drop for Transom {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("--- Transom printed:\n{}---", self.log());
        }
    }
}

/// Runs workerd; port 0 takes a free one. Returns the port.
async fn serve(
    directory: &TempDir,
    environment: &BTreeMap<&'static str, PathBuf>,
    port: u16,
) -> (Process, u16) {
    let log = directory.path().join("log.txt");
    let before = fs::read_to_string(&log).map_or(0, |log| log.len());
    let mut command = Command::new(build::program("workerd"));
    // It writes a line of JSON to descriptor 1 (stdout) when it listens.
    command
        .args(["serve", "--verbose", "--control-fd=1", "--socket-addr"])
        .arg(format!("http=127.0.0.1:{port}"));
    let mut process = Process::start(
        command
            .arg("config.capnp")
            .envs(environment)
            .current_dir(directory.path()),
        &log,
    );
    let port = process
        .wait_for(|log| listening_port(log.get(before..)?, "http"))
        .await;
    (process, port)
}

/// The port of a socket, as it was told last.
fn listening_port(log: &str, socket: &str) -> Option<u16> {
    let events = log
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let port = events
        .filter(|event| event["event"] == "listen" && event["socket"] == socket)
        .filter_map(|event| event["port"].as_u64())
        .next_back()?;
    u16::try_from(port).ok()
}

/// Everything that workerd reads goes into the directory; values in files of their own need no quoting.
fn write_config(directory: &TempDir, settings: &Settings) {
    let built = build::directory(settings.panic_routes);
    for module in ["index.js", "index_bg.wasm"] {
        fs::copy(built.join(module), directory.path().join(module)).unwrap();
    }
    let mut around = Around::default();
    if let Some(module) = settings.wrapper {
        fs::copy(module, directory.path().join("wrapper.js")).unwrap();
        around
            .modules
            .push_str("    (name = \"wrapper.js\", esModule = embed \"wrapper.js\"),\n");
    }
    let mut bindings = String::new();
    for (name, value) in &settings.values {
        let (kind, text) = value.as_str().map_or_else(
            || ("json", value.to_string()),
            |text| ("text", text.to_owned()),
        );
        fs::write(directory.path().join(format!("{name}.{kind}")), text).unwrap();
        writeln!(
            bindings,
            "      (name = \"{name}\", {kind} = embed \"{name}.{kind}\"),"
        )
        .unwrap();
    }
    let date = local::wrangler_toml("compatibility_date");
    if let Some(address) = &settings.windows {
        around.add_team(directory, address, &date);
        bindings.push_str("      (name = \"WINDOWS\", kvNamespace = \"windows\"),\n");
    }
    if settings.stranger {
        around.add_stranger(directory, &date);
    }
    fs::create_dir_all(directory.path().join("disk")).unwrap();
    fs::write(
        directory.path().join("config.capnp"),
        config(
            &date,
            &local::wrangler_toml("compatibility_flags"),
            &bindings,
            &around,
        ),
    )
    .unwrap();
}

/// What stands beside Transom in workerd's configuration.
#[derive(Default)]
struct Around {
    modules: String,
    services: String,
    sockets: String,
    workers: String,
}

impl Around {
    /// A KV namespace at this address, and the Worker of docs/windows.md, which reads from it.
    fn add_team(&mut self, directory: &TempDir, address: &str, date: &str) {
        let page = fs::read_to_string(build::root().join("docs/windows.md")).unwrap();
        let (_, script) = page.split_once("```js\n").unwrap();
        let (script, _) = script.split_once("```").unwrap();
        writeln!(
            self.services,
            "    (name = \"windows\", external = (address = \"{address}\", http = ())),"
        )
        .unwrap();
        let number = local::PHONE_NUMBER_ID;
        let bindings = format!(
            r#"    (name = "WINDOWS", kvNamespace = "windows"),
    (name = "PHONE_NUMBER_ID", text = "{number}"),"#
        );
        self.add_worker(directory, "team", script, &bindings, date);
    }

    /// A Worker that asks mailboxes by their ids alone.
    fn add_stranger(&mut self, directory: &TempDir, date: &str) {
        let script = r#"export default {
  async fetch(request, { MAILBOX }) {
    const name = decodeURIComponent(new URL(request.url).pathname.slice(1));
    const id = MAILBOX.idFromString(MAILBOX.idFromName(name).toString());
    await MAILBOX.get(id).fetch("http://mailbox/");
    return new Response(String(id.name));
  },
};
"#;
        let bindings = r#"    (name = "MAILBOX", durableObjectNamespace = (className = "Mailbox", serviceName = "transom")),"#;
        self.add_worker(directory, "stranger", script, bindings, date);
    }

    /// A Worker that listens on a port of its own.
    fn add_worker(
        &mut self,
        directory: &TempDir,
        name: &str,
        script: &str,
        bindings: &str,
        date: &str,
    ) {
        fs::write(directory.path().join(format!("{name}.js")), script).unwrap();
        writeln!(self.services, "    (name = \"{name}\", worker = .{name}),").unwrap();
        writeln!(
            self.sockets,
            "    (name = \"{name}\", address = \"127.0.0.1:0\", http = (), service = \"{name}\"),"
        )
        .unwrap();
        write!(
            self.workers,
            r#"
const {name} :Workerd.Worker = (
  compatibilityDate = {date},
  modules = [(name = "{name}.js", esModule = embed "{name}.js")],
  bindings = [
{bindings}
  ],
);
"#
        )
        .unwrap();
    }
}

fn config(date: &str, flags: &str, bindings: &str, around: &Around) -> String {
    let Around {
        modules,
        services,
        sockets,
        workers,
    } = around;
    format!(
        r#"using Workerd = import "/workerd/workerd.capnp";

const config :Workerd.Config = (
  services = [
    (name = "transom", worker = .transom),
    (name = "loopback", network = (allow = ["local"])),
    (name = "disk", disk = (path = "disk", writable = true)),
{services}  ],
  sockets = [
    (name = "http", http = (), service = "transom"),
{sockets}  ],
);
{workers}
const transom :Workerd.Worker = (
  compatibilityDate = {date},
  compatibilityFlags = {flags},
  modules = [
{modules}    (name = "index.js", esModule = embed "index.js"),
    (name = "index_bg.wasm", wasm = embed "index_bg.wasm"),
  ],
  bindings = [
      (name = "MAILBOX", durableObjectNamespace = "Mailbox"),
      (name = "DRIFT", durableObjectNamespace = "Drift"),
      (name = "COURIER", durableObjectNamespace = "Courier"),
{bindings}  ],
  durableObjectNamespaces = [
    (className = "Mailbox", uniqueKey = "mailbox", enableSql = true),
    (className = "Drift", uniqueKey = "drift", enableSql = true),
    (className = "Courier", uniqueKey = "courier", enableSql = true),
  ],
  durableObjectStorage = (localDisk = "disk"),
  globalOutbound = "loopback",
);
"#
    )
}
