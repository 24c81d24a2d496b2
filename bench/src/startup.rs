//! How large the WASM is and how long it takes to start.

use std::fs;
use std::process::Command;

use serde_json::Value;

use crate::contestant::root;
use crate::measure::median;

/// How often the start is measured.
const TIMES: usize = 5;

/// Of the WASM as it is deployed.
#[derive(Debug)]
pub(crate) struct Startup {
    pub(crate) wasm_bytes: usize,
    pub(crate) gzip_bytes: usize,
    /// Processor time of the start, in milliseconds: one value for each time that it was measured.
    pub(crate) cpu: Vec<f64>,
}

/// Measures it.
pub(crate) fn read() -> Startup {
    let wasm = root().join("build/index_bg.wasm");
    let gzip = Command::new("gzip").args(["-9", "-c"]).arg(&wasm).output();
    let gzip = gzip.unwrap();
    assert!(gzip.status.success(), "gzip failed: {gzip:?}");
    Startup {
        wasm_bytes: fs::metadata(&wasm).unwrap().len() as usize,
        gzip_bytes: gzip.stdout.len(),
        cpu: (0..TIMES).map(|_| start()).collect(),
    }
}

/// Has wrangler profile the start, and adds up what was not idle.
fn start() -> f64 {
    let directory = tempfile::tempdir().unwrap();
    let profile = directory.path().join("startup.cpuprofile");
    let node_modules = root().join("node_modules/.bin");
    let ran = Command::new(node_modules.join("node"))
        .arg(node_modules.join("wrangler"))
        .args([
            "check",
            "startup",
            "--args=--config wrangler.toml",
            "--outfile",
        ])
        .arg(&profile)
        .current_dir(root())
        .env("WRANGLER_SEND_METRICS", "false")
        .env("CLOUDFLARE_CF_FETCH_ENABLED", "false")
        .output()
        .unwrap();
    let text = fs::read_to_string(&profile).unwrap_or_else(|_| {
        panic!(
            "wrangler did not profile the start: {}{}",
            String::from_utf8_lossy(&ran.stdout),
            String::from_utf8_lossy(&ran.stderr)
        )
    });
    let profile: Value = serde_json::from_str(&text).unwrap();
    let list = |name: &str| {
        let list = profile[name].as_array();
        list.unwrap_or_else(|| panic!("the profile has no {name}"))
            .iter()
    };
    let idle: Vec<&Value> = list("nodes")
        .filter(|node| node["callFrame"]["functionName"] == "(idle)")
        .map(|node| &node["id"])
        .collect();
    let samples = list("samples").zip(list("timeDeltas"));
    let busy = samples.filter(|(node, _)| !idle.contains(node));
    // The first delta may be less than nothing.
    let microseconds: f64 = busy
        .map(|(_, delta)| delta.as_f64().unwrap().max(0.0))
        .sum();
    microseconds / 1000.0
}

impl Startup {
    /// In milliseconds.
    pub(crate) fn cpu(&self) -> f64 {
        median(&self.cpu)
    }
}
