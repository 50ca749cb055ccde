//! The plan of the house, enforced: who may import whom, what each room may see, how long a file may be, what the
//! project may depend on, and that the lists which say they are complete are.

#[path = "architecture/imports.rs"]
mod imports;
#[path = "architecture/licences.rs"]
mod licences;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use imports::{Source, violations};

/// Lines a file may have before its tests.
const HARD: usize = 500;
/// Lines above which a file is worth splitting.
const SOFT: usize = 300;
/// Names that say nothing about what is inside.
const EMPTY_NAMES: [&str; 9] = ["util", "utils", "helper", "helpers", "common", "misc", "core", "shared", "base"];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn files_below(folder: &Path, into: &mut Vec<PathBuf>) {
    let mut entries: Vec<PathBuf> = std::fs::read_dir(folder).unwrap().map(|e| e.unwrap().path()).collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            files_below(&path, into);
        } else if path.extension().is_some_and(|e| e == "rs") {
            into.push(path);
        }
    }
}

fn sources() -> Vec<Source> {
    let mut paths = Vec::new();
    files_below(&root().join("src"), &mut paths);
    assert!(paths.len() > 30, "the sources were not found");
    paths
        .into_iter()
        .map(|path| {
            let text = std::fs::read_to_string(&path).unwrap();
            Source::new(path.strip_prefix(root().join("src")).unwrap().to_str().unwrap(), &text)
        })
        .collect()
}

