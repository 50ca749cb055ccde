//! Waking workers: at once in this process, and through LISTEN/NOTIFY in the other daemons on the same database.
//!
//! NOTIFY is sent apart from the transactions that make jobs, at most every [`PAUSE`]: inside them it would make
//! commits wait for one another. A lost notification costs nothing but time, since workers also look by themselves.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use sqlx::postgres::PgListener;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::inner::Inner;
use super::link::Link;
use crate::store::signal::Signals;
use crate::store::{Queue, StoreResult};

/// Least time between two notifications to other daemons.
const PAUSE: Duration = Duration::from_millis(50);

const TELL_PROCESS: &str = "NOTIFY pisteur_process";
const TELL_DELIVER: &str = "NOTIFY pisteur_deliver";

/// Wakes those who wait for work.
#[derive(Debug, Default)]
pub(super) struct Bell {
    here: Signals,
    process: AtomicBool,
    deliver: AtomicBool,
    ring: Notify,
}

impl Bell {
    /// `jobs` were committed to this queue.
    pub(super) fn work(&self, queue: Queue, jobs: usize) {
        if jobs == 0 {
            return;
        }
        self.here.wake(queue, jobs);
        match queue {
            Queue::Process => self.process.store(true, Ordering::SeqCst),
            Queue::Deliver => self.deliver.store(true, Ordering::SeqCst),
        }
        self.ring.notify_one();
    }

    /// Waits for work of this queue, at most `timeout`.
    pub(super) async fn wait(&self, queue: Queue, timeout: Duration) {
        self.here.wait(queue, timeout).await;
    }

    /// Tells the other daemons, and hears them, until told to stop.
    pub(super) async fn run(self: Arc<Self>, inner: Arc<Inner>, stop: CancellationToken) {
        let both = async { tokio::join!(self.tell(&inner.link), self.hear(&inner.link)) };
        Box::pin(stop.run_until_cancelled(both)).await;
    }

    async fn tell(&self, link: &Link) {
        loop {
            self.ring.notified().await;
            for (flag, sql) in [(&self.process, TELL_PROCESS), (&self.deliver, TELL_DELIVER)] {
                if flag.swap(false, Ordering::SeqCst)
                    && let Err(error) = send(link, sql).await
                {
                    tracing::debug!(%error, "the other daemons were not told of work; they look by themselves");
                }
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    async fn hear(&self, link: &Link) {
        loop {
            link.wait_up().await;
            if let Err(error) = self.listen(link).await {
                tracing::debug!(%error, "listening to other daemons was interrupted");
            }
            // Whatever was committed while nobody listened.
            self.here.wake(Queue::Process, 1);
            self.here.wake(Queue::Deliver, 1);
            tokio::time::sleep(PAUSE).await;
        }
    }

    async fn listen(&self, link: &Link) -> StoreResult<()> {
        let mut listener = PgListener::connect_with(&link.pool()).await?;
        listener.listen_all(["pisteur_process", "pisteur_deliver"]).await?;
        while let Some(heard) = listener.try_recv().await? {
            let queue = if heard.channel() == "pisteur_process" { Queue::Process } else { Queue::Deliver };
            self.here.wake(queue, usize::MAX);
        }
        Ok(())
    }
}

async fn send(link: &Link, sql: &'static str) -> StoreResult<()> {
    let mut conn = link.connection().await?;
    sqlx::query(sql).execute(&mut *conn).await?;
    Ok(())
}
