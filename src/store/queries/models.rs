//! What models are fitted to, and the models themselves.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde::Deserialize as _;
use serde_json::Value;
use sqlx::Row as _;

use super::super::driver::{Connection, Row};
use super::probe::{CAP, Hits, probe};
use super::{damaged, json, read_with, statements};
use crate::clock::Timestamp;
use crate::domain::matching::MatchKey;
use crate::domain::matching::blocking::blocking;
use crate::domain::matching::compare::Levels;
use crate::domain::matching::fit::Answers;
use crate::domain::matching::judge::{Judged, WITNESSES};
use crate::domain::matching::model::Model;
use crate::domain::matching::profile::{NORM, Profile};
use crate::domain::matching::shadow::{Trial, strong_keys};
use crate::store::batch::column;
use crate::store::{Indexed, NewModel, StoreResult};

statements! {
    // What a contact has of its lead or opportunity counts once.
    FIT_PROFILES(
        "SELECT p.entity, p.hash, p.body, CAST(COALESCE(l.contact, o.contact, p.entity) AS BIGINT) AS person",
        " FROM match_profile p LEFT JOIN lead l ON l.id = p.entity LEFT JOIN opportunity o ON o.id = p.entity",
        " WHERE p.norm = $1 AND (p.entity, p.hash) > ($2, $3)",
        " AND NOT EXISTS (SELECT 1 FROM lead ll JOIN match_profile q ON q.entity = ll.id AND q.hash = p.hash",
        " WHERE ll.contact = p.entity) AND NOT EXISTS (SELECT 1 FROM opportunity oo JOIN match_profile q",
        " ON q.entity = oo.id AND q.hash = p.hash WHERE oo.contact = p.entity)",
        " ORDER BY p.entity, p.hash LIMIT $4");
    // The answer stays with the question, and what was compared with it or with the decision that asked it.
    FIT_ANSWERS(
        "SELECT c.state, c.evidence, o.ulid AS asked, (SELECT d.trace FROM decision d WHERE d.record = c.record_now",
        " AND d.at = c.at ORDER BY d.id LIMIT 1) AS trace FROM candidate c JOIN entity o ON o.id = c.other",
        " WHERE c.state IN ('accepted', 'rejected') ORDER BY c.id DESC LIMIT $1");
    // Decisions and imports have their numbers from one row of numbers, in the order in which they came.
    FIT_RECENT(
        "SELECT r.id, r.record FROM (SELECT a.id, a.record FROM (SELECT d.id, d.record FROM decision d",
        " WHERE d.id < $1 AND d.record IS NOT NULL ORDER BY d.id DESC LIMIT $2) AS a UNION ALL SELECT b.id, b.record FROM",
        " (SELECT x.id, x.id AS record FROM entity x WHERE x.id < $1 AND x.merged_into IS NULL",
        " ORDER BY x.id DESC LIMIT $2) AS b) AS r ORDER BY r.id DESC, r.record LIMIT $2");
    FIT_KNOWN(
        "SELECT p.entity, p.hash, p.body, CAST(COALESCE(l.contact, o.contact, p.entity) AS BIGINT) AS person FROM ",
        rows!("1"), " JOIN match_profile p ON p.entity = CAST(e.value->>0 AS BIGINT) JOIN entity x ON x.id = p.entity",
        " LEFT JOIN lead l ON l.id = p.entity LEFT JOIN opportunity o ON o.id = p.entity",
        " WHERE p.norm = $2 AND x.merged_into IS NULL ORDER BY p.entity, p.hash");
    FIT_RECORDS("SELECT records FROM match_size WHERE id = 1");
    MODEL_SAVE(
        "INSERT INTO match_model (norm, state, body, report, fitted_at) VALUES ($1, $2, $3, $4, $5) RETURNING id");
    MODEL_RETIRE("UPDATE match_model SET state = 'retired' WHERE norm = $1 AND state = 'active'");
    MODEL_ACTIVATE("UPDATE match_model SET state = 'active' WHERE id = $1 AND norm = $2");
    MODEL_ACTIVE("SELECT id FROM match_model WHERE norm = $1 AND state = 'active'");
    MODEL_BODY("SELECT body FROM match_model WHERE id = $1 AND norm = $2");
}

/// Answers of reviewers that are learned from, the newest.
const ANSWERS: i64 = 10_000;
/// Records that a decision is compared with once more.
const COMPARED: usize = 32;

