//! Figures of progress, refreshed every few seconds: what waits, what is stuck, whether the database answers.

use std::sync::Arc;
use std::time::Duration;

use super::{App, brain};
use crate::clock::{Clock, Timestamp};
use crate::intake::form::Gate;
use crate::store::{Store, StoreError, StoreStats};
use arc_swap::ArcSwap;

/// Between two looks.
const EVERY: Duration = Duration::from_secs(5);

/// The newest figures of the store, shared with readiness and the operator pages.
pub type Latest = Arc<ArcSwap<StoreStats>>;

/// The figures before the first look: nothing is known to be wrong with a database that was just opened.
pub fn before_the_first_look() -> Latest {
    Arc::new(ArcSwap::from_pointee(StoreStats { reachable: true, ..StoreStats::default() }))
}

/// Refreshes the figures until cancelled.
pub async fn refresh(app: Arc<App>) {
    loop {
        let stats = app.store.stats().await;
        show(&stats, &*app.clock);
        let reachable = stats.reachable;
        app.stats.store(Arc::new(stats));
        app.telemetry.upkeep();
        let uploads = Arc::clone(&app.forms.load().uploads);
        uploads.look_again().await;
        if reachable || app.journal.refusal().is_some() {
            try_writing(&app).await;
        }
        if reachable {
            brain::tell_store_once(&app).await;
            settle_keys(&app.gate, &app.store, &*app.clock).await;
        }
        tokio::select! {
            () = app.life.doors.cancelled() => return,
            () = tokio::time::sleep(EVERY) => {}
        }
    }
}

/// Longest time that the keys of forms are waited for: without the database there are keys of this process.
const SETTLING: Duration = Duration::from_secs(5);

/// Lets the keys of forms meet those kept in the database.
pub async fn settle_keys(gate: &Gate, store: &Arc<dyn Store>, clock: &dyn Clock) {
    match tokio::time::timeout(SETTLING, gate.keys().settle(&**store, clock)).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::debug!(%error, "the signing secret of forms is not met yet"),
        Err(_) => tracing::debug!("the signing secret of forms is not met yet: the database is slow"),
    }
}

/// A write that changes nothing of interest tells whether jobs can be claimed and decisions committed: reading alone
/// works on a full disk too, and an idle daemon would not notice.
async fn try_writing(app: &App) {
    let owner = app.clock.new_id().to_string();
    match app.store.lock("probe:write", &owner, Duration::from_millis(1)).await {
        Ok(_) => {
            app.journal.forgive();
            app.unwritable.store(None);
        }
        Err(StoreError::Busy(_)) => {}
        Err(error) => {
            let why = error.to_string();
            if app.unwritable.swap(Some(Arc::new(why.clone()))).is_none_or(|before| *before != why) {
                tracing::error!("nothing can be written into the database: {why}");
            }
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
    let age = |at: Option<Timestamp>| at.map_or(0.0, |at| clock.now().since(at).as_secs_f64());
    metrics::gauge!("pisteur_oldest_unprocessed_seconds").set(age(stats.oldest_unprocessed));
    metrics::gauge!("pisteur_oldest_lease_seconds").set(age(stats.oldest_lease));
    metrics::gauge!("pisteur_spilled_arrivals").set(stats.spilled as f64);
    metrics::gauge!("pisteur_spilled_refused").set(stats.set_aside as f64);
    metrics::gauge!("pisteur_database_reachable").set(if stats.reachable { 1.0 } else { 0.0 });
}
