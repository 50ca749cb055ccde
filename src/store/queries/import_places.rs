//! How far imports of contacts came, so that one that was cut off goes on there.

use std::time::Duration;

use sqlx::Row as _;

use super::super::driver::{Connection, Row};
use super::statements;
use crate::clock::Timestamp;
use crate::store::StoreResult;
use crate::store::rows::ImportPlace;

/// How long an import may be left lying before it begins anew.
const KEPT: Duration = Duration::from_hours(90 * 24);

statements! {
    PLACE("SELECT entries, line, created, updated, refused, uncertain FROM import_place WHERE source = $1");
    KEEP_PLACE(
        "INSERT INTO import_place (source, entries, line, created, updated, refused, uncertain, changed_at)",
        " VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (source) DO UPDATE SET entries = excluded.entries,",
        " line = excluded.line, created = excluded.created, updated = excluded.updated, refused = excluded.refused,",
        " uncertain = excluded.uncertain, changed_at = excluded.changed_at");
    FORGET_PLACE("DELETE FROM import_place WHERE source = $1 OR changed_at < $2");
}

/// Where an import goes on.
pub(in super::super) async fn place(conn: &mut Connection, source: &str) -> StoreResult<Option<ImportPlace>> {
    let row = sqlx::query(PLACE).bind(source).fetch_optional(conn).await?;
    row.map(|row| {
        Ok(ImportPlace {
            entries: count(&row, "entries")?,
            line: count(&row, "line")?,
            created: count(&row, "created")?,
            updated: count(&row, "updated")?,
            refused: count(&row, "refused")?,
            uncertain: count(&row, "uncertain")?,
        })
    })
    .transpose()
}

fn count(row: &Row, column: &'static str) -> StoreResult<u64> {
    Ok(u64::try_from(row.try_get::<i64, _>(column)?).unwrap_or(0))
}

/// Keeps how far an import came, or forgets it with those left lying.
pub(in super::super) async fn keep(
    conn: &mut Connection,
    source: &str,
    place: Option<ImportPlace>,
    now: Timestamp,
) -> StoreResult<()> {
    let query = match place {
        None => sqlx::query(FORGET_PLACE).bind(source).bind(now.before(KEPT).micros()),
        Some(place) => {
            let counts = [place.entries, place.line, place.created, place.updated, place.refused, place.uncertain];
            let query = sqlx::query(KEEP_PLACE).bind(source);
            counts
                .into_iter()
                .fold(query, |query, count| query.bind(i64::try_from(count).unwrap_or(i64::MAX)))
                .bind(now.micros())
        }
    };
    query.execute(conn).await?;
    Ok(())
}
