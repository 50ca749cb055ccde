//! What the shared queries need to know about SQLite: types, numbers, and the few words it spells differently.

use std::collections::BTreeSet;

use sqlx::Row as _;

use crate::clock::Timestamp;
use crate::domain::matching::MatchKey;
use crate::store::{StoreError, StoreResult};

/// The driver.
pub(super) type Db = sqlx::Sqlite;
/// A connection inside a transaction.
pub(super) type Connection = sqlx::SqliteConnection;
/// A row read.
pub(super) type Row = sqlx::sqlite::SqliteRow;

/// Takes the next inside numbers.
pub(super) const RESERVE: &str = "UPDATE sequence SET next = next + $1 WHERE name = 'id' RETURNING next";

/// Leases of a process that is known to be gone end now; they stay suspect. Only one process opens a file, so every
/// lease found at its start is such a one.
pub(super) const RECOVER: &str = "UPDATE job SET due_at = $1, owner = NULL WHERE owner IS NOT NULL AND dead = 0";

/// Ends every lease now; how many.
pub(super) async fn recover(conn: &mut Connection, now: Timestamp) -> StoreResult<u64> {
    Ok(sqlx::query(RECOVER).bind(now.micros()).execute(conn).await?.rows_affected())
}

/// Reserves `count` inside numbers, increasing.
pub(super) async fn reserve(conn: &mut Connection, count: usize) -> StoreResult<Vec<i64>> {
    if count == 0 {
        return Ok(Vec::new());
    }
    let count = i64::try_from(count).map_err(|e| StoreError::Other(e.into()))?;
    let next: i64 = sqlx::query(RESERVE).bind(count).fetch_one(conn).await?.try_get("next")?;
    Ok((next.saturating_sub(count)..next).collect())
}

/// One writer needs no locks on keys.
#[expect(clippy::unused_async, reason = "the other engine asks its server here")]
pub(super) async fn lock_keys(_conn: &mut Connection, _keys: &BTreeSet<MatchKey>) -> StoreResult<()> {
    Ok(())
}
