//! Who takes part, and how each is run: under `workerd serve`, a process and a disk of its own for each.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::{Value, json};
use simulator::local;
use tempfile::TempDir;
use tokio::time::{Instant, sleep};

use crate::workload::{SECRET, Workload};

/// One who takes part.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Contestant {
    Transom,
    TransomForwarding,
    TransomNormalize,
    /// The build of `BENCH_OTHER`.
    Other,
    OtherNormalize,
    Js,
    JsNormalize,
    FloorStore,
    FloorAck,
    WhatsappApiJs,
    Refuse,
}

use Contestant::{
    FloorAck, FloorStore, Js, JsNormalize, Other, OtherNormalize, Refuse, Transom,
    TransomForwarding, TransomNormalize, WhatsappApiJs,
};

impl Contestant {
    /// Who is asked to do what: storing, all but storing, or refusing.
    pub(crate) fn of(workload: Workload, other: bool) -> Vec<Self> {
        let refusing = [Transom, Js, WhatsappApiJs, Refuse];
        let storing = [Transom, Js, FloorStore];
        let not_storing = [TransomNormalize, JsNormalize, FloorAck];
        let mut all = match workload {
            Workload::WrongSignature | Workload::MalformedSignature => refusing.to_vec(),
            Workload::Repeated => storing.to_vec(),
            _ => [storing, not_storing].concat(),
        };
        match workload {
            Workload::Text | Workload::Status => all.extend([TransomForwarding, WhatsappApiJs]),
            // It does not know the field of the history.
            Workload::Media | Workload::Batch100 | Workload::Batch1000 => all.push(WhatsappApiJs),
            _ => {}
        }
        if other {
            all.push(Other);
            if all.contains(&TransomNormalize) {
                all.push(OtherNormalize);
            }
        }
        all
    }

    pub(crate) fn title(self) -> &'static str {
        match self {
            Transom => "Transom",
            TransomForwarding => "Transom, forwarding",
            TransomNormalize => "Transom, not storing",
            Other => "other",
            OtherNormalize => "other, not storing",
            Js => "js",
            JsNormalize => "js, not storing",
            FloorStore => "floor: one row",
            FloorAck => "floor: 200",
            WhatsappApiJs => "whatsapp-api-js",
            Refuse => "floor: 401",
        }
    }

    pub(crate) fn path(self) -> &'static str {
        match self {
            TransomNormalize | JsNormalize | OtherNormalize => "/bench/normalize",
            _ => "/webhook",
        }
    }

    fn modules(self, other: Option<&str>) -> Modules {
        match self {
            Transom | TransomForwarding => Modules::Wasm("build".to_owned(), None),
            TransomNormalize => Modules::Wasm("build-bench".to_owned(), None),
            Other | OtherNormalize => Modules::Wasm(other.unwrap_or_default().to_owned(), None),
            Js | JsNormalize => Modules::Script("js"),
            FloorStore => Modules::Script("floor-store"),
            FloorAck => Modules::Script("floor-ack"),
            WhatsappApiJs => Modules::Script("whatsapp-api-js"),
            Refuse => Modules::Script("refuse"),
        }
    }
}

/// One who takes in and delivers at the same time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Forwarding {
    /// JavaScript that checks nothing.
    Floor,
    Transom,
    /// With all requests made by the mailbox itself.
    TransomAlone,
    /// With couriers, and the number in so many partitions.
    TransomParts(u32),
    /// The build of `BENCH_OTHER`.
    Other,
}

impl Forwarding {
    pub(crate) fn all(other: bool) -> Vec<Self> {
        let partitions = [4, 8].map(Self::TransomParts);
        let mut all = vec![Self::Floor, Self::Transom, Self::TransomAlone];
        all.extend(partitions);
        all.extend(other.then_some(Self::Other));
        all
    }

    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::Floor => "floor: store and forward",
            Self::Transom => "Transom, with couriers",
            Self::TransomAlone => "Transom, without couriers",
            Self::TransomParts(4) => "Transom, 4 partitions",
            Self::TransomParts(_) => "Transom, 8 partitions",
            Self::Other => "other",
        }
    }

    pub(crate) fn uses_couriers(self) -> bool {
        !matches!(self, Self::Floor | Self::TransomAlone)
    }

    pub(crate) fn partitions(self) -> u32 {
        match self {
            Self::TransomParts(partitions) => partitions,
            _ => 1,
        }
    }
}

