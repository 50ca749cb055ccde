//! What records are known by, made anew from what is stored of them, a batch a transaction.
//!
//! Invariants:
//! - a record is locked before it is read, so that a commit that adds to what it is known by comes before or after;
//! - what messages of the same rules told stays, and so do keys that prove something;
//! - a merged record is left alone: what hung on it is its survivor's, until the merge is undone;
//! - a step leaves behind where it is, or that there is nothing more to do.

use std::collections::{BTreeMap, BTreeSet};

use sqlx::Row as _;
use xxhash_rust::xxh3::xxh3_64;

use super::super::driver::{Connection, Row};
use super::merges::remade;
use super::{damaged, read, read_with, run, run_with, statements, writes};
use crate::domain::enquiry::Organisation;
use crate::domain::matching::blocking::blocking;
use crate::domain::matching::profile::{Fact, NORM, Profile};
use crate::domain::matching::{KeyKind, MatchKey, keys};
use crate::store::batch::{Batch, column, row};
use crate::store::{Reindexed, StoreResult, Waiting};

statements! {
    REINDEX_WAITING(
        "SELECT (SELECT COUNT(*) FROM entity w WHERE w.norm < $1 AND w.merged_into IS NULL) AS waiting,",
        " (SELECT COUNT(*) FROM entity a WHERE a.merged_into IS NULL) AS records,",
        " (SELECT COUNT(*) FROM match_reindex r WHERE r.norm = $1) AS unfinished");
    REINDEX_PLACE("SELECT everything, place, kind, hash, entity FROM match_reindex WHERE norm = $1");
    REINDEX_BEGIN(
        "INSERT INTO match_reindex (norm, everything, place, kind, hash, entity) VALUES ($1, $2, $3, 0, 0, 0)",
        " ON CONFLICT (norm) DO UPDATE SET everything = excluded.everything, place = excluded.place, kind = 0, hash = 0,",
        " entity = 0");
    REINDEX_MOVE("UPDATE match_reindex SET kind = $2, hash = $3, entity = $4 WHERE norm = $1");
    REINDEX_END("DELETE FROM match_reindex WHERE norm = $1");
    // The index by the rules would be walked anew for each batch: the sign keeps it out.
    REINDEX_OLD("SELECT id FROM entity WHERE +norm < $1 AND id > $2 AND merged_into IS NULL ORDER BY id LIMIT $3", for_update!());
    REINDEX_ALL("SELECT id FROM entity WHERE id > $1 AND merged_into IS NULL ORDER BY id LIMIT $2", for_update!());
    // Held until the end of the step: a commit that adds to one of them waits.
    REINDEX_HELD(
        "SELECT id FROM entity WHERE id IN (SELECT CAST(e.value->>0 AS BIGINT) FROM ", rows!("1"), ") ORDER BY id",
        for_update!());
    // k: the contact itself, or the one that an opportunity is linked to; r: the organisation.
    REINDEX_NAMES(
        "SELECT x.id, x.kind, CAST(COALESCE(p.contact, x.id) AS BIGINT) AS holder,",
        " CASE WHEN x.kind = 'lead' THEN l.first_name ELSE k.first_name END AS first_name,",
        " CASE WHEN x.kind = 'lead' THEN l.last_name ELSE k.last_name END AS last_name,",
        " CASE WHEN x.kind = 'lead' THEN l.full_name ELSE k.full_name END AS full_name,",
        " CASE WHEN x.kind = 'lead' THEN l.company WHEN x.kind = 'organisation' THEN o.name",
        " WHEN k.id IS NOT NULL THEN k.company WHEN r.name IS DISTINCT FROM r.domain THEN r.name END AS company,",
        " o.domain, COALESCE(o.registrations, r.registrations) AS registrations FROM ", rows!("1"),
        " JOIN entity x ON x.id = CAST(e.value->>0 AS BIGINT)",
        " LEFT JOIN lead l ON l.id = x.id LEFT JOIN opportunity p ON p.id = x.id LEFT JOIN organisation o ON o.id = x.id",
        " LEFT JOIN contact k ON k.id = COALESCE(p.contact, x.id)",
        " LEFT JOIN organisation r ON r.id = COALESCE(l.organisation, p.organisation, k.organisation)",
        " WHERE x.merged_into IS NULL");
    REINDEX_POINTS(
        "SELECT c.record, c.class, c.normalised, c.kind, c.raw FROM ", rows!("1"),
        " JOIN contact_point c ON c.record = CAST(e.value->>0 AS BIGINT) ORDER BY c.record, c.class, c.position, c.normalised");
    REINDEX_ADDRESSES(
        "SELECT a.record, a.street, a.city, a.postcode, a.state, a.country FROM ", rows!("1"),
        " JOIN address a ON a.record = CAST(e.value->>0 AS BIGINT) ORDER BY a.record, a.id");
    REINDEX_PROFILES(
        "SELECT p.entity, p.body FROM ", rows!("1"), " JOIN match_profile p ON p.entity = CAST(e.value->>0 AS BIGINT)",
        " WHERE p.norm = $2 ORDER BY p.entity, p.hash");
    REINDEX_DROP_PROFILES(
        "DELETE FROM match_profile WHERE norm <> $2 AND entity IN (SELECT CAST(e.value->>0 AS BIGINT) FROM ",
        rows!("1"), ")");
    REINDEX_MARK(
        "UPDATE entity SET norm = $2 WHERE norm <> $2 AND merged_into IS NULL AND id IN (SELECT CAST(e.value->>0 AS BIGINT) FROM ",
        rows!("1"), ")");
    REINDEX_KEYS(
        "SELECT kind, hash, entity FROM match_key WHERE (kind, hash, entity) > ($1, $2, $3)",
        " ORDER BY kind, hash, entity LIMIT $4");
    // Merged records share what they are known by; an un-merge wants it back.
    REINDEX_MERGED(
        "SELECT x.id FROM ", rows!("1"), " JOIN entity x ON x.id = CAST(e.value->>0 AS BIGINT)",
        " WHERE x.merged_into IS NOT NULL OR EXISTS (SELECT 1 FROM entity y WHERE y.merged_into = x.id)");
    REINDEX_DROP_KEYS(
        "DELETE FROM match_key WHERE (kind, hash, entity) IN (SELECT CAST(e.value->>0 AS BIGINT),",
        " CAST(e.value->>1 AS BIGINT), CAST(e.value->>2 AS BIGINT) FROM ", rows!("1"), ")");
}

