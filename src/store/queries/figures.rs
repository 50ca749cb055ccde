//! Figures for health and metrics.

use sqlx::Row as _;

use super::super::driver::Connection;
use super::statements;
use crate::clock::Timestamp;
use crate::domain::envelope::ArrivalState;
use crate::store::{Queue, StoreResult, StoreStats};

statements! {
    ARRIVALS("SELECT state, COUNT(*) AS n FROM arrival GROUP BY state");
    JOBS(
        "SELECT queue, CASE WHEN dead = 1 THEN 'dead' WHEN owner IS NOT NULL AND due_at > $1 THEN 'leased'",
        " ELSE 'waiting' END AS kind, COUNT(*) AS n FROM job GROUP BY 1, 2");
    OLDEST(
        "SELECT a.received_at FROM job j JOIN arrival a ON a.id = j.id WHERE j.queue = 'process'",
        " ORDER BY j.id LIMIT 1");
}

/// Figures of a database that answers.
pub(in super::super) async fn stats(conn: &mut Connection, now: Timestamp) -> StoreResult<StoreStats> {
    let mut stats = StoreStats { reachable: true, ..StoreStats::default() };
    for state in ArrivalState::ALL {
        stats.arrivals.insert(state.as_str(), 0);
    }
    for row in sqlx::query(ARRIVALS).fetch_all(&mut *conn).await? {
        if let Some(state) = ArrivalState::parse(row.try_get("state")?) {
            stats.arrivals.insert(state.as_str(), count(row.try_get("n")?));
        }
    }
    for queue in [Queue::Process, Queue::Deliver] {
        for figures in [&mut stats.waiting, &mut stats.leased, &mut stats.dead] {
            figures.insert(queue.as_str(), 0);
        }
    }
    for row in sqlx::query(JOBS).bind(now.micros()).fetch_all(&mut *conn).await? {
        let queue = if row.try_get::<&str, _>("queue")? == "process" { Queue::Process } else { Queue::Deliver };
        let figures = match row.try_get("kind")? {
            "dead" => &mut stats.dead,
            "leased" => &mut stats.leased,
            _ => &mut stats.waiting,
        };
        figures.insert(queue.as_str(), count(row.try_get("n")?));
    }
    stats.dead.insert(Queue::Process.as_str(), stats.arrivals.get("failed").copied().unwrap_or(0));
    processing(&mut stats);
    let oldest = sqlx::query(OLDEST).fetch_optional(conn).await?;
    stats.oldest_unprocessed = oldest.map(|r| r.try_get("received_at")).transpose()?.map(Timestamp::from_micros);
    Ok(stats)
}

/// Received arrivals under a lease count as processing.
fn processing(stats: &mut StoreStats) {
    let leased = stats.leased.get("process").copied().unwrap_or(0);
    let received = stats.arrivals.get("received").copied().unwrap_or(0);
    stats.arrivals.insert("processing", leased.min(received));
    stats.arrivals.insert("received", received.saturating_sub(leased));
}

fn count(n: i64) -> u64 {
    u64::try_from(n).unwrap_or(0)
}
