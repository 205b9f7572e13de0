//! The invariants of ARCHITECTURE.md that can be read off the tree.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The crates that a crate's own code depends on, by the section of its manifest.
fn dependencies(name: &str) -> BTreeSet<String> {
    let manifest = fs::read_to_string(root().join("crates").join(name).join("Cargo.toml")).unwrap();
    let (_, section) = manifest.split_once("\n[dependencies]\n").unwrap_or(("", ""));
    let lines = section.lines().take_while(|line| !line.starts_with('['));
    lines
        .filter_map(|line| line.split(['.', ' ', '=']).next())
        .filter(|name| !name.is_empty())
        .map(str::to_owned)
        .collect()
}

/// Every Rust file below a folder.
pub(crate) fn sources(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let (folders, files): (Vec<_>, Vec<_>) = entries.partition(|path| path.is_dir());
    let below = folders.iter().flat_map(|folder| sources(folder));
    files.into_iter().filter(|path| path.extension().is_some_and(|kind| kind == "rs")).chain(below).collect()
}

pub(crate) fn crates() -> Vec<String> {
    let entries = fs::read_dir(root().join("crates")).unwrap();
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

#[test]
fn arrows_point_down() {
    for name in crates() {
        let siblings: BTreeSet<_> = dependencies(&name)
            .into_iter()
            .filter_map(|d| Some(d.strip_prefix("daybook-")?.to_owned()))
            .collect();
        let allowed: &[&str] = match name.as_str() {
            "api" => &[
                "ai-client",
                "api-macros",
                "attempts",
                "auth",
                "domain",
                "persistence",
                "revocation",
                "summarizer",
                "throttle",
                "validation",
                "weather-client",
            ],
            "attempts" => &["throttle"],
            "persistence" => &["domain"],
            "summarizer" => &["ai-client", "domain", "text"],
            "domain" | "weather-client" => &["text"],
            _ => &[],
        };
        let allowed: BTreeSet<_> = allowed.iter().map(|name| (*name).to_owned()).collect();
        assert!(siblings.is_subset(&allowed), "{name} depends on {siblings:?}");
    }
}

#[test]
fn each_framework_has_one_home() {
    let homes = [
        ("actix-web", "api"),
        ("diesel", "persistence"),
        ("diesel-async", "persistence"),
        ("dotenvy", "api"),
        ("clap", "api"),
    ];
    for (framework, home) in homes {
        let users: Vec<_> =
            crates().into_iter().filter(|name| dependencies(name).contains(framework)).collect();
        assert_eq!(users, [home], "{framework}");
    }
    for name in ["domain", "auth"] {
        let known = dependencies(name);
        assert!(!["tokio", "reqwest", "tracing"].iter().any(|io| known.contains(*io)), "{name}: {known:?}");
    }
}

#[test]
fn every_library_has_a_front_page_and_an_example() {
    for name in crates().iter().filter(|name| *name != "api") {
        let folder = root().join("crates").join(name);
        let library = fs::read_to_string(folder.join("src/lib.rs")).unwrap();
        assert!(library.contains("#![doc = include_str!(\"../README.md\")]"), "{name}");
        // Neither is published: one serves tests, the other serves only `api`.
        if !["test-servers", "api-macros"].contains(&name.as_str()) {
            assert!(!sources(&folder.join("examples")).is_empty(), "{name} has no example");
        }
    }
}

#[test]
fn no_file_is_more_than_one_room() {
    for name in crates() {
        for file in sources(&root().join("crates").join(&name).join("src")) {
            let lines = fs::read_to_string(&file).unwrap().lines().count();
            assert!(lines <= 400, "{} has {lines} lines", file.display());
        }
    }
}

#[test]
fn both_databases_have_the_same_migrations() {
    let names = |database: &str| -> BTreeSet<_> {
        let entries = fs::read_dir(root().join("migrations").join(database)).unwrap();
        entries.map(|entry| entry.unwrap().file_name()).collect()
    };
    assert_eq!(names("postgres"), names("sqlite"));
    assert!(!names("sqlite").is_empty());
}