enum Modules {
    /// A build of Transom, and a module around it.
    Wasm(String, Option<&'static str>),
    /// A file in `bench/contestants`.
    Script(&'static str),
}

/// A running workerd; ended when dropped.
pub(crate) struct Running {
    /// Holds workerd's configuration, what it prints, and its objects.
    directory: TempDir,
    child: Child,
    pub(crate) port: u16,
}

/// The addresses of what Transom forwards to, where it does.
#[derive(Debug, Clone)]
pub(crate) struct Outside {
    pub(crate) backend: String,
    pub(crate) graph: String,
}

impl Outside {
    /// What is set of Transom so that it forwards there.
    fn settings(&self) -> Vec<(&'static str, String)> {
        let config = json!({
            "destinations": [{ "id": "backend", "url": self.backend, "secret": "env:BACKEND_SECRET" }],
        });
        vec![
            ("BACKEND_SECRET", local::DESTINATION_SECRET.to_owned()),
            ("GRAPH_ACCESS_TOKEN", local::GRAPH_TOKEN.to_owned()),
            ("GRAPH_BASE_URL", self.graph.clone()),
            ("GRAPH_VERSION", "v25.0".to_owned()),
            ("CONFIG", config.to_string()),
        ]
    }
}

impl Running {
    /// `other` is the directory of the build that is measured beside ours.
    pub(crate) async fn start(
        contestant: Contestant,
        outside: &Outside,
        other: Option<&str>,
    ) -> Self {
        let outside = (contestant == TransomForwarding).then_some(outside);
        let settings = outside.map(Outside::settings).unwrap_or_default();
        Self::serve(&contestant.modules(other), &settings).await
    }

    /// One who delivers to `backend`; Transom with this `CONFIG`.
    pub(crate) async fn start_forwarding(
        contestant: Forwarding,
        backend: &str,
        config: &Value,
        other: Option<&str>,
    ) -> Self {
        let modules = match contestant {
            Forwarding::Floor => Modules::Script("floor-forward"),
            Forwarding::Transom | Forwarding::TransomAlone | Forwarding::TransomParts(_) => {
                Modules::Wasm("build".to_owned(), None)
            }
            Forwarding::Other => Modules::Wasm(other.unwrap_or_default().to_owned(), None),
        };
        let settings = [
            ("BACKEND", backend.to_owned()),
            ("BACKEND_SECRET", local::DESTINATION_SECRET.to_owned()),
            ("CONFIG", config.to_string()),
        ];
        Self::serve(&modules, &settings).await
    }

    /// Transom with its statements, objects' calls and alarms counted, under `GET /bench/counts`.
    pub(crate) async fn start_counted(outside: Option<&Outside>) -> Self {
        Self::serve(
            &Modules::Wasm("build".to_owned(), Some("counted.js")),
            &outside.map(Outside::settings).unwrap_or_default(),
        )
        .await
    }

    async fn serve(modules: &Modules, settings: &[(&str, String)]) -> Self {
        let directory = disk();
        fs::create_dir(directory.path().join("disk")).unwrap();
        let names = copy(modules, directory.path());
        let mut classes = vec!["Mailbox", "Courier", "Drift"];
        // What is no Transom, or an older one, does not have them all.
        classes.retain(|class| {
            let scripts = names.iter().map(|name| directory.path().join(name));
            let mut scripts = scripts.filter_map(|script| fs::read_to_string(script).ok());
            scripts.any(|script| script.contains(class))
        });
        let config = config(&names, &classes, settings);
        fs::write(directory.path().join("config.capnp"), config).unwrap();
        let log = directory.path().join("log.txt");
        let out = File::create(&log).unwrap();
        let inspector = std::env::var("BENCH_INSPECTOR").ok();
        let inspector = inspector.map(|port| format!("--inspector-addr=127.0.0.1:{port}"));
        let child = Command::new(root().join("node_modules/.bin/workerd"))
            // It writes a line of JSON to descriptor 1 (stdout) when it listens.
            .args([
                "serve",
                "--experimental",
                "--control-fd=1",
                "--socket-addr=http=127.0.0.1:0",
                "config.capnp",
            ])
            .args(inspector)
            .current_dir(directory.path())
            .stdin(Stdio::null())
            .stderr(out.try_clone().unwrap())
            .stdout(out)
            .spawn()
            .expect("workerd is in node_modules: run `make tools`");
        let mut running = Self {
            directory,
            child,
            port: 0,
        };
        let deadline = Instant::now() + Duration::from_secs(30);
        while running.port == 0 {
            assert!(
                Instant::now() < deadline && running.child.try_wait().unwrap().is_none(),
                "workerd did not start:\n{}",
                running.log()
            );
            sleep(Duration::from_millis(10)).await;
            running.port = listening_port(&running.log()).unwrap_or(0);
        }
        running
    }

    /// What it has printed.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.directory.path().join("log.txt")).unwrap_or_default()
    }

    /// The processor time that it has had in all its threads, in seconds.
    pub(crate) fn cpu(&self) -> f64 {
        let tasks = fs::read_dir(format!("/proc/{}/task", self.process())).unwrap();
        let nanoseconds = tasks.filter_map(|task| {
            let text = fs::read_to_string(task.ok()?.path().join("schedstat")).ok()?;
            text.split(' ').next()?.parse::<f64>().ok()
        });
        nanoseconds.sum::<f64>() / 1e9
    }

    /// The memory that it has now, in megabytes.
    pub(crate) fn memory(&self) -> f64 {
        let text = fs::read_to_string(format!("/proc/{}/status", self.process())).unwrap();
        let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kilobytes = line.and_then(|line| line.trim().strip_suffix(" kB"));
        kilobytes.unwrap().trim().parse::<f64>().unwrap() / 1024.0
    }

    /// Where npm may run no scripts, `node_modules/.bin/workerd` is one that starts the program.
    fn process(&self) -> u32 {
        let mut id = self.child.id();
        loop {
            let children = fs::read_to_string(format!("/proc/{id}/task/{id}/children"));
            match children
                .ok()
                .and_then(|text| text.split(' ').next()?.parse().ok())
            {
                Some(child) => id = child,
                None => return id,
            }
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let process = self.process();
        let _ = Command::new("kill").arg(process.to_string()).status();
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The repository.
pub(crate) fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}

/// A directory in memory where the machine has one: a disk that others use as well would be all that is measured.
/// `BENCH_DISK` takes another one.
fn disk() -> TempDir {
    let chosen = std::env::var_os("BENCH_DISK").map(PathBuf::from);
    let memory = Path::new("/dev/shm");
    match chosen {
        Some(directory) => TempDir::new_in(directory),
        None if memory.exists() => TempDir::new_in(memory),
        None => TempDir::new(),
    }
    .unwrap()
}

/// Puts the modules into the directory and gives their names, the first first.
fn copy(modules: &Modules, into: &Path) -> Vec<String> {
    let contestants = root().join("bench/contestants");
    match modules {
        Modules::Wasm(build, around) => {
            for module in ["index.js", "index_bg.wasm"] {
                fs::copy(root().join(build).join(module), into.join(module))
                    .expect("it is built: run `make bench`");
            }
            let around = around.map(|name| {
                fs::copy(contestants.join(name), into.join(name)).unwrap();
                name.to_owned()
            });
            let own = ["index.js", "index_bg.wasm"].map(str::to_owned);
            around.into_iter().chain(own).collect()
        }
        Modules::Script(name) => {
            let file = format!("{name}.js");
            bundle(&contestants.join(&file), &into.join(&file));
            vec![file]
        }
    }
}

fn bundle(script: &Path, to: &Path) {
    let status = Command::new(root().join("node_modules/.bin/esbuild"))
        .arg(script)
        .args(["--bundle", "--format=esm", "--target=esnext", "--minify"])
        .args([
            "--external:cloudflare:*",
            "--external:node:*",
            "--log-level=error",
        ])
        .arg(format!("--outfile={}", to.display()))
        .status();
    assert!(status.unwrap().success(), "esbuild failed");
}

fn config(modules: &[String], classes: &[&str], more: &[(&str, String)]) -> String {
    let mut list = String::new();
    for name in modules {
        let kind = if Path::new(name)
            .extension()
            .is_some_and(|kind| kind == "wasm")
        {
            "wasm"
        } else {
            "esModule"
        };
        writeln!(list, "    (name = \"{name}\", {kind} = embed \"{name}\"),").unwrap();
    }
    let mut settings = vec![
        ("META_APP_SECRET", SECRET.to_owned()),
        ("META_VERIFY_TOKEN", local::VERIFY_TOKEN.to_owned()),
    ];
    settings.extend(more.iter().cloned());
    let (mut bindings, mut objects) = (String::new(), String::new());
    for class in classes {
        let (name, key) = (class.to_uppercase(), class.to_lowercase());
        writeln!(
            bindings,
            "    (name = \"{name}\", durableObjectNamespace = \"{class}\"),"
        )
        .unwrap();
        writeln!(
            objects,
            "    (className = \"{class}\", uniqueKey = \"{key}\", enableSql = true),"
        )
        .unwrap();
    }
    for (name, value) in settings {
        // A JSON string is a Cap'n Proto string, as long as it is ASCII.
        let value = Value::from(value);
        writeln!(bindings, "    (name = \"{name}\", text = {value}),").unwrap();
    }
    let date = local::wrangler_toml("compatibility_date");
    let flags = local::wrangler_toml("compatibility_flags");
    format!(
        r#"using Workerd = import "/workerd/workerd.capnp";

const config :Workerd.Config = (
  services = [
    (name = "main", worker = .main),
    (name = "loopback", network = (allow = ["local"])),
    (name = "disk", disk = (path = "disk", writable = true)),
  ],
  sockets = [(name = "http", http = (), service = "main")],
);

const main :Workerd.Worker = (
  compatibilityDate = {date},
  compatibilityFlags = {flags},
  modules = [
{list}  ],
  bindings = [
{bindings}  ],
  durableObjectNamespaces = [
{objects}  ],
  durableObjectStorage = (localDisk = "disk"),
  globalOutbound = "loopback",
);
"#
    )
}

fn listening_port(log: &str) -> Option<u16> {
    let lines = log.lines();
    let events = lines.filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let mut listening = events.filter(|event| event["event"] == "listen");
    u16::try_from(listening.find_map(|event| event["port"].as_u64())?).ok()
}
