//! Comparing once more, now and then, what was written: twins that no lock could see become questions.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::App;
use crate::pipeline::sweep::{self, Turn};
use crate::store::StoreError;

/// Between two looks at the configuration while the sweep is off.
const OFF: Duration = Duration::from_mins(1);
/// Least pause between two turns.
const PAUSE: Duration = Duration::from_millis(20);

/// Sweeps until the doors close.
pub async fn keep(app: Arc<App>, owner: String) {
    let closed = app.life.doors.clone();
    let work = async {
        loop {
            let Some(every) = app.config.load().matching.sweep_every() else {
                tokio::time::sleep(OFF).await;
                continue;
            };
            let (model, started) = (Arc::clone(&app.brain.load().model), Instant::now());
            let pause = match sweep::turn(&app.store, &model, &owner).await {
                // As long as it took: nobody who writes to us waits for this.
                Ok(Turn::Done { .. }) => started.elapsed().max(PAUSE),
                Ok(Turn::Idle | Turn::Busy) => every,
                Err(error @ (StoreError::Away(_) | StoreError::Busy(_))) => {
                    tracing::debug!(%error, "written records wait for the database to be compared");
                    every
                }
                Err(error) => {
                    tracing::warn!(%error, "written records could not be compared with others; it is tried again");
                    every
                }
            };
            tokio::time::sleep(pause).await;
        }
    };
    closed.run_until_cancelled(work).await;
}