/// The place of a reindex whose records are done.
const RECORDS_DONE: i64 = i64::MAX;
/// Search keys looked at in the time of one record.
const KEYS_A_RECORD: i64 = 8;
/// The name that an erased record bears.
const ERASED: &str = "erased";

/// Where a reindex is.
struct Place {
    everything: bool,
    records: i64,
    key: (i64, i64, i64),
}

/// What waits for a reindex.
pub(in super::super) async fn waiting(conn: &mut Connection) -> StoreResult<Waiting> {
    let row = sqlx::query(REINDEX_WAITING).bind(i64::from(NORM)).fetch_one(conn).await?;
    let count = |name: &str| Ok::<u64, sqlx::Error>(u64::try_from(row.try_get::<i64, _>(name)?).unwrap_or(0));
    Ok(Waiting { records: count("waiting")?, of: count("records")?, unfinished: count("unfinished")? > 0 })
}

/// The next step: records, and when those are done, search keys.
pub(in super::super) async fn step(conn: &mut Connection, all: bool, after: i64, most: i64) -> StoreResult<Reindexed> {
    let begun = place(conn).await?;
    // What was begun with everything is ended with everything.
    let all = all || begun.as_ref().is_some_and(|begun| begun.everything);
    let from = match &begun {
        Some(begun) if begun.everything => begun.records,
        _ if all => 0,
        _ => after,
    };
    if from < RECORDS_DONE {
        return records(conn, all, from, most).await;
    }
    match begun {
        Some(begun) => keys(conn, begun.key, most.saturating_mul(KEYS_A_RECORD)).await,
        None => Ok(Reindexed { after: RECORDS_DONE, done: true, ..Reindexed::default() }),
    }
}

async fn place(conn: &mut Connection) -> StoreResult<Option<Place>> {
    let row = sqlx::query(REINDEX_PLACE).bind(i64::from(NORM)).fetch_optional(conn).await?;
    let Some(row) = row else { return Ok(None) };
    Ok(Some(Place {
        everything: row.try_get::<i64, _>("everything")? != 0,
        records: row.try_get("place")?,
        key: (row.try_get("kind")?, row.try_get("hash")?, row.try_get("entity")?),
    }))
}

