//! Who carries a match key: one statement for any number of keys, capped per key.

use std::collections::{BTreeSet, HashMap};

use sqlx::Row as _;
use ulid::Ulid;

use super::super::driver::Connection;
use super::{damaged, read, statements, ulid};
use crate::domain::matching::{EntityKind, MatchKey};
use crate::store::StoreResult;
use crate::store::batch::{Batch, column, row};
use crate::store::plan::{Known, KnownRecords};

statements! {
    PROBE(
        "SELECT CAST(e.value->>0 AS BIGINT) AS ord, (SELECT ", json_list!("x.entity"),
        " FROM (SELECT m.entity FROM match_key m WHERE m.kind = CAST(e.value->>1 AS BIGINT)",
        " AND m.hash = CAST(e.value->>2 AS BIGINT) ORDER BY m.entity LIMIT 201) AS x) AS hits FROM ", rows!("1"));
    // Merged records answer with their survivor.
    RESOLVE(
        "SELECT x.ulid, s.id, s.kind, p.contact FROM ", rows!("1"), " JOIN entity x ON x.ulid = e.value->>0",
        " JOIN entity s ON s.id = COALESCE(x.merged_into, x.id) LEFT JOIN opportunity p ON p.id = s.id");
}

/// Entities loaded per key; a key with more is generic and finds no match.
pub(super) const CAP: usize = 200;

/// Entities of one key, oldest first.
#[derive(Debug, Clone, Default)]
pub(super) struct Hits {
    /// Row ids, at most [`CAP`].
    pub(super) entities: Vec<i64>,
    /// There were more.
    pub(super) truncated: bool,
}

/// Entities that carry each key; keys without any are left out.
pub(super) async fn probe(
    conn: &mut Connection,
    keys: impl IntoIterator<Item = MatchKey>,
) -> StoreResult<HashMap<MatchKey, Hits>> {
    let mut keys: Vec<MatchKey> = keys.into_iter().collect();
    keys.sort_unstable();
    keys.dedup();
    let mut batch = Batch::default();
    for (index, key) in keys.iter().enumerate() {
        row!(batch; index, key.kind.number(), key.hash);
    }
    let mut found = HashMap::new();
    for row in read(conn, PROBE, &batch).await? {
        let index = usize::try_from(row.try_get::<i64, _>("ord")?).unwrap_or(usize::MAX);
        let Some(text) = row.try_get::<Option<&str>, _>("hits")? else { continue };
        let mut entities: Vec<i64> = serde_json::from_str(text).map_err(|_| damaged("match key"))?;
        if entities.is_empty() {
            continue;
        }
        let truncated = entities.len() > CAP;
        entities.truncate(CAP);
        if let Some(key) = keys.get(index) {
            found.insert(*key, Hits { entities, truncated });
        }
    }
    Ok(found)
}

/// The keys with more entities than a key may have to tell anything.
pub(in super::super) async fn generic(conn: &mut Connection, keys: &[MatchKey]) -> StoreResult<BTreeSet<MatchKey>> {
    let hits = probe(conn, keys.iter().copied()).await?;
    Ok(hits.into_iter().filter(|(_, hits)| hits.truncated).map(|(key, _)| key).collect())
}

/// Row ids of records by public id, redirects followed; unknown ones are left out.
pub(super) async fn resolve(conn: &mut Connection, ids: impl IntoIterator<Item = Ulid>) -> StoreResult<KnownRecords> {
    let mut ids: Vec<Ulid> = ids.into_iter().collect();
    ids.sort_unstable();
    ids.dedup();
    let mut known = KnownRecords::new();
    for row in read(conn, RESOLVE, &column(ids.iter().map(Ulid::to_string))).await? {
        let kind = EntityKind::parse(row.try_get("kind")?).ok_or_else(|| damaged("record kind"))?;
        known.insert(
            ulid(row.try_get("ulid")?)?,
            Known { id: row.try_get("id")?, kind, contact: row.try_get("contact")? },
        );
    }
    Ok(known)
}
