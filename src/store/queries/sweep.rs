//! Records written since they were last compared with all others, who is known to be their person, and asking about pairs.
//!
//! Invariants:
//! - what is written while a record is compared leaves it due (`turn` has grown);
//! - the newer record is the one that asks, so that two who ask at once write the same row, and the second none;
//! - locks are taken in the order of commits: records, what is due, questions, flags.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use sqlx::Row as _;
use ulid::Ulid;

use super::super::driver::{self, Connection};
use super::probe::resolve;
use super::{damaged, merges, neighbours, read, read_with, run, statements, ulid};
use crate::clock::Timestamp;
use crate::domain::matching::profile::{NORM, Profile};
use crate::domain::matching::{EntityKind, KeyKind, MatchKey, Neighbour};
use crate::store::StoreResult;
use crate::store::batch::{Batch, column, row};
use crate::store::sweep::{Due, Swept, Unswept};

statements! {
    UNSWEPT("SELECT d.entity, d.turn FROM match_due d ORDER BY d.entity LIMIT $1");
    KEYS_OF(
        "SELECT m.entity, m.kind, m.hash FROM ", rows!("1"),
        " JOIN match_key m ON m.entity = CAST(e.value->>0 AS BIGINT)");
    PROFILES_OF(
        "SELECT p.entity, p.body FROM ", rows!("1"), " JOIN match_profile p ON p.entity = CAST(e.value->>0 AS BIGINT)",
        " WHERE p.norm = $2 ORDER BY p.entity, p.hash");
    // What a record names as its person or as what it goes on with, and what names it so.
    TIES(
        "SELECT l.id AS one, l.linked_to AS other FROM ", rows!("1"),
        " JOIN lead l ON l.id = CAST(e.value->>0 AS BIGINT) WHERE l.linked_to IS NOT NULL",
        " UNION ALL SELECT l.id, l.contact FROM ", rows!("1"),
        " JOIN lead l ON l.id = CAST(e.value->>0 AS BIGINT) WHERE l.contact IS NOT NULL",
        " UNION ALL SELECT p.id, p.linked_to FROM ", rows!("1"),
        " JOIN opportunity p ON p.id = CAST(e.value->>0 AS BIGINT) WHERE p.linked_to IS NOT NULL",
        " UNION ALL SELECT p.id, p.contact FROM ", rows!("1"),
        " JOIN opportunity p ON p.id = CAST(e.value->>0 AS BIGINT) WHERE p.contact IS NOT NULL",
        " UNION ALL SELECT p.id, p.lead FROM ", rows!("1"),
        " JOIN opportunity p ON p.id = CAST(e.value->>0 AS BIGINT) WHERE p.lead IS NOT NULL",
        " UNION ALL SELECT l.linked_to, l.id FROM ", rows!("1"), " JOIN lead l ON l.linked_to = CAST(e.value->>0 AS BIGINT)",
        " UNION ALL SELECT l.contact, l.id FROM ", rows!("1"), " JOIN lead l ON l.contact = CAST(e.value->>0 AS BIGINT)",
        " UNION ALL SELECT p.linked_to, p.id FROM ", rows!("1"),
        " JOIN opportunity p ON p.linked_to = CAST(e.value->>0 AS BIGINT)",
        " UNION ALL SELECT p.contact, p.id FROM ", rows!("1"),
        " JOIN opportunity p ON p.contact = CAST(e.value->>0 AS BIGINT)",
        " UNION ALL SELECT p.lead, p.id FROM ", rows!("1"), " JOIN opportunity p ON p.lead = CAST(e.value->>0 AS BIGINT)");
    NAMED("SELECT x.id, x.ulid, x.kind FROM ", rows!("1"), " JOIN entity x ON x.id = CAST(e.value->>0 AS BIGINT)");
    COMPARED(
        "DELETE FROM match_due WHERE entity IN (SELECT CAST(e.value->>0 AS BIGINT) FROM ", rows!("1"), ")",
        " AND EXISTS (SELECT 1 FROM ", rows!("1"), " WHERE CAST(e.value->>0 AS BIGINT) = match_due.entity",
        " AND CAST(e.value->>1 AS BIGINT) = match_due.turn)");
    // An undone merge is a person's word, too.
    ASK(
        "INSERT INTO candidate (record, other, record_now, other_now, state, at, evidence)",
        " SELECT CAST(e.value->>0 AS BIGINT), CAST(e.value->>1 AS BIGINT), CAST(e.value->>0 AS BIGINT),",
        " CAST(e.value->>1 AS BIGINT), 'open', $2, e.value->>2 FROM ", rows!("1"), " WHERE NOT EXISTS (SELECT 1",
        " FROM candidate c WHERE c.record_now = CAST(e.value->>0 AS BIGINT) AND c.other_now = CAST(e.value->>1 AS BIGINT))",
        " AND NOT EXISTS (SELECT 1 FROM candidate c",
        " WHERE c.record_now = CAST(e.value->>1 AS BIGINT) AND c.other_now = CAST(e.value->>0 AS BIGINT))",
        " AND NOT EXISTS (SELECT 1 FROM not_duplicate n",
        " WHERE n.a_now = CAST(e.value->>0 AS BIGINT) AND n.b_now = CAST(e.value->>1 AS BIGINT))",
        " AND NOT EXISTS (SELECT 1 FROM not_duplicate n",
        " WHERE n.a_now = CAST(e.value->>1 AS BIGINT) AND n.b_now = CAST(e.value->>0 AS BIGINT))",
        " AND NOT EXISTS (SELECT 1 FROM merge_event v",
        " WHERE v.survivor = CAST(e.value->>0 AS BIGINT) AND v.loser = CAST(e.value->>1 AS BIGINT))",
        " AND NOT EXISTS (SELECT 1 FROM merge_event v",
        " WHERE v.survivor = CAST(e.value->>1 AS BIGINT) AND v.loser = CAST(e.value->>0 AS BIGINT))",
        " ON CONFLICT DO NOTHING RETURNING record_now");
}