fn indexed(row: &Row) -> StoreResult<Indexed> {
    Ok(Indexed {
        place: (row.try_get("entity")?, row.try_get("hash")?),
        person: row.try_get("person")?,
        profile: serde_json::from_str(row.try_get("body")?).map_err(|_| damaged("profile"))?,
    })
}

/// The next profiles of the rules of now behind `after`, by record and hash.
pub(in super::super) async fn profiles(
    conn: &mut Connection,
    after: (i64, i64),
    most: i64,
) -> StoreResult<Vec<Indexed>> {
    let query = sqlx::query(FIT_PROFILES).bind(i64::from(NORM)).bind(after.0).bind(after.1).bind(most);
    query.fetch_all(conn).await?.iter().map(indexed).collect()
}

/// What reviewers said, as far as the two were compared by the rules of now.
pub(in super::super) async fn answers(conn: &mut Connection) -> StoreResult<Answers> {
    let mut answers = Answers::default();
    for row in sqlx::query(FIT_ANSWERS).bind(ANSWERS).fetch_all(conn).await? {
        let own = row.try_get::<Option<&str>, _>("evidence")?.map(json);
        let trace = row.try_get::<Option<&str>, _>("trace")?.map(json).unwrap_or_default();
        let decided = || of_decision(&trace, row.try_get("asked").ok()?);
        let Some(judged) = own.as_ref().or_else(decided).and_then(compared) else { continue };
        let levels = Levels::of_steps(judged.best.steps.iter().map(|step| (step.field, step.level)));
        if row.try_get::<&str, _>("state")? == "accepted" {
            answers.one.push(levels);
            continue;
        }
        answers.two.push(levels);
        if judged.vetoes.is_empty() && !judged.best.apart && judged.best.witnesses >= WITNESSES {
            answers.near.push(levels);
        }
    }
    Ok(answers)
}

/// What a decision found about this record.
fn of_decision<'a>(trace: &'a Value, asked: &str) -> Option<&'a Value> {
    let evidence = trace.pointer("/match/evidence")?.as_array()?;
    evidence.iter().find(|item| item.pointer("/record/id").and_then(Value::as_str) == Some(asked))
}

/// What comparing two gave, if they were compared by the rules of now.
fn compared(evidence: &Value) -> Option<Judged> {
    let judged = Judged::deserialize(evidence.get("compared")?).ok()?;
    (judged.norm == NORM).then_some(judged)
}

/// What the newest records below `before` told, the newest first, each with what it was decided among; and where to go on.
pub(in super::super) async fn trials(
    conn: &mut Connection,
    before: i64,
    most: i64,
) -> StoreResult<(Vec<Trial>, Option<i64>)> {
    let rows = sqlx::query(FIT_RECENT).bind(before).bind(most).fetch_all(&mut *conn).await?;
    let mut recent: BTreeMap<i64, i64> = BTreeMap::new();
    for row in &rows {
        let (id, record): (i64, i64) = (row.try_get("id")?, row.try_get("record")?);
        recent.entry(record).or_insert(id);
    }
    let last = rows.last().map(|row| row.try_get("id")).transpose()?;
    let told = known(conn, &recent.keys().copied().collect()).await?;
    let told: Vec<(i64, Indexed)> =
        told.into_values().flatten().filter_map(|one| Some((*recent.get(&one.place.0)?, one))).collect();
    let found = found(conn, &told).await?;
    let known = known(conn, &found.iter().flatten().copied().collect()).await?;
    let records: i64 = sqlx::query(FIT_RECORDS).fetch_one(&mut *conn).await?.try_get("records")?;
    let records = u64::try_from(records).unwrap_or(0);
    let trials = told.into_iter().zip(found).map(|((_, one), found)| Trial {
        of: (one.person, one.place.1),
        known: found.iter().filter_map(|id| Some((*id, without_itself(&one, known.get(id)?)?))).collect(),
        profile: one.profile,
        records,
    });
    Ok((trials.collect(), last))
}

/// Whom each of these is found with: by what proves somebody, then those older ones that share most with it.
async fn found(conn: &mut Connection, told: &[(i64, Indexed)]) -> StoreResult<Vec<BTreeSet<i64>>> {
    let strong: Vec<Vec<MatchKey>> = told.iter().map(|(_, one)| strong_keys(&one.profile)).collect();
    let search: Vec<Vec<MatchKey>> = told.iter().map(|(_, one)| blocking(&one.profile)).collect();
    let keys: Vec<MatchKey> = strong.iter().chain(&search).flatten().copied().collect();
    let hits = probe(conn, keys).await?;
    let around = told.iter().zip(strong.iter().zip(&search));
    Ok(around.map(|((at, _), (strong, search))| older(*at, (strong, search), &hits)).collect())
}

