//! Mailboxes as a door in: one task per mailbox holds its lock, its session and its cursor.
//!
//! Invariants:
//! - One session per mailbox, in one daemon: the named lock is renewed at a third of its life; losing it ends the session
//!   at once, and every write is fenced by it.
//! - The cursor moves in the transaction that journals what it passes.
//! - A mailbox that fails waits by itself: no other mailbox and no form notices.
//! - When the store takes nothing, nothing is fetched: the mailbox is the buffer.

mod actor;
mod journal;
mod look;
mod marks;
pub mod metrics;
mod pace;
mod plan;
mod read;
mod reporter;

use std::fmt;
use std::sync::Arc;

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::clock::Clock;
use crate::config::mailbox::MailboxConfig;
use crate::imap::{self, MailboxHandle, MailboxStatus, TokenFetcher, Vault};
use crate::store::Store;

/// Told of every change of a mailbox's status. Must not block.
pub type OnStatus = Arc<dyn Fn(&MailboxStatus) + Send + Sync>;

/// What a mailbox task needs of the house.
#[derive(Clone)]
pub struct MailboxDeps {
    /// Journal, cursor, lock and kept secrets.
    pub store: Arc<dyn Store>,
    /// Time and ids.
    pub clock: Arc<dyn Clock>,
    /// Ends the task; a child token per mailbox lets one be restarted alone.
    pub cancel: CancellationToken,
    /// Where the task is counted.
    pub tracker: TaskTracker,
    /// Calls token endpoints.
    pub fetch_token: TokenFetcher,
    /// Told of every change.
    pub on_status: OnStatus,
}

impl fmt::Debug for MailboxDeps {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MailboxDeps").field("store", &self.store).finish_non_exhaustive()
    }
}

/// Starts the task of one mailbox. The configuration must have passed its validation.
pub fn spawn(config: MailboxConfig, deps: &MailboxDeps) -> MailboxHandle {
    let (handle, receiver, status) = imap::channel(&config.id);
    let actor = actor::Actor::new(config, deps, receiver, status);
    deps.tracker.spawn(actor.run());
    handle
}

/// Keeps rotated refresh tokens in the store.
pub fn vault(store: &Arc<dyn Store>) -> Vault {
    let (for_load, for_save) = (Arc::clone(store), Arc::clone(store));
    Vault::new(
        Arc::new(move |name| {
            let store = Arc::clone(&for_load);
            Box::pin(async move { store.secret(&name).await.map_err(|e| e.to_string()) })
        }),
        Arc::new(move |name, value| {
            let store = Arc::clone(&for_save);
            Box::pin(async move { store.save_secret(&name, &value).await.map_err(|e| e.to_string()) })
        }),
    )
}