#[test]
fn rooms_import_only_rooms_before_them() {
    let found: Vec<String> = sources().iter().flat_map(violations).collect();
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn a_planted_violation_is_found() {
    let planted = [
        ("domain/decide.rs", "use crate::store::Store;", "domain may not import store"),
        ("domain/decide.rs", "fn f() { std::fs::read(\"x\"); }", "domain is pure: std::fs"),
        ("domain/reading/mod.rs", "fn now() -> SystemTime { SystemTime::now() }", "domain is pure: SystemTime"),
        ("config/mod.rs", "use crate::telemetry;", "config may not import telemetry"),
        ("imap/mod.rs", "use crate::{clock::Clock, store::Store};", "imap may not import store"),
        ("imap/session.rs", "use super::super::store::Store;", "imap may not import store"),
        ("pipeline/mod.rs", "use sqlx::Row;", "sqlx is for store"),
        ("intake/mailbox/mod.rs", "use async_imap::Session;", "async_imap is for imap"),
        ("intake/mailbox/mod.rs", "use axum::Router;", "axum is for"),
        ("store/mod.rs", "fn f(x: crate::pipeline::Brain) {}", "store may not import pipeline"),
        ("attic/mod.rs", "use crate::clock::Clock;", "attic is not a room"),
    ];
    for (path, text, expected) in planted {
        let found = violations(&Source::new(path, text));
        assert!(found.iter().any(|f| f.contains(expected)), "{path}: {text}: {found:?}");
    }
    let innocent = [
        ("store/sqlite/mod.rs", "use crate::domain::decision::Decision; // not crate::pipeline\nuse sqlx::Row;"),
        ("domain/decide.rs", "/// See `crate::store`.\nuse super::matching::keys;\nconst S: &str = \"std::fs\";"),
        ("domain/decide.rs", "use crate::clock::Timestamp;\n#[cfg(test)]\nmod tests { use crate::store::Store; }"),
        ("intake/form/handler.rs", "use axum::Router;"),
        ("cli/serve.rs", "use crate::app;"),
    ];
    for (path, text) in innocent {
        assert_eq!(violations(&Source::new(path, text)), Vec::<String>::new(), "{path}");
    }
}

#[test]
fn files_are_short_enough_to_be_read_in_one_sitting() {
    let mut long = Vec::new();
    for source in sources() {
        let lines = source.code_lines();
        if lines > SOFT {
            println!("{}: {lines} lines, worth splitting", source.path);
        }
        if lines > HARD {
            long.push(format!("{}: {lines} lines before its tests, at most {HARD}", source.path));
        }
    }
    assert!(long.is_empty(), "{}", long.join("\n"));
}

#[test]
fn every_module_says_what_it_is_for_and_has_a_name_that_means_something() {
    let mut found = Vec::new();
    for source in sources() {
        if !source.text.trim_start().starts_with("//!") {
            found.push(format!("{}: does not open with //!", source.path));
        }
        for part in source.path.trim_end_matches(".rs").split('/') {
            if EMPTY_NAMES.contains(&part) {
                found.push(format!("{}: \"{part}\" says nothing about what is inside", source.path));
            }
        }
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
}

/// Names of that shape that are no metrics: channels on which PostgreSQL wakes the workers.
const CHANNELS: [&str; 2] = ["pisteur_process", "pisteur_deliver"];

/// Every quoted name of a metric.
fn metrics_used(text: &str) -> BTreeSet<String> {
    text.split('"')
        .filter(|word| ["pisteur_", "process_"].iter().any(|p| word.starts_with(p)))
        .filter(|word| !CHANNELS.contains(word))
        .filter(|word| word.chars().all(|c| c.is_ascii_lowercase() || c == '_'))
        .map(str::to_owned)
        .collect()
}

#[test]
fn every_metric_is_in_the_one_list_and_every_one_listed_is_recorded() {
    let used: BTreeSet<String> = sources()
        .iter()
        .filter(|s| s.path != "telemetry/metric_names.rs")
        .flat_map(|s| metrics_used(&s.before_tests()))
        .collect();
    let listed: BTreeSet<String> = pisteur::telemetry::METRICS.iter().map(|m| m.name.to_owned()).collect();
    let unknown: Vec<_> = used.difference(&listed).collect();
    let unused: Vec<_> = listed.difference(&used).collect();
    assert!(unknown.is_empty(), "not in src/telemetry/metric_names.rs: {unknown:?}");
    assert!(unused.is_empty(), "listed in src/telemetry/metric_names.rs and never recorded: {unused:?}");
    assert_eq!(
        metrics_used(
            "counter!(
  \"pisteur_a_total\", \"state\" => 1)"
        )
        .len(),
        1,
        "the search finds names"
    );
}

#[test]
fn every_direct_dependency_has_its_reason_in_architecture_md() {
    let manifest: toml::Table = std::fs::read_to_string(root().join("Cargo.toml")).unwrap().parse().unwrap();
    let page = std::fs::read_to_string(root().join("ARCHITECTURE.md")).unwrap();
    let names = ["dependencies", "dev-dependencies"].into_iter().flat_map(|s| manifest[s].as_table().unwrap().keys());
    let missing: Vec<&String> = names.filter(|name| !page.contains(&format!("`{name}`"))).collect();
    assert!(missing.is_empty(), "ARCHITECTURE.md has no line for {missing:?}");
}

#[test]
fn dependencies_are_permissively_licensed_and_come_from_the_registry() {
    let found = licences::violations(&licences::metadata());
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn every_fuzz_target_is_in_a_manifest_that_can_be_read_and_is_run() {
    let manifest: toml::Table = std::fs::read_to_string(root().join("tests/fuzz/Cargo.toml")).unwrap().parse().unwrap();
    let script = std::fs::read_to_string(root().join("tests/run")).unwrap();
    let targets: Vec<&str> =
        manifest["bin"].as_array().unwrap().iter().filter_map(|bin| bin["name"].as_str()).collect();
    let files = std::fs::read_dir(root().join("tests/fuzz/fuzz_targets")).unwrap();
    assert_eq!(targets.len(), files.count(), "{targets:?}");
    for target in targets {
        assert!(script.contains(&format!(" {target}:")), "tests/run --full does not run {target}");
    }
}

#[test]
fn a_licence_that_is_not_permissive_is_found() {
    for good in [
        "MIT",
        "MIT OR GPL-3.0",
        "MIT/Apache-2.0",
        "(MIT OR Apache-2.0) AND Unicode-3.0",
        "Apache-2.0 WITH LLVM-exception",
    ] {
        assert!(licences::permissive(good), "{good}");
    }
    for bad in
        ["GPL-3.0", "MIT AND GPL-3.0", "", "AGPL-3.0-only OR LGPL-2.1", "(MIT AND (GPL-2.0 OR SSPL-1.0))", "MPL-2.0"]
    {
        assert!(!licences::permissive(bad), "{bad}");
    }
    let planted = serde_json::json!({"packages": [
        {"name": "openssl", "version": "1", "license": "MIT", "source": licences::REGISTRY},
        {"name": "from-git", "version": "1", "license": "MIT", "source": "git+https://example.com/x"},
        {"name": "copyleft", "version": "1", "license": "GPL-3.0", "source": licences::REGISTRY},
        {"name": "pisteur", "version": "1", "license": "MIT", "source": null},
    ]});
    assert_eq!(licences::violations(&planted).len(), 3);
}
