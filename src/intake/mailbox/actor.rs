//! The task of one mailbox: take the lock, connect, work, wait after failures, for ever until told to stop.

use std::convert::Infallible;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt as _;
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::journal::Journal;
use super::look::{Shift, panicked};
use super::marks::Marks;
use super::pace::Pace;
use super::read::Memory;
use super::reporter::Reporter;
use super::{MailboxDeps, vault};
use crate::clock::Clock;
use crate::config::mailbox::{After, MailboxConfig};
use crate::imap::{self, Access, ErrorClass, ImapError, Link, MarkError, MarkReceiver, StatusSender};
use crate::store::{NamedLock, Store};

/// How long a stop may take to give the lock back.
const FAREWELL: Duration = Duration::from_secs(2);
/// Between two looks at the tokens.
const TOKENS_EVERY: Duration = Duration::from_secs(15);

pub(super) struct Actor {
    config: MailboxConfig,
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    cancel: CancellationToken,
    access: Access,
    owner: String,
    reporter: Reporter,
    marks: Marks,
    memory: Memory,
    pace: Pace,
}

impl Actor {
    pub(super) fn new(config: MailboxConfig, deps: &MailboxDeps, marks: MarkReceiver, status: StatusSender) -> Self {
        // One SQLite file has one daemon: after a crash it takes its own lock back at once. Daemons on one PostgreSQL
        // are told apart.
        let owner = if deps.store.engine() == "sqlite" { "this".to_owned() } else { deps.clock.new_id().to_string() };
        let access = Access::new(&config, Arc::clone(&deps.clock), Arc::clone(&deps.fetch_token), vault(&deps.store));
        let reporter = Reporter::new(&config.id, status, Arc::clone(&deps.on_status), Arc::clone(&deps.clock));
        Self {
            config,
            store: Arc::clone(&deps.store),
            clock: Arc::clone(&deps.clock),
            cancel: deps.cancel.clone(),
            access,
            owner,
            reporter,
            marks: Marks::new(marks),
            memory: Memory::default(),
            pace: Pace::default(),
        }
    }

    pub(super) async fn run(mut self) {
        let cancel = self.cancel.clone();
        while !cancel.is_cancelled() {
            tokio::select! {
                () = cancel.cancelled() => {}
                () = self.once() => {}
            }
        }
        self.reporter.link(Link::Stopped);
        // The last occasion to keep a rotated refresh token.
        if let Ok(facts) = timeout(FAREWELL, self.access.token_facts()).await {
            self.reporter.tokens(facts);
        }
        let name = self.config.lock_name();
        let give_back = async {
            if let Ok(Some(lock)) = self.store.lock(&name, &self.owner, FAREWELL).await {
                return self.store.unlock(&lock).await;
            }
            Ok(())
        };
        if !matches!(timeout(FAREWELL, give_back).await, Ok(Ok(()))) {
            tracing::debug!(mailbox = %self.config.id, "the lock of the mailbox runs out by itself");
        }
    }

    /// Holds the lock as long as it can be held.
    async fn once(&mut self) {
        let life = self.config.timing.lock.duration();
        let name = self.config.lock_name();
        match self.store.lock(&name, &self.owner, life).await {
            Ok(Some(lock)) => {
                let (store, owner) = (Arc::clone(&self.store), self.owner.clone());
                let keep = keep_lock(store.as_ref(), &lock, &owner, life);
                tokio::select! {
                    () = keep => {
                        let text = "the lock on the mailbox was lost".to_owned();
                        self.reporter.failed(&ImapError::new(ErrorClass::Store, text), self.pace.failures());
                    }
                    () = self.sessions(&lock) => {}
                }
            }
            Ok(None) => {
                self.reporter.link(Link::Elsewhere);
                self.rest(life / 3, MarkError::Elsewhere).await;
            }
            Err(error) => {
                let error = ImapError::new(ErrorClass::Store, format!("the mailbox cannot be locked: {error}"));
                self.after_failure(&error).await;
            }
        }
    }

