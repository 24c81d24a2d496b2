//! docs/performance.md: the part between two marks is written here, the rest by hand.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::process::Command;

use serde_json::Value;

use crate::contestant::{Contestant, root};
use crate::cost::{Cost, price};
use crate::measure::{Cell, Measured, median, spread};
use crate::memory::Memory;
use crate::startup::Startup;
use crate::workload::Workload;
use crate::{aims, chart};

const BEGIN: &str = "<!-- measured: from here on written by `make bench` -->";

/// All that there is to tell.
#[derive(Debug)]
pub(crate) struct Report {
    pub(crate) measured: BTreeMap<Cell, Measured>,
    pub(crate) costs: Vec<Cost>,
    pub(crate) memory: Memory,
    pub(crate) startup: Startup,
    pub(crate) options: String,
}

impl Report {
    /// Writes the page and the chart.
    pub(crate) fn write(&self) {
        let path = root().join("docs/performance.md");
        let page = fs::read_to_string(&path).unwrap();
        let (by_hand, _) = page.split_once(BEGIN).expect("the page has the mark");
        let report = format!("{by_hand}{BEGIN}\n\n{}", self.text());
        fs::write(&path, report).unwrap();
        let svg = chart::svg(&self.measured);
        fs::write(root().join("docs/performance.svg"), svg).unwrap();
        eprintln!("written: docs/performance.md, docs/performance.svg");
    }

    fn text(&self) -> String {
        let mut out = String::new();
        writeln!(out, "## The last run\n\n{}\n", machine()).unwrap();
        writeln!(out, "{}\n", self.options).unwrap();
        writeln!(out, "### Aims\n\n{}", aims::table(&self.measured)).unwrap();
        writeln!(
            out,
            "### Everything\n\n![Requests a second](performance.svg)\n"
        )
        .unwrap();
        out.push_str(&tables(&self.measured));
        out.push_str(&self.counts());
        let start = &self.startup;
        let (least, most) = spread(&start.cpu);
        writeln!(
            out,
            "### Size and start\n\nWASM: {} KB, {} KB gzip. `wrangler check startup`: {:.0} ms of processor time \
             ({least:.0}–{most:.0} in {} runs).\n",
            start.wasm_bytes / 1024,
            start.gzip_bytes / 1024,
            start.cpu(),
            start.cpu.len()
        )
        .unwrap();
        writeln!(
            out,
            "### Memory\n\nResident memory of workerd while text messages go through one isolate and into one \
             mailbox:\n"
        )
        .unwrap();
        out + &memory(&self.memory)
    }

    fn counts(&self) -> String {
        let mut out = String::from(
            "### Cost\n\nCounted, for each message. Setting an alarm is billed as a row written.\n\n\
             | | rows written, alarm included | rows read | object requests | alarms | $ for a million |\n\
             |---|---:|---:|---:|---:|---:|\n",
        );
        for cost in &self.costs {
            writeln!(
                out,
                "| {} | {:.2} | {:.1} | {:.2} | {:.2} | {:.2} |",
                cost.what,
                cost.rows_written + cost.alarms_set,
                cost.rows_read,
                cost.object_requests,
                cost.alarms,
                cost.dollars()
            )
            .unwrap();
        }
        let cell = (Workload::Text, Contestant::TransomForwarding);
        let cpu = self
            .measured
            .get(&cell)
            .map_or(f64::NAN, |m| median(&m.cpu));
        let cpu = cpu / 1e3 * price::CPU_MS;
        // An object that answers for one message and forwards it is awake for some 50 ms beyond what else goes on.
        let awake = 0.05 * 0.128 * price::GB_SECONDS;
        // Of a Queue: a request, its consumer's, three operations. With KV: a look and a mark for every id.
        let queue = price::REQUESTS * 1.1 + 3.0 * price::QUEUE_OPERATIONS;
        let kv = queue + price::KV_READS + price::KV_WRITES;
        writeln!(
            out,
            "\nThe request to the Worker is in it; processor time (${cpu:.2} for a million received and forwarded, at \
             this machine's pace) and the time that an object is awake (${awake:.2} for a million where each keeps it \
             awake for 50 ms of its own) are not.\n\n\
             The same arithmetic for other designs: a **Queue** between two Workers ${queue:.2} (three operations for \
             each message; no order, no ids seen before), the same with ids remembered in **KV** ${kv:.2} (and two that come \
             at the same time are both taken).\n"
        )
        .unwrap();
        out
    }
}