fn older(at: i64, (strong, search): (&[MatchKey], &[MatchKey]), hits: &HashMap<MatchKey, Hits>) -> BTreeSet<i64> {
    let of = |keys: &'_ [MatchKey]| -> Vec<&Hits> {
        keys.iter().filter_map(|key| hits.get(key)).filter(|hits| !hits.generic).collect()
    };
    // One that an import made is compared with what else it was told.
    let before = |id: &&i64| **id <= at;
    let mut shared: HashMap<i64, f64> = HashMap::new();
    for hits in of(search) {
        #[expect(clippy::cast_precision_loss, reason = "at most some hundreds")]
        let bits = (2.0 * CAP as f64 / hits.entities.len().max(1) as f64).log2();
        for id in hits.entities.iter().filter(before) {
            *shared.entry(*id).or_default() += bits;
        }
    }
    let mut ranked: Vec<(i64, f64)> = shared.into_iter().collect();
    ranked.sort_unstable_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
    let strong = of(strong).into_iter().flat_map(|hits| hits.entities.iter().filter(before).copied()).take(CAP);
    strong.chain(ranked.into_iter().map(|(id, _)| id).take(COMPARED)).collect()
}

/// Profiles of records that are not merged, by record.
async fn known(conn: &mut Connection, ids: &BTreeSet<i64>) -> StoreResult<BTreeMap<i64, Vec<Indexed>>> {
    let batch = column(ids);
    let mut known: BTreeMap<i64, Vec<Indexed>> = BTreeMap::new();
    for row in read_with(conn, FIT_KNOWN, &batch, i64::from(NORM)).await? {
        let one = indexed(&row)?;
        known.entry(one.place.0).or_default().push(one);
    }
    Ok(known)
}

/// What else was known of a record; what the same person was told by this is the same.
fn without_itself(one: &Indexed, known: &[Indexed]) -> Option<Vec<Profile>> {
    let others = known.iter().filter(|other| other.person != one.person || other.place.1 != one.place.1);
    let others: Vec<Profile> = others.map(|other| other.profile.clone()).collect();
    (!others.is_empty()).then_some(others)
}

/// Keeps a model, and puts it in force where it is to be; its number.
pub(in super::super) async fn keep(conn: &mut Connection, model: &NewModel, now: Timestamp) -> StoreResult<i64> {
    let norm = i64::from(model.model.norm);
    if model.active {
        sqlx::query(MODEL_RETIRE).bind(norm).execute(&mut *conn).await?;
    }
    let body = serde_json::to_string(&model.model).map_err(|_| damaged("model"))?;
    let state = if model.active { "active" } else { "refused" };
    let query = sqlx::query(MODEL_SAVE).bind(norm).bind(state).bind(body).bind(model.report.to_string());
    Ok(query.bind(now.micros()).fetch_one(conn).await?.try_get("id")?)
}

/// Puts a kept model in force, or with 0 the weights of the start; false where there is none with this number.
pub(in super::super) async fn put_in_force(conn: &mut Connection, id: i64) -> StoreResult<bool> {
    let norm = i64::from(NORM);
    let kept = sqlx::query(MODEL_BODY).bind(id).bind(norm).fetch_optional(&mut *conn).await?;
    if id != 0 && kept.is_none() {
        return Ok(false);
    }
    sqlx::query(MODEL_RETIRE).bind(norm).execute(&mut *conn).await?;
    if id != 0 {
        sqlx::query(MODEL_ACTIVATE).bind(id).bind(norm).execute(conn).await?;
    }
    Ok(true)
}

/// The model in force, unless it is the one that the caller has; without one that was fitted, the weights of the start.
pub(in super::super) async fn in_force(conn: &mut Connection, had: Option<i64>) -> StoreResult<Option<Model>> {
    let norm = i64::from(NORM);
    let active = sqlx::query(MODEL_ACTIVE).bind(norm).fetch_optional(&mut *conn).await?;
    let id = active.map(|row| row.try_get::<i64, _>("id")).transpose()?.unwrap_or(0);
    if had == Some(id) {
        return Ok(None);
    }
    if id == 0 {
        return Ok(Some(Model::start()));
    }
    let row = sqlx::query(MODEL_BODY).bind(id).bind(norm).fetch_one(conn).await?;
    let model: Model = serde_json::from_str(row.try_get("body")?).map_err(|_| damaged("model"))?;
    Ok(Some(Model { id, ..model }))
}
