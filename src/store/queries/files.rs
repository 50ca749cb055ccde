//! Uploaded files: what is thought of them.

use sqlx::Row as _;
use ulid::Ulid;

use super::super::driver::Connection;
use super::{json, statements};
use crate::store::StoreResult;

statements! {
    JUDGE_FILE(
        "UPDATE attachment SET verdict = $3 WHERE part = $2 AND communication IN (SELECT c.id FROM communication c",
        " JOIN arrival a ON a.id = c.arrival WHERE a.ulid = $1)");
    FILES_OF_ARRIVAL("SELECT ", json_object!(
        "'name', t.name, 'type', t.media_type, 'size', t.size, 'part', t.part, 'sha256', t.sha256, ",
        "'verdict', t.verdict"), " AS item FROM communication c JOIN attachment t ON t.communication = c.id",
        " WHERE c.arrival = $1 ORDER BY c.id, t.position");
}

/// Writes a verdict; how many rows it changed.
pub(in super::super) async fn judge_file(
    conn: &mut Connection,
    arrival: Ulid,
    part: &str,
    verdict: &str,
) -> StoreResult<u64> {
    let done = sqlx::query(JUDGE_FILE).bind(arrival.to_string()).bind(part).bind(verdict).execute(conn).await?;
    Ok(done.rows_affected())
}

/// Files of one arrival, as its record keeps them.
pub(super) async fn of_arrival(conn: &mut Connection, arrival: i64) -> StoreResult<Vec<serde_json::Value>> {
    let rows = sqlx::query(FILES_OF_ARRIVAL).bind(arrival).fetch_all(conn).await?;
    rows.iter().map(|row| Ok(json(row.try_get("item")?))).collect()
}