/// One batch of records.
async fn records(conn: &mut Connection, all: bool, after: i64, most: i64) -> StoreResult<Reindexed> {
    let query = if all {
        sqlx::query(REINDEX_ALL).bind(after).bind(most)
    } else {
        sqlx::query(REINDEX_OLD).bind(i64::from(NORM)).bind(after).bind(most)
    };
    let ids = ids(&query.fetch_all(&mut *conn).await?)?;
    let batch = column(&ids);
    let (written, dropped) = anew(conn, &batch).await?;
    let last = ids.last().copied().filter(|_| i64::try_from(ids.len()).unwrap_or(i64::MAX) >= most);
    let after = last.unwrap_or(RECORDS_DONE);
    if all {
        begin(conn, true, after).await?;
    } else if dropped > 0 {
        begin(conn, false, RECORDS_DONE).await?;
    }
    Ok(Reindexed { records: ids.len() as u64, written, dropped, after, done: false })
}

/// Makes records anew of which one was part of another until now.
pub(super) async fn refresh(conn: &mut Connection, records: &BTreeSet<i64>) -> StoreResult<()> {
    anew(conn, &column(records)).await.map(|_| ())
}

/// Profiles and keys of records by the rules of now; how many are new, and how many profiles are gone.
async fn anew(conn: &mut Connection, batch: &Batch) -> StoreResult<(u64, u64)> {
    let dropped = run_with(conn, REINDEX_DROP_PROFILES, batch, i64::from(NORM)).await?;
    let written = rebuild(conn, batch).await?;
    run_with(conn, REINDEX_MARK, batch, i64::from(NORM)).await?;
    Ok((written, dropped))
}

async fn begin(conn: &mut Connection, all: bool, place: i64) -> StoreResult<()> {
    let query = sqlx::query(REINDEX_BEGIN).bind(i64::from(NORM)).bind(i64::from(all)).bind(place);
    query.execute(conn).await?;
    Ok(())
}

fn ids(rows: &[Row]) -> StoreResult<Vec<i64>> {
    rows.iter().map(|row| Ok(row.try_get("id")?)).collect()
}

/// Writes what these records are known by; how much of it is new.
async fn rebuild(conn: &mut Connection, batch: &Batch) -> StoreResult<u64> {
    let names = read(conn, REINDEX_NAMES, batch).await?;
    let mut holders = BTreeSet::new();
    for row in &names {
        holders.insert(row.try_get::<i64, _>("holder")?);
    }
    let stored = stored(conn, &column(&holders)).await?;
    let (mut keys, mut profiles) = (BTreeSet::new(), BTreeMap::new());
    for row in &names {
        let id: i64 = row.try_get("id")?;
        let mut add = |made: Vec<MatchKey>| keys.extend(made.iter().map(|key| (key.kind.number(), key.hash, id)));
        if row.try_get::<&str, _>("kind")? == "organisation" {
            add(corporate(row)?);
            continue;
        }
        let holder = stored.get(&row.try_get("holder")?);
        if let Some(profile) = profile(row, holder.map(Vec::as_slice).unwrap_or_default())? {
            add(blocking(&profile));
            let body = serde_json::to_string(&profile).map_err(|_| damaged("profile"))?;
            profiles.insert((id, xxh3_64(body.as_bytes()).cast_signed()), body);
        }
    }
    for (id, profile) in told(conn, batch).await? {
        keys.extend(blocking(&profile).iter().map(|key| (key.kind.number(), key.hash, id)));
    }
    remade::note(conn, batch, &keys, &profiles).await?;
    writes::known_by(conn, &keys, &profiles).await
}

/// What messages of the rules of now told of these records.
async fn told(conn: &mut Connection, batch: &Batch) -> StoreResult<Vec<(i64, Profile)>> {
    let rows = read_with(conn, REINDEX_PROFILES, batch, i64::from(NORM)).await?;
    rows.iter()
        .map(|row| {
            let profile = serde_json::from_str(row.try_get("body")?).map_err(|_| damaged("profile"))?;
            Ok((row.try_get("entity")?, profile))
        })
        .collect()
}

/// Keys of an organisation.
fn corporate(row: &Row) -> StoreResult<Vec<MatchKey>> {
    let (domain, name) = (row.try_get::<Option<String>, _>("domain")?, row.try_get::<Option<String>, _>("company")?);
    // One without a name bears its domain, which is no name.
    let name = name.filter(|name| Some(name) != domain.as_ref() && name != ERASED);
    let numbers = row.try_get::<Option<&str>, _>("registrations")?;
    let registrations = numbers.and_then(|numbers| serde_json::from_str(numbers).ok()).unwrap_or_default();
    Ok(keys::keys_of_organisation(&Organisation { name, domain, registrations }))
}

