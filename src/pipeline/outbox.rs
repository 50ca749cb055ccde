//! The outbox worker: claims effects, hands them to their deliverer, settles them.
//!
//! Not here: how an effect is delivered (`delivery/`), how long to wait ([`backoff`](super::backoff)).
//!
//! Invariants:
//! - An effect is settled only after its delivery answered. A crash in between delivers it again, under the same id.
//! - Every lease held is renewed at a third of its time, also while it waits for its turn.
//! - One target takes at most `per_target` deliveries at once and `waiting` more in memory; beyond that its effects are
//!   given back for a while, so a slow target holds up nobody else.
//! - Effects whose earlier holder vanished run one at a time.
//! - On shutdown waiting effects are released at once, those under way after `grace`.

mod settle;

use std::collections::BTreeMap;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::FutureExt;
use metrics::histogram;
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinHandle;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::clock::Clock;
use crate::config::delivery::DeliveryConfig;
use crate::delivery::{Attempt, Deliverers, Delivery};
use crate::store::{Claim, Effect, JobSubject, Lease, Queue, Store, StoreError, StoreResult};

/// Bounds of the worker.
#[derive(Debug, Clone)]
pub struct OutboxSettings {
    /// Deliveries under way at once to one target.
    pub per_target: usize,
    /// Effects of one target held in memory beside those under way.
    pub waiting: usize,
    /// Effects held in memory in all.
    pub held: usize,
    /// Attempts before an effect is a dead letter.
    pub max_attempts: u32,
    /// Lease time.
    pub lease: Duration,
    /// Longest wait before looking for work again.
    pub poll: Duration,
    /// How long effects of a target that has its hands full are given back for.
    pub defer: Duration,
    /// How long deliveries under way may go on after shutdown began.
    pub grace: Duration,
}

impl OutboxSettings {
    /// The settings for `config`.
    #[must_use]
    pub fn of(config: &DeliveryConfig) -> Self {
        Self {
            per_target: config.per_target.max(1),
            waiting: 32,
            held: 512,
            max_attempts: config.max_attempts.max(1),
            lease: Duration::from_mins(1),
            poll: Duration::from_secs(2),
            defer: Duration::from_secs(10),
            grace: Duration::from_secs(10),
        }
    }
}

/// What the worker works with.
#[derive(Debug)]
pub struct OutboxDeps {
    /// Queue.
    pub store: Arc<dyn Store>,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Deliverers by kind of effect.
    pub deliverers: Deliverers,
    /// Name of this worker in leases, unique per process start.
    pub owner: String,
    /// Bounds.
    pub settings: OutboxSettings,
    /// Stops the worker.
    pub cancel: CancellationToken,
    /// Everything it starts.
    pub tracker: TaskTracker,
}

/// Starts the worker. For new deliverers or settings: cancel it, await the handle, start another.
pub fn spawn(deps: OutboxDeps) -> JoinHandle<()> {
    let tracker = deps.tracker.clone();
    let outbox = Arc::new(Outbox {
        held: Arc::new(Semaphore::new(deps.settings.held)),
        suspect: Arc::new(Semaphore::new(1)),
        lanes: Mutex::default(),
        room: Notify::new(),
        deps,
    });
    tracker.spawn(outbox.run())
}

/// Most effects claimed in one go.
const BATCH: usize = 32;
/// Longest pause while the database is away.
const AWAY: Duration = Duration::from_secs(30);

/// The turns of one target.
#[derive(Debug)]
struct Lane {
    turns: Semaphore,
    load: AtomicUsize,
}

/// A place in a lane and in memory, given back when dropped.
struct Place {
    outbox: Arc<Outbox>,
    lane: Arc<Lane>,
    // Dropped before `outbox` is told that there is room.
    permits: Option<(OwnedSemaphorePermit, Option<OwnedSemaphorePermit>)>,
}

impl Drop for Place {
    fn drop(&mut self) {
        self.lane.load.fetch_sub(1, Ordering::SeqCst);
        let crowded = self.outbox.held.available_permits() == 0;
        let suspect = self.permits.take().is_some_and(|(_, suspect)| suspect.is_some());
        if crowded || suspect {
            self.outbox.room.notify_one();
        }
    }
}

/// How holding a lease ended.
enum Held<T> {
    Done(T),
    Stopped,
    Lost,
}

#[derive(Debug)]
struct Outbox {
    deps: OutboxDeps,
    held: Arc<Semaphore>,
    suspect: Arc<Semaphore>,
    lanes: Mutex<BTreeMap<(String, String), Arc<Lane>>>,
    /// There is room for more effects, or for a suspect.
    room: Notify,
}

impl Outbox {
    async fn run(self: Arc<Self>) {
        let cancel = self.deps.cancel.clone();
        let mut troubles = 0_u32;
        while !cancel.is_cancelled() {
            match self.round().await {
                Ok(claimed) => {
                    troubles = 0;
                    if claimed == 0 {
                        self.idle().await;
                    }
                }
                Err(error) => {
                    let pause = Duration::from_secs(1).saturating_mul(2_u32.saturating_pow(troubles)).min(AWAY);
                    troubles += 1;
                    tracing::warn!(%error, ?pause, "the outbox could not be read");
                    tokio::select! { () = cancel.cancelled() => {}, () = sleep(pause) => {} }
                }
            }
        }
    }

    async fn idle(&self) {
        let (store, poll) = (&self.deps.store, self.deps.settings.poll);
        let work = async {
            if self.held.available_permits() == 0 {
                sleep(poll).await;
            } else {
                store.wait(Queue::Deliver, poll).await;
            }
        };
        tokio::select! { () = self.deps.cancel.cancelled() => {}, () = self.room.notified() => {}, () = work => {} }
    }

