//! Life and death of the daemon: signals in, cancellation out, in an order that loses nothing.
//!
//! Stopping: doors close first (no new arrivals), then the workers finish or give back their leases, then the writer
//! drains and the database is closed. All of it within [`GRACE`]; a second signal ends the process at once. A clean stop
//! is only an optimisation: what is journalled survives any end.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::store::Store;

/// Longest a clean stop may take.
pub const GRACE: Duration = Duration::from_secs(30);

/// Tokens and trackers of everything that runs.
#[derive(Debug, Clone, Default)]
pub struct Lifecycle {
    /// Cancelled first: listeners, mailboxes, spool, watchers.
    pub doors: CancellationToken,
    /// Cancelled when the doors are closed: workers, outbox.
    pub work: CancellationToken,
    /// Tasks behind the doors.
    pub door_tasks: TaskTracker,
    /// Workers and outbox.
    pub work_tasks: TaskTracker,
    /// SIGHUP: read configuration and rules again.
    pub reload: Arc<Notify>,
    stopping: Arc<AtomicBool>,
}

impl Lifecycle {
    /// True from the first signal on.
    #[must_use]
    pub fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Relaxed)
    }

    /// Begins a clean stop.
    pub fn stop(&self) {
        self.stopping.store(true, Ordering::Relaxed);
        self.doors.cancel();
    }

    /// Listens to SIGTERM, SIGINT and SIGHUP until the process ends.
    ///
    /// # Errors
    /// When the system refuses the handlers.
    pub fn listen(&self) -> std::io::Result<()> {
        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        let mut hangup = signal(SignalKind::hangup())?;
        let life = self.clone();
        tokio::spawn(async move {
            loop {
                tokio::select! {
                    _ = hangup.recv() => life.reload.notify_one(),
                    _ = terminate.recv() => life.signalled(),
                    _ = interrupt.recv() => life.signalled(),
                }
            }
        });
        Ok(())
    }

    fn signalled(&self) {
        if self.is_stopping() {
            tracing::warn!("second signal: stopping at once; journalled arrivals are kept");
            std::process::exit(130);
        }
        tracing::info!("stopping: doors close, work in hand is finished");
        self.stop();
    }

    /// Waits for the stop, then ends everything in order. True when all of it ended in time.
    pub async fn run_to_end(&self, store: &Arc<dyn Store>) -> bool {
        self.doors.cancelled().await;
        let ended = tokio::time::timeout(GRACE, async {
            self.door_tasks.close();
            self.door_tasks.wait().await;
            self.work.cancel();
            self.work_tasks.close();
            self.work_tasks.wait().await;
            store.close().await;
        })
        .await
        .is_ok();
        if !ended {
            tracing::warn!(
                "some tasks did not end in {} s; leaving them, leases run out by themselves",
                GRACE.as_secs()
            );
        }
        ended
    }
}
