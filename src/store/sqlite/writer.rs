//! The only task that writes: it owns the write connection and commits whatever has gathered, as one group.
//!
//! Invariants:
//! - An answer is sent only after the COMMIT that made it durable, or after the rollback that undid it.
//! - A caller that hangs up cancels nothing: its command is in the channel and runs.
//! - Accepts of one group are one batch, so are commits; a batch that fails is tried again one by one, each under a
//!   savepoint of its own, so that one bad command never takes others with it.
//! - What is written into a file that its path does not lead to any more is refused, not answered as kept.
//! - A failing disk under COMMIT ends the process: what is in memory and on disk may differ from then on.
//!
//! The channel is bounded: a full one makes callers wait.

use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use futures::future::BoxFuture;
use sqlx::SqliteConnection;
use tokio::sync::{mpsc, oneshot};

use super::queries::{commit, journal};
use crate::clock::{Clock, Steady, Timestamp};
use crate::store::errors;
use crate::store::signal::Signals;
use crate::store::{Accepted, Commit, Committed, CursorMove, NewArrival, Queue, StoreError, StoreResult, Times};

/// Commands waiting at most.
pub(super) const QUEUE: usize = 1024;
/// Commands of one transaction at most.
const GROUP: usize = 256;

/// Work inside the group's transaction; the second half answers once its fate is known.
pub(super) trait Call: Send {
    /// Runs; true when it may be committed.
    fn run<'c>(&'c mut self, conn: &'c mut SqliteConnection, now: Times) -> BoxFuture<'c, StoreResult<()>>;
    /// Tells the caller.
    fn answer(self: Box<Self>, fate: StoreResult<()>);
}

/// What callers ask of the writer.
pub(super) enum Command {
    /// Journal arrivals.
    Accept(Accept),
    /// Write decisions.
    Commit(Decide),
    /// Anything else.
    Call(Box<dyn Call>),
    /// Checkpoint and end.
    Close(oneshot::Sender<()>),
}

/// Arrivals of one caller.
pub(super) struct Accept {
    pub(super) arrivals: Vec<NewArrival>,
    pub(super) cursor: Option<CursorMove>,
    pub(super) reply: oneshot::Sender<StoreResult<Vec<Accepted>>>,
}

/// Decisions of one caller.
pub(super) struct Decide {
    pub(super) commits: Vec<Commit>,
    pub(super) reply: oneshot::Sender<StoreResult<Vec<Committed>>>,
}

/// One caller's answer, ready to be sent.
type Answer = Box<dyn FnOnce(StoreResult<()>) + Send>;

/// The writer.
pub(super) struct Writer {
    pub(super) home: Home,
    pub(super) conn: SqliteConnection,
    pub(super) commands: mpsc::Receiver<Command>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) steady: Arc<Steady>,
    pub(super) signals: Arc<Signals>,
}

/// The file that was opened, and where it lies.
pub(super) struct Home {
    file: PathBuf,
    opened: Option<(u64, u64)>,
}

impl Home {
    /// The file at this path, just opened.
    pub(super) fn of(file: &Path) -> Self {
        Self { file: file.to_owned(), opened: identity(file) }
    }

    /// Deleted, moved or replaced, the open file is a ghost: what it takes nobody will ever read.
    fn intact(&self) -> StoreResult<()> {
        if identity(&self.file) == self.opened {
            return Ok(());
        }
        Err(StoreError::Unusable(format!(
            "the database file {} was removed or replaced under the running daemon; put it back, or restart pisteur",
            self.file.display()
        )))
    }
}

/// Device and number of a file.
fn identity(file: &Path) -> Option<(u64, u64)> {
    std::fs::metadata(file).ok().map(|m| (m.dev(), m.ino()))
}

/// A group being written.
#[derive(Default)]
struct Group {
    answers: Vec<Answer>,
    process: usize,
    deliver: usize,
}

impl Group {
    /// Counts the jobs of an accept.
    const fn made(&mut self, done: &journal::Journalled) {
        self.process = self.process.saturating_add(done.process);
        self.deliver = self.deliver.saturating_add(done.deliver);
    }
}

impl Writer {
    fn times(&self) -> Times {
        Times { wall: self.clock.now(), queue: self.steady.now() }
    }

    /// Runs until closed or until every sender is gone.
    pub(super) async fn run(mut self) {
        let mut commands = Vec::with_capacity(GROUP);
        let mut closing: Option<oneshot::Sender<()>> = None;
        while closing.is_none() && self.commands.recv_many(&mut commands, GROUP).await > 0 {
            let mut group = Vec::with_capacity(commands.len());
            for command in commands.drain(..) {
                match command {
                    Command::Close(done) => closing = Some(done),
                    other => group.push(other),
                }
            }
            if !group.is_empty() {
                self.write(group).await;
            }
        }
        if let Err(error) = close(self.conn).await {
            tracing::warn!(%error, "the database was not closed cleanly; its log is replayed at the next start");
        }
        if let Some(done) = closing {
            done.send(()).ok();
        }
    }

