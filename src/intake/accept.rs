//! Journal first: the one way from a door into the store.
//!
//! Invariants:
//! - an arrival is acknowledged only from [`Accepted`], which exists after the commit;
//! - a visitor who hangs up does not cancel the write: it runs in a task of its own.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::Semaphore;
use tokio_util::task::TaskTracker;
use ulid::Ulid;

use crate::clock::{Clock, Timestamp};
use crate::domain::envelope::Envelope;
use crate::store::{Accepted, Evidence, LinkKind, NewArrival, OpenLink, Store, StoreError, StoreResult, Used};
use crate::telemetry::fail_point;

/// Writes arrivals down for the doors.
#[derive(Debug, Clone)]
pub struct Journal {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    tracker: TaskTracker,
    refusal: Arc<Mutex<Option<String>>>,
    /// Work of [`Self::aside`] under way: no more than there are processors for it, so that its memory is bounded too.
    busy: Arc<Semaphore>,
}

impl Journal {
    /// A journal on `store`; writes under way are tasks of `tracker`, so that a shutdown waits for them.
    #[must_use]
    pub fn new(store: Arc<dyn Store>, clock: Arc<dyn Clock>, tracker: TaskTracker) -> Self {
        let processors = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        Self { store, clock, tracker, refusal: Arc::default(), busy: Arc::new(Semaphore::new(processors)) }
    }

    /// The clock of the house.
    #[must_use]
    pub fn clock(&self) -> &dyn Clock {
        self.clock.as_ref()
    }

    /// Journals one arrival. Dropping the future does not stop the write.
    ///
    /// # Errors
    /// Those of [`Store::accept`].
    pub async fn accept(&self, arrival: NewArrival) -> StoreResult<Accepted> {
        let accepted = self.accept_all(vec![arrival]).await?;
        accepted.into_iter().next().ok_or_else(|| StoreError::Other("the store answered nothing".into()))
    }

    /// Journals arrivals in one transaction and answers in their order. Dropping the future does not stop the write.
    ///
    /// # Errors
    /// Those of [`Store::accept`]; [`StoreError::Other`] when the write ended without an answer.
    pub async fn accept_all(&self, arrivals: Vec<NewArrival>) -> StoreResult<Vec<Accepted>> {
        let (store, journal) = (Arc::clone(&self.store), self.clone());
        let written = self.tracker.spawn(async move {
            let intakes: Vec<String> = arrivals.iter().map(|arrival| arrival.envelope.intake_id.clone()).collect();
            fail_point::hit("accept-before-commit");
            let accepted = journal.remember(store.accept(arrivals, None).await)?;
            fail_point::hit("accept-after-commit");
            for (intake, accepted) in intakes.into_iter().zip(&accepted) {
                count(intake, accepted);
            }
            Ok(accepted)
        });
        written.await.unwrap_or_else(|gone| Err(StoreError::Other(Box::new(gone))))
    }

    /// Why the last arrival could not be journalled; `None` when it could.
    #[must_use]
    pub fn refusal(&self) -> Option<String> {
        self.refusal.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Writing works again.
    pub fn forgive(&self) {
        *self.refusal.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    fn remember<T>(&self, outcome: StoreResult<T>) -> StoreResult<T> {
        let why = outcome.as_ref().err().map(ToString::to_string);
        *self.refusal.lock().unwrap_or_else(PoisonError::into_inner) = why;
        outcome
    }

    /// The link of a mail to a visitor, while it works.
    ///
    /// # Errors
    /// Those of [`Store::open_link`].
    pub async fn open_link(&self, kind: LinkKind, hash: &str) -> StoreResult<Option<OpenLink>> {
        self.store.open_link(kind, hash).await
    }

    /// Uses a link. Dropping the future does not stop the write.
    ///
    /// # Errors
    /// Those of [`Store::use_link`]; [`StoreError::Other`] when the write ended without an answer.
    pub async fn use_link(&self, kind: LinkKind, hash: &str, evidence: Evidence) -> StoreResult<Used> {
        let (store, hash) = (Arc::clone(&self.store), hash.to_owned());
        let written = self.tracker.spawn(async move { store.use_link(kind, &hash, evidence).await });
        written.await.unwrap_or_else(|gone| Err(StoreError::Other(Box::new(gone))))
    }

    /// A word that operators left in the database for the doors, if it is within reach.
    pub async fn secret(&self, name: &str) -> Option<String> {
        self.store.secret(name).await.ok()?
    }

    /// Runs work that a visitor who hangs up does not stop; `None` when it ended without an answer.
    pub async fn apart<T: Send + 'static>(&self, work: impl Future<Output = T> + Send + 'static) -> Option<T> {
        self.tracker.spawn(work).await.ok()
    }

    /// Runs work that keeps a processor busy, beside the threads that talk to everybody, once it is its turn: as much at
    /// one time as there are processors. `None` when it broke.
    pub async fn aside<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Option<T> {
        let turn = Arc::clone(&self.busy).acquire_owned().await.ok()?;
        let work = move || {
            let _turn = turn;
            work()
        };
        self.tracker.spawn_blocking(work).await.ok()
    }

    /// Uses a token that counts once until `expires_at`; false when it was used before.
    ///
    /// # Errors
    /// Those of [`Store::spend`].
    pub async fn spend(&self, token: &str, expires_at: Timestamp) -> StoreResult<bool> {
        self.store.spend(token, expires_at).await
    }

    /// The arrival that a key would repeat, if it is within reach.
    pub async fn known(&self, key: &str) -> Option<Ulid> {
        self.store.known_key(key).await.ok()?
    }

    /// A journalled arrival with its bytes, if it is within reach.
    pub async fn recall(&self, id: Ulid) -> Option<Envelope> {
        self.store.load(&[id]).await.ok()?.into_iter().next()
    }
}

fn count(intake: String, accepted: &Accepted) {
    if accepted.duplicate_of().is_some() {
        metrics::counter!("pisteur_repeated_total", "intake" => intake.clone()).increment(1);
    }
    metrics::counter!("pisteur_accepted_total", "intake" => intake).increment(1);
}
