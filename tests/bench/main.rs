//! Benchmarks of the built binary, printed as tables with medians beside the raw limit of the same run.
//!
//! `cargo bench` runs the short form, `cargo bench -- --full` the long one. Nothing here is asserted.
#![expect(clippy::expect_used, reason = "a benchmark fails by panicking")]
#![expect(clippy::indexing_slicing, clippy::cast_precision_loss, reason = "figures for people")]

mod daemon_runs;
mod figures;
mod raw;
mod reading;
#[path = "../support/mod.rs"]
#[expect(dead_code, reason = "the tests use the rest of it")]
mod support;

use figures::Table;
use support::postgres::{Fsync, Postgres};

fn main() {
    let full = std::env::args().any(|a| a == "--full");
    let size = if full { daemon_runs::Size::FULL } else { daemon_runs::Size::SHORT };
    let mut table = Table::new(&["measure", "SQLite", "PostgreSQL"]);
    let server = Postgres::start(Fsync::On);
    let sqlite = daemon_runs::measure(&size, None);
    let postgres = daemon_runs::measure(&size, Some(&server));
    for (name, a, b) in daemon_runs::rows(&sqlite, &postgres) {
        table.row(&[&name, &a, &b]);
    }
    println!("{}", daemon_runs::conditions(&size));
    println!("{}", reading::measure());
    println!("{table}");
}
