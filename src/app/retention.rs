//! Bytes of submissions that a form keeps for so many days only.

use std::sync::Arc;
use std::time::Duration;

use super::App;
use crate::clock::{Clock, Timestamp};
use crate::config::FormConfig;
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
        sweep(app.store.as_ref(), &config.form, app.clock.as_ref()).await;
        tokio::select! {
            () = app.life.doors.cancelled() => return,
            () = tokio::time::sleep(EVERY) => {}
        }
    }
}

/// Removes the bytes that were kept long enough; how many.
pub async fn sweep(store: &dyn Store, forms: &[FormConfig], clock: &dyn Clock) -> u64 {
    let mut all = 0;
    for form in forms.iter().filter(|form| form.privacy.retention_days > 0) {
        let purged = of_form(store, form, before(form, clock.now())).await;
        if purged > 0 {
            tracing::info!(form = %form.id, purged, "the bytes of {purged} submissions to form {} are removed: \
                retention_days = {}", form.id, form.privacy.retention_days);
            metrics::counter!("pisteur_purged_total", "form" => form.id.clone()).increment(purged);
        }
        all += purged;
    }
    all
}

fn before(form: &FormConfig, now: Timestamp) -> Timestamp {
    now.before(Duration::from_secs(u64::from(form.privacy.retention_days).saturating_mul(DAY)))
}

async fn of_form(store: &dyn Store, form: &FormConfig, before: Timestamp) -> u64 {
    let mut purged: u64 = 0;
    loop {
        match store.purge_raw(&form.id, before, AT_ONCE).await {
            Ok(0) => return purged,
            Ok(count) => purged = purged.saturating_add(count),
            Err(error) => {
                tracing::warn!(form = %form.id, %error, "old submissions to form {} keep their bytes; the next round tries again", form.id);
                return purged;
            }
        }
    }
}
