//! The last mails of a sender: what the lines at the end of a new one are compared with.
//!
//! Invariants:
//! - Looked for in the records that the arrival's own addresses and answers lead to, never through all messages: of the
//!   newest [`RECORDS`] of them the newest 20 messages each.
//! - Only mails of the very same address count.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use sqlx::Row as _;

use super::super::driver::Connection;
use super::{damaged, read, statements, threads};
use crate::domain::matching::{Earlier, KeyKind, MatchKey, NeighbourQuery};
use crate::store::StoreResult;
use crate::store::batch::{Batch, column, row};

statements! {
    HISTORY(
        "SELECT CAST(e.value->>0 AS BIGINT) AS ord, (SELECT ", json_list!("x.id"), " FROM (SELECT y.id FROM",
        " (SELECT c.id, c.sender, c.class, c.direction FROM communication c WHERE c.record = CAST(e.value->>1 AS BIGINT)",
        " ORDER BY c.id DESC LIMIT 20) AS y WHERE y.class = 'person' AND y.direction = 'in'",
        " AND LOWER(y.sender) = e.value->>2 ORDER BY y.id DESC LIMIT 3) AS x) AS hits FROM ", rows!("1"));
    ENDINGS(
        "SELECT c.id, c.signature, SUBSTR(c.body, CASE WHEN LENGTH(c.body) > 2000 THEN LENGTH(c.body) - 1999 ELSE 1 END)",
        " AS body FROM ", rows!("1"), " JOIN communication c ON c.id = CAST(e.value->>0 AS BIGINT)");
}

/// Records of one arrival in which earlier mails are looked for.
const RECORDS: usize = 6;
/// Earlier mails of one arrival.
const MAILS: usize = 3;

/// The sender asked for, and the records to look in.
pub(super) type Asked<'q> = Option<(&'q str, BTreeSet<i64>)>;

/// What one query asks for: the newest records that its addresses lead to, and those it answers.
pub(super) fn asked<'q>(
    query: &'q NeighbourQuery,
    answered: &[&threads::Message],
    records: &BTreeMap<i64, Vec<MatchKey>>,
) -> Asked<'q> {
    let sender = query.history.as_deref()?;
    let by_address = |keys: &[MatchKey]| keys.iter().any(|k| matches!(k.kind, KeyKind::Email | KeyKind::SharedEmail));
    let own = records.iter().filter(|(_, keys)| by_address(keys)).map(|(id, _)| *id);
    let all: BTreeSet<i64> = own.chain(answered.iter().map(|m| m.record)).collect();
    Some((sender, all.into_iter().rev().take(RECORDS).collect()))
}

/// The earlier mails for each query, newest first.
pub(super) async fn earlier(
    conn: &mut Connection,
    asked: impl Iterator<Item = Asked<'_>>,
) -> StoreResult<Vec<Vec<Earlier>>> {
    let asked: Vec<Asked<'_>> = asked.collect();
    let mut batch = Batch::default();
    for (index, (sender, records)) in asked.iter().enumerate().filter_map(|(at, asked)| Some((at, asked.as_ref()?))) {
        for record in records {
            row!(batch; index, record, sender);
        }
    }
    let mut found: Vec<BTreeSet<i64>> = vec![BTreeSet::new(); asked.len()];
    for row in read(conn, HISTORY, &batch).await? {
        let Some(hits) = row.try_get::<Option<&str>, _>("hits")? else { continue };
        let ids: Vec<i64> = serde_json::from_str(hits).map_err(|_| damaged("list of messages"))?;
        let index = usize::try_from(row.try_get::<i64, _>("ord")?).unwrap_or(usize::MAX);
        if let Some(found) = found.get_mut(index) {
            found.extend(ids);
        }
    }
    let newest = |ids: BTreeSet<i64>| ids.into_iter().rev().take(MAILS).collect::<Vec<i64>>();
    let found: Vec<Vec<i64>> = found.into_iter().map(newest).collect();
    let wanted: BTreeSet<i64> = found.iter().flatten().copied().collect();
    let mut endings: HashMap<i64, Earlier> = HashMap::new();
    for row in read(conn, ENDINGS, &column(wanted)).await? {
        let earlier = Earlier { text: row.try_get("body")?, signature: row.try_get("signature")? };
        endings.insert(row.try_get("id")?, earlier);
    }
    Ok(found.into_iter().map(|ids| ids.iter().filter_map(|id| endings.get(id).cloned()).collect()).collect())
}
