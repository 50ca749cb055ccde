//! Figures of progress, refreshed every few seconds: what waits, what is stuck, whether the database answers.

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use tokio_util::sync::CancellationToken;

use crate::clock::Clock;
use crate::store::{Store, StoreStats};
use crate::telemetry::Telemetry;

/// Between two looks.
const EVERY: Duration = Duration::from_secs(5);

/// The newest figures of the store, shared with readiness and the operator pages.
pub type Latest = Arc<ArcSwap<StoreStats>>;

/// Refreshes the figures until cancelled.
pub async fn refresh(
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    telemetry: Telemetry,
    latest: Latest,
    cancel: CancellationToken,
) {
    loop {
        let stats = store.stats().await;
        show(&stats, &*clock);
        latest.store(Arc::new(stats));
        telemetry.upkeep();
        tokio::select! {
            () = cancel.cancelled() => return,
            () = tokio::time::sleep(EVERY) => {}
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "gauges are floating point; counts stay far below 2^53")]
fn show(stats: &StoreStats, clock: &dyn Clock) {
    for (state, n) in &stats.arrivals {
        metrics::gauge!("pisteur_arrivals", "state" => *state).set(*n as f64);
    }
    for (name, figures) in [("waiting", &stats.waiting), ("leased", &stats.leased), ("dead", &stats.dead)] {
        for (queue, n) in figures {
            metrics::gauge!("pisteur_jobs", "queue" => *queue, "state" => name).set(*n as f64);
        }
    }
    let oldest = stats.oldest_unprocessed.map_or(0.0, |at| clock.now().since(at).as_secs_f64());
    metrics::gauge!("pisteur_oldest_unprocessed_seconds").set(oldest);
    metrics::gauge!("pisteur_spilled_arrivals").set(stats.spilled as f64);
    metrics::gauge!("pisteur_database_reachable").set(if stats.reachable { 1.0 } else { 0.0 });
}
