//! The operator listener.

use std::sync::{Arc, Mutex};

use pisteur::clock::SystemClock;
use pisteur::config::http::{HttpConfig, LimitsConfig};
use pisteur::http::{OperatorDeps, Readiness, ReadinessReport, ServeLimits, bind, operator_router, serve};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::support::http::Http;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn readiness_is_200_while_arrivals_can_be_journalled() {
    let state = Arc::new(Mutex::new(Readiness::Ok));
    let shared = Arc::clone(&state);
    let readiness = move || ReadinessReport {
        status: *shared.lock().unwrap(),
        reasons: vec!["mailbox sales: wrong password".into()],
    };
    let deps = OperatorDeps {
        readiness: Arc::new(readiness),
        metrics: Arc::new(|| "a_total 1\n".to_owned()),
        openapi: Arc::new(|| serde_json::json!({})),
    };
    let bound = bind("127.0.0.1:0", "http.operator").await.unwrap();
    let http = Http::to(bound.address());
    let (cancel, tracker) = (CancellationToken::new(), TaskTracker::new());
    let limits = ServeLimits::new(&LimitsConfig::default(), &HttpConfig::default());
    tracker.spawn(serve(
        bound,
        operator_router(deps),
        limits,
        Arc::new(SystemClock::default()),
        cancel.clone(),
        tracker.clone(),
    ));
    let cases = [
        (Readiness::Ok, 200, "ok"),
        (Readiness::Degraded, 200, "degraded"),
        (Readiness::Stopping, 503, "stopping"),
        (Readiness::Unavailable, 503, "unavailable"),
    ];
    for (now, status, word) in cases {
        *state.lock().unwrap() = now;
        let answer = http.get("/readyz").unwrap();
        assert_eq!((answer.status, answer.json()["status"].as_str()), (status, Some(word)));
        assert_eq!(answer.json()["reasons"][0], "mailbox sales: wrong password");
    }
    assert_eq!(http.get("/metrics").unwrap().text(), "a_total 1\n");
    assert_eq!(http.get("/f/contact").unwrap().status, 404, "visitors' routes are not here");
    cancel.cancel();
    tracker.close();
    tracker.wait().await;
}