/// Contact points and the first address of each record, in their order.
async fn stored(conn: &mut Connection, holders: &Batch) -> StoreResult<BTreeMap<i64, Vec<(Fact, String)>>> {
    let mut stored: BTreeMap<i64, Vec<(Fact, String)>> = BTreeMap::new();
    for row in read(conn, REINDEX_ADDRESSES, holders).await? {
        let facts = stored.entry(row.try_get("record")?).or_default();
        if facts.is_empty() {
            for (fact, name) in [
                (Fact::Street, "street"),
                (Fact::City, "city"),
                (Fact::Postcode, "postcode"),
                (Fact::State, "state"),
                (Fact::Country, "country"),
            ] {
                facts.extend(row.try_get::<Option<String>, _>(name)?.map(|value| (fact, value)));
            }
        }
    }
    for row in read(conn, REINDEX_POINTS, holders).await? {
        let facts = stored.entry(row.try_get("record")?).or_default();
        match (row.try_get("class")?, row.try_get("kind")?) {
            ("email", "own") | ("phone", "fax") => {}
            ("email", _) => facts.push((Fact::Email, row.try_get("raw")?)),
            _ => facts.push((Fact::Phone, row.try_get("normalised")?)),
        }
    }
    Ok(stored)
}

/// The profile of what is stored of a record, as that of the message that made it; `None` where nothing tells anybody.
fn profile(row: &Row, stored: &[(Fact, String)]) -> StoreResult<Option<Profile>> {
    let mut facts: Vec<(Fact, String)> = Vec::new();
    for (fact, name) in [(Fact::FirstName, "first_name"), (Fact::LastName, "last_name"), (Fact::FullName, "full_name")]
    {
        facts.extend(row.try_get::<Option<String>, _>(name)?.map(|value| (fact, value)));
    }
    if matches!(facts.as_slice(), [(Fact::FullName, name)] if name == ERASED) {
        return Ok(None);
    }
    let nobody = facts.is_empty();
    facts.extend(row.try_get::<Option<String>, _>("company")?.map(|name| (Fact::Company, name)));
    facts.extend(stored.iter().cloned());
    // The number of an organisation tells none of its people.
    let numbers = row.try_get::<Option<&str>, _>("registrations")?.filter(|_| nobody);
    let numbers: Vec<String> = numbers.and_then(|numbers| serde_json::from_str(numbers).ok()).unwrap_or_default();
    facts.extend(numbers.into_iter().map(|number| (Fact::OtherId, number)));
    let profile = Profile::of(facts.iter().map(|(fact, value)| (*fact, value.as_str())));
    Ok((profile != Profile::default()).then_some(profile))
}

/// One page of search keys: those that no profile of their record calls for go.
async fn keys(conn: &mut Connection, from: (i64, i64, i64), most: i64) -> StoreResult<Reindexed> {
    let query = sqlx::query(REINDEX_KEYS).bind(from.0).bind(from.1).bind(from.2).bind(most);
    let mut page: Vec<(i64, i64, i64)> = Vec::new();
    for row in query.fetch_all(&mut *conn).await? {
        page.push((row.try_get("kind")?, row.try_get("hash")?, row.try_get("entity")?));
    }
    let search = |kind: i64| KeyKind::from_number(kind).is_some_and(KeyKind::is_search);
    let records: BTreeSet<i64> = page.iter().filter(|key| search(key.0)).map(|key| key.2).collect();
    let batch = column(&records);
    read(conn, REINDEX_HELD, &batch).await?;
    let mut wanted: BTreeSet<(i64, i64, i64)> = BTreeSet::new();
    for (id, profile) in told(conn, &batch).await? {
        wanted.extend(blocking(&profile).iter().map(|key| (key.kind.number(), key.hash, id)));
    }
    let merged: BTreeSet<i64> = ids(&read(conn, REINDEX_MERGED, &batch).await?)?.into_iter().collect();
    let mut stale = Batch::default();
    for (kind, hash, entity) in page.iter().filter(|key| search(key.0) && !wanted.contains(key)) {
        if !merged.contains(entity) {
            row!(stale; kind, hash, entity);
        }
    }
    let dropped = run(conn, REINDEX_DROP_KEYS, &stale).await?;
    let last = page.last().filter(|_| i64::try_from(page.len()).unwrap_or(i64::MAX) >= most);
    if let Some((kind, hash, entity)) = last {
        let query = sqlx::query(REINDEX_MOVE).bind(i64::from(NORM)).bind(kind).bind(hash).bind(entity);
        query.execute(conn).await?;
    } else {
        sqlx::query(REINDEX_END).bind(i64::from(NORM)).execute(conn).await?;
    }
    Ok(Reindexed { dropped, after: RECORDS_DONE, done: last.is_none(), ..Reindexed::default() })
}