/// Steps from link to link that are followed; who is farther away is compared like anybody.
const STEPS: usize = 32;
/// Linked records of one person that are followed.
const LINKED: usize = 500;

/// Records that are due, oldest first.
pub(in super::super) async fn unswept(conn: &mut Connection, most: i64) -> StoreResult<Vec<Unswept>> {
    let rows = sqlx::query(UNSWEPT).bind(most).fetch_all(&mut *conn).await?;
    let due: Vec<Due> = rows
        .iter()
        .map(|row| Ok(Due { record: row.try_get("entity")?, turn: row.try_get("turn")? }))
        .collect::<StoreResult<_>>()?;
    let ids: BTreeSet<i64> = due.iter().map(|due| due.record).collect();
    let mut said = neighbours::details(conn, &ids).await?;
    let (mut keys, mut profiles) = (keys_of(conn, &ids).await?, profiles_of(conn, &ids).await?);
    said.retain(|id, record| {
        let known = keys.contains_key(id) || profiles.contains_key(id);
        known && record.entity.kind != EntityKind::Organisation
    });
    let mut tied = tied(conn, &said).await?;
    let unswept = due.into_iter().map(|due| {
        let id = due.record;
        let keys = keys.remove(&id).unwrap_or_default();
        Unswept {
            due,
            record: said.remove(&id).map(|record| Neighbour { keys, ..record }),
            profiles: profiles.remove(&id).unwrap_or_default(),
            tied: tied.remove(&id).unwrap_or_default(),
        }
    });
    Ok(unswept.collect())
}

/// The keys that tell the person of each record.
async fn keys_of(conn: &mut Connection, ids: &BTreeSet<i64>) -> StoreResult<HashMap<i64, Vec<MatchKey>>> {
    let mut keys: HashMap<i64, Vec<MatchKey>> = HashMap::new();
    for row in read(conn, KEYS_OF, &column(ids)).await? {
        let Some(kind) = KeyKind::from_number(row.try_get("kind")?) else { continue };
        if !kind.is_search() && !kind.is_corporate() {
            keys.entry(row.try_get("entity")?).or_default().push(MatchKey { kind, hash: row.try_get("hash")? });
        }
    }
    for keys in keys.values_mut() {
        keys.sort_unstable();
    }
    Ok(keys)
}

/// What each record is compared by; a damaged profile is left out.
async fn profiles_of(conn: &mut Connection, ids: &BTreeSet<i64>) -> StoreResult<HashMap<i64, Vec<Profile>>> {
    let mut profiles: HashMap<i64, Vec<Profile>> = HashMap::new();
    for row in read_with(conn, PROFILES_OF, &column(ids), i64::from(NORM)).await? {
        if let Ok(profile) = serde_json::from_str(row.try_get("body")?) {
            profiles.entry(row.try_get("entity")?).or_default().push(profile);
        }
    }
    Ok(profiles)
}