    /// Claims what there is room for and starts it; how many were claimed.
    async fn round(self: &Arc<Self>) -> StoreResult<usize> {
        let free = self.held.available_permits().min(BATCH);
        let mut leases = if free > 0 { self.claim(free, false).await? } else { Vec::new() };
        let mut claimed = leases.len();
        for lease in leases.drain(..) {
            self.start(lease, None).await;
        }
        let Ok(turn) = Arc::clone(&self.suspect).try_acquire_owned() else { return Ok(claimed) };
        if let Some(lease) = self.claim(1, true).await?.pop() {
            claimed += 1;
            self.start(lease, Some(turn)).await;
        }
        Ok(claimed)
    }

    async fn claim(&self, limit: usize, suspects: bool) -> StoreResult<Vec<Lease>> {
        let owner = self.deps.owner.clone();
        let lease = self.deps.settings.lease;
        self.deps.store.claim(Claim { queue: Queue::Deliver, owner, limit, lease, suspects }).await
    }

    async fn start(self: &Arc<Self>, lease: Lease, suspect: Option<OwnedSemaphorePermit>) {
        let JobSubject::Effect(effect) = lease.subject() else {
            tracing::error!(job = lease.job(), "job {} is no delivery", lease.job());
            return self.release(&lease).await;
        };
        let effect = effect.clone();
        let lane = self.lane(&effect);
        let full = self.deps.settings.per_target + self.deps.settings.waiting;
        let Ok(permit) = Arc::clone(&self.held).acquire_owned().await else { return };
        if lane.load.fetch_add(1, Ordering::SeqCst) >= full && suspect.is_none() {
            lane.load.fetch_sub(1, Ordering::SeqCst);
            let until = self.deps.clock.now().after(self.deps.settings.defer);
            if let Err(error) = self.deps.store.defer(&lease, until).await {
                tracing::debug!(%error, effect = %effect.id, "effect {} could not be given back", effect.id);
            }
            return;
        }
        let place = Place { outbox: Arc::clone(self), lane, permits: Some((permit, suspect)) };
        self.deps.tracker.spawn(async move { place.outbox.carry(&lease, &effect, &place.lane).await });
    }

    fn lane(&self, effect: &Effect) -> Arc<Lane> {
        let mut lanes = self.lanes.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (effect.kind.clone(), effect.target.clone());
        let turns = self.deps.settings.per_target;
        let lane = lanes
            .entry(key)
            .or_insert_with(|| Arc::new(Lane { turns: Semaphore::new(turns), load: AtomicUsize::new(0) }));
        Arc::clone(lane)
    }

    /// One effect from its turn to its end.
    async fn carry(&self, lease: &Lease, effect: &Effect, lane: &Lane) {
        let turn = match self.hold(lease, lane.turns.acquire(), Duration::ZERO).await {
            Held::Done(Ok(turn)) => turn,
            Held::Done(Err(_)) | Held::Stopped => return self.release(lease).await,
            Held::Lost => return,
        };
        let started = self.deps.clock.now();
        let ended = self.hold(lease, self.deliver(lease, effect), self.deps.settings.grace).await;
        drop(turn);
        let kind = effect.kind.clone();
        histogram!("pisteur_delivery_seconds", "kind" => kind).record(self.deps.clock.now().since(started));
        match ended {
            Held::Done(delivery) => self.settle(lease, effect, delivery).await,
            Held::Stopped => self.release(lease).await,
            Held::Lost => tracing::warn!(effect = %effect.id, "the lease on effect {} was lost", effect.id),
        }
    }

    /// Awaits `work` while the lease is kept, until `grace` after shutdown began.
    async fn hold<T>(&self, lease: &Lease, work: impl Future<Output = T>, grace: Duration) -> Held<T> {
        let length = self.deps.settings.lease;
        let keep = async {
            loop {
                sleep(length / 3).await;
                match self.deps.store.renew(lease, length).await {
                    Ok(_) => {}
                    Err(StoreError::Fenced(_)) => return,
                    Err(error) => tracing::warn!(%error, job = lease.job(), "a lease could not be renewed"),
                }
            }
        };
        let patience = async {
            self.deps.cancel.cancelled().await;
            sleep(grace).await;
        };
        tokio::select! {
            done = work => Held::Done(done),
            () = patience => Held::Stopped,
            () = keep => Held::Lost,
        }
    }

    async fn deliver(&self, lease: &Lease, effect: &Effect) -> Delivery {
        let number = lease.attempt();
        if number > i64::from(self.deps.settings.max_attempts) {
            return Delivery::never("every attempt ended without a word: the daemon stopped during each");
        }
        let Some(deliverer) = self.deps.deliverers.get(&effect.kind) else {
            return Delivery::never(format!("deliveries of kind {} are not configured", effect.kind));
        };
        let attempt = Attempt { number, now: self.deps.clock.now() };
        AssertUnwindSafe(deliverer.deliver(effect, attempt)).catch_unwind().await.unwrap_or_else(|_| {
            tracing::error!(effect = %effect.id, kind = effect.kind, "delivering effect {} panicked", effect.id);
            Delivery::retry("the delivery failed inside pisteur")
        })
    }

    async fn release(&self, lease: &Lease) {
        if let Err(error) = self.deps.store.release(lease).await {
            tracing::debug!(%error, job = lease.job(), "a lease could not be released and will run out");
        }
    }
}
