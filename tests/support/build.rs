//! The built WASM: where it is, and that it is not older than what it is made from.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use tokio::process::Command;

/// The repository.
pub(super) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// A program that npm installed.
pub(super) fn program(name: &str) -> PathBuf {
    let path = root().join("node_modules/.bin").join(name);
    assert!(
        path.exists(),
        "{} is not there: run `make tools`",
        path.display()
    );
    path
}

/// A script of the repository, run by the node that npm installed.
pub(crate) fn node(script: &str) -> Command {
    let mut command = Command::new(program("node"));
    command.current_dir(root()).arg(script);
    command
}

/// The directory of the build.
pub(super) fn directory(panic_routes: bool) -> PathBuf {
    let directory = root().join(if panic_routes { "build-panic" } else { "build" });
    let Some(built) = modified(&directory.join("index.js")) else {
        panic!("{} is not there: run `make wasm`", directory.display())
    };
    // A test that passes on yesterday's build says nothing. What it is made from and by is as in the Makefile.
    for source in [
        "src",
        "scripts/nightly",
        "Cargo.toml",
        "Cargo.lock",
        "Makefile",
        "package-lock.json",
        "scripts/build-wasm",
    ] {
        assert!(
            built >= newest(&root().join(source)),
            "{} is older than {source}: run `make wasm`",
            directory.display()
        );
    }
    directory
}

fn modified(path: &Path) -> Option<SystemTime> {
    fs::metadata(path).ok()?.modified().ok()
}

fn newest(path: &Path) -> SystemTime {
    let inside = fs::read_dir(path)
        .into_iter()
        .flatten()
        .map(|entry| newest(&entry.unwrap().path()))
        .max();
    inside.max(modified(path)).unwrap()
}
