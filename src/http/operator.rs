//! The operator listener: `/readyz`, `/metrics`, and the document of the whole HTTP surface.

use std::fmt;
use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::get;
use serde::Serialize;

/// Whether arrivals can be journalled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Readiness {
    /// All is well.
    Ok,
    /// Arrivals are journalled, but something needs a look.
    Degraded,
    /// The daemon is stopping.
    Stopping,
    /// Arrivals cannot be journalled.
    Unavailable,
}

/// The answer of `/readyz`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ReadinessReport {
    /// In one word.
    pub status: Readiness,
    /// Why it is not `ok`, one sentence each.
    pub reasons: Vec<String>,
}

/// Tells how things stand.
pub type ReadinessSource = Arc<dyn Fn() -> ReadinessReport + Send + Sync>;
/// Renders the figures as Prometheus text.
pub type MetricsSource = Arc<dyn Fn() -> String + Send + Sync>;

/// Describes the HTTP surface as it is now.
pub type DocumentSource = Arc<dyn Fn() -> serde_json::Value + Send + Sync>;

/// What the operator listener needs.
#[derive(Clone)]
pub struct OperatorDeps {
    /// For `/readyz`.
    pub readiness: ReadinessSource,
    /// For `/metrics`.
    pub metrics: MetricsSource,
    /// For `/api/v1/openapi.json`.
    pub openapi: DocumentSource,
}

impl fmt::Debug for OperatorDeps {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OperatorDeps").finish_non_exhaustive()
    }
}

/// Routes of the operator listener.
pub fn operator_router(deps: OperatorDeps) -> Router {
    Router::new()
        .route("/readyz", get(readyz))
        .route("/metrics", get(metrics))
        .route("/api/v1/openapi.json", get(openapi))
        .route("/healthz", get(|| async { "alive\n" }))
        .route("/", get(|| async { "pisteur, for operators: /readyz /metrics /healthz /api/v1/openapi.json\n" }))
        .with_state(deps)
}

async fn readyz(State(deps): State<OperatorDeps>) -> impl IntoResponse {
    let report = (deps.readiness)();
    let status = match report.status {
        Readiness::Ok | Readiness::Degraded => StatusCode::OK,
        Readiness::Stopping | Readiness::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
    };
    (status, [(header::CACHE_CONTROL, "no-store")], axum::Json(report))
}

async fn openapi(State(deps): State<OperatorDeps>) -> impl IntoResponse {
    ([(header::CACHE_CONTROL, "no-store")], axum::Json((deps.openapi)()))
}

async fn metrics(State(deps): State<OperatorDeps>) -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], (deps.metrics)())
}