    /// One session after the other. Never ends by itself.
    async fn sessions(&mut self, lock: &NamedLock) {
        loop {
            let error = self.session(lock).await;
            self.after_failure(&error).await;
        }
    }

    /// Opens the journal and one session, and works until it fails.
    async fn session(&mut self, lock: &NamedLock) -> ImapError {
        let (store, clock) = (Arc::clone(&self.store), Arc::clone(&self.clock));
        let (id, folder, mark) = (&self.config.id, &self.config.folder, self.config.after != After::None);
        let opened = Journal::open(store, clock, id, folder, lock.clone(), mark).await;
        let mut journal = match opened {
            Ok(journal) => journal,
            Err(error) => return error,
        };
        self.pace.connecting(Instant::now());
        self.reporter.connecting();
        let connected = AssertUnwindSafe(imap::open(&self.config, &self.access)).catch_unwind().await;
        let error = match connected.unwrap_or_else(|_| Err(panicked())) {
            Ok(session) => self.work(session, &mut journal).await,
            Err(error) => error,
        };
        journal.bad_look(&error).await;
        error
    }

    async fn work(&mut self, mut session: imap::Session, journal: &mut Journal) -> ImapError {
        self.reporter.tokens(self.access.token_facts().await);
        self.reporter.connected();
        let (pace, cancel) = (&mut self.pace, self.cancel.clone());
        let mut shift = Shift {
            config: &self.config,
            journal,
            memory: &mut self.memory,
            marks: &mut self.marks,
            reporter: &self.reporter,
        };
        let mut on_good = || pace.ok();
        let working = AssertUnwindSafe(shift.work(&mut session, &mut on_good)).catch_unwind();
        let ended = tokio::select! {
            ended = working => ended,
            never = watch_tokens(&self.access, &self.reporter) => match never {},
            // A clean goodbye only where the session is between two commands would need its state; the server
            // notices the closed connection.
            () = cancel.cancelled() => return ImapError::new(ErrorClass::Network, "stopping"),
        };
        ended.unwrap_or_else(|_| {
            self.memory.isolate = true;
            panicked()
        })
    }

    async fn after_failure(&mut self, error: &ImapError) {
        if self.cancel.is_cancelled() {
            return;
        }
        if error.class == ErrorClass::Protocol {
            self.memory.isolate = true;
        }
        self.reporter.tokens(self.access.token_facts().await);
        let jitter = u64::try_from(self.clock.new_id().random() % 1000).unwrap_or(0);
        let pause = self.pace.failed(error.class, &self.config.timing, jitter, Instant::now());
        self.reporter.failed(error, self.pace.failures());
        self.rest(pause, MarkError::Offline).await;
    }

    /// Waits, telling marks to come back later.
    async fn rest(&mut self, pause: Duration, answer: MarkError) {
        tokio::select! {
            () = sleep(pause) => {}
            () = self.marks.refuse(answer) => {}
            () = self.cancel.cancelled() => {}
        }
    }
}

/// Tells how the tokens fare, and so gets a rotated refresh token kept as soon as that can be; never ends.
async fn watch_tokens(access: &Access, reporter: &Reporter) -> Infallible {
    loop {
        sleep(TOKENS_EVERY).await;
        reporter.tokens(access.token_facts().await);
    }
}

/// Renews the lock at a third of its life; ends when it is lost, or could not be renewed for two thirds of it.
async fn keep_lock(store: &dyn Store, lock: &NamedLock, owner: &str, life: Duration) {
    let mut renewed = Instant::now();
    loop {
        sleep(life / 3).await;
        match timeout(life / 3, store.lock(&lock.name, owner, life)).await {
            Ok(Ok(Some(now))) if now.token == lock.token => renewed = Instant::now(),
            Ok(Ok(_)) => return,
            Ok(Err(_)) | Err(_) => {
                if renewed.elapsed() >= life.mul_f64(0.6) {
                    return;
                }
            }
        }
    }
}
