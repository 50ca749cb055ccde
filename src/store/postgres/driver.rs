//! What the shared queries need of this engine.

use std::collections::BTreeSet;

use sqlx::Row as _;

use crate::domain::matching::MatchKey;
use crate::store::batch::Batch;
use crate::store::{Raced, StoreError, StoreResult};

/// A connection, inside or outside a transaction.
pub(super) type Connection = sqlx::PgConnection;
/// A row.
pub(super) type Row = sqlx::postgres::PgRow;
/// The engine.
pub(super) type Db = sqlx::Postgres;

/// Takes inside numbers.
pub(super) const RESERVE: &str =
    "SELECT nextval('id_sequence') FROM generate_series(CAST(1 AS BIGINT), CAST($1 AS BIGINT))";
/// Takes advisory locks in the order given.
pub(super) const LOCK_KEYS: &str = "SELECT pg_advisory_xact_lock(k) FROM unnest(CAST($1 AS BIGINT[])) AS k";

/// Keeps the records named from being merged until the end of the transaction, and the contacts of opportunities with them.
pub(super) const HOLD: &str = concat!(
    "SELECT CASE WHEN x.merged_into IS NOT NULL AND x.ulid NOT IN (SELECT e.value->>0 FROM ",
    rows!("1"),
    ") THEN 1 ELSE 0 END AS gone FROM entity x WHERE x.id IN (SELECT y.id FROM ",
    rows!("1"),
    " JOIN entity y ON y.ulid = e.value->>0 UNION ALL SELECT p.contact FROM ",
    rows!("1"),
    " JOIN entity y ON y.ulid = e.value->>0 JOIN opportunity p ON p.id = COALESCE(y.merged_into, y.id)",
    " WHERE p.contact IS NOT NULL) ORDER BY x.id FOR KEY SHARE OF x"
);

/// The advisory lock of those who count mails to visitors: an arbitrary number.
const VISITOR_MAIL: i64 = 0x5649_5349_544d_4149;

/// Takes the next `n` inside numbers, in growing order.
pub(super) async fn reserve(conn: &mut Connection, n: usize) -> StoreResult<Vec<i64>> {
    if n == 0 {
        return Ok(Vec::new());
    }
    let mut ids: Vec<i64> =
        sqlx::query_scalar(RESERVE).bind(i64::try_from(n).unwrap_or(i64::MAX)).fetch_all(conn).await?;
    ids.sort_unstable();
    Ok(ids)
}

/// Lets transactions with a strong key in common come one after the other (matching, concurrency rule 3): advisory
/// locks until the end of the transaction, taken in one global order, so that no two wait for each other.
pub(super) async fn lock_keys(conn: &mut Connection, keys: &BTreeSet<MatchKey>) -> StoreResult<()> {
    let locks: BTreeSet<i64> = keys.iter().map(|k| lock_number(*k)).collect();
    if locks.is_empty() {
        return Ok(());
    }
    sqlx::query(LOCK_KEYS).bind(locks.into_iter().collect::<Vec<i64>>()).execute(conn).await?;
    Ok(())
}

/// Keeps records from being merged until the end of the transaction: what is written for them stays with who they are now.
pub(super) async fn hold(conn: &mut Connection, records: &Batch) -> StoreResult<()> {
    if records.is_empty() {
        return Ok(());
    }
    let rows = sqlx::query(HOLD).bind(records.text()).fetch_all(conn).await?;
    // A contact merged between looking it up and taking its lock.
    let gone = rows.iter().map(|row| row.try_get::<i32, _>("gone")).collect::<Result<Vec<_>, _>>()?;
    if gone.contains(&1) {
        return Err(StoreError::Busy(Raced.into()));
    }
    Ok(())
}

/// Lets transactions that count mails to visitors come one after the other, over all daemons.
pub(super) async fn lock_visitor_mail(conn: &mut Connection) -> StoreResult<()> {
    sqlx::query(LOCK_KEYS).bind(vec![VISITOR_MAIL]).execute(conn).await?;
    Ok(())
}

/// Deleted rows are overwritten when the server cleans up after itself (autovacuum).
#[expect(clippy::unused_async, reason = "the other engine asks its file here")]
pub(super) async fn overwrite_deleted(_conn: &mut Connection) -> StoreResult<()> {
    Ok(())
}

/// One number per key; two keys with the same number only wait for each other needlessly.
fn lock_number(key: MatchKey) -> i64 {
    // The odd constant of Fibonacci hashing keeps equal hashes of two kinds apart.
    key.hash ^ key.kind.number().wrapping_mul(0x9E37_79B9_7F4A_7C15_u64.cast_signed())
}

/// A transaction that met another one (deadlock, serialisation, a lock not had in time) and was undone whole: it may simply run again.
pub(super) fn may_run_again(error: &crate::store::StoreError) -> bool {
    let crate::store::StoreError::Busy(source) = error else { return false };
    if source.is::<Raced>() {
        return true;
    }
    let state = source
        .downcast_ref::<sqlx::Error>()
        .and_then(sqlx::Error::as_database_error)
        .and_then(sqlx::error::DatabaseError::code);
    matches!(state.as_deref(), Some("40P01" | "40001" | "55P03"))
}
