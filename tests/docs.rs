//! What a page of the docs links to is there.
#![cfg(test)]

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use regex::Regex;

/// All pages, without what stands in them as code.
fn pages() -> BTreeMap<PathBuf, String> {
    let code = Regex::new(r"(?s)```.*?```").unwrap();
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let files = [".", "docs", "bench"].map(|directory| fs::read_dir(root.join(directory)).unwrap());
    let paths = files.into_iter().flatten().map(|file| file.unwrap().path());
    let pages = paths.filter(|path| path.extension().is_some_and(|kind| kind == "md"));
    pages
        .map(|path| {
            let text = fs::read_to_string(&path).unwrap();
            let text = code.replace_all(&text, "").into_owned();
            (path.canonicalize().unwrap(), text)
        })
        .collect()
}

/// The anchors that GitHub gives the headings of a page.
fn anchors(page: &str) -> BTreeSet<String> {
    let is_kept = |c: &char| c.is_alphanumeric() || "-_ ".contains(*c);
    page.lines()
        .filter(|line| line.starts_with('#'))
        .map(|line| line.trim_start_matches('#').trim().to_lowercase())
        .map(|heading| heading.chars().filter(is_kept).collect::<String>())
        .map(|heading| heading.replace(' ', "-"))
        .collect()
}

#[test]
fn every_link_leads_to_a_page_and_a_heading_that_are_there() {
    let pages = pages();
    let link = Regex::new(r"\]\(([^)]+)\)").unwrap();
    let mut looked_at = 0;
    for (path, page) in &pages {
        let targets = link.captures_iter(page).map(|found| found[1].to_owned());
        for target in targets.filter(|target| !target.starts_with("https:")) {
            let (file, anchor) = target.split_once('#').unwrap_or((&target, ""));
            let place = match file {
                "" => path.clone(),
                file => path.with_file_name(file),
            };
            let place = place.canonicalize();
            let place = place.unwrap_or_else(|_| panic!("{}: {target}", path.display()));
            let is_there =
                || (pages.get(&place)).is_some_and(|page| anchors(page).contains(anchor));
            assert!(
                anchor.is_empty() || is_there(),
                "{}: {target}",
                path.display()
            );
            looked_at += 1;
        }
    }
    assert!(looked_at > 100, "{looked_at}");
}
