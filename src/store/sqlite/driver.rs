//! What the shared queries need to know about SQLite: types, numbers, and the few words it spells differently.

use std::collections::BTreeSet;

use sqlx::Row as _;

use crate::clock::Timestamp;
use crate::domain::matching::MatchKey;
use crate::store::batch::Batch;
use crate::store::{LONGEST_WAIT, StoreError, StoreResult};

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

/// Moments set by a clock that was ahead, or has been set back since, are brought near: $1 for a job that never failed
/// since a person last put it back, $2 for any other.
pub(super) const CAP_WAITS: &str = "UPDATE job SET due_at = CASE WHEN failures > forgiven THEN $2 ELSE $1 END
    WHERE dead = 0 AND due_at > CASE WHEN failures > forgiven THEN $2 ELSE $1 END";

/// Locks of a process that is gone end as its leases do; their tokens go on growing.
pub(super) const END_LOCKS: &str = "UPDATE named_lock SET expires_at = $1 WHERE expires_at > $1";

/// The statements of this engine alone, by name.
pub(super) const STATEMENTS: [(&str, &str); 4] =
    [("RESERVE", RESERVE), ("RECOVER", RECOVER), ("CAP_WAITS", CAP_WAITS), ("END_LOCKS", END_LOCKS)];

/// Ends every lease now and lets nothing wait longer than it may; how many leases.
pub(super) async fn recover(conn: &mut Connection, now: Timestamp) -> StoreResult<u64> {
    let taken_back = sqlx::query(RECOVER).bind(now.micros()).execute(&mut *conn).await?.rows_affected();
    let longest = now.after(LONGEST_WAIT);
    sqlx::query(CAP_WAITS).bind(now.micros()).bind(longest.micros()).execute(&mut *conn).await?;
    sqlx::query(END_LOCKS).bind(now.micros()).execute(conn).await?;
    Ok(taken_back)
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

/// One writer counts mails to visitors one after the other.
#[expect(clippy::unused_async, reason = "the other engine asks its server here")]
pub(super) async fn lock_visitor_mail(_conn: &mut Connection) -> StoreResult<()> {
    Ok(())
}

/// From now on what this connection deletes is overwritten, not only forgotten.
pub(super) async fn overwrite_deleted(conn: &mut Connection) -> StoreResult<()> {
    sqlx::raw_sql("PRAGMA secure_delete = ON").execute(conn).await?;
    Ok(())
}

/// One writer merges nothing while it writes.
#[expect(clippy::unused_async, reason = "the other engine asks its server here")]
pub(super) async fn hold(_conn: &mut Connection, _records: &Batch) -> StoreResult<()> {
    Ok(())
}

/// One writer needs no locks on keys.
#[expect(clippy::unused_async, reason = "the other engine asks its server here")]
pub(super) async fn lock_keys(_conn: &mut Connection, _keys: &BTreeSet<MatchKey>) -> StoreResult<()> {
    Ok(())
}
