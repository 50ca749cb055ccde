//! The outbox worker: claims effects, hands them to their deliverer, settles them.
//!
//! Not here: how an effect is delivered (`delivery/`), how long to wait ([`backoff`](super::backoff)).
//!
//! Invariants:
//! - An effect is settled only after its delivery answered. A crash in between delivers it again, under the same id.
//! - Every lease held is renewed at a third of its time, also while it waits for its turn.
//! - One target takes at most `per_target` deliveries at once and about `waiting` more in memory; beyond that the
//!   effects of a slow target are given back for a while, so it holds up nobody else.
//! - Effects whose earlier holder vanished run one at a time.
//! - On shutdown waiting effects are released at once, those under way after `grace`.

mod lane;
mod settle;

use std::collections::BTreeMap;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::FutureExt;
use metrics::{counter, histogram};
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use self::lane::{Admission, Lane};
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
    /// Longest time that effects of a slow target with its hands full are given back for.
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
            waiting: 60,
            held: 512,
            max_attempts: config.max_attempts.max(1),
            lease: Duration::from_mins(1),
            poll: Duration::from_secs(2),
            defer: Duration::from_secs(30),
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
/// Longest pause for a full lane that is quick.
const BREATH: Duration = Duration::from_millis(100);
/// Longest pause while the database is away.
const AWAY: Duration = Duration::from_secs(30);

/// A place in a lane and in memory, given back when dropped.
struct Place {
    outbox: Arc<Outbox>,
    lane: Arc<Lane>,
    // Dropped before `outbox` is told that there is room.
    permits: Option<(OwnedSemaphorePermit, Option<OwnedSemaphorePermit>)>,
}

impl Drop for Place {
    fn drop(&mut self) {
        self.lane.leave();
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
        let free = self.held.available_permits();
        if free == 0 {
            return Ok(0);
        }
        let mut leases = self.claim(free.min(BATCH), false).await?;
        let mut claimed = leases.len();
        let mut brimming = None;
        for lease in leases.drain(..) {
            brimming = self.start(lease, None).await.or(brimming);
        }
        if let Some(lane) = brimming {
            tokio::select! { () = lane.room.notified() => {}, () = sleep(BREATH) => {} }
        }
        // One place may have been filled meanwhile; the suspect then waits for the next round.
        let Ok(turn) = Arc::clone(&self.suspect).try_acquire_owned() else { return Ok(claimed) };
        if self.held.available_permits() > 0
            && let Some(lease) = self.claim(1, true).await?.pop()
        {
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

    /// Starts one effect, or gives it back. The lane, when it is full but quick: claim no more until it has room.
    async fn start(self: &Arc<Self>, lease: Lease, suspect: Option<OwnedSemaphorePermit>) -> Option<Arc<Lane>> {
        let JobSubject::Effect(effect) = lease.subject() else {
            tracing::error!(job = lease.job(), "job {} is no delivery", lease.job());
            self.release(&lease).await;
            return None;
        };
        let effect = effect.clone();
        let lane = self.lane(&effect);
        let admission = lane.enter(self.deps.settings.defer, Instant::now());
        if let Admission::Later(wait) = admission {
            self.defer(&lease, wait).await;
            return None;
        }
        let permit = Arc::clone(&self.held).acquire_owned().await.ok()?;
        let place = Place { outbox: Arc::clone(self), lane: Arc::clone(&lane), permits: Some((permit, suspect)) };
        self.deps.tracker.spawn(async move { place.outbox.carry(&lease, &effect, &place.lane).await });
        (admission == Admission::Brim).then_some(lane)
    }

    async fn defer(&self, lease: &Lease, wait: Duration) {
        if let Err(error) = self.deps.store.defer(lease, wait).await {
            tracing::debug!(%error, job = lease.job(), "a lease could not be given back and will run out");
        }
    }

    fn lane(&self, effect: &Effect) -> Arc<Lane> {
        let mut lanes = self.lanes.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (effect.kind.clone(), effect.target.clone());
        let settings = &self.deps.settings;
        let own = self.deps.deliverers.get(&effect.kind).and_then(|d| d.at_once());
        let width = own.unwrap_or(settings.per_target);
        let new = || Arc::new(Lane::new(width, settings.waiting, Instant::now()));
        Arc::clone(lanes.entry(key).or_insert_with(new))
    }

    /// One effect from its turn to its end.
    async fn carry(&self, lease: &Lease, effect: &Effect, lane: &Lane) {
        let turn = match self.hold(lease, lane.turns.acquire(), Duration::ZERO).await {
            Held::Done(Ok(turn)) => turn,
            Held::Done(Err(_)) | Held::Stopped => return self.release(lease).await,
            Held::Lost => return,
        };
        let started = Instant::now();
        let ended = self.hold(lease, self.deliver(lease, effect), self.deps.settings.grace).await;
        drop(turn);
        let kind = effect.kind.clone();
        lane.took(started.elapsed(), Instant::now());
        histogram!("pisteur_delivery_seconds", "kind" => kind).record(started.elapsed());
        match ended {
            Held::Done(delivery) => self.settle(lease, effect, delivery).await,
            Held::Stopped => self.release(lease).await,
            Held::Lost => {
                counter!("pisteur_leases_lost_total").increment(1);
                tracing::warn!(effect = %effect.id, "the lease on effect {} was lost", effect.id);
            }
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
        let vanished = number - 1 - lease.failures();
        if vanished >= i64::from(self.deps.settings.max_attempts) {
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