    /// One transaction for a group of commands.
    async fn write(&mut self, commands: Vec<Command>) {
        let (mut accepts, mut decides, mut calls) = (Vec::new(), Vec::new(), Vec::new());
        for command in commands {
            match command {
                Command::Accept(accept) => accepts.push(accept),
                Command::Commit(decide) => decides.push(decide),
                Command::Call(call) => calls.push(call),
                Command::Close(_) => {}
            }
        }
        let mut group = Group::default();
        let begun = match self.home.intact() {
            Ok(()) => self.execute("BEGIN IMMEDIATE").await,
            gone => gone,
        };
        let fate = match begun {
            Ok(()) => self.fill(&mut group, accepts, decides, calls).await,
            Err(error) => {
                refuse(accepts, decides, calls, &error);
                return;
            }
        };
        let fate = match fate {
            Ok(()) => self.commit().await.and_then(|()| self.home.intact()),
            Err(error) => {
                // The transaction may be gone already: a full disk rolls back by itself.
                self.execute("ROLLBACK").await.ok();
                Err(error)
            }
        };
        let done = fate.is_ok();
        for answer in group.answers {
            answer(fate.as_ref().copied().map_err(again));
        }
        if done {
            self.signals.wake(Queue::Process, group.process);
            self.signals.wake(Queue::Deliver, group.deliver);
        }
    }

    /// Runs every command; an error here undoes the whole group.
    async fn fill(
        &mut self,
        group: &mut Group,
        accepts: Vec<Accept>,
        decides: Vec<Decide>,
        calls: Vec<Box<dyn Call>>,
    ) -> StoreResult<()> {
        let mut fate = self.accepts(group, accepts).await;
        for decide in decides {
            fate = self.decide(group, decide, fate).await;
        }
        for call in calls {
            fate = self.call(group, call, fate).await;
        }
        fate
    }

    async fn execute(&mut self, sql: &'static str) -> StoreResult<()> {
        sqlx::query(sql).execute(&mut self.conn).await?;
        Ok(())
    }

    async fn commit(&mut self) -> StoreResult<()> {
        match sqlx::query("COMMIT").execute(&mut self.conn).await {
            Ok(_) => Ok(()),
            Err(error) if errors::is_disk_failure(&error) => end_process(&error),
            Err(error) => {
                self.execute("ROLLBACK").await.ok();
                Err(error.into())
            }
        }
    }

    /// Accepts without a cursor as one batch; those with one, and those of a batch that failed, one by one.
    async fn accepts(&mut self, group: &mut Group, accepts: Vec<Accept>) -> StoreResult<()> {
        let (single, batch): (Vec<_>, Vec<_>) = accepts.into_iter().partition(|a| a.cursor.is_some());
        let now = self.times();
        let mut fate = Ok(());
        let mut rest = single;
        if batch.len() > 1 {
            let arrivals: Vec<&NewArrival> = batch.iter().flat_map(|a| &a.arrivals).collect();
            let result = self.under_savepoint(async |conn| journal::accept(conn, &arrivals, false, now).await).await;
            match result {
                Ok(done) => {
                    group.made(&done);
                    let mut answers = done.answers.into_iter();
                    for accept in batch {
                        let mine: Vec<Accepted> = answers.by_ref().take(accept.arrivals.len()).collect();
                        group.answers.push(Box::new(move |fate| reply(accept.reply, fate.map(|()| mine))));
                    }
                }
                Err(error) if errors::ends_transaction(&error) => {
                    fate = Err(again(&error));
                    group.answers.extend(batch.into_iter().map(|a| refused(a.reply)));
                }
                Err(_) => rest.extend(batch),
            }
        } else {
            rest.extend(batch);
        }
        for accept in rest {
            fate = self.accept(group, accept, fate, now).await;
        }
        fate
    }

    async fn accept(
        &mut self,
        group: &mut Group,
        accept: Accept,
        fate: StoreResult<()>,
        now: Times,
    ) -> StoreResult<()> {
        if fate.is_err() {
            group.answers.push(refused(accept.reply));
            return fate;
        }
        let Accept { arrivals, cursor, reply: sender } = accept;
        let arrivals: Vec<&NewArrival> = arrivals.iter().collect();
        let result = self
            .under_savepoint(async |conn| {
                if let Some(cursor) = &cursor {
                    journal::move_cursor(conn, cursor).await?;
                }
                let mark = cursor.as_ref().is_some_and(|c| c.mark_repeats);
                journal::accept(conn, &arrivals, mark, now).await
            })
            .await;
        let ended = ended(&result);
        if let Ok(done) = &result {
            group.made(done);
        }
        group.answers.push(Box::new(move |fate| reply(sender, fate.and(result.map(|done| done.answers)))));
        ended
    }

