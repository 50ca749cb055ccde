//! Who is most like an arrival among all that are found by its search keys.
//!
//! Invariants:
//! - the rarest keys are asked first, and a key that hundreds carry is not asked: it finds nobody;
//! - at most [`CAP`] records are compared with, and only those that may be the same are loaded whole.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use sqlx::Row as _;
use ulid::Ulid;

use super::super::driver::Connection;
use super::probe::{CAP, Hits, probe};
use super::{damaged, read_with, statements, ulid};
use crate::domain::matching::blocking::blocking;
use crate::domain::matching::judge::{self, Judged};
use crate::domain::matching::profile::{NORM, Profile};
use crate::domain::matching::verdict::Verdict;
use crate::domain::matching::{Compare, MatchKey, NeighbourQuery};
use crate::store::StoreResult;
use crate::store::batch::column;

statements! {
    PROFILES(
        "SELECT p.entity, x.ulid, p.body FROM ", rows!("1"), " JOIN match_profile p ON p.entity = CAST(e.value->>0 AS BIGINT)",
        " JOIN entity x ON x.id = p.entity WHERE p.norm = $2 AND x.merged_into IS NULL ORDER BY p.entity, p.hash");
    // Row ids are given in order: the newest says how many there are, near enough for a prior.
    NEWEST("SELECT COALESCE(MAX(id), 0) FROM entity");
}

/// What comparing found for one arrival.
#[derive(Debug, Default)]
pub(super) struct Compared {
    /// Records that are or may be the same, by row id.
    pub(super) judged: BTreeMap<i64, Judged>,
    /// All records compared with.
    pub(super) searched: Vec<Ulid>,
}

/// A record compared with.
struct Candidate {
    ulid: Ulid,
    profiles: Vec<Profile>,
}

/// Compares each arrival that asks for it with what its search keys find, and with `chosen`, found already.
pub(super) async fn compared<'a>(
    conn: &mut Connection,
    queries: &[NeighbourQuery],
    chosen: impl Iterator<Item = &'a BTreeMap<i64, Vec<MatchKey>>>,
) -> StoreResult<Vec<Compared>> {
    let asked: Vec<Option<&Compare>> = queries.iter().map(|query| query.compare.as_ref()).collect();
    if asked.iter().all(Option::is_none) {
        return Ok(asked.iter().map(|_| Compared::default()).collect());
    }
    let keys: Vec<Vec<MatchKey>> =
        asked.iter().map(|asked| asked.map(|asked| blocking(&asked.profile)).unwrap_or_default()).collect();
    let hits = probe(conn, keys.iter().flatten().copied()).await?;
    let found: Vec<BTreeSet<i64>> = keys
        .iter()
        .zip(chosen)
        .map(|(keys, chosen)| if keys.is_empty() { BTreeSet::new() } else { found(keys, &hits, chosen.keys()) })
        .collect();
    let wanted: BTreeSet<i64> = found.iter().flatten().copied().collect();
    let candidates = candidates(conn, &wanted).await?;
    let records = sqlx::query(NEWEST).fetch_one(&mut *conn).await?.try_get::<i64, _>(0)?;
    let records = u64::try_from(records).unwrap_or(0);
    Ok(asked
        .into_iter()
        .zip(found)
        .map(|(asked, found)| asked.map_or_else(Compared::default, |asked| survey(asked, &found, &candidates, records)))
        .collect())
}

/// Row ids by the rarest keys first, and those found before.
fn found<'a>(
    keys: &[MatchKey],
    hits: &HashMap<MatchKey, Hits>,
    before: impl Iterator<Item = &'a i64>,
) -> BTreeSet<i64> {
    let mut rarest: Vec<&Hits> = keys.iter().filter_map(|key| hits.get(key)).filter(|hits| !hits.generic).collect();
    rarest.sort_by_key(|hits| hits.entities.len());
    let mut found: BTreeSet<i64> = before.copied().take(CAP).collect();
    for id in rarest.into_iter().flat_map(|hits| &hits.entities) {
        if found.len() >= CAP {
            break;
        }
        found.insert(*id);
    }
    found
}

async fn candidates(conn: &mut Connection, ids: &BTreeSet<i64>) -> StoreResult<HashMap<i64, Candidate>> {
    let mut candidates: HashMap<i64, Candidate> = HashMap::new();
    for row in read_with(conn, PROFILES, &column(ids), i64::from(NORM)).await? {
        let (id, public) = (row.try_get::<i64, _>("entity")?, ulid(row.try_get("ulid")?)?);
        let profile = serde_json::from_str(row.try_get("body")?).map_err(|_| damaged("profile"))?;
        candidates.entry(id).or_insert(Candidate { ulid: public, profiles: Vec::new() }).profiles.push(profile);
    }
    Ok(candidates)
}

fn survey(asked: &Compare, found: &BTreeSet<i64>, candidates: &HashMap<i64, Candidate>, records: u64) -> Compared {
    let known: Vec<(i64, &Candidate)> = found.iter().filter_map(|id| Some((*id, candidates.get(id)?))).collect();
    let profiles: Vec<&[Profile]> = known.iter().map(|(_, candidate)| candidate.profiles.as_slice()).collect();
    let judged = judge::survey(&asked.model, &asked.profile, &profiles, records);
    let near = known.iter().zip(judged).filter_map(|((id, _), judged)| Some((*id, judged?)));
    Compared {
        judged: near.filter(|(_, judged)| judged.verdict != Verdict::New).collect(),
        searched: known.iter().map(|(_, candidate)| candidate.ulid).collect(),
    }
}
