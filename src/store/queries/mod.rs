//! The SQL both engines share, compiled once per engine through a `#[path]` module.
//!
//! Invariants:
//! - An engine defines, before this module: `driver` with `Connection`, `Row`, `reserve` and `lock_keys`, and the macros
//!   `rows!` (unfold a JSON text), `for_update!`, `skip_locked!`, `json_list!` and `json_object!`.
//! - Every function runs inside the caller's transaction; none opens or ends one.
//! - Every statement is in a `statements!` list: those lists are prepared and explained on each engine by a test.
//! - One call never runs two statements: PostgreSQL would refuse.
//! - Numbers that the engine computes are cast to BIGINT, since PostgreSQL counts literals as 32 bits.

pub(super) mod anew;
pub(super) mod arrivals;
pub(super) mod campaigns;
pub(super) mod commit;
mod compared;
pub(super) mod erase;
pub(super) mod figures;
pub(super) mod files;
pub(super) mod history;
pub(super) mod import_places;
pub(super) mod imports;
pub(super) mod jobs;
pub(super) mod journal;
pub(super) mod lately;
pub(super) mod mailboxes;
pub(super) mod merges;
pub(super) mod models;
pub(super) mod neighbours;
pub(super) mod outline;
pub(super) mod people;
pub(super) mod probe;
pub(super) mod records;
pub(super) mod reindex;
pub(super) mod retention;
pub(super) mod show;
pub(super) mod sweep;
pub(super) mod threads;
pub(super) mod visitors;
pub(super) mod writes;

use serde_json::Value;
use ulid::Ulid;

use super::driver::{Connection, Row};
use crate::store::batch::Batch;
use crate::store::{StoreError, StoreResult};

/// Names statements and lists them, so that a test can prepare each one.
macro_rules! statements {
    ($( $(#[$meta:meta])* $name:ident ( $($part:tt)+ ); )+) => {
        $( $(#[$meta])* pub(super) const $name: &str = concat!($($part)+); )+
        /// Every statement of this file, by name.
        pub(in super::super) const STATEMENTS: &[(&str, &str)] = &[$( (stringify!($name), $name) ),+];
    };
}
use statements;

/// A person's name as one string.
macro_rules! person {
    ($t:literal) => {
        concat!(
            "COALESCE(NULLIF(TRIM(",
            $t,
            ".full_name), ''), NULLIF(TRIM(COALESCE(",
            $t,
            ".first_name, '') || ' ' || COALESCE(",
            $t,
            ".last_name, '')), ''))"
        )
    };
}
use person;

/// Every shared statement, by name.
pub(super) fn all_statements() -> Vec<(&'static str, &'static str)> {
    [
        anew::STATEMENTS,
        arrivals::STATEMENTS,
        campaigns::STATEMENTS,
        commit::STATEMENTS,
        compared::STATEMENTS,
        figures::STATEMENTS,
        files::STATEMENTS,
        history::STATEMENTS,
        import_places::STATEMENTS,
        imports::STATEMENTS,
        jobs::STATEMENTS,
        journal::STATEMENTS,
        lately::STATEMENTS,
        mailboxes::STATEMENTS,
        models::STATEMENTS,
        neighbours::STATEMENTS,
        outline::STATEMENTS,
        people::STATEMENTS,
        probe::STATEMENTS,
        records::STATEMENTS,
        reindex::STATEMENTS,
        retention::STATEMENTS,
        show::STATEMENTS,
        sweep::STATEMENTS,
        threads::STATEMENTS,
        visitors::STATEMENTS,
        writes::STATEMENTS,
        &erase::all(),
        &merges::all(),
    ]
    .concat()
}

/// Runs a statement over a batch; nothing to do for an empty one. Rows touched.
async fn run(conn: &mut Connection, sql: &'static str, batch: &Batch) -> StoreResult<u64> {
    if batch.is_empty() {
        return Ok(0);
    }
    Ok(sqlx::query(sql).bind(batch.text()).execute(conn).await?.rows_affected())
}

/// As [`run`] with a number as second argument.
async fn run_with(conn: &mut Connection, sql: &'static str, batch: &Batch, number: i64) -> StoreResult<u64> {
    if batch.is_empty() {
        return Ok(0);
    }
    Ok(sqlx::query(sql).bind(batch.text()).bind(number).execute(conn).await?.rows_affected())
}

/// Reads rows for a batch; none for an empty one.
async fn read(conn: &mut Connection, sql: &'static str, batch: &Batch) -> StoreResult<Vec<Row>> {
    if batch.is_empty() {
        return Ok(Vec::new());
    }
    Ok(sqlx::query(sql).bind(batch.text()).fetch_all(conn).await?)
}

/// As [`read`] with a number as second argument.
async fn read_with(conn: &mut Connection, sql: &'static str, batch: &Batch, number: i64) -> StoreResult<Vec<Row>> {
    if batch.is_empty() {
        return Ok(Vec::new());
    }
    Ok(sqlx::query(sql).bind(batch.text()).bind(number).fetch_all(conn).await?)
}

/// A stored ULID.
fn ulid(text: &str) -> StoreResult<Ulid> {
    Ulid::from_string(text)
        .map_err(|e| StoreError::Other(format!("a stored identifier is damaged: {text}: {e}").into()))
}

/// A stored ULID that may be absent.
fn optional_ulid(text: Option<&str>) -> StoreResult<Option<Ulid>> {
    text.map(ulid).transpose()
}

/// A stored JSON document; a damaged one reads as null rather than stopping a page.
fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or(Value::Null)
}

/// A limit as SQL wants it: 0 means all.
const fn limit(limit: i64) -> i64 {
    if limit <= 0 { i64::MAX } else { limit }
}

/// An error sentence about stored data.
fn damaged(what: &str) -> StoreError {
    StoreError::Other(format!("a stored value is damaged: {what}").into())
}
