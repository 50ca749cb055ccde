//! From the spill into the database, once and in order.
//!
//! Invariants:
//! - Rows leave in the order of acceptance; a row is forgotten only after the database has committed it.
//! - An id the database has already (its COMMIT was not answered, or a crash came before the row was forgotten) is not
//!   written again.
//! - Keys are judged by the time of arrival, not of draining: a content key that had run out between two arrivals makes
//!   no repeat, however late they are drained. So one transaction takes arrivals of one second.
//! - Bytes that came before, longer ago than anybody tries again, are held, as at the door.
//! - Another content under an explicit key that the database knows is a submission of its own, as at the door.
//! - A row the database refuses for itself is set aside with a log line and a figure, and the others go on. It is tried
//!   again every hour, and at the start. So is a row that cannot be read.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::inner::Inner;
use super::link::AT_WORK;
use super::queries::journal;
use super::spill::Spill;
use super::spill_row::Spilled;
use crate::clock::Timestamp;
use crate::store::{NewArrival, Queue, StoreError, StoreResult, Times};

/// Rows read at once.
const CHUNK: i64 = 200;
/// Bytes read at once, and so drained by one transaction at most, unless one arrival alone is larger.
const BYTES: u64 = 8 << 20;
/// Span of arrival times in one transaction.
const SPAN: Duration = Duration::from_secs(1);
/// Wait after a failure that is not the line's.
const PAUSE: Duration = Duration::from_secs(1);

/// Between two attempts at rows set aside.
const AGAIN: Duration = Duration::from_hours(1);

/// Drains until told to stop.
pub(super) async fn run(inner: Arc<Inner>, stop: CancellationToken) {
    let work = async {
        let mut retry = again();
        loop {
            inner.link.wait_up().await;
            let Some(spill) = inner.open_spill().await else {
                tokio::time::sleep(PAUSE).await;
                continue;
            };
            if retry <= Instant::now() {
                retry = again();
                if spill.aside() > 0
                    && let Err(error) = spill.take_back().await
                {
                    tracing::warn!(%error, "spilled arrivals set aside cannot be tried again yet");
                }
            }
            match drain(&inner, &spill).await {
                Ok(0) => drop(tokio::time::timeout_at(retry, spill.filled()).await),
                Ok(drained) => {
                    tracing::info!(drained, left = spill.rows(), "arrivals moved from the spill to the database");
                }
                Err(StoreError::Away(_)) => {}
                Err(error) => {
                    tracing::error!(%error, "the spill cannot be drained at present");
                    tokio::time::sleep(PAUSE).await;
                }
            }
        }
    };
    Box::pin(stop.run_until_cancelled(work)).await;
}

fn again() -> Instant {
    Instant::now() + AGAIN
}

/// Moves the next chunk; how many rows.
async fn drain(inner: &Inner, spill: &Spill) -> StoreResult<usize> {
    let rows = spill.next(CHUNK, BYTES).await?;
    let count = rows.len();
    let mut rest = rows.into_iter().peekable();
    while let Some(first) = rest.next() {
        let until = received(&first).after(SPAN);
        let mut group = vec![first];
        while let Some(row) = rest.next_if(|r| {
            let at = received(r);
            at <= until && until.since(at) <= SPAN
        }) {
            group.push(row);
        }
        move_group(inner, spill, group).await?;
    }
    Ok(count)
}

fn received(row: &Spilled) -> Timestamp {
    row.arrival.envelope.received_at
}

async fn move_group(inner: &Inner, spill: &Spill, group: Vec<Spilled>) -> StoreResult<()> {
    match write(inner, &group).await {
        Ok(()) => spill.remove(group).await,
        Err(error @ (StoreError::Away(_) | StoreError::Busy(_))) => Err(error),
        Err(_) => {
            for row in group {
                move_one(inner, spill, row).await?;
            }
            Ok(())
        }
    }
}

async fn move_one(inner: &Inner, spill: &Spill, row: Spilled) -> StoreResult<()> {
    match write(inner, std::slice::from_ref(&row)).await {
        Ok(()) => spill.remove(vec![row]).await,
        // The whole server refuses; that is not the row's fault.
        Err(error @ (StoreError::Away(_) | StoreError::Busy(_) | StoreError::Full(_) | StoreError::Unusable(_))) => {
            Err(error)
        }
        Err(error) => {
            let id = row.arrival.envelope.id;
            tracing::error!(%id, %error, "the database refuses spilled arrival {id}; it stays in the spill and is tried again every hour");
            spill.set_aside(row.seq, error.to_string()).await
        }
    }
}

async fn write(inner: &Inner, group: &[Spilled]) -> StoreResult<()> {
    inner.link.bounded(AT_WORK, write_once(inner, group)).await
}

async fn write_once(inner: &Inner, group: &[Spilled]) -> StoreResult<()> {
    let mut transaction = inner.link.begin().await?;
    let ids: Vec<String> = group.iter().map(|s| s.arrival.envelope.id.to_string()).collect();
    let there: Vec<String> = sqlx::query_scalar(super::HAVE_ULIDS).bind(&ids).fetch_all(&mut *transaction).await?;
    let missing: Vec<&NewArrival> =
        group.iter().zip(&ids).filter(|(_, id)| !there.contains(id)).map(|(s, _)| &s.arrival).collect();
    let at = group.iter().map(received).max().unwrap_or_default();
    let now = Times { wall: at, queue: inner.link.now() };
    let done = journal::accept(&mut transaction, &missing, false, now).await?;
    transaction.commit().await?;
    inner.bell.work(Queue::Process, done.process);
    Ok(())
}
