//! One fenced transaction for many decisions: fence, guard keys, pool turns, then the rows.
//!
//! Invariants:
//! - The guard keys are read again here; an entity that the decision had not seen makes a conflict and nothing is
//!   written for that decision. A decision of the same batch that was placed before counts as such an entity.
//! - A pool's turn is taken in the order of the commits, under a lock on the pool.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use sqlx::Row as _;
use ulid::Ulid;

use super::super::driver::{self, Connection};
use super::probe::{Hits, probe, resolve};
use super::{read, run, run_with, statements, writes};
use crate::clock::Timestamp;
use crate::domain::decision::{Action, Link, OwnerChoice};
use crate::domain::matching::MatchKey;
use crate::domain::rules::pools::{self, PoolTurns};
use crate::store::batch::{Batch, column, row};
use crate::store::plan::{self, KnownRecords, Ownership, Plan};
use crate::store::{Commit, Committed, StoreResult};
use crate::telemetry::fail_point;

statements! {
    FENCE(
        "SELECT CAST(e.value->>0 AS BIGINT) AS ord FROM ", rows!("1"),
        " JOIN job j ON j.id = CAST(e.value->>1 AS BIGINT) WHERE j.owner = e.value->>2",
        " AND j.attempt = CAST(e.value->>3 AS BIGINT) AND j.dead = 0", for_update!());
    MAKE_POOLS("INSERT INTO pool (name, created_at) SELECT value->>0, $2 FROM ", rows!("1"),
        " WHERE true ON CONFLICT (name) DO NOTHING");
    LOCK_POOLS(
        "SELECT name FROM pool WHERE name IN (SELECT e.value->>0 FROM ", rows!("1"), ") ORDER BY name", for_update!());
    POOL_TURNS(
        "SELECT t.pool, t.person, CAST(SUM(t.turns) AS BIGINT) AS turns, MAX(t.last_at) AS last_at FROM ", rows!("1"),
        " JOIN pool_turn t ON t.pool = e.value->>0 WHERE t.day > $2 GROUP BY t.pool, t.person");
    SAVE_TURNS(
        "INSERT INTO pool_turn (pool, person, day, turns, last_at) SELECT value->>0, value->>1,",
        " CAST(value->>2 AS BIGINT), CAST(value->>3 AS BIGINT), CAST(value->>4 AS BIGINT) FROM ", rows!("1"),
        " WHERE true ON CONFLICT (pool, day, person) DO UPDATE SET turns = pool_turn.turns + excluded.turns,",
        " last_at = CASE WHEN pool_turn.last_at > excluded.last_at THEN pool_turn.last_at ELSE excluded.last_at END");
}

/// Microseconds of a day.
const DAY: i64 = 86_400_000_000;

/// Turns of the pools a batch needs, and what was added to them.
#[derive(Default)]
struct Turns {
    pools: BTreeMap<String, PoolTurns>,
    added: BTreeMap<(String, String), (i64, i64)>,
}

/// Writes decisions. The answers in order, and how many deliver jobs were made; those are due at `due`.
pub(in super::super) async fn commit(
    conn: &mut Connection,
    commits: &[&Commit],
    due: Timestamp,
) -> StoreResult<(Vec<Committed>, usize)> {
    let Some(now) = commits.iter().map(|c| c.now).max() else { return Ok((Vec::new(), 0)) };
    let guards: BTreeSet<MatchKey> = commits.iter().flat_map(|c| c.guard.keys.iter().copied()).collect();
    driver::lock_keys(conn, &guards).await?;
    let held = held(conn, commits).await?;
    let written_to: BTreeSet<Ulid> = commits.iter().flat_map(|c| plan::references(c)).collect();
    driver::hold(conn, &column(written_to.iter().map(Ulid::to_string))).await?;
    let references = commits.iter().flat_map(|c| plan::references(c).into_iter().chain(c.guard.seen.iter().copied()));
    let known = resolve(conn, references).await?;
    let hits = probe(conn, guards).await?;
    let mut turns = turns(conn, commits, now).await?;
    let mut ids = driver::reserve(conn, commits.iter().map(|c| plan::ids_needed(c)).sum()).await?.into_iter();
    let mut plan = Plan { due: due.micros(), ..Plan::default() };
    let mut written: HashMap<MatchKey, HashSet<i64>> = HashMap::new();
    let mut answers = Vec::with_capacity(commits.len());
    let mut effects = 0_usize;
    for (index, commit) in commits.iter().enumerate() {
        let answer = if !held.contains(&index) {
            Committed::Fenced
        } else if conflicts(commit, &known, &hits, &written) {
            Committed::Conflict
        } else if plan::target(commit).is_some_and(|id| !known.contains_key(&id)) {
            Committed::Refused { error: "the record this message belongs to does not exist".to_owned() }
        } else {
            let ownership = turns.settle(commit);
            let before = plan.keys.len();
            let record = plan.add(commit, &known, &ownership, &mut ids);
            if plan.keys.len() != before || record.is_some() {
                remember(commit, record, &mut written);
            }
            effects = effects.saturating_add(commit.effects.len());
            Committed::Done { owner: ownership.owner }
        };
        answers.push(answer);
    }
    fail_point::hit("commit-before-write");
    writes::write(conn, &plan).await?;
    turns.save(conn, now).await?;
    fail_point::hit("commit-after-write");
    Ok((answers, effects))
}

