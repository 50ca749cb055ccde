//! Benchmarks of the built binary, printed as tables with medians beside the raw limit of the same run.
//!
//! `cargo bench` runs the short form, `cargo bench -- --full` the long one, `cargo bench -- --quick` each once; `--only
//! door|reading|matching|start-up|journal|forms|mails` takes one part, `--engine sqlite|postgres` of matching one engine. Nothing here is asserted.
#![expect(clippy::expect_used, reason = "a benchmark fails by panicking")]
#![expect(clippy::indexing_slicing, clippy::cast_precision_loss, reason = "figures for people")]

mod daemon_runs;
mod door;
mod figures;
#[path = "../generated/mod.rs"]
#[expect(dead_code, reason = "the tests use the rest of it")]
mod generated;
mod matching;
mod raw;
mod reading;
mod reading_hostile;
mod reading_sets;
#[path = "../support/mod.rs"]
#[expect(dead_code, reason = "the tests use the rest of it")]
mod support;
mod wrk;

use figures::Table;
use support::postgres::{Fsync, Postgres};

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let has = |flag: &str| arguments.iter().any(|a| a == flag);
    let value = |flag: &str| {
        let at = arguments.iter().position(|a| a == flag);
        at.and_then(|at| arguments.get(at + 1)).map(String::as_str)
    };
    let only = value("--only");
    let (full, quick) = (has("--full"), has("--quick"));
    let size = match (full, quick) {
        (true, _) => daemon_runs::Size::FULL,
        (_, true) => daemon_runs::Size::QUICK,
        _ => daemon_runs::Size::SHORT,
    };
    println!("{}", daemon_runs::conditions(&size));
    if only.is_none_or(|only| only == "door") {
        door::measure(quick);
    }
    if only == Some("door") {
        return;
    }
    if only.is_none_or(|only| only == "reading") {
        println!("{}", reading::measure());
        println!("{}", reading_sets::measure());
        println!("{}", reading_hostile::measure());
    }
    if only == Some("reading") {
        return;
    }
    if only.is_none_or(|only| only == "matching") {
        matching::measure(matching::sizes(full, quick), value("--engine"));
    }
    if only == Some("matching") {
        return;
    }
    let mut table = Table::new(&["measure", "SQLite", "PostgreSQL"]);
    let server = Postgres::start(Fsync::On);
    let sqlite = daemon_runs::measure(&size, None, only);
    let postgres = daemon_runs::measure(&size, Some(&server), only);
    for (name, a, b) in daemon_runs::rows(&sqlite, &postgres) {
        table.row(&[&name, &a, &b]);
    }
    println!("{table}");
}
