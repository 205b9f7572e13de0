//! Checks invariants of ARCHITECTURE.md in the files of the repository.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use toml::{Table, Value};

pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Returns the dependencies of a crate on all platforms, without its dev-dependencies.
fn dependencies(name: &str) -> BTreeSet<String> {
    let manifest = fs::read_to_string(root().join("crates").join(name).join("Cargo.toml")).unwrap();
    let manifest: Table = manifest.parse().unwrap();
    let of_platforms = manifest.get("target").and_then(Value::as_table).into_iter().flat_map(Table::values);
    let of_platforms = of_platforms.filter_map(|platform| platform.get("dependencies"));
    let tables = of_platforms.chain(manifest.get("dependencies"));
    tables.flat_map(|table| table.as_table().unwrap().keys().cloned()).collect()
}

/// Returns every Rust file below a folder.
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
fn crates_depend_only_on_the_allowed_siblings() {
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
                "listener",
                "persistence",
                "revocation",
                "summarizer",
                "throttle",
                "validation",
                "weather-client",
            ],
            "attempts" | "listener" => &["throttle"],
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
fn each_framework_is_used_only_by_its_crates() {
    let homes: [(&str, &[&str]); 5] = [
        ("actix-web", &["api", "listener"]),
        ("diesel", &["persistence"]),
        ("diesel-async", &["persistence"]),
        ("dotenvy", &["api"]),
        ("clap", &["api"]),
    ];
    for (framework, homes) in homes {
        let mut users: Vec<_> =
            crates().into_iter().filter(|name| dependencies(name).contains(framework)).collect();
        users.sort();
        assert_eq!(users, homes, "{framework}");
    }
    for name in ["domain", "auth"] {
        let known = dependencies(name);
        assert!(!["tokio", "reqwest", "tracing"].iter().any(|io| known.contains(*io)), "{name}: {known:?}");
    }
}

#[test]
fn every_library_has_a_readme_and_an_example() {
    for name in crates().iter().filter(|name| *name != "api") {
        let folder = root().join("crates").join(name);
        let library = fs::read_to_string(folder.join("src/lib.rs")).unwrap();
        assert!(library.contains("#![doc = include_str!(\"../README.md\")]"), "{name}");
        // These two need no example: only tests use one of them, and only `api` uses the other.
        if !["test-servers", "api-macros"].contains(&name.as_str()) {
            assert!(!sources(&folder.join("examples")).is_empty(), "{name} has no example");
        }
    }
}

#[test]
fn no_source_file_has_more_than_400_lines() {
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
