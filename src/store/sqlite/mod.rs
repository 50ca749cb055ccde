//! SQLite: the embedded default, one file, one writer.
//!
//! Reads go to a small pool of read-only connections and see what was committed; every write goes through
//! [`writer::Writer`].

/// Unfolds the JSON text of an argument into rows named `e`, each in column `value`.
macro_rules! rows {
    ($n:literal) => {
        concat!("json_each($", $n, ") AS e")
    };
}
/// SQLite has one writer: rows need no locks.
macro_rules! for_update {
    () => {
        ""
    };
}
/// As `for_update!`.
macro_rules! skip_locked {
    () => {
        ""
    };
}
/// An aggregate of numbers as JSON text.
macro_rules! json_list {
    ($of:literal) => {
        concat!("json_group_array(", $of, ")")
    };
}
/// A JSON object as text.
macro_rules! json_object {
    ($($part:literal),+ $(,)?) => {
        concat!("json_object(", $($part),+, ")")
    };
}

mod driver;
mod engine;
mod migrate;
mod open;
#[expect(clippy::duplicate_mod, reason = "the shared statements are compiled once per engine, with its own types")]
#[path = "../queries/mod.rs"]
mod queries;
mod recognition;
mod sweep;
mod writer;

use std::sync::Arc;

use super::{OpenOptions, Opened, Store, StoreResult};

/// Opens or creates the database file.
pub(super) async fn open(options: OpenOptions) -> StoreResult<(Arc<dyn Store>, Opened)> {
    open::open(options).await
}