    async fn decide(&mut self, group: &mut Group, decide: Decide, fate: StoreResult<()>) -> StoreResult<()> {
        let Decide { commits, reply: sender } = decide;
        if fate.is_err() {
            group.answers.push(refused(sender));
            return fate;
        }
        let all: Vec<&Commit> = commits.iter().collect();
        let due = self.steady.now();
        let result = match self.under_savepoint(async |conn| commit::commit(conn, &all, due).await).await {
            Err(error) if !errors::ends_transaction(&error) => self.one_by_one(&all, due).await,
            result => result,
        };
        let ended = ended(&result);
        if let Ok((_, made)) = &result {
            group.deliver = group.deliver.saturating_add(*made);
        }
        group.answers.push(Box::new(move |fate| reply(sender, fate.and(result.map(|(answers, _)| answers)))));
        ended
    }

    /// Each decision alone, after the batch as a whole was refused.
    async fn one_by_one(&mut self, commits: &[&Commit], due: Timestamp) -> StoreResult<(Vec<Committed>, usize)> {
        let (mut answers, mut effects) = (Vec::with_capacity(commits.len()), 0_usize);
        for one in commits {
            match self.under_savepoint(async |conn| commit::commit(conn, &[*one], due).await).await {
                Ok((answer, made)) => {
                    answers.extend(answer);
                    effects = effects.saturating_add(made);
                }
                Err(error) if errors::ends_transaction(&error) => return Err(error),
                Err(error) => answers.push(Committed::Refused { error: error.to_string() }),
            }
        }
        Ok((answers, effects))
    }

    async fn call(&mut self, group: &mut Group, mut call: Box<dyn Call>, fate: StoreResult<()>) -> StoreResult<()> {
        if fate.is_err() {
            group.answers.push(Box::new(move |fate| call.answer(fate)));
            return fate;
        }
        let now = self.times();
        let result = self.under_savepoint(async |conn| call.run(conn, now).await).await;
        let ended = ended(&result);
        group.answers.push(Box::new(move |fate| call.answer(fate.and(result))));
        ended
    }

    /// Runs `work`; what it wrote is undone when it fails.
    async fn under_savepoint<T>(
        &mut self,
        work: impl AsyncFnOnce(&mut SqliteConnection) -> StoreResult<T>,
    ) -> StoreResult<T> {
        self.execute("SAVEPOINT command").await?;
        let result = work(&mut self.conn).await;
        match &result {
            Ok(_) => self.execute("RELEASE command").await?,
            Err(error) if errors::ends_transaction(error) => {}
            Err(_) => self.execute("ROLLBACK TO command; RELEASE command").await?,
        }
        result
    }
}

/// Whether a result ends the group.
fn ended<T>(result: &StoreResult<T>) -> StoreResult<()> {
    match result {
        Err(error) if errors::ends_transaction(error) => Err(again(error)),
        _ => Ok(()),
    }
}

fn reply<T>(sender: oneshot::Sender<StoreResult<T>>, result: StoreResult<T>) {
    // A caller that hung up loses only the answer.
    sender.send(result).ok();
}

/// The answer of a command that did not run because the group failed before it.
fn refused<T: Send + 'static>(sender: oneshot::Sender<StoreResult<T>>) -> Answer {
    Box::new(move |fate| {
        if let Err(error) = fate {
            reply(sender, Err(error));
        }
    })
}

fn refuse(accepts: Vec<Accept>, decides: Vec<Decide>, calls: Vec<Box<dyn Call>>, error: &StoreError) {
    for accept in accepts {
        reply(accept.reply, Err(again(error)));
    }
    for decide in decides {
        reply(decide.reply, Err(again(error)));
    }
    for call in calls {
        call.answer(Err(again(error)));
    }
}

/// The same error for one more caller.
fn again(error: &StoreError) -> StoreError {
    match error {
        StoreError::Full(text) => StoreError::Full(text.clone()),
        StoreError::Unusable(text) => StoreError::Unusable(text.clone()),
        StoreError::Fenced(job) => StoreError::Fenced(*job),
        StoreError::Newer { found, known } => StoreError::Newer { found: *found, known: *known },
        StoreError::Away(source) => StoreError::Away(source.to_string().into()),
        StoreError::Busy(source) => StoreError::Busy(source.to_string().into()),
        StoreError::Other(source) => StoreError::Other(source.to_string().into()),
    }
}

/// Checkpoints, so that the next start has nothing to replay.
async fn close(mut conn: SqliteConnection) -> Result<(), sqlx::Error> {
    use sqlx::Connection as _;
    sqlx::query("PRAGMA wal_checkpoint(TRUNCATE)").fetch_all(&mut conn).await?;
    conn.close().await
}

fn end_process(error: &sqlx::Error) -> ! {
    tracing::error!(
        %error,
        "the disk failed while the database was being written; pisteur stops so that nothing is acknowledged that is \
         not on disk: check the disk, then start again"
    );
    std::process::exit(2)
}
