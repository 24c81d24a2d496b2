//! The modules stand in the order in which data goes through them, and each knows only those before it.
#![cfg(test)]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use regex::Regex;

fn sources(directory: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory).unwrap();
    let paths = entries.map(|entry| entry.unwrap().path());
    let sources = paths.flat_map(|path| {
        if path.is_dir() {
            sources(&path)
        } else {
            vec![path]
        }
    });
    sources
        .filter(|path| path.extension().is_some_and(|kind| kind == "rs"))
        .collect()
}

/// The modules as `lib.rs` lists them.
fn listed(lib: &str) -> Vec<String> {
    let names = Regex::new("`(\\w+)`").unwrap();
    let lines = lib.lines().filter(|line| line.starts_with("//! - "));
    let heads = lines.filter_map(|line| line.split(": ").next());
    heads
        .flat_map(|head| {
            names
                .captures_iter(head)
                .map(|found| found[1].to_owned())
                .collect::<Vec<_>>()
        })
        .collect()
}

/// The modules of this crate that a source names.
fn named(source: &str) -> BTreeSet<String> {
    let path = Regex::new(r"crate::(\w+)").unwrap();
    let mut named: BTreeSet<String> = path
        .captures_iter(source)
        .map(|found| found[1].to_owned())
        .collect();
    for group in source.split("use crate::{").skip(1) {
        let mut depth = 0;
        let mut heads = String::new();
        for c in group.chars() {
            depth += i32::from(c == '{') - i32::from(c == '}');
            match depth {
                0 => heads.push(c),
                1.. => {}
                _ => break,
            }
        }
        let heads = heads
            .split(',')
            .filter_map(|path| path.trim().split("::").next());
        named.extend(heads.map(str::to_owned));
    }
    named
}

#[test]
fn no_module_names_one_that_stands_below_it() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let order = listed(&fs::read_to_string(root.join("lib.rs")).unwrap());
    let place = |module: &str| order.iter().position(|listed| listed == module);
    let mut seen = BTreeSet::new();
    for source in sources(&root) {
        let inside = source.strip_prefix(&root).unwrap().with_extension("");
        let module = inside.iter().next().unwrap().to_str().unwrap();
        if module == "lib" {
            continue;
        }
        let own = place(module).unwrap_or_else(|| panic!("lib.rs does not list {module}"));
        seen.insert(module.to_owned());
        for other in named(&fs::read_to_string(&source).unwrap()) {
            let below = place(&other).is_some_and(|place| place > own);
            assert!(!below, "{} names {other}", source.display());
        }
    }
    assert_eq!(
        seen.len(),
        order.len(),
        "lib.rs lists what is not there: {order:?}"
    );
}
