//! Bytes of submissions that were kept long enough: removed from the journal, with everything else left as it is.

use std::time::Duration;

use sqlx::Row as _;

use super::super::driver::Connection;
use super::{run, statements};
use crate::clock::Timestamp;
use crate::store::StoreResult;
use crate::store::batch::column;

statements! {
    /// What is still to be worked on or fetched keeps its bytes; what waits for a person, spam excepted, for longer.
    PURGEABLE(
        "SELECT w.arrival FROM arrival_raw w JOIN arrival a ON a.id = w.arrival WHERE a.intake = $1",
        " AND a.channel IN ('form', 'webhook') AND a.received_at < $2 AND a.state NOT IN ('received', 'failed')",
        " AND NOT (a.state = 'parked' AND a.reason = 'to_be_fetched') AND (a.state <> 'quarantined' OR a.reason IN",
        " ('spam', 'captcha_failed', 'captcha_missing') OR a.received_at < $4)",
        " AND NOT EXISTS (SELECT 1 FROM job j WHERE j.id = a.id) ORDER BY w.arrival LIMIT $3");
    PURGE(
        "DELETE FROM arrival_raw WHERE arrival IN (SELECT CAST(e.value->>0 AS BIGINT) FROM ", rows!("1"), ")",
        " AND NOT EXISTS (SELECT 1 FROM job j WHERE j.id = arrival_raw.arrival)");
}

/// How much longer the bytes of what waits for a person are kept.
const WAITING: Duration = Duration::from_hours(24 * 90);

/// Arrivals of a form or hook received before `before` whose bytes are kept.
pub(in super::super) async fn purgeable(
    conn: &mut Connection,
    intake: &str,
    before: Timestamp,
    most: i64,
) -> StoreResult<Vec<i64>> {
    let waiting = before.before(WAITING).micros();
    let query = sqlx::query(PURGEABLE).bind(intake).bind(before.micros()).bind(most).bind(waiting);
    let rows = query.fetch_all(conn).await?;
    rows.iter().map(|row| Ok(row.try_get("arrival")?)).collect()
}

/// Removes the bytes of these arrivals; how many.
pub(in super::super) async fn purge(conn: &mut Connection, arrivals: &[i64]) -> StoreResult<u64> {
    run(conn, PURGE, &column(arrivals)).await
}
