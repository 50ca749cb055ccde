//! The line to the server: up or down, and quick to say so.
//!
//! Invariants:
//! - While the line is down every operation answers [`StoreError::Away`] at once; nobody waits for a time-out but the
//!   one who found out.
//! - The line goes down on the first error of a connection, or when the keeper gets no answer over a connection of its
//!   own. Slow is not away: an operation that takes too long is [`StoreError::Busy`] and makes the keeper ask.
//! - It comes up only after the keeper has connected anew, checked
//!   the settings and migrated. Coming up brings a new pool: no operation meets a connection from before.
//! - Time for leases is the database's: read at every check, carried forward by the monotonic clock between checks,
//!   so neither a step of this machine's clock nor its error can shorten or lengthen a lease.

use std::future::Future;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use sqlx::postgres::{PgConnection, PgPool};
use sqlx::{Postgres, Transaction, pool::PoolConnection};
use tokio::sync::{Notify, watch};
use tokio_util::sync::CancellationToken;

use super::server::{Prepared, Server};
use super::tls;
use crate::clock::Timestamp;
use crate::store::{StoreError, StoreResult};

/// Longest a write that somebody waits for at a door may take before it goes to the spill.
pub(super) const AT_THE_DOOR: Duration = Duration::from_secs(4);
/// An operation that takes longer makes the keeper ask whether the server is there.
const DOUBT: Duration = Duration::from_secs(1);
/// Longest the keeper waits for an answer.
const ANSWER: Duration = Duration::from_secs(3);
/// Longest any other operation may take.
pub(super) const AT_WORK: Duration = Duration::from_mins(1);
/// Longest connecting, checking and migrating may take.
const PREPARE: Duration = Duration::from_mins(2);
/// Longest connecting may take when the daemon starts.
const FIRST: Duration = Duration::from_secs(3);
/// Between two checks of a line that is up.
const CHECK: Duration = Duration::from_secs(10);
/// First and longest wait between two attempts to connect.
const RETRY: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(2));

const DATABASE_TIME: &str = "SELECT CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000000 AS BIGINT)";

/// The line.
#[derive(Debug)]
pub(super) struct Link {
    server: Server,
    pool: ArcSwap<PgPool>,
    up: watch::Sender<bool>,
    trouble: Notify,
    /// Why the line is down, for those who ask meanwhile.
    reason: Mutex<String>,
    started: Instant,
    /// Database time minus time since `started`, in microseconds.
    offset: AtomicI64,
}

impl Link {
    /// A line that is still down.
    pub(super) fn new(server: Server) -> Self {
        let pool = server.pool();
        Self {
            server,
            pool: ArcSwap::from_pointee(pool),
            up: watch::Sender::new(false),
            trouble: Notify::new(),
            reason: Mutex::new("not connected yet".to_owned()),
            started: Instant::now(),
            offset: AtomicI64::new(0),
        }
    }

    /// The first attempt to connect. A server that listens may take its time to migrate.
    ///
    /// # Errors
    /// As [`Server::prepare`].
    pub(super) async fn first(&self) -> StoreResult<Prepared> {
        // A stalled network must not hold the start; a migration may.
        let reachable = tokio::time::timeout(FIRST, self.server.pool().acquire()).await;
        match reachable {
            Ok(Ok(conn)) => drop(conn.detach()),
            Ok(Err(error)) => return Err(self.note(first_refusal(error))),
            Err(_) => return Err(self.note(StoreError::Away("no answer within 3 s".into()))),
        }
        self.raise().await
    }

    /// While nothing works yet, a crowded server is as good as none.
    fn note(&self, error: StoreError) -> StoreError {
        let error = if let StoreError::Busy(source) = error { StoreError::Away(source) } else { error };
        *self.reason.lock().unwrap_or_else(PoisonError::into_inner) = error.to_string();
        error
    }

    /// Prepares the server and puts the line up.
    async fn raise(&self) -> StoreResult<Prepared> {
        let prepared = match tokio::time::timeout(PREPARE, self.server.prepare()).await {
            Ok(Ok(prepared)) => prepared,
            Ok(Err(error)) => return Err(self.note(error)),
            Err(_) => return Err(self.note(StoreError::Away("connecting took too long".into()))),
        };
        let pool = self.server.pool();
        let timed = async { self.read_time(&mut *pool.acquire().await?).await };
        timed.await.map_err(|e| self.note(e))?;
        let old = self.pool.swap(std::sync::Arc::new(pool));
        // Whoever still holds an old connection gives it back in its own time.
        tokio::spawn(async move { old.close().await });
        self.up.send_replace(true);
        Ok(prepared)
    }

    /// Whether operations are let through.
    pub(super) fn is_up(&self) -> bool {
        *self.up.borrow()
    }

    /// Waits until the line is up.
    pub(super) async fn wait_up(&self) {
        // The sender is a field beside: it lives as long as the receiver.
        drop(self.up.subscribe().wait_for(|up| *up).await);
    }

    async fn wait_down(&self) {
        drop(self.up.subscribe().wait_for(|up| !*up).await);
    }

    fn away(&self) -> StoreError {
        StoreError::Away(self.reason.lock().unwrap_or_else(PoisonError::into_inner).clone().into())
    }

    fn lost(&self, error: &StoreError) {
        *self.reason.lock().unwrap_or_else(PoisonError::into_inner) = error.to_string();
        if self.up.send_replace(false) {
            tracing::warn!(%error, "the database is away; forms go to the spill until it is back");
        }
        self.trouble.notify_one();
    }

