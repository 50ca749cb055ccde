//! Who is recognised how: says at the start when records wait for a reindex.

use std::sync::Arc;

use super::App;

/// Says what waits.
pub async fn keep(app: Arc<App>) {
    if let Ok(Some(said)) = app.store.waiting().await.map(|waiting| waiting.said()) {
        tracing::warn!("{said}; run: pisteur match reindex");
    }
}
