//! The door to the journal: concurrent accepts share a transaction, and go to the spill while the database is away or
//! does not answer in time.
//!
//! Invariants:
//! - The channel is bounded: when it is full, accepting waits (the caller's own time-out is the limit).
//! - One accept that the database refuses does not spoil the others of its transaction: each then runs alone.
//! - An accept whose COMMIT was not answered goes to the spill under the same id; the drain finds the id in the
//!   database and does not write it twice.
//! - A mailbox's accept (with a cursor) is never spilled: the mailbox keeps the message.

use std::sync::Arc;

use tokio::sync::{Mutex, mpsc, oneshot};
use tokio_util::task::TaskTracker;

use super::driver::may_run_again;
use super::inner::Inner;
use super::link::{AT_THE_DOOR, AT_WORK};
use super::queries::journal;
use crate::store::{Accepted, CursorMove, NewArrival, Queue, StoreError, StoreResult, Times};

/// Transactions that journal at the same time, so that one gathers while another waits for the disk.
const LANES: usize = 3;
/// Accepts of one transaction at most.
const GROUP: usize = 128;
/// Accepts that may wait.
const WAITING: usize = 1024;
/// How often a transaction that met another one runs again.
const AGAIN: usize = 3;

type Request = (Arc<Vec<NewArrival>>, oneshot::Sender<StoreResult<Vec<Accepted>>>);

/// Handle of the lanes.
#[derive(Debug)]
pub(super) struct Door {
    requests: mpsc::Sender<Request>,
}

impl Door {
    /// Starts the lanes. They end when the handle is dropped.
    pub(super) fn open(inner: &Arc<Inner>, tasks: &TaskTracker) -> Self {
        let (requests, inbox) = mpsc::channel(WAITING);
        let inbox = Arc::new(Mutex::new(inbox));
        for _ in 0..LANES {
            tasks.spawn(lane(Arc::clone(inner), Arc::clone(&inbox)));
        }
        Self { requests }
    }

    /// Journals in the database, or in the spill while it is away.
    pub(super) async fn accept(&self, inner: &Inner, arrivals: Vec<NewArrival>) -> StoreResult<Vec<Accepted>> {
        if inner.spill_holds(&arrivals).await {
            return inner.spill(arrivals).await;
        }
        let arrivals = Arc::new(arrivals);
        let (answer, result) = oneshot::channel();
        if self.requests.send((Arc::clone(&arrivals), answer)).await.is_err() {
            return Err(StoreError::Away("the store is closed".into()));
        }
        match result.await.unwrap_or_else(|_| Err(StoreError::Away("the store is closed".into()))) {
            Err(StoreError::Away(_) | StoreError::Busy(_)) => {
                inner.spill(Arc::try_unwrap(arrivals).unwrap_or_else(|shared| shared.to_vec())).await
            }
            answered => answered,
        }
    }
}

async fn lane(inner: Arc<Inner>, inbox: Arc<Mutex<mpsc::Receiver<Request>>>) {
    let mut requests = Vec::with_capacity(GROUP);
    loop {
        if inbox.lock().await.recv_many(&mut requests, GROUP).await == 0 {
            return;
        }
        let group: Vec<&NewArrival> = requests.iter().flat_map(|(arrivals, _)| arrivals.iter()).collect();
        match journal_now(&inner, &group, None).await {
            Ok(accepted) => {
                let mut accepted = accepted.into_iter();
                for (arrivals, answer) in requests.drain(..) {
                    let mine = accepted.by_ref().take(arrivals.len()).collect();
                    drop(arrivals);
                    tell(answer, Ok(mine));
                }
            }
            Err(error) => {
                let away = matches!(error, StoreError::Away(_) | StoreError::Busy(_)).then(|| error.to_string());
                for (arrivals, answer) in requests.drain(..) {
                    let result = match &away {
                        Some(reason) => Err(StoreError::Away(reason.clone().into())),
                        None => journal_now(&inner, &arrivals.iter().collect::<Vec<_>>(), None).await,
                    };
                    drop(arrivals);
                    tell(answer, result);
                }
            }
        }
    }
}

fn tell(answer: oneshot::Sender<StoreResult<Vec<Accepted>>>, result: StoreResult<Vec<Accepted>>) {
    if answer.send(result).is_err() {
        tracing::debug!("nobody waits for the answer of an accept; the arrivals are kept");
    }
}

/// Journals arrivals and moves the cursor in one transaction.
pub(super) async fn journal_now(
    inner: &Inner,
    arrivals: &[&NewArrival],
    cursor: Option<&CursorMove>,
) -> StoreResult<Vec<Accepted>> {
    let deadline = if cursor.is_some() { AT_WORK } else { AT_THE_DOOR };
    let mut left = AGAIN;
    loop {
        let result = inner.link.bounded(deadline, journal_once(inner, arrivals, cursor)).await;
        match result {
            Err(error) if left > 0 && may_run_again(&error) => left -= 1,
            other => return other,
        }
    }
}

async fn journal_once(
    inner: &Inner,
    arrivals: &[&NewArrival],
    cursor: Option<&CursorMove>,
) -> StoreResult<Vec<Accepted>> {
    let mut transaction = inner.link.begin().await?;
    let mark = cursor.is_some_and(|c| c.mark_repeats);
    let now = inner.link.now();
    let done = journal::accept(&mut transaction, arrivals, mark, Times { wall: now, queue: now }).await?;
    if let Some(cursor) = cursor {
        journal::move_cursor(&mut transaction, cursor).await?;
    }
    transaction.commit().await?;
    inner.bell.work(Queue::Process, done.process);
    inner.bell.work(Queue::Deliver, done.deliver);
    Ok(done.answers)
}
