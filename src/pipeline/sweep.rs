//! Twins that no lock could see: two arrivals of one moment may each make a record of one person when they have no key in
//! common that is equal. What was written is compared once more, with everybody, and a person is asked.
//!
//! Invariants:
//! - nothing is merged here, and nobody is asked twice about the same two records;
//! - a turn is bounded: some records, then others may have the database;
//! - a record waits in the database until it was compared, so that a turn that dies is done again;
//! - a record that cannot be compared is left out and does not hold up those behind it.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use crate::domain::matching::model::Model;
use crate::domain::matching::{Neighbourhood, twins};
use crate::store::sweep::{Suspicion, Swept, Unswept};
use crate::store::{Store, StoreError, StoreResult};
use crate::telemetry::fail_point;

/// Records of one turn.
pub const PORTION: usize = 50;
/// Queries asked at a time.
const AT_ONCE: usize = 50;
/// Whose turn it is, among several daemons.
const LOCK: &str = "match-sweep";
/// Longest time others wait for one that died in its turn.
const TTL: Duration = Duration::from_mins(1);

/// What came of a turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turn {
    /// Nothing was written since the last one.
    Idle,
    /// Somebody else is at it.
    Busy,
    /// Records were compared.
    Done {
        /// So many records.
        records: usize,
        /// So many questions came of it.
        asked: u64,
    },
}

/// Compares the oldest records that were written since they were last compared, at most [`PORTION`], and asks about those
/// that may be one. `owner`: who does it, among several daemons.
///
/// # Errors
/// When the database cannot be used; what was not compared waits.
pub async fn turn(store: &Arc<dyn Store>, model: &Arc<Model>, owner: &str) -> StoreResult<Turn> {
    if store.unswept(1).await?.is_empty() {
        return Ok(Turn::Idle);
    }
    let Some(lock) = store.lock(LOCK, owner, TTL).await? else { return Ok(Turn::Busy) };
    let done = portion(store, model).await;
    let unlocked = store.unlock(&lock).await;
    let done = done?;
    unlocked?;
    Ok(done)
}

async fn portion(store: &Arc<dyn Store>, model: &Arc<Model>) -> StoreResult<Turn> {
    let due = store.unswept(i64::try_from(PORTION).unwrap_or(i64::MAX)).await?;
    if due.is_empty() {
        return Ok(Turn::Idle);
    }
    let done = match compared(store, model, &due).await {
        Err(StoreError::Other(error)) => {
            tracing::debug!(%error, "records cannot be compared together; each is compared alone");
            one_by_one(store, model, &due).await?
        }
        done => done?,
    };
    let records = done.len();
    fail_point::hit("sweep-before-ask");
    let asked = store.swept(done).await?;
    fail_point::hit("sweep-after-ask");
    metrics::counter!("pisteur_swept_records_total").increment(records as u64);
    metrics::counter!("pisteur_swept_questions_total").increment(asked);
    if asked > 0 {
        tracing::info!(asked, "{asked} pairs of records may be one; `pisteur review list` shows them");
    }
    Ok(Turn::Done { records, asked })
}

/// A record whose neighbours are damaged is passed over.
async fn one_by_one(store: &Arc<dyn Store>, model: &Arc<Model>, due: &[Unswept]) -> StoreResult<Vec<Swept>> {
    let mut done = Vec::with_capacity(due.len());
    for record in due {
        match compared(store, model, std::slice::from_ref(record)).await {
            Err(StoreError::Other(error)) => {
                let id = record.record.as_ref().map(|known| known.entity.id.to_string()).unwrap_or_default();
                tracing::warn!(record = id, %error, "record {id} cannot be compared with others; it is passed over");
                done.push(Swept { due: record.due, suspicions: Vec::new() });
            }
            compared => done.extend(compared?),
        }
    }
    Ok(done)
}

/// Whom each of these may be.
async fn compared(store: &Arc<dyn Store>, model: &Arc<Model>, due: &[Unswept]) -> StoreResult<Vec<Swept>> {
    let queries: Vec<Vec<_>> = due
        .iter()
        .map(|unswept| match &unswept.record {
            Some(record) => twins::queries(record, &unswept.profiles, &unswept.tied, model),
            None => Vec::new(),
        })
        .collect();
    let all: Vec<_> = queries.iter().flatten().cloned().collect();
    let mut around: Vec<Neighbourhood> = Vec::with_capacity(all.len());
    for portion in all.chunks(AT_ONCE) {
        around.extend(store.neighbours(portion).await?);
    }
    let mut around = around.into_iter();
    let of = |(unswept, queries): (&Unswept, Vec<_>)| {
        let found: Vec<Neighbourhood> = around.by_ref().take(queries.len()).collect();
        Swept { due: unswept.due, suspicions: suspicions(unswept, &found) }
    };
    Ok(due.iter().zip(queries).map(of).collect())
}

fn suspicions(unswept: &Unswept, around: &[Neighbourhood]) -> Vec<Suspicion> {
    let Some(record) = &unswept.record else { return Vec::new() };
    let suspect = || {
        let found = twins::suspects(record, around).into_iter().map(|evidence| {
            let (newer, evidence) = twins::turned(record, evidence);
            let told = serde_json::to_value(&evidence).unwrap_or_default();
            Suspicion { record: newer, other: evidence.record.id, evidence: told }
        });
        found.collect()
    };
    std::panic::catch_unwind(AssertUnwindSafe(suspect)).unwrap_or_else(|_| {
        let id = record.entity.id;
        tracing::warn!(record = %id, "comparing record {id} panicked; it is passed over");
        Vec::new()
    })
}