    /// Runs an operation with a deadline and watches for the line going down.
    pub(super) async fn bounded<T>(
        &self,
        deadline: Duration,
        operation: impl Future<Output = StoreResult<T>>,
    ) -> StoreResult<T> {
        if !self.is_up() {
            return Err(self.away());
        }
        let mut operation = std::pin::pin!(operation);
        let mut result = tokio::time::timeout(DOUBT.min(deadline), operation.as_mut()).await;
        if result.is_err() {
            self.trouble.notify_one();
            result = tokio::select! {
                result = tokio::time::timeout(deadline.saturating_sub(DOUBT), operation) => result,
                () = self.wait_down() => return Err(self.away()),
            };
        }
        let result = result.unwrap_or_else(|_| Err(no_answer(deadline)));
        if let Err(error @ StoreError::Away(_)) = &result {
            self.lost(error);
        }
        result
    }

    /// A connection for reading.
    pub(super) async fn connection(&self) -> StoreResult<PoolConnection<Postgres>> {
        self.pool.load_full().acquire().await.map_err(|e| outage(e.into()))
    }

    /// A connection apart from the pool, for what takes long.
    pub(super) async fn apart(&self) -> StoreResult<PgConnection> {
        self.server.connect().await.map_err(outage)
    }

    /// A transaction.
    pub(super) async fn begin(&self) -> StoreResult<Transaction<'static, Postgres>> {
        self.pool.load_full().begin().await.map_err(|e| outage(e.into()))
    }

    /// A pool for the listener, which keeps a connection for itself.
    pub(super) fn pool(&self) -> std::sync::Arc<PgPool> {
        self.pool.load_full()
    }

    /// The database's time.
    pub(super) fn now(&self) -> Timestamp {
        let since = i64::try_from(self.started.elapsed().as_micros()).unwrap_or(i64::MAX);
        Timestamp::from_micros(self.offset.load(Ordering::SeqCst).saturating_add(since))
    }

    async fn read_time(&self, conn: &mut PgConnection) -> StoreResult<()> {
        let before = self.started.elapsed();
        let read: i64 = sqlx::query_scalar(DATABASE_TIME).fetch_one(conn).await?;
        let middle = before.saturating_add(self.started.elapsed()) / 2;
        let offset = read.saturating_sub(i64::try_from(middle.as_micros()).unwrap_or(0));
        self.offset.store(offset, Ordering::SeqCst);
        Ok(())
    }

    /// Keeps the line: checks it while it is up, raises it again when it is down.
    pub(super) async fn keep(&self, stop: CancellationToken) {
        let work = async {
            let mut own = None;
            loop {
                if !self.is_up() {
                    own = None;
                    self.raise_again().await;
                }
                if let Err(error) = self.check(&mut own).await {
                    tracing::debug!(%error, "the check of the database failed");
                    if matches!(error, StoreError::Away(_)) {
                        self.lost(&error);
                        continue;
                    }
                }
                tokio::select! {
                    () = self.trouble.notified() => {}
                    () = tokio::time::sleep(CHECK) => {}
                }
            }
        };
        Box::pin(stop.run_until_cancelled(work)).await;
    }

    /// Asks the server for its time over the keeper's own connection, and over a new one if that fails: workers may
    /// have taken every connection of the pool, and each may be waiting for a lock.
    async fn check(&self, own: &mut Option<PgConnection>) -> StoreResult<()> {
        if let Some(conn) = own
            && matches!(tokio::time::timeout(ANSWER, self.read_time(conn)).await, Ok(Ok(())))
        {
            return Ok(());
        }
        // What was asked on it may still be answered: it is of no more use.
        *own = None;
        let anew = async {
            let mut conn = self.server.connect().await.map_err(outage)?;
            self.read_time(&mut conn).await?;
            Ok(conn)
        };
        let conn = tokio::time::timeout(ANSWER, anew)
            .await
            .unwrap_or_else(|_| Err(StoreError::Away(format!("no answer within {} s", ANSWER.as_secs()).into())))?;
        *own = Some(conn);
        Ok(())
    }

    async fn raise_again(&self) {
        let mut wait = RETRY.0;
        let mut told = String::new();
        loop {
            match self.raise().await {
                Ok(prepared) => {
                    tracing::info!(migrated = prepared.migrated, "the database is back");
                    return;
                }
                Err(error) => {
                    let text = error.to_string();
                    if text != told {
                        tracing::warn!(%error, "the database cannot be used yet; trying again");
                        told = text;
                    }
                }
            }
            tokio::time::sleep(wait).await;
            wait = wait.saturating_mul(2).min(RETRY.1);
        }
    }

    /// Gives every connection back.
    pub(super) async fn close(&self) {
        self.up.send_replace(false);
        "closed".clone_into(&mut self.reason.lock().unwrap_or_else(PoisonError::into_inner));
        let pool = self.pool.load_full();
        if tokio::time::timeout(Duration::from_secs(5), pool.close()).await.is_err() {
            tracing::warn!("some connections to the database did not close within 5 s");
        }
    }
}

/// At the start a server that cannot prove who it is is a wrong setting. Later it is an outage like any other: what is
/// wrong then is not in this daemon's hands, and forms go to the spill.
fn first_refusal(error: sqlx::Error) -> StoreError {
    tls::refused(&error).map_or_else(|| StoreError::from(error), StoreError::Unusable)
}

/// A server that lets nobody in any more (password, rights or database changed under a running daemon) is away until
/// that is mended.
fn outage(error: StoreError) -> StoreError {
    if let StoreError::Unusable(text) = error { StoreError::Away(text.into()) } else { error }
}

fn no_answer(deadline: Duration) -> StoreError {
    StoreError::Busy(format!("no answer within {} s", deadline.as_secs()).into())
}
