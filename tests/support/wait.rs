//! Waiting on a condition with a deadline; no test sleeps a fixed time.

use std::future::Future;
use std::time::{Duration, Instant};

/// Between two looks at a condition.
const LOOK: Duration = Duration::from_millis(10);

/// Long enough for any single step on a busy two-core machine.
pub const LONG: Duration = Duration::from_secs(60);

/// Looks until `condition` holds; fails the test, naming `what`, when `deadline` passes first.
pub fn until(what: &str, deadline: Duration, mut condition: impl FnMut() -> bool) {
    let start = Instant::now();
    while !condition() {
        assert!(start.elapsed() < deadline, "waited {deadline:?} in vain until {what}");
        std::thread::sleep(LOOK);
    }
}

/// The same for conditions that await something.
pub async fn until_async<F: Future<Output = bool>>(what: &str, deadline: Duration, mut condition: impl FnMut() -> F) {
    let start = Instant::now();
    while !condition().await {
        assert!(start.elapsed() < deadline, "waited {deadline:?} in vain until {what}");
        tokio::time::sleep(LOOK).await;
    }
}
