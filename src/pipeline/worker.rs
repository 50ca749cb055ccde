//! Workers: take leases, hand them to the processor, stop between batches.
//!
//! Fresh jobs go in batches. A suspect (its earlier holder vanished) goes alone, and is read in a child process first.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::probe::{self, Verdict};
use super::process::Processor;
use crate::store::{Claim, JobSubject, Lease, Queue, StoreError};
use crate::telemetry::fail_point;

/// How the workers are set up.
#[derive(Debug, Clone)]
pub struct WorkerSettings {
    /// Name of this process, unique per start.
    pub owner: String,
    /// Workers on fresh jobs.
    pub workers: usize,
    /// Jobs a worker takes at once.
    pub batch: usize,
    /// Lease time.
    pub lease: Duration,
    /// Claims after which a suspect that cannot be probed is held for a person.
    pub max_crashes: i64,
    /// This program, for reading suspects apart; `None` reads them in this process.
    pub program: Option<PathBuf>,
    /// How long an idle worker waits for a wake-up before it looks by itself: [`IDLE`] but in tests.
    pub idle: Duration,
}

/// Pause after the database could not be asked.
const AWAY_PAUSE: Duration = Duration::from_secs(1);
/// How long an idle worker waits for a wake-up before it looks by itself.
pub const IDLE: Duration = Duration::from_secs(5);

/// What a worker does with its leases.
#[derive(Debug, Clone)]
enum Duty {
    /// Fresh jobs, a batch at a time.
    Fresh,
    /// Jobs whose earlier holder vanished, alone.
    Suspects { program: Option<PathBuf>, max_crashes: i64 },
}

/// Starts the workers.
pub fn spawn(processor: &Arc<Processor>, settings: &WorkerSettings, tracker: &TaskTracker, cancel: &CancellationToken) {
    let start = |name: &str, limit: usize, duty: Duty| {
        let claim = Claim {
            queue: Queue::Process,
            owner: format!("{}/{name}", settings.owner),
            limit,
            lease: settings.lease,
            suspects: matches!(duty, Duty::Suspects { .. }),
        };
        tracker.spawn(serve(Arc::clone(processor), cancel.clone(), claim, duty, settings.idle));
    };
    for index in 0..settings.workers.max(1) {
        start(&format!("w{index}"), settings.batch, Duty::Fresh);
    }
    let duty = Duty::Suspects { program: settings.program.clone(), max_crashes: settings.max_crashes };
    start("suspects", 1, duty);
}

async fn serve(processor: Arc<Processor>, cancel: CancellationToken, claim: Claim, duty: Duty, idle: Duration) {
    while !cancel.is_cancelled() {
        match processor.store.claim(claim.clone()).await {
            Ok(leases) if leases.is_empty() => {
                tokio::select! {
                    () = cancel.cancelled() => return,
                    () = pause(&processor, &duty, idle) => {}
                }
            }
            Ok(leases) => {
                fail_point::hit("process-after-claim");
                work(&processor, &duty, leases).await;
            }
            Err(error) => {
                if !matches!(error, StoreError::Away(_)) {
                    tracing::error!(%error, worker = claim.owner, "jobs could not be claimed");
                }
                tokio::select! {
                    () = cancel.cancelled() => return,
                    () = tokio::time::sleep(AWAY_PAUSE) => {}
                }
            }
        }
    }
}

/// A wake-up is for one worker, and says that something fresh is there: who looks for suspects must not take it. Jobs
/// become suspect by the end of a lease, which wakes nobody.
async fn pause(processor: &Processor, duty: &Duty, idle: Duration) {
    match duty {
        Duty::Fresh => processor.store.wait(Queue::Process, idle).await,
        Duty::Suspects { .. } => tokio::time::sleep(idle).await,
    }
}

async fn work(processor: &Processor, duty: &Duty, leases: Vec<Lease>) {
    match duty {
        Duty::Fresh => processor.run(leases).await,
        Duty::Suspects { program, max_crashes } => {
            for lease in leases {
                suspect(processor, program.as_ref(), *max_crashes, lease).await;
            }
        }
    }
}

/// A job whose holder vanished: find out apart whether its reading kills, then process it alone.
async fn suspect(processor: &Processor, program: Option<&PathBuf>, max_crashes: i64, lease: Lease) {
    let JobSubject::Arrival(id) = *lease.subject() else { return };
    let envelope = match processor.store.load(&[id]).await {
        Ok(mut found) => found.pop(),
        Err(error) => {
            tracing::warn!(%error, arrival = %id, "arrival {id} could not be loaded; its lease runs out");
            return;
        }
    };
    let settings = processor.brain.load_full().settings.clone();
    // The probe may take longer than the lease.
    match processor.store.renew(&lease, probe::LONGEST).await {
        Ok(_) | Err(StoreError::Away(_) | StoreError::Busy(_)) => {}
        Err(error) => {
            tracing::warn!(%error, arrival = %id, "the lease of arrival {id} is lost; whoever has it goes on");
            return;
        }
    }
    let verdict = match (program, &envelope) {
        (Some(program), Some(envelope)) => probe::probe(program, envelope, &settings).await,
        _ => Verdict::Unknown,
    };
    let deadly = verdict == Verdict::Deadly || (verdict == Verdict::Unknown && lease.attempt() > max_crashes);
    if !deadly {
        return processor.run(vec![lease]).await;
    }
    metrics::counter!("pisteur_poison_arrivals_total").increment(1);
    match processor.store.quarantine(&lease, "reading_aborts").await {
        Ok(()) => tracing::error!(arrival = %id, "arrival {id} kills its reader: quarantined, its bytes are kept"),
        Err(error) => tracing::error!(%error, arrival = %id, "arrival {id} kills its reader and could not be held"),
    }
}
