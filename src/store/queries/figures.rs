//! Figures for health and metrics.

use std::collections::BTreeMap;

use sqlx::Row as _;

use super::super::driver::Connection;
use super::statements;
use crate::clock::Timestamp;
use crate::domain::envelope::ArrivalState;
use crate::store::figures::Settled;
use crate::store::{Queue, StoreResult, StoreStats};

statements! {
    SETTLED("SELECT state, COUNT(*) AS n FROM arrival WHERE state <> 'received' GROUP BY state");
    FAILED("SELECT COUNT(*) AS n FROM arrival WHERE state = 'failed'");
    // In one statement, so of one moment. Counts come from the indices; rows are read of the leased jobs only, and a
    // leased job is always a suspect.
    JOBS(
        "SELECT 'live' AS kind, queue, COUNT(*) AS n, CAST(NULL AS BIGINT) AS since FROM job WHERE dead = 0",
        " GROUP BY queue UNION ALL SELECT 'leased', queue, COUNT(*), MIN(leased_at) FROM job WHERE dead = 0",
        " AND queue IN ('process', 'deliver') AND suspect = 1 AND due_at > $1 AND owner IS NOT NULL GROUP BY queue",
        " UNION ALL SELECT 'dead', queue, COUNT(*), NULL FROM job WHERE dead = 1 GROUP BY queue");
    // An arrival is received until it is settled; who works on it is told by its job.
    OLDEST("SELECT received_at FROM arrival WHERE state = 'received' ORDER BY id LIMIT 1");
}

/// Arrivals that need no more work, by state; as dear as there are many.
pub(in super::super) async fn settled(conn: &mut Connection) -> StoreResult<Settled> {
    let open = [ArrivalState::Received, ArrivalState::Processing];
    let mut settled: Settled =
        ArrivalState::ALL.iter().filter(|s| !open.contains(s)).map(|s| (s.as_str(), 0)).collect();
    for row in sqlx::query(SETTLED).fetch_all(conn).await? {
        if let Some(state) = ArrivalState::parse(row.try_get("state")?) {
            settled.insert(state.as_str(), count(row.try_get("n")?));
        }
    }
    Ok(settled)
}

/// Figures of a database that answers, those of [`settled`] excepted.
pub(in super::super) async fn stats(conn: &mut Connection, now: Timestamp) -> StoreResult<StoreStats> {
    let mut stats = StoreStats { reachable: true, ..StoreStats::default() };
    for queue in [Queue::Process, Queue::Deliver] {
        for figures in [&mut stats.waiting, &mut stats.leased, &mut stats.dead] {
            figures.insert(queue.as_str(), 0);
        }
    }
    for row in sqlx::query(JOBS).bind(now.micros()).fetch_all(&mut *conn).await? {
        let queue = if row.try_get::<&str, _>("queue")? == "process" { Queue::Process } else { Queue::Deliver };
        let figures = match row.try_get("kind")? {
            "dead" => &mut stats.dead,
            "leased" => {
                // A lease older than the column has no moment.
                let since = row.try_get::<Option<i64>, _>("since")?.map(Timestamp::from_micros);
                stats.oldest_lease = [stats.oldest_lease, since].into_iter().flatten().min();
                &mut stats.leased
            }
            _ => &mut stats.waiting,
        };
        figures.insert(queue.as_str(), count(row.try_get("n")?));
    }
    for (queue, live) in &mut stats.waiting {
        *live = live.saturating_sub(stats.leased.get(queue).copied().unwrap_or(0));
    }
    let failed = count(sqlx::query(FAILED).fetch_one(&mut *conn).await?.try_get("n")?);
    stats.dead.insert(Queue::Process.as_str(), failed);
    stats.arrivals.insert(ArrivalState::Failed.as_str(), failed);
    unsettled(&mut stats);
    let oldest = sqlx::query(OLDEST).fetch_optional(conn).await?;
    stats.oldest_unprocessed = oldest.map(|r| r.try_get("received_at")).transpose()?.map(Timestamp::from_micros);
    Ok(stats)
}

/// An arrival that is not settled has a process job: under a lease it is being processed.
fn unsettled(stats: &mut StoreStats) {
    let jobs = |of: &BTreeMap<&'static str, u64>| of.get("process").copied().unwrap_or(0);
    let (waiting, leased) = (jobs(&stats.waiting), jobs(&stats.leased));
    stats.arrivals.insert(ArrivalState::Received.as_str(), waiting);
    stats.arrivals.insert(ArrivalState::Processing.as_str(), leased);
}

fn count(n: i64) -> u64 {
    u64::try_from(n).unwrap_or(0)
}