async fn held(conn: &mut Connection, commits: &[&Commit]) -> StoreResult<HashSet<usize>> {
    let mut batch = Batch::default();
    for (index, commit) in commits.iter().enumerate() {
        row!(batch; index, commit.lease.job, commit.lease.owner, commit.lease.attempt);
    }
    let rows = read(conn, FENCE, &batch).await?;
    rows.iter().map(|r| Ok(usize::try_from(r.try_get::<i64, _>("ord")?).unwrap_or(usize::MAX))).collect()
}

/// A strong key leads to an entity the decision did not rest on. A generic key proves nothing. Of a personal email with
/// more records than are looked at, the newest are compared: a record that appeared meanwhile is among them.
fn conflicts(
    commit: &Commit,
    known: &KnownRecords,
    hits: &HashMap<MatchKey, Hits>,
    written: &HashMap<MatchKey, HashSet<i64>>,
) -> bool {
    let seen: HashSet<i64> = commit.guard.seen.iter().filter_map(|id| known.get(id)).map(|k| k.id).collect();
    commit.guard.keys.iter().any(|key| {
        let stored = hits.get(key);
        if stored.is_some_and(|h| h.generic) {
            return false;
        }
        let fresh = written.get(key).into_iter().flatten();
        stored.into_iter().flat_map(|h| &h.entities).chain(fresh).any(|id| !seen.contains(id))
    })
}

fn remember(commit: &Commit, record: Option<i64>, written: &mut HashMap<MatchKey, HashSet<i64>>) {
    let Some(record) = record else { return };
    if matches!(commit.decision.action, Action::Join(_) | Action::Nothing) {
        return;
    }
    // A new organisation's keys exclude a second one made in the same batch.
    let founds = matches!(&commit.decision.action, Action::Create(new) if matches!(new.organisation, Link::New(_)));
    for key in commit.decision.keys.iter().filter(|k| k.kind.is_strong() || (founds && k.kind.is_corporate())) {
        written.entry(*key).or_default().insert(record);
    }
}

fn choice(commit: &Commit) -> Option<&OwnerChoice> {
    if let Action::Create(new) = &commit.decision.action { Some(&new.owner) } else { None }
}

async fn turns(conn: &mut Connection, commits: &[&Commit], now: Timestamp) -> StoreResult<Turns> {
    let names: BTreeSet<&str> = commits
        .iter()
        .filter_map(|c| if let Some(OwnerChoice::Pool { pool, .. }) = choice(c) { Some(pool.as_str()) } else { None })
        .collect();
    let mut turns = Turns::default();
    if names.is_empty() {
        return Ok(turns);
    }
    let batch = column(&names);
    run_with(conn, MAKE_POOLS, &batch, now.micros()).await?;
    read(conn, LOCK_POOLS, &batch).await?;
    let since = now.micros().div_euclid(DAY).saturating_sub(pools::WINDOW_DAYS);
    let rows = sqlx::query(POOL_TURNS).bind(batch.text()).bind(since).fetch_all(conn).await?;
    for row in rows {
        let last_at: i64 = row.try_get("last_at")?;
        let had = pools::MemberTurns {
            assigned: row.try_get("turns")?,
            last_at: (last_at > 0).then_some(Timestamp::from_micros(last_at)),
        };
        turns.pools.entry(row.try_get("pool")?).or_default().insert(row.try_get("person")?, had);
    }
    Ok(turns)
}

impl Turns {
    /// Settles the owner of a new record, taking the pool's turn.
    fn settle(&mut self, commit: &Commit) -> Ownership {
        let Some(choice) = choice(commit) else { return Ownership::default() };
        let mut ownership = Ownership::of(choice);
        if let (OwnerChoice::Pool { pool, members }, Action::Create(new)) = (choice, &commit.decision.action) {
            let turns = self.pools.entry(pool.clone()).or_default();
            for (user, credit) in pools::welcome(turns, members) {
                self.added.entry((pool.clone(), user)).or_default().0 += credit;
            }
            if let Some(user) = pools::choose(turns, members, new.id).map(str::to_owned) {
                let had = turns.entry(user.clone()).or_default();
                had.assigned = had.assigned.saturating_add(1);
                had.last_at = Some(commit.now.max(had.last_at.unwrap_or_default()));
                let added = self.added.entry((pool.clone(), user.clone())).or_default();
                *added = (added.0.saturating_add(1), commit.now.micros());
                ownership.owner = Some(user);
            }
        }
        ownership
    }

    async fn save(&self, conn: &mut Connection, now: Timestamp) -> StoreResult<()> {
        let mut batch = Batch::default();
        for ((pool, user), (turns, at)) in &self.added {
            row!(batch; pool, user, now.micros().div_euclid(DAY), turns, at);
        }
        run(conn, SAVE_TURNS, &batch).await?;
        Ok(())
    }
}
