//! Wakes workers of this process when a queue gets work; others find it by asking.

use std::time::Duration;

use tokio::sync::Notify;

use super::Queue;

/// Workers woken by one commit at most; each claims a batch.
const WAKE: usize = 8;

/// One bell per queue.
#[derive(Debug, Default)]
pub(super) struct Signals {
    process: Notify,
    deliver: Notify,
}

impl Signals {
    const fn bell(&self, queue: Queue) -> &Notify {
        match queue {
            Queue::Process => &self.process,
            Queue::Deliver => &self.deliver,
        }
    }

    /// `jobs` new jobs are there.
    pub(super) fn wake(&self, queue: Queue, jobs: usize) {
        for _ in 0..jobs.min(WAKE) {
            self.bell(queue).notify_one();
        }
    }

    /// Waits for a bell, at most `timeout`.
    pub(super) async fn wait(&self, queue: Queue, timeout: Duration) {
        tokio::time::timeout(timeout, self.bell(queue).notified()).await.ok();
    }
}
