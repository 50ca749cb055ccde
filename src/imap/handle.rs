//! The way to a running mailbox from outside: ask for a mark, read its state. The session belongs to its own task;
//! a mark waits its turn.
//!
//! The queue of marks holds 256; when it is full the answer is [`MarkError::Busy`] and the outbox tries again later.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::timeout;

use super::error::ErrorClass;
use super::oauth::TokenFacts;
use crate::clock::Timestamp;
use crate::domain::envelope::{ArrivalState, MailPosition};

/// Marks waiting for one mailbox.
const QUEUE: usize = 256;
/// How long a mark waits for its turn before the outbox is told to come back.
const PATIENCE: Duration = Duration::from_mins(2);

/// What a mailbox is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Link {
    /// Not connected.
    #[default]
    Down,
    /// Another daemon reads it.
    Elsewhere,
    /// Logging in.
    Connecting,
    /// Reading or waiting for mail.
    Up,
    /// Waiting before the next try.
    Waiting,
    /// Ended with the daemon.
    Stopped,
}

/// The state of a mailbox, for metrics, readiness and `doctor`.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct MailboxStatus {
    /// Mailbox id.
    pub id: String,
    /// What it is doing.
    pub link: Link,
    /// When a look for new mail last ended well.
    pub last_ok_at: Option<Timestamp>,
    /// The last failure, until a look ends well: class and one sentence.
    pub last_error: Option<(ErrorClass, String)>,
    /// Failures since a look last ended well.
    pub failures: u32,
    /// Messages seen on the server and not yet journalled.
    pub gap: u64,
    /// How the OAuth tokens fare.
    pub tokens: TokenFacts,
    /// Looks for new mail.
    pub polls: u64,
    /// Messages journalled since the start.
    pub messages: u64,
    /// Of these, quarantined because they could not be read.
    pub quarantined: u64,
    /// Connections made since the start.
    pub connections: u64,
}

impl MailboxStatus {
    /// Logged in.
    #[must_use]
    pub fn connected(&self) -> bool {
        self.link == Link::Up
    }
}

/// What came of a mark.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MarkOutcome {
    /// The message carries it, or was moved.
    Marked,
    /// The message is not there any more.
    Gone,
    /// The folder was rebuilt (UIDVALIDITY changed): the position names nothing.
    Stale,
    /// The configuration or the state of the arrival asks for no mark.
    Left,
    /// The server cannot do it safely.
    Unsupported,
}

/// Why a mark has to be tried again later.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MarkError {
    /// Another daemon holds the mailbox.
    #[error("another daemon reads this mailbox")]
    Elsewhere,
    /// Not connected at present.
    #[error("the mailbox is not connected")]
    Offline,
    /// Too many marks wait already.
    #[error("too many marks are waiting")]
    Busy,
    /// The server did not do it.
    #[error("{0}")]
    Failed(String),
}

/// A mark on its way to the mailbox task.
#[derive(Debug)]
pub struct MarkRequest {
    /// The message.
    pub position: MailPosition,
    /// Where its arrival ended.
    pub state: ArrivalState,
    /// Where the outcome goes.
    pub reply: oneshot::Sender<Result<MarkOutcome, MarkError>>,
}

impl MarkRequest {
    /// Answers; nobody waiting any more is fine.
    pub fn answer(self, outcome: Result<MarkOutcome, MarkError>) {
        if self.reply.send(outcome).is_err() {
            tracing::debug!("nobody waits for this mark any more");
        }
    }
}

/// The task's end of the queue of marks.
pub type MarkReceiver = mpsc::Receiver<MarkRequest>;
/// The task's end of the status.
pub type StatusSender = watch::Sender<MailboxStatus>;

/// A cheap way to a mailbox task.
#[derive(Debug, Clone)]
pub struct MailboxHandle {
    id: Arc<str>,
    requests: mpsc::Sender<MarkRequest>,
    status: watch::Receiver<MailboxStatus>,
}

/// A handle and the two ends its task holds.
#[must_use]
pub fn channel(id: &str) -> (MailboxHandle, MarkReceiver, StatusSender) {
    let (requests, receiver) = mpsc::channel(QUEUE);
    let (sender, status) = watch::channel(MailboxStatus { id: id.to_owned(), ..MailboxStatus::default() });
    (MailboxHandle { id: Arc::from(id), requests, status }, receiver, sender)
}

impl MailboxHandle {
    /// Mailbox id.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The state now.
    #[must_use]
    pub fn status(&self) -> MailboxStatus {
        self.status.borrow().clone()
    }

    /// The state as it changes.
    #[must_use]
    pub fn watch(&self) -> watch::Receiver<MailboxStatus> {
        self.status.clone()
    }

    /// Marks a message whose arrival ended in `state`. Quarantined and failed mail stays where people see it.
    ///
    /// # Errors
    /// Every error passes: try again later.
    pub async fn mark(&self, position: &MailPosition, state: ArrivalState) -> Result<MarkOutcome, MarkError> {
        if matches!(state, ArrivalState::Quarantined | ArrivalState::Failed) {
            return Ok(MarkOutcome::Left);
        }
        let (reply, answer) = oneshot::channel();
        let request = MarkRequest { position: position.clone(), state, reply };
        self.requests.try_send(request).map_err(|e| match e {
            mpsc::error::TrySendError::Full(_) => MarkError::Busy,
            mpsc::error::TrySendError::Closed(_) => MarkError::Offline,
        })?;
        match timeout(PATIENCE, answer).await {
            Ok(Ok(outcome)) => outcome,
            Ok(Err(_)) => Err(MarkError::Offline),
            Err(_) => Err(MarkError::Busy),
        }
    }
}

/// The mailboxes this daemon runs, by id: shared between the wiring, which changes it on reload, and the outbox.
#[derive(Debug, Clone, Default)]
pub struct Mailboxes(Arc<RwLock<BTreeMap<String, MailboxHandle>>>);

impl Mailboxes {
    /// Adds or replaces a mailbox.
    pub fn insert(&self, handle: MailboxHandle) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).insert(handle.id().to_owned(), handle);
    }

    /// Takes a mailbox out.
    pub fn remove(&self, id: &str) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).remove(id);
    }

    /// The mailbox with this id.
    #[must_use]
    pub fn get(&self, id: &str) -> Option<MailboxHandle> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).get(id).cloned()
    }

    /// The state of each, by id.
    #[must_use]
    pub fn statuses(&self) -> Vec<MailboxStatus> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).values().map(MailboxHandle::status).collect()
    }
}
