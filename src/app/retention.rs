//! Bytes of submissions that a form or hook keeps for so many days only.

use std::sync::Arc;
use std::time::Duration;

use super::App;
use crate::clock::{Clock, Timestamp};
use crate::config::Config;
use crate::store::Store;

/// Between two sweeps.
const EVERY: Duration = Duration::from_hours(1);
/// Submissions whose bytes go in one transaction.
const AT_ONCE: i64 = 500;
/// Seconds of a day.
const DAY: u64 = 86_400;

/// Sweeps until the doors close.
pub async fn keep(app: Arc<App>) {
    loop {
        let config = app.config.load_full();
        sweep(app.store.as_ref(), &config, app.clock.as_ref()).await;
        tokio::select! {
            () = app.life.doors.cancelled() => return,
            () = tokio::time::sleep(EVERY) => {}
        }
    }
}

/// Days that each form and hook keeps bytes; those that keep them for good are left out.
fn days(config: &Config) -> Vec<(String, u32)> {
    let forms = config.form.iter().map(|form| (form.id.clone(), form.privacy.retention_days));
    let hooks = config.hook.iter().map(|hook| (hook.id.clone(), hook.retention_days));
    forms.chain(hooks).filter(|(_, days)| *days > 0).collect()
}

/// Removes the bytes that were kept long enough; how many.
pub async fn sweep(store: &dyn Store, config: &Config, clock: &dyn Clock) -> u64 {
    let mut all = 0;
    for (id, days) in days(config) {
        let age = Duration::from_secs(u64::from(days).saturating_mul(DAY));
        let purged = of_one(store, &id, clock.now().before(age)).await;
        if purged > 0 {
            tracing::info!(form = %id, purged, "the bytes of {purged} submissions to {id} are removed: \
                retention_days = {days}");
            metrics::counter!("pisteur_purged_total", "form" => id).increment(purged);
        }
        all += purged;
    }
    all
}

async fn of_one(store: &dyn Store, id: &str, before: Timestamp) -> u64 {
    let mut purged: u64 = 0;
    loop {
        match store.purge_raw(id, before, AT_ONCE).await {
            Ok(0) => return purged,
            Ok(count) => purged = purged.saturating_add(count),
            Err(error) => {
                tracing::warn!(form = %id, %error, "old submissions to {id} keep their bytes; the next round tries again");
                return purged;
            }
        }
    }
}
