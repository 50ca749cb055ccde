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
    // Of a personal email (kind 1) the newest records, of any other key the oldest; of one known to be generic none.
    PROBE(
        "SELECT CAST(e.value->>0 AS BIGINT) AS ord, CASE WHEN CAST(e.value->>1 AS BIGINT) = 1 THEN (SELECT ",
        json_list!("x.entity"), " FROM (SELECT m.entity FROM match_key m WHERE m.kind = 1",
        " AND m.hash = CAST(e.value->>2 AS BIGINT) ORDER BY m.entity DESC LIMIT 201) AS x)",
        " WHEN EXISTS (SELECT 1 FROM match_generic g WHERE g.kind = CAST(e.value->>1 AS BIGINT)",
        " AND g.hash = CAST(e.value->>2 AS BIGINT)) THEN 'generic' ELSE (SELECT ",
        json_list!("x.entity"), " FROM (SELECT m.entity FROM match_key m WHERE m.kind = CAST(e.value->>1 AS BIGINT)",
        " AND m.hash = CAST(e.value->>2 AS BIGINT) ORDER BY m.entity LIMIT 201) AS x) END AS hits FROM ", rows!("1"));
    // Of a mailbox with more records than are looked at: its people, and what is open, however old.
    LASTING(
        "SELECT y.entity FROM (SELECT m.entity FROM match_key m JOIN entity x ON x.id = m.entity",
        " JOIN contact c ON c.id = m.entity WHERE m.kind = $1 AND m.hash = $2 AND x.merged_into IS NULL",
        " ORDER BY COALESCE(c.last_message_at, c.created_at) DESC, m.entity DESC LIMIT 20) AS y",
        " UNION ALL SELECT z.entity FROM (SELECT m.entity FROM match_key m JOIN entity x ON x.id = m.entity",
        " LEFT JOIN lead l ON l.id = m.entity LEFT JOIN lead_status s ON s.id = l.status",
        " LEFT JOIN opportunity p ON p.id = m.entity LEFT JOIN stage g ON g.id = p.stage",
        " WHERE m.kind = $1 AND m.hash = $2 AND x.merged_into IS NULL AND (s.open = 1 OR g.outcome = 'open')",
        " ORDER BY COALESCE(l.last_message_at, p.last_message_at, l.created_at, p.created_at) DESC, m.entity DESC",
        " LIMIT 20) AS z");
    // Merged records answer with their survivor.
    RESOLVE(
        "SELECT x.ulid, s.id, s.kind, p.contact FROM ", rows!("1"), " JOIN entity x ON x.ulid = e.value->>0",
        " JOIN entity s ON s.id = COALESCE(x.merged_into, x.id) LEFT JOIN opportunity p ON p.id = s.id");
}

/// Entities loaded per key; a key with more is generic, unless it is a personal email.
pub(super) const CAP: usize = 200;

/// What the statement says of a key that is known to be generic.
const GENERIC: &str = "generic";

/// Entities of one key.
#[derive(Debug, Clone, Default)]
pub(super) struct Hits {
    /// Row ids, oldest first, at most [`CAP`]: the newest of a personal email, the oldest of another key.
    pub(super) entities: Vec<i64>,
    /// There were more.
    pub(super) truncated: bool,
    /// There were so many that the key tells nothing.
    pub(super) generic: bool,
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
        let (Some(text), Some(key)) = (row.try_get::<Option<&str>, _>("hits")?, keys.get(index)) else { continue };
        if text == GENERIC {
            found.insert(*key, Hits { entities: Vec::new(), truncated: true, generic: true });
            continue;
        }
        let mut entities: Vec<i64> = serde_json::from_str(text).map_err(|_| damaged("match key"))?;
        if entities.is_empty() {
            continue;
        }
        let truncated = entities.len() > CAP;
        entities.truncate(CAP);
        entities.sort_unstable();
        found.insert(*key, Hits { entities, truncated, generic: truncated && key.kind.can_be_generic() });
    }
    Ok(found)
}

/// The keys with more entities than a key may have to tell anything.
pub(in super::super) async fn generic(conn: &mut Connection, keys: &[MatchKey]) -> StoreResult<BTreeSet<MatchKey>> {
    let hits = probe(conn, keys.iter().copied()).await?;
    Ok(hits.into_iter().filter(|(_, hits)| hits.generic).map(|(key, _)| key).collect())
}

/// Adds to truncated hits that still tell somebody (a personal email's) the contacts and the open records that are
/// older than what was loaded.
pub(super) async fn add_lasting(conn: &mut Connection, hits: &mut HashMap<MatchKey, Hits>) -> StoreResult<()> {
    for (key, hits) in hits.iter_mut().filter(|(_, hits)| hits.truncated && !hits.generic) {
        let rows = sqlx::query(LASTING).bind(key.kind.number()).bind(key.hash).fetch_all(&mut *conn).await?;
        for row in rows {
            hits.entities.push(row.try_get("entity")?);
        }
        hits.entities.sort_unstable();
        hits.entities.dedup();
    }
    Ok(())
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
