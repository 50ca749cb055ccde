//! Who is recognised how: the model in force, taken over while running, and what waits for a reindex.

use std::sync::Arc;
use std::time::Duration;

use super::App;
use crate::domain::matching::model::Model;
use crate::pipeline::Brain;
use crate::store::Store;

/// Between two looks for another model.
const EVERY: Duration = Duration::from_secs(5);

/// The model in force in this database; that of the start where none is, or where it cannot be read.
pub async fn model(store: &dyn Store) -> Model {
    match store.in_force(None).await {
        Ok(model) => model.unwrap_or_else(Model::start),
        Err(error) => {
            tracing::warn!(%error, "the fitted weights cannot be read; those of the start are used until they can");
            Model::start()
        }
    }
}

/// Says what waits, and takes over other models until the doors close.
pub async fn keep(app: Arc<App>) {
    if let Ok(Some(said)) = app.store.waiting().await.map(|waiting| waiting.said()) {
        tracing::warn!("{said}; run: pisteur match reindex");
    }
    loop {
        tokio::select! {
            () = app.life.doors.cancelled() => return,
            () = tokio::time::sleep(EVERY) => renew(&app).await,
        }
    }
}

/// Takes over the model in force where it is another one; batches under way end with theirs.
async fn renew(app: &App) {
    match app.store.in_force(Some(app.brain.load().model.id)).await {
        Ok(None) => {}
        Ok(Some(model)) => {
            tracing::info!(model = model.id, "people are recognised by model {} from now on", model.id);
            let model = Arc::new(model);
            app.brain.rcu(|brain| Brain { model: Arc::clone(&model), ..Brain::clone(brain) });
        }
        Err(error) => tracing::debug!(%error, "whether there is another model could not be asked"),
    }
}
