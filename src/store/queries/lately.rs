//! How many new records mails of one writer made of late: what the loop guard counts.
//!
//! The newest records of a key stand at the end of its index and no more than 401 of them are looked at, however
//! many there are: a flood costs no more than a trickle. A person's opportunity may have a contact beside it, so there is
//! room for two entities a record.

use std::collections::{HashMap, HashSet};

use sqlx::Row as _;

use super::super::driver::Connection;
use super::{read, statements};
use crate::domain::matching::{Lately, MatchKey, NeighbourQuery};
use crate::store::StoreResult;
use crate::store::batch::{Batch, row};

statements! {
    // 401: twice the most that can be configured, and one.
    LATELY(
        "SELECT CAST(e.value->>0 AS BIGINT) AS ord, (SELECT COUNT(*) FROM (SELECT m.entity FROM match_key m",
        " WHERE m.kind = CAST(e.value->>1 AS BIGINT) AND m.hash = CAST(e.value->>2 AS BIGINT)",
        " ORDER BY m.entity DESC LIMIT 401) AS x LEFT JOIN lead l ON l.id = x.entity",
        " LEFT JOIN opportunity p ON p.id = x.entity",
        " WHERE COALESCE(l.created_at, p.created_at) > CAST(e.value->>3 AS BIGINT)",
        " AND EXISTS (SELECT 1 FROM communication c WHERE c.record = x.entity AND c.channel = 'mail')) AS made FROM ",
        rows!("1"));
}

/// Records by key and moment.
pub(super) type Made = HashMap<(MatchKey, i64), u32>;

/// New records of every writer asked for.
pub(super) async fn made(conn: &mut Connection, queries: &[NeighbourQuery]) -> StoreResult<Made> {
    let mut seen = HashSet::new();
    let asked: Vec<(MatchKey, i64)> = queries.iter().filter_map(of).filter(|asked| seen.insert(*asked)).collect();
    let mut batch = Batch::default();
    for (index, (key, since)) in asked.iter().enumerate() {
        row!(batch; index, key.kind.number(), key.hash, since);
    }
    let mut found = Made::new();
    for row in read(conn, LATELY, &batch).await? {
        let index = usize::try_from(row.try_get::<i64, _>("ord")?).unwrap_or(usize::MAX);
        if let Some(asked) = asked.get(index) {
            found.insert(*asked, u32::try_from(row.try_get::<i64, _>("made")?).unwrap_or(u32::MAX));
        }
    }
    Ok(found)
}

/// What one query asks for.
pub(super) fn of(query: &NeighbourQuery) -> Option<(MatchKey, i64)> {
    query.lately.map(|Lately { key, since }| (key, since.micros()))
}
