//! Who is most like an arrival among all that are found by its search keys.
//!
//! Invariants:
//! - a key that hundreds carry is not asked: it finds nobody;
//! - of those found the [`COMPARED`] that share most with the arrival are compared with, and only those that may be the
//!   same are loaded whole.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use sqlx::Row as _;
use ulid::Ulid;

use super::super::driver::Connection;
use super::probe::{CAP, Hits};
use super::{damaged, read_with, statements, ulid};
use crate::domain::matching::blocking::blocking;
use crate::domain::matching::judge::{self, Judged};
use crate::domain::matching::profile::{NORM, Profile};
use crate::domain::matching::verdict::Verdict;
use crate::domain::matching::{Compare, MatchKey, NeighbourQuery};
use crate::store::StoreResult;
use crate::store::batch::column;

statements! {
    // Each record is looked up by itself, whatever the planner believes of a table that has just grown.
    PROFILES(
        "SELECT CAST(e.value->>0 AS BIGINT) AS entity, (SELECT x.ulid FROM entity x",
        " WHERE x.id = CAST(e.value->>0 AS BIGINT) AND x.merged_into IS NULL) AS ulid,",
        " (SELECT ", json_list!("y.body"), " FROM (SELECT p.body FROM match_profile p",
        " WHERE p.entity = CAST(e.value->>0 AS BIGINT) AND p.norm = $2 ORDER BY p.hash) AS y) AS bodies,",
        " (SELECT n.records FROM match_size n WHERE n.id = 1) AS records FROM ", rows!("1"));
}

/// Records that an arrival is compared with for what it shares with them.
const COMPARED: usize = 32;

/// What comparing found for one arrival.
#[derive(Debug, Default)]
pub(super) struct Compared {
    /// Records that are or may be the same or share a key, by row id; the closest one where there is none.
    pub(super) judged: BTreeMap<i64, Judged>,
    /// All records compared with.
    pub(super) searched: Vec<Ulid>,
}

/// An arrival that is compared.
struct Asked<'a> {
    by: &'a Compare,
    /// Whom it is compared with.
    found: BTreeSet<i64>,
    /// Those of them that a key of the rules found.
    chosen: &'a BTreeMap<i64, Vec<MatchKey>>,
}

/// A record compared with.
struct Candidate {
    ulid: Ulid,
    profiles: Vec<Profile>,
}

/// The keys by which each arrival is searched for; none for one that is not compared.
pub(super) fn searched_by(queries: &[NeighbourQuery]) -> Vec<Vec<MatchKey>> {
    let keys =
        |query: &NeighbourQuery| query.compare.as_ref().map(|asked| blocking(&asked.profile)).unwrap_or_default();
    queries.iter().map(keys).collect()
}

/// Compares each arrival that asks for it with what its search keys found, and with `chosen`, found already, but not
/// with those beside `chosen`.
pub(super) async fn compared<'a>(
    conn: &mut Connection,
    queries: &[NeighbourQuery],
    keys: &[Vec<MatchKey>],
    hits: &HashMap<MatchKey, Hits>,
    chosen: impl Iterator<Item = (&'a BTreeMap<i64, Vec<MatchKey>>, &'a BTreeSet<i64>)>,
) -> StoreResult<Vec<Compared>> {
    let asked = queries.iter().map(|query| query.compare.as_ref()).zip(keys);
    let found: Vec<Option<Asked>> = asked
        .zip(chosen)
        .map(|((asked, keys), chosen)| {
            asked.map(|asked| Asked { by: asked, found: found(keys, hits, chosen), chosen: chosen.0 })
        })
        .collect();
    let wanted: BTreeSet<i64> = found.iter().flatten().flat_map(|asked| &asked.found).copied().collect();
    let (candidates, records) = candidates(conn, &wanted).await?;
    Ok(found
        .iter()
        .map(|asked| asked.as_ref().map(|asked| asked.survey(&candidates, records)).unwrap_or_default())
        .collect())
}

/// Whom to compare with: those found before, then whoever shares most with the arrival. A key says the more the fewer
/// carry it.
fn found(
    keys: &[MatchKey],
    hits: &HashMap<MatchKey, Hits>,
    (before, except): (&BTreeMap<i64, Vec<MatchKey>>, &BTreeSet<i64>),
) -> BTreeSet<i64> {
    let mut shared: HashMap<i64, f64> = HashMap::new();
    for hits in keys.iter().filter_map(|key| hits.get(key)).filter(|hits| !hits.generic) {
        #[expect(clippy::cast_precision_loss, reason = "at most some hundreds")]
        let bits = (2.0 * CAP as f64 / hits.entities.len().max(1) as f64).log2();
        for id in hits.entities.iter().filter(|id| !except.contains(id)) {
            *shared.entry(*id).or_default() += bits;
        }
    }
    let mut ranked: Vec<(i64, f64)> = shared.into_iter().collect();
    ranked.sort_unstable_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
    let mut found: BTreeSet<i64> = before.keys().copied().take(CAP).collect();
    found.extend(ranked.into_iter().map(|(id, _)| id).take(COMPARED));
    found
}

/// What each record is compared by, and about how many records there are.
async fn candidates(conn: &mut Connection, ids: &BTreeSet<i64>) -> StoreResult<(HashMap<i64, Candidate>, u64)> {
    let mut candidates: HashMap<i64, Candidate> = HashMap::with_capacity(ids.len());
    let mut records = 0;
    for row in read_with(conn, PROFILES, &column(ids), i64::from(NORM)).await? {
        records = u64::try_from(row.try_get::<i64, _>("records")?).unwrap_or(0);
        let (public, bodies) = (row.try_get::<Option<&str>, _>("ulid")?, row.try_get::<Option<&str>, _>("bodies")?);
        let (Some(public), Some(bodies)) = (public, bodies) else { continue };
        let bodies: Vec<String> = serde_json::from_str(bodies).map_err(|_| damaged("list of profiles"))?;
        let profiles: Result<Vec<Profile>, _> = bodies.iter().map(|body| serde_json::from_str(body)).collect();
        let profiles = profiles.map_err(|_| damaged("profile"))?;
        if !profiles.is_empty() {
            candidates.insert(row.try_get("entity")?, Candidate { ulid: ulid(public)?, profiles });
        }
    }
    Ok((candidates, records))
}

impl Asked<'_> {
    fn survey(&self, candidates: &HashMap<i64, Candidate>, records: u64) -> Compared {
        let known: Vec<(i64, &Candidate)> =
            self.found.iter().filter_map(|id| Some((*id, candidates.get(id)?))).collect();
        let profiles: Vec<&[Profile]> = known.iter().map(|(_, candidate)| candidate.profiles.as_slice()).collect();
        let judged = judge::survey(&self.by.model, &self.by.profile, &profiles, records);
        let mut judged: BTreeMap<i64, Judged> =
            known.iter().zip(judged).filter_map(|((id, _), judged)| Some((*id, judged?))).collect();
        let closest = closest(&judged);
        judged.retain(|id, judged| {
            judged.verdict != Verdict::New || self.chosen.contains_key(id) || closest == Some(*id)
        });
        Compared { judged, searched: known.iter().map(|(_, candidate)| candidate.ulid).collect() }
    }
}

/// The most like of them where none is or may be the same: it shows why nobody was found.
fn closest(judged: &BTreeMap<i64, Judged>) -> Option<i64> {
    let nobody = judged.values().all(|judged| judged.verdict == Verdict::New);
    let most_like = judged.iter().max_by(|(_, a), (_, b)| a.best.total.total_cmp(&b.best.total));
    most_like.filter(|_| nobody).map(|(id, _)| *id)
}
