//! What a reindex wrote for the survivor of a merge, and for the opportunities of such a contact. It is made of both
//! records, so undoing the merge takes it back.
//!
//! Invariants:
//! - it is noted with the newest merge of the survivor that stands, in the transaction that writes it;
//! - only what was not there before is noted: what messages told stays with whom they told it of.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sqlx::Row as _;

use super::super::super::driver::Connection;
use super::super::{damaged, read, run};
use super::statements;
use crate::store::StoreResult;
use crate::store::batch::{Batch, column, row};

statements! {
    SURVIVORS(
        "SELECT x.id, v.id AS event FROM ", rows!("1"), " JOIN entity x ON x.id = CAST(e.value->>0 AS BIGINT)",
        " LEFT JOIN opportunity p ON p.id = x.id JOIN merge_event v ON v.survivor IN (x.id, p.contact)",
        " WHERE v.undone_at IS NULL AND NOT EXISTS (SELECT 1 FROM merge_event n WHERE n.survivor = v.survivor",
        " AND n.undone_at IS NULL AND n.id > v.id)");
    HAD_KEYS("SELECT k.kind, k.hash, k.entity FROM ", rows!("1"),
        " JOIN match_key k ON k.entity = CAST(e.value->>0 AS BIGINT)");
    HAD_PROFILES("SELECT p.entity, p.hash FROM ", rows!("1"),
        " JOIN match_profile p ON p.entity = CAST(e.value->>0 AS BIGINT)");
    NOTED("SELECT moved FROM merge_event WHERE id = $1", for_update!());
    NOTE("UPDATE merge_event SET moved = $2 WHERE id = $1");
    FORGET_KEYS("DELETE FROM match_key WHERE (kind, hash, entity) IN (SELECT CAST(e.value->>0 AS BIGINT),",
        " CAST(e.value->>1 AS BIGINT), CAST(e.value->>2 AS BIGINT) FROM ", rows!("1"), ")");
    FORGET_PROFILES("DELETE FROM match_profile WHERE (entity, hash) IN (SELECT CAST(e.value->>0 AS BIGINT),",
        " CAST(e.value->>1 AS BIGINT) FROM ", rows!("1"), ")");
}

/// Kind, hash and record of keys; record and hash of profiles; all records made anew.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Made {
    keys: BTreeSet<(i64, i64, i64)>,
    profiles: BTreeSet<(i64, i64)>,
    records: BTreeSet<i64>,
}

/// Notes what is about to be written for those of these records that others were merged into.
pub(in super::super) async fn note(
    conn: &mut Connection,
    records: &Batch,
    keys: &BTreeSet<(i64, i64, i64)>,
    profiles: &BTreeMap<(i64, i64), String>,
) -> StoreResult<()> {
    let mut survivors: BTreeSet<(i64, i64)> = BTreeSet::new();
    for row in read(conn, SURVIVORS, records).await? {
        survivors.insert((row.try_get("event")?, row.try_get("id")?));
    }
    let batch = column(survivors.iter().map(|(_, record)| record).collect::<BTreeSet<_>>());
    let (mut had_keys, mut had_profiles) = (BTreeSet::new(), BTreeSet::new());
    for row in read(conn, HAD_KEYS, &batch).await? {
        had_keys.insert((row.try_get("kind")?, row.try_get("hash")?, row.try_get("entity")?));
    }
    for row in read(conn, HAD_PROFILES, &batch).await? {
        had_profiles.insert((row.try_get("entity")?, row.try_get("hash")?));
    }
    for (event, record) in survivors {
        let made = Made {
            keys: keys.difference(&had_keys).filter(|key| key.2 == record).copied().collect(),
            profiles: profiles.keys().filter(|key| key.0 == record && !had_profiles.contains(*key)).copied().collect(),
            records: BTreeSet::from([record]),
        };
        add(conn, event, made).await?;
    }
    Ok(())
}

/// Adds to what is noted with a merge; nothing where an erasure emptied it.
async fn add(conn: &mut Connection, event: i64, mut made: Made) -> StoreResult<()> {
    let text: String = sqlx::query(NOTED).bind(event).fetch_one(&mut *conn).await?.try_get("moved")?;
    let Value::Object(mut document) = super::super::json(&text) else { return Ok(()) };
    if let Some(before) = of(document.get("made"))? {
        made.keys.extend(before.keys);
        made.profiles.extend(before.profiles);
        made.records.extend(before.records);
    }
    document.insert("made".to_owned(), json!(made));
    sqlx::query(NOTE).bind(event).bind(Value::Object(document).to_string()).execute(conn).await?;
    Ok(())
}

fn of(noted: Option<&Value>) -> StoreResult<Option<Made>> {
    noted.map(|made| Made::deserialize(made).map_err(|_| damaged("merge"))).transpose()
}

/// Takes back what reindexes made since a merge; of which records, where there was a reindex.
pub(super) async fn take_back(conn: &mut Connection, document: &Value) -> StoreResult<Option<BTreeSet<i64>>> {
    let Some(made) = of(document.get("made"))? else { return Ok(None) };
    let (mut keys, mut profiles) = (Batch::default(), Batch::default());
    for (kind, hash, record) in &made.keys {
        row!(keys; kind, hash, record);
    }
    for (record, hash) in &made.profiles {
        row!(profiles; record, hash);
    }
    run(conn, FORGET_KEYS, &keys).await?;
    run(conn, FORGET_PROFILES, &profiles).await?;
    Ok(Some(made.records))
}