/// The tables of what was measured.
pub(crate) fn tables(measured: &BTreeMap<Cell, Measured>) -> String {
    let mut out = String::new();
    for workload in Workload::ALL {
        let cells: Vec<(Contestant, &Measured)> = measured
            .iter()
            .filter(|((of, _), measured)| *of == workload && !measured.rates.is_empty())
            .map(|((_, contestant), measured)| (*contestant, measured))
            .collect();
        let Some((_, first)) = cells.first() else {
            continue;
        };
        writeln!(
            out,
            "**{}**, {} bytes, {} at a time\n\n\
             | | requests/s | spread | CPU µs | spread | p50 ms | p99 ms |\n|---|---:|---:|---:|---:|---:|---:|",
            workload.title(),
            grouped(first.body_length),
            workload.connections()
        )
        .unwrap();
        for (contestant, measured) in cells {
            let (rate_least, rate_most) = spread(&measured.rates);
            let (cpu_least, cpu_most) = spread(&measured.cpu);
            writeln!(
                out,
                "| {} | {} | {}–{} | {} | {}–{} | {:.1} | {:.1} |",
                contestant.title(),
                short(median(&measured.rates)),
                short(rate_least),
                short(rate_most),
                short(median(&measured.cpu)),
                short(cpu_least),
                short(cpu_most),
                median(&measured.p50),
                median(&measured.p99),
            )
            .unwrap();
        }
        out.push('\n');
    }
    out
}

/// The machine and the versions.
fn machine() -> String {
    let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
    let cpu = read("/proc/cpuinfo");
    let cpu = cpu
        .lines()
        .find_map(|line| line.strip_prefix("model name")?.split_once(": "))
        .map_or("an unknown processor", |(_, name)| name);
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let load = read("/proc/loadavg");
    let load = load.split(' ').next().unwrap_or_default().to_owned();
    let kernel = read("/proc/sys/kernel/osrelease").trim().to_owned();
    let version = |package: &str| {
        let text = read(&format!(
            "{}/node_modules/{package}/package.json",
            root().display()
        ));
        let json: Value = serde_json::from_str(&text).unwrap_or_default();
        format!("{package} {}", json["version"].as_str().unwrap_or("?"))
    };
    let versions: Vec<String> = ["workerd", "hono", "whatsapp-api-js"]
        .into_iter()
        .map(version)
        .collect();
    let commit = Command::new("git")
        // Of a tree that was changed it says so.
        .args(["describe", "--always", "--dirty", "--exclude=*"])
        .current_dir(root())
        .output()
        .map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned());
    format!(
        "{cores} cores of {cpu}, Linux {kernel}, load average at the end {load}. {}, Transom {}.",
        versions.join(", "),
        commit.unwrap_or_default()
    )
}

/// With commas, where it is long.
fn grouped(number: usize) -> String {
    let digits = number.to_string();
    let mut out = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

fn short(number: f64) -> String {
    if number >= 10.0 {
        grouped(number.round() as usize)
    } else {
        format!("{number:.1}")
    }
}

/// The table of memory.
pub(crate) fn memory(memory: &Memory) -> String {
    let rows = memory
        .iter()
        .map(|(messages, megabytes)| format!("| {messages} | {megabytes:.0} |\n"));
    format!(
        "| messages | MB |\n|---:|---:|\n{}",
        rows.collect::<String>()
    )
}