/// Whom each record is linked to, itself included.
async fn tied(conn: &mut Connection, of: &HashMap<i64, Neighbour>) -> StoreResult<HashMap<i64, Vec<Ulid>>> {
    let mut reached: BTreeMap<i64, BTreeSet<i64>> = of.keys().map(|id| (*id, BTreeSet::from([*id]))).collect();
    let mut fresh: BTreeMap<i64, BTreeSet<i64>> = reached.clone();
    for _ in 0..STEPS {
        let edges = edges(conn, &fresh.values().flatten().copied().collect()).await?;
        let mut next: BTreeMap<i64, BTreeSet<i64>> = BTreeMap::new();
        for (id, from) in &fresh {
            let Some(reached) = reached.get_mut(id).filter(|reached| reached.len() < LINKED) else { continue };
            let new = from.iter().filter_map(|one| edges.get(one)).flatten().copied();
            let new: BTreeSet<i64> = new.filter(|other| reached.insert(*other)).collect();
            if !new.is_empty() {
                next.insert(*id, new);
            }
        }
        fresh = next;
        if fresh.is_empty() {
            break;
        }
    }
    let names = named(conn, &reached.values().flatten().copied().collect()).await?;
    let told = |(id, reached): (i64, BTreeSet<i64>)| {
        let contact = of.get(&id).is_some_and(|record| record.entity.kind == EntityKind::Contact);
        let names = reached.iter().filter_map(|other| Some((*other, names.get(other)?)));
        // Two contacts are not one because somebody answered in the conversation of the other.
        let same = names.filter(|(other, (_, kind))| *other == id || !contact || *kind != EntityKind::Contact);
        (id, same.map(|(_, (name, _))| *name).collect())
    };
    Ok(reached.into_iter().map(told).collect())
}

async fn edges(conn: &mut Connection, from: &BTreeSet<i64>) -> StoreResult<HashMap<i64, Vec<i64>>> {
    let mut edges: HashMap<i64, Vec<i64>> = HashMap::new();
    for row in read(conn, TIES, &column(from)).await? {
        edges.entry(row.try_get("one")?).or_default().push(row.try_get("other")?);
    }
    Ok(edges)
}

async fn named(conn: &mut Connection, ids: &BTreeSet<i64>) -> StoreResult<HashMap<i64, (Ulid, EntityKind)>> {
    let rows = read(conn, NAMED, &column(ids)).await?;
    let name = |row: &driver::Row| -> StoreResult<(i64, (Ulid, EntityKind))> {
        let kind = EntityKind::parse(row.try_get("kind")?).ok_or_else(|| damaged("record kind"))?;
        Ok((row.try_get("id")?, (ulid(row.try_get("ulid")?)?, kind)))
    };
    rows.iter().map(name).collect()
}

/// Asks what is new and forgets that these records were due; how many questions.
pub(in super::super) async fn swept(conn: &mut Connection, done: &[Swept], now: Timestamp) -> StoreResult<u64> {
    let all = || done.iter().flat_map(|swept| &swept.suspicions);
    let about: BTreeSet<Ulid> = all().flat_map(|suspicion| [suspicion.record, suspicion.other]).collect();
    driver::hold(conn, &column(about.iter().map(Ulid::to_string))).await?;
    let known = resolve(conn, about).await?;
    let mut compared = Batch::default();
    for swept in done {
        row!(compared; swept.due.record, swept.due.turn);
    }
    run(conn, COMPARED, &compared).await?;
    let (mut pairs, mut asked) = (BTreeSet::new(), Batch::default());
    for suspicion in all() {
        // Whoever was merged meanwhile answers as the survivor.
        let (Some(record), Some(other)) = (known.get(&suspicion.record), known.get(&suspicion.other)) else { continue };
        let (record, other) = (record.id, other.id);
        if record != other && pairs.insert((record.min(other), record.max(other))) {
            row!(asked; record, other, suspicion.evidence.to_string());
        }
    }
    let rows = read_with(conn, ASK, &asked, now.micros()).await?;
    let flagged: BTreeSet<i64> = rows.iter().map(|row| Ok(row.try_get("record_now")?)).collect::<StoreResult<_>>()?;
    merges::flag(conn, &flagged).await?;
    Ok(u64::try_from(rows.len()).unwrap_or(u64::MAX))
}
